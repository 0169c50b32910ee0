//! A carrier with a playout buffer, and the shell around the ledger, on virtual time.

use crate::{
    call::{
        playout::{Fact, HeardEpoch, Input, Output, Playout, PlayoutOptions},
        time::CallTime,
    },
    ids::{Epoch, SentenceId},
    tts::WordEnd,
};
use bytes::Bytes;
use std::{collections::VecDeque, time::Duration};

/// Plays 8 samples per millisecond as long as it has some; returns marks when it reaches them.
#[derive(Debug, Default)]
pub(super) struct Carrier {
    run_start: CallTime,
    run_played: u64,
    buffer: VecDeque<u8>,
    /// Marks by how many buffered samples precede them.
    marks: VecDeque<(usize, String)>,
    pub(super) played: Vec<(CallTime, u8)>,
}

impl Carrier {
    fn media(&mut self, audio: &[u8], now: CallTime) {
        if self.buffer.is_empty() {
            self.run_start = now;
            self.run_played = 0;
        }
        self.buffer.extend(audio);
    }

    /// Plays until `now` and returns the marks that were reached, each with its time.
    fn advance(&mut self, now: CallTime) -> Vec<String> {
        let due = now.0.saturating_sub(self.run_start.0) / 125;
        let count = (due.saturating_sub(self.run_played) as usize).min(self.buffer.len());
        for sample in self.buffer.drain(..count) {
            self.played.push((CallTime(self.run_start.0 + self.run_played * 125), sample));
            self.run_played += 1;
        }
        let mut back = Vec::new();
        for mark in &mut self.marks {
            mark.0 = mark.0.saturating_sub(count);
        }
        while let Some((_, name)) = self.marks.pop_front_if(|mark| mark.0 == 0) {
            back.push(name);
        }
        back
    }

    fn clear(&mut self) -> Vec<String> {
        self.buffer.clear();
        self.marks.drain(..).map(|(_, name)| name).collect()
    }

    pub(super) fn buffered(&self) -> usize {
        self.buffer.len()
    }
}

/// The ledger with its carrier.
#[derive(Debug)]
pub(super) struct Sim {
    pub(super) ledger: Playout,
    pub(super) carrier: Carrier,
    pub(super) now: CallTime,
    pub(super) facts: Vec<Fact>,
    pub(super) messages: Vec<(CallTime, usize)>,
    pub(super) clears: u32,
    /// What a recorder was given; see [`Sim::recorder_is_right`].
    tape: Vec<(CallTime, u8)>,
    /// Inputs that had an output, or are no poll.
    pub(super) journal: Vec<(CallTime, Input)>,
    pub(super) outputs: Vec<Output>,
    /// How long marks take to come back; `None` loses them.
    pub(super) mark_delay: Option<Duration>,
    in_flight: VecDeque<(CallTime, String)>,
    /// Least lead seen right before a poll, while audio waited.
    pub(super) least_lead: Duration,
    /// Whether the caller's frames come, every 20 ms.
    pub(super) frames: bool,
}

impl Sim {
    pub(super) fn new() -> Self {
        Self {
            ledger: Playout::new(PlayoutOptions::default()),
            carrier: Carrier::default(),
            now: CallTime::from_ms(1_000),
            facts: Vec::new(),
            messages: Vec::new(),
            clears: 0,
            tape: Vec::new(),
            journal: Vec::new(),
            outputs: Vec::new(),
            mark_delay: Some(Duration::ZERO),
            in_flight: VecDeque::new(),
            least_lead: Duration::MAX,
            frames: true,
        }
    }

    pub(super) fn input(&mut self, input: Input) {
        self.carry_marks();
        if self.ledger.next_to_send().is_some() {
            self.least_lead = self.least_lead.min(self.ledger.lead(self.now));
        }
        let is_poll = input == Input::Poll;
        let before = self.outputs.len();
        self.ledger.handle(input.clone(), self.now);
        self.carry_out();
        if !is_poll || self.outputs.len() > before {
            self.journal.push((self.now, input));
        }
        self.record();
    }

    fn record(&mut self) {
        let tape = &mut self.tape;
        self.ledger.take_played(self.now, |at, audio| {
            tape.extend(audio.iter().enumerate().map(|(i, &s)| (CallTime(at.0 + 125 * i as u64), s)));
        });
    }

    /// Whether the recorder was given what the carrier played, sample by sample, each at its time.
    pub(super) fn recorder_is_right(&mut self) -> bool {
        self.record();
        self.tape == self.carrier.played
    }

    fn carry_marks(&mut self) {
        let back = self.carrier.advance(self.now);
        self.come_back(back);
    }

    fn come_back(&mut self, names: Vec<String>) {
        if let Some(delay) = self.mark_delay {
            let at = self.now.after(delay);
            self.in_flight.extend(names.into_iter().map(|name| (at, name)));
        }
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.ledger.poll_output() {
            match &output {
                Output::Media(media) => {
                    assert!(media.samples() > 0 && media.samples() <= 800, "{} samples", media.samples());
                    self.messages.push((self.now, media.samples()));
                    for part in media.parts() {
                        self.carrier.media(part, self.now);
                    }
                    assert!(self.carrier.buffered() <= 160 * 8, "{} in the buffer", self.carrier.buffered());
                }
                Output::Mark(name) => {
                    let place = self.carrier.buffered();
                    self.carrier.marks.push_back((place, name.to_string()));
                }
                Output::Clear => {
                    self.clears += 1;
                    let back = self.carrier.clear();
                    self.come_back(back);
                }
                Output::Fact(fact) => self.facts.push(fact.clone()),
            }
            self.outputs.push(output);
        }
    }

    /// Lets time pass: the caller's frames every 20 ms, the ledger's timer, marks on their way. Every wake-up
    /// comes `late`.
    pub(super) fn run(&mut self, time: Duration, late: Duration) {
        let end = self.now.after(time);
        let mut spins = 0;
        loop {
            let next_frame = CallTime((self.now.0 / 20_000 + 1) * 20_000);
            let frame = if self.frames { next_frame } else { end };
            let timer = self.ledger.poll_timeout().unwrap_or(end).max(self.now);
            let poll = frame.min(timer).after(late);
            let carrier = CallTime(self.now.0 + 1_000);
            let mark = self.in_flight.front().map_or(end, |(at, _)| *at).max(self.now);
            let next = poll.min(mark).min(carrier.max(self.now)).min(end);
            spins = if next == self.now { spins + 1 } else { 0 };
            assert!(spins < 8, "the timer is due and nothing comes of it: {:?}", self.ledger);
            self.now = next;
            self.carry_marks();
            if let Some((_, name)) = self.in_flight.pop_front_if(|(at, _)| *at <= next) {
                self.input(Input::Mark { name });
            } else if next == poll {
                self.input(Input::Poll);
            }
            if next == end && self.in_flight.front().is_none_or(|(at, _)| *at > end) {
                return;
            }
        }
    }

    pub(super) fn run_ms(&mut self, ms: u64) {
        self.run(Duration::from_millis(ms), Duration::ZERO);
    }

    /// Announces a sentence and gives all of its audio, with word ends if `aligned`.
    pub(super) fn say(&mut self, id: SentenceId, text: &str, ms: u32, aligned: bool) {
        self.input(Input::Sentence { id, text: text.into() });
        let words = if aligned { even_words(text, ms * 8) } else { Vec::new() };
        self.input(Input::Audio { sentence: id, audio: ramp(id, 0, ms * 8), words });
        self.input(Input::SentenceDone { sentence: id });
    }

    pub(super) fn played(&self) -> Vec<u8> {
        self.carrier.played.iter().map(|&(_, sample)| sample).collect()
    }

    /// What was heard according to the last fact that says so.
    pub(super) fn last_heard(&self) -> HeardEpoch {
        self.facts
            .iter()
            .rev()
            .find_map(|fact| match fact {
                Fact::Held { heard } | Fact::Dropped { heard } | Fact::Drained { heard, .. } => {
                    Some(heard.clone())
                }
                Fact::Started { .. }
                | Fact::FirstMarkReturned { .. }
                | Fact::Heard(_)
                | Fact::SynthesisCut { .. }
                | Fact::Stalled { .. } => None,
            })
            .expect("a report")
    }
}

pub(super) fn sentence(epoch: u32, index: u32) -> SentenceId {
    SentenceId { epoch: Epoch(epoch), index }
}

/// Audio in which every sample tells where it belongs.
pub(super) fn ramp(id: SentenceId, from: u32, samples: u32) -> Bytes {
    (from..from + samples).map(|at| ((at / 7 + at + id.index * 31 + id.epoch.0 * 101) % 251) as u8).collect()
}

/// Word ends that divide the audio evenly among the words.
pub(super) fn even_words(text: &str, samples: u32) -> Vec<WordEnd> {
    let ends: Vec<usize> = text
        .char_indices()
        .filter(|&(at, char)| {
            let end = at + char.len_utf8();
            !char.is_whitespace() && text[end..].chars().next().is_none_or(char::is_whitespace)
        })
        .map(|(at, char)| at + char.len_utf8())
        .collect();
    let count = ends.len() as u32;
    ends.iter()
        .zip(1..)
        .map(|(&text, n)| WordEnd { text: text as u32, samples: samples * n / count })
        .collect()
}
