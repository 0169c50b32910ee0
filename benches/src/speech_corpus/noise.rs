//! Noise that callers have around them.

use super::Voices;
use super::random::Random;
use std::f64::consts::TAU;

/// A kind of noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noise {
    /// Even over all frequencies: hiss.
    White,
    /// Even over octaves: wind, water, ventilation.
    Pink,
    /// A rumble that falls off from 100 Hz, with an engine's harmonics, and that swells and fades.
    Car,
    /// Six other people who speak at once.
    Babble,
}

impl Noise {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::White, Self::Pink, Self::Car, Self::Babble];

    /// Its name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::White => "white",
            Self::Pink => "pink",
            Self::Car => "car",
            Self::Babble => "babble",
        }
    }

    /// So many samples as they come over a telephone line, at any level. The people of a babble are of `voices`.
    pub(super) fn over_the_line(self, length: usize, voices: &Voices, random: &mut Random) -> Vec<f64> {
        let mut samples = match self {
            Self::White => white(length, random),
            Self::Pink => pink(length, random),
            Self::Car => car(length, random),
            Self::Babble => babble(length, voices, random),
        };
        band_limit(&mut samples);
        samples
    }
}

pub(super) fn white(length: usize, random: &mut Random) -> Vec<f64> {
    (0..length).map(|_| random.gaussian()).collect()
}

/// White noise through three poles and zeros that fall 3 dB in each octave (Kellet's filter, 1999).
fn pink(length: usize, random: &mut Random) -> Vec<f64> {
    let mut held = [0.0; 3];
    (0..length)
        .map(|_| {
            let white = random.gaussian();
            held[0] = 0.997_65 * held[0] + 0.099_046 * white;
            held[1] = 0.963 * held[1] + 0.296_516_4 * white;
            held[2] = 0.57 * held[2] + 1.052_691_3 * white;
            held.iter().sum::<f64>() + 0.1848 * white
        })
        .collect()
}

fn car(length: usize, random: &mut Random) -> Vec<f64> {
    let (engine_hz, swell_hz) = (random.between(28.0, 55.0), random.between(0.1, 0.4));
    let (mut rumble, mut phase) = ([0.0; 2], 0.0);
    (0..length)
        .map(|n| {
            let white = random.gaussian();
            rumble[0] += 0.08 * (white - rumble[0]);
            rumble[1] += 0.25 * (rumble[0] - rumble[1]);
            let time = n as f64 / 8_000.0;
            phase += TAU * engine_hz * (1.0 + 0.02 * (TAU * 0.3 * time).sin()) / 8_000.0;
            let engine: f64 =
                (2..12).map(|harmonic| (f64::from(harmonic) * phase).sin() / f64::from(harmonic)).sum();
            let swell = 1.0 + 0.25 * (TAU * swell_hz * time).sin();
            (rumble[1] + 0.02 * white + 0.03 * engine) * swell
        })
        .collect()
}

fn babble(length: usize, voices: &Voices, random: &mut Random) -> Vec<f64> {
    let mut sum = vec![0.0; length];
    for _ in 0..6 {
        let gain = random.between(0.6, 1.4);
        let mut at = 0;
        while at < length {
            let utterance = super::at_level(random.one_of::<Vec<f64>>(&voices.utterances), -20.0);
            for (to, sample) in sum[at..].iter_mut().zip(&utterance) {
                *to += gain * sample;
            }
            at += utterance.len() + random.below(2_400);
        }
    }
    sum
}

/// What a line does to what is said into it: nothing below 300 Hz, nothing above 3.4 kHz.
fn band_limit(samples: &mut [f64]) {
    for _ in 0..2 {
        Biquad::new(300.0, true).filter(samples);
    }
    Biquad::new(3_400.0, false).filter(samples);
}

/// What of a sound lies between two frequencies.
pub(super) fn band_passed(mut samples: Vec<f64>, from_hz: f64, to_hz: f64) -> Vec<f64> {
    Biquad::new(from_hz, true).filter(&mut samples);
    Biquad::new(to_hz, false).filter(&mut samples);
    samples
}

/// Butterworth filter of order two.
struct Biquad {
    feed: [f64; 3],
    back: [f64; 2],
    state: [f64; 2],
}

impl Biquad {
    fn new(edge_hz: f64, high_pass: bool) -> Self {
        let angle = TAU * edge_hz / 8_000.0;
        let alpha = angle.sin() / 2f64.sqrt();
        let scale = 1.0 / (1.0 + alpha);
        let edge = if high_pass { 1.0 + angle.cos() } else { 1.0 - angle.cos() };
        let side = 0.5 * edge * scale;
        let middle = if high_pass { -2.0 * side } else { 2.0 * side };
        Self {
            feed: [side, middle, side],
            back: [-2.0 * angle.cos() * scale, (1.0 - alpha) * scale],
            state: [0.0; 2],
        }
    }

    fn filter(mut self, samples: &mut [f64]) {
        for sample in samples {
            let output = self.feed[0] * *sample + self.state[0];
            self.state[0] = self.feed[1] * *sample - self.back[0] * output + self.state[1];
            self.state[1] = self.feed[2] * *sample - self.back[1] * output;
            *sample = output;
        }
    }
}
