//! The crates that a user could pick instead.

use super::candidates::{Answer, Candidate, FRAME, Starts};
use audio_dsp::{chain::UlawToPcm, g711::ulaw};
use fast_vad::{VADModes, VadConfig, VadStateful};
use nnnoiseless::DenoiseState;
use webrtc_vad::{SampleRate, VadMode};

/// All of them.
pub(crate) fn all() -> Vec<Box<dyn Candidate>> {
    vec![
        Box::new(WebRtc::new()),
        Box::new(Earshot::new()),
        Box::new(NnNoiseless::new()),
        Box::new(FastVad::new("fast-vad p>0.4", Decision::At(0.4))),
        Box::new(FastVad::new("fast-vad normal", Decision::Normal)),
    ]
}

/// A resampler from the line to `rate`.
fn from_line(rate: u32) -> UlawToPcm {
    UlawToPcm::new(rate).expect("a rate that the resampler knows")
}

/// webrtc-vad 0.4. It only says yes or no, so its score is by how many of its four modes say yes; its decision is
/// mode 2, "aggressive".
struct WebRtc {
    modes: Vec<webrtc_vad::Vad>,
    starts: Starts,
}

impl WebRtc {
    fn new() -> Self {
        let modes = [VadMode::Quality, VadMode::LowBitrate, VadMode::Aggressive, VadMode::VeryAggressive];
        let detector = |mode| webrtc_vad::Vad::new_with_rate_and_mode(SampleRate::Rate8kHz, mode);
        Self { modes: modes.into_iter().map(detector).collect(), starts: Starts::default() }
    }
}

impl Candidate for WebRtc {
    fn name(&self) -> &'static str {
        "webrtc-vad"
    }

    fn begin(&mut self) {
        *self = Self::new();
    }

    fn detectors(&self) -> usize {
        self.modes.len()
    }

    fn frame(&mut self, codes: &[u8; FRAME]) -> Answer {
        let mut samples = [0; FRAME];
        ulaw::decode(codes, &mut samples);
        let said: Vec<bool> =
            self.modes.iter_mut().map(|mode| mode.is_voice_segment(&samples) == Ok(true)).collect();
        let speech = said[2];
        let score = said.iter().filter(|&&said| said).count() as f32;
        Answer { score, speech, started: self.starts.next(speech) }
    }
}

/// earshot 1.2, frames of 16 ms at 16 kHz.
struct Earshot {
    detector: Box<earshot::Detector>,
    line: UlawToPcm,
    samples: Vec<i16>,
    score: f32,
    starts: Starts,
}

impl Earshot {
    fn new() -> Self {
        Self {
            detector: Box::default(),
            line: from_line(16_000),
            samples: Vec::new(),
            score: 0.0,
            starts: Starts::default(),
        }
    }
}

impl Candidate for Earshot {
    fn name(&self) -> &'static str {
        "earshot"
    }

    fn begin(&mut self) {
        *self = Self::new();
    }

    fn frame(&mut self, codes: &[u8; FRAME]) -> Answer {
        self.line.process(codes, &mut self.samples);
        while self.samples.len() >= 256 {
            self.score = self.detector.predict_i16(&self.samples[..256]);
            self.samples.drain(..256);
        }
        let speech = self.score >= 0.5;
        Answer { score: self.score, speech, started: self.starts.next(speech) }
    }
}

/// nnnoiseless 0.5, the voice activity that RNNoise's network gives beside its gains: frames of 10 ms at 48 kHz.
struct NnNoiseless {
    state: Box<DenoiseState<'static>>,
    line: UlawToPcm,
    samples: Vec<i16>,
    score: f32,
    starts: Starts,
}

impl NnNoiseless {
    fn new() -> Self {
        Self {
            state: DenoiseState::new(),
            line: from_line(48_000),
            samples: Vec::new(),
            score: 0.0,
            starts: Starts::default(),
        }
    }
}

impl Candidate for NnNoiseless {
    fn name(&self) -> &'static str {
        "nnnoiseless"
    }

    fn begin(&mut self) {
        *self = Self::new();
    }

    fn frame(&mut self, codes: &[u8; FRAME]) -> Answer {
        self.line.process(codes, &mut self.samples);
        let (mut input, mut output) =
            ([0.0f32; DenoiseState::FRAME_SIZE], [0.0f32; DenoiseState::FRAME_SIZE]);
        while self.samples.len() >= input.len() {
            for (to, sample) in input.iter_mut().zip(self.samples.drain(..DenoiseState::FRAME_SIZE)) {
                *to = f32::from(sample);
            }
            self.score = self.state.process_frame(&mut output, &input);
        }
        let speech = self.score > 0.5;
        Answer { score: self.score, speech, started: self.starts.next(speech) }
    }
}

/// Which of fast-vad's decisions is taken.
#[derive(Clone, Copy)]
enum Decision {
    /// Its mode "normal", with its own smoothing.
    Normal,
    /// Every frame by its probability.
    At(f32),
}

/// fast-vad 0.2, frames of 32 ms at 8 kHz. It does not tell its probability, so the score is the highest of many
/// thresholds that it passes.
struct FastVad {
    name: &'static str,
    decision: Decision,
    detectors: Vec<VadStateful>,
    samples: Vec<f32>,
    last: (f32, bool),
    starts: Starts,
}

/// The thresholds that its score is made of.
const THRESHOLDS: [f32; 19] =
    [0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99];

impl FastVad {
    fn new(name: &'static str, decision: Decision) -> Self {
        let raw = |threshold_probability| {
            let config =
                VadConfig { threshold_probability, min_speech_ms: 0, min_silence_ms: 0, hangover_ms: 0 };
            VadStateful::with_config(8_000, config).expect("8 kHz is a rate that it knows")
        };
        let decides = match decision {
            Decision::Normal => VadStateful::with_mode(8_000, VADModes::Normal).expect("8 kHz is known"),
            Decision::At(threshold) => raw(threshold),
        };
        let detectors = [decides].into_iter().chain(THRESHOLDS.map(raw)).collect();
        Self { name, decision, detectors, samples: Vec::new(), last: (0.0, false), starts: Starts::default() }
    }
}

impl Candidate for FastVad {
    fn name(&self) -> &'static str {
        self.name
    }

    fn begin(&mut self) {
        *self = Self::new(self.name, self.decision);
    }

    fn detectors(&self) -> usize {
        self.detectors.len()
    }

    fn frame(&mut self, codes: &[u8; FRAME]) -> Answer {
        self.samples.extend(codes.iter().map(|&code| f32::from(ulaw::decode_sample(code)) / 32_768.0));
        while self.samples.len() >= 256 {
            let frame = &self.samples[..256];
            let mut said = self.detectors.iter_mut().map(|detector| detector.detect_frame(frame) == Ok(true));
            let speech = said.next() == Some(true);
            let score = said.filter(|&said| said).count() as f32;
            self.last = (score, speech);
            self.samples.drain(..256);
        }
        let (score, speech) = self.last;
        Answer { score, speech, started: self.starts.next(speech) }
    }
}
