//! Two mono streams as one stereo stream, and back.

#![forbid(unsafe_code)]

#[cfg(test)]
mod tests;

use crate::InstructionSet;
use crate::kernels;

/// Writes `left[0], right[0], left[1], right[1], …` to `output` and returns how many samples of each
/// side were written: as many as both sides have and `output` has pairs for. The rest is untouched.
pub fn interleave(left: &[i16], right: &[i16], output: &mut [i16]) -> usize {
    interleave_on(InstructionSet::detected(), left, right, output)
}

/// [`interleave`] with a chosen set of instructions, for tests and benchmarks.
pub fn interleave_on(set: InstructionSet, left: &[i16], right: &[i16], output: &mut [i16]) -> usize {
    let (pairs, _) = output.as_chunks_mut::<2>();
    let count = left.len().min(right.len()).min(pairs.len());
    kernels::stereo::interleave(set, &left[..count], &right[..count], &mut pairs[..count]);
    count
}

/// Writes every first sample of the pairs in `input` to `left` and every second one to `right`, and returns how
/// many pairs were taken apart: as many as `input` has and both sides have room for. The rest is untouched.
pub fn deinterleave(input: &[i16], left: &mut [i16], right: &mut [i16]) -> usize {
    deinterleave_on(InstructionSet::detected(), input, left, right)
}

/// [`deinterleave`] with a chosen set of instructions, for tests and benchmarks.
pub fn deinterleave_on(set: InstructionSet, input: &[i16], left: &mut [i16], right: &mut [i16]) -> usize {
    let (pairs, _) = input.as_chunks::<2>();
    let count = left.len().min(right.len()).min(pairs.len());
    kernels::stereo::deinterleave(set, &pairs[..count], &mut left[..count], &mut right[..count]);
    count
}

/// Pairs from two sides of the same length, in plain Rust, of which the compiler makes vectors.
#[inline(always)]
pub(crate) fn zip(left: &[i16], right: &[i16], pairs: &mut [[i16; 2]]) {
    for ((pair, &left), &right) in pairs.iter_mut().zip(left).zip(right) {
        *pair = [left, right];
    }
}

/// Two sides from as many pairs, in plain Rust, of which the compiler makes vectors.
#[inline(always)]
pub(crate) fn unzip(pairs: &[[i16; 2]], left: &mut [i16], right: &mut [i16]) {
    for ((pair, left), right) in pairs.iter().zip(left).zip(right) {
        [*left, *right] = *pair;
    }
}
