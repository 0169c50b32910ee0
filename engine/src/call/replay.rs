//! Replaying a journal: the same inputs at the same times give the same deciders, on this node or another.

use crate::call::{
    journal::{Decider, JournalEntry},
    playout::{self, Playout, PlayoutOptions},
    time::CallTime,
    turn::{Input, Output, Turns},
};

/// An entry that cannot be replayed.
#[derive(Debug, thiserror::Error)]
#[error("journal entry {seq} is not an input of its decider")]
pub struct NotReplayable {
    /// Which.
    pub seq: u64,
    #[source]
    source: serde_json::Error,
}

/// The deciders of a call, being told again what they were told.
#[derive(Clone, Debug)]
pub struct Replay {
    /// Turn-taking.
    pub turns: Turns,
    /// The ledger of the newest stream.
    pub ledger: Playout,
    options: PlayoutOptions,
    /// Time of the newest entry.
    pub until: CallTime,
    /// Number of the entry after the newest.
    pub next_seq: u64,
}

impl Replay {
    /// Starts from a call that has not begun.
    #[must_use]
    pub fn new(turns: Turns, options: PlayoutOptions) -> Self {
        Self { turns, ledger: Playout::new(options), options, until: CallTime::ZERO, next_seq: 0 }
    }

    /// Tells one entry and returns what turn-taking decides; the ledger's outputs are dropped.
    ///
    /// # Errors
    /// When the entry was written by another version and cannot be read.
    pub fn entry(&mut self, entry: &JournalEntry) -> Result<Vec<Output>, NotReplayable> {
        let not_replayable = |source| NotReplayable { seq: entry.seq, source };
        self.until = self.until.max(entry.at);
        self.next_seq = entry.seq + 1;
        let mut decisions = Vec::new();
        match entry.decider {
            Decider::Turn => {
                let input: Input = serde_json::from_str(entry.input.get()).map_err(not_replayable)?;
                if matches!(input, Input::Begin | Input::StreamBack) {
                    self.ledger = Playout::new(self.options);
                }
                self.turns.handle(input, entry.at);
                while let Some(output) = self.turns.poll_output() {
                    decisions.push(output);
                }
            }
            Decider::Playout => {
                let input: playout::Input =
                    serde_json::from_str(entry.input.get()).map_err(not_replayable)?;
                self.ledger.handle(input, entry.at);
                while self.ledger.poll_output().is_some() {}
            }
        }
        Ok(decisions)
    }
}

/// How a call goes on whose earlier streams were on a node that is gone.
#[derive(Debug)]
pub(crate) struct Resumed {
    pub(crate) turns: Turns,
    /// Call time at which it goes on.
    pub(crate) until: CallTime,
    pub(crate) next_seq: u64,
    /// What turn-taking is told first.
    pub(crate) facts: Vec<Input>,
}

/// Tells the journal to a new decider. An entry that cannot be read ends the replay there: the call goes on from
/// what was understood.
pub(crate) fn resume(turns: Turns, journal: &[JournalEntry], options: PlayoutOptions) -> Resumed {
    if journal.is_empty() {
        return Resumed { turns, until: CallTime::ZERO, next_seq: 0, facts: vec![Input::Begin] };
    }
    let mut replay = Replay::new(turns, options);
    for entry in journal {
        if let Err(error) = replay.entry(entry) {
            tracing::error!(%error, "the journal of a call is replayed only in part");
            break;
        }
    }
    let next_seq = journal.last().map_or(replay.next_seq, |entry| entry.seq + 1);
    let heard = replay.ledger.current().map(|epoch| replay.ledger.heard(epoch, replay.until));
    let facts = vec![Input::StreamLost { heard }, Input::StreamBack];
    Resumed { turns: replay.turns, until: replay.until, next_seq, facts }
}
