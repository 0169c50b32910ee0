//! Turns the verdicts on single blocks into speech that starts, is sustained and ends.

#![forbid(unsafe_code)]

use super::{BLOCK, VadEvent, VadOptions};

/// Samples per millisecond at 8 kHz.
const SAMPLES_PER_MS: u64 = 8;

/// Samples per block.
const BLOCK_SAMPLES: u64 = BLOCK as u64;

/// Sound before the first voiced block that may belong to it (150 ms): the "s" of "six", not the breath before.
const LEAD_IN: u64 = 150 * SAMPLES_PER_MS;

/// Voiced blocks without which there is no speech, so that chance does not start it.
const VOICED_BLOCKS: u32 = 3;

/// Blocks in a row (100 ms) after which an unchanging sound is a tone and not the beginning of speech.
const TONE_BLOCKS: u32 = 10;

/// What was found in one block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Verdict {
    /// There is sound clearly above the noise, of whatever kind: where speech begins, if this turns out to be speech.
    pub sound: bool,
    /// It may be part of speech.
    pub active: bool,
    /// It is surely a voice.
    pub voiced: bool,
    /// For how many blocks the sound has not changed.
    pub steady_blocks: u32,
}

/// A stretch of sound without a dip longer than the tolerated gap.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Run {
    onset: u64,
    /// Where its last active block ended.
    end: u64,
    /// Its voiced blocks.
    voiced: u32,
}

impl Run {
    fn new(start: u64) -> Self {
        Self { onset: start, end: start, voiced: 0 }
    }

    fn add(&mut self, start: u64, verdict: Verdict) {
        self.end = start.saturating_add(BLOCK_SAMPLES);
        self.voiced += u32::from(verdict.voiced);
    }

    fn length(&self) -> u64 {
        self.end - self.onset
    }
}

#[derive(Debug, Clone, PartialEq)]
enum State {
    Quiet,
    /// Sound that may turn out to be speech.
    Candidate(Run),
    Speaking {
        /// The unbroken stretch that goes on, or the last one.
        run: Run,
        sustained: bool,
        /// Where the last voiced block ended.
        last_voice: u64,
    },
}

/// The state machine over blocks. Lengths are in samples.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Segmenter {
    onset: u64,
    sustained: u64,
    gap: u64,
    hangover: u64,
    unvoiced: u64,
    state: State,
}

impl Segmenter {
    pub(super) fn new(options: &VadOptions) -> Self {
        let samples = |milliseconds: u32| u64::from(milliseconds) * SAMPLES_PER_MS;
        Self {
            onset: samples(options.onset_ms),
            sustained: samples(options.sustained_ms),
            gap: samples(options.sustained_gap_ms),
            hangover: samples(options.hangover_ms),
            unvoiced: samples(options.unvoiced_ms),
            state: State::Quiet,
        }
    }

    pub(super) fn is_speaking(&self) -> bool {
        matches!(self.state, State::Speaking { .. })
    }

    /// Nothing but silence is left before `position`: ends what has been silent for too long.
    pub(super) fn reach(&mut self, position: u64, emit: &mut impl FnMut(VadEvent)) {
        match &self.state {
            State::Candidate(run) if position - run.end > self.gap => self.state = State::Quiet,
            State::Speaking { run, .. } if position - run.end >= self.hangover => {
                emit(VadEvent::SpeechEnded { end: run.end });
                self.state = State::Quiet;
            }
            State::Quiet | State::Candidate(_) | State::Speaking { .. } => {}
        }
    }

    /// Takes the verdict on the block that begins at `start`.
    pub(super) fn advance(&mut self, start: u64, verdict: Verdict, emit: &mut impl FnMut(VadEvent)) {
        let begins = verdict.sound && !matches!(self.state, State::Speaking { .. });
        if !verdict.active && !begins {
            self.reach(start.saturating_add(BLOCK_SAMPLES), emit);
            return;
        }
        match &mut self.state {
            State::Quiet => {
                let mut run = Run::new(start);
                run.add(start, verdict);
                self.state = State::Candidate(run);
            }
            State::Candidate(run) => {
                if verdict.voiced && run.voiced == 0 {
                    run.onset = run.onset.max(start.saturating_sub(LEAD_IN));
                }
                run.add(start, verdict);
                if verdict.steady_blocks >= TONE_BLOCKS {
                    self.state = State::Quiet;
                } else if verdict.voiced && run.voiced >= VOICED_BLOCKS && run.length() >= self.onset {
                    emit(VadEvent::SpeechStarted { onset: run.onset });
                    self.state = State::Speaking { run: *run, sustained: false, last_voice: run.end };
                } else if run.voiced > 0 && run.length() >= LEAD_IN + self.unvoiced {
                    self.state = State::Quiet;
                }
            }
            State::Speaking { run, last_voice, .. } => {
                if start - run.end > self.gap {
                    *run = Run::new(start);
                }
                run.add(start, verdict);
                if verdict.voiced {
                    *last_voice = run.end;
                } else if run.end - *last_voice >= self.unvoiced {
                    emit(VadEvent::SpeechEnded { end: *last_voice });
                    self.state = State::Quiet;
                    return;
                }
            }
        }
        self.report_sustained(emit);
    }

    fn report_sustained(&mut self, emit: &mut impl FnMut(VadEvent)) {
        if let State::Speaking { run, sustained, .. } = &mut self.state
            && !*sustained
            && run.length() >= self.sustained
            && run.voiced >= VOICED_BLOCKS
        {
            *sustained = true;
            emit(VadEvent::SpeechSustained { onset: run.onset });
        }
    }
}
