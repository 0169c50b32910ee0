//! The events of rows: what is told when a number, a recording or a message is in a new state. Each has one id, however often it
//! is told.

use crate::{
    event::{Event, EventType},
    payload::{NumberChanged, NumberOwned, RecordingReady, VoicemailReceived},
};
use serde::Serialize;
use serde_json::Value;
use store::{
    Stored,
    ids::{NumberId, RecordingId},
    model::{number::Number, queue::Voicemail, recording::Recording},
};

/// Fields of a number that say nothing of what it does.
const QUIET: [&str; 2] = ["account", "carrier_sid"];

/// A number was bought.
#[must_use]
pub fn number_purchased(id: &NumberId, number: &Number, at: i64) -> Event {
    Event::once(EventType::NumberPurchased, id.as_str(), "", at, &owned(id, number))
}

/// A number was given back.
#[must_use]
pub fn number_released(id: &NumberId, number: &Number, at: i64) -> Event {
    Event::once(EventType::NumberReleased, id.as_str(), "", at, &owned(id, number))
}

fn owned(id: &NumberId, number: &Number) -> NumberOwned {
    NumberOwned {
        number_id: id.to_string(),
        e164: number.e164.clone(),
        name: number.name.clone(),
        carrier_number_id: number.carrier_sid.clone(),
    }
}

/// A number does something else than `before`, or was added; `None` if nothing of what it does was changed.
#[must_use]
pub fn number_changed(before: Option<&Number>, now: &Stored<Number>) -> Option<Event> {
    let changed = before.map_or_else(Vec::new, |before| differences(before, &now.value));
    (before.is_none() || !changed.is_empty()).then(|| number_event(now, changed, ""))
}

/// A number's calls come here from now on, wherever they went before: that is set at the carrier and not in the row.
#[must_use]
pub fn number_pointed_here(now: &Stored<Number>, at: i64) -> Event {
    let event = number_event(now, vec!["webhooks".to_owned()], &at.to_string());
    Event { at, ..event }
}

fn number_event(row: &Stored<Number>, changed: Vec<String>, occurrence: &str) -> Event {
    let number = &row.value;
    let data = NumberChanged {
        number_id: row.id.to_string(),
        e164: number.e164.clone(),
        name: number.name.clone(),
        status: number.status.as_str().to_owned(),
        primary: number.primary,
        changed,
    };
    let occurrence = format!("{} {occurrence}", row.version);
    Event::once(EventType::NumberChanged, row.id.as_str(), &occurrence, row.updated_at, &data)
}

/// The names of the fields that are not the same.
fn differences(before: &impl Serialize, now: &impl Serialize) -> Vec<String> {
    let fields = |row: Value| match row {
        Value::Object(fields) => fields,
        _ => serde_json::Map::new(),
    };
    let before = fields(serde_json::to_value(before).unwrap_or_default());
    let now = fields(serde_json::to_value(now).unwrap_or_default());
    now.into_iter()
        .filter(|(name, value)| !QUIET.contains(&name.as_str()) && before.get(name) != Some(value))
        .map(|(name, _)| name)
        .collect()
}

/// A recording can be heard.
#[must_use]
pub fn recording_ready(id: &RecordingId, recording: &Recording, at: i64) -> Event {
    let data = RecordingReady {
        recording_id: id.to_string(),
        call_id: recording.call.to_string(),
        source: recording.source.as_str().to_owned(),
        media_type: recording.media_type.clone(),
        channels: i64::from(recording.channels),
        duration_ms: recording.duration_ms,
        bytes: recording.bytes,
    };
    Event::once(EventType::RecordingReady, id.as_str(), "", at, &data)
}

/// A caller left a message.
#[must_use]
pub fn voicemail_received(row: &Stored<Voicemail>) -> Event {
    let message = &row.value;
    let data = VoicemailReceived {
        voicemail_id: row.id.to_string(),
        call_id: message.call.to_string(),
        number_id: message.number.as_ref().map(ToString::to_string),
        from: message.from.clone(),
        duration_s: message.duration_s,
        transcript: message.transcript.clone(),
    };
    Event::once(EventType::VoicemailReceived, row.id.as_str(), "", row.created_at, &data)
}
