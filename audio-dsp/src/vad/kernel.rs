//! The arithmetic of one block, compiled a second time for AVX2, which halves its cost.
//!
//! Both are the same Rust: sums of integers, and `f32` operations one by one in the order in which they are written.
//! So both give the same bits.

use super::BLOCK;
use super::classifier;
use super::features::{FeatureExtractor, Features};
use crate::instruction_set::{InstructionSet, Kind};

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
        _ => judge_inlined(extractor, block),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn judge_avx2(extractor: &mut FeatureExtractor, block: &[i16; BLOCK]) -> (Features, f32) {
    judge_inlined(extractor, block)
}

#[inline(always)]
fn judge_inlined(extractor: &mut FeatureExtractor, block: &[i16; BLOCK]) -> (Features, f32) {
    let features = extractor.work_out(block);
    let odds = classifier::log_odds(&features.values);
    (features, odds)
}
