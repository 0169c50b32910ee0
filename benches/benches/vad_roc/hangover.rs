//! What the hangover costs and what it saves: how soon the end of an utterance is told, and how often an end is told
//! in the middle of one, at the speaker's own short pauses.

use audio_dsp::vad::{Vad, VadEvent, VadOptions};
use benches::speech_corpus::{Noise, Scene, SceneOptions, Voices, babble_voices, held_out, training};

const SCENE_SECONDS: usize = 180;

/// An end told at most so long before the utterance's end (ms) is the utterance's.
const TOLERANCE_MS: u64 = 60;

/// For each hangover, false ends and the delay of true ones.
pub(crate) fn print() {
    println!("\nHangover: ends told inside an utterance per 100 utterances, and delay of the true ones");
    println!("{:>8} {:>22} {:>22} {:>22}", "", "clean", "pink 15 dB", "car 10 dB");
    let mut voices = held_out().expect("the recorded calls are there");
    voices.utterances.extend(training().expect("the recorded calls are there").utterances);
    let crowd = babble_voices(true).expect("the recorded voices are there");
    let options = SceneOptions { seconds: SCENE_SECONDS, pause: (1.0, 2.0), ..SceneOptions::default() };
    let scenes: Vec<Scene> = (0..3).map(|seed| Scene::of(&voices, &options, 8_000 + seed)).collect();
    for hangover_ms in [100, 120, 140, 160, 180, 200, 240, 300] {
        print!("{hangover_ms:>5} ms");
        for noise in [None, Some((Noise::Pink, 15.0)), Some((Noise::Car, 10.0))] {
            let (ends, delays) = ends(&scenes, noise, &crowd, hangover_ms);
            let at =
                |part: f64| delays.get((part * delays.len() as f64) as usize).copied().unwrap_or(f64::NAN);
            print!("   {ends:>5.1}  {:>4.0} {:>4.0} ms", at(0.5), at(0.95));
        }
        println!();
    }
    println!("(delays: median and 95th percentile)");
}

/// False ends per 100 utterances, and the sorted delays of the true ones (ms).
fn ends(scenes: &[Scene], noise: Option<(Noise, f64)>, crowd: &Voices, hangover_ms: u32) -> (f64, Vec<f64>) {
    let (mut wrong, mut utterances, mut delays) = (0u32, 0u32, Vec::new());
    for (scene, seed) in scenes.iter().zip(9_500..) {
        let mut vad = Vad::new(VadOptions { hangover_ms, ..VadOptions::default() });
        let mut ends = Vec::new();
        for (frame, codes) in scene.with_noise(noise, crowd, seed).chunks(160).enumerate() {
            vad.push_ulaw(codes, |event| {
                if let VadEvent::SpeechEnded { end } = event {
                    ends.push((end / 8, (frame as u64 + 1) * 20));
                }
            });
        }
        for &(from, to) in &scene.utterances {
            let (from, to) = (from as u64 * 10, to as u64 * 10);
            utterances += 1;
            wrong +=
                ends.iter().filter(|(end, _)| (from..to.saturating_sub(TOLERANCE_MS)).contains(end)).count()
                    as u32;
            let last = ends.iter().find(|(end, _)| (to.saturating_sub(TOLERANCE_MS)..to + 500).contains(end));
            delays.extend(last.map(|(_, told)| told.saturating_sub(to) as f64));
        }
    }
    delays.sort_by(f64::total_cmp);
    (100.0 * f64::from(wrong) / f64::from(utterances.max(1)), delays)
}
