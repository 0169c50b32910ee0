//! Where the vector instructions are, but for those of the resamplers (`resample/kernel`).
//!
//! Each subject has a portable body in plain Rust and kernels for the instruction sets where they are faster. A kernel
//! gives the same output as the portable body, bit for bit; the tests run all that the machine has.
//!
//! Only two things here are `unsafe`, and each place says why it is sound:
//!
//! - calling a kernel whose instructions the compiler does not take for granted: an
//!   [`InstructionSet`](crate::InstructionSet) proves that the machine has them;
//! - moving a vector from or to memory (`x86`, `aarch64`): only from and to arrays, whose length the compiler checks.
//!
//! The arithmetic itself, and every portable body, is safe code: the files say `forbid(unsafe_code)`.

pub(crate) mod g711;
pub(crate) mod level;
pub(crate) mod mix;
#[cfg(target_arch = "x86_64")]
pub(crate) mod products;
pub(crate) mod stereo;

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod x86;

/// Converts `input` to `output`, which are equally long, in blocks of `N` items, and says whether there was one.
///
/// Where `N` does not divide the length, the last block overlaps the one before it: a few items are computed twice,
/// and nothing outside of the slices is read or written.
#[inline(always)]
fn in_blocks<A, B, const N: usize>(
    input: &[A],
    output: &mut [B],
    mut convert: impl FnMut(&[A; N], &mut [B; N]),
) -> bool {
    let (from_blocks, from_rest) = input.as_chunks::<N>();
    for (from, to) in from_blocks.iter().zip(output.as_chunks_mut::<N>().0) {
        convert(from, to);
    }
    if !from_rest.is_empty()
        && let (Some(from), Some(to)) = (input.last_chunk::<N>(), output.last_chunk_mut::<N>())
    {
        convert(from, to);
    }
    !from_blocks.is_empty()
}
