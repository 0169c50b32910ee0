//! AVX-512: thirty-two samples to a vector, and one instruction (`vpdpwssd`) that multiplies pairs and adds them up.
//! Splitting and joining are AVX2's: they are a small part of the work.

#![allow(unsafe_code, reason = "vectors are loaded and stored through pointers")]

use core::arch::x86_64::*;

use super::super::design::{ALL_PAIRS, FRACTION_BITS, HALF_THE_PAIRS, Row};
use super::{GROUP, HALF, Part, SEEN, Stream, seen};

pub(super) use super::avx2::{join_2, join_3, split_2, split_3};

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn convolve(rows: &[Row], extra_bits: u32, streams: &[Stream], groups: usize, part: &mut Part) {
    // As many counts as lanes: shifting all by one count takes two instructions inside the processor.
    let extra_bits = _mm512_set1_epi32(extra_bits as i32);
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
                *total = _mm512_add_epi32(*total, _mm512_srav_epi32(sum, extra_bits));
            }
        }
        let [even, odd] = totals.map(|total| _mm512_srai_epi32::<FRACTION_BITS>(total));
        let ordered = _mm512_packs_epi32(_mm512_unpacklo_epi32(even, odd), _mm512_unpackhi_epi32(even, odd));
        store(ordered, part);
    }
}

/// The sums of one row: even and odd outputs.
///
/// An odd output sees the samples of the even output before it, one sample later: the same pairs with taps that are
/// shifted by one, and one pair more. So each pair of samples is brought into place once for both.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn sums<const PAIRS: usize>(row: &Row, samples: &[i16; SEEN]) -> [__m512i; 2] {
    let (taps, later_taps) = (row.first_taps::<PAIRS>(), row.first_later_taps::<PAIRS>());
    // Nearly every load would span two cache lines, so two vectors are shifted along each other.
    let (first, second) = (load(samples, 0), load(samples, GROUP));
    // Each addition waits for the one before it, so two sums of each parity grow side by side.
    let (mut even, mut odd) = ([_mm512_setzero_si512(); 2], [_mm512_setzero_si512(); 2]);
    macro_rules! add_pairs {
        ($($pair:literal)*) => { $(
            if $pair < PAIRS + 1 {
                let samples = match $pair {
                    16 => second,
                    17 => load(samples, 2 * 17),
                    _ => _mm512_alignr_epi32::<{ $pair % 16 }>(second, first),
                };
                if $pair < PAIRS {
                    even[$pair % 2] = multiply_add::<$pair>(even[$pair % 2], samples, taps);
                }
                odd[$pair % 2] = multiply_add::<$pair>(odd[$pair % 2], samples, later_taps);
            }
        )* };
    }
    add_pairs!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17);
    [even, odd].map(|[sum, other]| _mm512_add_epi32(sum, other))
}

/// Multiplies pairs with one pair of taps and adds both products of each to `sum`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn multiply_add<const PAIR: usize>(mut sum: __m512i, samples: __m512i, taps: &[[i16; 2]]) -> __m512i {
    let pair: *const [i16; 2] = &taps[PAIR];
    // SAFETY: the instruction is in the function's target features and reads one pair, which `pair` points to. As an
    // intrinsic the compiler would replace it by two instructions, for a shorter delay that nothing here waits for.
    unsafe {
        core::arch::asm!(
            "vpdpwssd {sum}, {samples}, dword ptr [{taps} + {offset}]{{1to16}}",
            sum = inout(zmm_reg) sum,
            samples = in(zmm_reg) samples,
            taps = in(reg) pair.wrapping_sub(PAIR),
            offset = const 4 * PAIR,
            options(pure, readonly, nostack, preserves_flags),
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
