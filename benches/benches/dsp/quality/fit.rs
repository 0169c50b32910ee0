//! Sines in a signal, by least squares: exact for any length, whatever part of a period is left over.

use std::f64::consts::TAU;

/// A sine that was found: `amplitude * sin(2 pi f t + phase)`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tone {
    pub(super) amplitude: f64,
    /// In radians, at time 0 of the stream.
    pub(super) phase: f64,
}

/// The sines of these frequencies (Hz) that together leave the least power in `samples`, the first of which is at
/// `start` seconds.
pub(super) fn fit(samples: &[f64], rate_hz: f64, start: f64, wanted_hz: &[f64]) -> Vec<Tone> {
    let waves = waves(samples.len(), rate_hz, start, wanted_hz);
    let shares = shares(samples, &waves);
    let (pairs, _) = shares.as_chunks::<2>();
    let tone = |&[sine, cosine]: &[f64; 2]| Tone { amplitude: sine.hypot(cosine), phase: cosine.atan2(sine) };
    pairs.iter().map(tone).collect()
}

/// Takes the sines of these frequencies out of `samples`.
pub(super) fn subtract(samples: &mut [f64], rate_hz: f64, start: f64, wanted_hz: &[f64]) {
    let waves = waves(samples.len(), rate_hz, start, wanted_hz);
    for (share, wave) in shares(samples, &waves).into_iter().zip(&waves) {
        for (sample, value) in samples.iter_mut().zip(wave) {
            *sample -= share * value;
        }
    }
}

/// The amplitude at one frequency, if whole periods of it are in `samples`.
pub(super) fn amplitude_at(samples: &[f64], rate_hz: f64, hz: f64) -> f64 {
    let waves = waves(samples.len(), rate_hz, 0.0, &[hz]);
    // At 0 Hz and at half the rate the sine vanishes and the cosine counts once.
    let whole = if hz == 0.0 || hz * 2.0 == rate_hz { 1.0 } else { 2.0 };
    whole * f64::hypot(dot(samples, &waves[0]), dot(samples, &waves[1])) / samples.len() as f64
}

/// The mean square.
pub(super) fn power(samples: &[f64]) -> f64 {
    dot(samples, samples) / samples.len() as f64
}

/// Sine and cosine of every frequency, one after the other.
fn waves(length: usize, rate_hz: f64, start: f64, wanted_hz: &[f64]) -> Vec<Vec<f64>> {
    let mut waves = Vec::new();
    for hz in wanted_hz {
        let (mut sine, mut cosine) = (TAU * hz * start).sin_cos();
        let (step_sine, step_cosine) = (TAU * hz / rate_hz).sin_cos();
        let (mut sines, mut cosines) = (Vec::with_capacity(length), Vec::with_capacity(length));
        for _ in 0..length {
            sines.push(sine);
            cosines.push(cosine);
            // Turning by a step is much cheaper than the functions, and exact to 12 digits over these lengths.
            (sine, cosine) =
                (sine * step_cosine + cosine * step_sine, cosine * step_cosine - sine * step_sine);
        }
        waves.extend([sines, cosines]);
    }
    waves
}

/// How much of each wave is in `samples`: the solution of the normal equations.
fn shares(samples: &[f64], waves: &[Vec<f64>]) -> Vec<f64> {
    let equations = waves.iter().map(|wave| {
        let left = waves.iter().map(|other| dot(wave, other));
        left.chain([dot(wave, samples)]).collect()
    });
    solve(equations.collect())
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Gaussian elimination; sines of different frequencies are nearly orthogonal, so no pivoting is needed.
fn solve(mut equations: Vec<Vec<f64>>) -> Vec<f64> {
    for column in 0..equations.len() {
        let pivot = equations[column].clone();
        for (_, row) in equations.iter_mut().enumerate().filter(|(index, _)| *index != column) {
            let factor = row[column] / pivot[column];
            for (cell, above) in row.iter_mut().zip(&pivot) {
                *cell -= factor * above;
            }
        }
    }
    let diagonal = equations.iter().enumerate();
    diagonal.map(|(index, row)| row.last().copied().unwrap_or_default() / row[index]).collect()
}
