//! Sums of products with AVX2, which multiplies sixteen samples and adds the products of neighbours at a time.

#![forbid(unsafe_code)]

use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_cvtsi128_si32, _mm_madd_epi16, _mm_shuffle_epi32, _mm256_add_epi32,
    _mm256_castsi256_si128, _mm256_extracti128_si256, _mm256_madd_epi16, _mm256_setzero_si256,
};

use super::x86::{load_128, load_256};

/// Samples to a vector.
const LANES: usize = 16;

/// The products of samples at the same place, added up; the sum must fit 32 bits. Whole halves of vectors only.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn sum_avx2<const N: usize>(left: &[i16; N], right: &[i16; N]) -> i32 {
    const { assert!(N.is_multiple_of(LANES / 2)) };
    let (left, left_rest) = left.as_chunks::<LANES>();
    let (right, right_rest) = right.as_chunks::<LANES>();
    let mut sums = _mm256_setzero_si256();
    for (left, right) in left.iter().zip(right) {
        let products = _mm256_madd_epi16(load_256::<0, _, _>(left), load_256::<0, _, _>(right));
        sums = _mm256_add_epi32(sums, products);
    }
    let mut sums = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256::<1>(sums));
    let halves =
        left_rest.as_chunks::<{ LANES / 2 }>().0.iter().zip(right_rest.as_chunks::<{ LANES / 2 }>().0);
    for (left, right) in halves {
        let products = _mm_madd_epi16(load_128::<0, _, _>(left), load_128::<0, _, _>(right));
        sums = _mm_add_epi32(sums, products);
    }
    added_up(sums)
}

/// The sum of four integers.
#[inline]
#[target_feature(enable = "avx2")]
fn added_up(sums: __m128i) -> i32 {
    let sums = _mm_add_epi32(sums, _mm_shuffle_epi32::<0b01_00_11_10>(sums));
    _mm_cvtsi128_si32(_mm_add_epi32(sums, _mm_shuffle_epi32::<0b10_11_00_01>(sums)))
}
