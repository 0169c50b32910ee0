//! `/v1/canned-replies`: answers that operators send often, found by a shortcut.

use super::{
    body::{Body, Check, Patch},
    crud::{self, Form},
    etag::Preconditions,
    item::{Item, Named},
    need::{ContactsRead, InboxWork},
    once::Stop,
    op::Op,
    page::{All, List, Page, PageParams},
    path::PathId,
};
use crate::{
    problem::{Faults, Problem},
    shared::Shared,
};
use axum::{Json, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{ids::CannedReplyId, model::inbox::CannedReply};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default().routes(routes!(list_canned_replies, create_canned_reply)).routes(routes!(
        read_canned_reply,
        update_canned_reply,
        delete_canned_reply
    ))
}

/// An answer that operators send often.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CannedReplyForm {
    /// What it is found by; no two have the same.
    #[schema(min_length = 1, max_length = 64, example = "hours")]
    shortcut: String,
    /// What is written.
    #[schema(min_length = 1, max_length = 10_000, example = "We are open on weekdays from nine to five.")]
    text: String,
}

type CannedReplyItem = Item<CannedReplyForm>;
type CannedReplyPatch = Patch<CannedReplyForm>;

impl Named for CannedReplyForm {
    const NAME: &'static str = "CannedReply";
}

impl Check for CannedReplyForm {
    fn check(&self, faults: &mut Faults) {
        faults.text("shortcut", &self.shortcut, 1, 64);
        faults.text("text", &self.text, 1, 10_000);
    }
}

impl Form for CannedReplyForm {
    type Resource = CannedReply;
    const PATH: &'static str = "/v1/canned-replies";

    fn of(reply: CannedReply) -> Self {
        Self { shortcut: reply.shortcut, text: reply.text }
    }

    fn into_resource(self, _: Option<CannedReply>) -> CannedReply {
        CannedReply { shortcut: self.shortcut, text: self.text }
    }
}

/// Lists the canned replies, newest first.
#[utoipa::path(
    get, path = "/v1/canned-replies", tag = "Inbox", security(("bearer" = ["contacts:read"])), params(PageParams),
    responses((status = 200, description = "A page of them", body = Page<CannedReplyItem>)),
)]
async fn list_canned_replies(
    op: Op<ContactsRead>,
    list: List<All>,
) -> Result<Json<Page<CannedReplyItem>>, Problem> {
    crud::list(&op, &list, |filter| filter, CannedReplyForm::of).await
}

/// Adds a canned reply.
#[utoipa::path(
    post, path = "/v1/canned-replies", tag = "Inbox", security(("bearer" = ["inbox:work"])),
    request_body = CannedReplyForm,
    responses((status = 201, description = "It is there", body = CannedReplyItem)),
)]
async fn create_canned_reply(op: Op<InboxWork>, body: Body<CannedReplyForm>) -> Result<Response, Stop> {
    crud::create(&op, body, CannedReplyForm::of).await
}

/// Reads a canned reply.
#[utoipa::path(
    get, path = "/v1/canned-replies/{id}", tag = "Inbox", security(("bearer" = ["contacts:read"])),
    params(("id" = String, Path, description = "`cnr_…`")),
    responses((status = 200, description = "It", body = CannedReplyItem), (status = 304, description = "As it is known")),
)]
async fn read_canned_reply(
    op: Op<ContactsRead>,
    PathId(id): PathId<CannedReplyId>,
    known: Preconditions,
) -> Result<Response, Problem> {
    crud::read(&op, &id, &known, CannedReplyForm::of).await
}

/// Changes a canned reply.
#[utoipa::path(
    patch, path = "/v1/canned-replies/{id}", tag = "Inbox", security(("bearer" = ["inbox:work"])),
    params(("id" = String, Path, description = "`cnr_…`")), request_body = CannedReplyPatch,
    responses((status = 200, description = "As it is now", body = CannedReplyItem)),
)]
async fn update_canned_reply(
    op: Op<InboxWork>,
    PathId(id): PathId<CannedReplyId>,
    known: Preconditions,
    patch: CannedReplyPatch,
) -> Result<Response, Problem> {
    crud::patch(&op, &id, &known, &patch, CannedReplyForm::of).await
}

/// Deletes a canned reply.
#[utoipa::path(
    delete, path = "/v1/canned-replies/{id}", tag = "Inbox", security(("bearer" = ["inbox:work"])),
    params(("id" = String, Path, description = "`cnr_…`")),
    responses((status = 204, description = "It is gone")),
)]
async fn delete_canned_reply(
    op: Op<InboxWork>,
    PathId(id): PathId<CannedReplyId>,
    known: Preconditions,
) -> Result<StatusCode, Problem> {
    crud::delete::<_, CannedReply>(&op, &id, &known).await
}
