//! G.711 with AVX2.
//!
//! Decoding looks up both halves of a code, 32 at a time, and multiplies. The negative of a magnitude is, in mu-law,
//!
//! ```text
//! (8m + 132) * -2^e  +  132 * 1
//! ```
//!
//! and in A-law, where `s` is the segment, but at least 1, and 128 is missing in segment 0,
//!
//! ```text
//! (8m + 4 + 128) * -2^s
//! ```
//!
//! All factors fit a byte: 252 is the largest on the left, which `vpmaddubsw` takes without a sign, and -128 the least
//! on the right, which it takes with one. It does both products and their sum for 16 samples at once. A table of
//! sixteen bytes is looked up by `vpshufb`.
//!
//! The sign comes along in the left factor of the second product, whose highest bit is that of the code: set for
//! positive samples. So A-law has a second product as well, with 0, and mu-law's 132 is 132 * 1 or 4 * 33.
//!
//! Encoding takes the code out of a float, as in `sse2.rs`.

#![forbid(unsafe_code)]

use std::arch::x86_64::{
    __m256i, _mm256_adds_epu8, _mm256_and_si256, _mm256_broadcastsi128_si256, _mm256_castps_si256,
    _mm256_castsi256_ps, _mm256_maddubs_epi16, _mm256_max_epu8, _mm256_min_epu8, _mm256_or_si256,
    _mm256_packs_epi16, _mm256_packs_epi32, _mm256_packus_epi16, _mm256_permute4x64_epi64, _mm256_set1_epi8,
    _mm256_set1_epi16, _mm256_set1_ps, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_sign_epi16,
    _mm256_srai_epi16, _mm256_srli_epi16, _mm256_srli_epi32, _mm256_sub_ps, _mm256_unpackhi_epi8,
    _mm256_unpackhi_epi16, _mm256_unpacklo_epi8, _mm256_unpacklo_epi16, _mm256_xor_si256,
};
use std::marker::PhantomData;

use super::{Law, ONE, SIGN, ULAW_BIAS, UNIT, UPPER_HALF_OF_ONE, sse2};
use crate::kernels::in_blocks;
use crate::kernels::x86::{Item, ask_ahead, load_128, load_256, store_256};

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

/// The factors of the products above.
struct Factors<L>(PhantomData<L>);

impl<L: Law> Factors<L> {
    /// By the lower half of a code: 8m and what is added to it in every segment.
    const STEP: [u8; 16] = {
        let base = if L::LINEAR_START { 4 } else { 132 };
        let mut factors = [0; 16];
        let mut half = 0;
        while half < 16 {
            factors[half] = 8 * ((half as u8 ^ L::LINE_MASK) & 0x0F) + base;
            half += 1;
        }
        factors
    };

    /// By the upper half of a code: what A-law adds to that in every segment but the first.
    const SEGMENT_START: [u8; 16] = {
        let mut factors = [128; 16];
        let first = (L::LINE_MASK >> 4) & 0x07;
        factors[first as usize] = 0;
        factors[(first | 0x08) as usize] = 0;
        factors
    };

    /// By the upper half of a code: what the step is multiplied with.
    const SLOPE: [i8; 16] = {
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
}

/// By the upper half of a mu-law code: the factors of 132, of which the first has the sign bit of the code.
const BIAS_FACTORS: ([u8; 16], [i8; 16]) = {
    let (mut left, mut right) = ([4; 16], [33; 16]);
    let mut half = 8;
    while half < 16 {
        (left[half], right[half]) = (132, 1);
        half += 1;
    }
    (left, right)
};

#[inline]
#[target_feature(enable = "avx2")]
fn decode_block<L: Law>(codes: &[u8; BLOCK], samples: &mut [i16; BLOCK]) {
    let codes = _mm256_permute4x64_epi64::<SWAP_MIDDLE>(load_256::<0, _, _>(codes));
    let half = _mm256_set1_epi8(0x0F);
    let lower = _mm256_and_si256(codes, half);
    let upper = _mm256_and_si256(_mm256_srli_epi16::<4>(codes), half);

    let step = _mm256_shuffle_epi8(table(&Factors::<L>::STEP), lower);
    let slope = _mm256_shuffle_epi8(table(&Factors::<L>::SLOPE), upper);
    let (left_1, left_2, right_2) = if L::LINEAR_START {
        let start = _mm256_shuffle_epi8(table(&Factors::<L>::SEGMENT_START), upper);
        (_mm256_or_si256(step, start), codes, _mm256_setzero_si256())
    } else {
        let (left, right) = (table(&BIAS_FACTORS.0), table(&BIAS_FACTORS.1));
        (step, _mm256_shuffle_epi8(left, upper), _mm256_shuffle_epi8(right, upper))
    };

    let (left, right) = (_mm256_unpacklo_epi8(left_1, left_2), _mm256_unpacklo_epi8(slope, right_2));
    store_256::<0, _, _>(samples, signed_product(left, right));
    let (left, right) = (_mm256_unpackhi_epi8(left_1, left_2), _mm256_unpackhi_epi8(slope, right_2));
    store_256::<16, _, _>(samples, signed_product(left, right));
}

/// The sum of both products, turned around where the left factors, as one lane, are negative. They are never zero.
#[inline]
#[target_feature(enable = "avx2")]
fn signed_product(left: __m256i, right: __m256i) -> __m256i {
    _mm256_sign_epi16(_mm256_maddubs_epi16(left, right), left)
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
    ask_ahead(samples);
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
