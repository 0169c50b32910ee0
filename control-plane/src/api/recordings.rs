//! `/v1/recordings`: what is recorded, links to it, and its end.

use super::{
    body::{Check, Empty, Patch},
    crud,
    etag::Preconditions,
    item::{Item, Named},
    need::{RecordingsManage, RecordingsRead},
    once::{Answer, Stop},
    op::Op,
    page::{List, Page, PageParams},
    path::PathId,
    recording::stored_key,
    schema,
};
use crate::{
    clock::{now_us, rfc3339},
    problem::{Code, Faults, Problem},
    recordings::{RETENTION, row, schedule},
    shared::Shared,
};
use axum::{Json, http::StatusCode, response::Response};
use jiff::Timestamp;
use objects::Link;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use store::{
    CallId,
    ids::RecordingId,
    model::{
        recording::{Recording, RecordingPlace, RecordingSource, RecordingStatus},
        tenant::{RecordingSettings, Tenant},
        work::WorkKind,
    },
};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(list_recordings))
        .routes(routes!(read_recording_row, update_recording, delete_recording))
        .routes(routes!(link_recording))
        .routes(routes!(apply_retention))
}

/// What is known of a recording.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RecordingView {
    /// Of which call.
    #[schema(value_type = String)]
    call: CallId,
    /// Who made it.
    #[schema(schema_with = schema::word::<RecordingSource>)]
    source: RecordingSource,
    /// How far it has come.
    #[schema(schema_with = schema::word::<RecordingStatus>)]
    status: RecordingStatus,
    /// In what kind of place it stays.
    #[schema(schema_with = schema::word::<RecordingPlace>)]
    place: RecordingPlace,
    /// Media type.
    #[schema(example = "audio/ogg")]
    media_type: String,
    /// 1 or 2.
    channels: u8,
    /// Its length, in ms.
    duration_ms: Option<i64>,
    /// Its size, in bytes.
    bytes: Option<i64>,
    /// SHA-256 of the file, in hexadecimal.
    sha256: Option<String>,
    /// It is not deleted while this is set.
    legal_hold: bool,
    /// It is deleted after this time.
    #[schema(format = DateTime)]
    delete_after: Option<String>,
    /// Why the last try to move it failed.
    error: Option<String>,
}

impl From<Recording> for RecordingView {
    fn from(recording: Recording) -> Self {
        Self {
            call: recording.call,
            source: recording.source,
            status: recording.status,
            place: recording.place,
            media_type: recording.media_type,
            channels: recording.channels,
            duration_ms: recording.duration_ms,
            bytes: recording.bytes,
            sha256: recording.sha256,
            legal_hold: recording.legal_hold,
            delete_after: recording.delete_after.map(rfc3339),
            error: recording.error,
        }
    }
}

impl Named for RecordingView {
    const NAME: &'static str = "Recording";
}

/// What of a recording can be set.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordingForm {
    /// It is not deleted while this is set, whatever its retention says.
    legal_hold: bool,
}

impl Named for RecordingForm {
    const NAME: &'static str = "RecordingSettings";
}

impl Check for RecordingForm {
    fn check(&self, _: &mut Faults) {}
}

type RecordingItem = Item<RecordingView>;
type RecordingPatch = Patch<RecordingForm>;

/// Which recordings to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RecordingParams {
    /// Of this call.
    #[param(value_type = Option<String>)]
    call: Option<CallId>,
    /// That have come so far.
    #[param(schema_with = schema::word::<RecordingStatus>)]
    status: Option<RecordingStatus>,
}

/// A link to a recording.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RecordingLink {
    /// Whoever has it can read the recording until it ends.
    url: String,
    /// When it ends.
    #[schema(format = DateTime)]
    expires_at: String,
    /// Media type.
    media_type: String,
}

/// Lists the recordings, newest first.
#[utoipa::path(
    get, path = "/v1/recordings", tag = "Recordings", security(("bearer" = ["recordings:read"])),
    params(PageParams, RecordingParams),
    responses((status = 200, description = "A page of them", body = Page<RecordingItem>)),
)]
async fn list_recordings(
    op: Op<RecordingsRead>,
    list: List<RecordingParams>,
) -> Result<Json<Page<RecordingItem>>, Problem> {
    let wanted = list.filter.clone();
    let narrow = |filter: store::Filter| {
        let filter = match wanted.call {
            Some(call) => filter.of(call.as_str()),
            None => filter,
        };
        match wanted.status {
            Some(status) => filter.with_status(status.as_str()),
            None => filter,
        }
    };
    crud::list(&op, &list, narrow, |recording: Recording| RecordingView::from(recording)).await
}

/// Reads what is known of a recording.
#[utoipa::path(
    get, path = "/v1/recordings/{id}", tag = "Recordings", security(("bearer" = ["recordings:read"])),
    params(("id" = String, Path, description = "`rec_…`")),
    responses(
        (status = 200, description = "The recording", body = RecordingItem),
        (status = 304, description = "As it is known"),
    ),
)]
async fn read_recording_row(
    op: Op<RecordingsRead>,
    PathId(id): PathId<RecordingId>,
    known: Preconditions,
) -> Result<Response, Problem> {
    crud::read::<_, Recording, _>(&op, &id, &known, RecordingView::from).await
}

/// Holds a recording, or lets go of it: one whose retention is over is then deleted.
#[utoipa::path(
    patch, path = "/v1/recordings/{id}", tag = "Recordings", security(("bearer" = ["recordings:manage"])),
    params(("id" = String, Path, description = "`rec_…`")), request_body = RecordingPatch,
    responses((status = 200, description = "As it is now", body = RecordingItem)),
)]
async fn update_recording(
    op: Op<RecordingsManage>,
    PathId(id): PathId<RecordingId>,
    known: Preconditions,
    patch: RecordingPatch,
) -> Result<Response, Problem> {
    let mut tx = op.begin().await?;
    let current = crud::current::<Recording>(&mut *tx, &id, &known).await?;
    let form = patch.apply(&RecordingForm { legal_hold: current.value.legal_hold })?;
    let status = current.value.status;
    // Whoever sets a hold must not believe that it keeps what is on its way out.
    if form.legal_hold && matches!(status, RecordingStatus::Deleting | RecordingStatus::Deleted) {
        let detail = format!("the recording is {status}: it cannot be held any more");
        return Err(Problem::new(Code::Conflict, detail));
    }
    let changed = Recording { legal_hold: form.legal_hold, ..current.value };
    let changed = tx.update(&id, current.version, changed).await?;
    schedule(&mut *tx, &id).await?;
    tx.commit().await?;
    op.shared.recordings.wake();
    Ok(crud::shown(changed, RecordingView::from))
}

/// Deletes a recording, here and at the carrier. What is held, or is still being stored, is not deleted.
#[utoipa::path(
    delete, path = "/v1/recordings/{id}", tag = "Recordings", security(("bearer" = ["recordings:manage"])),
    params(("id" = String, Path, description = "`rec_…`")),
    responses((status = 202, description = "It is being deleted", body = RecordingItem)),
)]
async fn delete_recording(
    op: Op<RecordingsManage>,
    PathId(id): PathId<RecordingId>,
    known: Preconditions,
) -> Result<Response, Problem> {
    let mut tx = op.begin().await?;
    let current = crud::current::<Recording>(&mut *tx, &id, &known).await?;
    let tenant = tx.get::<Tenant>(op.tenant()).await?;
    let tenant_holds = tenant.is_some_and(|tenant| tenant.value.settings.recording.legal_hold);
    if current.value.legal_hold || tenant_holds {
        return Err(Problem::new(
            Code::Conflict,
            "the recording is held: a legal hold keeps it from being deleted",
        ));
    }
    let changed = match current.value.status {
        RecordingStatus::Recording | RecordingStatus::Pending => {
            let detail = "the recording is still being made or stored; it can be deleted once it is stored";
            return Err(Problem::new(Code::Conflict, detail));
        }
        RecordingStatus::Deleting | RecordingStatus::Deleted => current,
        RecordingStatus::Stored | RecordingStatus::Kept | RecordingStatus::Failed => {
            let deleting = Recording { status: RecordingStatus::Deleting, ..current.value };
            let changed = tx.update(&id, current.version, deleting).await?;
            schedule(&mut *tx, &id).await?;
            tx.commit().await?;
            op.shared.recordings.wake();
            changed
        }
    };
    let mut answer = crud::shown(changed, RecordingView::from);
    *answer.status_mut() = StatusCode::ACCEPTED;
    Ok(answer)
}

/// The retention is being applied.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RetentionApplied {
    /// Recordings are deleted so many days after their call; without it never.
    retention_days: Option<u32>,
    /// Nothing is deleted while this is set.
    legal_hold: bool,
}

/// Gives all stored recordings the end that the tenant's retention says now. A retention that is changed is applied by itself; this does
/// it again.
#[utoipa::path(
    post, path = "/v1/recordings/apply-retention", tag = "Recordings", security(("bearer" = ["recordings:manage"])),
    responses((status = 202, description = "It is being done", body = RetentionApplied)),
)]
async fn apply_retention(op: Op<RecordingsManage>, body: Empty) -> Result<Response, Stop> {
    let mut work = op.begin_once(&body.once).await?;
    let tenant = work.tx.get::<Tenant>(op.tenant()).await?.ok_or_else(|| Problem::not_found("tenant"))?;
    let RecordingSettings { retention_days, legal_hold, .. } = tenant.value.settings.recording;
    let now = work.tx.now();
    work.tx.schedule(WorkKind::Recording, RETENTION, now).await?;
    let details = json!({ "retention_days": retention_days, "legal_hold": legal_hold });
    work.tx.note("recording.apply_retention", RETENTION, &details).await?;
    let answer = Answer::new(StatusCode::ACCEPTED, &RetentionApplied { retention_days, legal_hold })?;
    let response = work.finish(answer).await?;
    op.shared.recordings.wake();
    Ok(response)
}

/// Gives a link under which the recording can be read for a quarter of an hour by whoever has it. Noted in the audit log.
#[utoipa::path(
    get, path = "/v1/recordings/{id}/url", tag = "Recordings", security(("bearer" = ["recordings:read"])),
    params(("id" = String, Path, description = "`rec_…`")),
    responses((status = 200, description = "The link", body = RecordingLink)),
)]
async fn link_recording(
    op: Op<RecordingsRead>,
    PathId(id): PathId<RecordingId>,
) -> Result<Json<RecordingLink>, Problem> {
    let mut tx = op.begin().await?;
    let recording = tx.get::<Recording>(&id).await?.ok_or_else(|| Problem::not_found("recording"))?.value;
    let no_recording = || {
        let detail = format!("the recording is {}: there is nothing to hear", recording.status);
        Problem::new(Code::NoRecording, detail)
    };
    let key = stored_key(&recording).ok_or_else(no_recording)?;
    let lasts = op.limits.recording_link;
    let link = Link {
        lasts,
        media_type: recording.media_type.clone(),
        file_name: format!("{}.{}", recording.call, row::ending(&recording.media_type)),
    };
    let now = now_us();
    let at = Timestamp::from_microsecond(now).unwrap_or(Timestamp::UNIX_EPOCH);
    let url =
        op.shared.objects.signed_url(&key, &link, at).map_err(|cause| super::media::unreadable(&cause))?;
    let expires_at = rfc3339(now.saturating_add(crate::work::micros(lasts)));
    tx.note("recording.link", id.as_str(), &json!({ "expires_at": expires_at })).await?;
    tx.commit().await?;
    Ok(Json(RecordingLink { url: url.into(), expires_at, media_type: recording.media_type }))
}
