//! How periodic the last 28 ms are: the sign of a voice, which noise and clicks do not have.
//!
//! Looked for at 4 kHz, between 0.2 and 2 kHz, in integers, which give the same on every machine.

use super::BLOCK;

/// Samples per block at 4 kHz.
const HALF_BLOCK: usize = BLOCK / 2;

/// Samples at 4 kHz that are compared with themselves one period earlier: 28 ms.
const WINDOW: usize = 112;

/// The longest period looked for, in samples at 4 kHz: 62.5 Hz. The shortest is 400 Hz.
const LONGEST: usize = 64;

/// The same at 2 kHz, where the search begins.
const COARSE_WINDOW: usize = WINDOW / 2;
const COARSE_PERIODS: std::ops::RangeInclusive<usize> = 5..=LONGEST / 2 - 1;
const COARSE_KEPT: usize = KEPT / 2;

/// Samples kept: the window and the longest period before it.
const KEPT: usize = WINDOW + LONGEST;

/// Samples at 8 kHz before a block that the half-band filter looks at.
const TAIL: usize = 6;

/// Samples of even number in a block with its tail.
const HALF_LINE: usize = (TAIL + BLOCK) / 2;

/// Samples at 4 kHz whose mean is taken away, 4 ms: what lies below 200 Hz goes with it.
const MEAN: usize = 16;

/// The magnitude to which samples are shifted down. Once whitened they are at most twice as large, and the sum of
/// [`WINDOW`] of their products stays below 2^31.
const SCALED_BITS: u32 = 11;

/// Whitening takes away at most so much of the sample before (of 256).
const WHITENING_MOST: f32 = 240.0;

/// The recent past of the voice band.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PitchDetector {
    tail: [i16; TAIL],
    /// The last samples at 4 kHz, of which the mean is taken.
    low: [i32; MEAN],
    recent: [i16; KEPT],
}

impl PitchDetector {
    pub(super) fn new() -> Self {
        Self { tail: [0; TAIL], low: [0; MEAN], recent: [0; KEPT] }
    }

    /// Takes the next block.
    #[inline(always)]
    pub(super) fn push(&mut self, block: &[i16; BLOCK]) {
        let mut line = [0i16; TAIL + BLOCK];
        line[..TAIL].copy_from_slice(&self.tail);
        line[TAIL..].copy_from_slice(block);
        self.tail.copy_from_slice(&block[BLOCK - TAIL..]);

        // Half-band filter (-1, 0, 9, 16, 9, 0, -1) / 32, by samples of even and odd number.
        let (mut even, mut odd) = ([0i32; HALF_LINE], [0i32; HALF_LINE]);
        for ((even, odd), pair) in even.iter_mut().zip(&mut odd).zip(line.as_chunks::<2>().0) {
            (*even, *odd) = (pair[0].into(), pair[1].into());
        }
        let mut low = [0i32; MEAN + HALF_BLOCK];
        low[..MEAN].copy_from_slice(&self.low);
        for n in 0..HALF_BLOCK {
            let (near, far) = (even[n + 1] + even[n + 2], even[n] + even[n + 3]);
            low[MEAN + n] = (16 * odd[n + 1] + 9 * near - far + 16) >> 5;
        }
        self.low.copy_from_slice(&low[HALF_BLOCK..]);

        self.recent.copy_within(HALF_BLOCK.., 0);
        let mut sums = [0i32; HALF_BLOCK];
        let mut sum: i32 = low[..MEAN].iter().sum();
        for (n, to) in sums.iter_mut().enumerate() {
            sum += low[n + MEAN] - low[n];
            *to = sum;
        }
        let newest = &mut self.recent[KEPT - HALF_BLOCK..];
        for n in 0..HALF_BLOCK {
            let voice = low[n + MEAN / 2] - (sums[n] >> MEAN.ilog2());
            newest[n] = (voice >> 1).clamp(i16::MIN.into(), i16::MAX.into()) as i16;
        }
    }

    /// The normalised correlation of the last 28 ms with what came one period earlier, for the period
    /// that fits best: 1 for a periodic signal, around 0.3 for noise.
    ///
    /// The two periods that fit best at 2 kHz are looked at more closely at 4 kHz.
    #[inline(always)]
    pub(super) fn periodicity(&self) -> f32 {
        let mut magnitude = 0;
        for sample in &self.recent {
            magnitude |= sample.unsigned_abs();
        }
        let shift = (16 - magnitude.leading_zeros()).saturating_sub(SCALED_BITS);
        let mut scaled = self.recent;
        for sample in &mut scaled {
            *sample >>= shift;
        }
        let scaled = whitened(&scaled);
        let mut coarse = [0i16; COARSE_KEPT];
        for (to, pair) in coarse.iter_mut().zip(scaled.as_chunks::<2>().0) {
            *to = (pair[0] + pair[1]) >> 1;
        }
        let [first, second] = coarse_periods(&coarse);

        let now = &scaled[KEPT - WINDOW..];
        let energy = correlate(now, now);
        let mut best = 0.0f32;
        for period in [2 * first - 1, 2 * first, 2 * first + 1, 2 * second - 1, 2 * second, 2 * second + 1] {
            let earlier = &scaled[KEPT - WINDOW - period..KEPT - period];
            best = best.max(fit(correlate(now, earlier), correlate(earlier, earlier)));
        }
        if energy > 0 { (best / energy as f32).sqrt().min(1.0) } else { 0.0 }
    }
}

/// The samples less what each has in common with the one before: a rumble resembles itself a period later for being
/// low, not for being a voice.
#[inline(always)]
fn whitened(samples: &[i16; KEPT]) -> [i16; KEPT] {
    let energy = correlate(&samples[KEPT - WINDOW..], &samples[KEPT - WINDOW..]).max(1);
    let common = correlate(&samples[KEPT - WINDOW..], &samples[KEPT - WINDOW - 1..KEPT - 1]);
    let factor = (256.0 * common as f32 / energy as f32).clamp(0.0, WHITENING_MOST) as i32;
    let mut white = [0i16; KEPT];
    for n in 1..KEPT {
        white[n] = (i32::from(samples[n]) - ((factor * i32::from(samples[n - 1])) >> 8)) as i16;
    }
    white
}

/// The two periods that fit best at 2 kHz, which are not neighbours.
#[inline(always)]
fn coarse_periods(samples: &[i16; COARSE_KEPT]) -> [usize; 2] {
    let now = &samples[COARSE_KEPT - COARSE_WINDOW..];
    let mut fits = [0.0f32; LONGEST / 2];
    for period in COARSE_PERIODS {
        let earlier = &samples[COARSE_KEPT - COARSE_WINDOW - period..COARSE_KEPT - period];
        fits[period] = fit(correlate(now, earlier), correlate(earlier, earlier));
    }
    let best = |fits: &[f32; LONGEST / 2]| {
        COARSE_PERIODS.fold(
            *COARSE_PERIODS.start(),
            |best, period| if fits[period] > fits[best] { period } else { best },
        )
    };
    let first = best(&fits);
    fits[first - 1..(first + 2).min(LONGEST / 2)].fill(0.0);
    [first, best(&fits)]
}

/// How much of the energy one period earlier is found again: the squared correlation over that energy.
#[inline(always)]
fn fit(product: i32, earlier_energy: i32) -> f32 {
    if product > 0 {
        let product = product as f32;
        product * product / earlier_energy as f32
    } else {
        0.0
    }
}

#[inline(always)]
fn correlate(left: &[i16], right: &[i16]) -> i32 {
    left.iter().zip(right).map(|(&left, &right)| i32::from(left) * i32::from(right)).sum()
}
