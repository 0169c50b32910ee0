//! How the floor changes hands between turns: greeting, what the caller has said, the keypad, and what playback
//! reports.

use super::{
    Floor, Keypad, Output, Turns,
    answer::{Answer, Origin},
};
use crate::{
    call::{
        endpointing::{Utterance, backchannel::is_backchannel},
        playout::HeardEpoch,
    },
    ids::Epoch,
    ports::EndReason,
};
use std::sync::Arc;

impl Turns {
    /// Who has the floor, in a word, for people and tests.
    #[must_use]
    pub fn floor_name(&self) -> &'static str {
        match &self.floor {
            Floor::Waiting => "waiting",
            Floor::Nobody { .. } => "nobody",
            Floor::Caller { .. } => "caller",
            Floor::Assistant(answer) if answer.is_held() => "held",
            Floor::Assistant(answer) if answer.is_audible() => "assistant",
            Floor::Assistant(_) => "thinking",
            Floor::Detached { .. } => "detached",
            Floor::Ended => "ended",
        }
    }

    pub(super) fn begin(&mut self) {
        if !matches!(self.floor, Floor::Waiting) {
            return;
        }
        self.heard_at = self.now;
        match self.setup.assistant.greeting.clone() {
            Some(greeting) => self.speak(Origin::Greeting, None, &[greeting.as_str().into()]),
            None => self.floor = Floor::Nobody { since: self.now },
        }
    }

    /// Says given text as an answer of its own.
    pub(super) fn speak(&mut self, origin: Origin, closes_with: Option<EndReason>, sentences: &[Arc<str>]) {
        let mut answer = self.new_answer(origin);
        answer.closes_with = closes_with;
        answer.moved_at = self.now;
        for sentence in sentences {
            self.say_all(&mut answer, sentence);
        }
        if answer.sentences.is_empty() {
            self.answer_done(answer, None);
        } else {
            self.emit(Output::Finish(answer.epoch));
            self.floor = Floor::Assistant(Box::new(answer));
        }
    }

    pub(super) fn new_answer(&mut self, origin: Origin) -> Answer {
        let answer = Answer::new(self.next_epoch(), self.number, origin);
        self.number += 1;
        answer
    }

    pub(super) fn next_epoch(&mut self) -> Epoch {
        self.epoch = self.epoch.next();
        self.epoch
    }

    pub(super) fn say(&mut self, answer: &mut Answer, text: &str) {
        let (sentence, text) = answer.push(text);
        answer.waterfall.first_sentence_ms.get_or_insert(self.now.as_ms());
        self.emit(Output::Say { sentence, text });
    }

    /// The answer was played to its end; `None` means that all of it was heard.
    pub(super) fn answer_done(&mut self, answer: Answer, heard: Option<&HeardEpoch>) {
        self.heard_at = self.now;
        answer.commit(&mut self.context, heard, false);
        self.endpointing.set_asked(Some(answer.spoken(heard)).filter(|text| !text.is_empty()));
        self.emit(Output::Turn(Box::new(answer.record(heard, false))));
        match answer.closes_with {
            Some(reason) => self.end(reason),
            None => self.floor = self.free_floor(),
        }
    }

    /// The floor when the assistant has nothing to say.
    pub(super) fn free_floor(&self) -> Floor {
        if self.endpointing.is_open() {
            Floor::Caller { carry: None, cut: None }
        } else {
            Floor::Nobody { since: self.now }
        }
    }

    /// The caller has said something, completely.
    pub(super) fn utterance(&mut self, utterance: Utterance) {
        self.prompts = 0;
        match &mut self.floor {
            Floor::Waiting | Floor::Ended => {}
            Floor::Nobody { .. } => self.reply(utterance),
            Floor::Caller { carry, cut } => {
                let whole = joined(carry.take(), utterance);
                match cut {
                    Some(cut) => cut.next = Some(joined(cut.next.take(), whole)),
                    None => self.reply(whole),
                }
            }
            Floor::Assistant(answer) if !answer.is_audible() && answer.may_be_withdrawn() => {
                self.withdraw();
                self.utterance(utterance);
            }
            Floor::Assistant(answer) if !answer.may_be_cut() => {}
            Floor::Assistant(answer) if answer.is_audible() => {
                if is_backchannel(&utterance.text, &self.setup.assistant.language) {
                    self.resume();
                } else {
                    self.interrupt();
                    self.utterance(utterance);
                }
            }
            Floor::Assistant(_) => {
                self.interrupt();
                self.utterance(utterance);
            }
            Floor::Detached { unanswered, .. } => *unanswered = Some(joined(unanswered.take(), utterance)),
        }
    }

    /// There was voice, or something like it, but no word.
    pub(super) fn no_words(&mut self) {
        match &mut self.floor {
            Floor::Assistant(answer) if answer.is_held() => self.resume(),
            Floor::Caller { carry, cut: None } => match carry.take() {
                Some(utterance) => self.reply(utterance),
                None => self.floor = Floor::Nobody { since: self.now },
            },
            Floor::Assistant(_)
            | Floor::Caller { .. }
            | Floor::Waiting
            | Floor::Nobody { .. }
            | Floor::Detached { .. }
            | Floor::Ended => {}
        }
    }

    pub(super) fn keypad_digit(&mut self, digit: char) {
        self.heard_at = self.now;
        self.prompts = 0;
        if matches!(&self.floor, Floor::Assistant(answer) if answer.is_audible() && answer.may_be_cut()) {
            self.interrupt();
        }
        if let Floor::Nobody { since } = &mut self.floor {
            *since = self.now;
        }
        if digit != '#' {
            self.keypad.digits.push(digit);
        }
        self.keypad.until = Some(self.now.after(self.setup.options.keypad_gap));
        if digit == '#' || self.keypad.digits.len() >= self.setup.options.keypad_digits {
            self.keypad_complete();
        }
    }

    pub(super) fn keypad_complete(&mut self) {
        let Keypad { digits, .. } = std::mem::take(&mut self.keypad);
        if !digits.is_empty() {
            let text = format!("(pressed {digits} on the keypad)");
            self.utterance(Utterance { text, speech_end: Some(self.now), stt_final_at: self.now });
        }
    }

    pub(super) fn playback_started(&mut self, epoch: Epoch) {
        let now = self.now;
        if let Some(answer) = self.answer_of(epoch) {
            answer.audible_since.get_or_insert(now);
            answer.moved_at = now;
            answer.waterfall.first_frame_sent_ms.get_or_insert(now.as_ms());
        }
    }

    pub(super) fn first_audio(&mut self, epoch: Epoch) {
        let now = self.now.as_ms();
        if let Some(answer) = self.answer_of(epoch) {
            answer.waterfall.tts_first_byte_ms.get_or_insert(now);
        }
    }

    pub(super) fn mark_returned(&mut self, epoch: Epoch) {
        let now = self.now.as_ms();
        if let Some(answer) = self.answer_of(epoch) {
            answer.waterfall.mark_returned_ms.get_or_insert(now);
        }
    }

    fn answer_of(&mut self, epoch: Epoch) -> Option<&mut Answer> {
        match &mut self.floor {
            Floor::Assistant(answer) if answer.epoch == epoch => Some(answer),
            Floor::Caller { cut: Some(cut), .. } if cut.answer.epoch == epoch => Some(&mut cut.answer),
            Floor::Assistant(_)
            | Floor::Caller { .. }
            | Floor::Waiting
            | Floor::Nobody { .. }
            | Floor::Detached { .. }
            | Floor::Ended => None,
        }
    }
}

pub(super) fn nothing_heard(epoch: Epoch) -> HeardEpoch {
    HeardEpoch { epoch, sentences: Vec::new() }
}

/// Two utterances as one.
pub(super) fn joined(first: Option<Utterance>, second: Utterance) -> Utterance {
    match first {
        Some(first) => Utterance { text: format!("{} {}", first.text.trim(), second.text.trim()), ..second },
        None => second,
    }
}
