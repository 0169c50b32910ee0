//! Deepgram's wire format: the address of a session and the messages both ways, without a socket.

use super::DeepgramSettings;
use crate::{
    provider::http::versioned,
    stt::{SttEvent, SttSpec, Transcript},
};
use serde::Deserialize;
use url::Url;

/// Keeps a session without audio open; must be text.
pub(super) const KEEP_ALIVE: &str = r#"{"type":"KeepAlive"}"#;
/// Asks for what is known so far.
pub(super) const FINALIZE: &str = r#"{"type":"Finalize"}"#;
/// Asks for what is left, and for the end.
pub(super) const CLOSE_STREAM: &str = r#"{"type":"CloseStream"}"#;

/// Shortest `utterance_end_ms` that Deepgram takes.
const UTTERANCE_END_MS_MIN: u32 = 1_000;

/// Where a session for telephone audio is opened.
pub(super) fn listen_url(settings: &DeepgramSettings, spec: &SttSpec) -> Url {
    let mut url = versioned(&settings.base_url, "listen");
    {
        let mut query = url.query_pairs_mut();
        query.append_pair("model", &settings.model);
        for (key, value) in [("encoding", "mulaw"), ("sample_rate", "8000"), ("channels", "1")] {
            query.append_pair(key, value);
        }
        for key in ["interim_results", "punctuate", "vad_events"] {
            query.append_pair(key, "true");
        }
        for (key, wanted) in [
            ("smart_format", settings.smart_format),
            ("numerals", settings.numerals),
            ("mip_opt_out", settings.opt_out_of_training),
        ] {
            if wanted {
                query.append_pair(key, "true");
            }
        }
        if !spec.language.is_empty() {
            query.append_pair("language", &spec.language);
        }
        query.append_pair("endpointing", &spec.endpointing_ms.to_string());
        query.append_pair("utterance_end_ms", &spec.utterance_end_ms.max(UTTERANCE_END_MS_MIN).to_string());
        // Nova-3 boosts whole terms; its predecessors know single keywords.
        let key = if settings.model.starts_with("nova-3") { "keyterm" } else { "keywords" };
        for term in &spec.keyterms {
            query.append_pair(key, term);
        }
    }
    url
}

/// A message from Deepgram.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Incoming {
    Event {
        /// From 0.
        channel: u32,
        event: SttEvent,
    },
    /// The session's end.
    Summary { billed_seconds: f64 },
    /// Something we sent was not understood; the session goes on.
    Complaint(String),
    /// A type that we do not know or need.
    Ignored,
}

/// Reads one text message.
pub(super) fn parse(text: &str) -> Result<Incoming, serde_json::Error> {
    let message: Wire = serde_json::from_str(text)?;
    let channel = message.channel_index.as_deref().and_then(|index| index.first()).copied().unwrap_or(0);
    Ok(match message.kind.as_deref() {
        Some("Results") => Incoming::Event { channel, event: SttEvent::Transcript(transcript(message)?) },
        Some("UtteranceEnd") => {
            let last_word_end_ms = message.last_word_end.filter(|end| *end >= 0.0).map(ms);
            let channel = first_number(message.channel.as_ref());
            Incoming::Event { channel, event: SttEvent::UtteranceEnd { last_word_end_ms } }
        }
        Some("SpeechStarted") => {
            let at_ms = ms(message.timestamp.unwrap_or(0.0));
            let channel = first_number(message.channel.as_ref());
            Incoming::Event { channel, event: SttEvent::SpeechStarted { at_ms } }
        }
        Some("Metadata") => Incoming::Summary { billed_seconds: message.duration.unwrap_or(0.0) },
        Some("Error") => Incoming::Complaint(message.description.unwrap_or_default()),
        Some(_) | None => Incoming::Ignored,
    })
}

fn transcript(message: Wire) -> Result<Transcript, serde_json::Error> {
    let channel: Channel = match message.channel {
        Some(channel) => serde_json::from_value(channel)?,
        None => Channel::default(),
    };
    let best = channel.alternatives.unwrap_or_default().into_iter().next().unwrap_or_default();
    let start = message.start.unwrap_or(0.0);
    Ok(Transcript {
        text: best.transcript.unwrap_or_default(),
        is_final: message.is_final.unwrap_or(false),
        speech_final: message.speech_final.unwrap_or(false),
        from_finalize: message.from_finalize.unwrap_or(false),
        confidence: best.confidence.unwrap_or(0.0),
        start_ms: ms(start),
        end_ms: ms(start + message.duration.unwrap_or(0.0)),
    })
}

/// The channel's number in events whose `channel` is `[number, count]`.
fn first_number(channel: Option<&serde_json::Value>) -> u32 {
    channel
        .and_then(|channel| channel.get(0))
        .and_then(serde_json::Value::as_u64)
        .and_then(|number| u32::try_from(number).ok())
        .unwrap_or(0)
}

/// Seconds of audio as whole milliseconds.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, NaN gives 0"
)]
fn ms(seconds: f64) -> u64 {
    (seconds * 1_000.0).round() as u64
}

/// All messages in one: only `type` tells them apart, and any field may be missing.
#[derive(Deserialize)]
struct Wire {
    #[serde(rename = "type")]
    kind: Option<String>,
    channel_index: Option<Vec<u32>>,
    /// An object in `Results`, a list of two numbers elsewhere.
    channel: Option<serde_json::Value>,
    duration: Option<f64>,
    start: Option<f64>,
    is_final: Option<bool>,
    speech_final: Option<bool>,
    from_finalize: Option<bool>,
    last_word_end: Option<f64>,
    timestamp: Option<f64>,
    description: Option<String>,
}

#[derive(Default, Deserialize)]
struct Channel {
    alternatives: Option<Vec<Alternative>>,
}

#[derive(Default, Deserialize)]
struct Alternative {
    transcript: Option<String>,
    confidence: Option<f32>,
}

#[cfg(test)]
mod tests;
