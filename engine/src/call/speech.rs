//! What synthesis still owes: sentences that were asked for and whose audio is not complete, and what is on its way to
//! the ledger. It outlives the `tts` actor, so that a new one neither forgets a sentence nor says one twice.

use crate::{
    call::playout::{self, ResumePoint},
    ids::{Epoch, SentenceId},
    tts::SENTENCES_AHEAD,
};
use std::{collections::VecDeque, sync::Arc};

/// A sentence on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owed {
    pub(crate) id: SentenceId,
    text: Arc<str>,
    /// Byte of the text from which the session under way speaks it.
    from: usize,
    /// Whether the session under way has been asked for it.
    asked: bool,
}

/// All of them, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Speech {
    owed: VecDeque<Owed>,
    /// On their way to the ledger, in order.
    out: VecDeque<playout::Input>,
    /// The ledger has been asked what it lacks, and has not answered yet.
    awaits_ledger: bool,
}

impl Speech {
    /// Puts something behind what is on its way to the ledger.
    pub(crate) fn pass(&mut self, input: playout::Input) {
        self.out.push_back(input);
    }

    /// What the ledger is to be given next.
    pub(crate) fn next_out(&self) -> Option<playout::Input> {
        self.out.front().cloned()
    }

    /// The ledger has been given it.
    pub(crate) fn passed(&mut self) {
        self.out.pop_front();
    }

    /// The synthesiser is lost: asks the ledger what it lacks, unless it has been asked already.
    pub(crate) fn ask_ledger(&mut self) {
        if !self.awaits_ledger {
            self.awaits_ledger = true;
            self.pass(playout::Input::SynthesiserLost);
        }
    }

    pub(crate) fn awaits_ledger(&self) -> bool {
        self.awaits_ledger
    }

    pub(crate) fn say(&mut self, id: SentenceId, text: Arc<str>) {
        self.owed.push_back(Owed { id, text, from: 0, asked: false });
    }

    /// The next sentence for the session, if it may have one more; it counts as asked for from now on.
    pub(crate) fn next(&mut self) -> Option<(SentenceId, String)> {
        let under_way = self.owed.iter().filter(|owed| owed.asked).count();
        if under_way >= SENTENCES_AHEAD {
            return None;
        }
        let owed = self.owed.iter_mut().find(|owed| !owed.asked)?;
        owed.asked = true;
        Some((owed.id, owed.text[owed.from..].trim().to_owned()))
    }

    /// Whether audio of this sentence is expected.
    pub(crate) fn expects(&self, id: SentenceId) -> bool {
        self.owed.iter().any(|owed| owed.id == id && owed.asked)
    }

    /// Whether the session has something to do.
    pub(crate) fn under_way(&self) -> bool {
        self.owed.iter().any(|owed| owed.asked)
    }

    pub(crate) fn done(&mut self, id: SentenceId) {
        self.owed.retain(|owed| owed.id != id);
    }

    /// Forgets this and older epochs; returns what the session was asked for of them.
    pub(crate) fn drop_until(&mut self, epoch: Epoch) -> Vec<SentenceId> {
        let dropped =
            self.owed.iter().filter(|owed| owed.id.epoch <= epoch && owed.asked).map(|owed| owed.id);
        let dropped = dropped.collect();
        self.owed.retain(|owed| owed.id.epoch > epoch);
        if self.owed.is_empty() {
            // The ledger's answer would be about what is dropped; with a stream that was lost it may never come.
            self.awaits_ledger = false;
        }
        dropped
    }

    /// The session is lost and the ledger has said what it lacks: everything is to be asked for again, from where
    /// the ledger's audio ends. Returns sentences of which nothing is missing. An answer that nobody waits for
    /// changes nothing.
    pub(crate) fn resume(&mut self, points: &[ResumePoint]) -> Vec<SentenceId> {
        let mut complete = Vec::new();
        if !std::mem::take(&mut self.awaits_ledger) {
            return complete;
        }
        self.owed.retain_mut(|owed| {
            // What no session was asked for is owed whole: the ledger may have answered before it knew of it.
            let asked = std::mem::take(&mut owed.asked);
            match points.iter().find(|point| point.sentence == owed.id) {
                Some(point) => {
                    owed.from =
                        owed.text.floor_char_boundary((point.text_offset as usize).min(owed.text.len()));
                    true
                }
                None if !asked => true,
                None => {
                    complete.push(owed.id);
                    false
                }
            }
        });
        complete
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(index: u32) -> SentenceId {
        SentenceId { epoch: Epoch(1), index }
    }

    fn asked_for(speech: &mut Speech) -> Vec<(u32, String)> {
        std::iter::from_fn(|| speech.next()).map(|(id, text)| (id.index, text)).collect()
    }

    #[test]
    fn a_sentence_that_came_after_the_question_to_the_ledger_is_still_owed() {
        let mut speech = Speech::default();
        speech.say(id(0), "One two.".into());
        assert_eq!(asked_for(&mut speech), [(0, "One two.".to_owned())]);
        speech.ask_ledger();
        speech.say(id(1), "Three.".into());
        let complete = speech.resume(&[ResumePoint { sentence: id(0), text_offset: 4 }]);
        assert!(complete.is_empty());
        assert_eq!(asked_for(&mut speech), [(0, "two.".to_owned()), (1, "Three.".to_owned())]);
    }

    #[test]
    fn a_sentence_of_which_nothing_is_missing_is_not_said_again() {
        let mut speech = Speech::default();
        speech.say(id(0), "One.".into());
        speech.say(id(1), "Two.".into());
        asked_for(&mut speech);
        speech.ask_ledger();
        assert_eq!(speech.resume(&[ResumePoint { sentence: id(1), text_offset: 0 }]), [id(0)]);
        assert_eq!(asked_for(&mut speech), [(1, "Two.".to_owned())]);
    }

    #[test]
    fn the_ledger_is_asked_once_and_an_answer_to_what_was_dropped_changes_nothing() {
        let mut speech = Speech::default();
        speech.say(id(0), "One.".into());
        asked_for(&mut speech);
        speech.ask_ledger();
        speech.ask_ledger();
        assert!(matches!(speech.next_out(), Some(playout::Input::SynthesiserLost)));
        speech.passed();
        assert!(speech.next_out().is_none());
        speech.drop_until(Epoch(1));
        assert!(!speech.awaits_ledger());
        let newer = SentenceId { epoch: Epoch(2), index: 0 };
        speech.say(newer, "Two.".into());
        asked_for(&mut speech);
        assert!(speech.resume(&[]).is_empty());
        assert!(speech.expects(newer));
    }
}
