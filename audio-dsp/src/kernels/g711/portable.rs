//! G.711 in plain Rust, one item at a time: what all kernels are tested against, and what does the frames that are
//! shorter than a vector.

#![forbid(unsafe_code)]

use super::Law;

pub(super) fn decode<L: Law>(codes: &[u8], samples: &mut [i16]) {
    for (sample, &code) in samples.iter_mut().zip(codes) {
        *sample = L::decode_sample(code);
    }
}

pub(super) fn encode<L: Law>(samples: &[i16], codes: &mut [u8]) {
    for (code, &sample) in codes.iter_mut().zip(samples) {
        *code = L::encode_sample(sample);
    }
}
