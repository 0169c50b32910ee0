//! Any other ratio, by the rubato crate: for files and for synthesisers with rates of their own.

#![forbid(unsafe_code)]

#[cfg(test)]
mod tests;

use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{
    Async, FixedAsync, Resampler as _, SincInterpolationParameters, SincInterpolationType, WindowFunction,
    calculate_cutoff,
};

use super::{Resample, UnsupportedRatio};

/// The rates that are taken, in Hz: below 4 kHz nobody speaks, above 192 kHz nobody records.
const RATES_HZ: std::ops::RangeInclusive<u32> = 4_000..=192_000;

/// Input samples that are filtered at a time: 3 ms at 22.05 kHz.
const CHUNK: usize = 64;

/// Length of the filter, in samples of the lower rate. Half of it is the delay.
const FILTER_LENGTH: usize = 128;

const WINDOW: WindowFunction = WindowFunction::BlackmanHarris;

/// Points between two taps at which the filter is known; between the points it is interpolated.
const OVERSAMPLING: usize = 128;

/// Converts one stream of 16-bit samples between any two rates from 4 to 192 kHz.
///
/// It is rubato's sinc interpolation in 32-bit floating point, rounded to the nearest integer and clipped. It passes
/// up to 0.42 of the lower rate (within 0.05 dB) and leaves less than -85 dB of what lies beyond its half. Its delay is
/// 64 samples of the lower rate (8 ms at 8 kHz) and up to 64 input samples that wait to be filtered together.
///
/// Any split of the input gives the same output. Machines with different vector instructions may differ by rounding.
pub struct AnyRatio {
    from_hz: u32,
    to_hz: u32,
    resampler: Async<f32>,
    /// Input that waits for its chunk to be full.
    input: [f32; CHUNK],
    input_count: usize,
    output: Vec<f32>,
    /// Since the start or the last reset.
    samples_in: u64,
    samples_out: u64,
}

impl AnyRatio {
    /// A resampler whose past is silence. The rates must differ.
    pub fn new(from_hz: u32, to_hz: u32) -> Result<Self, UnsupportedRatio> {
        let unsupported = UnsupportedRatio { from_hz, to_hz };
        if from_hz == to_hz || !RATES_HZ.contains(&from_hz) || !RATES_HZ.contains(&to_hz) {
            return Err(unsupported);
        }
        let lower_hz = from_hz.min(to_hz);
        let length = FILTER_LENGTH * from_hz as usize / lower_hz as usize;
        let parameters = SincInterpolationParameters::new(length, WINDOW)
            .f_cutoff(calculate_cutoff(FILTER_LENGTH, WINDOW))
            .oversampling_factor(OVERSAMPLING)
            .interpolation(SincInterpolationType::Cubic);
        let ratio = f64::from(to_hz) / f64::from(from_hz);
        // It refuses ratios and chunks that are zero or not finite, which these are not.
        let resampler =
            Async::new_sinc(ratio, 1.0, &parameters, CHUNK, 1, FixedAsync::Input).map_err(|_| unsupported)?;
        let output = vec![0.0; resampler.output_frames_max()];
        Ok(Self {
            from_hz,
            to_hz,
            resampler,
            input: [0.0; CHUNK],
            input_count: 0,
            output,
            samples_in: 0,
            samples_out: 0,
        })
    }

    /// Filters the chunk and appends what comes out, but no more than `wanted` samples.
    fn run(&mut self, wanted: u64, output: &mut Vec<i16>) {
        self.input_count = 0;
        let frames = self.output.len();
        let converted = SequentialSlice::new(&self.input[..], 1, CHUNK).and_then(|input| {
            let mut room = SequentialSlice::new_mut(&mut self.output[..], 1, frames)?;
            Ok(self.resampler.process_into_buffer(&input, &mut room, None))
        });
        #[expect(
            clippy::expect_used,
            reason = "it fails only for buffers of other sizes than it asked for itself"
        )]
        let (_, count) =
            converted.expect("the slices are as long as they are").expect("the sizes are rubato's own");
        let count = count.min(usize::try_from(wanted).unwrap_or(usize::MAX));
        // The cast clips to the range of 16 bits.
        output.extend(self.output[..count].iter().map(|sample| sample.round() as i16));
        self.samples_out += count as u64;
    }
}

impl Resample for AnyRatio {
    fn process(&mut self, input: &[i16], output: &mut Vec<i16>) -> usize {
        let before = output.len();
        for &sample in input {
            self.input[self.input_count] = f32::from(sample);
            self.input_count += 1;
            if self.input_count == CHUNK {
                self.run(u64::MAX, output);
            }
        }
        self.samples_in += input.len() as u64;
        output.len() - before
    }

    /// Process and flush together give as many samples as the input lasts (rounded up), plus the delay.
    fn flush(&mut self, output: &mut Vec<i16>) -> usize {
        let before = output.len();
        let lasts = (u128::from(self.samples_in) * u128::from(self.to_hz)).div_ceil(u128::from(self.from_hz));
        let end = u64::try_from(lasts).unwrap_or(u64::MAX).saturating_add(self.latency_samples() as u64);
        while self.samples_out < end {
            self.input[self.input_count..].fill(0.0);
            self.run(end - self.samples_out, output);
        }
        self.reset();
        output.len() - before
    }

    fn reset(&mut self) {
        self.resampler.reset();
        self.input_count = 0;
        self.samples_in = 0;
        self.samples_out = 0;
    }

    fn latency_samples(&self) -> usize {
        self.resampler.output_delay()
    }

    fn input_hz(&self) -> u32 {
        self.from_hz
    }

    fn output_hz(&self) -> u32 {
        self.to_hz
    }
}

impl std::fmt::Debug for AnyRatio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AnyRatio")
            .field("from_hz", &self.from_hz)
            .field("to_hz", &self.to_hz)
            .finish_non_exhaustive()
    }
}
