//! The resampler between 8, 16, 24 and 48 kHz.

#![forbid(unsafe_code)]

use super::bank::Bank;
use super::design::{self, Filter};
use super::kernel::BLOCK;
use super::{OutputTooShort, Resample, UnsupportedRatio};
use crate::instruction_set::InstructionSet;

/// The most input samples of a period that wait for its last one.
const PENDING_MAX: usize = 5;

/// Converts one stream of 16-bit samples between 8,000, 16,000, 24,000 and 48,000 Hz.
///
/// It is a linear-phase polyphase FIR filter with integer taps. An output sample is the sum of products with 14
/// fractional bits, rounded to the nearest integer (halves up) and clipped to 16 bits. When the rate falls by `n`,
/// the products of every `n`-th sample are summed up exactly, with one to three bits more, and each of the `n` sums
/// is cut to 14 bits. The output is the same on every machine and for every split of the input.
///
/// A period is the smallest run of input samples that makes a whole number of output samples: three samples from 24
/// to 8 kHz, one sample from 8 kHz upwards. Output comes when a period is complete.
#[derive(Clone)]
pub struct Resampler {
    from_hz: u32,
    to_hz: u32,
    bank: Bank,
    /// The first samples of a period that is not complete yet.
    pending: [i16; PENDING_MAX],
    pending_count: usize,
}

impl Resampler {
    /// A resampler whose past is silence.
    pub fn new(from_hz: u32, to_hz: u32) -> Result<Self, UnsupportedRatio> {
        Self::with_instruction_set(from_hz, to_hz, InstructionSet::detected())
    }

    /// The same with a chosen set of vector instructions, for tests and benchmarks: the output is the same.
    pub fn with_instruction_set(
        from_hz: u32,
        to_hz: u32,
        set: InstructionSet,
    ) -> Result<Self, UnsupportedRatio> {
        let filter = match (from_hz, to_hz) {
            (8_000, 16_000) | (24_000, 48_000) => &design::UP_2,
            (8_000, 24_000) | (16_000, 48_000) => &design::UP_3,
            (8_000, 48_000) => &design::UP_6,
            (16_000, 24_000) => &design::UP_3_DOWN_2,
            (16_000, 8_000) | (48_000, 24_000) => &design::DOWN_2,
            (24_000, 8_000) | (48_000, 16_000) => &design::DOWN_3,
            (48_000, 8_000) => &design::DOWN_6,
            (24_000, 16_000) => &design::UP_2_DOWN_3,
            _ => return Err(UnsupportedRatio { from_hz, to_hz }),
        };
        Ok(Self { from_hz, to_hz, bank: Bank::new(filter, set), pending: [0; _], pending_count: 0 })
    }

    /// Resamples `input` (any length), appends the output samples to `output` and returns how many were appended:
    /// [`output_length`](Self::output_length). Allocates only if `output` has no room for them.
    pub fn process(&mut self, input: &[i16], output: &mut Vec<i16>) -> usize {
        let start = output.len();
        output.resize(start + self.output_length(input.len()), 0);
        self.process_exactly(input, &mut output[start..])
    }

    /// Resamples `input` (any length) into the start of `output` and returns how many samples were written:
    /// [`output_length`](Self::output_length). If `output` is shorter than that, nothing has happened.
    pub fn process_into(&mut self, input: &[i16], output: &mut [i16]) -> Result<usize, OutputTooShort> {
        let needed = self.output_length(input.len());
        let length = output.len();
        let output = output.get_mut(..needed).ok_or(OutputTooShort { length, needed })?;
        Ok(self.process_exactly(input, output))
    }

    /// Ends the stream: appends the samples that are still inside the filter to `output`, returns how many
    /// they were, and starts anew with silence as the past.
    ///
    /// Process and flush together give at least as many samples as the input lasts, plus the delay.
    pub fn flush(&mut self, output: &mut Vec<i16>) -> usize {
        let silence = [0; BLOCK];
        let appended = self.process(&silence[..self.flush_length()], output);
        self.reset();
        appended
    }

    /// Forgets the past: the next input sample is the first of a new stream.
    pub fn reset(&mut self) {
        self.bank.reset();
        self.pending_count = 0;
    }

    /// How many output samples the next `input_length` input samples give; `usize::MAX` if that is more.
    pub const fn output_length(&self, input_length: usize) -> usize {
        (self.pending_count.saturating_add(input_length) / self.filter().down)
            .saturating_mul(self.filter().up)
    }

    /// The most output samples that `input_length` input samples can give, whatever came before; `usize::MAX` if that
    /// is more.
    pub const fn max_output(&self, input_length: usize) -> usize {
        input_length.div_ceil(self.filter().down).saturating_mul(self.filter().up)
    }

    /// The filter's delay in output samples: an input sample is heard that much later. With 8 kHz on one side it is
    /// at most 2.0 ms downwards and at most 2.1 ms upwards; the other ratios' delays are shorter as their rates are
    /// higher.
    /// An incomplete period waits in addition.
    pub const fn latency_samples(&self) -> usize {
        self.filter().latency()
    }

    /// The filter's gain (1 is unchanged) at `frequency_hz`. Above half of the lower rate it is what is left of an
    /// image at that frequency of the output, or of a tone of the input that becomes an alias.
    pub fn gain(&self, frequency_hz: f64) -> f64 {
        self.filter().gain(frequency_hz / (f64::from(self.from_hz) * self.filter().up as f64))
    }

    /// Rate of the input, in Hz.
    pub const fn input_hz(&self) -> u32 {
        self.from_hz
    }

    /// Rate of the output, in Hz.
    pub const fn output_hz(&self) -> u32 {
        self.to_hz
    }

    /// How many samples of silence push out what is inside the filter.
    pub(crate) const fn flush_length(&self) -> usize {
        let filter = self.filter();
        let rest = if self.pending_count == 0 { 0 } else { filter.down - self.pending_count };
        rest + filter.latency().div_ceil(filter.up) * filter.down
    }

    pub(super) const fn filter(&self) -> &'static Filter {
        self.bank.filter
    }

    /// The vector instructions in use.
    pub(crate) const fn instruction_set(&self) -> InstructionSet {
        self.bank.set
    }

    /// The filter at work, for who puts whole blocks into it.
    #[inline]
    pub(crate) fn bank(&mut self) -> &mut Bank {
        &mut self.bank
    }

    /// Filters `input` and shows the bank, with the number of periods in it, to `emit` after each block.
    #[inline]
    pub(crate) fn each_block(&mut self, mut input: &[i16], mut emit: impl FnMut(&mut Bank, usize)) {
        let down = self.filter().down;
        let mut run = |bank: &mut Bank, block: &[i16]| {
            let count = block.len() / down;
            bank.split(block, count);
            bank.run(count);
            emit(bank, count);
        };
        if self.pending_count > 0 {
            let missing = (down - self.pending_count).min(input.len());
            let (first, rest) = input.split_at(missing);
            let mut period = [0; PENDING_MAX + 1];
            period[..self.pending_count].copy_from_slice(&self.pending[..self.pending_count]);
            period[self.pending_count..][..missing].copy_from_slice(first);
            input = rest;
            if self.pending_count + missing < down {
                self.pending.copy_from_slice(&period[..PENDING_MAX]);
                self.pending_count += missing;
                return;
            }
            run(&mut self.bank, &period[..down]);
        }
        let (whole, rest) = input.split_at(input.len() - input.len() % down);
        for block in whole.chunks(BLOCK * down) {
            run(&mut self.bank, block);
        }
        self.pending[..rest.len()].copy_from_slice(rest);
        self.pending_count = rest.len();
    }

    /// `output` has room for exactly what `input` gives.
    fn process_exactly(&mut self, input: &[i16], output: &mut [i16]) -> usize {
        let up = self.filter().up;
        let mut written = 0;
        self.each_block(input, |bank, count| {
            bank.join(count, &mut output[written..][..count * up]);
            written += count * up;
        });
        written
    }
}

impl Resample for Resampler {
    fn process(&mut self, input: &[i16], output: &mut Vec<i16>) -> usize {
        self.process(input, output)
    }

    fn flush(&mut self, output: &mut Vec<i16>) -> usize {
        self.flush(output)
    }

    fn reset(&mut self) {
        self.reset();
    }

    fn latency_samples(&self) -> usize {
        self.latency_samples()
    }

    fn input_hz(&self) -> u32 {
        self.from_hz
    }

    fn output_hz(&self) -> u32 {
        self.to_hz
    }
}

impl std::fmt::Debug for Resampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resampler")
            .field("from_hz", &self.from_hz)
            .field("to_hz", &self.to_hz)
            .finish_non_exhaustive()
    }
}
