//! A caller was put through, or was not.

use super::{HookError, Webhook, answer, call_of};
use crate::{
    clock::now_us,
    twiml::{Twiml, Verb},
};
use axum::response::Response;
use serde_json::json;
use store::{CallStatus, Event, Record};

pub(crate) async fn dial_status(webhook: Webhook) -> Response {
    answer("dial_status", &webhook, after_dial(&webhook)).await
}

async fn after_dial(webhook: &Webhook) -> Result<Twiml, HookError> {
    let status = webhook.required("DialCallStatus")?;
    let call = call_of(webhook, CallStatus::InProgress).await?;
    let data = json!({ "status": status, "duration_s": webhook.param("DialCallDuration") });
    let event = Event { at: now_us(), kind: "transfer_ended".to_owned(), data: data.to_string() };
    webhook.store.append(&[Record::Event { call: call.id, event }]).await?;
    if matches!(status, "completed" | "answered") {
        Ok(Twiml::new(&[Verb::Hangup]))
    } else {
        Ok(webhook.say(&webhook.tenant.texts.not_put_through))
    }
}
