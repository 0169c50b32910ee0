//! How periodic the last 28 ms are: the sign of a voice, which noise and clicks do not have.

use super::bands::HALF_BLOCK;

/// Samples at 4 kHz that are compared with themselves one period earlier: 28 ms.
const WINDOW: usize = 112;

/// The shortest and the longest period looked for, in samples at 4 kHz: 400 Hz and 62.5 Hz.
const PERIODS: std::ops::RangeInclusive<usize> = 10..=64;

/// Samples kept: the window and the longest period before it.
const KEPT: usize = WINDOW + 64;

/// The loudest sample is scaled to this before samples are multiplied in integers, so that the sum of
/// [`WINDOW`] products fits into 32 bits.
const SCALED_PEAK: f32 = 4_000.0;

/// The recent past of the voice band.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PitchDetector {
    recent: [f32; KEPT],
}

impl PitchDetector {
    pub(super) fn new() -> Self {
        Self { recent: [0.0; KEPT] }
    }

    /// Takes the next block of the voice band.
    pub(super) fn push(&mut self, block: &[f32; HALF_BLOCK]) {
        self.recent.copy_within(HALF_BLOCK.., 0);
        self.recent[KEPT - HALF_BLOCK..].copy_from_slice(block);
    }

    /// The normalised correlation of the last 28 ms with what came one period earlier, for the period
    /// that fits best: 1 for a periodic signal, around 0.3 for noise.
    pub(super) fn periodicity(&self) -> f32 {
        let peak = self.recent.iter().fold(1.0f32, |peak, sample| peak.max(sample.abs()));
        let scale = SCALED_PEAK / peak;
        let mut scaled = [0i16; KEPT];
        for (to, from) in scaled.iter_mut().zip(&self.recent) {
            *to = (from * scale) as i16;
        }
        let now = &scaled[KEPT - WINDOW..];
        let energy = correlate(now, now);
        let shortest = &scaled[KEPT - WINDOW - PERIODS.start()..KEPT - PERIODS.start()];
        let mut earlier_energy = correlate(shortest, shortest);
        let mut best = 0.0f32;
        for period in PERIODS {
            let (first, after) = (KEPT - WINDOW - period, KEPT - period);
            let product = correlate(now, &scaled[first..after]);
            if product > 0 {
                let product = product as f32;
                best = best.max(product * product / earlier_energy as f32);
            }
            // One sample further back: one square comes in at the front, one leaves at the end.
            if first > 0 {
                earlier_energy += square(scaled[first - 1]) - square(scaled[after - 1]);
            }
        }
        if energy > 0 { (best / energy as f32).sqrt() } else { 0.0 }
    }
}

fn square(sample: i16) -> i32 {
    i32::from(sample) * i32::from(sample)
}

fn correlate(left: &[i16], right: &[i16]) -> i32 {
    left.iter().zip(right).map(|(&left, &right)| i32::from(left) * i32::from(right)).sum()
}
