//! How loud each of eight bands is in the last 16 ms of telephone audio, once per block of 10 ms.
//!
//! The lines of the last 128 samples under a Hann window, 125 Hz apart: every second line of their discrete Fourier
//! transform, which needs the samples folded once, to 64. Cosines and sines are symmetrical, so they are folded twice
//! more before they are multiplied, to 16. The operations are done one by one in a fixed order, many lines at a time,
//! so that every machine gives the same.

#![forbid(unsafe_code)]

use super::BLOCK;

/// The bands, from low to high, in lines of 125 Hz: 250 and 375 Hz, 500 and 625 Hz, and so on up to 3,375 Hz.
/// Hum lies below the lowest, the telephone's upper edge above the highest.
const BANDS: [(usize, usize); COUNT] =
    [(2, 4), (4, 6), (6, 8), (8, 11), (11, 14), (14, 18), (18, 22), (22, 28)];

/// Bands.
pub(super) const COUNT: usize = 8;

/// Samples under the window: 16 ms.
const WINDOW: usize = 128;

/// Points of the transform.
const POINTS: usize = WINDOW / 2;

/// The transform's points after two more folds, and the point in the middle of the first.
const TERMS: usize = POINTS / 4;
const MIDDLE: usize = POINTS / 2;

/// The first line needed; from there on 32, of which the last are not needed but make the sums even.
const FIRST_LINE: usize = 2;
const LINES: usize = 32;

/// Lines of even number, and as many of odd number.
const HALF_LINES: usize = LINES / 2;

/// Lines that are summed side by side.
const LANES: usize = 8;

/// Turns the squares of a band's lines into its mean square. Two sides, every second line, 128 points, and the
/// window's own mean square of 3/8.
const LINE_POWER: f32 = 4.0 / (WINDOW as f32 * WINDOW as f32 * 0.375);

/// Added to each band's power lest its logarithm be infinite: far below mu-law's own rounding.
const LEAST_POWER: f32 = 1e-2;

/// The Hann window.
static HANN: [f32; WINDOW] = {
    let mut window = [0.0; WINDOW];
    let mut n = 0;
    while n < WINDOW {
        window[n] = (0.5 - 0.5 * cosine(n as f64 / WINDOW as f64)) as f32;
        n += 1;
    }
    window
};

/// By term, then by line: cosines of the even and of the odd lines, and their sines.
static EVEN_COSINES: [[f32; HALF_LINES]; TERMS] = factors(0, 0.0);
static ODD_COSINES: [[f32; HALF_LINES]; TERMS] = factors(1, 0.0);
static EVEN_SINES: [[f32; HALF_LINES]; TERMS] = factors(0, 0.75);
static ODD_SINES: [[f32; HALF_LINES]; TERMS] = factors(1, 0.75);

const fn factors(first: usize, turns: f64) -> [[f32; HALF_LINES]; TERMS] {
    let mut rows = [[0.0; HALF_LINES]; TERMS];
    let mut n = 0;
    while n < TERMS {
        let mut line = 0;
        while line < HALF_LINES {
            // Term 0 of the table is the transform's point 1: what is left over is added apart.
            let angle = ((FIRST_LINE + first + 2 * line) * (n + 1) % POINTS) as f64 / POINTS as f64;
            rows[n][line] = cosine(angle + turns) as f32;
            line += 1;
        }
        n += 1;
    }
    rows
}

/// The cosine of an angle in whole turns, 0 to 2, by its power series, since the tables are made at compile time.
const fn cosine(turns: f64) -> f64 {
    let turns = turns - turns as i64 as f64;
    // The half turn nearest to zero, where the series converges quickly.
    let angle = (turns - 0.5) * std::f64::consts::TAU;
    let (mut term, mut sum, mut n) = (1.0, 1.0, 1.0);
    while n < 40.0 {
        term *= -angle * angle / (n * (n + 1.0));
        sum += term;
        n += 2.0;
    }
    -sum
}

/// The samples that the next window needs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spectrum {
    recent: [i16; WINDOW],
}

impl Spectrum {
    pub(super) fn new() -> Self {
        Self { recent: [0; WINDOW] }
    }

    /// Takes the next block; gives the power of each band at its end, as mean square in squared sample units.
    #[inline(always)]
    pub(super) fn powers(&mut self, block: &[i16; BLOCK]) -> [f32; COUNT] {
        self.recent.copy_within(BLOCK.., 0);
        self.recent[WINDOW - BLOCK..].copy_from_slice(block);
        let folded = Folded::of(&self.recent);
        let even =
            squares(folded.ends + folded.middle, &folded.even, &EVEN_COSINES, &folded.even_odd, &EVEN_SINES);
        let odd =
            squares(folded.ends - folded.middle, &folded.odd, &ODD_COSINES, &folded.odd_odd, &ODD_SINES);
        let mut powers = [0.0f32; COUNT];
        for (power, (from, to)) in powers.iter_mut().zip(BANDS) {
            for line in from - FIRST_LINE..to - FIRST_LINE {
                *power += if line % 2 == 0 { even[line / 2] } else { odd[line / 2] };
            }
            *power = *power * LINE_POWER + LEAST_POWER;
        }
        powers
    }
}

/// The samples under the window, folded until each cosine and sine is needed for a quarter of a turn only.
struct Folded {
    /// Point 0, whose factor is 1 in all lines, and the point in the middle, whose factor is 1 in even lines and -1 in
    /// odd ones.
    ends: f32,
    middle: f32,
    /// What the cosines of even and odd lines are multiplied with.
    even: [f32; TERMS],
    odd: [f32; TERMS],
    /// What their sines are multiplied with.
    even_odd: [f32; TERMS],
    odd_odd: [f32; TERMS],
}

impl Folded {
    #[inline(always)]
    fn of(samples: &[i16; WINDOW]) -> Self {
        let mut points = [0.0f32; POINTS];
        for (n, point) in points.iter_mut().enumerate() {
            *point = f32::from(samples[n]) * HANN[n] + f32::from(samples[n + POINTS]) * HANN[n + POINTS];
        }
        // cos(k (64 - n)) = cos(k n), and the sine is its negative.
        let (mut sum, mut difference) = ([0.0f32; MIDDLE], [0.0f32; MIDDLE]);
        for n in 1..MIDDLE {
            sum[n] = points[n] + points[POINTS - n];
            difference[n] = points[n] - points[POINTS - n];
        }
        let mut folded = Self {
            ends: points[0],
            middle: points[MIDDLE],
            even: [0.0; TERMS],
            odd: [0.0; TERMS],
            even_odd: [0.0; TERMS],
            odd_odd: [0.0; TERMS],
        };
        // cos(k (32 - n)) = cos(k n) in even lines and its negative in odd ones; with the sine it is the other way.
        for n in 1..TERMS {
            folded.even[n - 1] = sum[n] + sum[MIDDLE - n];
            folded.odd[n - 1] = sum[n] - sum[MIDDLE - n];
            folded.even_odd[n - 1] = difference[n] - difference[MIDDLE - n];
            folded.odd_odd[n - 1] = difference[n] + difference[MIDDLE - n];
        }
        // The quarter has no partner.
        for (last, quarter) in [
            (&mut folded.even, sum[TERMS]),
            (&mut folded.odd, sum[TERMS]),
            (&mut folded.even_odd, difference[TERMS]),
            (&mut folded.odd_odd, difference[TERMS]),
        ] {
            last[TERMS - 1] = quarter;
        }
        folded
    }
}

/// The squared magnitudes of the lines of one half.
#[inline(always)]
fn squares(
    constant: f32,
    symmetric: &[f32; TERMS],
    cosines: &[[f32; HALF_LINES]; TERMS],
    antisymmetric: &[f32; TERMS],
    sines: &[[f32; HALF_LINES]; TERMS],
) -> [f32; HALF_LINES] {
    let groups = HALF_LINES / LANES;
    let mut squares = [0.0; HALF_LINES];
    for group in 0..groups {
        let lines = group * LANES..(group + 1) * LANES;
        let (mut real, mut imaginary) = ([constant; LANES], [0.0f32; LANES]);
        for (factor, row) in symmetric.iter().zip(cosines) {
            for (sum, cosine) in real.iter_mut().zip(&row[lines.clone()]) {
                *sum += factor * cosine;
            }
        }
        for (factor, row) in antisymmetric.iter().zip(sines) {
            for (sum, sine) in imaginary.iter_mut().zip(&row[lines.clone()]) {
                *sum += factor * sine;
            }
        }
        for ((square, real), imaginary) in squares[lines].iter_mut().zip(real).zip(imaginary) {
            *square = real * real + imaginary * imaginary;
        }
    }
    squares
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, COUNT, Spectrum};

    /// The powers of a settled tone of amplitude 1,000, relative to its mean square, in dB.
    fn tone_db(tone_hz: f64) -> [f64; COUNT] {
        let mut spectrum = Spectrum::new();
        let mut sums = [0.0; COUNT];
        for block in 0..60 {
            let samples: [i16; BLOCK] = std::array::from_fn(|n| {
                let time = (block * BLOCK + n) as f64 / 8_000.0;
                (1_000.0 * (std::f64::consts::TAU * tone_hz * time).sin()).round() as i16
            });
            let powers = spectrum.powers(&samples);
            if block >= 10 {
                sums = std::array::from_fn(|band| sums[band] + f64::from(powers[band]) / 50.0);
            }
        }
        sums.map(|power| 10.0 * (power / 500_000.0).log10())
    }

    #[test]
    fn each_band_holds_its_tones() {
        let tones = [300.0, 560.0, 820.0, 1_130.0, 1_500.0, 1_950.0, 2_400.0, 3_100.0];
        for (band, tone_hz) in tones.into_iter().enumerate() {
            let powers = tone_db(tone_hz);
            assert!(powers[band].abs() < 2.5, "{tone_hz} Hz: {powers:?}");
            for (other, power) in powers.into_iter().enumerate() {
                assert!(other == band || power < -12.0, "{tone_hz} Hz in band {other}: {powers:?}");
            }
        }
    }

    #[test]
    fn mains_hum_and_offset_fall_below_the_lowest_band() {
        for tone_hz in [0.0, 1.0, 50.0, 60.0, 100.0] {
            let powers = tone_db(tone_hz);
            assert!(powers.iter().all(|&power| power < -25.0), "{tone_hz} Hz: {powers:?}");
        }
    }

    #[test]
    fn after_a_signal_silence_becomes_exact_silence() {
        let mut spectrum = Spectrum::new();
        spectrum.powers(&[i16::MIN; BLOCK]);
        let silent: Vec<_> = (0..3).map(|_| spectrum.powers(&[0; BLOCK])).collect();
        assert_eq!(silent[2], [super::LEAST_POWER; COUNT]);
    }
}
