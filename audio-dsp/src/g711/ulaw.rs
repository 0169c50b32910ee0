//! Mu-law (PCMU): what Twilio Media Streams carries in both directions.

#![forbid(unsafe_code)]

use crate::InstructionSet;
use crate::kernels::g711::{self as kernels, Law};

/// Added to the 14-bit magnitude so that every segment starts at a power of two (G.711 table 2).
const BIAS: u16 = 33;

/// Largest biased magnitude; what is louder is clipped to it.
const CLIP: u16 = 0x1FFF;

/// The 16-bit sample of each of the 256 mu-law codes.
pub const DECODE_TABLE: [i16; 256] = {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = expand(code as u8);
        code += 1;
    }
    table
};

/// Expands one mu-law code to a 16-bit sample (-32,124 ..= 32,124).
#[inline]
pub const fn decode_sample(code: u8) -> i16 {
    DECODE_TABLE[code as usize]
}

/// Compresses one 16-bit sample to mu-law.
#[inline]
pub const fn encode_sample(sample: i16) -> u8 {
    // One's complement for negative samples, as G.191 has it: -1 is as quiet as 0.
    let magnitude = (if sample < 0 { !sample } else { sample }) as u16;
    let biased = (magnitude >> 2) + BIAS;
    let biased = if biased > CLIP { CLIP } else { biased };
    // The biased magnitude is 33 ..= 0x1FFF: its highest bit is bit 5 (segment 1) up to bit 12 (segment 8).
    let segment = 11 - biased.leading_zeros() as u16;
    let step = (biased >> segment) & 0x0F;
    let sign = if sample < 0 { 0x00 } else { 0x80 };
    ((8 - segment) << 4 | (0x0F - step)) as u8 | sign
}

/// Expands mu-law `codes` into `samples` and returns how many were written: the shorter length of the
/// two. What is left over in either slice is untouched.
pub fn decode(codes: &[u8], samples: &mut [i16]) -> usize {
    decode_on(InstructionSet::detected(), codes, samples)
}

/// [`decode`] with a chosen set of instructions, for tests and benchmarks.
pub fn decode_on(set: InstructionSet, codes: &[u8], samples: &mut [i16]) -> usize {
    kernels::decode::<MuLaw>(set, codes, samples)
}

/// Compresses `samples` into mu-law `codes` and returns how many were written: the shorter length of
/// the two. What is left over in either slice is untouched.
pub fn encode(samples: &[i16], codes: &mut [u8]) -> usize {
    encode_on(InstructionSet::detected(), samples, codes)
}

/// [`encode`] with a chosen set of instructions, for tests and benchmarks.
pub fn encode_on(set: InstructionSet, samples: &[i16], codes: &mut [u8]) -> usize {
    kernels::encode::<MuLaw>(set, samples, codes)
}

struct MuLaw;

impl Law for MuLaw {
    const LINE_MASK: u8 = 0xFF;
    const LINEAR_START: bool = false;

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
    let inverted = !code;
    let exponent = (inverted >> 4) & 0x07;
    let mantissa = (inverted & 0x0F) as i16;
    // 14-bit magnitude, then two bits up to fill 16.
    let magnitude = ((((mantissa << 1) + BIAS as i16) << exponent) - BIAS as i16) << 2;
    if code & 0x80 == 0 { -magnitude } else { magnitude }
}
