//! Keeps loud synthesis below a ceiling without clipping: it sees a peak coming and has turned down by then.
//!
//! All arithmetic is on integers, so the output is the same on every machine. Where the gain is at rest, samples
//! pass unchanged, later by the look-ahead.

#![forbid(unsafe_code)]

#[cfg(test)]
mod tests;

/// A gain of 1.
const ONE: u32 = 1 << 30;

/// The whole way of a release.
const WHOLE_WAY: u64 = 1 << 32;

/// The highest rate (Hz) that the look-ahead grows with: its memory is bounded, and sums of gains fit 64 bits.
const RATE_MAX_HZ: u32 = 1 << 20;

/// The limiter's ceiling and times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LimiterOptions {
    /// Samples per second (Hz). Default 8,000; what is above 2^20 counts as that.
    pub rate_hz: u32,
    /// No sample is larger than this (dBFS of the peak, at most 0). Default -1: room for a resampler's overshoot.
    pub ceiling_dbfs: f32,
    /// How fast the gain comes back after a peak (ms, time constant). Default 60.
    pub release_ms: u32,
}

impl Default for LimiterOptions {
    fn default() -> Self {
        Self { rate_hz: 8_000, ceiling_dbfs: -1.0, release_ms: 60 }
    }
}

/// Limits one stream in place. Any split of the samples gives the same output.
#[derive(Debug, Clone, PartialEq)]
pub struct Limiter {
    ceiling: u32,
    /// How much of the way back to 1 a sample goes, of 2^32.
    release: u64,
    /// The last samples, as many as the look-ahead is long; the oldest is at `next`.
    delayed: Box<[i16]>,
    /// For each of them, the gain that the loudest sample from it on allows, after the release's slow rise.
    gains: Box<[u32]>,
    next: usize,
    /// The sum of `gains`.
    sum: u64,
    /// Gains that samples need, rising from the front, with the number of the sample: the least of the last
    /// look-ahead is in front.
    least: Box<[(u64, u32)]>,
    front: usize,
    count: usize,
    number: u64,
    /// The gain of the last sample, before it is averaged.
    gain: u32,
}

impl Limiter {
    /// A limiter whose past is silence.
    pub fn new(options: LimiterOptions) -> Self {
        let rate_hz = options.rate_hz.clamp(1, RATE_MAX_HZ);
        // 2 ms.
        let look_ahead = (rate_hz / 500).max(1) as usize;
        let ceiling = 32_768.0 * 10f32.powf(options.ceiling_dbfs.min(0.0) / 20.0);
        let samples = f64::from(options.release_ms.max(1)) * f64::from(rate_hz) / 1_000.0;
        Self {
            ceiling: (ceiling as u32).clamp(1, i16::MAX as u32),
            release: ((WHOLE_WAY as f64 / samples) as u64).clamp(1, WHOLE_WAY),
            delayed: vec![0; look_ahead].into(),
            gains: vec![ONE; look_ahead].into(),
            next: 0,
            sum: look_ahead as u64 * u64::from(ONE),
            least: vec![(0, ONE); look_ahead].into(),
            front: 0,
            count: 0,
            number: 0,
            gain: ONE,
        }
    }

    /// How many samples later the output is: 2 ms.
    pub const fn delay(&self) -> usize {
        self.delayed.len()
    }

    /// The largest magnitude that comes out.
    pub const fn ceiling(&self) -> u32 {
        self.ceiling
    }

    /// Limits a frame of any length in place: what comes out went in [`Self::delay`] samples before.
    pub fn process(&mut self, samples: &mut [i16]) {
        for sample in samples {
            *sample = self.exchange(*sample);
        }
    }

    fn exchange(&mut self, sample: i16) -> i16 {
        let needed = self.needed(sample);
        let allowed = self.least_of_late(needed);
        let risen = self.gain + ((u64::from(ONE - self.gain) * self.release) / WHOLE_WAY) as u32 + 1;
        self.gain = risen.min(allowed).min(ONE);

        // The average of gains none of which is more than the oldest sample needs; it reaches the least of them
        // step by step, within the look-ahead.
        let leaving = self.gains[self.next];
        let old = self.delayed[self.next];
        let output = self.scaled(old);
        self.sum = self.sum - u64::from(leaving) + u64::from(self.gain);
        self.gains[self.next] = self.gain;
        self.delayed[self.next] = sample;
        self.next = wrapped(self.next + 1, self.delayed.len());
        output
    }

    /// The gain that brings a sample to the ceiling.
    fn needed(&self, sample: i16) -> u32 {
        let magnitude = u32::from(sample.unsigned_abs());
        if magnitude <= self.ceiling {
            return ONE;
        }
        ((u64::from(self.ceiling) * u64::from(ONE)) / u64::from(magnitude)) as u32
    }

    /// The least of the gains that this sample and those of the look-ahead before it need.
    fn least_of_late(&mut self, needed: u32) -> u32 {
        let length = self.least.len();
        while self.count > 0 {
            let back = wrapped(self.front + self.count - 1, length);
            if self.least[back].1 < needed {
                break;
            }
            self.count -= 1;
        }
        if self.count > 0 && self.least[self.front].0 + length as u64 <= self.number {
            self.front = wrapped(self.front + 1, length);
            self.count -= 1;
        }
        self.least[wrapped(self.front + self.count, length)] = (self.number, needed);
        self.count += 1;
        self.number += 1;
        self.least[self.front].1
    }

    /// A sample times the average gain, cut towards zero.
    fn scaled(&self, sample: i16) -> i16 {
        let whole = self.delayed.len() as u64 * u64::from(ONE);
        if self.sum == whole {
            return sample;
        }
        let magnitude = u64::from(sample.unsigned_abs()) * self.sum / whole;
        // At most the sample's own magnitude, and 32,768 only for the least sample.
        let magnitude = magnitude as i32;
        (if sample < 0 { -magnitude } else { magnitude }) as i16
    }
}

/// An index into a ring, at most once around too far; a division would cost more than the rest of the limiter.
#[inline]
const fn wrapped(index: usize, length: usize) -> usize {
    if index >= length { index - length } else { index }
}
