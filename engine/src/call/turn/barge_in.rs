//! The caller speaks over the assistant: playback is held, and goes on or ends by what was said; an answer of which
//! nothing was heard is withdrawn.

use super::{
    Cut, Floor, Output, Turns,
    answer::{Answer, Hold, Model, Origin},
    floor::{joined, nothing_heard},
};
use crate::call::{
    endpointing::{EndpointingInput, TranscriptFact, Utterance, backchannel::is_backchannel},
    playout::HeardEpoch,
    time::CallTime,
};

impl Turns {
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
    pub(super) fn withdraw(&mut self) {
        let Floor::Assistant(answer) = std::mem::replace(&mut self.floor, Floor::Ended) else { return };
        self.number = answer.number;
        self.stop_generation(&answer);
        let carry = match answer.origin {
            Origin::Reply(utterance) => {
                self.context.take_back_last_user(&utterance.text);
                Some(utterance)
            }
            Origin::Greeting
            | Origin::IdlePrompt
            | Origin::Continuation
            | Origin::Announcement
            | Origin::Goodbye => None,
        };
        self.floor = Floor::Caller { carry, cut: None };
    }

    pub(super) fn stop_generation(&mut self, answer: &Answer) {
        match &answer.model {
            Model::Asked { .. } | Model::Streaming { .. } => self.emit(Output::CancelModel),
            Model::Tools(tools) => self.orphans.extend(tools.running().cloned()),
            Model::Done | Model::Paused { .. } => {}
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
    pub(super) fn commit_cut(&mut self, answer: &Answer, heard: &HeardEpoch) -> Option<Utterance> {
        if answer.is_unheard(heard)
            && let Origin::Reply(utterance) = &answer.origin
        {
            self.context.take_back_last_user(&utterance.text);
            self.number = answer.number;
            return Some(utterance.clone());
        }
        self.keep_unheard_announcement(answer, heard);
        self.commit_last(answer, heard);
        None
    }

    /// Puts the heard part of a cut answer into the context, be it nothing.
    pub(super) fn commit_last(&mut self, answer: &Answer, heard: &HeardEpoch) {
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

    pub(super) fn resolve_cut(&mut self, heard: &HeardEpoch) {
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
}
