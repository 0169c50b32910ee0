//! Vectors from and to arrays, for x86-64.
//!
//! `AT` counts items. That the vector lies inside of the array is checked when the program is compiled.

#![allow(unsafe_code, reason = "vectors are moved through pointers")]

use std::arch::x86_64::{
    __m128i, __m256i, __m512i, _MM_HINT_T0, _mm_loadu_si128, _mm_prefetch, _mm_storeu_si128,
    _mm256_loadu_si256, _mm256_storeu_si256, _mm512_loadu_si512, _mm512_storeu_si512,
};

/// An item that vectors are made of.
///
/// # Safety
///
/// Every pattern of bits must be a value of the type, which must have no padding.
pub(super) unsafe trait Item: Copy {}

// SAFETY: an integer.
unsafe impl Item for u8 {}
// SAFETY: an integer.
unsafe impl Item for i8 {}
// SAFETY: an integer.
unsafe impl Item for i16 {}
// SAFETY: an integer.
unsafe impl Item for u64 {}

/// Whether `bytes` bytes from item `at` on lie inside of an array of `length` items.
const fn fits<T>(at: usize, bytes: usize, length: usize) -> bool {
    at * size_of::<T>() + bytes <= length * size_of::<T>()
}

/// Asks for what comes 2 KiB after `items`, so that long input is on its way from memory while it is worked on. What
/// is beyond the end of the input is asked for in vain: a hint reads nothing.
#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn ask_ahead<T: Item, const N: usize>(items: &[T; N]) {
    const AHEAD: usize = 2_048;
    const LINE: usize = 64;
    for line in 0..size_of_val(items).div_ceil(LINE) {
        _mm_prefetch::<_MM_HINT_T0>(items.as_ptr().cast::<i8>().wrapping_add(AHEAD + line * LINE));
    }
}

#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn load_128<const AT: usize, T: Item, const N: usize>(items: &[T; N]) -> __m128i {
    const { assert!(fits::<T>(AT, 16, N)) };
    // SAFETY: the 16 bytes are inside of the array, and the instruction does not ask for alignment.
    unsafe { _mm_loadu_si128(items.as_ptr().add(AT).cast()) }
}

#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn store_128<const AT: usize, T: Item, const N: usize>(items: &mut [T; N], vector: __m128i) {
    const { assert!(fits::<T>(AT, 16, N)) };
    // SAFETY: as in `load_128`; any bits make items.
    unsafe { _mm_storeu_si128(items.as_mut_ptr().add(AT).cast(), vector) }
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load_256<const AT: usize, T: Item, const N: usize>(items: &[T; N]) -> __m256i {
    const { assert!(fits::<T>(AT, 32, N)) };
    // SAFETY: the 32 bytes are inside of the array, and the instruction does not ask for alignment.
    unsafe { _mm256_loadu_si256(items.as_ptr().add(AT).cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn store_256<const AT: usize, T: Item, const N: usize>(items: &mut [T; N], vector: __m256i) {
    const { assert!(fits::<T>(AT, 32, N)) };
    // SAFETY: as in `load_256`; any bits make items.
    unsafe { _mm256_storeu_si256(items.as_mut_ptr().add(AT).cast(), vector) }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load_512<const AT: usize, T: Item, const N: usize>(items: &[T; N]) -> __m512i {
    const { assert!(fits::<T>(AT, 64, N)) };
    // SAFETY: the 64 bytes are inside of the array, and the instruction does not ask for alignment.
    unsafe { _mm512_loadu_si512(items.as_ptr().add(AT).cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn store_512<const AT: usize, T: Item, const N: usize>(items: &mut [T; N], vector: __m512i) {
    const { assert!(fits::<T>(AT, 64, N)) };
    // SAFETY: as in `load_512`; any bits make items.
    unsafe { _mm512_storeu_si512(items.as_mut_ptr().add(AT).cast(), vector) }
}
