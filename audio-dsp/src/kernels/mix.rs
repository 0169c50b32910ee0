//! Mixing, in blocks of samples that are summed in 32 bits and then clipped.

#![allow(unsafe_code, reason = "kernels for instructions that only some machines have are called")]

#[cfg(target_arch = "x86_64")]
mod avx2;
mod portable;

use crate::InstructionSet;
#[cfg(target_arch = "x86_64")]
use crate::instruction_set::Kind;

/// Samples summed at a time.
const BLOCK: usize = 32;

/// Inputs after which sums that have gone far beyond 16 bits are held back, lest they should pass 32 bits.
pub(crate) const GROUP: usize = 1 << 15;

/// How far that is: `GROUP` inputs at full scale.
const FAR: i32 = 1 << 30;

#[inline]
pub(crate) fn mix(set: InstructionSet, inputs: &[&[i16]], output: &mut [i16]) {
    match set.kind() {
        // SAFETY: the set proves that the machine has AVX2, which is part of AVX-512.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 | Kind::Avx512 => unsafe { avx2::mix(inputs, output) },
        _ => portable::mix(inputs, output),
    }
}

/// Fills `output` with blocks; `sum` is given the number of the first sample.
#[inline(always)]
fn in_blocks(output: &mut [i16], sum: impl Fn(usize) -> [i16; BLOCK]) {
    let (blocks, rest) = output.as_chunks_mut::<BLOCK>();
    let whole = blocks.len() * BLOCK;
    for (index, block) in blocks.iter_mut().enumerate() {
        *block = sum(index * BLOCK);
    }
    if !rest.is_empty() {
        rest.copy_from_slice(&sum(whole)[..rest.len()]);
    }
}

/// Hands the samples of `input` from `start` on to `add`: one block, which ends in silence if the input ends in it.
#[inline(always)]
fn with_block(input: &[i16], start: usize, add: impl FnOnce(&[i16; BLOCK])) {
    let samples = input.get(start..).unwrap_or_default();
    if let Some(block) = samples.first_chunk() {
        add(block);
    } else if !samples.is_empty() {
        let mut block = [0; BLOCK];
        block[..samples.len()].copy_from_slice(samples);
        add(&block);
    }
}
