//! The product's own resampler.

use super::Resample;
use audio_dsp::resample::Resampler;

pub(super) struct Stream {
    resampler: Resampler,
    appended: Vec<i16>,
}

impl Stream {
    pub(super) fn new(from_hz: u32, to_hz: u32) -> Self {
        let resampler = Resampler::new(from_hz, to_hz).expect("a ratio of the tables");
        Self { resampler, appended: Vec::with_capacity(1_024) }
    }
}

impl Resample for Stream {
    fn process(&mut self, input: &[i16], output: &mut [i16]) -> usize {
        self.appended.clear();
        let count = self.resampler.process(input, &mut self.appended);
        output[..count].copy_from_slice(&self.appended);
        count
    }
}
