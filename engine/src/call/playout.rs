//! The playout ledger: what the caller has heard, what is on its way, what waits.
//!
//! It keeps the carrier's buffer 120-160 ms ahead of real time on an absolute clock, plays sentences in order,
//! asks for marks and judges them, takes audio back when the caller speaks over it, and knows at any moment up
//! to which word the caller has heard each sentence. It guarantees:
//!
//! - the lead is never above [`PlayoutOptions::lead_high`], nor below [`PlayoutOptions::lead_low`] while audio
//!   waits and polls are on time;
//! - every sample is sent once, except what a [`Input::Resume`] repeats from the start of the cut word;
//! - audio of an epoch that is over is dropped at the door, and a newer epoch waits behind an older one;
//! - text counts as heard only if its audio was played by the clock and no overdue mark contradicts it;
//! - a [`Input::Poll`] without output changes nothing, so a journal needs only the polls that had one.

mod chunks;
mod line;
mod media;
mod messages;
mod options;
mod pacing;
mod sentence;
mod tape;
#[cfg(test)]
mod tests;
mod units;

pub use line::MarkName;
pub use media::Media;
pub use messages::{Counters, Fact, HeardEpoch, HeardSentence, Input, Output, ResumePoint};
pub use options::PlayoutOptions;

use crate::{
    call::time::CallTime,
    ids::{Epoch, SentenceId},
    tts::WordEnd,
};
use bytes::Bytes;
use line::{Line, Returned};
use sentence::Sentence;
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tape::Tape;
use units::samples_within;

/// The ledger of one stream.
#[derive(Clone, Debug)]
pub struct Playout {
    options: PlayoutOptions,
    line: Line,
    tape: Tape,
    /// Open epochs in order; all but the newest are finished.
    epochs: VecDeque<OpenEpoch>,
    /// Their sentences in order, except those that were heard whole.
    sentences: VecDeque<Sentence>,
    /// Epochs before this one are over.
    oldest: Epoch,
    /// The caller speaks over this epoch.
    held: Option<Epoch>,
    /// The line was emptied by us: that it is empty is no underrun.
    emptied: bool,
    /// A stall was told and no mark came back since.
    stalled: bool,
    outputs: VecDeque<Output>,
    counters: Counters,
}

#[derive(Clone, Debug)]
struct OpenEpoch {
    epoch: Epoch,
    finished: bool,
    started: bool,
    proven: bool,
    /// Sentences that were heard whole.
    heard: Vec<HeardSentence>,
    /// Audio sent after its last mark.
    unmarked: u32,
    /// When what was sent of it will have been played.
    ends_at: CallTime,
}

impl Playout {
    /// An empty ledger for a stream that has just started.
    #[must_use]
    pub fn new(options: PlayoutOptions) -> Self {
        Self {
            options: options.in_order(),
            line: Line::default(),
            tape: Tape::default(),
            epochs: VecDeque::new(),
            sentences: VecDeque::new(),
            oldest: Epoch::default(),
            held: None,
            emptied: false,
            stalled: false,
            outputs: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// Takes one input; whatever it is, it also does what is due by `now`.
    pub fn handle(&mut self, input: Input, now: CallTime) {
        match input {
            Input::Sentence { id, text } => self.announce(id, text, now),
            Input::Audio { sentence, audio, words } => self.queue(sentence, audio, &words),
            Input::SentenceDone { sentence } => {
                if let Some(sentence) = self.sentence(sentence) {
                    sentence.finish();
                }
            }
            Input::Finish { epoch } => {
                if self.open(epoch, now)
                    && let Some(newest) = self.epochs.back_mut()
                {
                    newest.finished = true;
                }
            }
            Input::Mark { name } => self.mark_returned(&name, now),
            Input::Hold => self.hold(now),
            Input::Resume => self.held = None,
            Input::Drop { epoch } => self.drop_until(epoch, now),
            Input::SynthesiserLost => self.cut_synthesis(),
            Input::Poll => {}
        }
        self.advance(now);
        self.check_invariants(now);
    }

    /// The next thing to carry out. Drain it after every [`Playout::handle`].
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Whether there is something to carry out.
    #[must_use]
    pub fn has_output(&self) -> bool {
        !self.outputs.is_empty()
    }

    /// When to poll at the latest, if nothing else happens.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<CallTime> {
        let top_up = self.next_to_send().is_some().then(|| self.line.free_at().before(self.options.lead_low));
        let stall_at = self.line.oldest_expected().map(|expected| expected.after(self.options.stall_after));
        let stall = stall_at.filter(|_| !self.stalled);
        let drain = self.epochs.front().filter(|epoch| self.is_sent(epoch)).map(|epoch| {
            let patience = stall_at.filter(|_| self.line.awaits(epoch.epoch));
            patience.map_or(epoch.ends_at, |at| at.max(epoch.ends_at))
        });
        [top_up, stall, drain].into_iter().flatten().min()
    }

    /// What the caller has heard of an open epoch; no sentences if it is not open.
    #[must_use]
    pub fn heard(&self, epoch: Epoch, now: CallTime) -> HeardEpoch {
        let until = self.line.played_until(now, self.options.mark_grace);
        let over = self.epochs.iter().find(|open| open.epoch == epoch).map(|open| open.heard.clone());
        let mut sentences = over.unwrap_or_default();
        sentences.extend(
            self.sentences
                .iter()
                .filter(|sentence| sentence.id.epoch == epoch)
                .map(|sentence| self.heard_of(sentence, until)),
        );
        HeardEpoch { epoch, sentences }
    }

    /// The epoch that is played, or the next that will be.
    #[must_use]
    pub fn current(&self) -> Option<Epoch> {
        self.epochs.front().map(|epoch| epoch.epoch)
    }

    /// Hands out the audio that has been played by the clock until `now` and was not handed out before, each
    /// piece with the time at which its first sample was played. Pieces of an unbroken run touch. To be called
    /// at least every few seconds.
    pub fn take_played(&mut self, now: CallTime, sink: impl FnMut(CallTime, &[u8])) {
        self.tape.take(now, sink);
    }

    /// Keeps what is played for [`Self::take_played`] from now on, or no longer.
    pub(crate) fn set_taped(&mut self, taped: bool) {
        self.options.record = taped;
        if !taped {
            self.tape = Tape::default();
        }
    }

    /// How far ahead of real time the carrier's buffer is filled.
    #[must_use]
    pub fn lead(&self, now: CallTime) -> Duration {
        self.line.lead(now)
    }

    /// Whether to go on reading from the synthesiser.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.queued() < samples_within(self.options.queue_max) / 2
    }

    /// Samples that wait to be sent.
    #[must_use]
    pub fn queued(&self) -> u64 {
        self.sentences.iter().map(|sentence| u64::from(sentence.unsent())).sum()
    }

    /// What went wrong so far.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    fn announce(&mut self, id: SentenceId, text: Arc<str>, now: CallTime) {
        let in_order = self.sentences.back().is_none_or(|last| last.id < id);
        if !in_order || !self.open(id.epoch, now) {
            self.counters.stale_sentences += 1;
            return;
        }
        self.sentences.push_back(Sentence::new(id, text));
    }

    /// Opens an epoch if it is not open yet, and finishes every older one. False if it is over or finished.
    fn open(&mut self, epoch: Epoch, now: CallTime) -> bool {
        match self.epochs.back() {
            Some(newest) if newest.epoch == epoch => return !newest.finished,
            Some(newest) if newest.epoch > epoch => return false,
            Some(_) | None if epoch < self.oldest => return false,
            Some(_) | None => {}
        }
        for older in &mut self.epochs {
            older.finished = true;
        }
        self.epochs.push_back(OpenEpoch {
            epoch,
            finished: false,
            started: false,
            proven: false,
            heard: Vec::new(),
            unmarked: 0,
            ends_at: now,
        });
        true
    }

    fn sentence(&mut self, id: SentenceId) -> Option<&mut Sentence> {
        self.sentences.iter_mut().find(|sentence| sentence.id == id)
    }

    fn queue(&mut self, id: SentenceId, audio: Bytes, words: &[WordEnd]) {
        let samples = audio.len() as u64;
        let full = self.queued() + samples > samples_within(self.options.queue_max);
        match self.sentence(id).filter(|sentence| !sentence.is_done()) {
            Some(sentence) if !full => sentence.push(audio, words),
            Some(_) => self.counters.overflow_audio += samples,
            None => self.counters.stale_audio += samples,
        }
    }

    fn mark_returned(&mut self, name: &str, now: CallTime) {
        let returned = MarkName::parse(name).map_or(Returned::Unknown, |name| self.line.returned(name));
        let epoch = match returned {
            Returned::Proof(epoch) => epoch,
            Returned::Void => {
                self.counters.void_marks += 1;
                return;
            }
            Returned::Unknown => {
                self.counters.unknown_marks += 1;
                return;
            }
        };
        self.stalled = false;
        if let Some(open) = self.epochs.iter_mut().find(|open| open.epoch == epoch && !open.proven) {
            open.proven = true;
            self.outputs.push_back(Output::Fact(Fact::FirstMarkReturned { epoch, at: now }));
        }
        self.settle_heard();
    }

    /// Writes down what is proven to have been heard, tells it, and gives its audio back.
    fn settle_heard(&mut self) {
        let until = self.line.proven_until();
        for sentence in &mut self.sentences {
            let Some(reached) = self.line.reached(sentence.id, until) else { continue };
            sentence.heard = sentence.heard.max(reached);
            sentence.release_before(reached);
            let text_heard = sentence.text_heard(sentence.heard);
            if text_heard > sentence.reported {
                sentence.reported = text_heard;
                let complete = sentence.is_complete(text_heard);
                let heard = HeardSentence { sentence: sentence.id, text_heard, complete };
                self.outputs.push_back(Output::Fact(Fact::Heard(heard)));
            }
        }
        while self.line.pop_proven().is_some() {}
    }

    fn heard_of(&self, sentence: &Sentence, until: CallTime) -> HeardSentence {
        let reached = self.line.reached(sentence.id, until).unwrap_or(0).max(sentence.heard);
        let text_heard = sentence.text_heard(reached);
        HeardSentence { sentence: sentence.id, text_heard, complete: sentence.is_complete(text_heard) }
    }

    fn hold(&mut self, now: CallTime) {
        if self.held.is_some() {
            return;
        }
        self.held = Some(self.current().unwrap_or(self.oldest));
        if let Some(epoch) = self.current() {
            let heard = self.heard(epoch, now);
            self.take_back(now);
            self.outputs.push_back(Output::Fact(Fact::Held { heard }));
        }
    }

    fn drop_until(&mut self, epoch: Epoch, now: CallTime) {
        self.held = self.held.filter(|&held| held > epoch);
        if epoch < self.oldest {
            return;
        }
        let mut dropped: Vec<HeardEpoch> = self
            .epochs
            .iter()
            .filter(|open| open.epoch <= epoch)
            .map(|open| self.heard(open.epoch, now))
            .collect();
        if dropped.is_empty() {
            dropped.push(HeardEpoch { epoch, sentences: Vec::new() });
        } else {
            self.take_back(now);
        }
        self.epochs.retain(|open| open.epoch > epoch);
        self.sentences.retain(|sentence| sentence.id.epoch > epoch);
        self.oldest = epoch.next();
        self.outputs.extend(dropped.into_iter().map(|heard| Output::Fact(Fact::Dropped { heard })));
    }

    /// Empties the carrier's buffer; what was not played goes back to the front of the queue, from the start of
    /// the word that is cut.
    fn take_back(&mut self, now: CallTime) {
        if !self.line.is_busy(now) {
            return;
        }
        let until = self.line.played_until(now, self.options.mark_grace);
        for sentence in &mut self.sentences {
            if let Some(reached) = self.line.reached(sentence.id, until) {
                sentence.heard = sentence.heard.max(reached);
            }
            if let Some(unplayed) = self.line.unplayed_from(sentence.id, until) {
                self.counters.cleared_audio += u64::from(sentence.sent - unplayed);
                sentence.sent = sentence.restart_of(unplayed);
            }
        }
        for open in &mut self.epochs {
            open.ends_at = open.ends_at.min(now);
            open.unmarked = 0;
        }
        self.line.clear(now);
        self.tape.clear(now);
        self.emptied = true;
        self.stalled = false;
        self.outputs.push_back(Output::Clear);
    }

    fn cut_synthesis(&mut self) {
        let mut resume = Vec::new();
        for sentence in &mut self.sentences {
            if let Some(text_offset) = sentence.cut() {
                resume.push(ResumePoint { sentence: sentence.id, text_offset });
            }
        }
        self.outputs.push_back(Output::Fact(Fact::SynthesisCut { resume }));
    }

    fn check_invariants(&self, now: CallTime) {
        debug_assert!(self.sentences.iter().zip(self.sentences.iter().skip(1)).all(|(a, b)| a.id < b.id));
        debug_assert!(self.epochs.iter().all(|open| open.epoch >= self.oldest));
        debug_assert!(self.epochs.iter().rev().skip(1).all(|open| open.finished));
        debug_assert!(self.sentences.iter().all(|s| self.epochs.iter().any(|open| open.epoch == s.id.epoch)));
        debug_assert!(self.line.lead(now) <= self.options.lead_high);
        debug_assert!(self.sentences.iter().all(|s| s.sent <= s.received()));
    }
}
