//! The crate `rubato`: its FFT resampler as it comes, its sinc resampler as it comes and one of 4 ms.

use super::{Contestant, Resample, names};
use crate::signal::frame_length;
use rubato::{
    Async, Fft, FixedAsync, FixedSync, Resampler, SincInterpolationParameters, WindowFunction,
    audioadapter_buffers::direct::InterleavedSlice,
};

pub(super) fn contestants() -> [Contestant; 3] {
    [
        Contestant::new(names::RUBATO_FFT, |from_hz, to_hz| {
            let (from, to, length) = (from_hz as usize, to_hz as usize, frame_length(from_hz));
            Stream::new(Fft::new(from, to, length, 1, FixedSync::Both).expect("a ratio it can do"), to_hz)
        }),
        Contestant::new("rubato sinc 256", |from_hz, to_hz| {
            Stream::new(sinc(from_hz, to_hz, &SincInterpolationParameters::default()), to_hz)
        })
        .alone(),
        Contestant::new("rubato sinc 4 ms", |from_hz, to_hz| {
            let four_ms = from_hz as usize / 250;
            let options = SincInterpolationParameters::new(four_ms, WindowFunction::Blackman).f_cutoff(1.0);
            Stream::new(sinc(from_hz, to_hz, &options), to_hz)
        })
        .alone(),
    ]
}

fn sinc(from_hz: u32, to_hz: u32, options: &SincInterpolationParameters) -> Async<f32> {
    let ratio = f64::from(to_hz) / f64::from(from_hz);
    Async::new_sinc(ratio, 1.0, options, frame_length(from_hz), 1, FixedAsync::Input)
        .expect("options that it takes")
}

/// Rubato works in floating point; what comes and goes is converted here, as its users must.
struct Stream<R> {
    resampler: R,
    input: Vec<f32>,
    output: Vec<f32>,
}

impl<R: Resampler<f32>> Stream<R> {
    fn new(resampler: R, to_hz: u32) -> Self {
        // A few samples more than a frame: its sinc resampler sometimes gives them.
        Self { resampler, input: Vec::new(), output: vec![0.0; frame_length(to_hz) + 64] }
    }
}

impl<R: Resampler<f32>> Resample for Stream<R> {
    fn process(&mut self, input: &[i16], output: &mut [i16]) -> usize {
        self.input.clear();
        self.input.extend(input.iter().map(|&sample| f32::from(sample) / 32_768.0));
        let length = self.output.len();
        let from = InterleavedSlice::new(&self.input, 1, input.len()).expect("one channel");
        let mut to = InterleavedSlice::new_mut(&mut self.output, 1, length).expect("one channel");
        let (_, written) = self.resampler.process_into_buffer(&from, &mut to, None).expect("frames of 20 ms");
        for (to, from) in output.iter_mut().zip(&self.output[..written]) {
            // A cast from floating point saturates.
            *to = (from * 32_768.0).round_ties_even() as i16;
        }
        written
    }
}
