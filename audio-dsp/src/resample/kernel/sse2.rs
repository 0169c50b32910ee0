//! SSE2: eight samples to a vector. Three-fold splitting and joining would need byte shuffles, which came later.

#![allow(unsafe_code, reason = "vectors are loaded and stored through pointers")]

use core::arch::x86_64::*;

use super::super::design::{ALL_PAIRS, FRACTION_BITS, HALF_THE_PAIRS, Row, SEARCHED_PAIRS};
use super::{GROUP, HALF, Part, SEEN, Stream, lane, portable, seen};

/// Samples to a vector.
const LANES: usize = 8;

#[target_feature(enable = "sse2")]
pub(super) fn convolve(rows: &[Row], extra_bits: u32, streams: &[Stream], groups: usize, part: &mut Part) {
    let extra_bits = _mm_cvtsi32_si128(extra_bits as i32);
    for (group, part) in part.as_chunks_mut::<GROUP>().0.iter_mut().take(groups).enumerate() {
        // Even and odd outputs of the first vector, then of the next one, and so on.
        let mut totals = [_mm_set1_epi32(HALF); 2 * GROUP / LANES];
        for (row, stream) in rows.iter().zip(streams) {
            let samples = seen(stream, row, group);
            let sums = match row.pairs {
                ALL_PAIRS => sums::<ALL_PAIRS>(row, samples),
                SEARCHED_PAIRS => sums::<SEARCHED_PAIRS>(row, samples),
                HALF_THE_PAIRS => sums::<HALF_THE_PAIRS>(row, samples),
                _ => sums::<1>(row, samples),
            };
            for (total, sum) in totals.iter_mut().zip(sums) {
                *total = _mm_add_epi32(*total, _mm_sra_epi32(sum, extra_bits));
            }
        }
        for (samples, &[even, odd]) in
            part.as_chunks_mut::<LANES>().0.iter_mut().zip(totals.as_chunks::<2>().0)
        {
            let even = _mm_srai_epi32::<{ FRACTION_BITS as i32 }>(even);
            let odd = _mm_srai_epi32::<{ FRACTION_BITS as i32 }>(odd);
            store(_mm_packs_epi32(_mm_unpacklo_epi32(even, odd), _mm_unpackhi_epi32(even, odd)), samples);
        }
    }
}

/// The sums of one row, even and odd outputs of each vector in turn.
#[inline]
#[target_feature(enable = "sse2")]
fn sums<const PAIRS: usize>(row: &Row, samples: &[i16; SEEN]) -> [__m128i; 2 * GROUP / LANES] {
    let mut sums = [_mm_setzero_si128(); 2 * GROUP / LANES];
    for (pair, &taps) in row.first_taps::<PAIRS>().iter().enumerate() {
        let taps = _mm_set1_epi32(lane(taps));
        for (n, sum) in sums.iter_mut().enumerate() {
            let samples = load(samples, 2 * pair + n / 2 * LANES + n % 2);
            *sum = _mm_add_epi32(*sum, _mm_madd_epi16(samples, taps));
        }
    }
    sums
}

#[target_feature(enable = "sse2")]
pub(super) fn split_2(input: &[i16], [first, second]: [&mut [i16]; 2]) {
    let (input, input_rest) = input.as_chunks::<{ 2 * LANES }>();
    let (first, first_rest) = first.as_chunks_mut::<LANES>();
    let (second, second_rest) = second.as_chunks_mut::<LANES>();
    for ((periods, first), second) in input.iter().zip(first).zip(second) {
        let (low, high) = (load(periods, 0), load(periods, LANES));
        let even = |pairs| _mm_srai_epi32::<16>(_mm_slli_epi32::<16>(pairs));
        store(_mm_packs_epi32(even(low), even(high)), first);
        store(_mm_packs_epi32(_mm_srai_epi32::<16>(low), _mm_srai_epi32::<16>(high)), second);
    }
    portable::split_2(input_rest, [first_rest, second_rest]);
}

#[target_feature(enable = "sse2")]
pub(super) fn join_2([first, second]: [&[i16]; 2], output: &mut [i16]) {
    let (first, first_rest) = first.as_chunks::<LANES>();
    let (second, second_rest) = second.as_chunks::<LANES>();
    let (output, output_rest) = output.as_chunks_mut::<{ 2 * LANES }>();
    for ((periods, first), second) in output.iter_mut().zip(first).zip(second) {
        let (first, second) = (load(first, 0), load(second, 0));
        let [low, high] = periods.as_chunks_mut::<LANES>().0 else { continue };
        store(_mm_unpacklo_epi16(first, second), low);
        store(_mm_unpackhi_epi16(first, second), high);
    }
    portable::join_2([first_rest, second_rest], output_rest);
}

#[target_feature(enable = "sse2")]
pub(super) fn split_3(input: &[i16], streams: [&mut [i16]; 3]) {
    portable::split_3(input, streams);
}

#[target_feature(enable = "sse2")]
pub(super) fn join_3(parts: [&[i16]; 3], output: &mut [i16]) {
    portable::join_3(parts, output);
}

/// The vector from `position` on.
#[inline]
#[target_feature(enable = "sse2")]
fn load<const N: usize>(samples: &[i16; N], position: usize) -> __m128i {
    let samples = &samples[position..][..LANES];
    // SAFETY: the slice is as long as the vector.
    unsafe { _mm_loadu_si128(samples.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "sse2")]
fn store(vector: __m128i, samples: &mut [i16; LANES]) {
    // SAFETY: the array is as long as the vector.
    unsafe { _mm_storeu_si128(samples.as_mut_ptr().cast(), vector) }
}
