//! The resamplers' low-pass filters: `cargo run --example filter_response` prints what they do.
//!
//! Most ratios use the same continuous filter, a sinc under a Kaiser window, sampled more or less densely by the
//! compiler; its unit of time is one sample of the lower of the two rates. The sinc's zeros lie exactly on the samples
//! of the lower rate, so one phase of each filter is a single tap: between the samples it interpolates, on them it
//! changes nothing. At 8 kHz it passes up to 3.4 kHz and stops from 4.6 kHz on.
//!
//! To a third and a sixth of a rate the taps were searched instead ([`taps`](super::taps)): a shorter filter with the
//! same zeros and edges. Their taps are fine enough for that; with the fewer bits of the other ratios' taps, rounding
//! costs more than the search gains.
//!
//! A filter is dealt out to rows as the kernels want it. `down` input samples and the `up` output samples that
//! they make are a period. Stream `d` is made of the `d`-th sample of each period, and row `(u, d)` says what
//! stream `d` adds to the `u`-th output of a period.

#![forbid(unsafe_code)]

use core::f64::consts::PI;

use super::taps;

/// Length of the sinc to each side of its centre, in samples of the lower rate: 17 samples at 8 kHz are 2.1 ms.
const HALF_WIDTH: usize = 17;

/// The same of the filters that were searched: 1.9 ms at 8 kHz.
const SEARCHED_HALF_WIDTH: usize = 15;

/// Shape of the Kaiser window: `0.1102 * (attenuation - 8.7)` for 80 dB (Kaiser, 1974).
const BETA: f64 = 7.86;

/// How many samples of a stream one output sample sees, at most: the newest and 33 before it.
pub(super) const TAPS: usize = 2 * HALF_WIDTH;

/// Pairs of taps of a row that uses all of them.
pub(super) const ALL_PAIRS: usize = TAPS / 2;

/// Pairs of taps of a row of a filter that was searched.
pub(super) const SEARCHED_PAIRS: usize = SEARCHED_HALF_WIDTH;

/// Pairs of taps of a row whose stream shares one output's taps with one or two others.
pub(super) const HALF_THE_PAIRS: usize = ALL_PAIRS.div_ceil(2);

/// The sum of all streams has this many fractional bits, and a bit to spare before it overflows.
pub(super) const FRACTION_BITS: u32 = 14;

/// One ratio's filter.
#[derive(Debug)]
pub(super) struct Filter {
    /// Output samples per period.
    pub up: usize,
    /// Input samples per period.
    pub down: usize,
    /// Length to each side of the centre, in samples of the lower rate.
    half_width: usize,
    /// Fractional bits that the taps have beyond [`FRACTION_BITS`]; each stream's sum is shifted right by that many
    /// bits before the streams are added up, or full scale would overflow 32 bits.
    pub extra_bits: u32,
    /// `up * down` rows; those of one output follow each other.
    pub rows: &'static [Row],
}

/// What one stream adds to one output of a period.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// Position of the first pair's first sample, from the oldest of the [`TAPS`] samples on.
    pub first: usize,
    /// How many pairs of taps there are, from `first` on: all, those of a searched filter, about half, or one. All
    /// others are zero.
    pub pairs: usize,
    taps: [[i16; 2]; ALL_PAIRS],
    /// The same taps one sample later, for a kernel that makes an output from the pairs of the output before it.
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "only AVX-512 works so"))]
    later_taps: [[i16; 2]; ALL_PAIRS + 1],
}

/// From a rate to twice that rate.
pub(super) static UP_2: Filter = Filter::sinc(2, 1, 0, &sinc_rows::<2>(2, 1, 0));
/// From a rate to three times that rate.
pub(super) static UP_3: Filter = Filter::sinc(3, 1, 0, &sinc_rows::<3>(3, 1, 0));
/// From a rate to six times that rate.
pub(super) static UP_6: Filter = Filter::sinc(6, 1, 0, &sinc_rows::<6>(6, 1, 0));
/// From a rate to one and a half times that rate.
pub(super) static UP_3_DOWN_2: Filter = Filter::sinc(3, 2, 0, &sinc_rows::<6>(3, 2, 0));
/// From a rate to half that rate.
pub(super) static DOWN_2: Filter = Filter::sinc(1, 2, 1, &sinc_rows::<2>(1, 2, 1));
/// From a rate to a third of that rate.
pub(super) static DOWN_3: Filter = Filter::searched(3, 2, &searched_rows::<3>(&taps::DOWN_3));
/// From a rate to a sixth of that rate.
pub(super) static DOWN_6: Filter = Filter::searched(6, 3, &searched_rows::<6>(&taps::DOWN_6));
/// From a rate to two thirds of that rate.
pub(super) static UP_2_DOWN_3: Filter = Filter::sinc(2, 3, 1, &sinc_rows::<6>(2, 3, 1));

impl Row {
    const NONE: Self = Self { first: 0, pairs: ALL_PAIRS, taps: [[0; 2]; _], later_taps: [[0; 2]; _] };

    /// Drops the pairs of zeros at both ends, but for so many that the count is one that the kernels know.
    const fn trimmed(self) -> Self {
        let mut first = 0;
        while first < ALL_PAIRS - 1 && self.taps[first][0] == 0 && self.taps[first][1] == 0 {
            first += 1;
        }
        let mut end = ALL_PAIRS;
        while end > first + 1 && self.taps[end - 1][0] == 0 && self.taps[end - 1][1] == 0 {
            end -= 1;
        }
        let pairs = match end - first {
            1 => 1,
            2..=HALF_THE_PAIRS => HALF_THE_PAIRS,
            SEARCHED_PAIRS => SEARCHED_PAIRS,
            _ => ALL_PAIRS,
        };
        if first + pairs > ALL_PAIRS {
            first = ALL_PAIRS - pairs;
        }
        let (mut taps, mut later_taps) = ([[0; 2]; ALL_PAIRS], [[0; 2]; ALL_PAIRS + 1]);
        let mut pair = 0;
        while pair < pairs {
            let [older, newer] = self.taps[first + pair];
            taps[pair] = [older, newer];
            later_taps[pair][1] = older;
            later_taps[pair + 1][0] = newer;
            pair += 1;
        }
        Self { first: 2 * first, pairs, taps, later_taps }
    }

    /// By how much the row shifts the samples, from the oldest of the [`TAPS`] on, if that is all it does: upwards,
    /// where an output lies on an input.
    #[inline(always)]
    pub(super) fn delay(&self) -> Option<usize> {
        const UNITY: i16 = 1 << FRACTION_BITS;
        match self.taps() {
            [[UNITY, 0]] => Some(self.first),
            [[0, UNITY]] => Some(self.first + 1),
            _ => None,
        }
    }

    /// The pairs of taps; each belongs to two samples that follow each other, the older one first.
    #[inline(always)]
    pub(super) fn taps(&self) -> &[[i16; 2]] {
        &self.taps[..self.pairs]
    }

    /// The first pairs of taps; beyond the row's own they are zero.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub(super) fn first_taps<const PAIRS: usize>(&self) -> &[[i16; 2]] {
        &self.taps[..PAIRS]
    }

    /// Those pairs one sample later, and the one that they reach into.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub(super) fn first_later_taps<const PAIRS: usize>(&self) -> &[[i16; 2]] {
        &self.later_taps[..PAIRS + 1]
    }
}

impl Filter {
    const fn sinc(up: usize, down: usize, extra_bits: u32, rows: &'static [Row]) -> Self {
        Self { up, down, half_width: HALF_WIDTH, extra_bits, rows }
    }

    const fn searched(down: usize, extra_bits: u32, rows: &'static [Row]) -> Self {
        Self { up: 1, down, half_width: SEARCHED_HALF_WIDTH, extra_bits, rows }
    }

    /// The rows of one output of a period, one per stream.
    #[inline(always)]
    pub(super) fn output(&self, output: usize) -> &[Row] {
        &self.rows[output * self.down..][..self.down]
    }

    /// The delay in output samples.
    pub(super) const fn latency(&self) -> usize {
        latency(self.up, self.down, self.half_width)
    }

    /// The gain at `frequency`, a fraction of the rate at which the filter was sampled: the input's rate times `up`.
    pub(super) fn gain(&self, frequency: f64) -> f64 {
        let (mut real, mut imaginary) = (0.0, 0.0);
        for output in 0..self.up {
            for (stream, row) in self.output(output).iter().enumerate() {
                for (n, &tap) in row.taps().as_flattened().iter().enumerate() {
                    let n = row.first + n;
                    let position = position(self.up, self.down, self.half_width, output, stream, n);
                    let (sine, cosine) = (2.0 * PI * frequency * position as f64).sin_cos();
                    real += f64::from(tap) * cosine;
                    imaginary += f64::from(tap) * sine;
                }
            }
        }
        let unity = self.up as f64 * f64::from(1u32 << (FRACTION_BITS + self.extra_bits));
        real.hypot(imaginary) / unity
    }
}

const fn density(up: usize, down: usize) -> usize {
    if up > down { up } else { down }
}

/// The smallest whole number of output samples for which no output needs an input sample of a later period.
const fn latency(up: usize, down: usize, half_width: usize) -> usize {
    (half_width * density(up, down)).div_ceil(down) - 1
}

/// Where in the filter the `n`-th of [`TAPS`] samples of a stream stands for one output: 0 is the centre, the unit is
/// a sample of the rate that both rates divide.
const fn position(
    up: usize,
    down: usize,
    half_width: usize,
    output: usize,
    stream: usize,
    n: usize,
) -> isize {
    let sample = down as isize * (n as isize - (TAPS as isize - 1)) + stream as isize;
    sample * up as isize - (output * down) as isize + (latency(up, down, half_width) * down) as isize
}

/// Samples the continuous filter and rounds its taps; those of each output add up to exactly
/// `1 << (FRACTION_BITS + extra_bits)`, so a constant comes out unchanged.
const fn sinc_rows<const N: usize>(up: usize, down: usize, extra_bits: u32) -> [Row; N] {
    let mut rows = [Row::NONE; N];
    let mut output = 0;
    while output < up {
        let mut exact = [[0.0; TAPS]; N];
        let mut sum = 0.0;
        let mut n = 0;
        while n < TAPS * down {
            let (stream, tap) = (n / TAPS, n % TAPS);
            let position = position(up, down, HALF_WIDTH, output, stream, tap);
            exact[stream][tap] = response(position as f64 / density(up, down) as f64);
            sum += exact[stream][tap];
            n += 1;
        }
        let scale = (1u32 << (FRACTION_BITS + extra_bits)) as f64 / sum;
        let mut missing = 1i32 << (FRACTION_BITS + extra_bits);
        let mut n = 0;
        while n < TAPS * down {
            let (stream, tap) = (n / TAPS, n % TAPS);
            exact[stream][tap] *= scale;
            let rounded = exact[stream][tap].round() as i16;
            rows[output * down + stream].taps[tap / 2][tap % 2] = rounded;
            missing -= rounded as i32;
            n += 1;
        }
        // Rounding leaves the sum a few units off: the taps that were nearest to rounding the other way do.
        while missing != 0 {
            let step = missing.signum();
            let (mut best, mut best_gain) = (0, f64::NEG_INFINITY);
            let mut n = 0;
            while n < TAPS * down {
                let (stream, tap) = (n / TAPS, n % TAPS);
                let rounded = rows[output * down + stream].taps[tap / 2][tap % 2];
                let gain = (exact[stream][tap] - rounded as f64) * step as f64;
                if exact[stream][tap] != 0.0 && gain > best_gain {
                    (best, best_gain) = (n, gain);
                }
                n += 1;
            }
            let tap = best % TAPS;
            rows[output * down + best / TAPS].taps[tap / 2][tap % 2] += step as i16;
            missing -= step;
        }
        output += 1;
    }
    trimmed(rows)
}

/// Deals out the taps of a filter from a rate to an `N`-th of it. They are given from the centre outwards.
const fn searched_rows<const N: usize>(outwards: &[i16]) -> [Row; N] {
    let mut rows = [Row::NONE; N];
    let mut n = 0;
    while n < TAPS * N {
        let (stream, tap) = (n / TAPS, n % TAPS);
        let distance = position(1, N, SEARCHED_HALF_WIDTH, 0, stream, tap).unsigned_abs();
        if distance < outwards.len() {
            rows[stream].taps[tap / 2][tap % 2] = outwards[distance];
        }
        n += 1;
    }
    trimmed(rows)
}

const fn trimmed<const N: usize>(mut rows: [Row; N]) -> [Row; N] {
    let mut row = 0;
    while row < N {
        rows[row] = rows[row].trimmed();
        row += 1;
    }
    rows
}

/// The continuous filter's impulse response at `time` (in samples of the lower rate, 0 is the centre).
const fn response(time: f64) -> f64 {
    sinc(time) * kaiser(time / HALF_WIDTH as f64)
}

/// `sin(pi x) / (pi x)`, exactly zero at every whole number but 0.
const fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    // sin(pi x) = (-1)^n sin(pi (x - n)) for the integer n nearest to x; a Taylor series for what is left.
    let nearest = x.round();
    let angle = PI * (x - nearest);
    let mut term = angle;
    let mut sine = term;
    let mut n = 1.0;
    while n < 12.0 {
        term *= -angle * angle / (2.0 * n * (2.0 * n + 1.0));
        sine += term;
        n += 1.0;
    }
    let odd = nearest as i64 % 2 != 0;
    (if odd { -sine } else { sine }) / (PI * x)
}

/// The Kaiser window at `position` (-1 to 1, nothing outside).
const fn kaiser(position: f64) -> f64 {
    let inside = 1.0 - position * position;
    if inside <= 0.0 {
        return 0.0;
    }
    bessel_i0_of_root(BETA * BETA * inside) / bessel_i0_of_root(BETA * BETA)
}

/// `I0(sqrt(x))`, the modified Bessel function of order zero, by its power series in `x / 4`.
const fn bessel_i0_of_root(x: f64) -> f64 {
    let mut term = 1.0;
    let mut sum = 1.0;
    let mut n = 1.0;
    while term > 1e-12 * sum {
        term *= x / (4.0 * n * n);
        sum += term;
        n += 1.0;
    }
    sum
}
