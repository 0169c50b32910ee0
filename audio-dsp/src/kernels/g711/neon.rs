//! G.711 with NEON, which every 64-bit Arm processor has.
//!
//! Lanes of 16 bits can each be shifted by a count of their own, to the right where the count is negative, and their
//! leading zeros be counted. So both directions are the formula of [`super`] as it stands: decoding is
//! `t = (8m + 132) << e`, and in encoding the highest bit of a magnitude tells the segment and the four bits below it
//! are the step.

#![forbid(unsafe_code)]

use std::arch::aarch64::{
    int16x8_t, uint8x8_t, uint8x16_t, vaddq_s16, vandq_s16, vandq_u8, vclzq_s16, vcombine_u8, vdupq_n_s16,
    vdupq_n_u8, veorq_s16, veorq_u8, vget_high_u8, vget_low_u8, vmaxq_s16, vminq_s16, vmovl_u8, vmovn_u16,
    vorrq_s16, vqaddq_s16, vreinterpretq_s16_u16, vreinterpretq_u16_s16, vshlq_n_s16, vshlq_s16, vshrq_n_s16,
    vsubq_s16,
};

use super::{ALAW_LINEAR_END, FIRST_EXPONENT, Law, SIGN, ULAW_BIAS, portable};
use crate::kernels::aarch64::{load_i16, load_u8, store_i16, store_u8};
use crate::kernels::in_blocks;

/// One vector of codes, two of samples.
const BLOCK: usize = 16;

#[target_feature(enable = "neon")]
pub(super) fn decode<L: Law>(codes: &[u8], samples: &mut [i16]) {
    if !in_blocks(codes, samples, |codes, samples| decode_block::<L>(codes, samples)) {
        portable::decode::<L>(codes, samples);
    }
}

#[target_feature(enable = "neon")]
pub(super) fn encode<L: Law>(samples: &[i16], codes: &mut [u8]) {
    if !in_blocks(samples, codes, |samples, codes| encode_block::<L>(samples, codes)) {
        portable::encode::<L>(samples, codes);
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn decode_block<L: Law>(codes: &[u8; BLOCK], samples: &mut [i16; BLOCK]) {
    let codes = veorq_u8(load_u8::<0, _>(codes), vdupq_n_u8(L::LINE_MASK));
    store_i16::<0, _>(samples, expand::<L>(vget_low_u8(codes)));
    store_i16::<8, _>(samples, expand::<L>(vget_high_u8(codes)));
}

/// Eight samples of codes whose sign bit is set for negative ones.
#[inline]
#[target_feature(enable = "neon")]
fn expand<L: Law>(codes: uint8x8_t) -> int16x8_t {
    let codes = vreinterpretq_s16_u16(vmovl_u8(codes));
    let segment = vandq_s16(vshrq_n_s16::<4>(codes), vdupq_n_s16(0x07));
    let step = vshlq_n_s16::<3>(vandq_s16(codes, vdupq_n_s16(0x0F)));
    let t = vshlq_s16(vaddq_s16(step, vdupq_n_s16(132)), segment);
    let magnitude = if L::LINEAR_START {
        // In segment 0, t + (t - 256).
        let below = vminq_s16(vsubq_s16(t, vdupq_n_s16(ALAW_LINEAR_END)), vdupq_n_s16(0));
        vaddq_s16(t, below)
    } else {
        vsubq_s16(t, vdupq_n_s16(ULAW_BIAS))
    };
    // The sign bit of the code moved to that of the lane. Minus a magnitude is its complement plus one.
    let negative = vshrq_n_s16::<15>(vshlq_n_s16::<8>(codes));
    vsubq_s16(veorq_s16(magnitude, negative), negative)
}

#[inline]
#[target_feature(enable = "neon")]
fn encode_block<L: Law>(samples: &[i16; BLOCK], codes: &mut [u8; BLOCK]) {
    let (first, second) = (load_i16::<0, _>(samples), load_i16::<8, _>(samples));
    let positive_codes =
        veorq_u8(narrow(compress::<L>(first), compress::<L>(second)), vdupq_n_u8(L::LINE_MASK));
    let negative = narrow(vshrq_n_s16::<15>(first), vshrq_n_s16::<15>(second));
    store_u8::<0, _>(codes, veorq_u8(positive_codes, vandq_u8(negative, vdupq_n_u8(SIGN))));
}

/// The lower bytes of all lanes.
#[inline]
#[target_feature(enable = "neon")]
fn narrow(first: int16x8_t, second: int16x8_t) -> uint8x16_t {
    vcombine_u8(vmovn_u16(vreinterpretq_u16_s16(first)), vmovn_u16(vreinterpretq_u16_s16(second)))
}

/// Segment and step of eight samples, 0 to 127.
#[inline]
#[target_feature(enable = "neon")]
fn compress<L: Law>(samples: int16x8_t) -> int16x8_t {
    // One's complement of negative samples, as G.191 has it.
    let magnitude = veorq_s16(samples, vshrq_n_s16::<15>(samples));
    let (curved, linear) = if L::LINEAR_START {
        // Up to 256 in steps of 16, of which segment 1 counts the first 16 again.
        let end = vdupq_n_s16(ALAW_LINEAR_END);
        let linear = vshrq_n_s16::<4>(vminq_s16(magnitude, end));
        (vmaxq_s16(magnitude, end), vsubq_s16(linear, vdupq_n_s16(16)))
    } else {
        // The addition clips at 32,767, which is where G.191 clips.
        (vqaddq_s16(magnitude, vdupq_n_s16(ULAW_BIAS)), vdupq_n_s16(0))
    };
    // The highest bit is bit 7 + segment, of 15: there are 8 - segment zeros before it.
    let zeros = vclzq_s16(curved);
    let segment = vsubq_s16(vdupq_n_s16(15 - i16::from(FIRST_EXPONENT)), zeros);
    // Shifted right by 3 + segment, the four bits below it are the lowest ones.
    let step = vandq_s16(vshlq_s16(curved, vsubq_s16(zeros, vdupq_n_s16(11))), vdupq_n_s16(0x0F));
    vaddq_s16(vorrq_s16(vshlq_n_s16::<4>(segment), step), linear)
}
