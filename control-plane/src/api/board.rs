//! `/v1/board/columns` and `/v1/channel-chips`: the columns that conversations move through, and in which of them those begin that
//! come through a channel.

use super::{
    body::{Body, Check, Patch},
    crud::{self, Form, Reference},
    etag::Preconditions,
    item::{Item, Named},
    need::{ContactsRead, InboxManage},
    once::Stop,
    op::Op,
    page::{All, List, Page, PageParams},
    path::PathId,
    schema,
};
use crate::{
    problem::{Code, Faults, Problem},
    shared::Shared,
};
use axum::{Json, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{
    Filter, Page as Part, Table,
    ids::{BoardColumnId, ChannelChipId},
    model::{
        inbox::{BoardColumn, ChannelChip},
        outgoing_counts::ConversationFilter,
    },
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Chips of a tenant: one for each channel and provider.
const CHIPS: u16 = 200;

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(list_columns, create_column))
        .routes(routes!(read_column, update_column, delete_column))
        .routes(routes!(list_chips, create_chip))
        .routes(routes!(read_chip, update_chip, delete_chip))
}

/// A column of the board.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BoardColumnForm {
    /// For people; no two columns have the same.
    #[schema(min_length = 1, max_length = 100, example = "New")]
    name: String,
    /// From left to right. Conversations begin in the first unless their channel says otherwise.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 10_000, default = 0)]
    position: i32,
}

/// Where on the board conversations begin that come through a channel.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChannelChipForm {
    /// The channel and who carries it, such as `sms_twilio`, `whatsapp_whapi`, or `email_inbox`; no two chips have the same.
    #[schema(min_length = 1, max_length = 100, example = "sms_twilio")]
    channel_id: String,
    /// For people.
    #[schema(min_length = 1, max_length = 100, example = "Text messages")]
    name: String,
    /// The column; `null`: the first.
    #[serde(default)]
    #[schema(schema_with = schema::optional_id::<BoardColumnId>)]
    default_entry_column_id: Option<BoardColumnId>,
    /// Whether it counts; one that does not is as if it were not there.
    #[serde(default = "yes")]
    #[schema(default = yes)]
    is_active: bool,
}

const fn yes() -> bool {
    true
}

type BoardColumnItem = Item<BoardColumnForm>;
type BoardColumnPatch = Patch<BoardColumnForm>;
type ChannelChipItem = Item<ChannelChipForm>;
type ChannelChipPatch = Patch<ChannelChipForm>;

impl Named for BoardColumnForm {
    const NAME: &'static str = "BoardColumn";
}

impl Named for ChannelChipForm {
    const NAME: &'static str = "ChannelChip";
}

impl Check for BoardColumnForm {
    fn check(&self, faults: &mut Faults) {
        faults.text("name", &self.name, 1, 100);
        faults.number("position", self.position, 0, 10_000);
    }
}

impl Check for ChannelChipForm {
    fn check(&self, faults: &mut Faults) {
        faults.text("channel_id", &self.channel_id, 1, 100);
        faults.text("name", &self.name, 1, 100);
    }
}

impl Form for BoardColumnForm {
    type Resource = BoardColumn;
    const PATH: &'static str = "/v1/board/columns";

    fn of(column: BoardColumn) -> Self {
        Self { name: column.name, position: column.position }
    }

    fn into_resource(self, _: Option<BoardColumn>) -> BoardColumn {
        BoardColumn { name: self.name, position: self.position }
    }
}

impl Form for ChannelChipForm {
    type Resource = ChannelChip;
    const PATH: &'static str = "/v1/channel-chips";

    fn of(chip: ChannelChip) -> Self {
        Self {
            channel_id: chip.channel_id,
            name: chip.name,
            default_entry_column_id: chip.default_entry_column_id,
            is_active: chip.is_active,
        }
    }

    fn into_resource(self, _: Option<ChannelChip>) -> ChannelChip {
        ChannelChip {
            channel_id: self.channel_id,
            name: self.name,
            default_entry_column_id: self.default_entry_column_id,
            is_active: self.is_active,
        }
    }

    fn references(&self) -> Vec<Reference> {
        let column = self.default_entry_column_id.iter();
        column.map(|id| Reference::new("/default_entry_column_id", Table::BoardColumns, id)).collect()
    }
}

/// Lists the columns, newest first; `position` says where each stands.
#[utoipa::path(
    get, path = "/v1/board/columns", tag = "Inbox", security(("bearer" = ["contacts:read"])), params(PageParams),
    responses((status = 200, description = "A page of them", body = Page<BoardColumnItem>)),
)]
async fn list_columns(op: Op<ContactsRead>, list: List<All>) -> Result<Json<Page<BoardColumnItem>>, Problem> {
    crud::list(&op, &list, |filter| filter, BoardColumnForm::of).await
}

/// Adds a column.
#[utoipa::path(
    post, path = "/v1/board/columns", tag = "Inbox", security(("bearer" = ["inbox:manage"])),
    request_body = BoardColumnForm,
    responses((status = 201, description = "It is there", body = BoardColumnItem)),
)]
async fn create_column(op: Op<InboxManage>, body: Body<BoardColumnForm>) -> Result<Response, Stop> {
    crud::create(&op, body, BoardColumnForm::of).await
}

/// Reads a column.
#[utoipa::path(
    get, path = "/v1/board/columns/{id}", tag = "Inbox", security(("bearer" = ["contacts:read"])),
    params(("id" = String, Path, description = "`col_…`")),
    responses((status = 200, description = "The column", body = BoardColumnItem), (status = 304, description = "As it is known")),
)]
async fn read_column(
    op: Op<ContactsRead>,
    PathId(id): PathId<BoardColumnId>,
    known: Preconditions,
) -> Result<Response, Problem> {
    crud::read(&op, &id, &known, BoardColumnForm::of).await
}

/// Changes a column.
#[utoipa::path(
    patch, path = "/v1/board/columns/{id}", tag = "Inbox", security(("bearer" = ["inbox:manage"])),
    params(("id" = String, Path, description = "`col_…`")), request_body = BoardColumnPatch,
    responses((status = 200, description = "As it is now", body = BoardColumnItem)),
)]
async fn update_column(
    op: Op<InboxManage>,
    PathId(id): PathId<BoardColumnId>,
    known: Preconditions,
    patch: BoardColumnPatch,
) -> Result<Response, Problem> {
    crud::patch(&op, &id, &known, &patch, BoardColumnForm::of).await
}

/// Deletes a column, in which there must be no conversation, and in which none may begin.
#[utoipa::path(
    delete, path = "/v1/board/columns/{id}", tag = "Inbox", security(("bearer" = ["inbox:manage"])),
    params(("id" = String, Path, description = "`col_…`")),
    responses((status = 204, description = "It is gone")),
)]
async fn delete_column(
    op: Op<InboxManage>,
    PathId(id): PathId<BoardColumnId>,
    known: Preconditions,
) -> Result<StatusCode, Problem> {
    let within = ConversationFilter { column: Some(id.clone()), ..ConversationFilter::default() };
    if !op.store.conversations(&within, &Part { after: None, limit: 1 }).await?.is_empty() {
        return Err(Problem::new(Code::Conflict, "there are conversations in it"));
    }
    let chips = op.store.list::<ChannelChip>(&Filter::first(CHIPS)).await?;
    if chips.iter().any(|chip| chip.value.default_entry_column_id.as_ref() == Some(&id)) {
        return Err(Problem::new(Code::Conflict, "conversations of a channel begin in it"));
    }
    crud::delete::<_, BoardColumn>(&op, &id, &known).await
}

/// Lists the chips, newest first.
#[utoipa::path(
    get, path = "/v1/channel-chips", tag = "Inbox", security(("bearer" = ["contacts:read"])), params(PageParams),
    responses((status = 200, description = "A page of them", body = Page<ChannelChipItem>)),
)]
async fn list_chips(op: Op<ContactsRead>, list: List<All>) -> Result<Json<Page<ChannelChipItem>>, Problem> {
    crud::list(&op, &list, |filter| filter, ChannelChipForm::of).await
}

/// Adds a chip.
#[utoipa::path(
    post, path = "/v1/channel-chips", tag = "Inbox", security(("bearer" = ["inbox:manage"])),
    request_body = ChannelChipForm,
    responses((status = 201, description = "It is there", body = ChannelChipItem)),
)]
async fn create_chip(op: Op<InboxManage>, body: Body<ChannelChipForm>) -> Result<Response, Stop> {
    crud::create(&op, body, ChannelChipForm::of).await
}

/// Reads a chip.
#[utoipa::path(
    get, path = "/v1/channel-chips/{id}", tag = "Inbox", security(("bearer" = ["contacts:read"])),
    params(("id" = String, Path, description = "`chip_…`")),
    responses((status = 200, description = "The chip", body = ChannelChipItem), (status = 304, description = "As it is known")),
)]
async fn read_chip(
    op: Op<ContactsRead>,
    PathId(id): PathId<ChannelChipId>,
    known: Preconditions,
) -> Result<Response, Problem> {
    crud::read(&op, &id, &known, ChannelChipForm::of).await
}

/// Changes a chip.
#[utoipa::path(
    patch, path = "/v1/channel-chips/{id}", tag = "Inbox", security(("bearer" = ["inbox:manage"])),
    params(("id" = String, Path, description = "`chip_…`")), request_body = ChannelChipPatch,
    responses((status = 200, description = "As it is now", body = ChannelChipItem)),
)]
async fn update_chip(
    op: Op<InboxManage>,
    PathId(id): PathId<ChannelChipId>,
    known: Preconditions,
    patch: ChannelChipPatch,
) -> Result<Response, Problem> {
    crud::patch(&op, &id, &known, &patch, ChannelChipForm::of).await
}

/// Deletes a chip: conversations of its channel begin in the first column.
#[utoipa::path(
    delete, path = "/v1/channel-chips/{id}", tag = "Inbox", security(("bearer" = ["inbox:manage"])),
    params(("id" = String, Path, description = "`chip_…`")),
    responses((status = 204, description = "It is gone")),
)]
async fn delete_chip(
    op: Op<InboxManage>,
    PathId(id): PathId<ChannelChipId>,
    known: Preconditions,
) -> Result<StatusCode, Problem> {
    crud::delete::<_, ChannelChip>(&op, &id, &known).await
}
