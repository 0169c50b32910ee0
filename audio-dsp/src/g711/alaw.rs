//! A-law (PCMA): the telephone networks' code outside North America and Japan.

#![forbid(unsafe_code)]

use crate::InstructionSet;
use crate::kernels::g711::{self as kernels, Law};

/// Every second bit is inverted on the line (G.711 table 1a, note 2).
const LINE_MASK: u8 = 0x55;

/// The 16-bit sample of each of the 256 A-law codes.
pub const DECODE_TABLE: [i16; 256] = {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = expand(code as u8);
        code += 1;
    }
    table
};

/// Expands one A-law code to a 16-bit sample (-32,256 ..= 32,256; no code means 0).
#[inline]
pub const fn decode_sample(code: u8) -> i16 {
    DECODE_TABLE[code as usize]
}

/// Compresses one 16-bit sample to A-law.
#[inline]
pub const fn encode_sample(sample: i16) -> u8 {
    // One's complement for negative samples, as G.191 has it; 12 bits are left of the magnitude.
    let magnitude = ((if sample < 0 { !sample } else { sample }) as u16) >> 4;
    let code = if magnitude < 32 {
        // Segments 0 and 1 are one straight line.
        magnitude
    } else {
        // The highest bit is bit 5 (segment 2) up to bit 10 (segment 7).
        let segment = 12 - magnitude.leading_zeros() as u16;
        (segment << 4) | ((magnitude >> (segment - 1)) & 0x0F)
    };
    let sign = if sample < 0 { 0x00 } else { 0x80 };
    (code as u8 | sign) ^ LINE_MASK
}

/// Expands A-law `codes` into `samples` and returns how many were written: the shorter length of the
/// two. What is left over in either slice is untouched.
pub fn decode(codes: &[u8], samples: &mut [i16]) -> usize {
    decode_on(InstructionSet::detected(), codes, samples)
}

/// [`decode`] with a chosen set of instructions, for tests and benchmarks.
pub fn decode_on(set: InstructionSet, codes: &[u8], samples: &mut [i16]) -> usize {
    kernels::decode::<ALaw>(set, codes, samples)
}

/// Compresses `samples` into A-law `codes` and returns how many were written: the shorter length of
/// the two. What is left over in either slice is untouched.
pub fn encode(samples: &[i16], codes: &mut [u8]) -> usize {
    encode_on(InstructionSet::detected(), samples, codes)
}

/// [`encode`] with a chosen set of instructions, for tests and benchmarks.
pub fn encode_on(set: InstructionSet, samples: &[i16], codes: &mut [u8]) -> usize {
    kernels::encode::<ALaw>(set, samples, codes)
}

struct ALaw;

impl Law for ALaw {
    // The code of a positive sample has its sign bit set, in addition.
    const LINE_MASK: u8 = 0x80 | LINE_MASK;
    const LINEAR_START: bool = true;

    #[inline]
    fn decode_sample(code: u8) -> i16 {
        decode_sample(code)
    }

    #[inline]
    fn encode_sample(sample: i16) -> u8 {
        encode_sample(sample)
    }
}

const fn expand(code: u8) -> i16 {
    let bits = code ^ LINE_MASK;
    let segment = (bits >> 4) & 0x07;
    // The middle of the step: half a step is added below the mantissa.
    let step = (((bits & 0x0F) as i16) << 4) + 8;
    let magnitude = if segment == 0 { step } else { (step + 0x100) << (segment - 1) };
    if bits & 0x80 == 0 { -magnitude } else { magnitude }
}
