//! The journal: every input that reaches a decider, with its time, so that replaying it gives the same decisions,
//! bit for bit.

use crate::{
    call::time::CallTime,
    ids::CallId,
    ports::{CallEvent, CallLog, LogFull},
};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::VecDeque;

/// One input of one decider.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JournalEntry {
    /// From 0, without gaps over the call.
    pub seq: u64,
    /// When the decider was given it.
    pub at: CallTime,
    /// Which decider.
    pub decider: Decider,
    /// The input, as JSON.
    pub input: Box<RawValue>,
}

/// The deciders of a call whose inputs are journaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decider {
    /// Turn-taking and conversation context.
    Turn,
    /// The playout ledger.
    Playout,
}

#[derive(Debug)]
struct Pages {
    next: u64,
    /// Not taken by the log yet.
    pending: VecDeque<JournalEntry>,
}

/// Collects entries and hands them to the log in batches.
#[derive(Debug)]
pub(crate) struct Journal {
    pages: Mutex<Pages>,
    limit: usize,
}

impl Journal {
    /// An empty journal that goes on after `next` entries and keeps at most `limit` that the log has not taken.
    pub(crate) fn new(next: u64, limit: usize) -> Self {
        Self { pages: Mutex::new(Pages { next, pending: VecDeque::new() }), limit }
    }

    /// Notes an input before its decider is given it.
    pub(crate) fn note(&self, at: CallTime, decider: Decider, input: &impl Serialize) {
        let input = match serde_json::value::to_raw_value(input) {
            Ok(input) => input,
            Err(error) => {
                tracing::error!(%error, "an input cannot be written to the journal");
                return;
            }
        };
        let mut pages = self.pages.lock();
        let seq = pages.next;
        pages.next += 1;
        if pages.pending.len() >= self.limit {
            pages.pending.pop_front();
            metrics::counter!("tandem_journal_entries_dropped_total").increment(1);
        }
        pages.pending.push_back(JournalEntry { seq, at, decider, input });
    }

    /// Hands everything to the log; what the log does not take stays.
    pub(crate) fn flush(&self, call: &CallId, log: &dyn CallLog) {
        let entries: Vec<JournalEntry> = {
            let mut pages = self.pages.lock();
            pages.pending.drain(..).collect()
        };
        if entries.is_empty() {
            return;
        }
        if let Err(LogFull(event)) = log.record(call, CallEvent::Journal { entries })
            && let CallEvent::Journal { entries } = *event
        {
            metrics::counter!("tandem_journal_flushes_deferred_total").increment(1);
            let mut pages = self.pages.lock();
            for entry in entries.into_iter().rev() {
                pages.pending.push_front(entry);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::counting;

    /// A log that has no room, ever.
    struct Full;

    impl CallLog for Full {
        fn record(&self, _: &CallId, event: CallEvent) -> Result<(), LogFull> {
            Err(LogFull(Box::new(event)))
        }
    }

    #[test]
    fn invariant_7_a_journal_that_nobody_takes_is_bounded_and_its_losses_are_counted() {
        let journal = Journal::new(0, 100);
        let call = CallId("call".to_owned());
        let dropped = counting::counted("tandem_journal_entries_dropped_total", || {
            for at in 0..1_000 {
                journal.note(CallTime::from_ms(at), Decider::Turn, &"input");
                journal.flush(&call, &Full);
            }
        });
        let pages = journal.pages.lock();
        assert_eq!((pages.pending.len(), dropped), (100, 900));
        let kept: Vec<u64> = pages.pending.iter().map(|entry| entry.seq).collect();
        assert_eq!(
            kept,
            (900..1_000).collect::<Vec<_>>(),
            "the newest are kept, in order, with their numbers"
        );
    }
}
