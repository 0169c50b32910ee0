//! NEON: a tap times four samples is added to four sums in one instruction, and loads and stores split and join.

#![allow(unsafe_code, reason = "vectors are loaded and stored through pointers")]

use core::arch::aarch64::*;

use super::super::design::{FRACTION_BITS, Row};
use super::{GROUP, HALF, Part, Stream, portable};

/// Samples to a vector.
const LANES: usize = 8;

#[target_feature(enable = "neon")]
pub(super) fn convolve(rows: &[Row], extra_bits: u32, streams: &[Stream], groups: usize, part: &mut Part) {
    let (zero, half) = (vdupq_n_s32(0), vdupq_n_s32(HALF));
    // A shift to the left by a negative number is one to the right.
    let extra_bits = vdupq_n_s32(-(extra_bits as i32));
    for (group, part) in part.as_chunks_mut::<GROUP>().0.iter_mut().take(groups).enumerate() {
        // The lower and the upper half of the first vector, then of the next one, and so on.
        let mut totals = [[half; 2]; GROUP / LANES];
        for (row, stream) in rows.iter().zip(streams) {
            let mut sums = [[zero; 2]; GROUP / LANES];
            let samples = &stream[group * GROUP + row.first..];
            for (window, &tap) in samples.array_windows::<GROUP>().zip(row.taps().as_flattened()) {
                for (samples, [lower, upper]) in window.as_chunks::<LANES>().0.iter().zip(&mut sums) {
                    let samples = load(samples);
                    *lower = vmlal_n_s16(*lower, vget_low_s16(samples), tap);
                    *upper = vmlal_n_s16(*upper, vget_high_s16(samples), tap);
                }
            }
            for (total, sum) in totals.as_flattened_mut().iter_mut().zip(sums.as_flattened()) {
                *total = vaddq_s32(*total, vshlq_s32(*sum, extra_bits));
            }
        }
        for (samples, [lower, upper]) in part.as_chunks_mut::<LANES>().0.iter_mut().zip(totals) {
            let lower = vqshrn_n_s32::<{ FRACTION_BITS as i32 }>(lower);
            let upper = vqshrn_n_s32::<{ FRACTION_BITS as i32 }>(upper);
            // SAFETY: the array is as long as the vector.
            unsafe { vst1q_s16(samples.as_mut_ptr(), vcombine_s16(lower, upper)) }
        }
    }
}

#[target_feature(enable = "neon")]
pub(super) fn split_2(input: &[i16], [first, second]: [&mut [i16]; 2]) {
    let (input, input_rest) = input.as_chunks::<{ 2 * LANES }>();
    let (first, first_rest) = first.as_chunks_mut::<LANES>();
    let (second, second_rest) = second.as_chunks_mut::<LANES>();
    for ((periods, first), second) in input.iter().zip(first).zip(second) {
        // SAFETY: the arrays are as long as one vector and two.
        unsafe {
            let split = vld2q_s16(periods.as_ptr());
            vst1q_s16(first.as_mut_ptr(), split.0);
            vst1q_s16(second.as_mut_ptr(), split.1);
        }
    }
    portable::split_2(input_rest, [first_rest, second_rest]);
}

#[target_feature(enable = "neon")]
pub(super) fn split_3(input: &[i16], [first, second, third]: [&mut [i16]; 3]) {
    let (input, input_rest) = input.as_chunks::<{ 3 * LANES }>();
    let (first, first_rest) = first.as_chunks_mut::<LANES>();
    let (second, second_rest) = second.as_chunks_mut::<LANES>();
    let (third, third_rest) = third.as_chunks_mut::<LANES>();
    for (((periods, first), second), third) in input.iter().zip(first).zip(second).zip(third) {
        // SAFETY: the arrays are as long as one vector and three.
        unsafe {
            let split = vld3q_s16(periods.as_ptr());
            vst1q_s16(first.as_mut_ptr(), split.0);
            vst1q_s16(second.as_mut_ptr(), split.1);
            vst1q_s16(third.as_mut_ptr(), split.2);
        }
    }
    portable::split_3(input_rest, [first_rest, second_rest, third_rest]);
}

#[target_feature(enable = "neon")]
pub(super) fn join_2([first, second]: [&[i16]; 2], output: &mut [i16]) {
    let (first, first_rest) = first.as_chunks::<LANES>();
    let (second, second_rest) = second.as_chunks::<LANES>();
    let (output, output_rest) = output.as_chunks_mut::<{ 2 * LANES }>();
    for ((periods, first), second) in output.iter_mut().zip(first).zip(second) {
        // SAFETY: the array is as long as two vectors.
        unsafe { vst2q_s16(periods.as_mut_ptr(), int16x8x2_t(load(first), load(second))) }
    }
    portable::join_2([first_rest, second_rest], output_rest);
}

#[target_feature(enable = "neon")]
pub(super) fn join_3([first, second, third]: [&[i16]; 3], output: &mut [i16]) {
    let (first, first_rest) = first.as_chunks::<LANES>();
    let (second, second_rest) = second.as_chunks::<LANES>();
    let (third, third_rest) = third.as_chunks::<LANES>();
    let (output, output_rest) = output.as_chunks_mut::<{ 3 * LANES }>();
    for (((periods, first), second), third) in output.iter_mut().zip(first).zip(second).zip(third) {
        // SAFETY: the array is as long as three vectors.
        unsafe { vst3q_s16(periods.as_mut_ptr(), int16x8x3_t(load(first), load(second), load(third))) }
    }
    portable::join_3([first_rest, second_rest, third_rest], output_rest);
}

#[inline]
#[target_feature(enable = "neon")]
fn load(samples: &[i16; LANES]) -> int16x8_t {
    // SAFETY: the array is as long as the vector.
    unsafe { vld1q_s16(samples.as_ptr()) }
}
