//! Judges one block of 10 ms: is there sound above the noise, and is it a voice?

use super::VadOptions;
use super::bands::{self, BLOCK, Splitter};
use super::floor::NoiseFloor;
use super::pitch::PitchDetector;
use super::segment::Verdict;

/// Noise floors are never taken to be lower (dBFS): mu-law's own rounding is at about -75 for a quiet line.
const LOWEST_FLOOR_DBFS: f32 = -66.0;

/// The power over 20 ms changes by less than this factor (0.6 dB) from block to block in a steady tone.
const STEADY_RATIO: f32 = 1.15;

/// Blocks in a row without change from which a tone is taken to be steady. Speech seldom has three.
const STEADY_BLOCKS: u32 = 3;

/// The memory that judging needs: filters, noise floors, recent sound.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Judge {
    splitter: Splitter,
    floors: [NoiseFloor; bands::COUNT],
    pitch: PitchDetector,
    /// The power of the last block and of the one before it, highs raised.
    loudness: [f32; 2],
    /// The last sample.
    last_sample: f32,
    /// Blocks in a row in which the loudness has not changed.
    steady_blocks: u32,
    /// What the last block in which the pitch was looked for said, to be used once more.
    periodic_before: Option<bool>,
    start_ratio: f32,
    continue_ratio: f32,
    quietest: f32,
    quietest_voice: f32,
    voiced_periodicity: f32,
}

impl Judge {
    pub(super) fn new(options: &VadOptions) -> Self {
        let initial = power_of_dbfs(options.initial_noise_dbfs);
        let floor = NoiseFloor::new(initial, power_of_dbfs(LOWEST_FLOOR_DBFS));
        Self {
            splitter: Splitter::default(),
            floors: [floor.clone(), floor.clone(), floor],
            pitch: PitchDetector::new(),
            loudness: [0.0; 2],
            last_sample: 0.0,
            steady_blocks: 0,
            periodic_before: None,
            start_ratio: ratio_of_db(options.start_snr_db),
            continue_ratio: ratio_of_db(options.continue_snr_db),
            quietest: power_of_dbfs(options.quietest_dbfs),
            quietest_voice: power_of_dbfs(options.quietest_voice_dbfs),
            voiced_periodicity: options.voiced_periodicity,
        }
    }

    /// Judges the next block; `listening` says that it may continue sound that came before.
    pub(super) fn hear(&mut self, samples: &[f32; BLOCK], listening: bool) -> Verdict {
        let analysis = self.splitter.analyse(samples);
        self.pitch.push(&analysis.voice);
        let ratio = if listening { self.continue_ratio } else { self.start_ratio };
        let mut active = false;
        for (floor, power) in self.floors.iter_mut().zip(analysis.power) {
            active |= power > self.quietest && power > ratio * floor.power();
            floor.update(power);
        }
        self.follow_steadiness(samples);
        if !active {
            self.periodic_before = None;
        }
        let steady = self.steady_blocks >= STEADY_BLOCKS;
        let near = analysis.power.iter().any(|&power| power > self.quietest_voice);
        let voiced = active && near && !steady && self.is_periodic();
        Verdict { active, voiced, steady_blocks: self.steady_blocks }
    }

    /// What is heard now has turned out to be noise.
    pub(super) fn raise_floors(&mut self) {
        self.floors.iter_mut().for_each(NoiseFloor::rise);
    }

    /// The signal was interrupted: what comes next does not follow on what was heard.
    pub(super) fn forget_signal(&mut self) {
        self.splitter = Splitter::default();
        self.pitch = PitchDetector::new();
        self.loudness = [0.0; 2];
        self.last_sample = 0.0;
        self.steady_blocks = 0;
        self.periodic_before = None;
    }

    /// Looks for the pitch in every second block that needs it: the window is 28 ms long, so the blocks in
    /// between would hear nearly the same, and this is the dearest part of the detector.
    fn is_periodic(&mut self) -> bool {
        match self.periodic_before.take() {
            Some(periodic) => periodic,
            None => {
                let periodic = self.pitch.periodicity() >= self.voiced_periodicity;
                self.periodic_before = Some(periodic);
                periodic
            }
        }
    }

    /// Compares the loudness of the last 20 ms with that of the 20 ms before this block. Differences from
    /// sample to sample are measured, which keeps hum below speech.
    fn follow_steadiness(&mut self, samples: &[f32; BLOCK]) {
        let mut differences = *samples;
        differences[0] -= self.last_sample;
        for (difference, before) in differences[1..].iter_mut().zip(samples) {
            *difference -= before;
        }
        self.last_sample = samples[BLOCK - 1];

        let power = bands::mean_square(&differences);
        let [previous, earlier] = self.loudness;
        self.loudness = [power, previous];
        let (now, before) = (previous + power, earlier + previous);
        let steady = now < before * STEADY_RATIO && before < now * STEADY_RATIO;
        self.steady_blocks = if steady { self.steady_blocks.saturating_add(1) } else { 0 };
    }
}

fn ratio_of_db(decibels: f32) -> f32 {
    10f32.powf(decibels / 10.0)
}

/// Mean square, in squared sample units, of a level in dBFS.
fn power_of_dbfs(dbfs: f32) -> f32 {
    32_768.0 * 32_768.0 * ratio_of_db(dbfs)
}
