//! `/v1/voicemails`: messages that callers left.

use super::{
    body::{Check, Patch},
    crud,
    etag::Preconditions,
    item::{Item, Named},
    need::{VoicemailsManage, VoicemailsRead},
    op::Op,
    page::{List, Page, PageParams},
    path::PathId,
    schema,
};
use crate::{
    problem::{Faults, Problem},
    shared::Shared,
};
use axum::{Json, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{
    CallId,
    ids::VoicemailId,
    model::queue::{Voicemail, VoicemailStatus},
};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default().routes(routes!(list_voicemails)).routes(routes!(
        read_voicemail,
        mark_voicemail,
        delete_voicemail
    ))
}

type VoicemailItem = Item<VoicemailView>;
type VoicemailPatch = Patch<VoicemailMark>;

/// A message that a caller left.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct VoicemailView {
    /// In which call.
    #[schema(schema_with = schema::id::<CallId>)]
    call: String,
    /// On which number.
    #[schema(schema_with = schema::optional_id::<store::ids::NumberId>)]
    number: Option<String>,
    /// Who left it, as the carrier gave it: not always a number.
    #[schema(example = "+15550100")]
    from: String,
    /// The carrier's id of its recording.
    carrier_recording_id: Option<String>,
    /// Its length, in s.
    #[schema(minimum = 0)]
    duration_s: Option<i64>,
    /// What was said, where it was written down.
    transcript: Option<String>,
    /// Whether somebody heard it.
    #[schema(schema_with = schema::word::<VoicemailStatus>)]
    status: VoicemailStatus,
}

impl Named for VoicemailView {
    const NAME: &'static str = "Voicemail";
}

impl VoicemailView {
    fn of(message: Voicemail) -> Self {
        Self {
            call: message.call.to_string(),
            number: message.number.map(|id| id.to_string()),
            from: message.from,
            carrier_recording_id: message.recording_sid,
            duration_s: message.duration_s,
            transcript: message.transcript,
            status: message.status,
        }
    }
}

/// What of a message can be changed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VoicemailMark {
    /// Whether somebody heard it.
    #[schema(schema_with = schema::word::<VoicemailStatus>)]
    status: VoicemailStatus,
}

impl Named for VoicemailMark {
    const NAME: &'static str = "VoicemailMark";
}

impl Check for VoicemailMark {
    fn check(&self, _: &mut Faults) {}
}

/// Which messages to list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct VoicemailParams {
    /// In this state.
    #[param(schema_with = schema::word::<VoicemailStatus>)]
    status: Option<VoicemailStatus>,
    /// Of this call.
    #[param(schema_with = schema::id::<CallId>)]
    call: Option<CallId>,
}

/// Lists the messages that callers left, newest first.
#[utoipa::path(
    get, path = "/v1/voicemails", tag = "Voicemail", security(("bearer" = ["voicemails:read"])),
    params(PageParams, VoicemailParams),
    responses((status = 200, description = "A page of them", body = Page<VoicemailItem>)),
)]
async fn list_voicemails(
    op: Op<VoicemailsRead>,
    list: List<VoicemailParams>,
) -> Result<Json<Page<VoicemailItem>>, Problem> {
    let wanted = list.filter.clone();
    crud::list(
        &op,
        &list,
        |filter| {
            let filter = wanted.call.iter().fold(filter, |filter, call| filter.of(call.as_str()));
            wanted.status.iter().fold(filter, |filter, status| filter.with_status(status.as_str()))
        },
        VoicemailView::of,
    )
    .await
}

/// Reads a message.
#[utoipa::path(
    get, path = "/v1/voicemails/{id}", tag = "Voicemail", security(("bearer" = ["voicemails:read"])),
    params(("id" = String, Path, description = "`vm_…`")),
    responses((status = 200, description = "The message", body = VoicemailItem), (status = 304, description = "As it is known")),
)]
async fn read_voicemail(
    op: Op<VoicemailsRead>,
    PathId(id): PathId<VoicemailId>,
    known: Preconditions,
) -> Result<Response, Problem> {
    crud::read(&op, &id, &known, VoicemailView::of).await
}

/// Marks a message as new, heard or put away.
#[utoipa::path(
    patch, path = "/v1/voicemails/{id}", tag = "Voicemail", security(("bearer" = ["voicemails:manage"])),
    params(("id" = String, Path, description = "`vm_…`")), request_body = VoicemailPatch,
    responses((status = 200, description = "As it is now", body = VoicemailItem)),
)]
async fn mark_voicemail(
    op: Op<VoicemailsManage>,
    PathId(id): PathId<VoicemailId>,
    known: Preconditions,
    patch: VoicemailPatch,
) -> Result<Response, Problem> {
    let mut tx = op.begin().await?;
    let row = crud::current::<Voicemail>(&mut *tx, &id, &known).await?;
    let mark = patch.apply(&VoicemailMark { status: row.value.status })?;
    let changed = tx.update(&id, row.version, Voicemail { status: mark.status, ..row.value }).await?;
    tx.commit().await?;
    Ok(crud::shown(changed, VoicemailView::of))
}

/// Deletes a message with what was written down of it.
///
/// What was recorded is a recording of its call, and is deleted as such.
#[utoipa::path(
    delete, path = "/v1/voicemails/{id}", tag = "Voicemail", security(("bearer" = ["voicemails:manage"])),
    params(("id" = String, Path, description = "`vm_…`")),
    responses((status = 204, description = "It is gone")),
)]
async fn delete_voicemail(
    op: Op<VoicemailsManage>,
    PathId(id): PathId<VoicemailId>,
    known: Preconditions,
) -> Result<StatusCode, Problem> {
    crud::delete::<_, Voicemail>(&op, &id, &known).await
}
