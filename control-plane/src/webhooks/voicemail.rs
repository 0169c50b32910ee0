//! A caller has left a message. The recording and what was said in it are told one after the other, twice, or the other way
//! round: a message is one row by its recording, and what is known of it is never taken back.

use super::{CARRIER, HookError, Webhook, answer, call_of, reported};
use crate::{
    clock::now_us,
    twiml::{Twiml, Verb},
};
use axum::response::Response;
use deliveries::{announce, told::voicemail_received};
use serde_json::json;
use store::{
    Call, CallStatus, Event, Record, StoreError,
    ids::VoicemailId,
    model::{
        audit::Actor,
        queue::{Voicemail, VoicemailStatus},
    },
};

/// Two reports about one message at once are already unusual.
const ATTEMPTS: usize = 8;

/// The message is recorded.
pub(crate) async fn recorded(webhook: Webhook) -> Response {
    answer("recording_complete", &webhook, keep_recording(&webhook)).await
}

async fn keep_recording(webhook: &Webhook) -> Result<Twiml, HookError> {
    let call = call_of(webhook, CallStatus::InProgress).await?;
    let duration_s = webhook.param("RecordingDuration").and_then(|seconds| seconds.parse().ok());
    let told = Told { duration_s: duration_s.filter(|seconds: &i64| *seconds >= 0), transcript: None };
    keep(webhook, &call, told).await?;
    Ok(Twiml::new(&[Verb::Hangup]))
}

/// The message was written down, or could not be.
pub(crate) async fn transcribed(webhook: Webhook) -> Response {
    reported("transcription_complete", keep_transcript(&webhook).await)
}

async fn keep_transcript(webhook: &Webhook) -> Result<(), HookError> {
    let is_there = webhook.param("TranscriptionStatus") == Some("completed");
    let transcript = webhook.param("TranscriptionText").map(str::to_owned);
    let call = call_of(webhook, CallStatus::InProgress).await?;
    keep(webhook, &call, Told { duration_s: None, transcript: transcript.filter(|_| is_there) }).await
}

/// What is told of a message.
#[derive(Clone, Debug)]
struct Told {
    duration_s: Option<i64>,
    transcript: Option<String>,
}

impl Told {
    /// The message with what is new; `None` if nothing is.
    fn add_to(&self, known: &Voicemail) -> Option<Voicemail> {
        let mut new = known.clone();
        new.duration_s = known.duration_s.or(self.duration_s);
        new.transcript = known.transcript.clone().or_else(|| self.transcript.clone());
        (new != *known).then_some(new)
    }

    /// The message, told of for the first time.
    fn message(&self, call: &Call, recording_sid: &str) -> Voicemail {
        Voicemail {
            call: call.id.clone(),
            number: call.number.clone(),
            from: call.from_number.clone(),
            recording_sid: Some(recording_sid.to_owned()),
            duration_s: self.duration_s,
            transcript: self.transcript.clone(),
            status: VoicemailStatus::New,
        }
    }
}

async fn keep(webhook: &Webhook, call: &Call, told: Told) -> Result<(), HookError> {
    let store = &*webhook.store;
    let sid = webhook.required("RecordingSid")?;
    for _ in 0..ATTEMPTS {
        let Some(known) = store.find::<Voicemail>(sid).await? else {
            let mut tx = store.begin(&Actor::system(CARRIER), now_us()).await?;
            if let Some(row) = tx.insert_new(VoicemailId::generate(), told.message(call, sid)).await? {
                tx.append(&[left(call, webhook, row.id.as_str())]).await?;
                announce(&mut *tx, voicemail_received(&row)).await?;
                return Ok(tx.commit().await?);
            }
            continue;
        };
        let Some(new) = told.add_to(&known.value) else { return Ok(()) };
        let mut tx = store.begin(&Actor::system(CARRIER), now_us()).await?;
        match tx.update(&known.id, known.version, new).await {
            Ok(_) => return Ok(tx.commit().await?),
            Err(StoreError::Stale { .. }) => {}
            Err(cause) => return Err(cause.into()),
        }
    }
    Err(HookError::Store(StoreError::Unavailable {
        doing: "keeping a message",
        source: "it was changed by others all the time".into(),
    }))
}

fn left(call: &Call, webhook: &Webhook, voicemail: &str) -> Record {
    let data = json!({
        "voicemail": voicemail,
        "recording_sid": webhook.param("RecordingSid"),
        "recording_url": webhook.param("RecordingUrl"),
        "duration_s": webhook.param("RecordingDuration"),
    });
    let event = Event { at: now_us(), kind: "message_left".to_owned(), data: data.to_string() };
    Record::Event { call: call.id.clone(), event }
}
