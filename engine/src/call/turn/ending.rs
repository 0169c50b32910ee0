//! Time, silence and loss: timers, idle prompts, a stream that is lost and comes back, and the end of the call.

use super::{
    Floor, Output, Stage, Turns,
    answer::Origin,
    floor::{joined, nothing_heard},
};
use crate::{
    call::{
        endpointing::{EndpointingInput, Utterance},
        playout::HeardEpoch,
        time::CallTime,
    },
    ports::EndReason,
};

impl Turns {
    pub(super) fn end(&mut self, reason: EndReason) {
        let transfer_to = self.transfer_to.take().filter(|_| reason == EndReason::Transferred);
        self.emit(Output::End { reason, transfer_to });
        self.floor = Floor::Ended;
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
                if let Some(utterance) = unanswered.as_ref().filter(|_| answer.is_unheard(heard)) {
                    // As if it had never begun.
                    self.context.take_back_last_user(&utterance.text);
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

    /// Ends the call with what was heard so far, of both sides.
    pub(super) fn close(&mut self, heard: Option<&HeardEpoch>, reason: EndReason) {
        let unanswered = match std::mem::replace(&mut self.floor, Floor::Ended) {
            Floor::Assistant(answer) => {
                self.stop_generation(&answer);
                let nothing = nothing_heard(answer.epoch);
                let held = answer.hold.as_ref().and_then(|hold| hold.heard.as_ref());
                let heard = heard.filter(|heard| heard.epoch == answer.epoch).or(held).unwrap_or(&nothing);
                self.commit_last(&answer, heard);
                None
            }
            Floor::Caller { carry, cut: Some(cut) } => {
                let nothing = nothing_heard(cut.answer.epoch);
                let heard = heard.filter(|heard| heard.epoch == cut.answer.epoch).unwrap_or(&nothing);
                self.commit_last(&cut.answer, heard);
                cut.next.or(carry)
            }
            Floor::Caller { carry, cut: None } => carry,
            Floor::Detached { unanswered, .. } => unanswered,
            Floor::Waiting | Floor::Nobody { .. } | Floor::Ended => None,
        };
        self.write_down(unanswered);
        self.end(reason);
    }

    /// What the caller said last, complete or not, and nobody will answer.
    fn write_down(&mut self, unanswered: Option<Utterance>) {
        let open = self.endpointing.text_so_far();
        let said = [unanswered.map(|utterance| utterance.text), Some(open)];
        let said: Vec<String> = said.into_iter().flatten().filter(|text| !text.trim().is_empty()).collect();
        if said.is_empty() {
            return;
        }
        let text = said.join(" ");
        self.context.user(&text);
        let utterance = Utterance { text, speech_end: None, stt_final_at: self.now };
        let record = self.new_answer(Origin::Reply(utterance)).record(None, false);
        self.emit(Output::Turn(Box::new(record)));
    }

    pub(super) fn timeout(&mut self) {
        self.endpoint(EndpointingInput::Timeout);
        if self.keypad.until.is_some_and(|until| until <= self.now) {
            self.keypad_complete();
        }
        self.call_timeout();
        let options = &self.setup.options;
        match &self.floor {
            Floor::Nobody { since } if !self.muted && since.after(options.idle_after) <= self.now => {
                self.idle()
            }
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
        let silent = !self.muted
            && matches!(self.floor, Floor::Nobody { .. } | Floor::Caller { .. })
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
}
