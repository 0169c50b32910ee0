//! The watchdog of a stage: while it has work it must show progress within its limit, else it is stalled, told once.
//!
//! Work arms it (audio in, text in), progress gives it a new limit, and it rests when nothing is outstanding. The
//! stage's actor replaces what it reports. The playout ledger watches its marks itself, and turn-taking its model.

use crate::call::time::CallTime;
use std::time::Duration;

/// The watchdog of one stage.
#[derive(Clone, Debug)]
pub struct Watchdog {
    limit: Duration,
    waiting_since: Option<CallTime>,
}

impl Watchdog {
    /// A stage at rest that may take `limit` to show something.
    #[must_use]
    pub const fn new(limit: Duration) -> Self {
        Self { limit, waiting_since: None }
    }

    /// The stage was given something to do. It does not get more time for what it had before.
    pub fn work(&mut self, now: CallTime) {
        self.waiting_since.get_or_insert(now);
    }

    /// The stage showed that it lives; if it had work it gets the whole limit again.
    pub fn progress(&mut self, now: CallTime) {
        if let Some(since) = &mut self.waiting_since {
            *since = now;
        }
    }

    /// The stage has nothing to do.
    pub fn rest(&mut self) {
        self.waiting_since = None;
    }

    /// When to ask [`Watchdog::has_stalled`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<CallTime> {
        self.waiting_since.map(|since| since.after(self.limit))
    }

    /// Whether the limit has passed. True only once; then it rests until there is new work.
    pub fn has_stalled(&mut self, now: CallTime) -> bool {
        let stalled = self.poll_timeout().is_some_and(|at| at <= now);
        if stalled {
            self.rest();
        }
        stalled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT: Duration = Duration::from_millis(1_000);

    fn at(ms: u64) -> CallTime {
        CallTime::from_ms(ms)
    }

    #[test]
    fn more_work_gives_no_more_time() {
        let mut watchdog = Watchdog::new(LIMIT);
        watchdog.work(at(0));
        watchdog.work(at(900));
        assert!(!watchdog.has_stalled(at(999)));
        assert!(watchdog.has_stalled(at(1_000)));
    }

    #[test]
    fn a_stall_is_told_once() {
        let mut watchdog = Watchdog::new(LIMIT);
        watchdog.work(at(0));
        assert!(watchdog.has_stalled(at(2_000)));
        assert!(!watchdog.has_stalled(at(9_000)));
    }

    #[test]
    fn a_stage_without_work_never_stalls() {
        let mut watchdog = Watchdog::new(LIMIT);
        watchdog.progress(at(0));
        watchdog.work(at(10));
        watchdog.rest();
        assert_eq!(watchdog.poll_timeout(), None);
        assert!(!watchdog.has_stalled(at(60_000)));
    }

    proptest! {
        #[test]
        fn a_stage_that_works_stalls_exactly_when_it_shows_nothing_for_the_limit(
            gaps in proptest::collection::vec(1_u64..2_000, 1..40),
        ) {
            let mut watchdog = Watchdog::new(LIMIT);
            watchdog.work(at(0));
            let mut now = 0;
            for gap in gaps {
                now += gap;
                let stalled = watchdog.has_stalled(at(now));
                prop_assert_eq!(stalled, gap >= 1_000);
                watchdog.work(at(now));
                watchdog.progress(at(now));
            }
        }
    }
}
