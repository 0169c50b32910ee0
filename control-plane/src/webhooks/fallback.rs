//! What a caller hears when nothing else works: they can leave a message.

use super::{HookError, Webhook, answer, call_of};
use crate::{
    clock::now_us,
    settings::CarrierTexts,
    shared::Shared,
    twiml::{Twiml, Verb},
};
use axum::{extract::State, response::Response};
use serde_json::json;
use std::sync::Arc;
use store::{CallStatus, Event, Record};

/// Always the same, whoever asks: it is asked for when the rest is in trouble, and reveals and changes nothing.
pub(crate) async fn fallback(State(shared): State<Arc<Shared>>) -> Twiml {
    leave_message(&shared, &CarrierTexts::default())
}

pub(crate) fn leave_message(shared: &Shared, texts: &CarrierTexts) -> Twiml {
    Twiml::new(&[
        Verb::Say { voice: &texts.voice, text: &texts.leave_message },
        Verb::Record {
            max_s: shared.limits.voicemail_max_s,
            action: &shared.own_url("/api/voice/emergency-recording"),
        },
    ])
}

/// A caller has left a message.
pub(crate) async fn message_left(webhook: Webhook) -> Response {
    answer("emergency_recording", &webhook, keep_message(&webhook)).await
}

async fn keep_message(webhook: &Webhook) -> Result<Twiml, HookError> {
    let call = call_of(webhook, CallStatus::InProgress).await?;
    let data = json!({
        "recording_sid": webhook.param("RecordingSid"),
        "recording_url": webhook.param("RecordingUrl"),
        "duration_s": webhook.param("RecordingDuration"),
    });
    let event = Event { at: now_us(), kind: "message_left".to_owned(), data: data.to_string() };
    webhook.store.append(&[Record::Event { call: call.id, event }]).await?;
    Ok(Twiml::new(&[Verb::Hangup]))
}
