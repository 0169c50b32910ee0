//! AVX-512: thirty-two samples to a vector, and one instruction (`vpdpwssd`) that multiplies pairs and adds them up.
//! Splitting and joining are AVX2's: they are a small part of the work.

#![allow(unsafe_code, reason = "vectors are loaded and stored through pointers")]

use core::arch::x86_64::*;

use super::super::design::{FRACTION_BITS, Row};
use super::{GROUP, HALF, Part, Stream, lane};

pub(super) use super::avx2::{join_2, join_3, split_2, split_3};

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn convolve(rows: &[Row], extra_bits: u32, streams: &[Stream], groups: usize, part: &mut Part) {
    let extra_bits = _mm_cvtsi32_si128(extra_bits as i32);
    for (group, part) in part.as_chunks_mut::<GROUP>().0.iter_mut().take(groups).enumerate() {
        let mut totals = [_mm512_set1_epi32(HALF); 2];
        for (row, stream) in rows.iter().zip(streams) {
            let mut sums = [_mm512_setzero_si512(); 2];
            let samples = &stream[group * GROUP + row.first..];
            for (window, &taps) in samples.array_windows::<{ GROUP + 1 }>().step_by(2).zip(row.taps()) {
                let taps = _mm512_set1_epi32(lane(taps));
                for (odd, sum) in sums.iter_mut().enumerate() {
                    *sum = _mm512_dpwssd_epi32(*sum, load(window, odd), taps);
                }
            }
            for (total, sum) in totals.iter_mut().zip(sums) {
                *total = _mm512_add_epi32(*total, _mm512_sra_epi32(sum, extra_bits));
            }
        }
        let [even, odd] = totals.map(|total| _mm512_srai_epi32::<FRACTION_BITS>(total));
        let ordered = _mm512_packs_epi32(_mm512_unpacklo_epi32(even, odd), _mm512_unpackhi_epi32(even, odd));
        store(ordered, part);
    }
}

/// The vector from `position` on.
#[inline(always)]
fn load(samples: &[i16; GROUP + 1], position: usize) -> __m512i {
    let samples = &samples[position..][..GROUP];
    // SAFETY: the slice is as long as the vector.
    unsafe { _mm512_loadu_si512(samples.as_ptr().cast()) }
}

#[inline(always)]
fn store(vector: __m512i, samples: &mut [i16; GROUP]) {
    // SAFETY: the array is as long as the vector.
    unsafe { _mm512_storeu_si512(samples.as_mut_ptr().cast(), vector) }
}
