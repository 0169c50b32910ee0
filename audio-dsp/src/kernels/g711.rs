//! G.711 in vectors: what the kernels rest on, and which of them runs.
//!
//! Both laws are floating-point formats of eight bits. Once the bits that the line inverts are put right, a code is
//! a sign, three bits of segment `e` (the exponent) and four bits of step `m` (the mantissa), and with
//!
//! ```text
//! t = (1 + (2m + 1) / 32) * 2^(e + 7)  =  (8m + 132) * 2^e
//! ```
//!
//! the magnitude of the 16-bit sample is
//!
//! - mu-law: `t - 132`;
//! - A-law: `t`, but `2t - 256 = 16m + 8` in segment 0, whose steps are as wide as those of segment 1. IEEE's
//!   subnormal numbers do the same.
//!
//! Encoding goes back: the exponent of a magnitude (plus 132, in mu-law) and the four bits after its highest one are
//! the code.
//!
//! A kernel gets two slices of the same length and a [`Law`], and does frames of any length.

#![allow(unsafe_code, reason = "kernels for instructions that only some machines have are called")]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(target_arch = "x86_64")]
mod sse2;

use crate::instruction_set::{InstructionSet, Kind};

/// The upper half of [`ONE`]. Put above a magnitude of 16 bits it makes the float `ONE + magnitude * UNIT`.
#[cfg(target_arch = "x86_64")]
const UPPER_HALF_OF_ONE: i16 = 24 << 7;

/// A power of two, as far above [`UNIT`] as a float's mantissa reaches.
#[cfg(target_arch = "x86_64")]
const ONE: f32 = f32::from_bits((UPPER_HALF_OF_ONE as u32) << 16);

/// What a magnitude of 1 is as a float. So small a one that the exponents of magnitudes of up to 2^15, which follow
/// from 1 on, and four bits of mantissa fit a byte: 2^7, where the first segment starts, has 8 and four times 0.
#[cfg(target_arch = "x86_64")]
const UNIT: f32 = ONE / (1 << 23) as f32;

/// What is added to magnitudes in mu-law, so that every segment starts at a power of two.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
const ULAW_BIAS: i16 = 132;

/// Where the second segment starts in A-law; below, codes count steps of 16.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
const ALAW_LINEAR_END: i16 = 256;

/// Where the first segment starts, as an exponent: `t` is `2^(7 + e)` and more.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
const FIRST_EXPONENT: u8 = 7;

/// The sign bit of a code as it is on the line: set for positive samples.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
const SIGN: u8 = 0x80;

/// Mu-law or A-law.
pub(crate) trait Law {
    /// The bits that the line inverts in the code of a positive sample; in that of a negative one the sign bit
    /// stays. Without them a negative code has its highest bit set.
    const LINE_MASK: u8;

    /// Whether it is A-law, whose segment 0 has steps as wide as segment 1. Mu-law has a bias instead.
    const LINEAR_START: bool;

    /// Expands one code.
    fn decode_sample(code: u8) -> i16;

    /// Compresses one sample.
    fn encode_sample(sample: i16) -> u8;
}

/// Expands as many codes as there is room for in `samples`, and returns how many.
#[inline]
pub(crate) fn decode<L: Law>(set: InstructionSet, codes: &[u8], samples: &mut [i16]) -> usize {
    let count = codes.len().min(samples.len());
    let (codes, samples) = (&codes[..count], &mut samples[..count]);
    match set.kind() {
        // SAFETY: the set proves that the machine has AVX-512 F, BW and VL.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512 => unsafe { avx512::decode::<L>(codes, samples) },
        // SAFETY: the set proves that the machine has AVX2.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 => unsafe { avx2::decode::<L>(codes, samples) },
        // SAFETY: the set proves that the machine has SSE2.
        #[cfg(target_arch = "x86_64")]
        Kind::Sse2 => unsafe { sse2::decode::<L>(codes, samples) },
        // SAFETY: the set proves that the machine has NEON.
        #[cfg(target_arch = "aarch64")]
        Kind::Neon => unsafe { neon::decode::<L>(codes, samples) },
        _ => portable::decode::<L>(codes, samples),
    }
    count
}

/// Compresses as many samples as there is room for in `codes`, and returns how many.
#[inline]
pub(crate) fn encode<L: Law>(set: InstructionSet, samples: &[i16], codes: &mut [u8]) -> usize {
    let count = samples.len().min(codes.len());
    let (samples, codes) = (&samples[..count], &mut codes[..count]);
    match set.kind() {
        // SAFETY: the set proves that the machine has AVX-512 F, BW and VL.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512 => unsafe { avx512::encode::<L>(samples, codes) },
        // SAFETY: the set proves that the machine has AVX2.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 => unsafe { avx2::encode::<L>(samples, codes) },
        // SAFETY: the set proves that the machine has SSE2.
        #[cfg(target_arch = "x86_64")]
        Kind::Sse2 => unsafe { sse2::encode::<L>(samples, codes) },
        // SAFETY: the set proves that the machine has NEON.
        #[cfg(target_arch = "aarch64")]
        Kind::Neon => unsafe { neon::encode::<L>(samples, codes) },
        _ => portable::encode::<L>(samples, codes),
    }
    count
}
