//! Says which field of a message is ill-typed, which serde does not. Only runs for messages that could not be
//! read, so it may be slow.

use super::{Inbound, WireError};
use serde_json::Value;
use std::borrow::Cow;

/// Which JSON type a field has.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    Object,
    Texts,
    TextByText,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Number => "a whole number, not negative",
            Self::Object => "an object",
            Self::Texts => "an array of strings",
            Self::TextByText => "an object of strings",
        }
    }

    fn is_kind_of(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Number => value.is_u64(),
            Self::Object => value.is_object(),
            Self::Texts => value.as_array().is_some_and(|items| items.iter().all(Value::is_string)),
            Self::TextByText => value.as_object().is_some_and(|items| items.values().all(Value::is_string)),
        }
    }
}

/// Every field that is read, outer ones first.
const FIELDS: &[(&str, Kind)] = &[
    ("event", Kind::Text),
    ("sequenceNumber", Kind::Text),
    ("streamSid", Kind::Text),
    ("protocol", Kind::Text),
    ("version", Kind::Text),
    ("media", Kind::Object),
    ("media.track", Kind::Text),
    ("media.chunk", Kind::Text),
    ("media.timestamp", Kind::Text),
    ("media.payload", Kind::Text),
    ("mark", Kind::Object),
    ("mark.name", Kind::Text),
    ("dtmf", Kind::Object),
    ("dtmf.digit", Kind::Text),
    ("start", Kind::Object),
    ("start.accountSid", Kind::Text),
    ("start.callSid", Kind::Text),
    ("start.streamSid", Kind::Text),
    ("start.tracks", Kind::Texts),
    ("start.mediaFormat", Kind::Object),
    ("start.mediaFormat.encoding", Kind::Text),
    ("start.mediaFormat.sampleRate", Kind::Number),
    ("start.mediaFormat.channels", Kind::Number),
    ("start.customParameters", Kind::TextByText),
];

const EVENTS: &[&str] = &["connected", "start", "media", "mark", "dtmf", "stop"];

/// What to make of a message that could not be read for `error`. An event that we do not know may use our
/// fields' names for other things.
pub(super) fn diagnose<'a>(text: &str, error: serde_json::Error) -> Result<Inbound<'a>, WireError> {
    let Ok(message @ Value::Object(_)) = serde_json::from_str::<Value>(text) else {
        return Err(WireError::NotJson(error));
    };
    if let Some(event) = message["event"].as_str()
        && !EVENTS.contains(&event)
    {
        return Ok(Inbound::Unknown { event: Cow::Owned(event.to_owned()) });
    }
    let ill_typed = FIELDS.iter().find(|(path, kind)| {
        let value = path.split('.').fold(&message, |value, name| &value[name]);
        !value.is_null() && !kind.is_kind_of(value)
    });
    Err(match ill_typed {
        Some(&(field, kind)) => WireError::WrongType { field, expected: kind.name() },
        None => WireError::NotJson(error),
    })
}
