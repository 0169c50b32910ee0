//! The resamplers' low-pass filters, computed by the compiler.
//!
//! Every ratio uses the same continuous filter, a sinc under a Kaiser window, sampled more or less
//! densely; its unit of time is one sample of the lower of the two rates, its unit of frequency that
//! lower rate. At 8 kHz it passes up to 3.4 kHz and stops from 4.6 kHz on.

use core::f64::consts::PI;

/// Length of the filter to each side of its centre, in samples of the lower rate. It is the delay:
/// 16 samples at 8 kHz are 2 ms.
pub(super) const HALF_WIDTH: usize = 16;

/// Middle of the transition band, as a fraction of the lower rate (3.93 kHz at 8 kHz). It lies
/// below the half because the pass band may ripple by 0.05 dB, while the stop band must start 75 dB down.
const CUTOFF: f64 = 0.491;

/// Shape of the Kaiser window; `0.1102 * (attenuation - 8.7)` for 81 dB (Kaiser, 1974).
const BETA: f64 = 8.0;

/// One ratio's filter, split into phases, as integer taps.
#[derive(Debug)]
pub(super) struct Filter {
    /// Output samples per `down` input samples; also the number of phases.
    pub up: usize,
    /// Input samples per `up` output samples.
    pub down: usize,
    /// Filter taps per phase: how many input samples go into one output sample.
    pub taps_per_phase: usize,
    /// `taps_per_phase` taps for each phase in turn, each in the order of the input samples (oldest first).
    pub taps: &'static [i16],
    /// The taps of each phase add up to exactly `1 << shift`.
    pub shift: u32,
}

/// From a rate to twice that rate.
pub(super) static UP_2: Filter = Filter::new(2, 1, &phases::<64>(2, 15), 15);
/// From a rate to three times that rate.
pub(super) static UP_3: Filter = Filter::new(3, 1, &phases::<96>(3, 15), 15);
/// From a rate to six times that rate.
pub(super) static UP_6: Filter = Filter::new(6, 1, &phases::<192>(6, 15), 15);
/// From a rate to one and a half times that rate.
pub(super) static UP_3_DOWN_2: Filter = Filter::new(3, 2, &phases::<96>(3, 15), 15);
/// From a rate to half that rate.
pub(super) static DOWN_2: Filter = Filter::new(1, 2, &phases::<64>(1, 16), 16);
/// From a rate to a third of that rate.
pub(super) static DOWN_3: Filter = Filter::new(1, 3, &phases::<96>(1, 16), 16);
/// From a rate to a sixth of that rate.
pub(super) static DOWN_6: Filter = Filter::new(1, 6, &phases::<192>(1, 17), 17);
/// From a rate to two thirds of that rate.
pub(super) static UP_2_DOWN_3: Filter = Filter::new(2, 3, &phases::<96>(2, 15), 15);

impl Filter {
    const fn new(up: usize, down: usize, taps: &'static [i16], shift: u32) -> Self {
        Self { up, down, taps_per_phase: taps.len() / up, taps, shift }
    }

    /// The taps of one phase.
    pub(super) fn phase(&self, phase: usize) -> &[i16] {
        &self.taps[phase * self.taps_per_phase..][..self.taps_per_phase]
    }
}

/// Samples the continuous filter `N / (2 * HALF_WIDTH)` times per sample of the lower rate and deals the
/// taps out to `count` phases, each adding up to exactly `1 << shift`: a constant comes out of every phase
/// unchanged.
const fn phases<const N: usize>(count: usize, shift: u32) -> [i16; N] {
    let per_phase = N / count;
    let density = (N / (2 * HALF_WIDTH)) as f64;
    let mut taps = [0; N];
    let mut phase = 0;
    while phase < count {
        let mut exact = [0.0; N];
        let mut sum = 0.0;
        let mut tap = 0;
        while tap < per_phase {
            let oldest_first = per_phase - 1 - tap;
            exact[oldest_first] = response((phase + tap * count) as f64 / density - HALF_WIDTH as f64);
            sum += exact[oldest_first];
            tap += 1;
        }
        let scale = (1u32 << shift) as f64 / sum;
        let mut missing = 1i32 << shift;
        let mut tap = 0;
        while tap < per_phase {
            exact[tap] *= scale;
            taps[phase * per_phase + tap] = exact[tap].round() as i16;
            missing -= taps[phase * per_phase + tap] as i32;
            tap += 1;
        }
        // Rounding leaves the sum a few units off: the taps that were nearest to rounding the other way do.
        while missing != 0 {
            let step = missing.signum();
            let mut best = 0;
            let mut best_gain = f64::NEG_INFINITY;
            let mut tap = 0;
            while tap < per_phase {
                let gain = (exact[tap] - taps[phase * per_phase + tap] as f64) * step as f64;
                if gain > best_gain {
                    best = tap;
                    best_gain = gain;
                }
                tap += 1;
            }
            taps[phase * per_phase + best] += step as i16;
            missing -= step;
        }
        phase += 1;
    }
    taps
}

/// The continuous filter's impulse response at `time` (in samples of the lower rate, 0 is the centre).
const fn response(time: f64) -> f64 {
    sinc(2.0 * CUTOFF * time) * kaiser(time / HALF_WIDTH as f64)
}

/// `sin(pi x) / (pi x)`.
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
