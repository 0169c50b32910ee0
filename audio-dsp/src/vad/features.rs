//! What is known of each block of 10 ms when it is decided whether it is speech: how far each band stands above
//! its noise floor, how periodic the sound is, how it compares with the loudest heard, how much it changes.
//!
//! Public for programs that train or examine the decision; to find speech, use [`Vad`](super::Vad).

#![forbid(unsafe_code)]

use super::BLOCK;
use super::decibels::dbfs;
use super::floor::NoiseFloors;
use super::kernel::{Plain, Products};
use super::pitch::PitchDetector;
use super::spectrum::{self, Spectrum};

/// Bands of the spectrum.
const BANDS: usize = spectrum::COUNT;

/// Features of one block.
pub const FEATURES: usize = 2 * BANDS + 8;

/// The first sound of a call is noise as far as it is quieter than this (dBFS, one band), and may be a voice if it
/// is louder.
const HIGHEST_FLOOR_AT_FIRST_DBFS: f32 = -42.0;

/// Noise floors are never taken to be lower (dBFS, one band): mu-law's own rounding of a quiet line.
const LOWEST_FLOOR_DBFS: f32 = -68.0;

/// Levels are given in tens of dB, so that all features are of the size of one.
const PER_TEN_DB: f32 = 0.1;

/// Where the distance from the noise floor is cut off, in tens of dB: more says nothing more.
const SNR_RANGE: (f32, f32) = (-0.5, 3.0);

/// Weight of the newest block in the levels of the last 40 ms, of the last 200 ms, and in the periodicity of the
/// last 60 ms.
const QUICK: f32 = 0.25;
const SLOW: f32 = 0.05;
const VOICE: f32 = 0.15;

/// The distance from the floors over 200 ms counts no more than this (tens of dB): a long vowel must not look like
/// noise that has set in.
const SLOW_MOST: f32 = 0.5;

/// How the loudest level heard falls off (dB per block): 3 dB in a second.
const PEAK_FALL_DB: f32 = 0.03;

/// The loudest level is never taken to be lower (dBFS): there has been no voice yet.
const LOWEST_PEAK_DBFS: f32 = -40.0;

/// The level changes by less than this (dB) from block to block in a steady tone, and for so many blocks in a row.
/// Speech seldom has three.
const STEADY_DB: f32 = 0.4;
const STEADY_BLOCKS: u32 = 3;

/// The pitch is not looked for where the bands stand less than this above their floors on average (tens of dB).
const AUDIBLE: f32 = 0.15;

/// Sound with hardly any voice in it is noise after so many blocks (300 ms): a hiss as in "six" seldom lasts 200.
const UNVOICED_BLOCKS: u32 = 30;

/// As periodic is sound that may be a voice; a block of it outweighs so many without. Noise is so by chance now and
/// then, speech half of the time.
const PERIODIC: f32 = 0.45;
const PERIODIC_BLOCKS: u32 = 4;

/// What has been worked out of one block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Features {
    /// The features, each of the size of one. In order: distance of each band from its noise floor, the same over
    /// the last 40 ms, periodicity now and over 60 ms, mean distance from the floors over 200 ms, distance from the
    /// loudest level, that level's distance from the floors, flatness of the spectrum, change of level, steadiness.
    pub values: [f32; FEATURES],
    /// Level of the block between 0.2 and 3.4 kHz (dBFS).
    pub level_dbfs: f32,
    /// Blocks in a row in which the level has not changed; a tone has many.
    pub steady_blocks: u32,
}

impl Features {
    /// Whether the level has not changed for so long that the sound is likely to be a tone.
    pub(super) fn is_steady(&self) -> bool {
        self.steady_blocks >= STEADY_BLOCKS
    }

    /// How far the band that stands out most stands above its noise floor (tens of dB).
    pub(super) fn highest_snr(&self) -> f32 {
        self.values[..BANDS].iter().fold(SNR_RANGE.0, |highest, &snr| highest.max(snr))
    }
}

/// Works out the features of one stream.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureExtractor {
    spectrum: Spectrum,
    pitch: PitchDetector,
    floors: NoiseFloors,
    quick: [f32; BANDS],
    slow: f32,
    periodicity: f32,
    voice: f32,
    peak: f32,
    level: f32,
    change: f32,
    steady_blocks: u32,
    unvoiced_blocks: u32,
    /// The pitch was looked for in the block before this one.
    searched: bool,
}

impl Default for FeatureExtractor {
    fn default() -> Self {
        Self::new()
    }
}

impl FeatureExtractor {
    /// At the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self {
            spectrum: Spectrum::new(),
            pitch: PitchDetector::new(),
            floors: NoiseFloors::new(HIGHEST_FLOOR_AT_FIRST_DBFS, LOWEST_FLOOR_DBFS),
            quick: [0.0; BANDS],
            slow: 0.0,
            periodicity: 0.0,
            voice: 0.0,
            peak: LOWEST_PEAK_DBFS,
            level: LOWEST_FLOOR_DBFS,
            change: 0.0,
            steady_blocks: 0,
            unvoiced_blocks: 0,
            searched: false,
        }
    }

    /// The signal was interrupted: what comes next does not follow on what was heard. What is known about the
    /// noise is kept.
    pub fn forget_signal(&mut self) {
        *self = Self { floors: self.floors.clone(), peak: self.peak, ..Self::new() };
    }

    /// Takes the next block of 16-bit samples at 8 kHz.
    pub fn block(&mut self, samples: &[i16; BLOCK]) -> Features {
        self.work_out(Plain, samples)
    }

    /// Inlined so that it is compiled for the instruction set of whoever calls it.
    #[inline(always)]
    pub(super) fn work_out(&mut self, products: impl Products, samples: &[i16; BLOCK]) -> Features {
        let powers = self.spectrum.powers(samples);
        self.pitch.push(samples);
        let mut levels = [0.0; BANDS];
        for (level, power) in levels.iter_mut().zip(powers) {
            *level = dbfs(power);
        }
        let floors = self.floors.levels();
        self.floors.update(&levels);

        let mut snr = [0.0f32; BANDS];
        for band in 0..BANDS {
            let above = PER_TEN_DB * (levels[band] - floors[band]);
            snr[band] = above.clamp(SNR_RANGE.0, SNR_RANGE.1);
            self.quick[band] += QUICK * (snr[band] - self.quick[band]);
        }
        let above = mean(&snr);
        self.slow += SLOW * (above.min(SLOW_MOST) - self.slow);
        let level = dbfs(powers.iter().sum());
        self.follow_voice(products, above);
        self.follow_level(level);

        let mut values = [0.0; FEATURES];
        values[..BANDS].copy_from_slice(&snr);
        values[BANDS..2 * BANDS].copy_from_slice(&self.quick);
        let floor = mean(&floors);
        values[2 * BANDS..].copy_from_slice(&[
            self.periodicity,
            self.voice,
            self.slow,
            (PER_TEN_DB * (level - self.peak)).max(-4.0),
            (PER_TEN_DB * (self.peak - floor)).min(5.0),
            PER_TEN_DB * (level - mean(&levels)),
            PER_TEN_DB * self.change,
            self.steady_blocks.min(10) as f32 * 0.1,
        ]);
        Features { values, level_dbfs: level, steady_blocks: self.steady_blocks }
    }

    /// Looks for the pitch in every second block that stands out of the noise: the window is 28 ms long, so that
    /// the blocks in between would hear nearly the same, and this is the dearest part of the detector.
    #[inline(always)]
    fn follow_voice(&mut self, products: impl Products, above: f32) {
        if above < AUDIBLE {
            self.periodicity = 0.0;
            self.searched = false;
            self.unvoiced_blocks = self.unvoiced_blocks.saturating_sub(1);
        } else {
            self.searched = !self.searched;
            if self.searched {
                self.periodicity = self.pitch.periodicity(products);
            }
            if self.periodicity >= PERIODIC {
                self.unvoiced_blocks = self.unvoiced_blocks.saturating_sub(PERIODIC_BLOCKS);
            } else {
                self.unvoiced_blocks += 1;
            }
            if self.unvoiced_blocks >= UNVOICED_BLOCKS {
                self.floors.rise();
                self.unvoiced_blocks = 0;
            }
        }
        self.voice += VOICE * (self.periodicity - self.voice);
    }

    #[inline(always)]
    fn follow_level(&mut self, level: f32) {
        let change = (level - self.level).abs();
        self.level = level;
        self.steady_blocks = if change < STEADY_DB { self.steady_blocks.saturating_add(1) } else { 0 };
        self.change += QUICK * (change.min(20.0) - self.change);
        self.peak = (self.peak - PEAK_FALL_DB).max(LOWEST_PEAK_DBFS);
        self.peak += QUICK * (level - self.peak).max(0.0);
    }
}

fn mean(values: &[f32; BANDS]) -> f32 {
    let [a, b, c, d, e, f, g, h] = values;
    (((a + b) + (c + d)) + ((e + f) + (g + h))) * (1.0 / BANDS as f32)
}
