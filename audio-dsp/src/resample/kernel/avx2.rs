//! AVX2: sixteen samples to a vector, which is two lanes of eight that most instructions keep apart.

#![allow(unsafe_code, reason = "vectors are loaded and stored through pointers")]

use core::arch::x86_64::*;

use super::super::design::{ALL_PAIRS, FRACTION_BITS, HALF_THE_PAIRS, Row, SEARCHED_PAIRS};
use super::{GROUP, HALF, Part, SEEN, Stream, lane, portable, seen};

/// Samples to a vector.
const LANES: usize = 16;

#[target_feature(enable = "avx2")]
pub(super) fn convolve(rows: &[Row], extra_bits: u32, streams: &[Stream], groups: usize, part: &mut Part) {
    let extra_bits = _mm_cvtsi32_si128(extra_bits as i32);
    for (group, part) in part.as_chunks_mut::<GROUP>().0.iter_mut().take(groups).enumerate() {
        // Even and odd outputs of the first vector, then of the second.
        let mut totals = [_mm256_set1_epi32(HALF); 2 * GROUP / LANES];
        for (row, stream) in rows.iter().zip(streams) {
            let samples = seen(stream, row, group);
            let sums = match row.pairs {
                ALL_PAIRS => sums::<ALL_PAIRS>(row, samples),
                SEARCHED_PAIRS => sums::<SEARCHED_PAIRS>(row, samples),
                HALF_THE_PAIRS => sums::<HALF_THE_PAIRS>(row, samples),
                _ => sums::<1>(row, samples),
            };
            for (total, sum) in totals.iter_mut().zip(sums) {
                *total = _mm256_add_epi32(*total, _mm256_sra_epi32(sum, extra_bits));
            }
        }
        for (samples, &[even, odd]) in
            part.as_chunks_mut::<LANES>().0.iter_mut().zip(totals.as_chunks::<2>().0)
        {
            store(rounded(even, odd), samples);
        }
    }
}

/// The sums of one row, even and odd outputs of each vector in turn.
#[inline]
#[target_feature(enable = "avx2")]
fn sums<const PAIRS: usize>(row: &Row, samples: &[i16; SEEN]) -> [__m256i; 2 * GROUP / LANES] {
    let mut sums = [_mm256_setzero_si256(); 2 * GROUP / LANES];
    for (pair, &taps) in row.first_taps::<PAIRS>().iter().enumerate() {
        let taps = _mm256_set1_epi32(lane(taps));
        for (n, sum) in sums.iter_mut().enumerate() {
            let samples = load(samples, 2 * pair + n / 2 * LANES + n % 2);
            *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(samples, taps));
        }
    }
    sums
}

/// Cuts the fractions off, clips to 16 bits and brings even and odd outputs into their order.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn rounded(even: __m256i, odd: __m256i) -> __m256i {
    let even = _mm256_srai_epi32::<{ FRACTION_BITS as i32 }>(even);
    let odd = _mm256_srai_epi32::<{ FRACTION_BITS as i32 }>(odd);
    _mm256_packs_epi32(_mm256_unpacklo_epi32(even, odd), _mm256_unpackhi_epi32(even, odd))
}

#[target_feature(enable = "avx2")]
pub(super) fn split_2(input: &[i16], [first, second]: [&mut [i16]; 2]) {
    let (input, input_rest) = input.as_chunks::<{ 2 * LANES }>();
    let (first, first_rest) = first.as_chunks_mut::<LANES>();
    let (second, second_rest) = second.as_chunks_mut::<LANES>();
    for ((periods, first), second) in input.iter().zip(first).zip(second) {
        let (low, high) = (load(periods, 0), load(periods, LANES));
        let even = _mm256_packs_epi32(
            _mm256_srai_epi32::<16>(_mm256_slli_epi32::<16>(low)),
            _mm256_srai_epi32::<16>(_mm256_slli_epi32::<16>(high)),
        );
        let odd = _mm256_packs_epi32(_mm256_srai_epi32::<16>(low), _mm256_srai_epi32::<16>(high));
        // Packing takes a half of each lane in turn: quarters 0, 2, 1, 3 are the order.
        store(_mm256_permute4x64_epi64::<0b11_01_10_00>(even), first);
        store(_mm256_permute4x64_epi64::<0b11_01_10_00>(odd), second);
    }
    portable::split_2(input_rest, [first_rest, second_rest]);
}

#[target_feature(enable = "avx2")]
pub(super) fn join_2([first, second]: [&[i16]; 2], output: &mut [i16]) {
    let (first, first_rest) = first.as_chunks::<LANES>();
    let (second, second_rest) = second.as_chunks::<LANES>();
    let (output, output_rest) = output.as_chunks_mut::<{ 2 * LANES }>();
    for ((periods, first), second) in output.iter_mut().zip(first).zip(second) {
        let (first, second) = (load(first, 0), load(second, 0));
        let (low, high) = (_mm256_unpacklo_epi16(first, second), _mm256_unpackhi_epi16(first, second));
        let [front, back] = periods.as_chunks_mut::<LANES>().0 else { continue };
        store(_mm256_permute2x128_si256::<0x20>(low, high), front);
        store(_mm256_permute2x128_si256::<0x31>(low, high), back);
    }
    portable::join_2([first_rest, second_rest], output_rest);
}

/// Which positions of a lane come from the second and third of three vectors when every third sample is wanted.
///
/// Of 24 samples in the lanes `a`, `b`, `c`, stream 0 wants positions 0, 3, 6 of `a`, 1, 4, 7 of `b` and 2, 5 of
/// `c`, and the other streams likewise: no position is wanted twice, so two blends collect a stream and one
/// shuffle brings it into order. Joining is the same backwards.
const FROM_SECOND: [i32; 3] = [0b1001_0010, 0b0010_0100, 0b0100_1001];
const FROM_THIRD: [i32; 3] = [0b0010_0100, 0b0100_1001, 0b1001_0010];

#[target_feature(enable = "avx2")]
pub(super) fn split_3(input: &[i16], [first, second, third]: [&mut [i16]; 3]) {
    let (input, input_rest) = input.as_chunks::<{ 3 * LANES }>();
    let (first, first_rest) = first.as_chunks_mut::<LANES>();
    let (second, second_rest) = second.as_chunks_mut::<LANES>();
    let (third, third_rest) = third.as_chunks_mut::<LANES>();
    for (((periods, first), second), third) in input.iter().zip(first).zip(second).zip(third) {
        // The lower lanes hold the first 24 samples, the upper lanes the other 24.
        let (a, b, c) = (load_lanes(periods, 0), load_lanes(periods, 8), load_lanes(periods, 16));
        store(_mm256_shuffle_epi8(blend::<0>(a, b, c), every_third::<0>()), first);
        store(_mm256_shuffle_epi8(blend::<1>(a, b, c), every_third::<1>()), second);
        store(_mm256_shuffle_epi8(blend::<2>(a, b, c), every_third::<2>()), third);
    }
    portable::split_3(input_rest, [first_rest, second_rest, third_rest]);
}

#[target_feature(enable = "avx2")]
pub(super) fn join_3([first, second, third]: [&[i16]; 3], output: &mut [i16]) {
    let (first, first_rest) = first.as_chunks::<LANES>();
    let (second, second_rest) = second.as_chunks::<LANES>();
    let (third, third_rest) = third.as_chunks::<LANES>();
    let (output, output_rest) = output.as_chunks_mut::<{ 3 * LANES }>();
    for (((periods, first), second), third) in output.iter_mut().zip(first).zip(second).zip(third) {
        // Three times three is one more than eight, so the same shuffle undoes itself but for where it starts.
        let a = _mm256_shuffle_epi8(load(first, 0), every_third::<0>());
        let b = _mm256_shuffle_epi8(load(second, 0), every_third::<5>());
        let c = _mm256_shuffle_epi8(load(third, 0), every_third::<2>());
        store_lanes(blend::<0>(a, b, c), periods, 0);
        store_lanes(blend::<1>(a, b, c), periods, 8);
        store_lanes(blend::<2>(a, b, c), periods, 16);
    }
    portable::join_3([first_rest, second_rest, third_rest], output_rest);
}

#[inline]
#[target_feature(enable = "avx2")]
fn blend<const ROW: usize>(a: __m256i, b: __m256i, c: __m256i) -> __m256i {
    macro_rules! row {
        ($row:literal) => {
            _mm256_blend_epi16::<{ FROM_THIRD[$row] }>(_mm256_blend_epi16::<{ FROM_SECOND[$row] }>(a, b), c)
        };
    }
    match ROW {
        0 => row!(0),
        1 => row!(1),
        _ => row!(2),
    }
}

/// The shuffle that takes the samples `START`, `START + 3`, `START + 6` and so on, modulo 8, of each lane.
#[inline]
#[target_feature(enable = "avx2")]
fn every_third<const START: usize>() -> __m256i {
    const {
        let mut bytes = [0; 2 * LANES];
        let mut n = 0;
        while n < LANES {
            let sample = (3 * n + START) % 8;
            bytes[2 * n] = 2 * sample as u8;
            bytes[2 * n + 1] = 2 * sample as u8 + 1;
            n += 1;
        }
        // SAFETY: both are 32 bytes without padding, and any bytes make a vector.
        unsafe { core::mem::transmute::<[u8; 2 * LANES], __m256i>(bytes) }
    }
}

/// The vector from `position` on.
#[inline]
#[target_feature(enable = "avx2")]
fn load<const N: usize>(samples: &[i16; N], position: usize) -> __m256i {
    let samples = &samples[position..][..LANES];
    // SAFETY: the slice is as long as the vector.
    unsafe { _mm256_loadu_si256(samples.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn store(vector: __m256i, samples: &mut [i16; LANES]) {
    // SAFETY: the array is as long as the vector.
    unsafe { _mm256_storeu_si256(samples.as_mut_ptr().cast(), vector) }
}

/// Eight samples from `position` on, and the eight samples 24 after them.
#[inline]
#[target_feature(enable = "avx2")]
fn load_lanes(samples: &[i16; 3 * LANES], position: usize) -> __m256i {
    let (lower, upper) = (&samples[position..][..8], &samples[24 + position..][..8]);
    // SAFETY: both slices are as long as half a vector.
    unsafe { _mm256_loadu2_m128i(upper.as_ptr().cast(), lower.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn store_lanes(vector: __m256i, samples: &mut [i16; 3 * LANES], position: usize) {
    let (lower, upper) = samples.split_at_mut(24);
    let (lower, upper) = (&mut lower[position..][..8], &mut upper[position..][..8]);
    // SAFETY: both slices are as long as half a vector.
    unsafe { _mm256_storeu2_m128i(upper.as_mut_ptr().cast(), lower.as_mut_ptr().cast(), vector) }
}
