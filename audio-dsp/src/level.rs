//! How loud a frame is, in dBFS: decibels below full scale, which is a sample of 32,768.
//!
//! A square wave at full scale has an RMS of 0 dBFS, a sine at full scale -3.01 dBFS. Sums are exact
//! integers.

#[cfg(test)]
mod tests;

use crate::g711::ulaw;

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

/// The level of a frame of 16-bit samples.
pub fn of_pcm(samples: &[i16]) -> Level {
    measure(samples.iter().copied())
}

/// The level of a frame of mu-law codes.
pub fn of_ulaw(codes: &[u8]) -> Level {
    measure(codes.iter().map(|&code| ulaw::decode_sample(code)))
}

fn measure(samples: impl ExactSizeIterator<Item = i16>) -> Level {
    let length = samples.len().max(1);
    let (mut squares, mut peak) = (0u64, 0u16);
    for sample in samples {
        let magnitude = sample.unsigned_abs();
        squares += u64::from(u32::from(magnitude) * u32::from(magnitude));
        peak = peak.max(magnitude);
    }
    let mean_square = squares as f64 / length as f64;
    let peak = f64::from(peak);
    Level { rms_dbfs: dbfs_of_power(mean_square), peak_dbfs: dbfs_of_power(peak * peak) }
}

fn dbfs_of_power(power: f64) -> f32 {
    const FULL_SCALE: f64 = 32_768.0;
    let decibels = 10.0 * (power / (FULL_SCALE * FULL_SCALE)).log10();
    (decibels as f32).max(SILENCE_DBFS)
}
