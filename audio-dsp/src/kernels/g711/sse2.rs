//! G.711 with SSE2: the processor's own conversions between integers and floats do the work.
//!
//! A single-precision float has a sign, 8 bits of exponent and 23 of mantissa. The upper half of one, 16 bits, holds
//! all that a code can say:
//!
//! ```text
//! float, upper half   s eeee eeee mmm mmmm
//! code                s       eee mmm m      and 1 after it: the middle of the step
//! ```
//!
//! So a code is moved into place, 127 + 7 is added to the exponent, and the float `t` (see [`super`]) is converted to
//! an integer.
//!
//! Encoding takes the same bits out of the float that a magnitude becomes. A magnitude is made a float without any
//! conversion: as the lower part of the mantissa of a large number, which is then subtracted, less the bias. The
//! large number is chosen such that exponents come out small and need no correction.

#![forbid(unsafe_code)]

use std::arch::x86_64::{
    __m128i, _mm_add_epi16, _mm_adds_epu8, _mm_and_si128, _mm_castps_si128, _mm_castsi128_ps,
    _mm_cvttps_epi32, _mm_max_epu8, _mm_min_epi16, _mm_min_epu8, _mm_packs_epi16, _mm_packs_epi32,
    _mm_packus_epi16, _mm_set1_epi8, _mm_set1_epi16, _mm_set1_ps, _mm_setzero_si128, _mm_srai_epi16,
    _mm_srli_epi16, _mm_srli_epi32, _mm_sub_epi16, _mm_sub_ps, _mm_unpackhi_epi8, _mm_unpackhi_epi16,
    _mm_unpacklo_epi8, _mm_unpacklo_epi16, _mm_xor_si128,
};

use super::{ALAW_LINEAR_END, FIRST_EXPONENT, Law, ONE, SIGN, ULAW_BIAS, UNIT, UPPER_HALF_OF_ONE, portable};
use crate::kernels::in_blocks;
use crate::kernels::x86::{load_128, store_128};

/// One vector of codes, two of samples.
const BLOCK: usize = 16;

/// The exponent of the first segment, as a float has it.
const FLOAT_EXPONENT: i16 = 127 + FIRST_EXPONENT as i16;

#[target_feature(enable = "sse2")]
pub(super) fn decode<L: Law>(codes: &[u8], samples: &mut [i16]) {
    if !in_blocks(codes, samples, |codes, samples| decode_block::<L>(codes, samples)) {
        portable::decode::<L>(codes, samples);
    }
}

#[target_feature(enable = "sse2")]
pub(super) fn encode<L: Law>(samples: &[i16], codes: &mut [u8]) {
    if !in_blocks(samples, codes, |samples, codes| encode_block::<L>(samples, codes)) {
        portable::encode::<L>(samples, codes);
    }
}

#[inline]
#[target_feature(enable = "sse2")]
fn decode_block<L: Law>(codes: &[u8; BLOCK], samples: &mut [i16; BLOCK]) {
    let mask = _mm_set1_epi8(L::LINE_MASK.cast_signed());
    let codes = _mm_xor_si128(load_128::<0, _, _>(codes), mask);
    let zero = _mm_setzero_si128();
    store_128::<0, _, _>(samples, expand::<L>(_mm_unpacklo_epi8(zero, codes)));
    store_128::<8, _, _>(samples, expand::<L>(_mm_unpackhi_epi8(zero, codes)));
}

/// Eight samples of codes that are each in the upper byte of a lane.
#[inline]
#[target_feature(enable = "sse2")]
fn expand<L: Law>(codes: __m128i) -> __m128i {
    let fields = _mm_and_si128(_mm_srli_epi16::<5>(codes), _mm_set1_epi16(0x7F << 3));
    let middle_of_step = 1 << 2;
    let halves = _mm_add_epi16(fields, _mm_set1_epi16((FLOAT_EXPONENT << 7) | middle_of_step));
    let zero = _mm_setzero_si128();
    let low = _mm_cvttps_epi32(_mm_castsi128_ps(_mm_unpacklo_epi16(zero, halves)));
    let high = _mm_cvttps_epi32(_mm_castsi128_ps(_mm_unpackhi_epi16(zero, halves)));
    let t = _mm_packs_epi32(low, high);
    let magnitude = if L::LINEAR_START {
        // In segment 0, t + (t - 256).
        let below = _mm_min_epi16(_mm_sub_epi16(t, _mm_set1_epi16(ALAW_LINEAR_END)), zero);
        _mm_add_epi16(t, below)
    } else {
        _mm_sub_epi16(t, _mm_set1_epi16(ULAW_BIAS))
    };
    // Minus a magnitude is its complement plus one.
    let negative = _mm_srai_epi16::<15>(codes);
    _mm_sub_epi16(_mm_xor_si128(magnitude, negative), negative)
}

#[inline]
#[target_feature(enable = "sse2")]
fn encode_block<L: Law>(samples: &[i16; BLOCK], codes: &mut [u8; BLOCK]) {
    let (first, second) = (load_128::<0, _, _>(samples), load_128::<8, _, _>(samples));
    let (first_magnitude, second_magnitude) = (magnitude(first), magnitude(second));
    // What is louder than the loudest code, 127 + 128, is clipped to it.
    let mut fields = _mm_packus_epi16(fields::<L>(first_magnitude), fields::<L>(second_magnitude));
    if L::LINEAR_START {
        // Below 256 the code is the number of steps of 16. From there on it is what the fields say, 16 or more, and
        // less than the number of such steps; below, the fields say less than 16.
        let steps =
            _mm_packus_epi16(_mm_srli_epi16::<4>(first_magnitude), _mm_srli_epi16::<4>(second_magnitude));
        let steps = _mm_adds_epu8(steps, _mm_set1_epi8(0x80_u8.cast_signed()));
        fields = _mm_min_epu8(steps, _mm_max_epu8(fields, _mm_set1_epi8(0x90_u8.cast_signed())));
    }
    // Packing clips to a byte and keeps the sign.
    let signs = _mm_and_si128(_mm_packs_epi16(first, second), _mm_set1_epi8(SIGN.cast_signed()));
    let inverted = _mm_set1_epi8((L::LINE_MASK ^ SIGN).cast_signed());
    store_128::<0, _, _>(codes, _mm_xor_si128(fields, _mm_xor_si128(signs, inverted)));
}

/// The magnitudes of eight samples as one's complement has them: G.191 does so.
#[inline]
#[target_feature(enable = "sse2")]
fn magnitude(samples: __m128i) -> __m128i {
    _mm_xor_si128(samples, _mm_srai_epi16::<15>(samples))
}

/// Segment and step of eight magnitudes, 0 to 127, plus 128.
#[inline]
#[target_feature(enable = "sse2")]
fn fields<L: Law>(magnitudes: __m128i) -> __m128i {
    let upper_halves = _mm_set1_epi16(UPPER_HALF_OF_ONE);
    let one = _mm_set1_ps(ONE - if L::LINEAR_START { 0.0 } else { f32::from(ULAW_BIAS) * UNIT });
    let low = _mm_sub_ps(_mm_castsi128_ps(_mm_unpacklo_epi16(magnitudes, upper_halves)), one);
    let high = _mm_sub_ps(_mm_castsi128_ps(_mm_unpackhi_epi16(magnitudes, upper_halves)), one);
    _mm_packs_epi32(_mm_srli_epi32::<19>(_mm_castps_si128(low)), _mm_srli_epi32::<19>(_mm_castps_si128(high)))
}
