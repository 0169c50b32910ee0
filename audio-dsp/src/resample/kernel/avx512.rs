//! AVX-512: thirty-two samples to a vector, and one instruction (`vpdpwssd`) that multiplies pairs and adds them up.
//! Splitting and joining are AVX2's: they are a small part of the work.

#![allow(unsafe_code, reason = "vectors are loaded and stored through pointers")]

use core::arch::x86_64::*;

use super::super::design::{ALL_PAIRS, FRACTION_BITS, HALF_THE_PAIRS, Row};
use super::{GROUP, HALF, Part, SEEN, Stream, lane, seen};

pub(super) use super::avx2::{join_2, join_3, split_2, split_3};

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn convolve(rows: &[Row], extra_bits: u32, streams: &[Stream], groups: usize, part: &mut Part) {
    let extra_bits = _mm_cvtsi32_si128(extra_bits as i32);
    for (group, part) in part.as_chunks_mut::<GROUP>().0.iter_mut().take(groups).enumerate() {
        let mut totals = [_mm512_set1_epi32(HALF); 2];
        for (row, stream) in rows.iter().zip(streams) {
            let samples = seen(stream, row, group);
            let sums = match row.pairs {
                ALL_PAIRS => sums::<ALL_PAIRS>(row, samples),
                HALF_THE_PAIRS => sums::<HALF_THE_PAIRS>(row, samples),
                _ => sums::<1>(row, samples),
            };
            for (total, sum) in totals.iter_mut().zip(sums) {
                *total = _mm512_add_epi32(*total, _mm512_sra_epi32(sum, extra_bits));
            }
        }
        let [even, odd] = totals.map(|total| _mm512_srai_epi32::<FRACTION_BITS>(total));
        let ordered = _mm512_packs_epi32(_mm512_unpacklo_epi32(even, odd), _mm512_unpackhi_epi32(even, odd));
        store(ordered, part);
    }
}

/// The sums of one row: even and odd outputs.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn sums<const PAIRS: usize>(row: &Row, samples: &[i16; SEEN]) -> [__m512i; 2] {
    let taps = row.first_taps::<PAIRS>();
    // Nearly every load would span two cache lines, so two vectors of each parity are shifted along each other.
    let (even, even_later) = (load(samples, 0), load(samples, GROUP));
    let (odd, odd_later) = (load(samples, 1), load(samples, GROUP + 1));
    let mut sums = [_mm512_setzero_si512(); 2];
    macro_rules! add_pairs {
        ($($pair:literal)*) => { $(
            if $pair < PAIRS {
                let taps = _mm512_set1_epi32(lane(taps[$pair]));
                sums[0] = multiply_add(sums[0], _mm512_alignr_epi32::<$pair>(even_later, even), taps);
                sums[1] = multiply_add(sums[1], _mm512_alignr_epi32::<$pair>(odd_later, odd), taps);
            }
        )* };
    }
    add_pairs!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    // Shifted by sixteen pairs, only the later vector is left.
    if 16 < PAIRS {
        let taps = _mm512_set1_epi32(lane(taps[16]));
        sums[0] = multiply_add(sums[0], even_later, taps);
        sums[1] = multiply_add(sums[1], odd_later, taps);
    }
    sums
}

/// Multiplies pairs and adds both products of each to `sum`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn multiply_add(mut sum: __m512i, samples: __m512i, taps: __m512i) -> __m512i {
    // SAFETY: the instruction is in the function's target features and touches nothing but its operands. As an
    // intrinsic the compiler would replace it by two instructions, for a shorter delay that nothing here waits for.
    unsafe {
        core::arch::asm!(
            "vpdpwssd {sum}, {samples}, {taps}",
            sum = inout(zmm_reg) sum,
            samples = in(zmm_reg) samples,
            taps = in(zmm_reg) taps,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sum
}

/// The vector from `position` on.
#[inline]
#[target_feature(enable = "avx512f")]
fn load(samples: &[i16; SEEN], position: usize) -> __m512i {
    let samples = &samples[position..][..GROUP];
    // SAFETY: the slice is as long as the vector.
    unsafe { _mm512_loadu_si512(samples.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(vector: __m512i, samples: &mut [i16; GROUP]) {
    // SAFETY: the array is as long as the vector.
    unsafe { _mm512_storeu_si512(samples.as_mut_ptr().cast(), vector) }
}
