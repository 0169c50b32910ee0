//! Keys of a telephone as pairs of tones (DTMF): sending and recognising them.
//!
//! Frequencies are those of ITU-T Q.23. The detector keeps to the values that ITU-T Q.24, table A-1, gives for
//! North America (AT&T), which are the strictest there for frequency and the widest for level and twist:
//!
//! | | accepted | rejected |
//! |---|---|---|
//! | frequency | within 1.5 % | from 3.5 % off |
//! | level of each tone | 0 to -25 dBm0 | below -55 dBm0 |
//! | level of the high tone over the low one | -8 to +4 dB | |
//! | length of the signal | from 40 ms | up to 23 ms |
//! | pause between signals | from 40 ms | |
//! | interruption within a signal | up to 10 ms | |
//!
//! Between two columns lies the detector's own limit. What Q.24 leaves open is told at [`DtmfDetector`].

#![forbid(unsafe_code)]

mod detect;
mod generate;
mod judge;
mod press;
#[cfg(test)]
mod tests;

pub use detect::{DtmfDetector, DtmfEvent};
pub use generate::{DtmfGenerator, DtmfOptions};

use std::fmt;

/// The level of a sine at 0 dBm0, as RMS in dBFS: G.711 puts the largest sine of mu-law, of amplitude 32,636
/// in 16 bits, at +3.17 dBm0.
pub const ZERO_DBM0_DBFS: f32 = -6.22;

/// The tones of the four rows of keys (Hz, Q.23).
pub const LOW_HZ: [f64; 4] = [697.0, 770.0, 852.0, 941.0];

/// The tones of the four columns of keys (Hz, Q.23).
pub const HIGH_HZ: [f64; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];

/// The keys in rows.
const KEYS: [[char; 4]; 4] =
    [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];

/// One of the sixteen keys.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digit {
    row: u8,
    column: u8,
}

/// This is not the name of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a key of a telephone: {0:?}")]
pub struct NotADigit(pub char);

impl Digit {
    /// All sixteen, row by row.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..4).flat_map(|row| (0..4).map(move |column| Self { row, column }))
    }

    /// Its name: `0` to `9`, `*`, `#`, `A` to `D`.
    pub const fn as_char(self) -> char {
        KEYS[self.row as usize][self.column as usize]
    }

    /// Its lower tone (Hz).
    pub const fn low_hz(self) -> f64 {
        LOW_HZ[self.row as usize]
    }

    /// Its higher tone (Hz).
    pub const fn high_hz(self) -> f64 {
        HIGH_HZ[self.column as usize]
    }
}

impl TryFrom<char> for Digit {
    type Error = NotADigit;

    fn try_from(name: char) -> Result<Self, NotADigit> {
        Self::all().find(|digit| digit.as_char() == name.to_ascii_uppercase()).ok_or(NotADigit(name))
    }
}

impl fmt::Display for Digit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_char())
    }
}

impl fmt::Debug for Digit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_char())
    }
}

/// The amplitude, in steps of 16-bit samples, of a sine at `dbm0`.
pub(crate) fn amplitude_of_dbm0(dbm0: f32) -> f32 {
    // 3.01 dB from RMS to peak.
    32_768.0 * 10f32.powf((dbm0 + ZERO_DBM0_DBFS + 3.01) / 20.0)
}
