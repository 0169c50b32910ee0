//! The product's own resampler.

use super::Resample;
use audio_dsp::resample::Resampler;

pub(super) struct Stream(Resampler);

impl Stream {
    pub(super) fn new(from_hz: u32, to_hz: u32) -> Self {
        Self(Resampler::new(from_hz, to_hz).expect("a ratio of the tables"))
    }
}

impl Resample for Stream {
    fn process(&mut self, input: &[i16], output: &mut [i16]) -> usize {
        self.0.process_into(input, output).expect("the output is long enough")
    }
}
