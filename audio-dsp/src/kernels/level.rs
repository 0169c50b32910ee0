//! What the level of a frame is computed from: exact sums.

#![allow(unsafe_code, reason = "kernels for instructions that only some machines have are called")]

#[cfg(target_arch = "x86_64")]
mod avx2;

use crate::InstructionSet;
#[cfg(target_arch = "x86_64")]
use crate::instruction_set::Kind;

/// Of no samples, or of all samples so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sums {
    /// The sum of the squares of up to 2^34 samples.
    pub(crate) squares: u64,
    /// The highest sample, or 0 where none is above.
    highest: i16,
    /// The lowest sample, or 0 where none is below.
    lowest: i16,
}

impl Sums {
    /// These samples and those.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            squares: self.squares + other.squares,
            highest: self.highest.max(other.highest),
            lowest: self.lowest.min(other.lowest),
        }
    }

    /// The largest magnitude.
    pub(crate) fn peak(self) -> u16 {
        self.highest.unsigned_abs().max(self.lowest.unsigned_abs())
    }
}

#[inline]
pub(crate) fn sums(set: InstructionSet, samples: &[i16]) -> Sums {
    match set.kind() {
        // SAFETY: the set proves that the machine has AVX2, which is part of AVX-512.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 | Kind::Avx512 => unsafe { avx2::sums(samples) },
        _ => portable(samples),
    }
}

fn portable(samples: &[i16]) -> Sums {
    let mut sums = Sums::default();
    for &sample in samples {
        let sample_32 = i32::from(sample);
        sums.squares += u64::from((sample_32 * sample_32).unsigned_abs());
        sums.highest = sums.highest.max(sample);
        sums.lowest = sums.lowest.min(sample);
    }
    sums
}
