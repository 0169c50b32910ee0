//! G.711 with AVX2.
//!
//! Decoding looks up both halves of a code, 32 at a time, and multiplies: in mu-law a negative sample is
//!
//! ```text
//! (8m + 132) * -2^e  +  132 * 1
//! ```
//!
//! and in A-law, where the second term is missing in segment 0 and `s` is the segment, but at least 1,
//!
//! ```text
//! (8m + 4) * -2^s  +  128 * -2^s
//! ```
//!
//! All factors fit a byte: 252 is the largest on the left, which `vpmaddubsw` takes without a sign, and -128 the least
//! on the right, which it takes with one. It does both products and their sum for 16 samples at once. A table of
//! sixteen bytes is looked up by `vpshufb`.
//!
//! Encoding takes the code out of a float, as in `sse2.rs`.

#![forbid(unsafe_code)]

use std::arch::x86_64::{
    __m256i, _mm256_adds_epu8, _mm256_and_si256, _mm256_broadcastsi128_si256, _mm256_castps_si256,
    _mm256_castsi256_ps, _mm256_maddubs_epi16, _mm256_max_epu8, _mm256_min_epu8, _mm256_packs_epi16,
    _mm256_packs_epi32, _mm256_packus_epi16, _mm256_permute4x64_epi64, _mm256_set1_epi8, _mm256_set1_epi16,
    _mm256_set1_ps, _mm256_shuffle_epi8, _mm256_sign_epi16, _mm256_srai_epi16, _mm256_srli_epi16,
    _mm256_srli_epi32, _mm256_sub_ps, _mm256_unpackhi_epi8, _mm256_unpackhi_epi16, _mm256_unpacklo_epi8,
    _mm256_unpacklo_epi16, _mm256_xor_si256,
};
use std::marker::PhantomData;

use super::{Law, ONE, SIGN, ULAW_BIAS, UNIT, UPPER_HALF_OF_ONE, sse2};
use crate::kernels::in_blocks;
use crate::kernels::x86::{Item, load_128, load_256, store_256};

/// One vector of codes, two of samples.
const BLOCK: usize = 32;

/// Swaps the two quarters in the middle. Unpacking and packing work within 128 bits; this before the one and after
/// the other keeps samples in order.
const SWAP_MIDDLE: i32 = 0b11_01_10_00;

#[target_feature(enable = "avx2")]
pub(super) fn decode<L: Law>(codes: &[u8], samples: &mut [i16]) {
    if !in_blocks(codes, samples, |codes, samples| decode_block::<L>(codes, samples)) {
        sse2::decode::<L>(codes, samples);
    }
}

#[target_feature(enable = "avx2")]
pub(super) fn encode<L: Law>(samples: &[i16], codes: &mut [u8]) {
    if !in_blocks(samples, codes, |samples, codes| encode_block::<L>(samples, codes)) {
        sse2::encode::<L>(samples, codes);
    }
}

/// The factors of the products above. The first two are without a sign, the others with one.
struct Factors<L>(PhantomData<L>);

impl<L: Law> Factors<L> {
    /// By the lower half of a code: what the step contributes.
    const STEP: [u8; 16] = {
        let base = if L::LINEAR_START { 4 } else { ULAW_BIAS as u8 };
        let mut factors = [0; 16];
        let mut half = 0;
        while half < 16 {
            factors[half] = 8 * ((half as u8 ^ L::LINE_MASK) & 0x0F) + base;
            half += 1;
        }
        factors
    };

    /// What every segment but A-law's first one adds to the step, or mu-law's bias.
    const OFFSET: u8 = if L::LINEAR_START { 128 } else { ULAW_BIAS as u8 };

    /// By the upper half of a code: what the step is multiplied with.
    const STEP_SLOPE: [i8; 16] = {
        let mut factors = [0; 16];
        let mut half = 0;
        while half < 16 {
            let segment = ((half as u8) ^ (L::LINE_MASK >> 4)) & 0x07;
            let shift = if L::LINEAR_START && segment == 0 { 1 } else { segment };
            factors[half] = (1u8 << shift).cast_signed().wrapping_neg();
            half += 1;
        }
        factors
    };

    /// By the upper half of an A-law code: what the offset is multiplied with.
    const OFFSET_SLOPE: [i8; 16] = {
        let mut factors = Self::STEP_SLOPE;
        let first_segment = (L::LINE_MASK >> 4) & 0x07;
        factors[first_segment as usize] = 0;
        factors[(first_segment | 0x08) as usize] = 0;
        factors
    };
}

#[inline]
#[target_feature(enable = "avx2")]
fn decode_block<L: Law>(codes: &[u8; BLOCK], samples: &mut [i16; BLOCK]) {
    let codes = _mm256_permute4x64_epi64::<SWAP_MIDDLE>(load_256::<0, _, _>(codes));
    let half = _mm256_set1_epi8(0x0F);
    let lower = _mm256_and_si256(codes, half);
    let upper = _mm256_and_si256(_mm256_srli_epi16::<4>(codes), half);

    let step = _mm256_shuffle_epi8(table(&Factors::<L>::STEP), lower);
    let offset = _mm256_set1_epi8(Factors::<L>::OFFSET.cast_signed());
    let step_slope = _mm256_shuffle_epi8(table(&Factors::<L>::STEP_SLOPE), upper);
    let offset_slope = if L::LINEAR_START {
        _mm256_shuffle_epi8(table(&Factors::<L>::OFFSET_SLOPE), upper)
    } else {
        _mm256_set1_epi8(1)
    };

    let negative_first = _mm256_maddubs_epi16(
        _mm256_unpacklo_epi8(step, offset),
        _mm256_unpacklo_epi8(step_slope, offset_slope),
    );
    let negative_second = _mm256_maddubs_epi16(
        _mm256_unpackhi_epi8(step, offset),
        _mm256_unpackhi_epi8(step_slope, offset_slope),
    );
    // `vpsignw` turns the sign around where a lane is negative: where the upper byte, the code, is that of a positive
    // sample. The lower byte must not be zero, as `vpsignw` makes zeros of such lanes; a step never is.
    store_256::<0, _, _>(samples, _mm256_sign_epi16(negative_first, _mm256_unpacklo_epi8(step, codes)));
    store_256::<16, _, _>(samples, _mm256_sign_epi16(negative_second, _mm256_unpackhi_epi8(step, codes)));
}

/// Sixteen bytes to look up in, for each half of a vector.
#[inline]
#[target_feature(enable = "avx2")]
fn table<T: Item>(items: &[T; 16]) -> __m256i {
    _mm256_broadcastsi128_si256(load_128::<0, _, _>(items))
}

#[inline]
#[target_feature(enable = "avx2")]
fn encode_block<L: Law>(samples: &[i16; BLOCK], codes: &mut [u8; BLOCK]) {
    let (first, second) = (load_256::<0, _, _>(samples), load_256::<16, _, _>(samples));
    let (first_magnitude, second_magnitude) = (magnitude(first), magnitude(second));
    // What is louder than the loudest code, 127 + 128, is clipped to it.
    let mut fields = _mm256_packus_epi16(fields::<L>(first_magnitude), fields::<L>(second_magnitude));
    if L::LINEAR_START {
        // Below 256 the code is the number of steps of 16. From there on it is what the fields say, 16 or more, and
        // less than the number of such steps; below, the fields say less than 16.
        let steps = _mm256_packus_epi16(
            _mm256_srli_epi16::<4>(first_magnitude),
            _mm256_srli_epi16::<4>(second_magnitude),
        );
        let steps = _mm256_adds_epu8(steps, _mm256_set1_epi8(0x80_u8.cast_signed()));
        fields = _mm256_min_epu8(steps, _mm256_max_epu8(fields, _mm256_set1_epi8(0x90_u8.cast_signed())));
    }
    // Packing clips to a byte and keeps the sign.
    let signs = _mm256_and_si256(_mm256_packs_epi16(first, second), _mm256_set1_epi8(SIGN.cast_signed()));
    let inverted = _mm256_set1_epi8((L::LINE_MASK ^ SIGN).cast_signed());
    store_256::<0, _, _>(
        codes,
        _mm256_permute4x64_epi64::<SWAP_MIDDLE>(_mm256_xor_si256(fields, _mm256_xor_si256(signs, inverted))),
    );
}

/// The magnitudes of 16 samples as one's complement has them: G.191 does so.
#[inline]
#[target_feature(enable = "avx2")]
fn magnitude(samples: __m256i) -> __m256i {
    _mm256_xor_si256(samples, _mm256_srai_epi16::<15>(samples))
}

/// Segment and step of 16 magnitudes, 0 to 127, plus 128.
#[inline]
#[target_feature(enable = "avx2")]
fn fields<L: Law>(magnitudes: __m256i) -> __m256i {
    let upper_halves = _mm256_set1_epi16(UPPER_HALF_OF_ONE);
    let one = _mm256_set1_ps(ONE - if L::LINEAR_START { 0.0 } else { f32::from(ULAW_BIAS) * UNIT });
    let low = _mm256_sub_ps(_mm256_castsi256_ps(_mm256_unpacklo_epi16(magnitudes, upper_halves)), one);
    let high = _mm256_sub_ps(_mm256_castsi256_ps(_mm256_unpackhi_epi16(magnitudes, upper_halves)), one);
    _mm256_packs_epi32(
        _mm256_srli_epi32::<19>(_mm256_castps_si256(low)),
        _mm256_srli_epi32::<19>(_mm256_castps_si256(high)),
    )
}
