//! The Media Streams wire: what the carrier says on the socket, and what may be said back.
//!
//! Reading a `media` message allocates nothing: it is parsed into one flat struct that borrows from the
//! message, and its audio is decoded into the caller's buffer. Nothing that comes from the network panics;
//! what is wrong with a message is a [`WireError`] that names the field. Fields and events that we do not know
//! are tolerated.

use serde::Deserialize;
use std::{borrow::Cow, collections::BTreeMap, fmt};

mod diagnosis;
mod outbound;
#[cfg(test)]
mod tests;

pub use outbound::{write_clear, write_mark, write_media};

/// Longest message accepted from the socket, in bytes. A `media` message of 20 ms is 382 bytes and custom
/// parameters are below 500 characters each; this leaves room for both and bounds what a stranger can make us
/// hold.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// Most audio that one `media` message may carry, in bytes (one sample each): 1,024 ms. The carrier sends
/// 160 bytes but does not promise it.
pub const PAYLOAD_AUDIO_BYTES_MAX: usize = 8 * 1024;

/// [`PAYLOAD_AUDIO_BYTES_MAX`] in base64.
const PAYLOAD_BASE64_BYTES_MAX: usize = PAYLOAD_AUDIO_BYTES_MAX.div_ceil(3) * 4;

/// Longest stream, call or account identifier, in bytes. The carrier's have 34.
const SID_BYTES_MAX: usize = 64;

/// Longest name of a mark, in bytes. Ours, which are all that can come back, are below 32; a longer one would only
/// fill the call's journal.
const MARK_NAME_BYTES_MAX: usize = 64;

/// So much of an announced encoding goes into an error, in characters.
const ENCODING_QUOTED_MAX: usize = 40;

/// The one audio format of a bidirectional stream.
const ENCODING: &str = "audio/x-mulaw";
const SAMPLE_RATE_HZ: u64 = 8_000;
const CHANNELS: u64 = 1;

/// What is wrong with a message from the carrier.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// Longer than [`MESSAGE_BYTES_MAX`].
    #[error("the message has {bytes} bytes; at most {MESSAGE_BYTES_MAX} are accepted")]
    MessageTooLong {
        /// Its length.
        bytes: usize,
    },
    /// Not JSON, or not an object, or a field twice.
    #[error("the message is not a JSON object as the protocol has it")]
    NotJson(#[source] serde_json::Error),
    /// A field that the event must have is not there.
    #[error("the field {field} is missing")]
    Missing {
        /// Its path, such as `media.payload`.
        field: &'static str,
    },
    /// A field has another JSON type than the protocol gives it.
    #[error("the field {field} is not {expected}")]
    WrongType {
        /// Its path.
        field: &'static str,
        /// The type it should have, such as `a string`.
        expected: &'static str,
    },
    /// A field has the right type and a value that cannot be.
    #[error("the field {field} is not {expected}")]
    WrongValue {
        /// Its path.
        field: &'static str,
        /// What it should be, such as `a decimal number`.
        expected: &'static str,
    },
    /// The stream carries other audio than mu-law, 8,000 Hz, mono.
    #[error(
        "the stream's audio is {encoding:?}, {sample_rate} Hz, {channels} channels; only audio/x-mulaw, 8000 Hz, 1 channel is served"
    )]
    MediaFormat {
        /// Encoding as announced, cut to 40 characters.
        encoding: String,
        /// Hz.
        sample_rate: u64,
        /// Number of channels.
        channels: u64,
    },
    /// A payload that does not fit the buffer, or is longer than [`PAYLOAD_AUDIO_BYTES_MAX`].
    #[error(
        "the payload has {base64_bytes} bytes of base64; at most {audio_bytes_max} bytes of audio are accepted"
    )]
    PayloadTooLong {
        /// Its length before decoding.
        base64_bytes: usize,
        /// Room for audio.
        audio_bytes_max: usize,
    },
    /// A payload that is not padded standard base64.
    #[error("the payload is not base64")]
    PayloadNotBase64(#[source] base64_simd::Error),
}

/// A stream's identifier, safe to be written into JSON as it is: 1 to 64 of `A-Z a-z 0-9 _ -`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamSid(String);

impl StreamSid {
    /// Takes an identifier in.
    ///
    /// # Errors
    /// [`WireError::WrongValue`] if it has other characters or another length.
    pub fn new(text: &str) -> Result<Self, WireError> {
        sid("streamSid", text).map(Self)
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StreamSid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A message from the carrier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inbound<'a> {
    /// The first message of a socket.
    Connected {
        /// `Call`.
        protocol: Cow<'a, str>,
        /// Of the protocol, such as `1.0.0`.
        version: Cow<'a, str>,
    },
    /// The second: which call this is.
    Start(Start),
    /// Audio.
    Media(Media<'a>),
    /// One of our marks came back: everything sent before it was played, or cleared.
    Mark {
        /// Whose.
        stream_sid: Cow<'a, str>,
        /// As we sent it.
        name: Cow<'a, str>,
    },
    /// The caller pressed a key.
    Dtmf {
        /// Whose.
        stream_sid: Cow<'a, str>,
        /// One of `0-9 * # A-D`.
        digit: char,
    },
    /// The call, or the stream, has ended on the carrier's side.
    Stop {
        /// Whose.
        stream_sid: Cow<'a, str>,
    },
    /// An event that the protocol did not have when this was written.
    Unknown {
        /// Its name.
        event: Cow<'a, str>,
    },
}

/// What the carrier says of a stream; believed only after admission. Its audio is mu-law, 8,000 Hz, mono:
/// everything else is refused while parsing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// The carrier's account (`AC…`); checked like a [`StreamSid`].
    pub account_sid: String,
    /// The carrier's call (`CA…`); checked like a [`StreamSid`].
    pub call_sid: String,
    /// The stream (`MZ…`).
    pub stream_sid: StreamSid,
    /// What will be sent: `inbound`, `outbound`.
    pub tracks: Vec<String>,
    /// What our TwiML gave along.
    pub custom_parameters: BTreeMap<String, String>,
}

/// A piece of audio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media<'a> {
    /// Whose.
    pub stream_sid: Cow<'a, str>,
    /// Which direction.
    pub track: Track,
    /// Start of the piece, ms since the start of the stream.
    pub timestamp_ms: u64,
    /// Counts the pieces of the track, from 1.
    pub chunk: u64,
    /// Counts the messages of the stream, from 1.
    pub sequence: u64,
    /// Mu-law in base64; see [`decode_payload`].
    pub payload: Cow<'a, str>,
}

/// Direction of audio, seen from the carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Track {
    /// What the caller says.
    Inbound,
    /// Anything else; a bidirectional stream does not carry it.
    Other,
}

/// Every message in one struct. Not a tagged enum: serde buffers those, which doubles the time per frame.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    #[serde(borrow)]
    event: Option<Text<'a>>,
    #[serde(borrow)]
    sequence_number: Option<Text<'a>>,
    #[serde(borrow)]
    stream_sid: Option<Text<'a>>,
    #[serde(borrow)]
    protocol: Option<Text<'a>>,
    #[serde(borrow)]
    version: Option<Text<'a>>,
    #[serde(borrow)]
    media: Option<MediaFields<'a>>,
    #[serde(borrow)]
    mark: Option<MarkFields<'a>>,
    #[serde(borrow)]
    dtmf: Option<DtmfFields<'a>>,
    start: Option<StartFields>,
}

/// A string that borrows where it can. In an `Option` the bare `Cow` never would, and a `&str` would refuse
/// the escaped `\/` that JSON allows in base64.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

#[derive(Deserialize)]
struct MediaFields<'a> {
    #[serde(borrow)]
    track: Option<Text<'a>>,
    #[serde(borrow)]
    chunk: Option<Text<'a>>,
    #[serde(borrow)]
    timestamp: Option<Text<'a>>,
    #[serde(borrow)]
    payload: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct MarkFields<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct DtmfFields<'a> {
    #[serde(borrow)]
    digit: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StartFields {
    account_sid: Option<String>,
    call_sid: Option<String>,
    stream_sid: Option<String>,
    tracks: Option<Vec<String>>,
    media_format: Option<FormatFields>,
    custom_parameters: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FormatFields {
    encoding: Option<String>,
    sample_rate: Option<u64>,
    channels: Option<u64>,
}

/// Reads one text message.
///
/// # Errors
/// Says what is wrong with it, and with which field.
pub fn parse(text: &str) -> Result<Inbound<'_>, WireError> {
    if text.len() > MESSAGE_BYTES_MAX {
        return Err(WireError::MessageTooLong { bytes: text.len() });
    }
    let message: Message<'_> = match serde_json::from_str(text) {
        Ok(message) => message,
        Err(error) => return diagnosis::diagnose(text, error),
    };
    let stream_sid = message.stream_sid;
    let event = required("event", message.event)?;
    match &*event {
        "media" => {
            let media = required("media", message.media)?;
            Ok(Inbound::Media(Media {
                stream_sid: required_text("streamSid", stream_sid)?,
                track: if required("media.track", media.track)?.0 == "inbound" {
                    Track::Inbound
                } else {
                    Track::Other
                },
                timestamp_ms: number("media.timestamp", media.timestamp)?,
                chunk: number("media.chunk", media.chunk)?,
                sequence: number("sequenceNumber", message.sequence_number)?,
                payload: required_text("media.payload", media.payload)?,
            }))
        }
        "mark" => Ok(Inbound::Mark {
            stream_sid: required_text("streamSid", stream_sid)?,
            name: mark_name(required_text("mark.name", required("mark", message.mark)?.name)?)?,
        }),
        "dtmf" => Ok(Inbound::Dtmf {
            stream_sid: required_text("streamSid", stream_sid)?,
            digit: digit(&required_text("dtmf.digit", required("dtmf", message.dtmf)?.digit)?)?,
        }),
        "stop" => Ok(Inbound::Stop { stream_sid: required_text("streamSid", stream_sid)? }),
        "connected" => Ok(Inbound::Connected {
            protocol: required_text("protocol", message.protocol)?,
            version: required_text("version", message.version)?,
        }),
        "start" => start(required("start", message.start)?, stream_sid).map(Inbound::Start),
        _ => Ok(Inbound::Unknown { event: event.0 }),
    }
}

/// Decodes a payload to mu-law bytes at the beginning of `audio` and says how many there are. A buffer of
/// [`PAYLOAD_AUDIO_BYTES_MAX`] takes every payload that is accepted. Allocates nothing.
///
/// # Errors
/// When it is too long for `audio` or at all, or not base64; `audio` holds nothing of use then.
pub fn decode_payload(payload: &str, audio: &mut [u8]) -> Result<usize, WireError> {
    let base64 = payload.as_bytes();
    let too_long = || WireError::PayloadTooLong {
        base64_bytes: base64.len(),
        audio_bytes_max: audio.len().min(PAYLOAD_AUDIO_BYTES_MAX),
    };
    if base64.len() > PAYLOAD_BASE64_BYTES_MAX {
        return Err(too_long());
    }
    let length = base64_simd::STANDARD.decoded_length(base64).map_err(WireError::PayloadNotBase64)?;
    if length > audio.len().min(PAYLOAD_AUDIO_BYTES_MAX) {
        return Err(too_long());
    }
    let room = base64_simd::AsOut::as_out(&mut audio[..length]);
    base64_simd::STANDARD.decode(base64, room).map_err(WireError::PayloadNotBase64)?;
    Ok(length)
}

fn start(fields: StartFields, outer_sid: Option<Text<'_>>) -> Result<Start, WireError> {
    let stream_sid = required("start.streamSid", fields.stream_sid)?;
    if outer_sid.is_some_and(|outer| outer.0 != stream_sid) {
        return Err(WireError::WrongValue { field: "streamSid", expected: "the same as start.streamSid" });
    }
    let format = required("start.mediaFormat", fields.media_format)?;
    let encoding = required("start.mediaFormat.encoding", format.encoding)?;
    let sample_rate = required("start.mediaFormat.sampleRate", format.sample_rate)?;
    let channels = required("start.mediaFormat.channels", format.channels)?;
    if encoding != ENCODING || sample_rate != SAMPLE_RATE_HZ || channels != CHANNELS {
        let encoding = encoding.chars().take(ENCODING_QUOTED_MAX).collect();
        return Err(WireError::MediaFormat { encoding, sample_rate, channels });
    }
    Ok(Start {
        account_sid: sid("start.accountSid", &required("start.accountSid", fields.account_sid)?)?,
        call_sid: sid("start.callSid", &required("start.callSid", fields.call_sid)?)?,
        stream_sid: StreamSid(sid("start.streamSid", &stream_sid)?),
        tracks: required("start.tracks", fields.tracks)?,
        custom_parameters: fields.custom_parameters.unwrap_or_default(),
    })
}

fn required<T>(field: &'static str, value: Option<T>) -> Result<T, WireError> {
    value.ok_or(WireError::Missing { field })
}

fn required_text<'a>(field: &'static str, value: Option<Text<'a>>) -> Result<Cow<'a, str>, WireError> {
    Ok(required(field, value)?.0)
}

fn number(field: &'static str, value: Option<Text<'_>>) -> Result<u64, WireError> {
    let text = required(field, value)?;
    text.parse().map_err(|_| WireError::WrongValue { field, expected: "a decimal number" })
}

fn mark_name(name: Cow<'_, str>) -> Result<Cow<'_, str>, WireError> {
    if name.len() <= MARK_NAME_BYTES_MAX {
        Ok(name)
    } else {
        Err(WireError::WrongValue { field: "mark.name", expected: "one of ours: at most 64 bytes" })
    }
}

fn digit(text: &str) -> Result<char, WireError> {
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(digit @ ('0'..='9' | '*' | '#' | 'A'..='D')), None) => Ok(digit),
        _ => Err(WireError::WrongValue { field: "dtmf.digit", expected: "one of 0-9 * # A-D" }),
    }
}

fn sid(field: &'static str, text: &str) -> Result<String, WireError> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if is_plain && (1..=SID_BYTES_MAX).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err(WireError::WrongValue { field, expected: "1 to 64 letters, digits, _ or -" })
    }
}
