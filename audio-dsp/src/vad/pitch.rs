//! How periodic the last 28 ms are: the sign of a voice, which noise and clicks do not have.
//!
//! Looked for at 4 kHz, between 0.2 and 2 kHz, in integers, which give the same on every machine.

#![forbid(unsafe_code)]

use super::BLOCK;
use super::kernel::Products;

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
    pub(super) fn periodicity(&self, products: impl Products) -> f32 {
        let mut magnitude = 0;
        for sample in &self.recent {
            magnitude |= sample.unsigned_abs();
        }
        let shift = (16 - magnitude.leading_zeros()).saturating_sub(SCALED_BITS);
        let mut scaled = self.recent;
        for sample in &mut scaled {
            *sample >>= shift;
        }
        let scaled = whitened(products, &scaled);
        let mut coarse = [0i16; COARSE_KEPT];
        for (to, pair) in coarse.iter_mut().zip(scaled.as_chunks::<2>().0) {
            *to = (pair[0] + pair[1]) >> 1;
        }
        let [first, second] = coarse_periods(products, &coarse);

        let now = earlier::<WINDOW>(&scaled, 0);
        let energy = products.sum(now, now);
        let mut best = 0.0f32;
        for around in [2 * first, 2 * second] {
            let mut earlier_energy = EarlierEnergy::<WINDOW>::new(products, &scaled, around - 1);
            for period in around - 1..=around + 1 {
                let product = products.sum(now, earlier(&scaled, period));
                best = best.max(fit(product, earlier_energy.next()));
            }
        }
        if energy > 0 { (best / energy as f32).sqrt().min(1.0) } else { 0.0 }
    }
}

/// The samples less what each has in common with the one before: a rumble resembles itself a period later for being
/// low, not for being a voice.
#[inline(always)]
fn whitened(products: impl Products, samples: &[i16; KEPT]) -> [i16; KEPT] {
    let now = earlier::<WINDOW>(samples, 0);
    let energy = products.sum(now, now).max(1);
    let common = products.sum(now, earlier(samples, 1));
    let factor = (256.0 * common as f32 / energy as f32).clamp(0.0, WHITENING_MOST) as i32;
    let mut white = [0i16; KEPT];
    for n in 1..KEPT {
        white[n] = (i32::from(samples[n]) - ((factor * i32::from(samples[n - 1])) >> 8)) as i16;
    }
    white
}

/// The two periods that fit best at 2 kHz, which are not neighbours.
#[inline(always)]
fn coarse_periods(products: impl Products, samples: &[i16; COARSE_KEPT]) -> [usize; 2] {
    let now = earlier::<COARSE_WINDOW>(samples, 0);
    let (mut common, mut energies) = ([0; LONGEST / 2], [0; LONGEST / 2]);
    let mut earlier_energy = EarlierEnergy::<COARSE_WINDOW>::new(products, samples, *COARSE_PERIODS.start());
    for period in COARSE_PERIODS {
        common[period] = products.sum(now, earlier(samples, period));
        energies[period] = earlier_energy.next();
    }
    // Floats that are not negative are in the order of their bits, and integers are compared many at a time.
    let mut fits = [0; LONGEST / 2];
    for ((to, common), energy) in fits.iter_mut().zip(common).zip(energies) {
        *to = fit(common, energy).to_bits();
    }
    let best = |fits: &[u32; LONGEST / 2]| {
        let most = fits.iter().fold(0, |most, &fit| most.max(fit));
        let first = fits[*COARSE_PERIODS.start()..].iter().position(|&fit| fit == most);
        COARSE_PERIODS.start() + first.unwrap_or(0)
    };
    let first = best(&fits);
    fits[first - 1..(first + 2).min(LONGEST / 2)].fill(0);
    [first, best(&fits)]
}

/// The energy of the window that lies one period before the newest samples, for one period after the other: a longer
/// period's window has one sample more at its start and one less at its end.
struct EarlierEnergy<'a, const N: usize> {
    samples: &'a [i16],
    period: usize,
    energy: i32,
}

impl<'a, const N: usize> EarlierEnergy<'a, N> {
    #[inline(always)]
    fn new(products: impl Products, samples: &'a [i16], period: usize) -> Self {
        let window = earlier::<N>(samples, period);
        Self { samples, period, energy: products.sum(window, window) }
    }

    /// The energy for this period; moves on to the next longer one.
    #[inline(always)]
    fn next(&mut self) -> i32 {
        let energy = self.energy;
        let end = self.samples.len() - self.period;
        let square =
            |n: usize| self.samples.get(n).map_or(0, |&sample| i32::from(sample) * i32::from(sample));
        // Beyond the longest period there is no sample before the window, and no next one is asked for.
        self.energy += square((end - N).wrapping_sub(1)) - square(end - 1);
        self.period += 1;
        energy
    }
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

/// The window that ends `period` samples before the end.
#[inline(always)]
fn earlier<const N: usize>(samples: &[i16], period: usize) -> &[i16; N] {
    let Some(window) = samples[..samples.len() - period].last_chunk() else {
        unreachable!("more samples are kept than the window and the longest period")
    };
    window
}
