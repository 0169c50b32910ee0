//! The arithmetic of one block, compiled a second time for AVX2, which halves its cost.
//!
//! Both are the same Rust but for the sums of products, which the compiler does not always turn into the instruction
//! that is made for them: sums of integers, and `f32` operations one by one in the order in which they are written. So
//! both give the same bits.

use super::BLOCK;
use super::classifier;
use super::features::{FeatureExtractor, Features};
use crate::instruction_set::{InstructionSet, Kind};
#[cfg(target_arch = "x86_64")]
use crate::kernels::products;

/// Sums of products of samples; the sum must fit 32 bits.
pub(super) trait Products: Copy {
    /// The products of samples at the same place, added up.
    fn sum<const N: usize>(self, left: &[i16; N], right: &[i16; N]) -> i32;
}

/// Sums of products in plain Rust.
#[derive(Clone, Copy)]
pub(super) struct Plain;

impl Products for Plain {
    #[inline(always)]
    fn sum<const N: usize>(self, left: &[i16; N], right: &[i16; N]) -> i32 {
        left.iter().zip(right).map(|(&left, &right)| i32::from(left) * i32::from(right)).sum()
    }
}

/// Sums of products with AVX2. Made by [`judge_avx2`] alone, which only a machine with AVX2 calls.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
struct Avx2;

#[cfg(target_arch = "x86_64")]
impl Products for Avx2 {
    #[inline(always)]
    #[expect(unsafe_code, reason = "calls what is compiled for AVX2")]
    fn sum<const N: usize>(self, left: &[i16; N], right: &[i16; N]) -> i32 {
        // SAFETY: `judge_avx2`, which made `self`, is only called on a machine with AVX2.
        unsafe { products::sum_avx2(left, right) }
    }
}

/// The block's features and the log-odds that it is speech.
#[inline]
pub(super) fn judge(
    set: InstructionSet,
    extractor: &mut FeatureExtractor,
    block: &[i16; BLOCK],
) -> (Features, f32) {
    match set.kind() {
        #[cfg(target_arch = "x86_64")]
        #[expect(unsafe_code, reason = "calls what is compiled for AVX2")]
        // SAFETY: an `InstructionSet` of these kinds is only had on a machine with AVX2.
        Kind::Avx2 | Kind::Avx512 => unsafe { judge_avx2(extractor, block) },
        _ => judge_inlined(Plain, extractor, block),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn judge_avx2(extractor: &mut FeatureExtractor, block: &[i16; BLOCK]) -> (Features, f32) {
    judge_inlined(Avx2, extractor, block)
}

#[inline(always)]
fn judge_inlined(
    products: impl Products,
    extractor: &mut FeatureExtractor,
    block: &[i16; BLOCK],
) -> (Features, f32) {
    let features = extractor.work_out(products, block);
    let odds = classifier::log_odds(&features.values);
    (features, odds)
}
