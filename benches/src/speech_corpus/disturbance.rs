//! Sounds that are not speech and come and go: what voice activity must not take for a caller's word.

use super::noise::{band_passed, white};
use super::random::Random;
use super::{BLOCK, add, amplitude};
use std::f64::consts::TAU;

/// A kind of sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disturbance {
    /// A few samples at full swing.
    Click,
    /// One to three bursts of breath without voice, 80 to 250 ms each.
    Cough,
    /// A hollow knock that dies away in 60 ms.
    Knock,
    /// Breath that swells and fades over half a second.
    Breath,
    /// One steady tone of 100 ms to 2 s.
    Tone,
    /// Keys of a telephone, 60 to 200 ms each.
    Keys,
    /// Two tones as they are heard while it rings or is busy.
    Ringing,
}

impl Disturbance {
    /// All kinds.
    pub const ALL: [Self; 7] =
        [Self::Click, Self::Cough, Self::Knock, Self::Breath, Self::Tone, Self::Keys, Self::Ringing];

    /// Adds one of them at `level_dbfs`, beginning at sample `at`; what goes beyond the end is cut off.
    pub fn add_to(self, samples: &mut [f64], at: usize, level_dbfs: f64, random: &mut Random) {
        let Some(samples) = samples.get_mut(at..) else { return };
        match self {
            Self::Click => {
                let length = (1 + random.below(8)).min(samples.len());
                samples[..length].iter_mut().for_each(|sample| *sample += amplitude(level_dbfs + 12.0));
            }
            Self::Cough => {
                let mut from = 0;
                for _ in 0..=random.below(3) {
                    let length = random.between(0.08, 0.25);
                    let sound = band_passed(white((length * 8_000.0) as usize, random), 400.0, 2_600.0);
                    let shape = |part: f64| (part * 12.0).min(1.0) * (-3.0 * part).exp();
                    add(samples.get_mut(from..).unwrap_or_default(), &shaped(sound, shape), level_dbfs);
                    from += ((length + random.between(0.05, 0.2)) * 8_000.0) as usize;
                }
            }
            Self::Knock => {
                let hz = random.between(300.0, 900.0);
                let sound = sines(&[hz, hz * 1.7], 0.06);
                add(samples, &shaped(sound, |part| (-5.0 * part).exp()), level_dbfs);
            }
            Self::Breath => {
                let sound = band_passed(white(random.below(3_000) + 2_500, random), 500.0, 3_000.0);
                add(samples, &shaped(sound, |part| (part * TAU / 2.0).sin()), level_dbfs);
            }
            Self::Tone => {
                let hz = random.between(60.0, 2_500.0);
                add(samples, &sines(&[hz], random.between(0.1, 2.0)), level_dbfs);
            }
            Self::Keys => {
                let (mut from, length) = (0, random.between(0.06, 0.2));
                for _ in 0..=random.below(6) {
                    let low = *random.one_of(&[697.0, 770.0, 852.0, 941.0]);
                    let high = *random.one_of(&[1_209.0, 1_336.0, 1_477.0, 1_633.0]);
                    add(
                        samples.get_mut(from..).unwrap_or_default(),
                        &sines(&[low, high], length),
                        level_dbfs,
                    );
                    from += ((length + random.between(0.05, 0.15)) * 8_000.0) as usize;
                }
            }
            Self::Ringing => {
                let pair = *random.one_of(&[
                    [440.0, 480.0],
                    [350.0, 440.0],
                    [400.0, 450.0],
                    [425.0, 425.0],
                    [480.0, 620.0],
                ]);
                add(samples, &sines(&pair, random.between(0.3, 2.0)), level_dbfs);
            }
        }
    }
}

fn sines(frequencies_hz: &[f64], seconds: f64) -> Vec<f64> {
    let length = (seconds * 8_000.0) as usize / BLOCK * BLOCK;
    (0..length).map(|n| frequencies_hz.iter().map(|hz| (TAU * hz * n as f64 / 8_000.0).sin()).sum()).collect()
}

/// The sound with its loudness following `shape` over its length, 0 to 1.
fn shaped(sound: Vec<f64>, shape: impl Fn(f64) -> f64) -> Vec<f64> {
    let length = sound.len() as f64;
    sound.into_iter().enumerate().map(|(n, sample)| sample * shape(n as f64 / length)).collect()
}
