//! `POST /v1/calls`: a call is planned here and placed by a worker. The old systems' way to ask for one is translated.

use super::{
    body::{Body, Check},
    crud::Tx,
    former::Former,
    need::CallsPlace,
    once::{Answer, Stop},
    op::Op,
    phone, schema,
    view::CallView,
};
use crate::{
    call_events,
    clock::{now_us, rfc3339},
    outbound::{
        caller_id::{CallerIdError, choose},
        plan::{OnVoicemail, Plan},
        worker::{allowed_from, schedule},
    },
    problem::{Code, Fault, FaultCode, Faults, Place, Problem},
    shared::Shared,
    vapi::place::VapiPlan,
};
use axum::{http::StatusCode, response::Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use store::{
    Call, CallId, CallStatus, Direction, Filter, NewCall, TenantId,
    ids::{AssistantId, NumberId},
    model::{assistant::Assistant, number::Number, tenant::Tenant},
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Numbers of a tenant that are looked through.
const NUMBERS: u16 = 1_000;
/// How far ahead a call can be planned, in days.
const AHEAD_DAYS: i64 = 30;
/// A day, in µs.
const DAY: i64 = 24 * 3_600 * 1_000_000;

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(place_call))
        .routes(routes!(place_call_as_before))
        .routes(routes!(place_call_at_vapi))
}

/// A call to be placed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallForm {
    /// Who is called.
    #[serde(deserialize_with = "phone::number")]
    #[schema(schema_with = schema::phone)]
    to: String,
    /// From which of the tenant's active numbers; without it the primary one.
    #[serde(default, deserialize_with = "phone::optional")]
    #[schema(schema_with = schema::optional_phone, required = false)]
    from: Option<String>,
    /// Who speaks; without it the tenant's own assistant.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^asst_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    assistant: Option<AssistantId>,
    /// Not before this time. Quiet hours, by the clock of the number that is called, put a call off in any case.
    #[serde(default)]
    #[schema(format = DateTime)]
    not_before: Option<String>,
    /// How long it rings, in s.
    #[serde(default = "ring_s")]
    #[schema(minimum = 5, maximum = 120, default = ring_s)]
    ring_s: u32,
    /// What is done if a machine answers; without it that is not found out.
    #[serde(default)]
    voicemail: Option<OnVoicemail>,
}

const fn ring_s() -> u32 {
    30
}

impl Check for CallForm {
    fn check(&self, faults: &mut Faults) {
        faults.e164("to", &self.to);
        if let Some(from) = &self.from {
            faults.e164("from", from);
        }
        faults.number("ring_s", self.ring_s, 5, 120);
        if let Some(OnVoicemail::LeaveMessage { message }) = &self.voicemail {
            faults.field("voicemail", |faults| faults.text("message", message, 1, 1_000));
        }
        if let Some(text) = &self.not_before {
            let latest = now_us().saturating_add(AHEAD_DAYS * DAY);
            match time(text) {
                Some(at) if at <= latest => {}
                Some(_) => {
                    let detail = format!("a call can be planned at most {AHEAD_DAYS} days ahead");
                    faults.add_at("not_before", FaultCode::OutOfRange, detail);
                }
                None => faults.add_at(
                    "not_before",
                    FaultCode::InvalidValue,
                    "it must be an RFC 3339 time, such as 2026-11-21T04:00:00Z",
                ),
            }
        }
    }
}

fn time(text: &str) -> Option<i64> {
    Some(text.parse::<Timestamp>().ok()?.as_microsecond())
}

/// A call as the old systems asked for it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FormerCallForm {
    /// Who is called.
    #[serde(alias = "phoneNumber")]
    #[serde(deserialize_with = "phone::number")]
    #[schema(schema_with = schema::phone)]
    to: String,
    /// From which number.
    #[serde(default, deserialize_with = "phone::optional")]
    #[schema(schema_with = schema::optional_phone, required = false)]
    from: Option<String>,
    /// For which company, by its id or its slug; also as `organizationId`, `orgId` or `company`. It need not be named by who
    /// acts for one alone.
    #[serde(default, rename = "companyId", alias = "organizationId", alias = "orgId", alias = "company")]
    #[schema(min_length = 1, max_length = 64)]
    company_id: Option<String>,
}

impl Check for FormerCallForm {
    fn check(&self, faults: &mut Faults) {
        faults.e164("to", &self.to);
        if let Some(from) = &self.from {
            faults.e164("from", from);
        }
        faults.text_if("companyId", self.company_id.as_deref(), 1, 64);
    }
}

/// A call that was taken over.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlannedCall {
    #[serde(flatten)]
    call: CallView,
    /// When it is placed at the earliest.
    #[schema(format = DateTime)]
    scheduled_at: String,
}

/// Places a call. It is placed once, whatever happens; how it goes is told by `GET /v1/calls/{id}`.
#[utoipa::path(
    post, path = "/v1/calls", tag = "Calls", security(("bearer" = ["calls:place"])), request_body = CallForm,
    responses((status = 202, description = "It will be placed", body = PlannedCall)),
)]
async fn place_call(op: Op<CallsPlace>, body: Body<CallForm>) -> Result<Response, Stop> {
    let mut work = op.begin_once(&body.once).await?;
    let planned = plan(&mut *work.tx, &op, body.value).await?;
    let answer = Answer::new(StatusCode::ACCEPTED, &planned)?;
    let response = work.finish(answer).await?;
    op.shared.calls.wake();
    Ok(response)
}

/// Places a call, as the old systems asked for it.
#[utoipa::path(
    post, path = "/api/real/voice/call", tag = "Former routes", security(("bearer" = ["calls:place"])),
    request_body = FormerCallForm,
    responses((status = 202, description = "It will be placed", body = FormerCall)),
)]
async fn place_call_as_before(
    Former { op, body }: Former<CallsPlace, FormerCallForm>,
) -> Result<Response, Stop> {
    let mut work = op.begin_once(&body.once).await?;
    let FormerCallForm { to, from, company_id: _ } = body.value;
    let form = CallForm { to, from, assistant: None, not_before: None, ring_s: ring_s(), voicemail: None };
    let call = plan(&mut *work.tx, &op, form).await?;
    let answer = Answer::new(StatusCode::ACCEPTED, &FormerCall { success: true, call })?;
    let response = work.finish(answer).await?;
    op.shared.calls.wake();
    Ok(response)
}

/// A call that Vapi is to place and hold.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VapiCallForm {
    /// Who is called.
    #[serde(deserialize_with = "phone::number")]
    #[schema(schema_with = schema::phone)]
    to: String,
    /// Who speaks, by Vapi's id; without it the account's own.
    #[serde(default, rename = "assistantId")]
    #[schema(min_length = 1, max_length = 100)]
    assistant_id: Option<String>,
    /// From which number, by Vapi's id; without it the account's own.
    #[serde(default, rename = "phoneNumberId")]
    #[schema(min_length = 1, max_length = 100)]
    phone_number_id: Option<String>,
    /// For which company, by its id or its slug; also as `organizationId`, `orgId` or `company`. It need not be named by who
    /// acts for one alone.
    #[serde(default, rename = "companyId", alias = "organizationId", alias = "orgId", alias = "company")]
    #[schema(min_length = 1, max_length = 64)]
    company_id: Option<String>,
}

impl Check for VapiCallForm {
    fn check(&self, faults: &mut Faults) {
        faults.e164("to", &self.to);
        faults.text_if("assistantId", self.assistant_id.as_deref(), 1, 100);
        faults.text_if("phoneNumberId", self.phone_number_id.as_deref(), 1, 100);
        faults.text_if("companyId", self.company_id.as_deref(), 1, 64);
    }
}

/// Has a call placed and held by Vapi, through the tenant's account there.
#[utoipa::path(
    post, path = "/api/vapi/call", tag = "Former routes", security(("bearer" = ["calls:place"])),
    request_body = VapiCallForm,
    responses((status = 202, description = "It will be placed", body = FormerCall)),
)]
async fn place_call_at_vapi(Former { op, body }: Former<CallsPlace, VapiCallForm>) -> Result<Response, Stop> {
    let mut work = op.begin_once(&body.once).await?;
    let VapiCallForm { to, assistant_id, phone_number_id, company_id: _ } = body.value;
    let tenant =
        op.store.get::<Tenant>(op.tenant()).await?.ok_or_else(|| Problem::not_found("tenant"))?.value;
    let now = work.tx.now();
    let from = From { number: None, e164: String::new(), assistant: "vapi:assistant".to_owned() };
    let vapi = VapiPlan { assistant_id, phone_number_id };
    let not_before = allowed_from(&tenant.settings, &to, now);
    let plan = Plan {
        ring_s: ring_s(),
        voicemail: None,
        not_before,
        sent_at: None,
        vapi: Some(vapi),
        machine_handled: false,
    };
    let call = keep(&mut *work.tx, op.tenant(), from, to, &plan).await?;
    let answer = Answer::new(StatusCode::ACCEPTED, &FormerCall { success: true, call })?;
    let response = work.finish(answer).await?;
    op.shared.calls.wake();
    Ok(response)
}

/// The answer that the old systems gave.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FormerCall {
    success: bool,
    call: PlannedCall,
}

/// Plans a call and lets it be placed.
async fn plan<N>(tx: &mut Tx, op: &Op<N>, form: CallForm) -> Result<PlannedCall, Problem> {
    let now = tx.now();
    let tenant =
        op.store.get::<Tenant>(op.tenant()).await?.ok_or_else(|| Problem::not_found("tenant"))?.value;
    let numbers = op.store.list::<Number>(&Filter::first(NUMBERS)).await?;
    let number = choose(&numbers, form.from.as_deref()).map_err(|wrong| refused("/from", wrong))?;
    let assistant = match &form.assistant {
        Some(assistant) => {
            let found = tx.get::<Assistant>(assistant).await?;
            found.ok_or_else(|| {
                fault("/assistant", FaultCode::UnknownReference, "there is no such assistant")
            })?;
            assistant.as_str().to_owned()
        }
        None => {
            let own = op.shared.directory.tenant(op.tenant()).await.map_err(store::StoreError::from)?;
            own.map(|view| view.default_assistant_id().to_owned()).unwrap_or_default()
        }
    };
    let wanted = form.not_before.as_deref().and_then(time).unwrap_or(now).max(now);
    let not_before = allowed_from(&tenant.settings, &form.to, wanted);
    let plan = Plan {
        ring_s: form.ring_s,
        voicemail: form.voicemail,
        not_before,
        sent_at: None,
        vapi: None,
        machine_handled: false,
    };
    let from = From { number: Some(number.id.clone()), e164: number.value.e164.clone(), assistant };
    keep(tx, op.tenant(), from, form.to, &plan).await
}

/// Who calls.
struct From {
    number: Option<NumberId>,
    e164: String,
    assistant: String,
}

async fn keep(
    tx: &mut Tx,
    tenant: &TenantId,
    from: From,
    to: String,
    plan: &Plan,
) -> Result<PlannedCall, Problem> {
    let now = tx.now();
    let no_form = |cause| Problem::new(Code::Internal, format!("a plan has no form: {cause}"));
    let new = NewCall {
        id: CallId::new(),
        carrier_sid: None,
        number: from.number,
        parent: None,
        direction: Direction::Outbound,
        from_number: from.e164,
        to_number: to,
        assistant_id: from.assistant,
        status: CallStatus::Queued,
        outbound: Some(plan.text().map_err(no_form)?),
        created_at: now,
    };
    tx.add_call(&new).await?;
    call_events::tell_start(tx, &new).await?;
    schedule(tx, &new.id, plan.not_before).await?;
    let details = json!({ "to": new.to_number, "from": new.from_number });
    tx.note("call.place", new.id.as_str(), &details).await?;
    let scheduled_at = rfc3339(plan.not_before);
    Ok(PlannedCall { call: CallView::from(call(new, tenant.clone())), scheduled_at })
}

fn refused(pointer: &str, wrong: CallerIdError) -> Problem {
    fault(pointer, FaultCode::InvalidValue, &wrong.to_string())
}

fn fault(pointer: &str, code: FaultCode, detail: &str) -> Problem {
    let place = Place::Pointer(pointer.to_owned());
    Problem::unacceptable(vec![Fault { place, code, detail: detail.to_owned() }])
}

/// The call as it is stored.
fn call(new: NewCall, tenant: TenantId) -> Call {
    Call {
        id: new.id,
        tenant,
        carrier_sid: new.carrier_sid,
        number: new.number,
        parent: new.parent,
        direction: new.direction,
        from_number: new.from_number,
        to_number: new.to_number,
        assistant_id: new.assistant_id,
        status: new.status,
        created_at: new.created_at,
        answered_at: None,
        ended_at: None,
        carrier_duration_s: None,
        streams: 0,
        reconnects: 0,
        transfer_to: None,
        end_reason: None,
        duration_ms: None,
        recording_ms: None,
        answered_by: None,
        price_micros: None,
        price_unit: None,
        error: None,
        outbound: new.outbound,
    }
}
