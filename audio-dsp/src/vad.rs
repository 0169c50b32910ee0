//! Voice activity: when the caller starts and stops speaking, in telephone audio at 8 kHz.
//!
//! Audio is judged in blocks of 10 ms. Of each block it is worked out how far eight bands stand above their own
//! noise floors, how periodic the sound is, how loud against the loudest heard, and how it changes
//! ([`features`]); a small network, trained on speech in noise, makes one score of that. Speech starts after a
//! short stretch of blocks that score well. Whispering is therefore not surely heard as speech, while other
//! people's voices and singing are.
//!
//! Positions are samples since the start of the stream (8,000 per second). Any split of the stream into
//! frames gives the same events. It owns no clock and allocates nothing. It computes with integers, and with those
//! operations on floats whose results IEEE 754 fixes to the bit, so that every machine finds the same.

mod classifier;
mod decibels;
pub mod features;
mod floor;
mod judge;
mod kernel;
mod pitch;
mod segment;
mod spectrum;
#[cfg(test)]
mod tests;
mod weights;

use crate::g711::ulaw;
use judge::Judge;
use segment::Segmenter;

/// Samples per block: 10 ms at 8 kHz.
pub const BLOCK: usize = 80;

/// The detector's times and thresholds.
#[derive(Debug, Clone, PartialEq)]
pub struct VadOptions {
    /// Speech starts after this long (ms). Default 60: a click or a knock is shorter, a syllable longer.
    pub onset_ms: u32,
    /// Speech is sustained after this long without a dip longer than `sustained_gap_ms` (ms). Default 200:
    /// how long a caller must speak over the assistant to interrupt it.
    pub sustained_ms: u32,
    /// The longest dip inside continuous speech (ms). Default 60: the closure before a "t" or a "k".
    pub sustained_gap_ms: u32,
    /// Speech ends when nothing was heard for this long (ms). Default 180. Longer than any closure inside a word; the
    /// short pauses inside a sentence are the measure. On the recorded callers, 10 of 100 utterances are cut at such
    /// a pause with 180, 13 with 160, 7 with 200 (`cargo bench -p benches --bench vad_roc` prints the table).
    pub hangover_ms: u32,
    /// Speech ends when it goes on without any voice for this long (ms), since noise has set in. Default 300: a hiss
    /// as in "six" seldom lasts 200.
    pub unvoiced_ms: u32,
    /// A block starts speech only when its score is above this (log-odds). Default 0.5.
    pub start_score: f32,
    /// A block continues speech when its score is above this (log-odds). Default -0.5: less than at the start, so
    /// that the ends of words are not cut off.
    pub continue_score: f32,
    /// A block is surely a voice, without which speech does not start, when its score is above this (log-odds).
    /// Default 1.5: with less, the hum of an engine and people in the background start speech more often; with more,
    /// speech in noise is found later.
    pub voice_score: f32,
    /// What is quieter than this is never speech (dBFS, 10 ms). Default -48: telephone speech is between -35 and
    /// -10 dBFS, and what is much quieter is in the background or an echo.
    pub quietest_dbfs: f32,
}

impl Default for VadOptions {
    fn default() -> Self {
        Self {
            onset_ms: 60,
            sustained_ms: 200,
            sustained_gap_ms: 60,
            hangover_ms: 180,
            unvoiced_ms: 300,
            start_score: 0.5,
            continue_score: -0.5,
            voice_score: 1.5,
            quietest_dbfs: -48.0,
        }
    }
}

/// What the detector has found. Positions are samples since the start of the stream, exact to 10 ms, and
/// say when it happened in the audio, which is earlier than when the detector could tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VadEvent {
    /// The caller began to speak.
    SpeechStarted {
        /// Where the speech began.
        onset: u64,
    },
    /// The caller has spoken for `sustained_ms` without a longer dip; at most once between start and end.
    SpeechSustained {
        /// Where this unbroken stretch began: the start's onset, or later if a longer dip came between.
        onset: u64,
    },
    /// The caller stopped speaking.
    SpeechEnded {
        /// Where the speech ended.
        end: u64,
    },
}

/// Finds speech in one caller's audio.
#[derive(Debug, Clone, PartialEq)]
pub struct Vad {
    /// Samples of the block that is not full yet.
    block: [i16; BLOCK],
    filled: usize,
    /// Where that block starts.
    position: u64,
    judge: Judge,
    segmenter: Segmenter,
}

impl Vad {
    /// A detector at the start of a stream.
    pub fn new(options: VadOptions) -> Self {
        Self {
            block: [0; BLOCK],
            filled: 0,
            position: 0,
            judge: Judge::new(&options),
            segmenter: Segmenter::new(&options),
        }
    }

    /// Takes a frame of mu-law at 8 kHz, of any length, and calls `emit` for each thing found.
    pub fn push_ulaw(&mut self, frame: &[u8], emit: impl FnMut(VadEvent)) {
        let decode = |codes: &[u8], samples: &mut [i16]| {
            ulaw::decode(codes, samples);
        };
        self.push(frame, decode, emit);
    }

    /// Takes a frame of 16-bit samples at 8 kHz, of any length, and calls `emit` for each thing found.
    pub fn push_pcm(&mut self, frame: &[i16], emit: impl FnMut(VadEvent)) {
        self.push(frame, |from, to| to.copy_from_slice(from), emit);
    }

    /// Whether the caller is speaking: between a start and its end.
    pub fn is_speaking(&self) -> bool {
        self.segmenter.is_speaking()
    }

    /// How likely the last whole block is speech (log-odds, -6 to 6); for measuring. The events add times to it.
    pub fn score(&self) -> f32 {
        self.judge.score()
    }

    /// Samples of the stream pushed and skipped so far.
    pub fn position(&self) -> u64 {
        self.position + self.filled as u64
    }

    /// Passes over `samples` of the stream that were lost. Nothing was heard in them: if speech ended
    /// there, the next push says so. What is known about the noise is kept.
    pub fn skip(&mut self, samples: u64) {
        self.position = self.position().saturating_add(samples);
        self.filled = 0;
        self.judge.forget_signal();
    }

    fn push<T>(&mut self, mut frame: &[T], fill: impl Fn(&[T], &mut [i16]), mut emit: impl FnMut(VadEvent)) {
        while !frame.is_empty() {
            let (now, later) = frame.split_at(frame.len().min(BLOCK - self.filled));
            fill(now, &mut self.block[self.filled..self.filled + now.len()]);
            self.filled += now.len();
            frame = later;
            if self.filled == BLOCK {
                self.finish_block(&mut emit);
            }
        }
    }

    fn finish_block(&mut self, emit: &mut impl FnMut(VadEvent)) {
        let start = self.position;
        self.filled = 0;
        self.position = start.saturating_add(BLOCK as u64);
        self.segmenter.reach(start, emit);
        let verdict = self.judge.hear(&self.block, self.segmenter.is_speaking());
        self.segmenter.advance(start, verdict, emit);
    }
}
