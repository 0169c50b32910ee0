//! Steady single tones of any frequency: the beep of an answering machine, and what a fax machine sends.
//!
//! Audio is judged in blocks of 10 ms. A tone is one frequency that holds nearly all of the energy and keeps its
//! frequency and its loudness; a voice holds neither for long.

#![forbid(unsafe_code)]

mod oscillator;
#[cfg(test)]
mod tests;

use crate::g711::ulaw;
use oscillator::{Found, Oscillator};

/// Samples per block: 10 ms.
const BLOCK: usize = 80;

/// The part of the energy that a tone must hold; with noise 15 dB below it holds 0.97.
const PURITY: f32 = 0.92;

/// How far a tone's frequency may stray within a block from what it was so far: 2 Hz for what noise does, and a
/// part of it. Between two such blocks a voice strays further, as a rule.
const STRAY_HZ: f64 = 2.0;
const STRAY: f64 = 0.004;

/// The same for the first step, when the frequency is known from one block only (Hz).
const FIRST_STRAY_HZ: f64 = 15.0;

/// How much louder or quieter than so far a block may be: 3 dB.
const LOUDNESS_RATIO: f32 = 1.41;

/// How far a frequency may move before the oscillator is tuned again (Hz).
const RETUNE_HZ: f64 = 1.0;

/// What counts as a tone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ToneOptions {
    /// The shortest tone (ms), in whole blocks of 10 ms; one at each end may be cut. Default 100.
    pub shortest_ms: u32,
    /// The lowest frequency (Hz). Default 290; at least 250.
    pub lowest_hz: f64,
    /// The highest frequency (Hz). Default 2,150, above the answer of a fax machine; at most 2,500.
    pub highest_hz: f64,
    /// The quietest tone (dBFS, RMS). Default -45, which is 39 dB below the digital milliwatt.
    pub quietest_dbfs: f32,
}

impl Default for ToneOptions {
    fn default() -> Self {
        Self { shortest_ms: 100, lowest_hz: 290.0, highest_hz: 2_150.0, quietest_dbfs: -45.0 }
    }
}

/// A steady tone. Positions are samples since the start of the stream, exact to 10 ms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tone {
    /// Its frequency (Hz), within 2 Hz.
    pub frequency_hz: f64,
    /// Where it began.
    pub onset: u64,
    /// Where it ended, or how far it was heard until now.
    pub end: u64,
    /// Its loudness (dBFS, RMS).
    pub level_dbfs: f32,
}

/// What the detector has found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ToneEvent {
    /// A tone has lasted for `shortest_ms`.
    Started(Tone),
    /// The tone that started last has ended.
    Ended(Tone),
}

/// A tone that is going on.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Lock {
    oscillator: Oscillator,
    /// The last block's amplitude and phase.
    last: Found,
    frequency_hz: f64,
    amplitude: f32,
    onset: u64,
    end: u64,
    blocks: u32,
    /// Whether the block before was spoilt.
    missed: bool,
}

/// Finds steady tones in audio at 8 kHz. Any split of the stream gives the same events.
#[derive(Debug, Clone, PartialEq)]
pub struct ToneDetector {
    options: ToneOptions,
    blocks_min: u32,
    /// The energy of a block of the quietest tone.
    quietest: f32,
    block: [f32; BLOCK],
    filled: usize,
    /// Where the block starts.
    position: u64,
    lock: Option<Lock>,
}

impl ToneDetector {
    /// A detector at the start of a stream.
    pub fn new(options: ToneOptions) -> Self {
        let rms = 32_768.0 * 10f32.powf(options.quietest_dbfs / 20.0);
        Self {
            options,
            // A tone of whole blocks cuts one block at each end, unless it happens to begin with one.
            blocks_min: (options.shortest_ms / 10).saturating_sub(1).max(2),
            quietest: rms * rms * BLOCK as f32,
            block: [0.0; BLOCK],
            filled: 0,
            position: 0,
            lock: None,
        }
    }

    /// Takes a frame of mu-law, of any length, and calls `emit` for each thing found.
    pub fn push_ulaw(&mut self, frame: &[u8], emit: impl FnMut(ToneEvent)) {
        self.push(frame, |&code| f32::from(ulaw::decode_sample(code)), emit);
    }

    /// Takes a frame of 16-bit samples, of any length, and calls `emit` for each thing found.
    pub fn push_pcm(&mut self, frame: &[i16], emit: impl FnMut(ToneEvent)) {
        self.push(frame, |&sample| f32::from(sample), emit);
    }

    /// Passes over `samples` of the stream that were lost. A tone ends there. None lost is nothing done.
    pub fn skip(&mut self, samples: u64, mut emit: impl FnMut(ToneEvent)) {
        if samples == 0 {
            return;
        }
        self.finish(&mut emit);
        self.position = self.position().saturating_add(samples);
        self.filled = 0;
    }

    /// Ends the stream, and the tone that is going on.
    pub fn finish(&mut self, mut emit: impl FnMut(ToneEvent)) {
        if let Some(lock) = self.lock.take() {
            self.end(&lock, &mut emit);
        }
    }

    /// The tone that has started and not ended.
    pub fn current(&self) -> Option<Tone> {
        self.lock.as_ref().filter(|lock| lock.blocks >= self.blocks_min).map(Lock::tone)
    }

    /// Samples of the stream pushed and skipped so far.
    pub const fn position(&self) -> u64 {
        self.position.saturating_add(self.filled as u64)
    }

    pub(crate) fn push<T>(
        &mut self,
        mut frame: &[T],
        sample: impl Fn(&T) -> f32,
        mut emit: impl FnMut(ToneEvent),
    ) {
        while !frame.is_empty() {
            let (now, later) = frame.split_at(frame.len().min(BLOCK - self.filled));
            for (to, from) in self.block[self.filled..].iter_mut().zip(now) {
                *to = sample(from);
            }
            self.filled += now.len();
            frame = later;
            if self.filled == BLOCK {
                self.hear(&mut emit);
                self.filled = 0;
                self.position = self.position.saturating_add(BLOCK as u64);
            }
        }
    }

    fn hear(&mut self, emit: &mut impl FnMut(ToneEvent)) {
        let energy = oscillator::energy(&self.block);
        if let Some(mut lock) = self.lock.take() {
            if energy >= self.quietest && lock.follow(&self.block, energy, self.position) {
                self.lock = Some(lock);
                if lock.blocks == self.blocks_min {
                    emit(ToneEvent::Started(lock.tone()));
                }
                return;
            }
            // One spoilt block does not end a tone that was certain.
            if lock.blocks >= self.blocks_min && !lock.missed {
                lock.missed = true;
                self.lock = Some(lock);
                return;
            }
            self.end(&lock, emit);
        }
        if energy >= self.quietest {
            self.lock = self.lock_on(energy);
        }
    }

    /// A tone that begins with this block, if it holds one.
    fn lock_on(&self, energy: f32) -> Option<Lock> {
        let frequency_hz = oscillator::estimate_hz(&self.block)?;
        if !(self.options.lowest_hz..=self.options.highest_hz).contains(&frequency_hz) {
            return None;
        }
        let oscillator = Oscillator::new(frequency_hz);
        let last = oscillator.find(&self.block);
        if last.energy < PURITY * energy {
            return None;
        }
        Some(Lock {
            oscillator,
            last,
            frequency_hz,
            amplitude: last.amplitude(),
            onset: self.position,
            end: self.position.saturating_add(BLOCK as u64),
            blocks: 1,
            missed: false,
        })
    }

    fn end(&self, lock: &Lock, emit: &mut impl FnMut(ToneEvent)) {
        if lock.blocks >= self.blocks_min {
            emit(ToneEvent::Ended(lock.tone()));
        }
    }
}

impl Lock {
    /// Takes the next block, and says whether the tone goes on in it.
    fn follow(&mut self, block: &[f32; BLOCK], energy: f32, position: u64) -> bool {
        let found = self.oscillator.find(block);
        let amplitude = found.amplitude();
        let steady =
            amplitude <= self.amplitude * LOUDNESS_RATIO && amplitude * LOUDNESS_RATIO >= self.amplitude;
        if found.energy < PURITY * energy || !steady {
            return false;
        }
        if !self.missed {
            let heard_hz =
                self.oscillator.frequency_hz() + self.oscillator.offset_hz(&self.last, &found, BLOCK);
            let stray = if self.blocks == 1 { FIRST_STRAY_HZ } else { STRAY_HZ + STRAY * self.frequency_hz };
            if (heard_hz - self.frequency_hz).abs() > stray {
                return false;
            }
            // The first block's own estimate is rough: it is forgotten.
            self.frequency_hz += (heard_hz - self.frequency_hz) / f64::from(self.blocks.min(10));
        }
        self.amplitude += (amplitude - self.amplitude) / (self.blocks + 1).min(10) as f32;
        self.blocks = self.blocks.saturating_add(1);
        self.missed = false;
        self.end = position.saturating_add(BLOCK as u64);
        self.last = found;
        if (self.frequency_hz - self.oscillator.frequency_hz()).abs() > RETUNE_HZ {
            self.oscillator = Oscillator::new(self.frequency_hz);
            self.last = self.oscillator.find(block);
        }
        true
    }

    fn tone(&self) -> Tone {
        let level_dbfs = 20.0 * (self.amplitude / 32_768.0).log10() - 3.01;
        Tone { frequency_hz: self.frequency_hz, onset: self.onset, end: self.end, level_dbfs }
    }
}
