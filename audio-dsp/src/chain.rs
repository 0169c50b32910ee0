//! Whole conversions between the telephone's mu-law at 8 kHz and the PCM16 of speech services.
//!
//! Both ends stream: any split of the input gives the same output, bit for bit.

#![forbid(unsafe_code)]

#[cfg(test)]
mod tests;

use crate::g711::ulaw;
use crate::instruction_set::InstructionSet;
use crate::resample::{BLOCK, OutputTooShort, Resampler, UnsupportedRatio};

/// Rate of telephone audio, in Hz.
const TELEPHONE_HZ: u32 = 8_000;

/// Samples read from bytes at a time: 20 ms at 24 kHz.
const READ_BLOCK: usize = 480;

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
        Self::with_instruction_set(from_hz, InstructionSet::detected())
    }

    /// The same with a chosen set of vector instructions, for tests and benchmarks: the output is the same.
    pub fn with_instruction_set(from_hz: u32, set: InstructionSet) -> Result<Self, UnsupportedRatio> {
        let resampler = Resampler::with_instruction_set(from_hz, TELEPHONE_HZ, set)?;
        Ok(Self { resampler, odd_byte: None })
    }

    /// Converts `samples` and appends the mu-law codes to `output`; returns how many were appended.
    pub fn process(&mut self, samples: &[i16], output: &mut Vec<u8>) -> usize {
        let start = output.len();
        output.resize(start + self.output_length(samples.len()), 0);
        self.process_exactly(samples, &mut output[start..])
    }

    /// Converts `samples` into the start of `output` and returns how many mu-law codes were written:
    /// [`output_length`](Self::output_length). If `output` is shorter than that, nothing has happened.
    pub fn process_into(&mut self, samples: &[i16], output: &mut [u8]) -> Result<usize, OutputTooShort> {
        let needed = self.output_length(samples.len());
        let length = output.len();
        let output = output.get_mut(..needed).ok_or(OutputTooShort { length, needed })?;
        Ok(self.process_exactly(samples, output))
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
        let mut samples = [0; READ_BLOCK];
        for pairs in pairs.chunks(READ_BLOCK) {
            for (sample, pair) in samples.iter_mut().zip(pairs) {
                *sample = i16::from_le_bytes(*pair);
            }
            appended += self.process(&samples[..pairs.len()], output);
        }
        self.odd_byte = odd.first().copied();
        appended
    }

    /// Ends the utterance: appends what is still inside the filter (at most 2 ms) to `output`, drops an odd byte
    /// that waits, and starts anew. Returns how many codes were appended.
    pub fn flush(&mut self, output: &mut Vec<u8>) -> usize {
        let appended = self.process(&[0; READ_BLOCK][..self.resampler.flush_length()], output);
        self.reset();
        appended
    }

    /// Forgets the past: the next sample or byte is the first of a new utterance.
    pub fn reset(&mut self) {
        self.resampler.reset();
        self.odd_byte = None;
    }

    /// How many codes the next `input_length` samples give.
    pub const fn output_length(&self, input_length: usize) -> usize {
        self.resampler.output_length(input_length)
    }

    /// The most codes that `input_length` samples can give, whatever came before.
    pub const fn max_output(&self, input_length: usize) -> usize {
        self.resampler.max_output(input_length)
    }

    /// The conversion's delay in output samples (8 kHz): 16, which is 2 ms, from 16 kHz, and 14 from 24 and 48 kHz.
    pub const fn latency_samples(&self) -> usize {
        self.resampler.latency_samples()
    }

    /// `output` has room for exactly what `samples` give.
    fn process_exactly(&mut self, samples: &[i16], output: &mut [u8]) -> usize {
        let mut written = 0;
        let set = self.resampler.instruction_set();
        self.resampler.each_block(samples, |bank, count| {
            written += ulaw::encode_on(set, bank.single(count), &mut output[written..]);
        });
        written
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
        Self::with_instruction_set(to_hz, InstructionSet::detected())
    }

    /// The same with a chosen set of vector instructions, for tests and benchmarks: the output is the same.
    pub fn with_instruction_set(to_hz: u32, set: InstructionSet) -> Result<Self, UnsupportedRatio> {
        Ok(Self { resampler: Resampler::with_instruction_set(TELEPHONE_HZ, to_hz, set)? })
    }

    /// Converts mu-law `codes` and appends the samples to `output`; returns how many were appended.
    pub fn process(&mut self, codes: &[u8], output: &mut Vec<i16>) -> usize {
        let start = output.len();
        output.resize(start + self.output_length(codes.len()), 0);
        self.process_exactly(codes, &mut output[start..])
    }

    /// Converts mu-law `codes` into the start of `output` and returns how many samples were written:
    /// [`output_length`](Self::output_length). If `output` is shorter than that, nothing has happened.
    pub fn process_into(&mut self, codes: &[u8], output: &mut [i16]) -> Result<usize, OutputTooShort> {
        let needed = self.output_length(codes.len());
        let length = output.len();
        let output = output.get_mut(..needed).ok_or(OutputTooShort { length, needed })?;
        Ok(self.process_exactly(codes, output))
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

    /// How many samples `input_length` codes give: two, three or six for each.
    pub const fn output_length(&self, input_length: usize) -> usize {
        self.resampler.output_length(input_length)
    }

    /// The conversion's delay in output samples; it is at most 2.1 ms.
    pub const fn latency_samples(&self) -> usize {
        self.resampler.latency_samples()
    }

    /// `output` has room for exactly what `codes` give.
    fn process_exactly(&mut self, codes: &[u8], output: &mut [i16]) -> usize {
        let samples_per_code = self.resampler.output_length(1);
        let set = self.resampler.instruction_set();
        let bank = self.resampler.bank();
        let blocks = codes.chunks(BLOCK).zip(output.chunks_mut(BLOCK * samples_per_code));
        for (codes, output) in blocks {
            ulaw::decode_on(set, codes, bank.room(codes.len()));
            bank.run(codes.len());
            bank.join(codes.len(), output);
        }
        codes.len() * samples_per_code
    }
}
