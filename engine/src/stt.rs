//! Speech recognition: what a call needs of a provider, and the providers.
//!
//! A session takes caller audio exactly as the telephone line gave it (mu-law, 8 kHz, mono) and answers with
//! transcripts. It does not reconnect: the call's `stt` actor owns that, because only it still has the audio.

use crate::provider::{AbortOnDrop, ProviderError};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use std::fmt::Debug;
use tokio::sync::mpsc;

pub mod deepgram;

/// A provider of live transcription.
pub trait SttProvider: Debug + Send + Sync {
    /// Its name in logs, journals and the waterfall.
    fn name(&self) -> &str;

    /// Opens a session for mu-law 8 kHz mono audio.
    ///
    /// # Errors
    /// When the service cannot be reached or refuses; the session is not open then.
    fn connect(&self, spec: SttSpec) -> BoxFuture<'static, Result<SttSession, ProviderError>>;
}

/// What to listen for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SttSpec {
    /// BCP 47 language, such as `en` or `es`; the provider's own "several languages" value passes through.
    pub language: String,
    /// Words that are likely to be said, such as product names.
    pub keyterms: Vec<String>,
    /// Silence after which the provider calls an utterance finished, in ms.
    pub endpointing_ms: u32,
    /// Silence after the last word after which it says so even in noise, in ms (at least 1,000).
    pub utterance_end_ms: u32,
}

/// An open session. Dropping it closes the connection at once; [`SttCommand::Close`] ends it in order.
#[derive(Debug)]
pub struct SttSession {
    /// Bounded; a full queue means that the network does not take the audio.
    pub commands: mpsc::Sender<SttCommand>,
    /// Bounded. `None` means that the session is over: in order only after [`SttCommand::Close`]. An error is
    /// always the last event.
    pub events: mpsc::Receiver<Result<SttEvent, ProviderError>>,
    /// Runs the socket.
    pub task: AbortOnDrop,
}

/// To the recogniser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SttCommand {
    /// Mu-law 8 kHz bytes, one per sample, never empty.
    Audio(Bytes),
    /// Give out what is known of the audio so far.
    Finalize,
    /// Give out what is left and end.
    Close,
}

/// From the recogniser.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum SttEvent {
    /// Text for a span of audio.
    Transcript(Transcript),
    /// The provider heard no word for the configured time; follows the last word.
    UtteranceEnd {
        /// End of the last word, ms of session audio; `None` if there was none.
        last_word_end_ms: Option<u64>,
    },
    /// The provider's own voice activity.
    SpeechStarted {
        /// Ms of session audio.
        at_ms: u64,
    },
}

/// Text for a span of audio.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transcript {
    /// What was said; may be empty.
    pub text: String,
    /// False: replaces the previous interim. True: this span will not change.
    pub is_final: bool,
    /// The provider heard the end of speech.
    pub speech_final: bool,
    /// Answers a [`SttCommand::Finalize`].
    pub from_finalize: bool,
    /// 0 to 1.
    pub confidence: f32,
    /// Start of the span, ms of session audio (audio received by this session, not wall clock).
    pub start_ms: u64,
    /// End of the span, ms of session audio.
    pub end_ms: u64,
}
