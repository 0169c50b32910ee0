//! What the far end's tones mean: an answering machine's beep, a fax machine, a network that says why a call
//! failed, and the tones of a call's progress (dial, ringing, busy) in North America and as ETSI has them.
//!
//! Frequencies and cadences: special information tone and limits of the others ITU-T E.180; North America the
//! Precise Tone Plan; 425 Hz ETSI TS 101 041; fax ITU-T T.30 (CNG, CED) and V.8 (ANSam).

#![forbid(unsafe_code)]

mod cadence;
mod dual;
mod single;
#[cfg(test)]
mod tests;

use crate::g711::ulaw;
use crate::tone::{ToneDetector, ToneOptions};
use cadence::Cadence;
use dual::DualTones;
use single::Singles;

/// What a tone or a rhythm of tones means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Signal {
    /// A single tone that is none of the others: leave your message.
    Beep {
        /// Its frequency (Hz).
        frequency_hz: f64,
    },
    /// A fax machine is calling: CNG, 1,100 Hz for half a second.
    FaxCalling,
    /// A fax machine or modem has answered: CED or ANSam, 2,100 Hz.
    FaxAnswering,
    /// Three rising tones before an announcement: the call has failed.
    SpecialInformation,
    /// The network waits for digits.
    Dial,
    /// The far end rings.
    Ringing,
    /// The far end is busy.
    Busy,
    /// The network is: reorder, congestion.
    Congestion,
}

/// A signal, and where it was in the stream (samples, 8,000 per second; exact to 30 ms).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SignalEvent {
    /// What was heard.
    pub signal: Signal,
    /// Where it began: the first tone of a sequence.
    pub onset: u64,
    /// Where its last tone ended, or how far it was heard until now.
    pub end: u64,
}

/// Recognises signals in one caller's audio at 8 kHz.
///
/// A beep is told about 200 ms after its end, when nothing has followed that would make it something else; a
/// rhythm when its second period begins, and once for as long as it lasts. Any split of the stream gives the same
/// events, and nothing is allocated.
#[derive(Debug, Clone, PartialEq)]
pub struct SignalDetector {
    tones: ToneDetector,
    singles: Singles,
    dual: DualTones,
    /// The rhythm of 425 Hz, and that of North America's pairs.
    rhythms: [Cadence; 2],
}

impl Default for SignalDetector {
    fn default() -> Self {
        Self::new()
    }
}

impl SignalDetector {
    /// A detector at the start of a stream.
    pub fn new() -> Self {
        Self {
            tones: ToneDetector::new(ToneOptions::default()),
            singles: Singles::default(),
            dual: DualTones::new(),
            rhythms: [Cadence::default(), Cadence::default()],
        }
    }

    /// Takes a frame of mu-law, of any length, and calls `emit` for each thing found.
    pub fn push_ulaw(&mut self, frame: &[u8], emit: impl FnMut(SignalEvent)) {
        self.push(frame, |&code| f32::from(ulaw::decode_sample(code)), emit);
    }

    /// Takes a frame of 16-bit samples, of any length, and calls `emit` for each thing found.
    pub fn push_pcm(&mut self, frame: &[i16], emit: impl FnMut(SignalEvent)) {
        self.push(frame, |&sample| f32::from(sample), emit);
    }

    /// Passes over `samples` of the stream that were lost. Tones and rhythms end there. None lost is nothing done.
    pub fn skip(&mut self, samples: u64, mut emit: impl FnMut(SignalEvent)) {
        if samples == 0 {
            return;
        }
        let Self { tones, singles, dual, rhythms } = self;
        tones.skip(samples, |event| singles.take(event, &mut rhythms[0], &mut emit));
        dual.skip(samples);
        rhythms.iter_mut().for_each(Cadence::forget);
    }

    /// Ends the stream: a tone that is going on ends here, and what waited for what might follow is told.
    pub fn finish(&mut self, mut emit: impl FnMut(SignalEvent)) {
        let Self { tones, singles, rhythms, .. } = self;
        tones.finish(|event| singles.take(event, &mut rhythms[0], &mut emit));
        singles.finish(&mut emit);
        rhythms.iter_mut().for_each(Cadence::forget);
    }

    /// Samples of the stream pushed and skipped so far.
    pub const fn position(&self) -> u64 {
        self.tones.position()
    }

    fn push<T>(&mut self, mut frame: &[T], sample: impl Fn(&T) -> f32, mut emit: impl FnMut(SignalEvent)) {
        let Self { tones, singles, dual, rhythms } = self;
        // In steps that do not depend on how the stream was cut: to the end of each hop of the pairs' windows.
        while !frame.is_empty() {
            let before = frame;
            let full = dual.fill(&mut frame, &sample);
            let taken = &before[..before.len() - frame.len()];
            tones.push(taken, &sample, |event| singles.take(event, &mut rhythms[0], &mut emit));
            if full {
                let (middle, pair) = dual.hear();
                rhythms[1].hear(pair, middle, &mut emit);
                let position = tones.position();
                singles.settle(position, tones.current(), &mut rhythms[0], &mut emit);
            }
        }
    }
}
