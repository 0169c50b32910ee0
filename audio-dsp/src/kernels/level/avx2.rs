//! Exact sums with AVX2, 16 samples at a time.
//!
//! `vpmaddwd` squares two neighbours and adds them. Two samples of -32,768 make 2^31, one more than an `i32` can hold
//! and just right for a `u32`, so the sums are taken to have no sign, and are widened to 64 bits before anything is
//! added to them.

#![forbid(unsafe_code)]

use std::arch::x86_64::{
    _mm256_add_epi64, _mm256_and_si256, _mm256_madd_epi16, _mm256_max_epi16, _mm256_min_epi16,
    _mm256_set1_epi64x, _mm256_setzero_si256, _mm256_srli_epi64,
};

use super::{Sums, portable};
use crate::kernels::x86::{load_256, store_256};

#[target_feature(enable = "avx2")]
pub(super) fn sums(samples: &[i16]) -> Sums {
    let (blocks, rest) = samples.as_chunks::<16>();
    let lower_half = _mm256_set1_epi64x(0xFFFF_FFFF);
    let [mut lower, mut upper, mut highest, mut lowest] = [_mm256_setzero_si256(); 4];
    for block in blocks {
        let samples = load_256::<0, _, _>(block);
        let pairs = _mm256_madd_epi16(samples, samples);
        lower = _mm256_add_epi64(lower, _mm256_and_si256(pairs, lower_half));
        upper = _mm256_add_epi64(upper, _mm256_srli_epi64::<32>(pairs));
        highest = _mm256_max_epi16(highest, samples);
        lowest = _mm256_min_epi16(lowest, samples);
    }
    let mut squares = [0u64; 4];
    let mut extremes = [[0i16; 16]; 2];
    store_256::<0, _, _>(&mut squares, _mm256_add_epi64(lower, upper));
    store_256::<0, _, _>(&mut extremes[0], highest);
    store_256::<0, _, _>(&mut extremes[1], lowest);
    let of_blocks = Sums {
        squares: squares.into_iter().sum(),
        highest: extremes[0].into_iter().fold(0, i16::max),
        lowest: extremes[1].into_iter().fold(0, i16::min),
    };
    of_blocks.and(portable(rest))
}
