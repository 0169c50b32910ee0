//! Vectors from and to arrays, for 64-bit Arm.
//!
//! `AT` counts items. That the vector lies inside of the array is checked when the program is compiled.

#![allow(unsafe_code, reason = "vectors are moved through pointers")]

use std::arch::aarch64::{int16x8_t, uint8x16_t, vld1q_s16, vld1q_u8, vst1q_s16, vst1q_u8};

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn load_u8<const AT: usize, const N: usize>(items: &[u8; N]) -> uint8x16_t {
    const { assert!(AT + 16 <= N) };
    // SAFETY: the 16 bytes are inside of the array, and the instruction does not ask for alignment.
    unsafe { vld1q_u8(items.as_ptr().add(AT)) }
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn store_u8<const AT: usize, const N: usize>(items: &mut [u8; N], vector: uint8x16_t) {
    const { assert!(AT + 16 <= N) };
    // SAFETY: as in `load_u8`.
    unsafe { vst1q_u8(items.as_mut_ptr().add(AT), vector) }
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn load_i16<const AT: usize, const N: usize>(items: &[i16; N]) -> int16x8_t {
    const { assert!(AT + 8 <= N) };
    // SAFETY: the 8 samples are inside of the array, and the instruction does not ask for more than their alignment.
    unsafe { vld1q_s16(items.as_ptr().add(AT)) }
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn store_i16<const AT: usize, const N: usize>(items: &mut [i16; N], vector: int16x8_t) {
    const { assert!(AT + 8 <= N) };
    // SAFETY: as in `load_i16`.
    unsafe { vst1q_s16(items.as_mut_ptr().add(AT), vector) }
}
