//! Mixing with AVX2: the sums of a block stay in four registers while the inputs go by.
//!
//! By hand, because the compiler keeps them in memory.

#![forbid(unsafe_code)]

use std::arch::x86_64::{
    __m256i, _mm256_add_epi32, _mm256_cvtepi16_epi32, _mm256_max_epi32, _mm256_min_epi32, _mm256_packs_epi32,
    _mm256_permute4x64_epi64, _mm256_set1_epi32, _mm256_setzero_si256,
};

use super::{BLOCK, FAR, GROUP, in_blocks, with_block};
use crate::kernels::x86::{load_128, store_256};

/// Swaps the two quarters in the middle: packing works within 128 bits, and this puts samples in order again.
const SWAP_MIDDLE: i32 = 0b11_01_10_00;

#[target_feature(enable = "avx2")]
pub(super) fn mix(inputs: &[&[i16]], output: &mut [i16]) {
    in_blocks(output, |start| sum_block(inputs, start));
}

#[inline]
#[target_feature(enable = "avx2")]
fn sum_block(inputs: &[&[i16]], start: usize) -> [i16; BLOCK] {
    let mut sums = [_mm256_setzero_si256(); 4];
    for group in inputs.chunks(GROUP) {
        for input in group {
            with_block(input, start, |block| sums = add(sums, block));
        }
        sums = sums.map(|sum| hold_back(sum));
    }
    let mut samples = [0; BLOCK];
    // Packing clips to 16 bits.
    store_256::<0, _, _>(&mut samples, in_order(_mm256_packs_epi32(sums[0], sums[1])));
    store_256::<16, _, _>(&mut samples, in_order(_mm256_packs_epi32(sums[2], sums[3])));
    samples
}

#[inline]
#[target_feature(enable = "avx2")]
fn add(sums: [__m256i; 4], block: &[i16; BLOCK]) -> [__m256i; 4] {
    [
        _mm256_add_epi32(sums[0], _mm256_cvtepi16_epi32(load_128::<0, _, _>(block))),
        _mm256_add_epi32(sums[1], _mm256_cvtepi16_epi32(load_128::<8, _, _>(block))),
        _mm256_add_epi32(sums[2], _mm256_cvtepi16_epi32(load_128::<16, _, _>(block))),
        _mm256_add_epi32(sums[3], _mm256_cvtepi16_epi32(load_128::<24, _, _>(block))),
    ]
}

#[inline]
#[target_feature(enable = "avx2")]
fn hold_back(sum: __m256i) -> __m256i {
    _mm256_max_epi32(_mm256_min_epi32(sum, _mm256_set1_epi32(FAR)), _mm256_set1_epi32(-FAR))
}

#[inline]
#[target_feature(enable = "avx2")]
fn in_order(samples: __m256i) -> __m256i {
    _mm256_permute4x64_epi64::<SWAP_MIDDLE>(samples)
}
