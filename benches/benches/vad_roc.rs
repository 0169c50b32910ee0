//! How well voice activity finds speech in noise, and at what cost, beside what else could be used:
//!
//!     cargo bench -p benches --bench vad_roc                       ours and a gate on energy
//!     cargo bench -p benches --features peers --bench vad_roc      and webrtc-vad, earshot, nnnoiseless, fast-vad
//!
//! The speakers are those of the recorded calls whose voices were kept back when the detector was trained; noise is
//! made anew, from seeds. A word after `--` other than a part of `dsp vad_roc` leaves everything out.
#![allow(clippy::expect_used, reason = "a bench that cannot be set up has failed")]

#[path = "vad_roc/candidates.rs"]
mod candidates;
#[path = "vad_roc/hangover.rs"]
mod hangover;
#[path = "vad_roc/metrics.rs"]
mod metrics;
#[cfg(feature = "peers")]
#[path = "vad_roc/peers.rs"]
mod peers;

use benches::speech_corpus::{Noise, Scene, SceneOptions, babble_voices, held_out};
use candidates::{Candidate, FRAME};
use metrics::{Figures, Heard, LAGS};
use std::{hint::black_box, time::Instant};

/// Scenes in each condition, and their length (s).
const SCENES: u64 = 3;
const SCENE_SECONDS: usize = 60;

/// Signal to noise (dB).
const SNRS: [f64; 4] = [20.0, 10.0, 5.0, 0.0];

/// One kind of noise at one level, in several scenes.
struct Condition {
    name: String,
    scenes: Vec<(Scene, Vec<u8>)>,
}

fn conditions() -> Vec<Condition> {
    let voices = held_out().expect("the recorded calls are there");
    let crowd = babble_voices(true).expect("the recorded voices are there");
    let scenes: Vec<Scene> = (0..SCENES)
        .map(|seed| {
            Scene::of(
                &voices,
                &SceneOptions { seconds: SCENE_SECONDS, ..SceneOptions::default() },
                7_000 + seed,
            )
        })
        .collect();
    let noises = Noise::ALL.into_iter().flat_map(|noise| SNRS.map(|snr| Some((noise, snr))));
    [None]
        .into_iter()
        .chain(noises)
        .map(|noise| Condition {
            name: noise.map_or("clean".to_owned(), |(noise, snr)| format!("{} {snr}", noise.name())),
            scenes: scenes
                .iter()
                .zip(9_000..)
                .map(|(scene, seed)| (scene.clone(), scene.with_noise(noise, &crowd, seed)))
                .collect(),
        })
        .collect()
}

/// Nanoseconds for one frame: the median over seconds of audio.
fn cost(candidate: &mut dyn Candidate, codes: &[u8]) -> f64 {
    candidate.begin();
    let mut times: Vec<f64> = codes
        .as_chunks::<FRAME>()
        .0
        .chunks_exact(50)
        .map(|second| {
            let start = Instant::now();
            for frame in second {
                black_box(candidate.frame(black_box(frame)));
            }
            start.elapsed().as_nanos() as f64 / second.len() as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2] / candidate.detectors() as f64
}

/// Figures of all conditions under the correction that fits best.
fn measure(candidate: &mut dyn Candidate, conditions: &[Condition]) -> (usize, Vec<Figures>) {
    let heard: Vec<Vec<Heard>> = conditions
        .iter()
        .map(|condition| {
            condition.scenes.iter().map(|(scene, codes)| Heard::by(candidate, scene, codes)).collect()
        })
        .collect();
    let mean = |figures: &[Figures]| figures.iter().map(|figures| figures.balanced).sum::<f64>();
    (0..LAGS)
        .map(|lag| (lag, heard.iter().map(|heard| Figures::of(heard, lag)).collect::<Vec<_>>()))
        .max_by(|(_, left), (_, right)| mean(left).total_cmp(&mean(right)))
        .expect("there are corrections to choose from")
}

fn print(name: &str, lag: usize, conditions: &[Condition], all: &[Figures], costs: &[f64]) {
    println!(
        "\n{name}: {:.0} ns a frame in pink noise of 10 dB, {:.0} on a clean line; corrected by {} ms",
        costs[0],
        costs[1],
        lag * 20
    );
    println!(
        "{:<10} {:>8} {:>6} {:>6} {:>8} {:>10} {:>10} {:>12}",
        "", "balanced", "AUC", "EER", "TPR@5%", "onset p50", "onset p95", "false starts"
    );
    for (condition, figures) in conditions.iter().zip(all) {
        line(&condition.name, figures);
    }
    line("mean", &mean(all));
}

fn mean(all: &[Figures]) -> Figures {
    let mean = |of: &dyn Fn(&Figures) -> f64| all.iter().map(of).sum::<f64>() / all.len() as f64;
    Figures {
        balanced: mean(&|figures| figures.balanced),
        area: mean(&|figures| figures.area),
        equal_error: mean(&|figures| figures.equal_error),
        found_at_5: mean(&|figures| figures.found_at_5),
        onset_ms: (mean(&|figures| figures.onset_ms.0), mean(&|figures| figures.onset_ms.1)),
        false_starts: mean(&|figures| figures.false_starts),
    }
}

fn line(name: &str, figures: &Figures) {
    println!(
        "{name:<16} {:>8.3} {:>6.3} {:>6.3} {:>8.3} {:>7.0} ms {:>7.0} ms {:>7.1} /min",
        figures.balanced,
        figures.area,
        figures.equal_error,
        figures.found_at_5,
        figures.onset_ms.0,
        figures.onset_ms.1,
        figures.false_starts,
    );
}

fn main() {
    let filters: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    if !filters.is_empty() && !filters.iter().any(|filter| "dsp vad_roc".contains(filter.as_str())) {
        return;
    }
    let conditions = conditions();
    let codes = |name: &str| {
        let found =
            conditions.iter().find(|condition| condition.name == name).expect("a condition of that name");
        &found.scenes[0].1
    };
    let mut means = Vec::new();
    for mut candidate in candidates::all() {
        let costs = ["pink 10", "clean"].map(|name| cost(candidate.as_mut(), codes(name)));
        let (lag, all) = measure(candidate.as_mut(), &conditions);
        print(candidate.name(), lag, &conditions, &all, &costs);
        means.push((candidate.name(), mean(&all), costs[0]));
    }
    println!("\nMeans over all conditions");
    for (name, figures, cost) in means {
        print!("{cost:>9.0} ns  ");
        line(name, &figures);
    }
    hangover::print();
}
