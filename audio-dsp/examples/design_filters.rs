//! Designs the resamplers' filters whose taps are searched, and writes them into `src/resample/taps.rs`:
//! `cargo run --release -p audio-dsp --example design_filters`. Every run makes the same taps; with `-- --check` nothing
//! is written, and it fails if the file says anything else.
//!
//! A sinc under a window spends taps on frequencies where nobody needs them. Downwards by a whole number, where the
//! taps have 16 bits and more, a filter that is as even as can be over the stop band is 15 instead of 17 samples of
//! the lower rate long to each side. It is made in two steps:
//!
//! 1. The taps whose largest gain in the stop band is least, by least squares whose weights grow where the gain is
//!    large (Lawson's iteration).
//! 2. Rounding them to integers adds 6 dB. Changing one or two of them by one, again and again as long as that
//!    helps, and starting over from the best with a few changed at random, takes most of it away.
//!
//! As with the sinc, every tap that lies on a sample of the lower rate is zero but for the one in the centre. So the
//! gains at a frequency and at its aliases add up to a constant, and the pass band is as flat as the stop band is low.

use std::f64::consts::TAU;
use std::fmt::Write as _;
use std::path::Path;

/// Where the generated taps belong.
const FILE: &str = "src/resample/taps.rs";

/// Length of a filter to each side of its centre, in samples of the lower rate.
const HALF_WIDTH: usize = 15;

/// The stop band's lower edge, in cycles per sample of the lower rate: 4.6 kHz at 8 kHz.
const STOP: f64 = 0.575;

/// The pass band's upper edge: 3.4 kHz at 8 kHz.
const PASS: f64 = 0.425;

/// Frequencies looked at for each lobe of the stop band.
const STEPS_PER_LOBE: usize = 16;

/// Rounds of Lawson's iteration.
const ROUNDS: usize = 300;

/// How often the search starts over from the best taps with some changed at random.
const RESTARTS: usize = 150;

/// Taps that are changed at random.
const KICKS: usize = 3;

/// A filter to be designed: from a rate to one `down`-th of it, with integer taps that add up to `1 << bits`.
struct Specification {
    name: &'static str,
    what: &'static str,
    down: usize,
    bits: u32,
}

const FILTERS: [Specification; 2] = [
    Specification {
        name: "DOWN_3",
        what: "From a rate to a third of it, 16 fractional bits.",
        down: 3,
        bits: 16,
    },
    Specification {
        name: "DOWN_6",
        what: "From a rate to a sixth of it, 17 fractional bits.",
        down: 6,
        bits: 17,
    },
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let check = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--check") => true,
        Some(_) => return Err("usage: design_filters [--check]".into()),
    };
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let text = designed();
    if !check {
        std::fs::write(&file, text)?;
    } else if std::fs::read_to_string(&file)? != text {
        return Err(format!("{FILE} is not what this program makes").into());
    }
    Ok(())
}

/// Designs all filters, prints their responses and gives the file's text.
fn designed() -> String {
    let mut text = String::from(
        "//! Taps that were searched, from the centre outwards: a filter is symmetrical. Written by\n\
         //! `cargo run --release -p audio-dsp --example design_filters`, which says what they are.\n\n\
         #![forbid(unsafe_code)]\n",
    );
    for filter in &FILTERS {
        let problem = Problem::new(filter.down, STEPS_PER_LOBE);
        let unity = f64::from(1u32 << filter.bits);
        let exact: Vec<f64> = problem.minimax().iter().map(|tap| tap * unity).collect();
        let rounded: Vec<f64> = exact.iter().map(|tap| tap.round()).collect();
        let searched = problem.searched(&rounded, unity);
        println!("{} ({})", filter.name, filter.what);
        for (name, taps) in [("exact", &exact), ("rounded", &rounded), ("searched", &searched)] {
            let (stop_db, pass_db) = response_db(filter.down, &problem.outwards(taps, unity));
            println!("  {name:8} stop band {stop_db:6.2} dB, pass band ±{pass_db:.4} dB");
        }
        write_taps(&mut text, filter, &problem.outwards(&searched, unity));
    }
    text
}

fn write_taps(text: &mut String, filter: &Specification, taps: &[f64]) {
    const PER_LINE: usize = 15;
    // Writing into a string cannot fail.
    let _ = write!(
        text,
        "\n/// {}\n#[rustfmt::skip]\npub(super) static {}: [i16; {}] = [\n",
        filter.what,
        filter.name,
        taps.len()
    );
    for line in taps.chunks(PER_LINE) {
        let line: Vec<String> = line.iter().map(f64::to_string).collect();
        let _ = writeln!(text, "    {},", line.join(", "));
    }
    text.push_str("];\n");
}

/// The largest gain in the stop band and the largest departure from 1 in the pass band, of taps from the centre
/// outwards.
fn response_db(down: usize, outwards: &[f64]) -> (f64, f64) {
    const STEPS: usize = 20_000;
    let unity = outwards[0] + 2.0 * outwards[1..].iter().sum::<f64>();
    let gain = |frequency: f64| {
        let turn = TAU * frequency / down as f64;
        let sides = outwards[1..].iter().zip(1..).map(|(tap, n)| 2.0 * tap * (turn * f64::from(n)).cos());
        (outwards[0] + sides.sum::<f64>()) / unity
    };
    let decibels = |gain: f64| 20.0 * gain.abs().log10();
    let steps =
        |from: f64, to: f64| (0..=STEPS).map(move |step| from + (to - from) * step as f64 / STEPS as f64);
    let stop = steps(STOP, down as f64 / 2.0).map(|frequency| decibels(gain(frequency)));
    let pass = steps(0.0, PASS).map(|frequency| decibels(gain(frequency)).abs());
    (stop.fold(f64::NEG_INFINITY, f64::max), pass.fold(0.0, f64::max))
}

/// What is to be made small: the gains at many frequencies of the stop band. They are one plus the sum of each
/// free tap times its row of `effects`; the tap in the centre makes up for the others, so that all add up to one.
struct Problem {
    /// Distances of the free taps from the centre, in samples of the higher rate.
    places: Vec<usize>,
    length: usize,
    /// By free tap, then by frequency.
    effects: Vec<Vec<f64>>,
    frequencies: usize,
}

impl Problem {
    fn new(down: usize, steps_per_lobe: usize) -> Self {
        let length = HALF_WIDTH * down;
        let top = down as f64 / 2.0;
        let frequencies = (2.0 * HALF_WIDTH as f64 * (top - STOP)) as usize * steps_per_lobe;
        let places: Vec<usize> = (1..length).filter(|place| place % down != 0).collect();
        let effect = |place: usize, step: usize| {
            let frequency = STOP + (top - STOP) * step as f64 / (frequencies - 1) as f64;
            2.0 * (TAU * frequency * place as f64 / down as f64).cos() - 2.0
        };
        let effects =
            places.iter().map(|&place| (0..frequencies).map(|step| effect(place, step)).collect()).collect();
        Self { places, length, effects, frequencies }
    }

    /// All taps from the centre outwards.
    fn outwards(&self, taps: &[f64], unity: f64) -> Vec<f64> {
        let mut outwards = vec![0.0; self.length];
        outwards[0] = unity - 2.0 * taps.iter().sum::<f64>();
        for (&place, &tap) in self.places.iter().zip(taps) {
            outwards[place] = tap;
        }
        outwards
    }

    fn gains(&self, taps: &[f64], unity: f64) -> Vec<f64> {
        let mut gains = vec![1.0; self.frequencies];
        for (tap, effects) in taps.iter().zip(&self.effects) {
            for (gain, effect) in gains.iter_mut().zip(effects) {
                *gain += tap / unity * effect;
            }
        }
        gains
    }

    /// The free taps whose largest gain is least.
    fn minimax(&self) -> Vec<f64> {
        let mut weights = vec![1.0 / self.frequencies as f64; self.frequencies];
        let (mut best, mut least) = (Vec::new(), f64::INFINITY);
        for _ in 0..ROUNDS {
            let taps = self.least_squares(&weights);
            let gains = self.gains(&taps, 1.0);
            let largest = largest(&gains);
            if largest < least {
                (best, least) = (taps, largest);
            }
            weights.iter_mut().zip(&gains).for_each(|(weight, gain)| *weight *= gain.abs());
            let sum: f64 = weights.iter().sum();
            weights.iter_mut().for_each(|weight| *weight /= sum);
        }
        best
    }

    /// The free taps whose weighted squared gains add up to least.
    fn least_squares(&self, weights: &[f64]) -> Vec<f64> {
        let weighted =
            |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).zip(weights).map(|((a, b), w)| a * b * w).sum() };
        let ones = vec![-1.0; self.frequencies];
        let mut rows: Vec<Vec<f64>> = self
            .effects
            .iter()
            .map(|a| self.effects.iter().map(|b| weighted(a, b)).chain([weighted(a, &ones)]).collect())
            .collect();
        solve(&mut rows)
    }

    /// Integer taps near `start` whose largest gain is as small as could be found.
    fn searched(&self, start: &[f64], unity: f64) -> Vec<f64> {
        let steps: Vec<Vec<f64>> = self
            .effects
            .iter()
            .map(|effects| effects.iter().map(|effect| effect / unity).collect())
            .collect();
        let mut random = Random(1);
        let mut best = Descent { taps: start.to_vec(), gains: self.gains(start, unity) };
        best.run(&steps);
        for _ in 0..RESTARTS {
            let mut next = best.clone();
            for _ in 0..KICKS {
                let tap = random.below(steps.len());
                next.change(&steps, tap, if random.below(2) == 0 { 1.0 } else { -1.0 });
            }
            next.run(&steps);
            if largest(&next.gains) < largest(&best.gains) {
                best = next;
            }
        }
        best.taps
    }
}

/// Integer taps that are changed by one as long as that helps.
#[derive(Clone)]
struct Descent {
    taps: Vec<f64>,
    gains: Vec<f64>,
}

impl Descent {
    fn change(&mut self, steps: &[Vec<f64>], tap: usize, sign: f64) {
        self.taps[tap] += sign;
        self.gains.iter_mut().zip(&steps[tap]).for_each(|(gain, step)| *gain += sign * step);
    }

    /// Changes one tap, or two, until no such change makes the largest gain smaller.
    fn run(&mut self, steps: &[Vec<f64>]) {
        while self.improve(steps) {}
    }

    fn improve(&mut self, steps: &[Vec<f64>]) -> bool {
        const SIGNS: [f64; 2] = [1.0, -1.0];
        let mut improved = false;
        let (mut limit, mut peaks) = self.peaks();
        for one in 0..steps.len() {
            for other in one..steps.len() {
                for (sign, other_sign) in SIGNS.into_iter().flat_map(|a| SIGNS.map(|b| (a, b))) {
                    // The same tap twice stands for a change of this tap alone.
                    let other_sign = if other == one { 0.0 } else { other_sign };
                    let stays_below = |n: usize| {
                        let gain = self.gains[n] + sign * steps[one][n] + other_sign * steps[other][n];
                        gain.abs() < limit
                    };
                    // Most changes fail where the gain is largest: there first.
                    if peaks.iter().all(|&n| stays_below(n)) && (0..self.gains.len()).all(stays_below) {
                        self.change(steps, one, sign);
                        self.change(steps, other, other_sign);
                        (limit, peaks) = self.peaks();
                        improved = true;
                    }
                }
            }
        }
        improved
    }

    /// A little less than the largest gain, and where the gain is nearly as large.
    fn peaks(&self) -> (f64, Vec<usize>) {
        let limit = largest(&self.gains) * (1.0 - 1e-6);
        (limit, (0..self.gains.len()).filter(|&n| self.gains[n].abs() > 0.9 * limit).collect())
    }
}

fn largest(gains: &[f64]) -> f64 {
    gains.iter().fold(0.0, |largest, gain| gain.abs().max(largest))
}

/// Solves linear equations, each a row whose last number is the right side, by elimination with the largest pivot.
fn solve(rows: &mut [Vec<f64>]) -> Vec<f64> {
    let count = rows.len();
    for column in 0..count {
        let pivot = (column..count).max_by(|&a, &b| rows[a][column].abs().total_cmp(&rows[b][column].abs()));
        rows.swap(column, pivot.unwrap_or(column));
        let (above, below) = rows.split_at_mut(column + 1);
        let pivot = &above[column];
        for row in below {
            let factor = row[column] / pivot[column];
            row.iter_mut().zip(pivot).for_each(|(value, pivot)| *value -= factor * pivot);
        }
    }
    let mut solution = vec![0.0; count];
    for column in (0..count).rev() {
        let known: f64 = (column + 1..count).map(|other| rows[column][other] * solution[other]).sum();
        solution[column] = (rows[column][count] - known) / rows[column][column];
    }
    solution
}

/// Knuth's linear congruential generator: the same numbers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}
