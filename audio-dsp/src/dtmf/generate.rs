//! Keys as audio: for phone menus and other machines at the far end.

use super::{Digit, NotADigit, amplitude_of_dbm0};
use crate::sine::{cosine, sine};

/// How keys sound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DtmfOptions {
    /// Samples per second of the output (Hz). Default 8,000; at least 4,000, or the tones alias.
    pub rate_hz: u32,
    /// Level of the lower tone (dBm0). Default -10: both tones together stay 5 dB below the limit of G.711.
    pub low_dbm0: f32,
    /// How much louder the higher tone is (dB), the twist. Default 2: lines lose more of the higher tone.
    pub twist_db: f32,
    /// Length of each key's sound (ms), its ramps included. Default 100: receivers must take 40 (Q.24).
    pub tone_ms: u32,
    /// Silence after each key, also after the last (ms). Default 100: receivers must take 40 (Q.24).
    pub gap_ms: u32,
    /// Length of each of the two ramps, at start and end (ms). Default 2: a click spreads over all
    /// frequencies. At most half of `tone_ms` is used.
    pub ramp_ms: u32,
}

impl Default for DtmfOptions {
    fn default() -> Self {
        Self { rate_hz: 8_000, low_dbm0: -10.0, twist_db: 2.0, tone_ms: 100, gap_ms: 100, ramp_ms: 2 }
    }
}

/// Writes the sound of a row of keys, in pieces of any length.
#[derive(Debug, Clone, PartialEq)]
pub struct DtmfGenerator {
    digits: Box<[Digit]>,
    /// Which key sounds.
    index: usize,
    /// Samples since that key's start.
    elapsed: u64,
    rate_hz: f64,
    amplitudes: [f64; 2],
    tone: u64,
    period: u64,
    ramp: u64,
}

impl DtmfGenerator {
    /// A generator at the start of the first of `digits`.
    pub fn new(digits: &str, options: DtmfOptions) -> Result<Self, NotADigit> {
        let digits = digits.chars().map(Digit::try_from).collect::<Result<_, _>>()?;
        let samples = |ms: u32| u64::from(ms) * u64::from(options.rate_hz) / 1_000;
        let tone = samples(options.tone_ms);
        Ok(Self {
            digits,
            index: 0,
            elapsed: 0,
            rate_hz: f64::from(options.rate_hz.max(1)),
            amplitudes: [options.low_dbm0, options.low_dbm0 + options.twist_db]
                .map(|level| f64::from(amplitude_of_dbm0(level))),
            tone,
            period: tone + samples(options.gap_ms),
            ramp: samples(options.ramp_ms).min(tone / 2),
        })
    }

    /// Writes the next samples to the front of `output` and returns how many: fewer than its length only when
    /// the last gap is over. The rest is untouched.
    pub fn fill(&mut self, output: &mut [i16]) -> usize {
        let mut written = 0;
        for sample in output {
            if self.elapsed >= self.period {
                self.index += 1;
                self.elapsed = 0;
            }
            let Some(&digit) = self.digits.get(self.index) else { break };
            // An empty period would never end.
            if self.period == 0 {
                self.index = self.digits.len();
                break;
            }
            *sample = self.sample(digit);
            self.elapsed += 1;
            written += 1;
        }
        written
    }

    /// Whether everything has been written.
    pub fn is_finished(&self) -> bool {
        let last = self.index + 1 >= self.digits.len() && self.elapsed >= self.period;
        last || self.index >= self.digits.len()
    }

    fn sample(&self, digit: Digit) -> i16 {
        if self.elapsed >= self.tone {
            return 0;
        }
        let time = self.elapsed as f64 / self.rate_hz;
        let sum = self.amplitudes[0] * sine(digit.low_hz() * time)
            + self.amplitudes[1] * sine(digit.high_hz() * time);
        let from_end = self.elapsed.min(self.tone - 1 - self.elapsed);
        let loudness = if from_end < self.ramp {
            0.5 - 0.5 * cosine((from_end as f64 + 0.5) / (2.0 * self.ramp as f64))
        } else {
            1.0
        };
        (sum * loudness).round() as i16
    }
}
