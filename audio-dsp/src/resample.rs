//! Streaming resamplers: 16-bit samples in, 16-bit samples out, at another rate.
//!
//! [`Resampler`] converts between 8, 16, 24 and 48 kHz with fixed filters and hardly any delay. Telephone band
//! (lower rate 8 kHz): flat within 0.05 dB up to 3.4 kHz, images and aliases at least 75 dB down from 4.6 kHz on,
//! at most 2.1 ms late. The other ratios have the same filter scaled with the lower rate.
//!
//! [`AnyRatio`] takes all other rates, at more cost and delay; [`between`] chooses.
//!
//! `cargo run --example filter_response` prints what each filter does.

mod any_ratio;
mod bank;
mod design;
mod fixed;
mod kernel;
mod taps;
#[cfg(test)]
mod tests;

pub use any_ratio::AnyRatio;
pub use fixed::Resampler;
pub(crate) use kernel::BLOCK;

/// A stream of 16-bit samples on its way from one rate to another, whatever the ratio.
///
/// Any split of the input gives the same output.
pub trait Resample: std::fmt::Debug {
    /// Resamples `input` (any length), appends what comes out to `output` and returns how many samples that was.
    fn process(&mut self, input: &[i16], output: &mut Vec<i16>) -> usize;

    /// Ends the stream: appends what is still inside to `output`, returns how many samples that was, and starts
    /// anew with silence as the past.
    fn flush(&mut self, output: &mut Vec<i16>) -> usize;

    /// Forgets the past: the next input sample is the first of a new stream.
    fn reset(&mut self);

    /// The filter's delay in output samples: an input sample is heard that much later.
    fn latency_samples(&self) -> usize;

    /// Rate of the input, in Hz.
    fn input_hz(&self) -> u32;

    /// Rate of the output, in Hz.
    fn output_hz(&self) -> u32;
}

/// The resampler between two rates: a [`Resampler`] if there is one, else an [`AnyRatio`].
pub fn between(from_hz: u32, to_hz: u32) -> Result<Box<dyn Resample + Send>, UnsupportedRatio> {
    match Resampler::new(from_hz, to_hz) {
        Ok(resampler) => Ok(Box::new(resampler)),
        Err(_) => Ok(Box::new(AnyRatio::new(from_hz, to_hz)?)),
    }
}

/// There is no resampler between these two rates. They must differ; [`Resampler`]'s must be 8,000, 16,000, 24,000 or
/// 48,000 Hz, [`AnyRatio`]'s 4,000 to 192,000 Hz.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no resampler from {from_hz} Hz to {to_hz} Hz")]
pub struct UnsupportedRatio {
    /// Rate of the input, in Hz.
    pub from_hz: u32,
    /// Rate of the output, in Hz.
    pub to_hz: u32,
}

/// The output slice cannot hold what the input gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the output has room for {length} items, but {needed} are to be written")]
pub struct OutputTooShort {
    /// Items that the output can hold.
    pub length: usize,
    /// Items that there are.
    pub needed: usize,
}
