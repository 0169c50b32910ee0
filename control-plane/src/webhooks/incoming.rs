//! A call comes in, or one that was placed is answered: who talks to them is decided and said.

use super::{
    HookError, Webhook, answer, call_for, call_of, route,
    route::{SoFar, own_number},
    softphone,
};
use crate::{
    clock::now_us,
    problem::{Code, Problem},
    twiml::{Twiml, Verb},
    who_answers::WhoAnswers,
};
use axum::response::Response;
use store::{Call, CallStatus};
use tracing::{info, warn};

/// Asked when a stream of a call has ended that is not led anywhere else.
const STREAM_ENDED: &str = "/api/voice/stream-ended";

pub(crate) async fn incoming(webhook: Webhook) -> Response {
    answer("incoming", &webhook, take(&webhook)).await
}

async fn take(webhook: &Webhook) -> Result<Twiml, HookError> {
    let from = webhook.param("From").unwrap_or_default();
    if let Some(registered) = routing::softphone::caller(from) {
        return softphone::dial(webhook, registered);
    }
    let is_outbound = webhook.param("Direction").is_some_and(|direction| direction.starts_with("outbound"));
    webhook.required(if is_outbound { "From" } else { "To" })?;
    let number = webhook.own_number().unwrap_or_default();
    let Some(who) = WhoAnswers::of_number(&webhook.tenant, &*webhook.store, number).await? else {
        warn!(tenant = %webhook.tenant.id, "a call to a number that no tenant has is not answered");
        return Err(Problem::new(Code::NumberUnknown, "No company found for this number").into());
    };
    if !webhook.has_active_account() {
        info!(tenant = %webhook.tenant.id, "a call is turned away: its account is not active");
        return Ok(Twiml::new(&[Verb::Reject]));
    }
    if webhook.shared.is_draining() {
        return Ok(webhook.leave_message());
    }
    if is_outbound { placed(webhook).await } else { received(webhook, &who, from).await }
}

/// Somebody called: whoever the decision names answers.
async fn received(webhook: &Webhook, who: &WhoAnswers, from: &str) -> Result<Twiml, HookError> {
    let waiting = who.waiting(&*webhook.store).await?;
    let decision = who.decide(from, now_us(), &[], &waiting);
    let assistant = route::assistant_of(&decision).unwrap_or(webhook.tenant.default_assistant_id());
    let call = call_for(webhook, CallStatus::Ringing, assistant).await?;
    // A webhook can be replayed: its signature has neither time nor nonce. A call that is over stays over.
    if call.status.is_final() {
        return Ok(Twiml::new(&[Verb::Hangup]));
    }
    route::carry_out(webhook, &call, who, &SoFar::nothing(), &decision).await
}

/// Somebody whom we called has answered. They are not to be led elsewhere by the number's hours.
async fn placed(webhook: &Webhook) -> Result<Twiml, HookError> {
    if !webhook.tenant.is_served() {
        return Ok(Twiml::new(&[Verb::Hangup]));
    }
    let call = call_of(webhook, CallStatus::Ringing).await?;
    if call.status.is_final() {
        return Ok(Twiml::new(&[Verb::Hangup]));
    }
    info!(call = %call.id, call_sid = call.carrier_sid, "a call that was placed is answered");
    webhook.connect(&call, None, call.streams > 0, STREAM_ENDED)
}

/// The number's part in a call that is up, for what follows in it; `None` if the number was taken away since.
pub(super) async fn who_answers(webhook: &Webhook, call: &Call) -> Result<Option<WhoAnswers>, HookError> {
    Ok(WhoAnswers::of_number(&webhook.tenant, &*webhook.store, own_number(call)).await?)
}
