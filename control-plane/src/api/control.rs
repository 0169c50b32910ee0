//! Live calls in the hands of a person: hang up, hand over, have something said, mute. What the assistant does is ordered in
//! the engine, whose decider carries it out and whose journal keeps it; each order is noted in the audit log too.

use super::{
    body::{Body, Check, Empty},
    calls::call_of,
    need::CallsControl,
    once::{Answer, Stop, Work},
    op::Op,
    path::PathId,
    phone, schema,
};
use crate::{
    clock::now_us,
    elsewhere::NotDone,
    outbound::plan::Plan,
    problem::{Code, Faults, Problem},
    shared::Shared,
};
use axum::{http::StatusCode, response::Response};
use engine::call::turn::Command;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{error::Error, sync::Arc};
use store::{Call, CallId, CallMove, CallStatus};
use tracing::error;
use twilio_rest::CallSid;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(hang_up))
        .routes(routes!(transfer))
        .routes(routes!(say))
        .routes(routes!(mute))
        .routes(routes!(unmute))
}

/// Something to be said.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SayForm {
    /// Said by the assistant's voice as soon as nobody speaks.
    #[schema(min_length = 1, max_length = 1000)]
    text: String,
}

impl Check for SayForm {
    fn check(&self, faults: &mut Faults) {
        faults.text("text", &self.text, 1, 1_000);
    }
}

/// Where the caller goes.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TransferForm {
    /// A number.
    #[serde(deserialize_with = "phone::number")]
    #[schema(schema_with = schema::phone)]
    to: String,
}

impl Check for TransferForm {
    fn check(&self, faults: &mut Faults) {
        faults.e164("to", &self.to);
    }
}

/// An order was given.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Ordered {
    /// In which call.
    call: String,
    /// What.
    order: &'static str,
}

/// Ends a call: one that is planned is not placed, one that rings or is up is hung up.
#[utoipa::path(
    post, path = "/v1/calls/{id}/hang-up", tag = "Calls", security(("bearer" = ["calls:control"])),
    params(("id" = String, Path, description = "`call_…`")),
    responses((status = 202, description = "It is being ended", body = Ordered)),
)]
async fn hang_up(op: Op<CallsControl>, PathId(id): PathId<CallId>, body: Empty) -> Result<Response, Stop> {
    let call = call_of(&op, &id).await?;
    let mut work = op.begin_once(&body.once).await?;
    if call.status.is_final() {
        return Err(not_live("the call is over").into());
    }
    if call.carrier_sid.is_none() {
        let step = CallMove {
            from: CallStatus::Queued,
            to: CallStatus::Canceled,
            answered_at: None,
            ended_at: Some(now_us()),
            carrier_duration_s: None,
        };
        // Whoever places it notes so in the same row, and only while it is planned. Once the carrier was asked it is too late to take it
        // back unseen; so what is noted is read when nobody can note it any more.
        if !work.tx.move_call(&id, step).await? || !is_planned(&call_of(&op, &id).await?) {
            return Err(not_live("the call is being placed in this moment; try again").into());
        }
        crate::call_events::tell_end(&mut *work.tx, &call, step).await?;
        return noted(work, &id, "hang_up", json!({})).await;
    }
    if op.shared.order(op.tenant(), &id, Command::HangUp).await.is_err() {
        drop(work);
        at_carrier(&op, &call).await?;
        work = op.begin_once(&body.once).await?;
    }
    noted(work, &id, "hang_up", json!({})).await
}

/// Whether nobody has asked the carrier yet to place the call.
fn is_planned(call: &Call) -> bool {
    Plan::of(call).ok().flatten().is_some_and(|plan| plan.sent_at.is_none())
}

/// Hands the caller to a number, now.
#[utoipa::path(
    post, path = "/v1/calls/{id}/transfer", tag = "Calls", security(("bearer" = ["calls:control"])),
    params(("id" = String, Path, description = "`call_…`")), request_body = TransferForm,
    responses((status = 202, description = "It is being handed over", body = Ordered)),
)]
async fn transfer(
    op: Op<CallsControl>,
    PathId(id): PathId<CallId>,
    body: Body<TransferForm>,
) -> Result<Response, Stop> {
    let to = body.value.to;
    call_of(&op, &id).await?;
    let work = op.begin_once(&body.once).await?;
    order(&op, &id, Command::Transfer { to: to.clone() }).await?;
    noted(work, &id, "transfer", json!({ "to": to })).await
}

/// Has something said by the assistant's voice as soon as nobody speaks, also while the assistant is mute.
#[utoipa::path(
    post, path = "/v1/calls/{id}/say", tag = "Calls", security(("bearer" = ["calls:control"])),
    params(("id" = String, Path, description = "`call_…`")), request_body = SayForm,
    responses((status = 202, description = "It will be said", body = Ordered)),
)]
async fn say(
    op: Op<CallsControl>,
    PathId(id): PathId<CallId>,
    body: Body<SayForm>,
) -> Result<Response, Stop> {
    let text = body.value.text;
    call_of(&op, &id).await?;
    let work = op.begin_once(&body.once).await?;
    let characters = text.chars().count();
    order(&op, &id, Command::Say { text }).await?;
    noted(work, &id, "say", json!({ "characters": characters })).await
}

/// Lets the assistant answer nothing from now on. What the caller says is still written down.
#[utoipa::path(
    post, path = "/v1/calls/{id}/mute", tag = "Calls", security(("bearer" = ["calls:control"])),
    params(("id" = String, Path, description = "`call_…`")),
    responses((status = 202, description = "It is silent", body = Ordered)),
)]
async fn mute(op: Op<CallsControl>, PathId(id): PathId<CallId>, body: Empty) -> Result<Response, Stop> {
    call_of(&op, &id).await?;
    let work = op.begin_once(&body.once).await?;
    order(&op, &id, Command::Mute).await?;
    noted(work, &id, "mute", json!({})).await
}

/// Lets the assistant answer again.
#[utoipa::path(
    post, path = "/v1/calls/{id}/unmute", tag = "Calls", security(("bearer" = ["calls:control"])),
    params(("id" = String, Path, description = "`call_…`")),
    responses((status = 202, description = "It answers again", body = Ordered)),
)]
async fn unmute(op: Op<CallsControl>, PathId(id): PathId<CallId>, body: Empty) -> Result<Response, Stop> {
    call_of(&op, &id).await?;
    let work = op.begin_once(&body.once).await?;
    order(&op, &id, Command::Unmute).await?;
    noted(work, &id, "unmute", json!({})).await
}

async fn order<N>(op: &Op<N>, id: &CallId, command: Command) -> Result<(), Problem> {
    op.shared.order(op.tenant(), id, command).await.map_err(not_done)
}

/// Why nothing can be done in a call.
pub(super) fn not_done(why: NotDone) -> Problem {
    match why {
        NotDone::Gone => not_live(
            "the call has no stream: it is over, with a person, or on another node that no bus leads to (bus.url)",
        ),
        NotDone::Silent => Problem::new(
            Code::NodeSilent,
            "the node that has the call does not answer; whether it is done is not known",
        ),
    }
}

pub(super) fn not_live(detail: &str) -> Problem {
    Problem::new(Code::CallNotLive, detail)
}

async fn noted(mut work: Work, id: &CallId, order: &'static str, details: Value) -> Result<Response, Stop> {
    work.tx.note(&format!("call.{order}"), id.as_str(), &details).await?;
    let answer = Answer::new(StatusCode::ACCEPTED, &Ordered { call: id.to_string(), order })?;
    work.finish(answer).await
}

/// A call that the engine here does not have is ended where it is.
async fn at_carrier<N>(op: &Op<N>, call: &Call) -> Result<(), Problem> {
    let failed = |cause: &dyn Error| {
        error!(call = %call.id, cause = %cause, "a call is not hung up");
        Problem::new(Code::ProviderUnavailable, "the carrier did not hang up")
    };
    let account = op.shared.carriers.of(op.tenant(), Some(call)).await?;
    let sid: Option<CallSid> = call.carrier_sid.as_deref().and_then(|sid| sid.parse().ok());
    let (Some(account), Some(sid)) = (account, sid) else {
        return Err(not_live("the call is not at the carrier"));
    };
    account.hang_up(&sid).await.map_err(|cause| failed(&cause))
}
