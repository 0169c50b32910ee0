//! Sines without the system's mathematics library: usable in constants, and the same on every machine.

#![forbid(unsafe_code)]

use std::f64::consts::TAU;

/// The factors of the power series of the sine, each relative to the one before: 1 / (2k (2k + 1)).
const FACTORS: [f64; 9] = {
    let mut factors = [0.0; 9];
    let mut k = 0;
    while k < 9 {
        let even = 2.0 * (k as f64 + 1.0);
        factors[k] = 1.0 / (even * (even + 1.0));
        k += 1;
    }
    factors
};

/// The sine of an angle in turns (1 is the full circle), within 1e-14 for up to a thousand turns.
pub(crate) const fn sine(turns: f64) -> f64 {
    // The fraction in -1 .. 1, then the nearest half turn, then the quarter that mirrors it.
    let mut turn = turns - (turns as i64) as f64;
    if turn >= 0.5 {
        turn -= 1.0;
    } else if turn < -0.5 {
        turn += 1.0;
    }
    if turn > 0.25 {
        turn = 0.5 - turn;
    } else if turn < -0.25 {
        turn = -0.5 - turn;
    }
    let angle = turn * TAU;
    let square = angle * angle;
    let mut sum = 1.0;
    let mut k = FACTORS.len();
    while k > 0 {
        k -= 1;
        sum = 1.0 - square * FACTORS[k] * sum;
    }
    angle * sum
}

/// The cosine of an angle in turns.
pub(crate) const fn cosine(turns: f64) -> f64 {
    sine(turns + 0.25)
}

#[cfg(test)]
mod tests {
    use super::{cosine, sine};
    use std::f64::consts::TAU;

    #[test]
    fn sine_and_cosine_agree_with_the_library() {
        for step in -40_000..40_000 {
            let turns = f64::from(step) / 9_973.0;
            assert!((sine(turns) - (turns * TAU).sin()).abs() < 1e-13, "{turns} turns");
            assert!((cosine(turns) - (turns * TAU).cos()).abs() < 1e-13, "{turns} turns");
        }
    }
}
