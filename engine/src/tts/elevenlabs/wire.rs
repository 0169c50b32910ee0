//! The wire format of `multi-stream-input`, without a socket. The service and its own libraries disagree on how
//! keys are spelled: every spelling is taken.

use super::{ElevenLabsSettings, VoiceSettings};
use crate::{
    provider::{ErrorKind, http::versioned},
    tts::TtsSpec,
};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

/// Where a session is opened.
pub(super) fn session_url(settings: &ElevenLabsSettings, spec: &TtsSpec) -> Url {
    let mut url = versioned(&settings.base_url, "text-to-speech");
    if let Ok(mut path) = url.path_segments_mut() {
        path.extend([spec.voice.as_str(), "multi-stream-input"]);
    }
    {
        let mut query = url.query_pairs_mut();
        query.append_pair("model_id", &settings.model);
        query.append_pair("output_format", "ulaw_8000");
        query.append_pair("auto_mode", "true");
        query.append_pair("sync_alignment", "true");
        query.append_pair("inactivity_timeout", &settings.inactivity_timeout_s.to_string());
        // The language alone, without a region.
        let language = spec.language.split(['-', '_']).next().unwrap_or_default();
        if settings.send_language && !language.is_empty() {
            query.append_pair("language_code", language);
        }
    }
    url
}

/// Opens a context; the text of the first message is one space.
pub(super) fn open_context(context: &str, voice: Option<&VoiceSettings>) -> Value {
    let mut message = json!({"text": " ", "context_id": context});
    if let Some(voice) = voice {
        message["voice_settings"] = json!({
            "stability": tenths(voice.stability),
            "similarity_boost": tenths(voice.similarity_boost),
            "use_speaker_boost": voice.use_speaker_boost,
            "speed": tenths(voice.speed),
        });
    }
    message
}

/// A setting without the digits that single precision adds.
fn tenths(value: f32) -> f64 {
    (f64::from(value) * 1_000.0).round() / 1_000.0
}

/// All of a sentence; a text ends with a space, or the next one would be joined to its last word.
pub(super) fn speak(context: &str, text: &str) -> Value {
    json!({"text": format!("{text} "), "context_id": context})
}

/// Asks for the audio of what was sent.
pub(super) fn flush(context: &str) -> Value {
    json!({"context_id": context, "flush": true})
}

/// Says that nothing more comes; the audio still does, then `isFinal`.
pub(super) fn close_context(context: &str) -> Value {
    json!({"context_id": context, "close_context": true})
}

/// Ends the session once the contexts that were flushed are done.
pub(super) const CLOSE_SOCKET: &str = r#"{"close_socket":true}"#;

/// Holds the session open. All our contexts are closed as soon as they have their text, so that the message is
/// for none of them.
pub(super) const KEEP_ALIVE: &str = r#"{"text":""}"#;

/// A message from the service.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Incoming {
    Piece {
        /// Empty if the service named none.
        context: String,
        /// Mu-law; may be empty.
        audio: Vec<u8>,
        alignment: Vec<TimedText>,
        is_final: bool,
    },
    Error {
        context: Option<String>,
        name: String,
        message: String,
        kind: ErrorKind,
    },
    /// A type that we do not know or need.
    Ignored,
}

/// A character and where it ends, in ms from the start of its piece.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TimedText {
    pub(super) text: String,
    pub(super) end_ms: f64,
}

/// A message cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error("the audio is not base64")]
    Audio(#[from] base64_simd::Error),
}

/// Reads one text message.
pub(super) fn parse(text: &str) -> Result<Incoming, Unreadable> {
    let message: Wire = serde_json::from_str(text)?;
    let context = message.context_id.or(message.context_id_camel);
    if let Some(error) = message.error.filter(|error| !error.is_null()) {
        let name = error.as_str().map_or_else(|| error.to_string(), str::to_owned);
        let kind = error_kind(&name, message.code.as_ref().and_then(Value::as_u64));
        let message = message.message.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
        return Ok(Incoming::Error { context, name, message, kind });
    }
    let is_final = message.is_final.or(message.is_final_camel).unwrap_or(false);
    let alignment = message.alignment.or(message.normalized_alignment).or(message.normalized_alignment_camel);
    let audio = match message.audio {
        Some(audio) => base64_simd::STANDARD.decode_to_vec(audio.as_bytes())?,
        None if is_final || alignment.is_some() => Vec::new(),
        None => return Ok(Incoming::Ignored),
    };
    let alignment = alignment.map(Alignment::timed).unwrap_or_default();
    Ok(Incoming::Piece { context: context.unwrap_or_default(), audio, alignment, is_final })
}

/// What follows from an error message.
fn error_kind(name: &str, code: Option<u64>) -> ErrorKind {
    match name {
        "quota_exceeded" | "payment_required" | "invalid_api_key" | "detected_unusual_activity" => {
            ErrorKind::Auth
        }
        "too_many_concurrent_requests" | "system_busy" | "rate_limit_exceeded" => {
            ErrorKind::RateLimited { after_ms: None }
        }
        "input_timeout_exceeded" => ErrorKind::Transient,
        _ => match code {
            Some(1008 | 1009) => ErrorKind::Rejected,
            _ => ErrorKind::Transient,
        },
    }
}

#[derive(Deserialize)]
struct Wire {
    audio: Option<String>,
    is_final: Option<bool>,
    #[serde(rename = "isFinal")]
    is_final_camel: Option<bool>,
    context_id: Option<String>,
    #[serde(rename = "contextId")]
    context_id_camel: Option<String>,
    /// Of the text as it was sent.
    alignment: Option<Alignment>,
    /// Of the text as it is read out, with numbers as words.
    normalized_alignment: Option<Alignment>,
    #[serde(rename = "normalizedAlignment")]
    normalized_alignment_camel: Option<Alignment>,
    error: Option<Value>,
    message: Option<Value>,
    code: Option<Value>,
}

#[derive(Deserialize)]
struct Alignment {
    chars: Option<Vec<String>>,
    #[serde(rename = "charStartTimesMs")]
    starts: Option<Vec<f64>>,
    #[serde(rename = "charsStartTimesMs")]
    starts_plural: Option<Vec<f64>>,
    #[serde(rename = "charDurationsMs")]
    durations: Option<Vec<f64>>,
    #[serde(rename = "charsDurationsMs")]
    durations_plural: Option<Vec<f64>>,
}

impl Alignment {
    fn timed(self) -> Vec<TimedText> {
        let starts = self.starts.or(self.starts_plural).unwrap_or_default();
        let durations = self.durations.or(self.durations_plural).unwrap_or_default();
        let ends = starts.into_iter().zip(durations).map(|(start, duration)| start + duration);
        let chars = self.chars.unwrap_or_default().into_iter();
        chars.zip(ends).map(|(text, end_ms)| TimedText { text, end_ms }).collect()
    }
}
