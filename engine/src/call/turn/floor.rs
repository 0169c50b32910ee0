//! How the floor changes hands: greeting, barge-in with hold and release, silence, keypad, loss and return of the
//! stream, and the end of the call.

use super::{
    Cut, Floor, Keypad, Output, Stage, Turns,
    answer::{Answer, Hold, Model, Origin},
};
use crate::{
    call::{
        endpointing::{EndpointingInput, TranscriptFact, Utterance, backchannel::is_backchannel},
        playout::HeardEpoch,
        time::CallTime,
    },
    ids::Epoch,
    ports::EndReason,
};
use std::sync::Arc;

impl Turns {
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
    fn free_floor(&self) -> Floor {
        if self.endpointing.is_open() {
            Floor::Caller { carry: None, cut: None }
        } else {
            Floor::Nobody { since: self.now }
        }
    }

    pub(super) fn end(&mut self, reason: EndReason) {
        let transfer_to = self.transfer_to.take().filter(|_| reason == EndReason::Transferred);
        self.emit(Output::End { reason, transfer_to });
        self.floor = Floor::Ended;
    }

    pub(super) fn voice_started(&mut self, onset: CallTime) {
        self.endpoint(EndpointingInput::SpeechStarted { onset });
        if matches!(self.floor, Floor::Nobody { .. }) {
            self.floor = Floor::Caller { carry: None, cut: None };
        }
    }

    /// The caller has spoken without a break for the barge-in time.
    pub(super) fn voice_sustained(&mut self) {
        match &mut self.floor {
            Floor::Assistant(answer)
                if answer.is_audible() && answer.hold.is_none() && answer.may_be_cut() =>
            {
                answer.hold = Some(Hold { since: self.now, release_at: None, heard: None });
                let epoch = answer.epoch;
                self.emit(Output::Hold(epoch));
            }
            Floor::Assistant(answer) if !answer.is_audible() && answer.may_be_withdrawn() => self.withdraw(),
            Floor::Nobody { .. } => self.floor = Floor::Caller { carry: None, cut: None },
            Floor::Assistant(_)
            | Floor::Waiting
            | Floor::Caller { .. }
            | Floor::Detached { .. }
            | Floor::Ended => {}
        }
    }

    pub(super) fn voice_ended(&mut self, end: CallTime) {
        self.endpoint(EndpointingInput::SpeechEnded { end });
        let release_at = self.now.after(self.setup.options.hold_release);
        let said = self.endpointing.text_so_far();
        let only_backchannel = !said.is_empty() && is_backchannel(&said, &self.setup.assistant.language);
        let Floor::Assistant(answer) = &mut self.floor else { return };
        let Some(hold) = &mut answer.hold else { return };
        if only_backchannel {
            self.resume();
        } else {
            hold.release_at = Some(release_at);
        }
    }

    /// Nothing has been heard of the answer yet and the caller goes on: the answer is withdrawn, and what they
    /// said before is answered together with what follows.
    fn withdraw(&mut self) {
        let Floor::Assistant(answer) = std::mem::replace(&mut self.floor, Floor::Ended) else { return };
        self.number = answer.number;
        self.stop_generation(&answer);
        let carry = match answer.origin {
            Origin::Reply(utterance) => {
                self.context.take_back_last_user();
                Some(utterance)
            }
            Origin::Greeting | Origin::IdlePrompt | Origin::Continuation | Origin::Goodbye => None,
        };
        self.floor = Floor::Caller { carry, cut: None };
    }

    fn stop_generation(&mut self, answer: &Answer) {
        match answer.model {
            Model::Asked { .. } | Model::Streaming { .. } => self.emit(Output::CancelModel),
            Model::Done | Model::Tools(_) => {}
        }
        self.emit(Output::Drop(answer.epoch));
    }

    pub(super) fn transcript(&mut self, fact: TranscriptFact) {
        if fact.text.trim().is_empty() {
            self.endpoint(EndpointingInput::Transcript(fact));
            return;
        }
        self.heard_at = self.now;
        let language = &self.setup.assistant.language;
        let over_answer = match &self.floor {
            Floor::Assistant(answer) => answer.may_be_cut() && answer.was_spoken_over(fact.audio_end),
            Floor::Waiting
            | Floor::Nobody { .. }
            | Floor::Caller { .. }
            | Floor::Detached { .. }
            | Floor::Ended => false,
        };
        let cuts = over_answer && !is_backchannel(&fact.text, language);
        if cuts {
            self.interrupt();
        } else if matches!(self.floor, Floor::Nobody { .. }) {
            self.floor = Floor::Caller { carry: None, cut: None };
        }
        self.endpoint(EndpointingInput::Transcript(fact));
    }

    /// The caller takes the floor: generation, synthesis and playback of the answer end, and what was heard of it
    /// enters the context.
    pub(super) fn interrupt(&mut self) {
        let Floor::Assistant(answer) = std::mem::replace(&mut self.floor, Floor::Ended) else { return };
        self.stop_generation(&answer);
        let heard = match &answer.hold {
            Some(hold) => hold.heard.clone(),
            None if !answer.is_audible() => Some(nothing_heard(answer.epoch)),
            None => None,
        };
        match heard {
            Some(heard) => {
                let carry = self.commit_cut(&answer, &heard);
                self.floor = Floor::Caller { carry, cut: None };
            }
            None => {
                let until = self.now.after(self.setup.options.heard_wait);
                let cut = Cut { answer: *answer, until, next: None };
                self.floor = Floor::Caller { carry: None, cut: Some(Box::new(cut)) };
            }
        }
    }

    /// Puts the heard part of a cut answer into the context. If nothing of it was heard it is withdrawn as if it had
    /// never begun, and what it was to answer comes back.
    fn commit_cut(&mut self, answer: &Answer, heard: &HeardEpoch) -> Option<Utterance> {
        if answer.is_unheard(heard)
            && let Origin::Reply(utterance) = &answer.origin
        {
            self.context.take_back_last_user();
            self.number = answer.number;
            return Some(utterance.clone());
        }
        self.commit_last(answer, heard);
        None
    }

    /// Puts the heard part of a cut answer into the context, be it nothing.
    fn commit_last(&mut self, answer: &Answer, heard: &HeardEpoch) {
        answer.commit(&mut self.context, Some(heard), true);
        self.endpointing.set_asked(Some(answer.spoken(Some(heard))).filter(|text| !text.is_empty()));
        self.emit(Output::Turn(Box::new(answer.record(Some(heard), true))));
    }

    pub(super) fn held(&mut self, heard: &HeardEpoch) {
        match &mut self.floor {
            Floor::Assistant(answer) if answer.epoch == heard.epoch => {
                if let Some(hold) = &mut answer.hold {
                    hold.heard = Some(heard.clone());
                }
            }
            Floor::Caller { cut: Some(cut), .. } if cut.answer.epoch == heard.epoch => {
                self.resolve_cut(heard)
            }
            Floor::Assistant(_)
            | Floor::Waiting
            | Floor::Nobody { .. }
            | Floor::Caller { .. }
            | Floor::Detached { .. }
            | Floor::Ended => {}
        }
    }

    fn resolve_cut(&mut self, heard: &HeardEpoch) {
        let Floor::Caller { carry, cut: Some(cut) } =
            std::mem::replace(&mut self.floor, Floor::Caller { carry: None, cut: None })
        else {
            return;
        };
        let unanswered = self.commit_cut(&cut.answer, heard).or(carry);
        match cut.next {
            Some(next) => self.reply(joined(unanswered, next)),
            None => self.floor = Floor::Caller { carry: unanswered, cut: None },
        }
    }

    pub(super) fn resume(&mut self) {
        let Floor::Assistant(answer) = &mut self.floor else { return };
        if answer.hold.take().is_none() {
            return;
        }
        let epoch = answer.epoch;
        answer.moved_at = self.now;
        self.emit(Output::Resume(epoch));
        self.start_waiting_tools();
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
        if digit != '#' {
            self.keypad.digits.push(digit);
        }
        self.keypad.until = Some(self.now.after(self.setup.options.keypad_gap));
        if digit == '#' || self.keypad.digits.len() >= self.setup.options.keypad_digits {
            self.keypad_complete();
        }
    }

    fn keypad_complete(&mut self) {
        let Keypad { digits, .. } = std::mem::take(&mut self.keypad);
        if !digits.is_empty() {
            let text = format!("(pressed {digits} on the keypad)");
            self.utterance(Utterance { text, speech_end: Some(self.now), stt_final_at: self.now });
        }
    }

    /// Says the last words, whatever is under way.
    pub(super) fn goodbye(&mut self, reason: EndReason, text: &str) {
        match &self.floor {
            Floor::Assistant(_) => self.interrupt(),
            // Nobody would hear it; the carrier has words of its own for the caller.
            Floor::Detached { .. } => return self.close(None, reason),
            Floor::Waiting | Floor::Nobody { .. } | Floor::Caller { .. } | Floor::Ended => {}
        }
        if let Floor::Caller { cut: Some(cut), .. } = &self.floor {
            let nothing = nothing_heard(cut.answer.epoch);
            self.commit_last(&cut.answer.clone(), &nothing);
        }
        self.speak(Origin::Goodbye, Some(reason), &[text.into()]);
    }

    pub(super) fn stage_failed(&mut self, stage: Stage) {
        match stage {
            Stage::Stt => {
                self.emit(Output::Degraded { stage: "stt", cause: "no recogniser is left".into() });
                let apology = self.setup.assistant.apology.clone();
                self.goodbye(EndReason::Failed, &apology);
            }
            Stage::Tts => {
                self.emit(Output::Degraded { stage: "tts", cause: "no voice is left".into() });
                self.close(None, EndReason::Failed);
            }
        }
    }

    pub(super) fn stream_lost(&mut self, heard: Option<&HeardEpoch>) {
        let until = self.now.after(self.setup.options.reattach);
        let (unheard, unanswered) = match std::mem::replace(&mut self.floor, Floor::Ended) {
            Floor::Assistant(answer) => {
                self.stop_generation(&answer);
                let nothing = nothing_heard(answer.epoch);
                let heard = heard.filter(|heard| heard.epoch == answer.epoch).unwrap_or(&nothing);
                let unheard = answer.unheard(Some(heard));
                let unanswered = answer.unanswered(heard);
                if unanswered.is_some() && answer.is_unheard(heard) {
                    // As if it had never begun.
                    self.context.take_back_last_user();
                    self.number = answer.number;
                } else {
                    answer.commit(&mut self.context, Some(heard), false);
                    self.emit(Output::Turn(Box::new(answer.record(Some(heard), false))));
                }
                if unanswered.is_some() { (Vec::new(), unanswered) } else { (unheard, None) }
            }
            Floor::Caller { carry, cut: None } => (Vec::new(), carry),
            Floor::Caller { carry, cut: Some(cut) } => {
                let nothing = nothing_heard(cut.answer.epoch);
                let heard = heard.filter(|heard| heard.epoch == cut.answer.epoch).unwrap_or(&nothing);
                let unanswered = self.commit_cut(&cut.answer, heard).or(carry);
                let unanswered = match cut.next {
                    Some(next) => Some(joined(unanswered, next)),
                    None => unanswered,
                };
                (Vec::new(), unanswered)
            }
            Floor::Detached { unheard, unanswered, .. } => (unheard, unanswered),
            Floor::Waiting | Floor::Nobody { .. } | Floor::Ended => (Vec::new(), None),
        };
        self.floor = Floor::Detached { until, unheard, unanswered };
    }

    pub(super) fn stream_back(&mut self) {
        let Floor::Detached { unheard, unanswered, .. } = &mut self.floor else { return };
        let (unheard, unanswered) = (std::mem::take(unheard), unanswered.take());
        self.heard_at = self.now;
        match unanswered {
            Some(utterance) => self.reply(utterance),
            None if !unheard.is_empty() => self.speak(Origin::Continuation, None, &unheard),
            None => self.floor = self.free_floor(),
        }
    }

    /// Ends the call with what was heard so far.
    pub(super) fn close(&mut self, heard: Option<&HeardEpoch>, reason: EndReason) {
        match std::mem::replace(&mut self.floor, Floor::Ended) {
            Floor::Assistant(answer) => {
                self.stop_generation(&answer);
                let nothing = nothing_heard(answer.epoch);
                let held = answer.hold.as_ref().and_then(|hold| hold.heard.as_ref());
                let heard = heard.filter(|heard| heard.epoch == answer.epoch).or(held).unwrap_or(&nothing);
                self.commit_last(&answer, heard);
            }
            Floor::Caller { cut: Some(cut), .. } => {
                let nothing = nothing_heard(cut.answer.epoch);
                let heard = heard.filter(|heard| heard.epoch == cut.answer.epoch).unwrap_or(&nothing);
                self.commit_last(&cut.answer, heard);
            }
            Floor::Caller { .. }
            | Floor::Waiting
            | Floor::Nobody { .. }
            | Floor::Detached { .. }
            | Floor::Ended => {}
        }
        self.end(reason);
    }

    pub(super) fn timeout(&mut self) {
        self.endpoint(EndpointingInput::Timeout);
        if self.keypad.until.is_some_and(|until| until <= self.now) {
            self.keypad_complete();
        }
        self.call_timeout();
        let options = &self.setup.options;
        match &self.floor {
            Floor::Nobody { since } if since.after(options.idle_after) <= self.now => self.idle(),
            Floor::Caller { cut: Some(cut), .. } if cut.until <= self.now => {
                let nothing = nothing_heard(cut.answer.epoch);
                self.resolve_cut(&nothing);
            }
            Floor::Assistant(_) => self.answer_timeout(),
            Floor::Detached { until, .. } if *until <= self.now => self.close(None, EndReason::StreamLost),
            Floor::Waiting
            | Floor::Nobody { .. }
            | Floor::Caller { .. }
            | Floor::Detached { .. }
            | Floor::Ended => {}
        }
    }

    fn call_timeout(&mut self) {
        let options = &self.setup.options;
        let longest = CallTime::ZERO.after(options.max_duration);
        let last = longest.after(options.max_duration_grace);
        let silent = matches!(self.floor, Floor::Nobody { .. } | Floor::Caller { .. })
            && self.heard_at.after(options.max_silence) <= self.now;
        if self.is_closing() {
            if last <= self.now {
                self.close(None, EndReason::MaxDuration);
            }
        } else if longest <= self.now || silent {
            let reason = if silent { EndReason::Silence } else { EndReason::MaxDuration };
            let text = self.setup.assistant.goodbye.clone();
            self.goodbye(reason, &text);
        }
    }

    fn idle(&mut self) {
        match self.setup.assistant.idle_prompts.get(self.prompts).cloned() {
            Some(prompt) => {
                self.prompts += 1;
                self.speak(Origin::IdlePrompt, None, &[prompt.as_str().into()]);
            }
            None => {
                let text = self.setup.assistant.goodbye.clone();
                self.goodbye(EndReason::Silence, &text);
            }
        }
    }

    fn answer_timeout(&mut self) {
        let limit = self.setup.options.hold_limit;
        let Floor::Assistant(answer) = &self.floor else { return };
        if let Some(hold) = &answer.hold {
            match hold.release_at {
                Some(at) if at <= self.now => self.resume(),
                None if hold.since.after(limit) <= self.now => self.interrupt(),
                Some(_) | None => {}
            }
        }
        self.model_timeout();
        let Floor::Assistant(answer) = &self.floor else { return };
        if answer.overdue_at(&self.setup.options).is_some_and(|at| at <= self.now) {
            self.emit(Output::Degraded {
                stage: "playout",
                cause: "the end of an answer was not heard of".into(),
            });
            self.close(None, EndReason::Failed);
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
fn joined(first: Option<Utterance>, second: Utterance) -> Utterance {
    match first {
        Some(first) => Utterance { text: format!("{} {}", first.text.trim(), second.text.trim()), ..second },
        None => second,
    }
}
