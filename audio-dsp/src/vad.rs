//! Voice activity: when the caller starts and stops speaking, in telephone audio at 8 kHz.
//!
//! Audio is judged in blocks of 10 ms. A block is *active* when one of three bands rises over its own
//! noise floor, and *voiced* when it is also periodic without being a steady tone. Speech starts after a
//! short active stretch with a voice in it; noise, hum and clicks lack the voice. Whispering is therefore
//! not heard as speech, while music, other people's voices and a beating tone are.
//!
//! Positions are samples since the start of the stream (8,000 per second). Any split of the stream into
//! frames gives the same events. It owns no clock and allocates nothing.

mod bands;
mod floor;
mod judge;
mod pitch;
mod segment;
#[cfg(test)]
mod tests;

use crate::g711::ulaw;
use bands::BLOCK;
use judge::Judge;
use segment::Segmenter;

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
    /// Speech ends when nothing was heard for this long (ms). Default 200: longer than any closure inside
    /// a word, shorter than a pause between sentences.
    pub hangover_ms: u32,
    /// Sound without any voice in it is noise after this long (ms). Default 300: a hiss as in "six" seldom
    /// lasts 200.
    pub unvoiced_ms: u32,
    /// A block starts speech only when it is this far above the noise floor (dB, in one band). Default 7.
    pub start_snr_db: f32,
    /// A block continues speech when it is this far above the noise floor (dB, in one band). Default 3.5:
    /// less than at the start, so that the ends of words are not cut off.
    pub continue_snr_db: f32,
    /// What is quieter than this is never speech (dBFS, power of one band). Default -52: telephone
    /// speech is between -35 and -10 dBFS, its quiet syllables 15 dB below.
    pub quietest_dbfs: f32,
    /// A voice that is quieter than this is in the background (dBFS, power of one band). Default -46.
    pub quietest_voice_dbfs: f32,
    /// The noise assumed before any has been heard (dBFS, power of one band). Default -60: a quiet line.
    pub initial_noise_dbfs: f32,
    /// How periodic (0 to 1) sound must be to count as a voice. Default 0.6: vowels have 0.7 and more,
    /// noise has 0.3 to 0.5.
    pub voiced_periodicity: f32,
}

impl Default for VadOptions {
    fn default() -> Self {
        Self {
            onset_ms: 60,
            sustained_ms: 200,
            sustained_gap_ms: 60,
            hangover_ms: 200,
            unvoiced_ms: 300,
            start_snr_db: 7.0,
            continue_snr_db: 3.5,
            quietest_dbfs: -52.0,
            quietest_voice_dbfs: -46.0,
            initial_noise_dbfs: -60.0,
            voiced_periodicity: 0.6,
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
    block: [f32; BLOCK],
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
            block: [0.0; BLOCK],
            filled: 0,
            position: 0,
            judge: Judge::new(&options),
            segmenter: Segmenter::new(&options),
        }
    }

    /// Takes a frame of mu-law at 8 kHz, of any length, and calls `emit` for each thing found.
    pub fn push_ulaw(&mut self, frame: &[u8], emit: impl FnMut(VadEvent)) {
        self.push(frame, |&code| f32::from(ulaw::decode_sample(code)), emit);
    }

    /// Takes a frame of 16-bit samples at 8 kHz, of any length, and calls `emit` for each thing found.
    pub fn push_pcm(&mut self, frame: &[i16], emit: impl FnMut(VadEvent)) {
        self.push(frame, |&sample| f32::from(sample), emit);
    }

    /// Whether the caller is speaking: between a start and its end.
    pub fn is_speaking(&self) -> bool {
        self.segmenter.is_speaking()
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

    fn push<T>(&mut self, mut frame: &[T], sample: impl Fn(&T) -> f32, mut emit: impl FnMut(VadEvent)) {
        while !frame.is_empty() {
            let (now, later) = frame.split_at(frame.len().min(BLOCK - self.filled));
            for (to, from) in self.block[self.filled..].iter_mut().zip(now) {
                *to = sample(from);
            }
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
        let verdict = self.judge.hear(&self.block, self.segmenter.is_listening());
        if self.segmenter.advance(start, verdict, emit) == segment::Finding::Noise {
            self.judge.raise_floors();
        }
    }
}
