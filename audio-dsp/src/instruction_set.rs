//! Which vector instructions the kernels may use on this machine.
//!
//! A value of [`InstructionSet`] is a proof: it can only be had by asking the processor, so a kernel that is
//! given one may use its instructions. Every kernel gives the same output, bit for bit, on every set.

#![forbid(unsafe_code)]

use std::sync::OnceLock;

/// A set of vector instructions that this machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstructionSet(Kind);

/// The sets that kernels are written for. Kernels for one processor family need not exist for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Plain Rust, no vector instructions named.
    Portable,
    /// Every x86-64 processor has it.
    Sse2,
    /// AVX2: 256 bits, since 2013.
    Avx2,
    /// AVX-512 F, BW, VL and VNNI: 512 bits and 16-bit dot products, since 2019.
    Avx512,
    /// Every 64-bit Arm processor has it.
    Neon,
}

/// Slowest first.
const ALL: [Kind; 5] = [Kind::Portable, Kind::Sse2, Kind::Avx2, Kind::Avx512, Kind::Neon];

impl Kind {
    fn is_on_this_machine(self) -> bool {
        // Miri interprets next to none of these instructions.
        let vectors = !cfg!(miri);
        match self {
            Self::Portable => true,
            Self::Sse2 => vectors && cfg!(target_arch = "x86_64"),
            Self::Avx2 => vectors && has_avx2(),
            Self::Avx512 => vectors && has_avx512(),
            Self::Neon => vectors && cfg!(target_arch = "aarch64"),
        }
    }
}

impl InstructionSet {
    /// Plain Rust without named vector instructions: what the others are tested against.
    pub const PORTABLE: Self = Self(Kind::Portable);

    /// The fastest set that this machine has. The processor is asked once; after that it costs two loads.
    #[inline]
    pub fn detected() -> Self {
        static DETECTED: OnceLock<InstructionSet> = OnceLock::new();
        *DETECTED.get_or_init(|| {
            ALL.into_iter().rfind(|kind| kind.is_on_this_machine()).map_or(Self::PORTABLE, Self)
        })
    }

    /// Every set that this machine has, slowest first: for tests and benchmarks that compare them.
    pub fn available() -> Vec<Self> {
        ALL.into_iter().filter(|kind| kind.is_on_this_machine()).map(Self).collect()
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
fn has_avx2() -> bool {
    std::arch::is_x86_feature_detected!("avx2")
}

#[cfg(target_arch = "x86_64")]
fn has_avx512() -> bool {
    use std::arch::is_x86_feature_detected as has;
    has!("avx512f") && has!("avx512bw") && has!("avx512vl") && has!("avx512vnni")
}

#[cfg(not(target_arch = "x86_64"))]
const fn has_avx2() -> bool {
    false
}

#[cfg(not(target_arch = "x86_64"))]
const fn has_avx512() -> bool {
    false
}
