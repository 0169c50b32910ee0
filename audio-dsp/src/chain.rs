//! Whole conversions between the telephone's mu-law at 8 kHz and the PCM16 of speech services.
//!
//! Both ends stream: any split of the input gives the same output, bit for bit.

#[cfg(test)]
mod tests;

use crate::g711::ulaw;
use crate::resample::{BLOCK, Resampler, UnsupportedRatio};

/// Rate of telephone audio, in Hz.
const TELEPHONE_HZ: u32 = 8_000;

/// Mu-law codes decoded at a time: 20 ms.
const ULAW_BLOCK: usize = 160;

/// PCM16 at 16, 24 or 48 kHz to mu-law at 8 kHz: what a speech synthesiser says, for the caller.
#[derive(Debug, Clone)]
pub struct PcmToUlaw {
    resampler: Resampler,
    /// The first byte of a sample whose second byte has not come yet.
    odd_byte: Option<u8>,
}

impl PcmToUlaw {
    /// A stream of PCM16 at `from_hz` (16,000, 24,000 or 48,000 Hz).
    pub fn new(from_hz: u32) -> Result<Self, UnsupportedRatio> {
        Ok(Self { resampler: Resampler::new(from_hz, TELEPHONE_HZ)?, odd_byte: None })
    }

    /// Converts `samples` and appends the mu-law codes to `output`; returns how many were appended.
    pub fn process(&mut self, samples: &[i16], output: &mut Vec<u8>) -> usize {
        let before = output.len();
        for block in samples.chunks(BLOCK) {
            // Going down in rate, a block never gives more samples than it has.
            let mut resampled = [0; BLOCK];
            let count = self.resampler.process_block(block, &mut resampled);
            let start = output.len();
            output.resize(start + count, 0);
            ulaw::encode(&resampled[..count], &mut output[start..]);
        }
        output.len() - before
    }

    /// Converts little-endian PCM16 `bytes`, which may be cut anywhere: an odd last byte waits for the
    /// next call. Appends the mu-law codes to `output`; returns how many were appended.
    pub fn process_le_bytes(&mut self, bytes: &[u8], output: &mut Vec<u8>) -> usize {
        let Some((&first, rest)) = bytes.split_first() else { return 0 };
        let mut appended = 0;
        let whole = match self.odd_byte.take() {
            Some(odd) => {
                appended += self.process(&[i16::from_le_bytes([odd, first])], output);
                rest
            }
            None => bytes,
        };
        let (pairs, odd) = whole.as_chunks::<2>();
        let mut samples = [0; BLOCK];
        for pairs in pairs.chunks(BLOCK) {
            for (sample, pair) in samples.iter_mut().zip(pairs) {
                *sample = i16::from_le_bytes(*pair);
            }
            appended += self.process(&samples[..pairs.len()], output);
        }
        self.odd_byte = odd.first().copied();
        appended
    }

    /// Ends the utterance: appends what is still inside the filter (2 ms) to `output`, drops an odd byte
    /// that waits, and starts anew. Returns how many codes were appended.
    pub fn flush(&mut self, output: &mut Vec<u8>) -> usize {
        let delay =
            self.resampler.latency_samples() * self.resampler.from_hz() as usize / TELEPHONE_HZ as usize;
        let appended = self.process(&[0; BLOCK][..delay], output);
        self.reset();
        appended
    }

    /// Forgets the past: the next sample or byte is the first of a new utterance.
    pub fn reset(&mut self) {
        self.resampler.reset();
        self.odd_byte = None;
    }

    /// The most codes that `input_length` samples can give.
    pub const fn max_output(&self, input_length: usize) -> usize {
        self.resampler.max_output(input_length)
    }

    /// The conversion's delay in output samples (8 kHz): 16, which is 2 ms.
    pub const fn latency_samples(&self) -> usize {
        self.resampler.latency_samples()
    }
}

/// Mu-law at 8 kHz to PCM16 at 16, 24 or 48 kHz: what the caller says, for a speech service that does
/// not take mu-law.
#[derive(Debug, Clone)]
pub struct UlawToPcm {
    resampler: Resampler,
}

impl UlawToPcm {
    /// A stream of PCM16 at `to_hz` (16,000, 24,000 or 48,000 Hz).
    pub fn new(to_hz: u32) -> Result<Self, UnsupportedRatio> {
        Ok(Self { resampler: Resampler::new(TELEPHONE_HZ, to_hz)? })
    }

    /// Converts mu-law `codes` and appends the samples to `output`; returns how many were appended.
    pub fn process(&mut self, codes: &[u8], output: &mut Vec<i16>) -> usize {
        let mut samples = [0; ULAW_BLOCK];
        let mut appended = 0;
        for block in codes.chunks(ULAW_BLOCK) {
            let count = ulaw::decode(block, &mut samples);
            appended += self.resampler.process(&samples[..count], output);
        }
        appended
    }

    /// Ends the stream: appends what is still inside the filter (2 ms) to `output` and starts anew.
    /// Returns how many samples were appended.
    pub fn flush(&mut self, output: &mut Vec<i16>) -> usize {
        self.resampler.flush(output)
    }

    /// Forgets the past: the next code is the first of a new stream.
    pub fn reset(&mut self) {
        self.resampler.reset();
    }

    /// The most samples that `input_length` codes can give.
    pub const fn max_output(&self, input_length: usize) -> usize {
        self.resampler.max_output(input_length)
    }

    /// The conversion's delay in output samples; it is 2 ms.
    pub const fn latency_samples(&self) -> usize {
        self.resampler.latency_samples()
    }
}
