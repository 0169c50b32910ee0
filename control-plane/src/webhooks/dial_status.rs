//! Somebody was rung for a caller: they talked, or whoever comes next is tried.

use super::{
    HookError, Webhook, answer, call_of,
    incoming::who_answers,
    route::{self, SoFar},
};
use crate::{
    clock::now_us,
    twiml::{Twiml, Verb},
};
use axum::response::Response;
use routing::{
    outcome::{After, of_dial},
    render::POSITION,
};
use serde_json::json;
use store::{CallStatus, Event, Record};

pub(crate) async fn dial_status(webhook: Webhook) -> Response {
    answer("dial_status", &webhook, after_dial(&webhook)).await
}

async fn after_dial(webhook: &Webhook) -> Result<Twiml, HookError> {
    let status = webhook.required("DialCallStatus")?;
    let after = of_dial(status, webhook.param("DialBridged"));
    let call = call_of(webhook, CallStatus::InProgress).await?;
    let position = webhook.query(POSITION);
    let data = json!({
        "status": status,
        "duration_s": webhook.param("DialCallDuration"),
        "carrier_call_id": webhook.param("DialCallSid"),
        "position": position,
    });
    // Only the assistant's own transfers have no place in the number's list.
    let kind = if position.is_some() { "dial_ended" } else { "transfer_ended" };
    let event = Event { at: now_us(), kind: kind.to_owned(), data: data.to_string() };
    webhook.store.append(&[Record::Event { call: call.id.clone(), event }]).await?;
    let why = match after {
        After::Nothing => return Ok(Twiml::new(&[Verb::Hangup])),
        After::Next(why) => why,
    };
    match who_answers(webhook, &call) {
        Some(who) if position.is_some() => route::lead(webhook, &call, &who, SoFar::with(webhook, why)).await,
        Some(_) | None => Ok(webhook.say(&webhook.tenant.texts.not_put_through)),
    }
}
