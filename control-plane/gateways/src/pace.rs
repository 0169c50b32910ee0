//! How fast one account sends: so many in any stretch of time, exactly ([`Lane`], without I/O, time comes in as a value),
//! and a shell that waits for it.

use engine::provider::Secret;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// At most so many in any stretch of this length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Messages.
    pub count: u32,
    /// The stretch.
    pub within: Duration,
}

/// How fast one account sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    /// All of them hold. Default none: the gateway enforces none.
    pub windows: Vec<Window>,
    /// Longest wait for one's turn. Default 2 s: whoever sends has other accounts, and a queue of its own to wait in.
    /// Beyond it the request is refused here, without being sent.
    pub longest_wait: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { windows: Vec::new(), longest_wait: Duration::from_secs(2) }
    }
}

impl Pace {
    /// What Whapi advises lest a number be banned: 2 messages in a minute, 10 in a quarter of an hour.
    #[must_use]
    pub fn careful() -> Self {
        let window = |count, minutes: u64| Window { count, within: Duration::from_secs(minutes * 60) };
        Self { windows: vec![window(2, 1), window(10, 15)], ..Self::default() }
    }

    fn remembered(&self) -> usize {
        self.windows.iter().map(|window| window.count as usize).max().unwrap_or(0)
    }
}

/// What one account has sent lately. Times count from any fixed moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lane {
    /// When messages were sent or will be, in order.
    sent: VecDeque<Duration>,
    held_until: Duration,
}

impl Lane {
    /// Takes a turn and says how long to wait for it. If that is longer than allowed nothing is taken.
    ///
    /// # Errors
    /// How long it would have been.
    pub(crate) fn take(&mut self, now: Duration, pace: &Pace) -> Result<Duration, Duration> {
        let mut start = now.max(self.held_until).max(self.sent.back().copied().unwrap_or_default());
        for window in &pace.windows {
            let before = self.sent.len().checked_sub(window.count as usize);
            if let Some(earlier) = before.and_then(|index| self.sent.get(index)) {
                start = start.max(*earlier + window.within);
            }
        }
        let wait = start.saturating_sub(now);
        if wait > pace.longest_wait || pace.windows.iter().any(|window| window.count == 0) {
            return Err(wait);
        }
        self.sent.push_back(start);
        while self.sent.len() > pace.remembered() {
            self.sent.pop_front();
        }
        Ok(wait)
    }

    /// The gateway said to come back later: nobody goes before then.
    pub(crate) fn hold(&mut self, until: Duration) {
        self.held_until = self.held_until.max(until);
    }

    /// Whether forgetting it changes nothing for an hour's windows and shorter ones.
    fn is_idle(&self, now: Duration) -> bool {
        const REMEMBERED: Duration = Duration::from_secs(3_600);
        let last = self.sent.back().copied().unwrap_or_default();
        (self.sent.is_empty() || last + REMEMBERED <= now) && self.held_until <= now
    }
}

/// The accounts' lanes.
#[derive(Debug)]
pub(crate) struct Lanes {
    started: Instant,
    most: usize,
    /// By the SHA-256 of the credential, so that it has no second place.
    lanes: Mutex<HashMap<[u8; 32], Lane>>,
}

impl Lanes {
    /// Remembers so many accounts; beyond it those that were idle are forgotten.
    pub(crate) fn new(most: usize) -> Self {
        Self { started: Instant::now(), most, lanes: Mutex::default() }
    }

    /// Waits for the account's turn.
    ///
    /// # Errors
    /// How long it would have taken, if that is too long.
    pub(crate) async fn turn(&self, account: &Secret, pace: &Pace) -> Result<(), Duration> {
        let wait = {
            let now = self.started.elapsed();
            let mut lanes = self.lanes.lock();
            let mark = mark(account);
            if lanes.len() >= self.most && !lanes.contains_key(&mark) {
                lanes.retain(|_, lane| !lane.is_idle(now));
            }
            lanes.entry(mark).or_default().take(now, pace)?
        };
        if !wait.is_zero() {
            sleep(wait).await;
        }
        Ok(())
    }

    /// The gateway said to come back later.
    pub(crate) fn hold(&self, account: &Secret, wait: Duration) {
        let until = self.started.elapsed() + wait;
        self.lanes.lock().entry(mark(account)).or_default().hold(until);
    }
}

fn mark(account: &Secret) -> [u8; 32] {
    Sha256::digest(account.reveal().as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn pace(count: u32, longest_wait_s: u64) -> Pace {
        let longest_wait = Duration::from_secs(longest_wait_s);
        Pace { windows: vec![Window { count, within: MINUTE }], longest_wait }
    }

    #[test]
    fn the_third_of_two_a_minute_waits_for_the_first_to_be_a_minute_old() {
        let (mut lane, pace) = (Lane::default(), pace(2, 3_600));
        let waits: Vec<_> = (0..5).map(|_| lane.take(Duration::ZERO, &pace).unwrap().as_secs()).collect();
        assert_eq!(waits, [0, 0, 60, 60, 120]);
    }

    #[test]
    fn a_wait_that_is_too_long_takes_nothing() {
        let (mut lane, pace) = (Lane::default(), pace(1, 2));
        lane.take(Duration::ZERO, &pace).unwrap();
        let before = lane.clone();
        assert_eq!(lane.take(Duration::ZERO, &pace), Err(MINUTE));
        assert_eq!(lane, before);
        lane.hold(MINUTE * 2);
        assert_eq!(lane.take(MINUTE, &pace), Err(MINUTE), "a gateway that asks for a pause has it");
    }

    #[test]
    fn without_windows_nothing_waits_and_nothing_is_remembered() {
        let (mut lane, pace) = (Lane::default(), Pace::default());
        assert!((0..1_000).all(|_| lane.take(Duration::ZERO, &pace) == Ok(Duration::ZERO)));
        assert!(lane.sent.is_empty());
    }

    proptest! {
        #[test]
        fn no_stretch_has_more_than_its_window_allows(gaps in proptest::collection::vec(0_u64..40, 1..150)) {
            let pace = Pace { longest_wait: Duration::from_secs(300), ..Pace::careful() };
            let (mut lane, mut now, mut starts) = (Lane::default(), Duration::ZERO, Vec::new());
            for gap in gaps {
                now += Duration::from_secs(gap);
                if let Ok(wait) = lane.take(now, &pace) {
                    starts.push(now + wait);
                }
            }
            for (index, &start) in starts.iter().enumerate() {
                for window in &pace.windows {
                    let within = starts[index..].iter().filter(|&&later| later < start + window.within);
                    prop_assert!(within.count() <= window.count as usize);
                }
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_account_does_not_slow_down_another_and_idle_ones_are_forgotten() {
        let (lanes, pace) = (Lanes::new(2), pace(1, 90));
        let account = |name: &str| Secret::new(name);
        lanes.turn(&account("a"), &pace).await.unwrap();
        lanes.turn(&account("b"), &pace).await.unwrap();
        assert_eq!(lanes.started.elapsed(), Duration::ZERO);
        lanes.turn(&account("a"), &pace).await.unwrap();
        assert_eq!(lanes.started.elapsed(), MINUTE);
        tokio::time::advance(MINUTE * 70).await;
        lanes.turn(&account("c"), &pace).await.unwrap();
        assert_eq!(lanes.lanes.lock().len(), 1);
    }
}
