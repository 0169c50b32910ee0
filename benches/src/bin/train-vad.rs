//! Trains the network of `audio_dsp::vad` on the repository's recorded voices in noise and writes its weights:
//!
//!     cargo run --release -p benches --bin train-vad
//!
//! The scenes, the weights to begin with and the order of examples come from fixed seeds. Trained on one half of the
//! speakers; how well it does on the other half, which it never sees, `cargo bench -p benches --bench vad_roc` tells.

use audio_dsp::{
    g711::ulaw,
    vad::features::{FEATURES, FeatureExtractor},
};
use benches::speech_corpus::{
    BLOCK, Noise, Scene, SceneOptions, Voices, add, babble_voices, codes, disturbance::Disturbance,
    random::Random, training,
};
use std::{error::Error, fmt::Write as _, path::Path};

/// Hidden units, a multiple of eight.
const HIDDEN: usize = 24;

/// Scenes of each kind, and their length (s).
const SCENES: usize = 400;
const SCENE_SECONDS: usize = 30;

/// Passes over all examples, and examples per step.
const PASSES: usize = 16;
const BATCH: usize = 256;

/// The step size at first; it falls to a hundredth.
const RATE: f32 = 3e-3;

/// Draws the weights towards zero.
const DECAY: f32 = 1e-5;

/// One block.
struct Example {
    features: [f32; FEATURES],
    speech: f32,
    /// Speech and silence count the same in every scene.
    weight: f32,
}

/// The network, or what a step changes in it.
#[derive(Clone)]
struct Network {
    /// By feature, then by unit; then the units' biases, the output's weights, the output's bias.
    values: Vec<f32>,
}

const BIASES: usize = FEATURES * HIDDEN;
const OUTPUTS: usize = BIASES + HIDDEN;
const OUTPUT_BIAS: usize = OUTPUTS + HIDDEN;

impl Network {
    fn zero() -> Self {
        Self { values: vec![0.0; OUTPUT_BIAS + 1] }
    }

    fn at_random(random: &mut Random) -> Self {
        let mut network = Self::zero();
        let deviation = (2.0 / FEATURES as f64).sqrt();
        network.values[..BIASES].fill_with(|| (deviation * random.gaussian()) as f32);
        network.values[OUTPUTS..OUTPUT_BIAS].fill_with(|| (0.3 * random.gaussian()) as f32);
        network
    }

    /// The units' sums and the log-odds.
    fn run(&self, features: &[f32; FEATURES]) -> ([f32; HIDDEN], f32) {
        let mut sums = [0.0; HIDDEN];
        sums.copy_from_slice(&self.values[BIASES..OUTPUTS]);
        for (feature, weights) in features.iter().zip(self.values.chunks_exact(HIDDEN)) {
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum += feature * weight;
            }
        }
        let outputs = &self.values[OUTPUTS..OUTPUT_BIAS];
        let odds = sums.iter().zip(outputs).map(|(sum, weight)| sum.max(0.0) * weight).sum::<f32>();
        (sums, odds + self.values[OUTPUT_BIAS])
    }

    /// Adds the slope of the example's loss (cross-entropy) to `slope`; gives the loss.
    fn learn(&self, example: &Example, slope: &mut Self) -> f32 {
        let (sums, odds) = self.run(&example.features);
        let probability = 1.0 / (1.0 + (-odds).exp());
        let error = (probability - example.speech) * example.weight;
        for unit in 0..HIDDEN {
            if sums[unit] <= 0.0 {
                continue;
            }
            slope.values[OUTPUTS + unit] += error * sums[unit];
            let back = error * self.values[OUTPUTS + unit];
            slope.values[BIASES + unit] += back;
            for (feature, row) in example.features.iter().zip(slope.values.chunks_exact_mut(HIDDEN)) {
                row[unit] += back * feature;
            }
        }
        slope.values[OUTPUT_BIAS] += error;
        let wanted = if example.speech > 0.5 { probability } else { 1.0 - probability };
        -example.weight * wanted.max(1e-6).ln()
    }
}

/// Steps whose size follows each weight's own history (Adam; Kingma and Ba, 2015).
struct Steps {
    mean: Vec<f32>,
    square: Vec<f32>,
    count: i32,
}

impl Steps {
    fn take(&mut self, network: &mut Network, slope: &Network, rate: f32) {
        self.count += 1;
        let (settled_mean, settled_square) = (1.0 - 0.9f32.powi(self.count), 1.0 - 0.999f32.powi(self.count));
        for (n, value) in network.values.iter_mut().enumerate() {
            let slope = slope.values[n] / BATCH as f32 + DECAY * *value;
            self.mean[n] += 0.1 * (slope - self.mean[n]);
            self.square[n] += 0.001 * (slope * slope - self.square[n]);
            *value -=
                rate * (self.mean[n] / settled_mean) / ((self.square[n] / settled_square).sqrt() + 1e-8);
        }
    }
}

/// A scene of any kind: level, voice, noise and its onset at random, or no speech at all but other sounds.
fn scene(voices: &Voices, crowd: &Voices, seed: u64) -> (Vec<u8>, Vec<bool>) {
    let mut random = Random::new(seed);
    let silent = random.unit() < 0.2;
    let options = SceneOptions {
        seconds: SCENE_SECONDS,
        level_dbfs: random.between(-32.0, -14.0),
        spread_db: 4.0,
        pause: (0.2, 2.5),
        voice_range: 1.25,
    };
    let mut scene = Scene::of(voices, &options, seed + 1);
    if silent {
        scene.samples.fill(0.0);
        scene.speech.fill(false);
    }
    if silent || random.unit() < 0.4 {
        disturb(&mut scene, &mut random);
    }
    if random.unit() < 0.3 {
        // Between hiss and rumble, and not cut off at the telephone's edges: lines differ.
        let (colour, snr_db) = (random.between(0.0, 0.95), random.between(0.0, 25.0));
        let mut held = 0.0;
        let noise: Vec<f64> = (0..scene.samples.len())
            .map(|_| {
                held = colour * held + random.gaussian();
                held
            })
            .collect();
        add(&mut scene.samples, &noise, scene.level_dbfs - snr_db);
    }
    let kinds: Vec<Option<Noise>> = Noise::ALL.into_iter().map(Some).chain([None]).collect();
    let noise = random.one_of(&kinds).map(|noise| (noise, random.between(-2.0, 25.0)));
    let mut codes_of_scene = scene.with_noise(noise, crowd, seed + 2);
    if random.unit() < 0.25 {
        // The noise sets in during the call.
        let quiet = scene.with_noise(None, crowd, seed + 3);
        let from = random.below(codes_of_scene.len());
        codes_of_scene[..from].copy_from_slice(&quiet[..from]);
    }
    if random.unit() < 0.1 {
        // A line without any noise at all.
        codes_of_scene = codes(&scene.samples);
    }
    (codes_of_scene, scene.speech)
}

/// Other sounds, in the pauses.
fn disturb(scene: &mut Scene, random: &mut Random) {
    let mut at = 0;
    while at < scene.samples.len() {
        let sound = *random.one_of(&Disturbance::ALL);
        let level = random.between(-38.0, -10.0);
        if scene.speech[at / BLOCK..].iter().take(80).all(|speech| !speech) {
            sound.add_to(&mut scene.samples, at, level, random);
        }
        at += 2_000 + random.below(16_000);
    }
}

fn examples(codes: &[u8], speech: &[bool]) -> Vec<Example> {
    let mut extractor = FeatureExtractor::new();
    let spoken = speech.iter().filter(|&&speech| speech).count();
    let share = |count: usize| 0.5 * speech.len() as f32 / count.max(speech.len() / 5) as f32;
    let (of_speech, of_silence) = (share(spoken), share(speech.len() - spoken));
    let mut block = [0i16; BLOCK];
    codes
        .chunks_exact(BLOCK)
        .zip(speech)
        .map(|(codes, &speech)| {
            ulaw::decode(codes, &mut block);
            Example {
                features: extractor.block(&block).values,
                speech: if speech { 1.0 } else { 0.0 },
                weight: if speech { of_speech } else { of_silence },
            }
        })
        .collect()
}

fn train(examples: &[Example]) -> Network {
    let mut random = Random::new(1);
    let mut network = Network::at_random(&mut random);
    let mut steps = Steps { mean: network.values.clone(), square: network.values.clone(), count: 0 };
    steps.mean.fill(0.0);
    steps.square.fill(0.0);
    let mut order: Vec<usize> = (0..examples.len()).collect();
    for pass in 0..PASSES {
        for n in (1..order.len()).rev() {
            order.swap(n, random.below(n + 1));
        }
        let rate = RATE * 0.01f32.powf(pass as f32 / (PASSES - 1) as f32);
        let mut loss = 0.0;
        for batch in order.chunks_exact(BATCH) {
            let mut slope = Network::zero();
            loss += batch.iter().map(|&n| f64::from(network.learn(&examples[n], &mut slope))).sum::<f64>();
            steps.take(&mut network, &slope, rate);
        }
        println!("pass {:2}: loss {:.4}", pass + 1, loss / examples.len() as f64);
    }
    network
}

/// The file that the detector is compiled with.
fn source(network: &Network) -> Result<String, std::fmt::Error> {
    let list =
        |values: &[f32]| values.iter().map(|value| format!("{value:.4}")).collect::<Vec<_>>().join(", ");
    let mut text = String::from(
        "//! Made by `cargo run --release -p benches --bin train-vad`; not edited by hand.\n\n\
         use super::features::FEATURES;\n\n\
         /// Hidden units.\n",
    );
    writeln!(text, "pub(super) const HIDDEN: usize = {HIDDEN};\n")?;
    writeln!(text, "/// By feature, then by unit.\n#[rustfmt::skip]")?;
    writeln!(text, "pub(super) static HIDDEN_WEIGHTS: [[f32; HIDDEN]; FEATURES] = [")?;
    for row in network.values[..BIASES].chunks_exact(HIDDEN) {
        writeln!(text, "    [{}],", list(row))?;
    }
    writeln!(text, "];\n\n#[rustfmt::skip]")?;
    writeln!(
        text,
        "pub(super) static HIDDEN_BIAS: [f32; HIDDEN] =\n    [{}];\n",
        list(&network.values[BIASES..OUTPUTS])
    )?;
    writeln!(text, "#[rustfmt::skip]")?;
    writeln!(
        text,
        "pub(super) static OUTPUT_WEIGHTS: [f32; HIDDEN] =\n    [{}];\n",
        list(&network.values[OUTPUTS..OUTPUT_BIAS])
    )?;
    writeln!(text, "pub(super) const OUTPUT_BIAS: f32 = {:.4};", network.values[OUTPUT_BIAS])?;
    Ok(text)
}

fn main() -> Result<(), Box<dyn Error>> {
    let (voices, crowd) = (training()?, babble_voices(false)?);
    println!("{} utterances", voices.utterances.len());
    let mut all = Vec::new();
    for seed in 0..SCENES as u64 {
        let (codes, speech) = scene(&voices, &crowd, seed * 10);
        all.extend(examples(&codes, &speech));
    }
    println!("{} blocks of 10 ms", all.len());
    let network = train(&all);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../audio-dsp/src/vad/weights.rs");
    std::fs::write(&path, source(&network)?)?;
    println!("written to {}", path.display());
    Ok(())
}
