//! What is measured: the detector of `audio-dsp`, a gate on energy, and with the feature `peers` the crates that a
//! user could pick instead. Each is shown mu-law as it comes from the line; what needs another rate gets it from the
//! same resampler, whose cost is counted.

use audio_dsp::{
    g711::ulaw,
    vad::{Vad, VadEvent, VadOptions},
};

/// Samples per frame: 20 ms at 8 kHz.
pub(crate) const FRAME: usize = 160;

/// What a candidate says of one frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    /// The higher, the more likely speech.
    pub(crate) score: f32,
    /// Its decision as it comes by default.
    pub(crate) speech: bool,
    /// It said in this frame that someone began to speak. Those that only judge frames have begun with the third
    /// frame of speech in a row.
    pub(crate) started: bool,
}

/// Something that finds speech.
pub(crate) trait Candidate {
    /// Its name in tables.
    fn name(&self) -> &'static str;
    /// A detector at the start of a stream.
    fn begin(&mut self);
    /// How many detectors are behind its score; the cost is of one.
    fn detectors(&self) -> usize {
        1
    }
    /// Takes the next frame.
    fn frame(&mut self, codes: &[u8; FRAME]) -> Answer;
}

/// All of them.
pub(crate) fn all() -> Vec<Box<dyn Candidate>> {
    let own: [Box<dyn Candidate>; 2] = [Box::new(Own::default()), Box::new(EnergyGate::default())];
    #[cfg(feature = "peers")]
    let peers = super::peers::all();
    #[cfg(not(feature = "peers"))]
    let peers = Vec::new();
    own.into_iter().chain(peers).collect()
}

/// Tells the third frame of speech in a row after others: how a start is made of decisions on frames.
#[derive(Debug, Default)]
pub(crate) struct Starts {
    row: u32,
}

impl Starts {
    /// Whether speech starts with this frame.
    pub(crate) fn next(&mut self, speech: bool) -> bool {
        self.row = if speech { self.row + 1 } else { 0 };
        self.row == 3
    }
}

/// `audio_dsp::vad`: the score of the network; starts are its events.
struct Own {
    vad: Vad,
}

impl Default for Own {
    fn default() -> Self {
        Self { vad: Vad::new(VadOptions::default()) }
    }
}

impl Candidate for Own {
    fn name(&self) -> &'static str {
        "audio-dsp"
    }

    fn begin(&mut self) {
        *self = Self::default();
    }

    fn frame(&mut self, codes: &[u8; FRAME]) -> Answer {
        let mut started = false;
        self.vad.push_ulaw(codes, |event| started |= matches!(event, VadEvent::SpeechStarted { .. }));
        let score = self.vad.score();
        Answer { score, speech: score > 0.0, started }
    }
}

/// Energy over the least of the last 1.5 s: 6 dB and more are speech.
#[derive(Default)]
struct EnergyGate {
    recent: std::collections::VecDeque<f32>,
    starts: Starts,
}

impl Candidate for EnergyGate {
    fn name(&self) -> &'static str {
        "energy gate"
    }

    fn begin(&mut self) {
        *self = Self::default();
    }

    fn frame(&mut self, codes: &[u8; FRAME]) -> Answer {
        let squares = codes.iter().map(|&code| f32::from(ulaw::decode_sample(code)).powi(2)).sum::<f32>();
        let level = 10.0 * (squares / FRAME as f32 + 1.0).log10();
        self.recent.push_back(level);
        if self.recent.len() > 75 {
            self.recent.pop_front();
        }
        let score = level - self.recent.iter().copied().fold(f32::INFINITY, f32::min);
        let speech = score > 6.0;
        Answer { score, speech, started: self.starts.next(speech) }
    }
}
