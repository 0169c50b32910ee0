//! Quiet noise, so that a line without a voice does not seem dead.
//!
//! The spectrum falls towards high frequencies like that of a room heard over a telephone (Hoth noise, ITU-T
//! P.800, falls by 5 dB per octave) and has nothing at 0 Hz. The same seed gives the same noise.

#![forbid(unsafe_code)]

#[cfg(test)]
mod tests;

/// The falling slope: a pole at 400 Hz, for 8 kHz.
const LOW_PASS: f32 = 0.73;

/// Nothing at 0 Hz: a zero there, and a pole at 130 Hz.
const HIGH_PASS: f32 = 0.9;

/// What the two filters do to the power of white noise, as a factor: the energy of their answer to an impulse.
const POWER_GAIN: f32 = {
    let (mut low, mut high, mut power) = (1.0f32, 1.0f32, 1.0f32);
    let mut n = 0;
    while n < 400 {
        let next = low * LOW_PASS;
        high = high * HIGH_PASS + next - low;
        low = next;
        power += high * high;
        n += 1;
    }
    power
};

/// Writes noise for audio at 8 kHz (at other rates its spectrum is stretched), in pieces of any length.
#[derive(Debug, Clone, PartialEq)]
pub struct ComfortNoise {
    random: u32,
    low: f32,
    high: f32,
    scale: f32,
}

impl ComfortNoise {
    /// Noise of `dbfs` (RMS). A usual level is -60; above -15 it would clip, so that is the loudest. Not-a-number is
    /// silence.
    pub fn new(dbfs: f32, seed: u32) -> Self {
        let dbfs = if dbfs.is_nan() { f32::NEG_INFINITY } else { dbfs };
        let rms = 32_768.0 * 10f32.powf(dbfs.min(-15.0) / 20.0);
        // Even numbers between -1 and 1 have a power of a third.
        let scale = rms * (3.0 / POWER_GAIN).sqrt();
        // Zero is the one state that the generator never leaves.
        let mut noise = Self { random: seed ^ 0x9E37_79B9, low: 0.0, high: 0.0, scale };
        if noise.random == 0 {
            noise.random = 1;
        }
        // Past the filters' start.
        for _ in 0..100 {
            noise.next();
        }
        noise
    }

    /// Fills `output` with noise.
    pub fn fill(&mut self, output: &mut [i16]) {
        for sample in output {
            *sample = self.rounded();
        }
    }

    /// Adds noise to `samples`, clipped to 16 bits.
    pub fn add(&mut self, samples: &mut [i16]) {
        for sample in samples {
            *sample = sample.saturating_add(self.rounded());
        }
    }

    fn rounded(&mut self) -> i16 {
        let noise = self.next() * self.scale;
        (noise + 0.5f32.copysign(noise)) as i16
    }

    /// The next sample, before scaling.
    fn next(&mut self) -> f32 {
        // Marsaglia's xorshift with 32 bits of state.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        let white = (self.random as i32 as f32) / 2_147_483_648.0;
        let low = self.low * LOW_PASS + white;
        self.high = self.high * HIGH_PASS + low - self.low;
        self.low = low;
        self.high
    }
}
