//! G.711 companding, bit-exact with the ITU-T G.191 reference (`ulaw_compress`, `ulaw_expand`,
//! `alaw_compress`, `alaw_expand`) for all 256 codes and all 65,536 samples.
//!
//! Linear samples are 16 bits wide: G.711's 14-bit (mu-law) and 13-bit (A-law) values shifted up to
//! the top of an `i16`, as G.191 does. Encoders differ between libraries; G.191's is the one kept here.

#![forbid(unsafe_code)]

pub mod alaw;
pub mod ulaw;

/// The mu-law code of a zero sample: what silence is made of on the telephone side.
pub const ULAW_SILENCE: u8 = 0xFF;

#[cfg(test)]
mod tests;
