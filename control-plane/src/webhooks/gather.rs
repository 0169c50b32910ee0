//! What a caller said or pressed into a menu of the carrier's, from before the assistant took the calls: it is kept, and the
//! call goes on to whoever answers.

use super::{HookError, Webhook, answer, call_of};
use crate::{
    clock::now_us,
    twiml::{Twiml, Verb},
};
use axum::response::Response;
use serde_json::json;
use store::{CallStatus, Event, Record};

pub(crate) async fn gather(webhook: Webhook) -> Response {
    answer("gather", &webhook, keep(&webhook)).await
}

async fn keep(webhook: &Webhook) -> Result<Twiml, HookError> {
    let call = call_of(webhook, CallStatus::InProgress).await?;
    let data = json!({
        "digits": webhook.param("Digits"),
        "speech": webhook.param("SpeechResult"),
        "confidence": webhook.param("Confidence"),
    });
    let event = Event { at: now_us(), kind: "gathered".to_owned(), data: data.to_string() };
    webhook.store.append(&[Record::Event { call: call.id, event }]).await?;
    let url = webhook.shared.urls.of("/api/voice/incoming");
    Ok(Twiml::new(&[Verb::Redirect { url: &url }]))
}
