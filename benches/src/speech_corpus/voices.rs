//! The recorded voices, split into those to train on and those kept back to measure with.

use audio_dsp::g711::ulaw;
use std::{io, path::PathBuf};

/// Calls whose speakers are kept back: voices that occur in no other call. The noisy line is left out of both, since
/// it cannot be told from its signal where speech is.
const HELD_OUT: [&str; 4] = ["barge-in", "double-barge-in", "hang-up-mid-sentence", "spanish"];
const NOISY: &str = "noisy-line";

/// Every caller recording begins with so many samples of background (3 s).
const BACKGROUND: usize = 24_000;

/// Utterances are apart by more than this (samples): 300 ms.
const APART: usize = 2_400;

/// Quieter samples are the line's noise (of 32,768).
const LINE_NOISE: f64 = 300.0;

/// Utterances, at 8 kHz.
#[derive(Debug, Clone, Default)]
pub struct Voices {
    /// Each without the silence around it.
    pub utterances: Vec<Vec<f64>>,
}

impl Voices {
    fn add(&mut self, codes: &[u8]) {
        let samples: Vec<f64> = codes.iter().map(|&code| f64::from(ulaw::decode_sample(code))).collect();
        let loud = samples.iter().enumerate().filter(|(_, sample)| sample.abs() > LINE_NOISE);
        let mut span: Option<(usize, usize)> = None;
        for (at, _) in loud.chain([(usize::MAX, &0.0)]) {
            span = match span {
                Some((from, to)) if at - to > APART => {
                    // Shorter is a crackle.
                    if to - from > 800 {
                        self.utterances.push(samples[from..=to].to_vec());
                    }
                    Some((at, at))
                }
                Some((from, _)) => Some((from, at)),
                None => Some((at, at)),
            };
        }
    }
}

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures")
}

/// What callers say in recordings of which `wanted` says yes to the name.
fn callers(wanted: impl Fn(&str) -> bool) -> io::Result<Voices> {
    let mut folders: Vec<_> = std::fs::read_dir(fixtures().join("calls"))?.collect::<io::Result<_>>()?;
    folders.sort_by_key(std::fs::DirEntry::file_name);
    let mut voices = Voices::default();
    for folder in folders {
        let name = folder.file_name();
        let path = folder.path().join("caller.wav");
        if name != NOISY && wanted(&name.to_string_lossy()) && path.exists() {
            let wav = std::fs::read(path)?;
            let data = wav.windows(4).position(|name| name == b"data").map_or(wav.len(), |at| at + 8);
            voices.add(wav.get(data + BACKGROUND..).unwrap_or_default());
        }
    }
    Ok(voices)
}

/// One sentence of the assistant, as the index lists it.
#[derive(serde::Deserialize)]
struct Sentence {
    file: String,
    language: String,
}

/// What the assistant says, every second sentence of it, without the language of a caller who is kept back.
fn assistants(odd: bool) -> io::Result<Voices> {
    let folder = fixtures().join("voices");
    let sentences: Vec<Sentence> = serde_json::from_slice(&std::fs::read(folder.join("index.json"))?)?;
    let mut voices = Voices::default();
    let wanted = sentences.iter().filter(|sentence| !sentence.language.starts_with("es"));
    for sentence in wanted.skip(usize::from(odd)).step_by(2) {
        voices.add(&std::fs::read(folder.join(&sentence.file))?);
    }
    Ok(voices)
}

/// Speakers to train on.
///
/// # Errors
/// If a recording cannot be read.
pub fn training() -> io::Result<Voices> {
    let mut voices = callers(|name| !HELD_OUT.contains(&name))?;
    voices.utterances.extend(assistants(false)?.utterances);
    Ok(voices)
}

/// Speakers to measure with, of whom nothing was trained on.
///
/// # Errors
/// If a recording cannot be read.
pub fn held_out() -> io::Result<Voices> {
    callers(|name| HELD_OUT.contains(&name))
}

/// People in the background: one half to train on, the other to measure with.
///
/// # Errors
/// If a recording cannot be read.
pub fn babble_voices(to_measure: bool) -> io::Result<Voices> {
    assistants(to_measure)
}
