//! The pieces of work. Each goes round one second of the same audio, made of integers alone, so that every machine
//! does exactly the same.
#![expect(
    clippy::expect_used,
    reason = "rates that the crate has, and a count that cannot be had has failed"
)]

use audio_dsp::chain::{PcmToUlaw, UlawToPcm};
use audio_dsp::g711::{alaw, ulaw};
use audio_dsp::resample::Resampler;
use audio_dsp::vad::{Vad, VadOptions};
use audio_dsp::{level, mix, stereo};
use std::hint::black_box;

/// Samples of a telephone frame.
const FRAME: usize = 160;

/// Frames of a second, after which the audio starts again.
const FRAMES: usize = 50;

/// One piece of work.
pub(crate) struct Workload {
    /// What it is called in the list of counts.
    pub(crate) name: String,
    /// Does it for the next frame.
    pub(crate) frame: Box<dyn FnMut()>,
}

impl Workload {
    fn new(name: impl Into<String>, frame: impl FnMut() + 'static) -> Self {
        Self { name: name.into(), frame: Box::new(frame) }
    }
}

/// Every piece, in the order of the list.
pub(crate) fn all() -> Vec<Workload> {
    let mut all = vec![
        decode("ulaw_decode", ulaw::decode),
        decode("alaw_decode", alaw::decode),
        encode("ulaw_encode", ulaw::encode),
        encode("alaw_encode", alaw::encode),
    ];
    all.extend(RATIOS.map(|(from_hz, to_hz)| resample(from_hz, to_hz)));
    all.extend([16_000, 24_000].map(ulaw_to_pcm));
    all.extend([16_000, 24_000, 48_000].map(pcm_to_ulaw));
    all.extend(small_ones());
    all.push(voice_activity());
    all.push(call());
    all
}

const RATIOS: [(u32, u32); 10] = [
    (8_000, 16_000),
    (16_000, 8_000),
    (8_000, 24_000),
    (24_000, 8_000),
    (8_000, 48_000),
    (48_000, 8_000),
    (16_000, 24_000),
    (24_000, 16_000),
    (16_000, 48_000),
    (48_000, 16_000),
];

/// One second of a voice-like buzz of 125 Hz in two syllables, with faint noise between.
fn speech(rate_hz: u32) -> Vec<i16> {
    let mut noise = 1_u32;
    (0..rate_hz)
        .map(|n| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let hiss = (noise >> 26) as i16 - 32;
            let speaking = (n / (rate_hz / 4)).is_multiple_of(2);
            let period = rate_hz / 125;
            let buzz = (n % period * 24_000 / period) as i16 - 12_000;
            if speaking { buzz + hiss } else { hiss }
        })
        .collect()
}

fn encoded(samples: &[i16]) -> Vec<u8> {
    samples.iter().map(|&sample| ulaw::encode_sample(sample)).collect()
}

/// The frames of one second, over and over.
struct Round<T> {
    samples: Vec<T>,
    number: usize,
}

impl<T> Round<T> {
    fn new(samples: Vec<T>) -> Self {
        Self { samples, number: 0 }
    }

    fn next(&mut self) -> &[T] {
        let length = self.samples.len() / FRAMES;
        let start = self.number % FRAMES * length;
        self.number += 1;
        black_box(&self.samples[start..start + length])
    }
}

/// G.711 expanded, on whatever instruction set `decode` has chosen.
fn decode(name: &str, decode: impl Fn(&[u8], &mut [i16]) -> usize + 'static) -> Workload {
    let mut frames = Round::new(encoded(&speech(8_000)));
    let mut output = [0; FRAME];
    Workload::new(name, move || {
        black_box(decode(frames.next(), black_box(&mut output)));
    })
}

/// G.711 compressed, likewise.
fn encode(name: &str, encode: impl Fn(&[i16], &mut [u8]) -> usize + 'static) -> Workload {
    let mut frames = Round::new(speech(8_000));
    let mut output = [0; FRAME];
    Workload::new(name, move || {
        black_box(encode(frames.next(), black_box(&mut output)));
    })
}

fn resample(from_hz: u32, to_hz: u32) -> Workload {
    let mut resampler = Resampler::new(from_hz, to_hz).expect("a ratio it has");
    let mut frames = Round::new(speech(from_hz));
    let mut output = Vec::with_capacity(1_024);
    Workload::new(format!("resample_{from_hz}_{to_hz}"), move || {
        output.clear();
        resampler.process(frames.next(), black_box(&mut output));
    })
}

fn ulaw_to_pcm(to_hz: u32) -> Workload {
    let mut chain = UlawToPcm::new(to_hz).expect("a rate it has");
    let mut frames = Round::new(encoded(&speech(8_000)));
    let mut output = Vec::with_capacity(1_024);
    Workload::new(format!("ulaw_to_pcm_{to_hz}"), move || {
        output.clear();
        chain.process(frames.next(), black_box(&mut output));
    })
}

fn pcm_to_ulaw(from_hz: u32) -> Workload {
    let mut chain = PcmToUlaw::new(from_hz).expect("a rate it has");
    let mut frames = Round::new(speech(from_hz));
    let mut output = Vec::with_capacity(1_024);
    Workload::new(format!("pcm_{from_hz}_to_ulaw"), move || {
        output.clear();
        chain.process(frames.next(), black_box(&mut output));
    })
}

fn small_ones() -> Vec<Workload> {
    let mut frames = Round::new(speech(8_000));
    let level_of_pcm = Workload::new("level_of_pcm", move || {
        black_box(level::of_pcm(frames.next()));
    });
    let mut frames = Round::new(encoded(&speech(8_000)));
    let level_of_ulaw = Workload::new("level_of_ulaw", move || {
        black_box(level::of_ulaw(frames.next()));
    });
    let mut frames = Round::new(speech(8_000));
    let (other, mut mixed) = ([7; FRAME], [0; FRAME]);
    let mix_of_two = Workload::new("mix_of_two", move || {
        mix::mix(&[frames.next(), black_box(&other)], black_box(&mut mixed));
    });
    let mut frames = Round::new(speech(8_000));
    let mut interleaved = [0; 2 * FRAME];
    let interleave = Workload::new("interleave", move || {
        stereo::interleave(frames.next(), black_box(&other), black_box(&mut interleaved));
    });
    vec![level_of_pcm, level_of_ulaw, mix_of_two, interleave]
}

fn voice_activity() -> Workload {
    let mut vad = Vad::new(VadOptions::default());
    let mut frames = Round::new(encoded(&speech(8_000)));
    let mut events = 0_u64;
    Workload::new("vad", move || vad.push_ulaw(frames.next(), |_| *black_box(&mut events) += 1))
}

/// All that happens to a call in 20 ms: decode, level, voice activity, to the recogniser, to the caller, recorder.
fn call() -> Workload {
    let mut vad = Vad::new(VadOptions::default());
    let mut to_recogniser = UlawToPcm::new(16_000).expect("a rate it has");
    let mut to_caller = PcmToUlaw::new(24_000).expect("a rate it has");
    let (mut caller_frames, mut assistant_frames) =
        (Round::new(encoded(&speech(8_000))), Round::new(speech(24_000)));
    let (mut caller, mut assistant, mut recorded) = ([0; FRAME], [0; FRAME], [0; 2 * FRAME]);
    let (mut heard, mut said) = (Vec::with_capacity(1_024), Vec::with_capacity(1_024));
    let mut events = 0_u64;
    Workload::new("whole_call", move || {
        let codes = caller_frames.next();
        ulaw::decode(codes, &mut caller);
        black_box(level::of_pcm(&caller));
        vad.push_pcm(&caller, |_| events += 1);
        heard.clear();
        to_recogniser.process(codes, black_box(&mut heard));
        said.clear();
        to_caller.process(assistant_frames.next(), &mut said);
        ulaw::decode(&said, &mut assistant);
        stereo::interleave(&caller, &assistant, black_box(&mut recorded));
    })
}
