//! A call comes in: its stream is opened.

use super::{HookError, Webhook, answer, call_of};
use crate::{
    problem::{Code, Problem},
    twiml::{Twiml, Verb},
};
use axum::response::Response;
use store::CallStatus;
use tracing::{info, warn};

pub(crate) async fn incoming(webhook: Webhook) -> Response {
    answer("incoming", &webhook, open_stream(&webhook)).await
}

async fn open_stream(webhook: &Webhook) -> Result<Twiml, HookError> {
    let is_outbound = webhook.param("Direction").is_some_and(|direction| direction.starts_with("outbound"));
    webhook.required(if is_outbound { "From" } else { "To" })?;
    if webhook.own_number().and_then(|number| webhook.tenant.number(number)).is_none() {
        warn!(tenant = %webhook.tenant.id, "a call to a number that no tenant has is not answered");
        return Err(Problem::new(Code::NumberUnknown, "No company found for this number").into());
    }
    if !webhook.is_served() {
        info!(tenant = %webhook.tenant.id, "a call is turned away: its tenant or account is not served");
        return Ok(Twiml::new(&[Verb::Reject]));
    }
    if webhook.shared.is_draining() {
        return Ok(webhook.leave_message());
    }
    let call = call_of(webhook, CallStatus::Ringing).await?;
    // A webhook can be replayed: its signature has neither time nor nonce. A call that is over stays over.
    if call.status.is_final() {
        return Ok(Twiml::new(&[Verb::Hangup]));
    }
    info!(call = %call.id, call_sid = call.carrier_sid, direction = %call.direction, "a call is answered");
    webhook.connect(&call, call.streams > 0)
}
