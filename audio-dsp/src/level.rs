//! How loud a frame is, in dBFS: decibels below full scale, which is a sample of 32,768.
//!
//! A square wave at full scale has an RMS of 0 dBFS, a sine at full scale -3.01 dBFS. Sums are exact
//! integers.

#![forbid(unsafe_code)]

#[cfg(test)]
mod tests;

use std::f64::consts::LOG10_2;

use crate::InstructionSet;
use crate::g711::ulaw;
use crate::kernels::level::{Sums, sums};

/// What silence and empty frames are said to have; the quietest signal that is not silence, a single
/// 1 in a very long frame, is held to it too.
pub const SILENCE_DBFS: f32 = -100.0;

/// The loudness of one frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// Root of the mean square, in dBFS ([`SILENCE_DBFS`] ..= 0).
    pub rms_dbfs: f32,
    /// The largest magnitude of one sample, in dBFS ([`SILENCE_DBFS`] ..= 0).
    pub peak_dbfs: f32,
}

/// Codes expanded at a time: on the stack, and still in the nearest cache when they are summed.
const BLOCK: usize = 256;

/// The level of a frame of 16-bit samples.
pub fn of_pcm(samples: &[i16]) -> Level {
    of_pcm_on(InstructionSet::detected(), samples)
}

/// [`of_pcm`] with a chosen set of instructions, for tests and benchmarks.
pub fn of_pcm_on(set: InstructionSet, samples: &[i16]) -> Level {
    level(sums(set, samples), samples.len())
}

/// The level of a frame of mu-law codes.
pub fn of_ulaw(codes: &[u8]) -> Level {
    of_ulaw_on(InstructionSet::detected(), codes)
}

/// [`of_ulaw`] with a chosen set of instructions, for tests and benchmarks.
pub fn of_ulaw_on(set: InstructionSet, codes: &[u8]) -> Level {
    let mut samples = [0; BLOCK];
    let mut total = Sums::default();
    for block in codes.chunks(BLOCK) {
        let count = ulaw::decode_on(set, block, &mut samples);
        total = total.and(sums(set, &samples[..count]));
    }
    level(total, codes.len())
}

fn level(sums: Sums, length: usize) -> Level {
    let mean_square = sums.squares as f64 / length.max(1) as f64;
    let peak = f64::from(sums.peak());
    Level { rms_dbfs: dbfs_of_power(mean_square), peak_dbfs: dbfs_of_power(peak * peak) }
}

fn dbfs_of_power(power: f64) -> f32 {
    const FULL_SCALE: f64 = 32_768.0;
    // The binary logarithm is the quick one of the C library's, and the two are most of a frame's time.
    let decibels = 10.0 * LOG10_2 * (power / (FULL_SCALE * FULL_SCALE)).log2();
    (decibels as f32).max(SILENCE_DBFS)
}
