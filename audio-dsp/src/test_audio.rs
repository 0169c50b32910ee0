//! Audio for tests: tones, noise, and the speech of the repository's recorded calls and voices.

#![forbid(unsafe_code)]

use crate::g711::ulaw;
use std::path::{Path, PathBuf};

/// Samples in a millisecond.
pub(crate) const MS: usize = 8;

/// The amplitude, in steps of 16-bit samples, of a sine whose RMS is `dbfs`.
pub(crate) fn amplitude(dbfs: f64) -> f64 {
    32_768.0 * 10f64.powf(dbfs / 20.0) * std::f64::consts::SQRT_2
}

/// Even random numbers between -1 and 1.
#[derive(Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / f64::from(1u32 << 30) - 1.0
    }
}

/// Audio that is put together.
#[derive(Clone)]
pub(crate) struct Scene(pub(crate) Vec<f64>);

impl Scene {
    pub(crate) fn silence(samples: usize) -> Self {
        Self(vec![0.0; samples])
    }

    /// Adds a sine, at once there and at once gone; its RMS is `dbfs`.
    pub(crate) fn sine(mut self, at: usize, samples: usize, hz: f64, dbfs: f64) -> Self {
        let amplitude = amplitude(dbfs);
        // A phase of no particular value.
        for (n, sample) in self.0[at..at + samples].iter_mut().enumerate() {
            *sample += amplitude * (std::f64::consts::TAU * hz * n as f64 / 8_000.0 + hz).sin();
        }
        self
    }

    /// Adds white noise whose RMS is `dbfs`, everywhere.
    pub(crate) fn noise(mut self, dbfs: f64, seed: u64) -> Self {
        let mut random = Random(seed);
        let scale = 32_768.0 * 10f64.powf(dbfs / 20.0) * 3f64.sqrt();
        self.0.iter_mut().for_each(|sample| *sample += scale * random.next());
        self
    }

    /// Adds samples from `at` on, times a factor.
    pub(crate) fn add(mut self, at: usize, samples: &[f64], factor: f64) -> Self {
        for (to, from) in self.0[at..].iter_mut().zip(samples) {
            *to += from * factor;
        }
        self
    }

    pub(crate) fn pcm(&self) -> Vec<i16> {
        self.0.iter().map(|&sample| sample.round() as i16).collect()
    }

    pub(crate) fn codes(&self) -> Vec<u8> {
        self.pcm().into_iter().map(ulaw::encode_sample).collect()
    }
}

/// Every recorded call's caller, as mu-law, with its name.
pub(crate) fn calls() -> Vec<(String, Vec<u8>)> {
    let mut calls: Vec<_> = entries("calls")
        .into_iter()
        .filter(|path| path.join("caller.wav").exists())
        .map(|path| (name(&path), wav_codes(&std::fs::read(path.join("caller.wav")).unwrap())))
        .collect();
    calls.sort();
    assert!(calls.len() >= 10, "the calls are there");
    calls
}

/// Every voice of the repository, as mu-law, with its name.
pub(crate) fn voices() -> Vec<(String, Vec<u8>)> {
    let mut voices: Vec<_> = entries("voices")
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "ulaw"))
        .map(|path| (name(&path), std::fs::read(path).unwrap()))
        .collect();
    voices.sort();
    assert!(voices.len() >= 50, "the voices are there");
    voices
}

/// Speech faster (above 1) or slower, and higher or lower with it.
pub(crate) fn at_speed(codes: &[u8], speed: f64) -> Vec<i16> {
    let samples: Vec<f64> = codes.iter().map(|&code| f64::from(ulaw::decode_sample(code))).collect();
    (0..)
        .map(|n| f64::from(n) * speed)
        .take_while(|&time| time + 1.0 < samples.len() as f64)
        .map(|time| {
            let (index, part) = (time as usize, time.fract());
            (samples[index] * (1.0 - part) + samples[index + 1] * part).round() as i16
        })
        .collect()
}

fn entries(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(folder);
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// The mu-law codes of a WAV file: its chunk `data`.
fn wav_codes(file: &[u8]) -> Vec<u8> {
    let mut rest = &file[12..];
    loop {
        let length = u32::from_le_bytes(rest[4..8].try_into().unwrap()) as usize;
        let (kind, body) = (&rest[..4], &rest[8..8 + length]);
        match kind {
            b"fmt " => assert_eq!(body[..8], [7, 0, 1, 0, 0x40, 0x1F, 0, 0], "mu-law, mono, 8 kHz"),
            b"data" => return body.to_vec(),
            _ => {}
        }
        rest = &rest[8 + length + length % 2..];
    }
}
