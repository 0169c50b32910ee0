//! `/v1/conversations` and the reading of `/v1/messages`: what is written and said with people, who answers, and whose it is.

mod form;
mod hands;
mod search;
mod view;

use super::{
    body::Patch,
    crud,
    etag::Preconditions,
    item::Item,
    need::{ContactsRead, InboxWork},
    op::Op,
    page::{List, Page, PageParams, foreign_cursor},
    path::PathId,
    phone,
};
use crate::{
    contacts::with_address,
    inbox::{
        assign,
        control::{self, Change},
        due_at,
    },
    problem::Problem,
    shared::Shared,
};
use axum::{Json, response::Response};
use form::{ConversationForm, ConversationParams, MessageParams};
use std::sync::Arc;
use store::{
    Filter, Page as Part, StoreError, Stored,
    ids::{ConversationId, MessageId},
    model::{
        contact::AddressKind,
        message::{Conversation, ConversationStatus},
        outgoing_counts::ConversationFilter,
    },
};
use utoipa_axum::{router::OpenApiRouter, routes};
use view::ConversationView;
pub(super) use view::MessageView;

/// Two who change one conversation at once are already unusual.
const ATTEMPTS: usize = 8;

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(list_conversations))
        .routes(routes!(read_conversation, update_conversation))
        .merge(hands::routes())
        .routes(routes!(list_messages))
        .routes(routes!(read_message))
}

type ConversationItem = Item<ConversationView>;
type ConversationPatch = Patch<ConversationForm>;
pub(super) type MessageItem = Item<MessageView>;

/// Lists the conversations, those with the latest activity first, or finds that with whoever has an address.
#[utoipa::path(
    get, path = "/v1/conversations", tag = "Conversations", security(("bearer" = ["contacts:read"])),
    params(PageParams, ConversationParams),
    responses((status = 200, description = "A page of them", body = Page<ConversationItem>)),
)]
async fn list_conversations(
    op: Op<ContactsRead>,
    list: List<ConversationParams>,
) -> Result<Json<Page<ConversationItem>>, Problem> {
    let params = list.filter.clone();
    let phone = params.phone.map(|phone| (AddressKind::Phone, phone::of_person(phone)));
    let email = params.email.map(|email| (AddressKind::Email, email.to_lowercase()));
    let view = |row: Stored<Conversation>| Item::of(row, ConversationView::of);
    if let Some((kind, address)) = phone.or(email) {
        let mut rows = with(&op, &list, kind, &address).await?;
        rows.retain(|row| {
            params.status.is_none_or(|status| row.value.status == status)
                && params.assignee.as_ref().is_none_or(|user| row.value.assignee.as_ref() == Some(user))
                && params.column.as_ref().is_none_or(|column| row.value.column.as_ref() == Some(column))
                && (params.unassigned != Some(true) || row.value.assignee.is_none())
        });
        return Ok(Json(list.page_of(rows, view)));
    }
    let filter = ConversationFilter {
        status: params.status,
        assignee: params.assignee,
        unassigned: params.unassigned == Some(true),
        column: params.column,
    };
    let page = Part { after: list.position().map(activity).transpose()?, limit: list.one_more() };
    let rows = op.store.conversations(&filter, &page).await?;
    let rows: Vec<Stored<Conversation>> = rows.into_iter().map(Stored::read).collect::<Result<_, _>>()?;
    Ok(Json(list.page(rows, |row| format!("{} {}", row.value.last_message_at, row.id), view)))
}

/// Where a page of conversations ended: the time of the last one's activity, and its id.
fn activity(position: &str) -> Result<(i64, store::CallId), Problem> {
    let (at, id) = position.split_once(' ').ok_or_else(foreign_cursor)?;
    let id = ConversationId::parse(id).map_err(|_| foreign_cursor())?;
    Ok((at.parse().map_err(|_| foreign_cursor())?, store::CallId::known(id.as_str())))
}

/// The conversations with whoever has an address: one, and those of before there was one for each contact.
async fn with(
    op: &Op<ContactsRead>,
    list: &List<ConversationParams>,
    kind: AddressKind,
    address: &str,
) -> Result<Vec<Stored<Conversation>>, Problem> {
    let mut rows = op.store.list::<Conversation>(&list.resources::<Conversation>()?.of(address)).await?;
    if list.position().is_none()
        && let Some(contact) = with_address(&*op.store, kind, address).await?
        && let Some(row) = op.store.find::<Conversation>(contact.id.as_str()).await?
        && rows.iter().all(|known| known.id != row.id)
    {
        rows.insert(0, row);
    }
    Ok(rows)
}

/// Reads a conversation.
#[utoipa::path(
    get, path = "/v1/conversations/{id}", tag = "Conversations", security(("bearer" = ["contacts:read"])),
    params(("id" = String, Path, description = "`cnv_…`")),
    responses(
        (status = 200, description = "The conversation", body = ConversationItem),
        (status = 304, description = "As it is known"),
    ),
)]
async fn read_conversation(
    op: Op<ContactsRead>,
    PathId(id): PathId<ConversationId>,
    known: Preconditions,
) -> Result<Response, Problem> {
    crud::read(&op, &id, &known, ConversationView::of).await
}

/// Changes a conversation: whose it is, where on the board, whether there is something to do, whether it was read.
#[utoipa::path(
    patch, path = "/v1/conversations/{id}", tag = "Conversations", security(("bearer" = ["inbox:work"])),
    params(("id" = String, Path, description = "`cnv_…`")), request_body = ConversationPatch,
    responses((status = 200, description = "As it is now", body = ConversationItem)),
)]
async fn update_conversation(
    op: Op<InboxWork>,
    PathId(id): PathId<ConversationId>,
    known: Preconditions,
    patch: ConversationPatch,
) -> Result<Response, Problem> {
    let mut tx = op.begin().await?;
    let row = crud::current::<Conversation>(&mut *tx, &id, &known).await?;
    let (before, epoch) = (ConversationForm::of(&row.value), row.value.epoch);
    let form = patch.apply(&before)?;
    crud::check_references(&mut *tx, &form.references(&before)).await?;
    let changed = set(&mut *tx, row, &before, form).await?;
    tx.commit().await?;
    if changed.value.epoch == epoch {
        assign::drain(&*op.store).await;
    } else {
        hands::afterwards(&op, &changed, None).await;
    }
    // It may have been given to somebody at once.
    let shown = op.store.get::<Conversation>(&id).await?.unwrap_or(changed);
    Ok(crud::shown(shown, ConversationView::of))
}

async fn set(
    tx: &mut (dyn store::TenantTx + 'static),
    row: Stored<Conversation>,
    before: &ConversationForm,
    form: ConversationForm,
) -> Result<Stored<Conversation>, StoreError> {
    let details = serde_json::json!({ "before": before, "after": &form });
    tx.note("conversation.update", row.id.as_str(), &details).await?;
    let closes = form.status == ConversationStatus::Closed && before.status == ConversationStatus::Open;
    // Somebody who waits has a time from when the team that answers is known.
    let waits = row.value.answer_due_at.is_none() && row.value.unread > 0 && form.team != before.team;
    let due = if waits { due_at(tx, form.team.as_ref()).await? } else { row.value.answer_due_at };
    let unread = if form.read { 0 } else { row.value.unread.max(1) };
    let row = if closes && row.value.control != store::model::message::Control::Assistant {
        // There is nothing to answer: the newest message is not looked at again.
        control::change(tx, row, &Change::Release).await?
    } else {
        row
    };
    let changed = Conversation {
        status: form.status,
        assignee: form.assignee,
        team: form.team,
        column: form.column,
        unread,
        answer_due_at: due.filter(|_| !closes),
        ..row.value
    };
    control::keep(tx, &row.id, row.version, changed).await
}

/// Lists the messages, newest first, or those in which something is written.
#[utoipa::path(
    get, path = "/v1/messages", tag = "Conversations", security(("bearer" = ["contacts:read"])),
    params(PageParams, MessageParams),
    responses((status = 200, description = "A page of them", body = Page<MessageItem>)),
)]
async fn list_messages(
    op: Op<ContactsRead>,
    list: List<MessageParams>,
) -> Result<Json<Page<MessageItem>>, Problem> {
    if let Some(text) = &list.filter.text {
        return search::search(&op, &list, text).await.map(Json);
    }
    let narrow = |filter: Filter| match &list.filter.conversation {
        Some(conversation) => filter.of(conversation.as_str()),
        None => filter,
    };
    crud::list(&op, &list, narrow, |message| MessageView::of(message, &op.shared.files)).await
}

/// Reads a message.
#[utoipa::path(
    get, path = "/v1/messages/{id}", tag = "Conversations", security(("bearer" = ["contacts:read"])),
    params(("id" = String, Path, description = "`msg_…`")),
    responses((status = 200, description = "The message", body = MessageItem), (status = 304, description = "As it is known")),
)]
async fn read_message(
    op: Op<ContactsRead>,
    PathId(id): PathId<MessageId>,
    known: Preconditions,
) -> Result<Response, Problem> {
    crud::read(&op, &id, &known, |message| MessageView::of(message, &op.shared.files)).await
}
