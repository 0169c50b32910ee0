//! How much of a block is a sine of a given frequency, and which frequency to try.

use crate::goertzel::RATE_HZ;
use crate::sine::{cosine, sine};
use std::f64::consts::TAU;

/// Samples looked at together.
const LANES: usize = 8;

/// Twice the cosine that 200 Hz has: what is below is no tone, and too slow for half a block.
const ROUGH_DOUBLE_COSINE_MAX: f32 = 1.975;

/// The most noise in a tone, as a part of the energy: 8 dB below the rest, by an estimate from 10 ms.
const NOISE_MAX: f32 = 0.16;

/// Sines and cosines of one frequency.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Oscillator {
    frequency_hz: f64,
    /// Cosines and sines of the first eight samples, the first at zero.
    start: ([f32; LANES], [f32; LANES]),
    /// Eight samples further: cosine, sine.
    step: (f32, f32),
}

/// The sine of one frequency that comes closest to a block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Found {
    /// Complex amplitude, relative to the block's middle.
    re: f32,
    im: f32,
    /// How much of the block's energy it is.
    pub(super) energy: f32,
}

impl Found {
    pub(super) fn amplitude(&self) -> f32 {
        (self.re * self.re + self.im * self.im).sqrt()
    }
}

impl Oscillator {
    pub(super) fn new(frequency_hz: f64) -> Self {
        let turn = frequency_hz / RATE_HZ;
        let mut start = ([0.0; LANES], [0.0; LANES]);
        let (cos, sin) = (cosine(turn), sine(turn));
        let (mut re, mut im) = (1.0, 0.0);
        for lane in 0..LANES {
            (start.0[lane], start.1[lane]) = (re as f32, im as f32);
            (re, im) = (re * cos - im * sin, re * sin + im * cos);
        }
        Self { frequency_hz, start, step: (re as f32, im as f32) }
    }

    pub(super) const fn frequency_hz(&self) -> f64 {
        self.frequency_hz
    }

    /// The least-squares fit of a sine to `block`, whose length is a multiple of eight.
    pub(super) fn find(&self, block: &[f32]) -> Found {
        let (mut cosines, mut sines) = self.start;
        let (mut even, mut odd) = ([0.0f32; LANES], [0.0f32; LANES]);
        let (step_cos, step_sin) = self.step;
        for samples in block.as_chunks::<LANES>().0 {
            for lane in 0..LANES {
                even[lane] += samples[lane] * cosines[lane];
                odd[lane] += samples[lane] * sines[lane];
                let cosine = cosines[lane] * step_cos - sines[lane] * step_sin;
                sines[lane] = cosines[lane] * step_sin + sines[lane] * step_cos;
                cosines[lane] = cosine;
            }
        }
        let (re, im) = (f64::from(even.iter().sum::<f32>()), f64::from(odd.iter().sum::<f32>()));
        // From the first sample to the middle, where sine and cosine are independent of each other.
        let turn = self.frequency_hz / RATE_HZ;
        let to_middle = turn * (block.len() as f64 - 1.0) / 2.0;
        let (cos, sin) = (cosine(to_middle), sine(to_middle));
        let (even, odd) = (re * cos + im * sin, im * cos - re * sin);
        // The sums of the squares of cosines and of sines over the block.
        let length = block.len() as f64;
        let ripple = sine(turn * length) / sine(turn);
        let (a, b) = (2.0 * even / (length + ripple), 2.0 * odd / (length - ripple));
        Found { re: a as f32, im: -b as f32, energy: (a * even + b * odd) as f32 }
    }

    /// How far the true frequency is above this one (Hz), from two blocks whose middles are `distance` samples
    /// apart.
    pub(super) fn offset_hz(&self, before: &Found, after: &Found, distance: usize) -> f64 {
        let seconds = distance as f64 / RATE_HZ;
        let expected = self.frequency_hz * seconds;
        let (cos, sin) = (cosine(expected), sine(expected));
        let re = f64::from(after.re * before.re + after.im * before.im);
        let im = f64::from(after.im * before.re - after.re * before.im);
        (im * cos - re * sin).atan2(re * cos + im * sin) / (TAU * seconds)
    }
}

/// The sum of squares.
pub(super) fn energy(block: &[f32]) -> f32 {
    let mut sums = [0.0f32; LANES];
    for samples in block.as_chunks::<LANES>().0 {
        for lane in 0..LANES {
            sums[lane] += samples[lane] * samples[lane];
        }
    }
    sums.iter().sum()
}

/// The frequency of the tone that `block` holds, if it holds one and nothing else; a few Hz off at most.
pub(super) fn estimate_hz<const N: usize>(block: &[f32; N]) -> Option<f64> {
    // Low frequencies are all alike from one sample to the next; three samples apart their mixtures show.
    let (_, noise) = recurrence::<3>(block);
    if noise > NOISE_MAX {
        return None;
    }
    let (bent, noise) = recurrence::<1>(block);
    // Noise bends the estimate towards 2 kHz.
    let double_cosine = bent / (1.0 - noise);
    if noise > NOISE_MAX || double_cosine.abs() >= ROUGH_DOUBLE_COSINE_MAX {
        return None;
    }
    let rough_hz = f64::from(double_cosine / 2.0).acos() / TAU * RATE_HZ;
    // What is still amiss shows in the phases of the block's halves.
    let oscillator = Oscillator::new(rough_hz);
    let (left, right) = block.split_at(N / 2);
    let (left, right) = (oscillator.find(left), oscillator.find(right));
    Some(rough_hz + oscillator.offset_hz(&left, &right, N / 2))
}

/// Samples of a sine that are `LAG` apart obey x[n-LAG] + x[n+LAG] = 2 cos(LAG w) x[n]: the factor that fits
/// best, and how much of the energy does not obey, were it white noise.
#[inline]
fn recurrence<const LAG: usize>(block: &[f32]) -> (f32, f32) {
    let (mut cross, mut square, mut outer) = ([0.0f32; LANES], [0.0f32; LANES], [0.0f32; LANES]);
    let chunks = |from: usize| block[from..].as_chunks::<LANES>().0;
    for ((before, now), after) in chunks(0).iter().zip(chunks(LAG)).zip(chunks(2 * LAG)) {
        for lane in 0..LANES {
            let sides = before[lane] + after[lane];
            cross[lane] += sides * now[lane];
            square[lane] += now[lane] * now[lane];
            outer[lane] += sides * sides;
        }
    }
    let [cross, square, outer] = [cross, square, outer].map(|sums| sums.iter().sum::<f32>());
    // Nothing at all obeys nothing.
    let factor = cross / square.max(f32::MIN_POSITIVE);
    (factor, (outer - factor * cross) / ((2.0 + factor * factor) * square.max(f32::MIN_POSITIVE)))
}
