//! AVX-512: thirty-two samples to a vector, and one instruction (`vpdpwssd`) that multiplies pairs and adds them up.
//! Splitting and joining are AVX2's: they are a small part of the work.

#![allow(unsafe_code, reason = "vectors are loaded and stored through pointers")]

use core::arch::x86_64::*;

use super::super::design::{ALL_PAIRS, FRACTION_BITS, HALF_THE_PAIRS, Row, SEARCHED_PAIRS, TAPS};
use super::{BLOCK, GROUP, HALF, Part, Stream};

pub(super) use super::avx2::{join_2, join_3, split_2, split_3};

/// Groups in a whole block.
const ALL_GROUPS: usize = BLOCK / GROUP;

/// Groups of a whole block whose samples are brought into place by shifting vectors along each other; the others' are
/// loaded where they lie. A shift takes a port that multiplications need, and nearly every load spans two cache lines:
/// so many shifts keep the ports for both equally busy.
const SHIFTED_GROUPS: usize = 3;

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn convolve(rows: &[Row], extra_bits: u32, streams: &[Stream], groups: usize, part: &mut Part) {
    if groups == ALL_GROUPS {
        convolve_groups::<ALL_GROUPS>(rows, extra_bits, streams, 0, part);
    } else {
        for group in 0..groups {
            convolve_groups::<1>(rows, extra_bits, streams, group, part);
        }
    }
}

/// Makes the outputs of `GROUPS` groups from `group` on.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn convolve_groups<const GROUPS: usize>(
    rows: &[Row],
    extra_bits: u32,
    streams: &[Stream],
    group: usize,
    part: &mut Part,
) {
    // As many counts as lanes: shifting all by one count takes two instructions inside the processor.
    let extra_bits = _mm512_set1_epi32(extra_bits as i32);
    let mut totals = [[_mm512_set1_epi32(HALF); 2]; GROUPS];
    for (row, stream) in rows.iter().zip(streams) {
        let samples = &stream[group * GROUP + row.first..];
        let sums = match row.pairs {
            ALL_PAIRS => sums::<ALL_PAIRS, GROUPS>(row, samples),
            SEARCHED_PAIRS => sums::<SEARCHED_PAIRS, GROUPS>(row, samples),
            HALF_THE_PAIRS => sums::<HALF_THE_PAIRS, GROUPS>(row, samples),
            _ => sums::<1, GROUPS>(row, samples),
        };
        for (total, sum) in totals.as_flattened_mut().iter_mut().zip(sums.as_flattened()) {
            *total = _mm512_add_epi32(*total, _mm512_srav_epi32(*sum, extra_bits));
        }
    }
    for (samples, total) in part.as_chunks_mut::<GROUP>().0[group..].iter_mut().zip(totals) {
        let [even, odd] = total.map(|total| _mm512_srai_epi32::<FRACTION_BITS>(total));
        let ordered = _mm512_packs_epi32(_mm512_unpacklo_epi32(even, odd), _mm512_unpackhi_epi32(even, odd));
        store(ordered, samples);
    }
}

/// The sums of one row: even and odd outputs of each group.
///
/// An odd output sees the samples of the even output before it, one sample later: the same pairs with taps that are
/// shifted by one, and one pair more. So each pair of samples is brought into place once for both.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn sums<const PAIRS: usize, const GROUPS: usize>(row: &Row, samples: &[i16]) -> [[__m512i; 2]; GROUPS] {
    let (taps, later_taps) = (row.first_taps::<PAIRS>(), row.first_later_taps::<PAIRS>());
    // The check of the length that all loads rely on.
    let samples = &samples[..GROUPS * GROUP + TAPS];
    let shifted_groups = if GROUPS == 1 { 1 } else { SHIFTED_GROUPS };
    let to_shift: [__m512i; SHIFTED_GROUPS + 1] = core::array::from_fn(|group| {
        if group <= shifted_groups { load(samples, group * GROUP) } else { _mm512_setzero_si512() }
    });
    let mut sums = [[_mm512_setzero_si512(); 2]; GROUPS];
    macro_rules! add_pairs {
        ($($pair:literal)*) => { $(
            if $pair < PAIRS + 1 {
                for (group, [even, odd]) in sums.iter_mut().enumerate() {
                    let samples = if $pair < 16 && group < shifted_groups {
                        _mm512_alignr_epi32::<{ $pair % 16 }>(to_shift[group + 1], to_shift[group])
                    } else {
                        load(samples, group * GROUP + 2 * $pair)
                    };
                    if $pair < PAIRS {
                        *even = multiply_add(*even, samples, lanes(&taps[$pair]));
                    }
                    *odd = multiply_add(*odd, samples, lanes(&later_taps[$pair]));
                }
            }
        )* };
    }
    add_pairs!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17);
    sums
}

/// A pair of taps in all lanes, straight from memory: from a register it would take a port that is needed for more.
#[inline]
#[target_feature(enable = "avx512f")]
fn lanes(taps: &[i16; 2]) -> __m512i {
    // SAFETY: the array is four bytes long.
    _mm512_broadcastd_epi32(unsafe { _mm_loadu_si32(taps.as_ptr().cast()) })
}

/// Multiplies pairs with pairs of taps and adds both products of each to `sum`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn multiply_add(mut sum: __m512i, samples: __m512i, taps: __m512i) -> __m512i {
    // SAFETY: the instruction is in the function's target features and touches no memory. As an intrinsic the
    // compiler would replace it by two instructions, for a shorter delay that nothing here waits for. It is not
    // `pure`, though it could be: the compiler would then put the instructions in another order, in which the sums no
    // longer fit into the registers.
    unsafe {
        core::arch::asm!(
            "vpdpwssd {sum}, {samples}, {taps}",
            sum = inout(zmm_reg) sum,
            samples = in(zmm_reg) samples,
            taps = in(zmm_reg) taps,
            options(nomem, nostack, preserves_flags),
        );
    }
    sum
}

/// The vector from `position` on.
#[inline]
#[target_feature(enable = "avx512f")]
fn load(samples: &[i16], position: usize) -> __m512i {
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
