//! Replaying a journal: the same inputs at the same times give the same deciders, on this node or another.

use crate::{
    call::{
        journal::{Decider, JournalEntry},
        playout::{self, HeardEpoch, Playout, PlayoutOptions},
        time::CallTime,
        turn::{Input, Output, Turns},
    },
    ports::EndReason,
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
    /// As it was before the node, or the wait for a stream, ended the call; with what was heard of the epoch that was
    /// playing. A call that ended so may come back, and then goes on from here.
    before_end: Option<(Turns, Option<HeardEpoch>)>,
    /// How the call ended, if it has.
    ended: Option<(EndReason, Option<String>)>,
    /// Time of the newest entry.
    pub until: CallTime,
    /// Number of the entry after the newest.
    pub next_seq: u64,
}

impl Replay {
    /// Starts from a call that has not begun.
    #[must_use]
    pub fn new(turns: Turns, options: PlayoutOptions) -> Self {
        Self {
            turns,
            ledger: Playout::new(options),
            options,
            before_end: None,
            ended: None,
            until: CallTime::ZERO,
            next_seq: 0,
        }
    }

    fn heard(&self, now: CallTime) -> Option<HeardEpoch> {
        self.ledger.current().map(|epoch| self.ledger.heard(epoch, now))
    }

    /// The call has come back although it had ended.
    fn take_back_end(&mut self) -> Option<Option<HeardEpoch>> {
        let (turns, heard) = self.before_end.take().filter(|_| self.turns.is_ended())?;
        self.turns = turns;
        self.ended = None;
        Some(heard)
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
                if matches!(input, Input::StreamLost { .. }) {
                    self.take_back_end();
                }
                if !self.turns.is_ended() {
                    let may_come_back = matches!(input, Input::Shutdown) || self.turns.is_detached();
                    self.before_end = may_come_back.then(|| (self.turns.clone(), self.heard(entry.at)));
                }
                self.turns.handle(input, entry.at);
                while let Some(output) = self.turns.poll_output() {
                    if let Output::End { reason, transfer_to } = &output {
                        self.ended = Some((*reason, transfer_to.clone()));
                    }
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
    /// The call is over: whoever had it could not tell the carrier any more.
    pub(crate) ended: Option<(EndReason, Option<String>)>,
}

/// Tells the journal to a new decider. An entry that cannot be read ends the replay there: the call goes on from
/// what was understood.
pub(crate) fn resume(turns: Turns, journal: &[JournalEntry], options: PlayoutOptions) -> Resumed {
    if journal.is_empty() {
        let facts = vec![Input::Begin];
        return Resumed { turns, until: CallTime::ZERO, next_seq: 0, facts, ended: None };
    }
    let mut replay = Replay::new(turns, options);
    for entry in journal {
        if let Err(error) = replay.entry(entry) {
            tracing::error!(%error, "the journal of a call is replayed only in part");
            break;
        }
    }
    let next_seq = journal.last().map_or(replay.next_seq, |entry| entry.seq + 1);
    let heard = replay.take_back_end().unwrap_or_else(|| replay.heard(replay.until));
    let facts = vec![Input::StreamLost { heard }, Input::StreamBack];
    Resumed { turns: replay.turns, until: replay.until, next_seq, facts, ended: replay.ended }
}
