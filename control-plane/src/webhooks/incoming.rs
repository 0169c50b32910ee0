//! A call comes in, or one that was placed is answered: who talks to them is decided and said.

use super::{
    HookError, Webhook, answer, call_on, route,
    route::{SoFar, own_number},
    softphone,
};
use crate::{
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
    let Some(who) = WhoAnswers::of_number(&*webhook.store, &webhook.tenant, number).await? else {
        warn!(tenant = %webhook.tenant.id, "a call to a number that no tenant has is not answered");
        let detail = format!("no tenant was found for the number {number}");
        return Err(Problem::new(Code::NumberUnknown, detail).into());
    };
    if webhook.shared.is_draining() {
        return Ok(webhook.leave_message());
    }
    let call = call_on(webhook, CallStatus::Ringing, who.id.clone()).await?;
    // A webhook can be replayed: its signature has neither time nor nonce. A call that is over stays over.
    if call.status.is_final() {
        return Ok(Twiml::new(&[Verb::Hangup]));
    }
    info!(call = %call.id, call_sid = call.carrier_sid, direction = %call.direction, "a call is answered");
    match call.direction {
        Direction::Inbound => route::lead(webhook, &call, &who, SoFar::nothing()).await,
        // Whoever was called by the assistant is not to be led elsewhere by the number's hours.
        Direction::Outbound => webhook
            .shared
            .connect(&call, &webhook.tenant, call.streams > 0, STREAM_ENDED)
            .map_err(|_| HookError::TooManyWaiting),
    }
}

/// The number's part in a call that is up, for what follows in it; `None` if the number was taken away since.
pub(super) async fn who_answers(
    webhook: &Webhook,
    call: &store::Call,
) -> Result<Option<WhoAnswers>, HookError> {
    Ok(WhoAnswers::of_number(&*webhook.store, &webhook.tenant, own_number(call)).await?)
}
