//! The resamplers of the crate `audio-codec`: 24 taps, in floating point and in 16-bit integers.

use super::{Contestant, Resample, names};
use audio_codec::{resampler, resampler_fixed};

pub(super) fn contestants() -> [Contestant; 2] {
    [
        Contestant::new(names::AUDIO_CODEC, |from_hz, to_hz| {
            Float(
                resampler::BoxedResampler::new(from_hz as usize, to_hz as usize).expect("rates are not zero"),
            )
        }),
        Contestant::new("crate audio-codec q15", |from_hz, to_hz| {
            let stream = resampler_fixed::BoxedResampler::new(from_hz as usize, to_hz as usize);
            Fixed(stream.expect("rates are not zero"))
        }),
    ]
}

struct Float(resampler::BoxedResampler);

impl Resample for Float {
    fn process(&mut self, input: &[i16], output: &mut [i16]) -> usize {
        self.0.resample_into(input, output).expect("the output is long enough")
    }
}

struct Fixed(resampler_fixed::BoxedResampler);

impl Resample for Fixed {
    fn process(&mut self, input: &[i16], output: &mut [i16]) -> usize {
        self.0.resample_into(input, output).expect("the output is long enough")
    }
}
