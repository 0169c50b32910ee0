//! `/v1/privacy`: what is kept of a person is exported or erased. Both take their time; follow them by the request, which ends with a
//! receipt.

use super::{
    body::{Body, Check},
    crud::{Reference, check_references},
    item::{Item, Named},
    need::{PrivacyManage, PrivacyRead},
    once::{Answer, Stop},
    op::Op,
    path::PathId,
    phone, schema,
};
use crate::{
    clock::{now_us, rfc3339},
    privacy::{
        self, ERASURE, EXPORT,
        export::MEDIA_TYPE,
        state::{Asked, Kept, State, Subject},
    },
    problem::{Code, FaultCode, Faults, Problem},
    shared::Shared,
};
use axum::{Json, http::StatusCode, response::Response};
use jiff::Timestamp;
use objects::Link;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc};
use store::{
    Stored, Table,
    ids::{ContactId, JobId},
    model::{
        audit::ActorKind,
        work::{Job, JobStatus},
    },
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(ask_for_export))
        .routes(routes!(ask_for_erasure))
        .routes(routes!(read_privacy_request))
        .routes(routes!(link_export))
}

/// Whom it is about: by contact, number or email address, by as many of them as are known.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PersonRequest)]
pub(crate) struct PersonForm {
    /// A contact; with all of its addresses.
    #[serde(default)]
    #[schema(schema_with = schema::optional_id::<ContactId>, required = false)]
    contact: Option<ContactId>,
    /// A number; with the contact who has it.
    #[serde(default, deserialize_with = "phone::optional")]
    #[schema(schema_with = schema::optional_phone, required = false)]
    phone: Option<String>,
    /// An email address; with the contact who has it.
    #[serde(default)]
    #[schema(min_length = 3, max_length = 254, example = "ann@example.com")]
    email: Option<String>,
    /// Why: who asked, and by what right.
    #[schema(min_length = 1, max_length = 500, example = "asked for it in writing on 2026-11-21")]
    reason: String,
}

impl Named for PersonForm {
    const NAME: &'static str = "PersonRequest";
}

impl Check for PersonForm {
    fn check(&self, faults: &mut Faults) {
        if self.contact.is_none() && self.phone.is_none() && self.email.is_none() {
            faults.add_at("contact", FaultCode::InvalidValue, "name a contact, a phone or an email");
        }
        if let Some(phone) = &self.phone {
            faults.e164("phone", phone);
        }
        if let Some(email) = &self.email {
            faults.email("email", email.trim());
        }
        faults.text("reason", &self.reason, 1, 500);
    }
}

/// A request about what is kept of a person.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = PrivacyRequestView)]
pub(crate) struct RequestView {
    /// `export` or `erasure`.
    #[schema(example = "erasure")]
    kind: &'static str,
    /// By what the person was named: `contact`, `phone`, `email`.
    named_by: Vec<String>,
    /// Why; `null` in the answer to the request itself, which is remembered.
    reason: Option<String>,
    /// A user, a key, or `system` for a shop that asked.
    #[schema(schema_with = schema::word::<ActorKind>)]
    asked_by_kind: ActorKind,
    /// Which.
    asked_by: String,
    /// How far it has come. `failed`: the person was erased before the export was made.
    #[schema(schema_with = schema::word::<JobStatus>)]
    status: JobStatus,
    /// The step that is next; `end` if there is none.
    step: String,
    /// What has to end first: `call`, `message`, `recordings`, or a `legal_hold` of the tenant.
    waits_for: Option<String>,
    /// How many of what were exported or erased.
    #[schema(example = json!({ "messages": 12, "recordings": 1 }))]
    counts: BTreeMap<String, u64>,
    /// What an erasure left, and why.
    kept: Vec<KeptView>,
    /// When it was done.
    #[schema(format = DateTime)]
    ended_at: Option<String>,
    /// When the file of an export is deleted; `null`: there is none, or no more.
    #[schema(format = DateTime)]
    file_until: Option<String>,
}

/// Something that an erasure left.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = PrivacyKept)]
pub(crate) struct KeptView {
    /// What.
    #[schema(example = "consents")]
    what: String,
    /// How many.
    #[schema(minimum = 0)]
    count: u64,
    /// Why.
    why: String,
    /// Which, where somebody may want to look.
    ids: Vec<String>,
}

impl Named for RequestView {
    const NAME: &'static str = "PrivacyRequest";
}

type RequestItem = Item<RequestView>;

impl RequestView {
    fn of(job: Job, state: State) -> Self {
        let named = state.subject.named_by();
        let kept = |Kept { what, count, why, ids }: Kept| KeptView { what, count, why, ids };
        Self {
            kind: if job.kind == EXPORT { "export" } else { "erasure" },
            named_by: if named.is_empty() {
                state.by
            } else {
                named.into_iter().map(str::to_owned).collect()
            },
            reason: Some(state.asked.reason),
            asked_by_kind: state.asked.kind,
            asked_by: state.asked.id,
            status: job.status,
            step: job.step,
            waits_for: state.waits_for,
            counts: state.counts,
            kept: state.kept.into_iter().map(kept).collect(),
            ended_at: state.ended_at.map(rfc3339),
            file_until: state.file.map(|file| rfc3339(file.until)),
        }
    }
}

fn shown(row: Stored<Job>) -> Result<RequestItem, Problem> {
    let state = State::read(&row.value)?;
    Ok(Item::of(row, |job| RequestView::of(job, state)))
}

/// Collects all that is kept of a person into one file.
#[utoipa::path(
    post, path = "/v1/privacy/exports", tag = "Privacy", security(("bearer" = ["privacy:manage"])), request_body = PersonForm,
    responses((status = 202, description = "It is being done", body = RequestItem)),
)]
async fn ask_for_export(op: Op<PrivacyManage>, body: Body<PersonForm>) -> Result<Response, Stop> {
    ask(&op, body, EXPORT).await
}

/// Erases a person from messages, calls, recordings and all that was written down of them.
///
/// It waits until calls of theirs are over and what is just being sent is sent, and takes back what nobody has yet. That they want no
/// more messages is kept, and what a legal hold keeps; the receipt names what stays and why.
#[utoipa::path(
    post, path = "/v1/privacy/erasures", tag = "Privacy", security(("bearer" = ["privacy:manage"])), request_body = PersonForm,
    responses((status = 202, description = "It is being done", body = RequestItem)),
)]
async fn ask_for_erasure(op: Op<PrivacyManage>, body: Body<PersonForm>) -> Result<Response, Stop> {
    ask(&op, body, ERASURE).await
}

async fn ask(op: &Op<PrivacyManage>, body: Body<PersonForm>, kind: &str) -> Result<Response, Stop> {
    let PersonForm { contact, phone, email, reason } = body.value;
    let mut work = op.begin_once(&body.once).await?;
    if let Some(contact) = &contact {
        check_references(&mut *work.tx, &[Reference::new("/contact", Table::Contacts, contact)]).await?;
    }
    let email = email.map(|email| email.trim().to_lowercase());
    let actor = op.actor();
    let asked = Asked { kind: actor.kind, id: actor.id.clone(), reason, at: work.tx.now() };
    let subject = Subject { contact, phone, email };
    let row = privacy::ask(&mut *work.tx, kind, None, subject, asked).await?;
    // A request without a key is always a new one.
    let row = row.ok_or_else(|| Problem::new(Code::Conflict, "the request was made before"))?;
    let item = shown(row)?;
    let mut remembered = item_without_reason(&item);
    remembered.value.reason = None;
    let answer = Answer::new(StatusCode::ACCEPTED, &remembered)?;
    let response = work.finish(answer).await?;
    op.shared.privacy.notify_one();
    Ok(response)
}

fn item_without_reason(item: &RequestItem) -> RequestItem {
    Item {
        id: item.id.clone(),
        created_at: item.created_at.clone(),
        updated_at: item.updated_at.clone(),
        value: RequestView { reason: None, ..item.value.clone() },
    }
}

async fn request(op: &Op<PrivacyRead>, id: &JobId) -> Result<Stored<Job>, Problem> {
    let row = op.store.get::<Job>(id).await?.filter(|row| privacy::is_request(&row.value));
    row.ok_or_else(|| Problem::not_found("request"))
}

/// How far a request has come, and its receipt.
#[utoipa::path(
    get, path = "/v1/privacy/requests/{id}", tag = "Privacy", security(("bearer" = ["privacy:read"])),
    params(("id" = String, Path, description = "`job_…`")),
    responses((status = 200, description = "The request", body = RequestItem)),
)]
async fn read_privacy_request(
    op: Op<PrivacyRead>,
    PathId(id): PathId<JobId>,
) -> Result<Json<RequestItem>, Problem> {
    Ok(Json(shown(request(&op, &id).await?)?))
}

/// A link to the file of an export.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExportLink {
    /// Whoever has it can read the file until it ends.
    url: String,
    /// When it ends.
    #[schema(format = DateTime)]
    expires_at: String,
    /// Media type.
    #[schema(example = "application/zip")]
    media_type: String,
    /// Its size.
    #[schema(minimum = 0)]
    bytes: u64,
    /// SHA-256 of it, in hexadecimal.
    sha256: String,
}

/// Gives a link under which the file of an export can be read for a quarter of an hour by whoever has it. Noted in the audit log.
#[utoipa::path(
    get, path = "/v1/privacy/requests/{id}/url", tag = "Privacy", security(("bearer" = ["privacy:manage"])),
    params(("id" = String, Path, description = "`job_…`")),
    responses((status = 200, description = "The link", body = ExportLink)),
)]
async fn link_export(op: Op<PrivacyManage>, PathId(id): PathId<JobId>) -> Result<Json<ExportLink>, Problem> {
    let mut tx = op.begin().await?;
    let job = tx.get::<Job>(&id).await?.filter(|row| privacy::is_request(&row.value));
    let job = job.ok_or_else(|| Problem::not_found("request"))?;
    let state = State::read(&job.value)?;
    let none =
        || Problem::new(Code::Conflict, format!("the request is {}: there is no file", job.value.status));
    let file = state.file.ok_or_else(none)?;
    let key = file.key.parse().map_err(|_| none())?;
    let lasts = op.limits.recording_link;
    let link = Link { lasts, media_type: MEDIA_TYPE.to_owned(), file_name: format!("{id}.zip") };
    let now = now_us();
    let at = Timestamp::from_microsecond(now).unwrap_or(Timestamp::UNIX_EPOCH);
    let url =
        op.shared.objects.signed_url(&key, &link, at).map_err(|cause| super::media::unreadable(&cause))?;
    let expires_at = rfc3339(now.saturating_add(crate::work::micros(lasts)));
    tx.note("privacy.link", id.as_str(), &json!({ "expires_at": expires_at })).await?;
    tx.commit().await?;
    Ok(Json(ExportLink {
        url: url.into(),
        expires_at,
        media_type: MEDIA_TYPE.to_owned(),
        bytes: file.bytes,
        sha256: file.sha256,
    }))
}
