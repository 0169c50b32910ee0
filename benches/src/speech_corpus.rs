//! Speech in noise with labels, made from the repository's recorded voices: what voice activity is trained on and
//! measured with.
//!
//! A [`Scene`] is a caller who speaks and pauses, without noise, so that it can be told from the signal alone where
//! speech is. [`Scene::with_noise`] lays noise over it and passes it through mu-law. Everything is decided by
//! seeds: the same scene is made every time.
//!
//! Labels, in blocks of 10 ms: speech is what is at most [`QUIETEST_DB`] below the speaker's level; gaps of at most
//! [`CLOSURE_BLOCKS`] inside are speech too, since they are the closures inside words.

pub mod disturbance;
pub mod noise;
pub mod random;
mod voices;

pub use noise::Noise;
pub use voices::{Voices, babble_voices, held_out, training};

use audio_dsp::g711::ulaw;
use random::Random;

/// Samples per label: 10 ms at 8 kHz.
pub const BLOCK: usize = 80;

/// A block is speech when it is at most so much quieter than the speaker (dB).
pub const QUIETEST_DB: f64 = 25.0;

/// Blocks without sound inside speech that count as speech: 100 ms.
pub const CLOSURE_BLOCKS: usize = 10;

/// Full scale of 16-bit samples.
const FULL_SCALE: f64 = 32_768.0;

/// Noise of a quiet line, under every scene (dBFS).
const LINE_NOISE_DBFS: f64 = -66.0;

/// A caller who speaks and pauses, without noise.
#[derive(Debug, Clone)]
pub struct Scene {
    /// Samples at 8 kHz.
    pub samples: Vec<f64>,
    /// For each whole block, whether it is speech.
    pub speech: Vec<bool>,
    /// First and last block (not included) of each utterance, with the short pauses that the speaker makes in it.
    pub utterances: Vec<(usize, usize)>,
    /// Level of the speech (dBFS), to which the noise is set.
    pub level_dbfs: f64,
}

/// How scenes are made.
#[derive(Debug, Clone)]
pub struct SceneOptions {
    /// Length of the scene (s).
    pub seconds: usize,
    /// Level of the speaker (dBFS).
    pub level_dbfs: f64,
    /// Utterances are up to so much louder or quieter (dB).
    pub spread_db: f64,
    /// The shortest and the longest pause between utterances (s).
    pub pause: (f64, f64),
    /// The speaker's pitch and formants are up to this factor higher or lower.
    pub voice_range: f64,
}

impl Default for SceneOptions {
    fn default() -> Self {
        Self { seconds: 60, level_dbfs: -20.0, spread_db: 2.0, pause: (0.5, 2.0), voice_range: 1.0 }
    }
}

impl Scene {
    /// A speaker who says what is in `voices`, in an order that the seed decides.
    #[must_use]
    pub fn of(voices: &Voices, options: &SceneOptions, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let length = options.seconds * 8_000 / BLOCK * BLOCK;
        let (mut samples, mut speech, mut utterances) = (Vec::new(), Vec::new(), Vec::new());
        let voice = random.between(1.0 / options.voice_range, options.voice_range);
        while samples.len() < length {
            let pause = random.between(options.pause.0, options.pause.1) * 100.0;
            samples.resize(samples.len() + pause as usize * BLOCK, 0.0);
            speech.resize(samples.len() / BLOCK, false);
            let level = options.level_dbfs + random.between(-options.spread_db, options.spread_db);
            let utterance = at_level(&resampled(random.one_of::<Vec<f64>>(&voices.utterances), voice), level);
            let start = random.below(BLOCK);
            samples.resize(samples.len() + start, 0.0);
            samples.extend_from_slice(&utterance);
            samples.resize(samples.len().next_multiple_of(BLOCK), 0.0);
            let at = speech.len() * BLOCK;
            speech.extend(labels(&samples[at..], level));
            let spoken = |block: &usize| speech[*block];
            let blocks = at / BLOCK..speech.len();
            if let (Some(first), Some(last)) = (blocks.clone().find(spoken), blocks.rev().find(spoken)) {
                utterances.push((first, last + 1));
            }
        }
        samples.truncate(length);
        speech.truncate(length / BLOCK);
        utterances.retain(|&(_, end)| end <= speech.len());
        Self { samples, speech, utterances, level_dbfs: options.level_dbfs }
    }

    /// The scene on a quiet line, or under noise whose level over the telephone's band is `snr_db` below the speech;
    /// as mu-law.
    #[must_use]
    pub fn with_noise(&self, noise: Option<(Noise, f64)>, voices: &Voices, seed: u64) -> Vec<u8> {
        let mut random = Random::new(seed);
        let mut mixed = self.samples.clone();
        let hiss = noise::white(mixed.len(), &mut random);
        add(&mut mixed, &hiss, LINE_NOISE_DBFS);
        if let Some((noise, snr_db)) = noise {
            let noise = noise.over_the_line(mixed.len(), voices, &mut random);
            add(&mut mixed, &noise, self.level_dbfs - snr_db);
        }
        codes(&mixed)
    }
}

/// Samples as mu-law, clipped at full scale.
#[must_use]
pub fn codes(samples: &[f64]) -> Vec<u8> {
    samples.iter().map(|&sample| ulaw::encode_sample(sample.clamp(-32_768.0, 32_767.0) as i16)).collect()
}

/// Adds `sound`, set to a level.
pub fn add(to: &mut [f64], sound: &[f64], level_dbfs: f64) {
    let gain = amplitude(level_dbfs) / rms(sound).max(1e-9);
    for (to, sound) in to.iter_mut().zip(sound) {
        *to += gain * sound;
    }
}

/// The root mean square of a level.
#[must_use]
pub fn amplitude(level_dbfs: f64) -> f64 {
    FULL_SCALE * 10f64.powf(level_dbfs / 20.0)
}

fn rms(samples: &[f64]) -> f64 {
    (samples.iter().map(|sample| sample * sample).sum::<f64>() / samples.len().max(1) as f64).sqrt()
}

/// The level over blocks that are not silent (dBFS).
fn active_level(samples: &[f64]) -> f64 {
    let loud: Vec<f64> = samples.chunks(BLOCK).map(rms).filter(|&level| level > amplitude(-45.0)).collect();
    20.0 * (rms(&loud) / FULL_SCALE).max(1e-9).log10()
}

fn at_level(samples: &[f64], level_dbfs: f64) -> Vec<f64> {
    let gain = amplitude(level_dbfs - active_level(samples));
    samples.iter().map(|sample| sample * gain / FULL_SCALE).collect()
}

/// Which blocks of one utterance are speech.
fn labels(samples: &[f64], level_dbfs: f64) -> Vec<bool> {
    let threshold = amplitude(level_dbfs - QUIETEST_DB);
    let mut speech: Vec<bool> = samples.chunks(BLOCK).map(|block| rms(block) > threshold).collect();
    let mut last = None;
    for block in 0..speech.len() {
        if speech[block] {
            if let Some(last) = last.filter(|last| block - last <= CLOSURE_BLOCKS + 1) {
                speech[last..block].fill(true);
            }
            last = Some(block);
        }
    }
    speech
}

/// Plays samples faster by a factor, which raises the pitch.
fn resampled(samples: &[f64], factor: f64) -> Vec<f64> {
    if factor == 1.0 {
        return samples.to_vec();
    }
    let length = (samples.len().saturating_sub(1) as f64 / factor) as usize;
    (0..length)
        .map(|n| {
            let at = n as f64 * factor;
            let (index, part) = (at as usize, at.fract());
            samples[index] * (1.0 - part) + samples[index + 1] * part
        })
        .collect()
}
