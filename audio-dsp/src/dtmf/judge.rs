//! Which key, if any, one window of 10 ms sounds like.

use super::{HIGH_HZ, LOW_HZ, amplitude_of_dbm0};
use crate::goertzel::{Bank, Folded, RATE_HZ, Spectrum};
use crate::sine::{cosine, sine};
use std::ops::RangeInclusive;

/// Samples from one window to the next, half a window.
pub(super) const HOP: usize = 40;

/// The part of a window's energy that the two tones must make up: speech and music have more than two tones. At
/// a noise of -15 dB, with both tones 1.5 % off, it is 0.9.
const PURITY: f32 = 0.84;

/// The quietest tone that counts (dBm0), between -25, which must be accepted, and -55, which must not.
const QUIETEST_DBM0: f32 = -38.0;

/// The high tone's power over the low tone's: at most 4 dB more and 8 dB less (Q.24), with 1.2 dB to spare for
/// what a window loses of a tone that is 1.5 % off. Noise makes a single window differ by 3 dB more.
const TWIST: RangeInclusive<f32> = 0.12..=3.31;
const TWIST_OF_WINDOW: RangeInclusive<f32> = 0.06..=6.6;

/// How far a tone may be off, as a part of its frequency: between 1.5 % and 3.5 % (Q.24).
const DEVIATION: f64 = 0.024;

const TONES: [f64; 8] =
    [LOW_HZ[0], LOW_HZ[1], LOW_HZ[2], LOW_HZ[3], HIGH_HZ[0], HIGH_HZ[1], HIGH_HZ[2], HIGH_HZ[3]];

static BANK: Bank<HOP, 8> = Bank::new(TONES);

/// How far each tone turns from one window to the next: cosine, sine.
static ROTATIONS: [(f32, f32); 8] = {
    let mut rotations = [(0.0, 0.0); 8];
    let mut tone = 0;
    while tone < 8 {
        let turns = TONES[tone] * HOP as f64 / RATE_HZ;
        rotations[tone] = (cosine(turns) as f32, sine(turns) as f32);
        tone += 1;
    }
    rotations
};

/// The tangent of the angle that a tone at the limit of [`DEVIATION`] turns more or less than it should.
static TANGENTS: [f32; 8] = {
    let mut tangents = [0.0; 8];
    let mut tone = 0;
    while tone < 8 {
        let turns = TONES[tone] * DEVIATION * HOP as f64 / RATE_HZ;
        tangents[tone] = (sine(turns) / cosine(turns)) as f32;
        tone += 1;
    }
    tangents
};

/// The tones of a key: indices of a row and of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) row: u8,
    pub(super) column: u8,
}

impl Key {
    const fn tones(self) -> [usize; 2] {
        [self.row as usize, self.column as usize + 4]
    }
}

/// One window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Heard {
    spectrum: Spectrum<8>,
    /// The key it sounds like.
    pub(super) key: Option<Key>,
}

impl Heard {
    pub(super) const SILENCE: Self = Self { spectrum: Spectrum::SILENCE, key: None };

    /// The amplitudes of a key's two tones, added.
    pub(super) fn amplitude(&self, key: Key) -> f32 {
        let [low, high] = key.tones();
        self.spectrum.power(low).sqrt() + self.spectrum.power(high).sqrt()
    }
}

/// Several windows of one key together: what noise does to one is mended by the others.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Evidence {
    /// How many windows, and how many of them followed one directly.
    pub(super) windows: u32,
    pub(super) steps: u32,
    /// The power of the low and of the high tone, added.
    powers: [f32; 2],
    /// How much each tone has turned from window to window more than it should have, as a sum of complex numbers
    /// whose weight is the power.
    turns: [(f32, f32); 2],
}

impl Evidence {
    /// Adds a window, and the step to it from the one before if that held the key as well.
    pub(super) fn add(&mut self, key: Key, before: Option<&Heard>, heard: &Heard) {
        self.windows += 1;
        self.steps += u32::from(before.is_some());
        for (index, tone) in key.tones().into_iter().enumerate() {
            self.powers[index] += heard.spectrum.power(tone);
            if let Some(before) = before {
                let (a, b) = (&before.spectrum, &heard.spectrum);
                let re = b.re[tone] * a.re[tone] + b.im[tone] * a.im[tone];
                let im = b.im[tone] * a.re[tone] - b.re[tone] * a.im[tone];
                let (cosine, sine) = ROTATIONS[tone];
                self.turns[index].0 += re * cosine + im * sine;
                self.turns[index].1 += im * cosine - re * sine;
            }
        }
    }

    /// Whether both tones have the right frequency, or are off by `slack` times as much as they may be.
    pub(super) fn fits_frequency(&self, key: Key, slack: f32) -> bool {
        let fits = |((re, im), tone): (&(f32, f32), usize)| im.abs() <= re * TANGENTS[tone] * slack;
        self.turns.iter().zip(key.tones()).all(fits)
    }

    /// Whether one tone is not too much louder than the other.
    pub(super) fn fits_twist(&self) -> bool {
        TWIST.contains(&(self.powers[1] / self.powers[0]))
    }
}

/// Judges windows one by one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Judge {
    /// The squared amplitude of the quietest tone that counts.
    quietest: f32,
}

impl Judge {
    pub(super) fn new() -> Self {
        Self { quietest: amplitude_of_dbm0(QUIETEST_DBM0).powi(2) }
    }

    #[inline]
    pub(super) fn hear(&self, window: &Folded<HOP>) -> Heard {
        let energy = BANK.energy(window);
        if energy < self.quietest {
            return Heard::SILENCE;
        }
        let spectrum = BANK.spectrum(window);
        let powers: [f32; 8] = std::array::from_fn(|tone| spectrum.power(tone));
        let (rows, columns) = powers.split_at(4);
        let [low, high] = [rows, columns].map(|group| group.iter().copied().fold(0.0, f32::max));
        let is_key = low + high >= PURITY * energy
            && low.min(high) >= self.quietest
            && TWIST_OF_WINDOW.contains(&(high / low));
        // The search branches on noise, which is slow: it is done for a key only.
        let key = is_key.then(|| Key { row: place(rows, low), column: place(columns, high) });
        Heard { spectrum, key }
    }
}

/// Which of four powers is `power`.
fn place(powers: &[f32], power: f32) -> u8 {
    powers.iter().take_while(|&&other| other != power).count() as u8 & 3
}
