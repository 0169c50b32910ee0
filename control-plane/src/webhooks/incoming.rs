//! A call comes in, or one that was placed is answered: who talks to them is decided and said.

use super::{
    HookError, Webhook, answer, call_on, route,
    route::{SoFar, own_number},
    softphone,
};
use crate::{
    clock::now_us,
    directory::Account,
    problem::{Code, Problem},
    twiml::{Twiml, Verb},
    who_answers::WhoAnswers,
};
use axum::response::Response;
use store::{CallStatus, Direction};
use tracing::{info, warn};

/// Asked when a stream of a call has ended that is not led anywhere else.
const STREAM_ENDED: &str = "/api/voice/stream-ended";

pub(crate) async fn incoming(webhook: Webhook) -> Response {
    answer("incoming", &webhook, take(&webhook)).await
}

async fn take(webhook: &Webhook) -> Result<Twiml, HookError> {
    let from = webhook.param("From").unwrap_or_default();
    if let Some(registered) = routing::softphone::caller(from) {
        return softphone::dial(webhook, registered).await;
    }
    let is_outbound = webhook.param("Direction").is_some_and(|direction| direction.starts_with("outbound"));
    let number = webhook.required(if is_outbound { "From" } else { "To" })?;
    let Some(who) = WhoAnswers::of_number(&webhook.tenant, number) else {
        warn!(tenant = %webhook.tenant.id, "a call to a number that no tenant has is not answered");
        return Err(Problem::new(Code::NumberUnknown, "No company found for this number").into());
    };
    if !webhook.tenant.twilio_account(webhook.account()).is_some_and(Account::is_active) {
        info!(tenant = %webhook.tenant.id, "a call is turned away: its account is not in use");
        return Ok(Twiml::new(&[Verb::Reject]));
    }
    if webhook.shared.is_draining() {
        return Ok(webhook.leave_message());
    }
    let assistant = match is_outbound {
        // Whoever was called by the assistant is not to be led elsewhere by the number's hours.
        true => webhook.tenant.default_assistant_id(),
        false => who.first_assistant(from, now_us()),
    };
    let call = call_on(webhook, CallStatus::Ringing, Some(who.number.id.clone()), assistant).await?;
    // A webhook can be replayed: its signature has neither time nor nonce. A call that is over stays over.
    if call.status.is_final() {
        return Ok(Twiml::new(&[Verb::Hangup]));
    }
    info!(call = %call.id, call_sid = call.carrier_sid, direction = %call.direction, "a call is answered");
    match call.direction {
        Direction::Inbound => route::lead(webhook, &call, &who, SoFar::nothing()).await,
        Direction::Outbound => webhook.connect(&call, call.streams > 0, STREAM_ENDED).await,
    }
}

/// The number's part in a call that is up, for what follows in it; `None` if the number was taken away since.
pub(super) fn who_answers(webhook: &Webhook, call: &store::Call) -> Option<WhoAnswers> {
    WhoAnswers::of_number(&webhook.tenant, own_number(call))
}
