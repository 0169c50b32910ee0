//! Speech synthesis: what a call needs of a provider, and the providers.
//!
//! Audio leaves here ready for the telephone line: mu-law, 8 kHz, mono, one byte per sample. A provider that
//! answers PCM is converted inside its client by `audio-dsp`.

use crate::{
    ids::SentenceId,
    provider::{AbortOnDrop, ProviderError},
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use std::fmt::Debug;
use tokio::sync::mpsc;

pub mod elevenlabs;
pub mod openai;

/// A provider of streamed synthesis.
pub trait TtsProvider: Debug + Send + Sync {
    /// Its name in logs, journals and the waterfall.
    fn name(&self) -> &str;

    /// Opens a session, ahead of the first sentence.
    ///
    /// # Errors
    /// When the service cannot be reached or refuses.
    fn connect(&self, spec: TtsSpec) -> BoxFuture<'static, Result<TtsSession, ProviderError>>;
}

/// How to speak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TtsSpec {
    /// The provider's id of the voice.
    pub voice: String,
    /// BCP 47 language, such as `en`.
    pub language: String,
}

/// An open session. Dropping it closes the connection at once.
#[derive(Debug)]
pub struct TtsSession {
    /// Bounded.
    pub commands: mpsc::Sender<TtsCommand>,
    /// Bounded: a slow reader holds the provider's connection back. `None`, or a [`TtsEvent::Failed`] without
    /// a sentence, means that the session is over.
    pub events: mpsc::Receiver<TtsEvent>,
    /// Runs the socket.
    pub task: AbortOnDrop,
}

/// To the synthesiser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TtsCommand {
    /// Speak one sentence. Up to [`SENTENCES_AHEAD`] may be under way at once; their audio may interleave.
    Speak {
        /// Whose audio it will be.
        sentence: SentenceId,
        /// What to say, without a trailing space.
        text: String,
    },
    /// Stop making this sentence; audio of it that still comes is dropped by the client, without a
    /// [`TtsEvent::Done`]. What was in the queue of events before may still be read.
    Cancel(SentenceId),
    /// End the session in order.
    Close,
}

/// Sentences that may be synthesised at the same time: the one that is played, the next, and one to spare.
/// The multi-context protocol of ElevenLabs bears about five.
pub const SENTENCES_AHEAD: usize = 3;

/// From the synthesiser.
#[derive(Clone, Debug)]
pub enum TtsEvent {
    /// The next piece of a sentence.
    Audio {
        /// Whose.
        sentence: SentenceId,
        /// Mu-law 8 kHz, one byte per sample, never empty.
        audio: Bytes,
        /// Words that end inside this or an earlier piece and were not reported before, in order. Empty if the
        /// provider has no alignment.
        words: Vec<WordEnd>,
    },
    /// The sentence is complete.
    Done {
        /// Which.
        sentence: SentenceId,
    },
    /// A sentence, or with `None` the session, failed.
    Failed {
        /// Which sentence, if only that one.
        sentence: Option<SentenceId>,
        /// Why.
        error: ProviderError,
    },
}

/// Where a word of a sentence ends, in its text and in its audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WordEnd {
    /// Byte offset into the sentence's text, just after the word and its punctuation.
    pub text: u32,
    /// Samples (8 kHz) from the start of the sentence's audio to the end of the word.
    pub samples: u32,
}
