//! Automatic gain for quiet callers: brings speech, and only speech, to one level.
//!
//! The gain moves only while the caller speaks, so noise between words is not pumped up: neither while the detector of
//! voice activity says that nobody speaks, nor while it still waits for the next word. It has no limiter: what
//! it makes too loud for 16 bits is clipped, so [`crate::limiter`] belongs behind it.

#![forbid(unsafe_code)]

#[cfg(test)]
mod tests;

use crate::gain::scaled;

/// How far below the voice of late (dB) a block is taken for a pause in it. Syllables differ by less.
const PAUSE_BELOW_DB: f32 = 15.0;

/// How fast the voice of late is forgotten (dB per block of 10 ms): one that has become 25 dB quieter is levelled after
/// a second of speech.
const FORGETTING_DB: f32 = 0.1;

/// Levels and gains are cut off here (dB): more than 16 bits have from their loudest to their quietest.
const LIMIT_DB: f32 = 120.0;

/// The automatic gain's aims and paces. Levels and gains beyond 120 dB are taken for 120 dB, and the default for what is
/// not a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AgcOptions {
    /// Samples per second (Hz). Default 8,000.
    pub rate_hz: u32,
    /// The level that speech is brought to (dBFS, RMS while speaking). Default -20: a good telephone's.
    pub target_dbfs: f32,
    /// The most gain (dB). Default 20: what is quieter than -40 dBFS stays below the target.
    pub gain_max_db: f32,
    /// The least gain (dB). Default -10.
    pub gain_min_db: f32,
    /// How fast the gain falls for a voice that is too loud (ms, time constant). Default 50.
    pub attack_ms: u32,
    /// How fast it rises for a voice that is too quiet (ms of speech, time constant). Default 800: a
    /// sentence is levelled, a syllable is not.
    pub release_ms: u32,
    /// What is quieter than this is not taken for speech, whatever the caller says (dBFS, RMS of 10 ms).
    /// Default -55: a quiet line's noise.
    pub quietest_dbfs: f32,
}

impl Default for AgcOptions {
    fn default() -> Self {
        Self {
            rate_hz: 8_000,
            target_dbfs: -20.0,
            gain_max_db: 20.0,
            gain_min_db: -10.0,
            attack_ms: 50,
            release_ms: 800,
            quietest_dbfs: -55.0,
        }
    }
}

impl AgcOptions {
    fn within_limits(self) -> Self {
        let limited =
            |db: f32, default: f32| if db.is_nan() { default } else { db.clamp(-LIMIT_DB, LIMIT_DB) };
        let default = Self::default();
        Self {
            target_dbfs: limited(self.target_dbfs, default.target_dbfs),
            gain_max_db: limited(self.gain_max_db, default.gain_max_db),
            gain_min_db: limited(self.gain_min_db, default.gain_min_db),
            quietest_dbfs: limited(self.quietest_dbfs, default.quietest_dbfs),
            ..self
        }
    }
}

/// Levels one voice. It measures blocks of 10 ms and ramps the gain over the next block, without delay. Any split
/// of the samples gives the same output, provided each sample comes with the same `speaking`.
#[derive(Debug, Clone, PartialEq)]
pub struct Agc {
    options: AgcOptions,
    /// Samples of a block.
    block: u32,
    filled: u32,
    /// Samples of the block in which the caller spoke, and the sum of their squares.
    spoken: u32,
    squares: u64,
    /// How loud the voice was of late (dBFS): its loudest blocks, slowly forgotten.
    voice_dbfs: f32,
    /// The gain (dB) at the end of the block.
    gain_db: f32,
    /// The factor at the start and at the end of the block.
    from: f64,
    to: f64,
    /// How much of the distance a block goes.
    attack: f32,
    release: f32,
}

impl Agc {
    /// An automatic gain at 0 dB.
    pub fn new(options: AgcOptions) -> Self {
        let options = options.within_limits();
        let pace = |ms: u32| 1.0 - (-10.0 / ms.max(1) as f32).exp();
        Self {
            options,
            block: (options.rate_hz / 100).max(1),
            filled: 0,
            spoken: 0,
            squares: 0,
            voice_dbfs: f32::NEG_INFINITY,
            gain_db: 0.0,
            from: 1.0,
            to: 1.0,
            attack: pace(options.attack_ms),
            release: pace(options.release_ms),
        }
    }

    /// The gain at the end of the present block (dB).
    pub const fn gain_db(&self) -> f32 {
        self.gain_db
    }

    /// Levels a frame of any length in place. `speaking` says whether the caller speaks in it, by the
    /// detector of voice activity.
    pub fn process(&mut self, samples: &mut [i16], speaking: bool) {
        let mut rest = samples;
        while !rest.is_empty() {
            let (now, later) = rest.split_at_mut(rest.len().min((self.block - self.filled) as usize));
            if speaking {
                self.spoken += now.len() as u32;
                let square = |&sample: &i16| u64::from(sample.unsigned_abs()).pow(2);
                self.squares += now.iter().map(square).sum::<u64>();
            }
            self.apply(now);
            rest = later;
            if self.filled == self.block {
                self.finish_block();
            }
        }
    }

    fn apply(&mut self, samples: &mut [i16]) {
        if self.from == self.to {
            self.filled += samples.len() as u32;
            if self.to != 1.0 {
                samples.iter_mut().for_each(|sample| *sample = scaled(*sample, self.to));
            }
            return;
        }
        let step = (self.to - self.from) / f64::from(self.block);
        for sample in samples {
            self.filled += 1;
            *sample = scaled(*sample, self.from + step * f64::from(self.filled));
        }
    }

    fn finish_block(&mut self) {
        self.from = self.to;
        // A block in which the caller spoke for less than half is mostly something else.
        if self.spoken * 2 > self.block {
            let power = self.squares as f32 / self.spoken as f32;
            let level_dbfs = 10.0 * (power / (32_768.0 * 32_768.0)).log10();
            self.voice_dbfs = level_dbfs.max(self.voice_dbfs - FORGETTING_DB);
            if level_dbfs >= self.options.quietest_dbfs && level_dbfs >= self.voice_dbfs - PAUSE_BELOW_DB {
                self.move_towards(self.options.target_dbfs - level_dbfs);
            }
        }
        (self.filled, self.spoken, self.squares) = (0, 0, 0);
    }

    fn move_towards(&mut self, wanted_db: f32) {
        // In this order, limits that contradict each other cannot panic.
        let wanted_db = wanted_db.max(self.options.gain_min_db).min(self.options.gain_max_db);
        let pace = if wanted_db < self.gain_db { self.attack } else { self.release };
        self.gain_db += (wanted_db - self.gain_db) * pace;
        self.to = 10f64.powf(f64::from(self.gain_db) / 20.0);
    }
}
