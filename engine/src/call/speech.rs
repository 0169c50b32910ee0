//! What synthesis still owes: sentences that were asked for and whose audio is not complete. It outlives the `tts`
//! actor, so that a new one neither forgets a sentence nor says one twice.

use crate::{
    call::playout::ResumePoint,
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
}

impl Speech {
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

    pub(crate) fn is_empty(&self) -> bool {
        self.owed.is_empty()
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
        dropped
    }

    /// The session is lost: everything is to be asked for again, from where the ledger's audio ends. Returns
    /// sentences of which nothing is missing.
    pub(crate) fn resume(&mut self, points: &[ResumePoint]) -> Vec<SentenceId> {
        let mut complete = Vec::new();
        self.owed.retain_mut(|owed| {
            owed.asked = false;
            match points.iter().find(|point| point.sentence == owed.id) {
                Some(point) => {
                    owed.from =
                        owed.text.floor_char_boundary((point.text_offset as usize).min(owed.text.len()));
                    true
                }
                None => {
                    complete.push(owed.id);
                    false
                }
            }
        });
        complete
    }
}
