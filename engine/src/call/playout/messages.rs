//! What goes into the playout ledger and what comes out of it.

use super::{line::MarkName, media::Media};
use crate::{
    call::time::CallTime,
    ids::{Epoch, SentenceId},
    tts::WordEnd,
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// To the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "input")]
pub enum Input {
    /// A sentence was handed to synthesis; must precede its audio. The first sentence of an epoch ends every
    /// older one: that gets no further sentence, but what it has is still played, first.
    Sentence {
        /// Which.
        id: SentenceId,
        /// The text that is spoken.
        text: Arc<str>,
    },
    /// Audio of a sentence. Sentences may interleave; they are played in order. After
    /// [`Fact::SynthesisCut`] the same sentence goes on: offsets count from the text and audio of its rest.
    Audio {
        /// Whose.
        sentence: SentenceId,
        /// Mu-law 8 kHz. Decisions depend on its length alone, so the journal holds nothing else of it.
        #[serde(with = "length")]
        audio: Bytes,
        /// Words that end in this or earlier audio and were not reported before.
        words: Vec<WordEnd>,
    },
    /// A sentence gets no more audio, be it complete or given up.
    SentenceDone {
        /// Which.
        sentence: SentenceId,
    },
    /// An epoch gets no more sentences.
    Finish {
        /// Which.
        epoch: Epoch,
    },
    /// A mark came back, under the name the carrier gave it.
    Mark {
        /// As it came.
        name: String,
    },
    /// The caller speaks over: stop at once, keep what was not played. Ends with [`Input::Resume`], or with the
    /// epoch that it holds.
    Hold,
    /// Go on, from the start of the word that was cut.
    Resume,
    /// This epoch and every older one are over: stop at once and forget what was not played.
    Drop {
        /// The newest one that is over.
        epoch: Epoch,
    },
    /// The synthesiser is gone, and with it the rest of every sentence that is not done.
    SynthesiserLost,
    /// Time has passed.
    Poll,
}

/// From the ledger, to be carried out in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send this audio as one message.
    Media(Media),
    /// Send a mark with this name.
    Mark(MarkName),
    /// Send `clear`.
    Clear,
    /// Tell the call's decision owner.
    Fact(Fact),
}

/// What the ledger found out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "fact")]
pub enum Fact {
    /// The first audio of an epoch was sent.
    Started {
        /// Which.
        epoch: Epoch,
        /// When.
        at: CallTime,
    },
    /// The first proof that the caller hears an epoch.
    FirstMarkReturned {
        /// Which.
        epoch: Epoch,
        /// When it came.
        at: CallTime,
    },
    /// A mark proved that more of a sentence was heard.
    Heard(HeardSentence),
    /// Everything of a finished epoch has been played.
    Drained {
        /// What was heard of it.
        heard: HeardEpoch,
        /// When.
        at: CallTime,
        /// Whether the carrier's marks say so too; else they did not come back in time and what they would
        /// have proven does not count as heard.
        confirmed: bool,
    },
    /// [`Input::Hold`] was carried out.
    Held {
        /// What had been heard by then.
        heard: HeardEpoch,
    },
    /// [`Input::Drop`] was carried out.
    Dropped {
        /// What was heard, and all that ever will be.
        heard: HeardEpoch,
    },
    /// [`Input::SynthesiserLost`] was carried out.
    SynthesisCut {
        /// What is to be synthesised anew, in order.
        resume: Vec<ResumePoint>,
    },
    /// Speaking, but marks do not come back. Told once, until one does.
    Stalled {
        /// Whose audio.
        epoch: Epoch,
        /// When the oldest mark should have been back.
        since: CallTime,
    },
}

/// How much of an epoch the caller heard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeardEpoch {
    /// Which.
    pub epoch: Epoch,
    /// Its sentences as far as they were announced, in order.
    pub sentences: Vec<HeardSentence>,
}

/// How much of a sentence the caller heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeardSentence {
    /// Which.
    pub sentence: SentenceId,
    /// Byte offset into its text, just after the last word heard; 0 if none was.
    pub text_heard: u32,
    /// Whether that is all of its text.
    pub complete: bool,
}

/// A sentence whose synthesis must be taken up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumePoint {
    /// Which.
    pub sentence: SentenceId,
    /// Byte offset of the first word of its text that is not said yet: synthesise the text from there, under
    /// the same id.
    pub text_offset: u32,
}

/// Things that should not happen, or not often, counted over the stream. Audio in samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Audio of epochs and sentences that were over or never announced, dropped at the door.
    pub stale_audio: u64,
    /// Sentences of epochs that were over, dropped at the door.
    pub stale_sentences: u64,
    /// Audio dropped because the queue was full; see [`super::Playout::has_room`].
    pub overflow_audio: u64,
    /// Audio taken back by `clear`.
    pub cleared_audio: u64,
    /// Played audio that the recorder did not come for.
    pub unrecorded_audio: u64,
    /// The carrier ran dry within a sentence: the caller heard a gap.
    pub underruns: u64,
    /// Audio that was missing in those gaps.
    pub underrun_audio: u64,
    /// The carrier ran dry between two sentences of an epoch: a pause, seldom noticed.
    pub pauses: u64,
    /// Marks that came back after a `clear` and prove nothing.
    pub void_marks: u64,
    /// Marks that are not ours, or came back twice.
    pub unknown_marks: u64,
}

/// Audio as its length in samples, for the journal; read back as silence.
mod length {
    use bytes::Bytes;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Longest piece believed when reading a journal: 10 minutes, which is more than a carrier takes.
    const LONGEST: usize = 10 * 60 * 8_000;

    pub(super) fn serialize<S: Serializer>(audio: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(audio.len() as u64)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        let samples = usize::deserialize(deserializer)?;
        if samples > LONGEST {
            return Err(D::Error::custom(format_args!("audio of {samples} samples in one piece")));
        }
        Ok(Bytes::from(vec![0xFF; samples]))
    }
}
