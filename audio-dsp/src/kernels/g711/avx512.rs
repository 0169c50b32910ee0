//! G.711 with AVX-512, 32 samples in a vector.
//!
//! Lanes of 16 bits can each be shifted by a count of their own (`vpsllvw`), so decoding is the formula of [`super`]
//! as it stands: `t = (8m + 132) << e`. Encoding takes the code out of a float, as in `sse2.rs`.

#![forbid(unsafe_code)]

use std::arch::x86_64::{
    __m512i, _mm256_set1_epi8, _mm256_xor_si256, _mm512_add_epi16, _mm512_adds_epu8, _mm512_and_si512,
    _mm512_castps_si512, _mm512_castsi512_ps, _mm512_cvtepu8_epi16, _mm512_mask_sub_epi16, _mm512_max_epu8,
    _mm512_min_epi16, _mm512_min_epu8, _mm512_packs_epi16, _mm512_packs_epi32, _mm512_packus_epi16,
    _mm512_permutexvar_epi64, _mm512_set1_epi8, _mm512_set1_epi16, _mm512_set1_ps, _mm512_setr_epi64,
    _mm512_setzero_si512, _mm512_slli_epi16, _mm512_sllv_epi16, _mm512_srai_epi16, _mm512_srli_epi16,
    _mm512_srli_epi32, _mm512_sub_epi16, _mm512_sub_ps, _mm512_test_epi16_mask, _mm512_unpackhi_epi16,
    _mm512_unpacklo_epi16, _mm512_xor_si512,
};

use super::{ALAW_LINEAR_END, Law, ONE, SIGN, ULAW_BIAS, UNIT, UPPER_HALF_OF_ONE, avx2};
use crate::kernels::in_blocks;
use crate::kernels::x86::{ask_ahead, load_256, load_512, store_512};

/// Half a vector of codes, one of samples.
const BLOCK: usize = 32;

/// Two vectors of samples, one of codes.
const ENCODE_BLOCK: usize = 64;

#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub(super) fn decode<L: Law>(codes: &[u8], samples: &mut [i16]) {
    if !in_blocks(codes, samples, |codes, samples| decode_block::<L>(codes, samples)) {
        avx2::decode::<L>(codes, samples);
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub(super) fn encode<L: Law>(samples: &[i16], codes: &mut [u8]) {
    let (sample_blocks, rest) = samples.as_chunks::<ENCODE_BLOCK>();
    for (samples, codes) in sample_blocks.iter().zip(codes.as_chunks_mut::<ENCODE_BLOCK>().0) {
        encode_block::<L>(samples, codes);
    }
    if !rest.is_empty() {
        // Half a block is enough for AVX2; a few samples before the rest may be encoded once more.
        let start = (samples.len() - rest.len()).min(samples.len().saturating_sub(ENCODE_BLOCK / 2));
        avx2::encode::<L>(&samples[start..], &mut codes[start..]);
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn decode_block<L: Law>(codes: &[u8; BLOCK], samples: &mut [i16; BLOCK]) {
    let mask = _mm256_set1_epi8(L::LINE_MASK.cast_signed());
    let codes = _mm512_cvtepu8_epi16(_mm256_xor_si256(load_256::<0, _, _>(codes), mask));
    let segment = _mm512_and_si512(_mm512_srli_epi16::<4>(codes), _mm512_set1_epi16(0x07));
    let step = _mm512_slli_epi16::<3>(_mm512_and_si512(codes, _mm512_set1_epi16(0x0F)));
    let t = _mm512_sllv_epi16(_mm512_add_epi16(step, _mm512_set1_epi16(132)), segment);
    let zero = _mm512_setzero_si512();
    let magnitude = if L::LINEAR_START {
        // In segment 0, t + (t - 256).
        let below = _mm512_min_epi16(_mm512_sub_epi16(t, _mm512_set1_epi16(ALAW_LINEAR_END)), zero);
        _mm512_add_epi16(t, below)
    } else {
        _mm512_sub_epi16(t, _mm512_set1_epi16(ULAW_BIAS))
    };
    let negative = _mm512_test_epi16_mask(codes, _mm512_set1_epi16(i16::from(SIGN)));
    store_512::<0, _, _>(samples, _mm512_mask_sub_epi16(magnitude, negative, zero, magnitude));
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn encode_block<L: Law>(samples: &[i16; ENCODE_BLOCK], codes: &mut [u8; ENCODE_BLOCK]) {
    ask_ahead(samples);
    let (first, second) = (load_512::<0, _, _>(samples), load_512::<32, _, _>(samples));
    let (first_magnitude, second_magnitude) = (magnitude(first), magnitude(second));
    // What is louder than the loudest code, 127 + 128, is clipped to it.
    let mut fields = _mm512_packus_epi16(fields::<L>(first_magnitude), fields::<L>(second_magnitude));
    if L::LINEAR_START {
        // Below 256 the code is the number of steps of 16. From there on it is what the fields say, 16 or more, and
        // less than the number of such steps; below, the fields say less than 16.
        let steps = _mm512_packus_epi16(
            _mm512_srli_epi16::<4>(first_magnitude),
            _mm512_srli_epi16::<4>(second_magnitude),
        );
        let steps = _mm512_adds_epu8(steps, _mm512_set1_epi8(0x80_u8.cast_signed()));
        fields = _mm512_min_epu8(steps, _mm512_max_epu8(fields, _mm512_set1_epi8(0x90_u8.cast_signed())));
    }
    // Packing clips to a byte and keeps the sign.
    let signs = _mm512_and_si512(_mm512_packs_epi16(first, second), _mm512_set1_epi8(SIGN.cast_signed()));
    let inverted = _mm512_set1_epi8((L::LINE_MASK ^ SIGN).cast_signed());
    // Unpacking and packing work within 128 bits; this puts the quarters of 64 codes in order again.
    let order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
    store_512::<0, _, _>(
        codes,
        _mm512_permutexvar_epi64(order, _mm512_xor_si512(fields, _mm512_xor_si512(signs, inverted))),
    );
}

/// The magnitudes of 32 samples as one's complement has them: G.191 does so.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn magnitude(samples: __m512i) -> __m512i {
    _mm512_xor_si512(samples, _mm512_srai_epi16::<15>(samples))
}

/// Segment and step of 32 magnitudes, 0 to 127, plus 128.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn fields<L: Law>(magnitudes: __m512i) -> __m512i {
    let upper_halves = _mm512_set1_epi16(UPPER_HALF_OF_ONE);
    let one = _mm512_set1_ps(ONE - if L::LINEAR_START { 0.0 } else { f32::from(ULAW_BIAS) * UNIT });
    let low = _mm512_sub_ps(_mm512_castsi512_ps(_mm512_unpacklo_epi16(magnitudes, upper_halves)), one);
    let high = _mm512_sub_ps(_mm512_castsi512_ps(_mm512_unpackhi_epi16(magnitudes, upper_halves)), one);
    _mm512_packs_epi32(
        _mm512_srli_epi32::<19>(_mm512_castps_si512(low)),
        _mm512_srli_epi32::<19>(_mm512_castps_si512(high)),
    )
}
