//! `POST /v1/numbers/{id}/simulate`: who would answer a call, at any time and from any caller, why, and what the carrier
//! would be told. Nothing is changed and nobody is called.

use super::{
    body::{Body, Check},
    need::NumbersRead,
    op::Op,
    path::PathId,
    schema,
};
use crate::{
    clock::{now_us, rfc3339},
    directory::{StoredNumber, TenantView},
    problem::{FaultCode, Faults, Problem},
    shared::Shared,
    who_answers::WhoAnswers,
};
use axum::Json;
use jiff::Timestamp;
use routing::{
    Failed, Failure, Planned, Reason, Step,
    render::{self, Scene, VOICE},
    twiml::StreamToken,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use store::{StoreError, ids::HoursId, ids::NumberId, model::number::Number};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Who calls unless the request says so. The number is nobody's.
const ANYBODY: &str = "+15550100";

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default().routes(routes!(simulate))
}

/// A call that might come in.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Simulation {
    /// When it comes in, RFC 3339; `null`: now.
    #[serde(default)]
    #[schema(format = DateTime, example = "2026-12-25T10:00:00Z")]
    pub(super) at: Option<String>,
    /// Who calls; `null`: somebody whom nobody knows. Hidden callers are `anonymous`.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 100, example = "+15550100")]
    pub(super) caller: Option<String>,
    /// What has not taken the call already.
    #[serde(default)]
    #[schema(max_items = 16)]
    pub(super) failed: Vec<FailedStep>,
}

/// A destination that has not taken the call.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FailedStep {
    /// Where it stands in the number's list, from 0.
    #[schema(maximum = 1_000)]
    position: u32,
    /// Why: `no_answer`, `busy`, `failed`, `queue_full`, `waited_too_long`, `left_queue` or `assistant_failed`.
    #[schema(example = "no_answer")]
    why: String,
}

impl Simulation {
    fn time(&self) -> Option<Option<Timestamp>> {
        match &self.at {
            None => Some(None),
            Some(text) => text.parse().ok().map(Some),
        }
    }
}

impl Check for Simulation {
    fn check(&self, faults: &mut Faults) {
        if self.time().is_none() {
            let detail = "it must be an RFC 3339 time, such as 2026-12-25T10:00:00Z";
            faults.add_at("at", FaultCode::InvalidValue, detail);
        }
        faults.text_if("caller", self.caller.as_deref(), 1, 100);
        faults.at_most("failed", &self.failed, 16);
        faults.each("failed", &self.failed, |faults, failed| {
            faults.number("position", failed.position, 0, 1_000);
            if failure(&failed.why).is_none() {
                faults.add_at("why", FaultCode::InvalidValue, "it is not one of the known words");
            }
        });
    }
}

fn failure(word: &str) -> Option<Failure> {
    Failure::ALL.into_iter().find(|known| known.as_str() == word)
}

/// Who would answer, and why.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct SimulationView {
    /// When the call would come in.
    #[schema(format = DateTime)]
    at: String,
    /// Who would call.
    pub(super) caller: String,
    /// The hours that count; `null`: none are kept.
    hours: Option<HoursView>,
    /// What would be done, in order: each step is tried when the one before it did not take the call, and the last one
    /// always takes it.
    steps: Vec<StepView>,
    /// What leads to it, in order.
    reasons: Vec<ReasonView>,
    /// What is done first.
    #[serde(skip)]
    pub(super) first: Step,
}

/// How the hours stand.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct HoursView {
    /// Which.
    #[schema(schema_with = schema::id::<HoursId>)]
    id: String,
    /// Whether they are open.
    open: bool,
    /// The name of the day, if it is not a usual one.
    exception: Option<String>,
    /// When that changes; `null`: not within a year.
    #[schema(format = DateTime)]
    next_change: Option<String>,
}

/// A step.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct StepView {
    /// Where it stands in the number's list, from 0; what stands in no list comes after it.
    #[schema(minimum = 0)]
    position: u32,
    /// What is done: `assistant`, `ring`, `forward`, `queue`, `voicemail`, `message` or `reject`, with what belongs to it.
    #[schema(value_type = Object)]
    step: Value,
    /// What the carrier would be told. The stream's token and the call's id are made up.
    twiml: String,
}

/// Why.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ReasonView {
    /// For programs.
    #[schema(example = "during_hours")]
    code: &'static str,
    /// For people.
    text: String,
    /// Which place of the number's list it is about.
    #[schema(minimum = 0)]
    position: Option<u32>,
}

impl From<&Reason> for ReasonView {
    fn from(reason: &Reason) -> Self {
        Self { code: reason.code(), text: reason.to_string(), position: reason.position() }
    }
}

/// Shows who would answer a call, and what the carrier would be told.
#[utoipa::path(
    post, path = "/v1/numbers/{id}/simulate", tag = "Numbers", security(("bearer" = ["numbers:read"])),
    params(("id" = String, Path, description = "`num_…`")), request_body = Simulation,
    responses((status = 200, description = "What would happen", body = SimulationView)),
)]
async fn simulate(
    op: Op<NumbersRead>,
    PathId(id): PathId<NumberId>,
    body: Body<Simulation>,
) -> Result<Json<SimulationView>, Problem> {
    let asked = body.value;
    let row = op.store.get::<Number>(&id).await?.ok_or_else(|| Problem::not_found("number"))?;
    let tenant = op.shared.directory.tenant(op.tenant()).await.map_err(StoreError::from)?;
    let tenant = tenant.ok_or_else(|| Problem::not_found("tenant"))?;
    let who = WhoAnswers::of(&tenant, Arc::new(StoredNumber { id: row.id, number: row.value }));
    simulated(&op, &tenant, &who, &asked).await.map(Json)
}

/// What would happen to a call.
pub(super) async fn simulated<N>(
    op: &Op<N>,
    tenant: &TenantView,
    who: &WhoAnswers,
    asked: &Simulation,
) -> Result<SimulationView, Problem> {
    let at = asked.time().flatten().map_or_else(now_us, |time| time.as_microsecond());
    let caller = asked.caller.as_deref().unwrap_or(ANYBODY);
    let failed: Vec<_> = asked
        .failed
        .iter()
        .filter_map(|failed| Some(Failed { position: failed.position, why: failure(&failed.why)? }))
        .collect();
    let decision = who.decide(caller, at, &failed, &who.waiting(&*op.store).await?);
    let voice = Some(tenant.texts.voice.as_str()).filter(|voice| !voice.is_empty()).unwrap_or(VOICE);
    let steps = steps(&op.shared, who, (voice, tenant.record), decision.steps(), failed)?;
    let reasons = decision.reasons.iter().map(Into::into).collect();
    Ok(SimulationView {
        at: rfc3339(at),
        caller: caller.to_owned(),
        hours: hours(who, at),
        steps,
        reasons,
        first: decision.now.step,
    })
}

fn hours(who: &WhoAnswers, at: i64) -> Option<HoursView> {
    let id =
        who.book().routing(&who.number.number).hours.as_ref().or(who.settings().default_hours.as_ref())?;
    let hours = who.book().hours.get(id)?;
    let at = Timestamp::from_microsecond(at).ok()?;
    let state = hours.at(at);
    Some(HoursView {
        id: id.to_string(),
        open: state.open,
        exception: state.exception,
        next_change: hours.next_change(at).map(|change| change.to_string()),
    })
}

/// The steps, each with the TwiML that it would have if those before it had failed as they usually do.
fn steps<'a>(
    shared: &Shared,
    who: &WhoAnswers,
    (voice, record): (&str, bool),
    planned: impl Iterator<Item = &'a Planned>,
    mut failed: Vec<Failed>,
) -> Result<Vec<StepView>, Problem> {
    let disclosure = who.settings().recording.disclosure.as_deref().filter(|_| record);
    let mut shown = Vec::new();
    for planned in planned {
        let said_first: Vec<_> = disclosure.into_iter().filter(|_| failed.is_empty()).collect();
        let scene = Scene {
            urls: &shared.urls,
            voice,
            said_first: &said_first,
            own_number: &who.number.number.e164,
            call: "call_simulated",
            record,
            failed: &failed,
            stream_token: StreamToken("simulated"),
        };
        let step = serde_json::to_value(&planned.step).map_err(|cause| {
            Problem::new(crate::problem::Code::Internal, format!("a step cannot be shown: {cause}"))
        })?;
        let twiml = render::twiml(planned, &scene).into_string();
        shown.push(StepView { position: planned.position, step, twiml });
        failed.push(Failed { position: planned.position, why: usual_failure(&planned.step) });
    }
    Ok(shown)
}

/// How a step fails most often.
const fn usual_failure(step: &Step) -> Failure {
    match step {
        Step::Assistant { .. } => Failure::AssistantFailed,
        Step::Queue { .. } => Failure::WaitedTooLong,
        Step::Ring { .. }
        | Step::Forward { .. }
        | Step::Voicemail { .. }
        | Step::Message { .. }
        | Step::Reject { .. } => Failure::NoAnswer,
    }
}
