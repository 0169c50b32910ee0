//! Stereo: the portable bodies, compiled once more for AVX2.

#![allow(unsafe_code, reason = "code for instructions that only some machines have is called")]

use crate::InstructionSet;
#[cfg(target_arch = "x86_64")]
use crate::instruction_set::Kind;
use crate::stereo::{unzip, zip};

#[inline]
pub(crate) fn interleave(set: InstructionSet, left: &[i16], right: &[i16], pairs: &mut [[i16; 2]]) {
    match set.kind() {
        // SAFETY: the set proves that the machine has AVX2, which is part of AVX-512.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 | Kind::Avx512 => unsafe { zip_avx2(left, right, pairs) },
        _ => zip(left, right, pairs),
    }
}

#[inline]
pub(crate) fn deinterleave(set: InstructionSet, pairs: &[[i16; 2]], left: &mut [i16], right: &mut [i16]) {
    match set.kind() {
        // SAFETY: the set proves that the machine has AVX2, which is part of AVX-512.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 | Kind::Avx512 => unsafe { unzip_avx2(pairs, left, right) },
        _ => unzip(pairs, left, right),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn zip_avx2(left: &[i16], right: &[i16], pairs: &mut [[i16; 2]]) {
    zip(left, right, pairs);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn unzip_avx2(pairs: &[[i16; 2]], left: &mut [i16], right: &mut [i16]) {
    unzip(pairs, left, right);
}
