//! The pieces of work. Each goes round one second of the same audio, made of integers alone, so that every machine
//! does exactly the same.
#![expect(
    clippy::expect_used,
    reason = "rates that the crate has, and a count that cannot be had has failed"
)]

use audio_dsp::InstructionSet;
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
    let mut all = Vec::new();
    for set in counted_sets() {
        let named = |work: &str| format!("{work}_{}", set.name().to_lowercase());
        all.extend([
            decode(named("ulaw_decode"), move |codes, samples| ulaw::decode_on(set, codes, samples)),
            decode(named("alaw_decode"), move |codes, samples| alaw::decode_on(set, codes, samples)),
            encode(named("ulaw_encode"), move |samples, codes| ulaw::encode_on(set, samples, codes)),
            encode(named("alaw_encode"), move |samples, codes| alaw::encode_on(set, samples, codes)),
        ]);
        all.extend(RATIOS.map(|(from_hz, to_hz)| resample(set, from_hz, to_hz)));
        all.extend([16_000, 24_000].map(|to_hz| ulaw_to_pcm(set, to_hz)));
        all.extend([16_000, 24_000, 48_000].map(|from_hz| pcm_to_ulaw(set, from_hz)));
    }
    all.extend(small_ones());
    all.push(voice_activity());
    all.push(call());
    all
}

/// The instruction sets that can be counted everywhere: all but AVX-512, which the counting tool does not know.
fn counted_sets() -> impl Iterator<Item = InstructionSet> {
    InstructionSet::available().into_iter().filter(|set| set.name() != "AVX-512")
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

/// G.711 expanded.
fn decode(name: String, decode: impl Fn(&[u8], &mut [i16]) -> usize + 'static) -> Workload {
    let mut frames = Round::new(encoded(&speech(8_000)));
    let mut output = [0; FRAME];
    Workload::new(name, move || {
        black_box(decode(frames.next(), black_box(&mut output)));
    })
}

/// G.711 compressed, likewise.
fn encode(name: String, encode: impl Fn(&[i16], &mut [u8]) -> usize + 'static) -> Workload {
    let mut frames = Round::new(speech(8_000));
    let mut output = [0; FRAME];
    Workload::new(name, move || {
        black_box(encode(frames.next(), black_box(&mut output)));
    })
}

fn resample(set: InstructionSet, from_hz: u32, to_hz: u32) -> Workload {
    let mut resampler = Resampler::with_instruction_set(from_hz, to_hz, set).expect("a ratio it has");
    let mut frames = Round::new(speech(from_hz));
    let mut output = [0; 960];
    Workload::new(format!("resample_{from_hz}_{to_hz}_{}", set.name().to_lowercase()), move || {
        resampler.process_into(frames.next(), black_box(&mut output)).expect("the output is long enough");
    })
}

fn ulaw_to_pcm(set: InstructionSet, to_hz: u32) -> Workload {
    let mut chain = UlawToPcm::with_instruction_set(to_hz, set).expect("a rate it has");
    let mut frames = Round::new(encoded(&speech(8_000)));
    let mut output = [0; 960];
    Workload::new(format!("ulaw_to_pcm_{to_hz}_{}", set.name().to_lowercase()), move || {
        chain.process_into(frames.next(), black_box(&mut output)).expect("the output is long enough");
    })
}

fn pcm_to_ulaw(set: InstructionSet, from_hz: u32) -> Workload {
    let mut chain = PcmToUlaw::with_instruction_set(from_hz, set).expect("a rate it has");
    let mut frames = Round::new(speech(from_hz));
    let mut output = [0; FRAME];
    Workload::new(format!("pcm_{from_hz}_to_ulaw_{}", set.name().to_lowercase()), move || {
        chain.process_into(frames.next(), black_box(&mut output)).expect("the output is long enough");
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
    let (mut heard, mut said) = ([0; 2 * FRAME], [0; FRAME]);
    let mut events = 0_u64;
    Workload::new("whole_call", move || {
        let codes = caller_frames.next();
        ulaw::decode(codes, &mut caller);
        black_box(level::of_pcm(&caller));
        vad.push_pcm(&caller, |_| events += 1);
        to_recogniser.process_into(codes, black_box(&mut heard)).expect("the output is long enough");
        to_caller.process_into(assistant_frames.next(), &mut said).expect("the output is long enough");
        ulaw::decode(&said, &mut assistant);
        stereo::interleave(&caller, &assistant, black_box(&mut recorded));
    })
}
