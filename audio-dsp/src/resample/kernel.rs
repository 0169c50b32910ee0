//! The resamplers' arithmetic, once per set of vector instructions; every set gives the same output, bit for bit.
//!
//! A block of input is split into streams (every `down`-th sample), each output of a period is a convolution of the
//! streams, and the outputs are joined. So a kernel never adds across a vector: its lanes are outputs that follow
//! each other, and one tap, or a pair of them, is the same for all lanes.
//!
//! The x86 kernels multiply pairs: a lane of 32 bits holds two samples that follow each other, `x[n]` and
//! `x[n + 1]`, is multiplied with a pair of taps, and both products are added (`pmaddwd`). Samples loaded from an
//! even position on make every other output, those from the odd position after it make the outputs between.

#![allow(unsafe_code, reason = "a kernel may only be called once its instructions are known to be there")]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(target_arch = "x86_64")]
mod sse2;

use super::design::{FRACTION_BITS, Row, TAPS};
use crate::instruction_set::{InstructionSet, Kind};

/// Outputs of one row that a kernel makes at a time.
const GROUP: usize = 32;

/// The most periods in a block: 20 ms when the lower rate is 8 kHz.
pub(crate) const BLOCK: usize = 5 * GROUP;

/// How many samples before a block its outputs see.
pub(super) const PAST: usize = TAPS - 1;

/// How many samples of a stream a group of outputs sees, and one more, so that pairs can start at odd positions.
const SEEN: usize = GROUP + TAPS;

/// One stream: the past, then a block, then room to read on when a row starts late.
pub(super) type Stream = [i16; PAST + BLOCK + SEEN];

/// One output of each period of a block.
pub(super) type Part = [i16; BLOCK];

/// Half of what the lowest bit of an output sample stands for: added before the fraction is cut off.
const HALF: i32 = 1 << (FRACTION_BITS - 1);

/// Calls the named function of the set's module.
macro_rules! dispatch {
    ($set:expr, $name:ident($($argument:expr),*)) => {
        match $set.kind() {
            Kind::Portable => portable::$name($($argument),*),
            // SAFETY: every x86-64 processor has SSE2.
            #[cfg(target_arch = "x86_64")]
            Kind::Sse2 => unsafe { sse2::$name($($argument),*) },
            // SAFETY: an `InstructionSet` of this kind proves that the machine has AVX2.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { avx2::$name($($argument),*) },
            // SAFETY: an `InstructionSet` of this kind proves that the machine has AVX-512 with VL, BW and VNNI.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe { avx512::$name($($argument),*) },
            // SAFETY: every 64-bit Arm processor has NEON.
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => unsafe { neon::$name($($argument),*) },
            // The sets of other processor families cannot be had here.
            _ => portable::$name($($argument),*),
        }
    };
}

/// Sums up `streams` with their `rows` for the first `count` periods of a block: each stream's sum is shifted right
/// by `extra_bits`, the total rounded (halves up) and clipped. What `part` holds beyond `count` is undefined.
#[inline]
pub(super) fn convolve(
    set: InstructionSet,
    rows: &[Row],
    extra_bits: u32,
    streams: &[Stream],
    count: usize,
    part: &mut Part,
) {
    if let ([row], [stream]) = (rows, streams)
        && let Some(delay) = row.delay()
        && let Some(delayed) = stream[delay..].first_chunk()
    {
        *part = *delayed;
        return;
    }
    dispatch!(set, convolve(rows, extra_bits, streams, count.div_ceil(GROUP), part));
}

/// Splits `input`, two samples per period, into its streams.
pub(super) fn split_2(set: InstructionSet, input: &[i16], streams: [&mut [i16]; 2]) {
    dispatch!(set, split_2(input, streams));
}

/// Splits `input`, three samples per period, into its streams.
pub(super) fn split_3(set: InstructionSet, input: &[i16], streams: [&mut [i16]; 3]) {
    dispatch!(set, split_3(input, streams));
}

/// Joins two outputs of each period.
pub(super) fn join_2(set: InstructionSet, parts: [&[i16]; 2], output: &mut [i16]) {
    dispatch!(set, join_2(parts, output));
}

/// Joins three outputs of each period.
pub(super) fn join_3(set: InstructionSet, parts: [&[i16]; 3], output: &mut [i16]) {
    dispatch!(set, join_3(parts, output));
}

/// What a group of outputs sees of a stream.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn seen<'a>(stream: &'a Stream, row: &Row, group: usize) -> &'a [i16; SEEN] {
    // At most PAST + BLOCK - GROUP: a row starts no later than with the newest sample.
    let position = group * GROUP + row.first;
    let Some(seen) = stream[position..].first_chunk() else {
        unreachable!("a stream is PAST + BLOCK + SEEN long")
    };
    seen
}

/// A pair of taps as one lane of 32 bits.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
const fn lane([older, newer]: [i16; 2]) -> i32 {
    (newer as i32) << 16 | older as u16 as i32
}
