//! Which vector instructions the kernels may use on this machine.
//!
//! A value of [`InstructionSet`] is a proof: it can only be had by asking the processor, so a kernel that is
//! given one may use its instructions. Every kernel gives the same output, bit for bit, on every set.

#![forbid(unsafe_code)]

/// A set of vector instructions that this machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstructionSet(Kind);

/// The sets that kernels are written for. Kernels for one processor family need not exist for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "each processor family has only some of them")]
pub(crate) enum Kind {
    /// Plain Rust, no vector instructions named.
    Portable,
    /// Every x86-64 processor has it.
    Sse2,
    /// AVX2: 256 bits, since 2013.
    Avx2,
    /// AVX-512 F, BW, VL, VBMI and VNNI: 512 bits, byte permutes and 16-bit dot products, since 2019.
    Avx512,
    /// Every 64-bit Arm processor has it.
    Neon,
}

impl InstructionSet {
    /// Plain Rust without named vector instructions: what the others are tested against.
    pub const PORTABLE: Self = Self(Kind::Portable);

    /// The fastest set that this machine has. Costs one load of a cached answer.
    #[inline]
    pub fn detected() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if has_avx512() {
                Self(Kind::Avx512)
            } else if std::arch::is_x86_feature_detected!("avx2") {
                Self(Kind::Avx2)
            } else {
                Self(Kind::Sse2)
            }
        }
        #[cfg(target_arch = "aarch64")]
        {
            Self(Kind::Neon)
        }
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        {
            Self::PORTABLE
        }
    }

    /// Every set that this machine has, slowest first: for tests and benchmarks that compare them.
    pub fn available() -> Vec<Self> {
        let mut sets = vec![Self::PORTABLE];
        #[cfg(target_arch = "x86_64")]
        {
            sets.push(Self(Kind::Sse2));
            if std::arch::is_x86_feature_detected!("avx2") {
                sets.push(Self(Kind::Avx2));
            }
            if has_avx512() {
                sets.push(Self(Kind::Avx512));
            }
        }
        #[cfg(target_arch = "aarch64")]
        sets.push(Self(Kind::Neon));
        sets
    }

    /// Its name, as in a benchmark's table.
    pub const fn name(self) -> &'static str {
        match self.0 {
            Kind::Portable => "portable",
            Kind::Sse2 => "SSE2",
            Kind::Avx2 => "AVX2",
            Kind::Avx512 => "AVX-512",
            Kind::Neon => "NEON",
        }
    }

    pub(crate) const fn kind(self) -> Kind {
        self.0
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn has_avx512() -> bool {
    use std::arch::is_x86_feature_detected as has;
    has!("avx512f") && has!("avx512bw") && has!("avx512vl") && has!("avx512vbmi") && has!("avx512vnni")
}
