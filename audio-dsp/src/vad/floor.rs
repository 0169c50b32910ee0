//! Follows the noise floor of each band: the least level of the last second and a half.
//!
//! Speech dips to the noise between syllables, steady noise stays: the minimum tells them apart
//! without a decision having to be made (minimum statistics; Martin, 2001).

#![forbid(unsafe_code)]

use super::spectrum::COUNT;

/// Blocks (10 ms) per stretch of which one minimum is kept.
const STRETCH_BLOCKS: u32 = 20;

/// Stretches remembered: with the current one, 1.4 to 1.6 s.
const STRETCHES: usize = 7;

/// Weight of the newest block in the smoothed level whose minimum is taken (about 30 ms).
const SMOOTHING: f32 = 0.3;

/// The minimum of fluctuating noise lies below its mean level; this brings it back (dB).
const BIAS_DB: f32 = 3.0;

/// The floors, in dBFS.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NoiseFloors {
    smoothed: [f32; COUNT],
    /// Least of the current stretch.
    minimum: [f32; COUNT],
    /// Least of the stretches before it.
    past: [f32; COUNT],
    blocks: u32,
    minima: [[f32; COUNT]; STRETCHES],
    next: usize,
    /// The first block has not been heard.
    unheard: bool,
    highest_at_first: f32,
    /// Never below this: what the codec's own rounding makes of silence.
    lowest: f32,
}

impl NoiseFloors {
    /// `highest_at_first`: the first sound is taken for noise as far as it is not louder than this (dBFS).
    pub(super) fn new(highest_at_first: f32, lowest: f32) -> Self {
        let start = [highest_at_first; COUNT];
        Self {
            smoothed: start,
            minimum: start,
            past: start,
            blocks: 0,
            minima: [start; STRETCHES],
            next: 0,
            unheard: true,
            highest_at_first,
            lowest,
        }
    }

    /// Takes the levels of the next block (dBFS).
    #[inline(always)]
    pub(super) fn update(&mut self, levels: &[f32; COUNT]) {
        if self.unheard {
            self.unheard = false;
            self.smoothed = levels.map(|level| level.min(self.highest_at_first));
        }
        for ((smoothed, minimum), level) in self.smoothed.iter_mut().zip(&mut self.minimum).zip(levels) {
            *smoothed += SMOOTHING * (level - *smoothed);
            *minimum = minimum.min(*smoothed);
        }
        self.blocks += 1;
        if self.blocks == STRETCH_BLOCKS {
            self.minima[self.next] = self.minimum;
            self.next = (self.next + 1) % STRETCHES;
            self.minimum = self.smoothed;
            self.blocks = 0;
            self.past = self.minima[0];
            for minima in &self.minima[1..] {
                for (least, minimum) in self.past.iter_mut().zip(minima) {
                    *least = least.min(*minimum);
                }
            }
        }
    }

    /// The mean level of the noise in each band (dBFS), as far as is known.
    #[inline(always)]
    pub(super) fn levels(&self) -> [f32; COUNT] {
        let mut floors = [0.0; COUNT];
        for (band, floor) in floors.iter_mut().enumerate() {
            *floor = (self.past[band].min(self.minimum[band]) + BIAS_DB).max(self.lowest);
        }
        floors
    }

    /// What is heard now has turned out to be noise: forgets the time before it began.
    pub(super) fn rise(&mut self) {
        let last = self.minima[(self.next + STRETCHES - 1) % STRETCHES];
        for (minimum, last) in self.minimum.iter_mut().zip(last) {
            *minimum = minimum.max(last);
        }
        self.minima = [self.minimum; STRETCHES];
        self.past = self.minimum;
    }
}
