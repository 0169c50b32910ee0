//! How fast each account is asked: a token bucket without I/O ([`Bucket`], time comes in as a value), and a shell
//! that waits for it. Messages have a share of their own, so that a live call never waits for a batch of them.

use crate::{AccountSid, RateOptions};
use parking_lot::Mutex;
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep, timeout},
};

/// A token bucket, kept as the moment at which it would be full again. Times count from any fixed moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bucket {
    full_at: Duration,
    held_until: Duration,
}

impl Bucket {
    /// Takes one token and says how long to wait for it. If that is longer than allowed nothing is taken.
    ///
    /// # Errors
    /// How long it would have been.
    pub(crate) fn take(&mut self, now: Duration, rate: &RateOptions) -> Result<Duration, Duration> {
        let per_token = Duration::from_secs(1) / rate.per_second.max(1);
        let full_at = self.full_at.max(now) + per_token;
        // Earlier than this, more than `burst` tokens would be missing.
        let free_at = full_at.saturating_sub(per_token * rate.burst.max(1)).max(self.held_until);
        let wait = free_at.saturating_sub(now);
        if wait > rate.longest_wait {
            return Err(wait);
        }
        self.full_at = full_at;
        Ok(wait)
    }

    /// Twilio said to come back later: nobody goes before then.
    pub(crate) fn hold(&mut self, until: Duration) {
        self.held_until = self.held_until.max(until);
    }

    /// Whether forgetting it changes nothing.
    pub(crate) fn is_idle(&self, now: Duration) -> bool {
        self.full_at <= now && self.held_until <= now
    }
}

/// What an account's requests are counted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Share {
    /// The sending of messages.
    Messages,
    /// Everything else: calls, numbers, accounts, questions.
    Rest,
}

#[derive(Debug)]
struct Lane {
    bucket: Bucket,
    slots: Arc<Semaphore>,
}

/// All accounts' buckets.
#[derive(Debug)]
pub(crate) struct Limits {
    rest: RateOptions,
    messages: RateOptions,
    started: Instant,
    lanes: Mutex<HashMap<(AccountSid, Share), Lane>>,
}

impl Limits {
    pub(crate) fn new(rest: RateOptions, messages: RateOptions) -> Self {
        Self { rest, messages, started: Instant::now(), lanes: Mutex::default() }
    }

    fn rate(&self, share: Share) -> &RateOptions {
        match share {
            Share::Messages => &self.messages,
            Share::Rest => &self.rest,
        }
    }

    /// Waits for the account's turn, which lasts as long as what is returned.
    ///
    /// # Errors
    /// How long it would have taken, if that is too long.
    pub(crate) async fn turn(
        &self,
        account: &AccountSid,
        share: Share,
    ) -> Result<OwnedSemaphorePermit, Duration> {
        let rate = self.rate(share);
        let (wait, slots) = {
            let mut lanes = self.lanes.lock();
            let now = self.started.elapsed();
            let key = (account.clone(), share);
            if lanes.len() >= rate.accounts && !lanes.contains_key(&key) {
                lanes.retain(|(_, share), lane| {
                    let all = self.rate(*share).concurrent.max(1);
                    !lane.bucket.is_idle(now) || lane.slots.available_permits() < all
                });
            }
            let lane = lanes.entry(key).or_insert_with(|| Lane {
                bucket: Bucket::default(),
                slots: Arc::new(Semaphore::new(rate.concurrent.max(1))),
            });
            (lane.bucket.take(now, rate)?, Arc::clone(&lane.slots))
        };
        sleep(wait).await;
        let longest = rate.longest_wait.saturating_sub(wait);
        match timeout(longest, slots.acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            // The semaphore is never closed; the error of its type is the same refusal.
            Ok(Err(_)) | Err(_) => Err(rate.longest_wait),
        }
    }

    /// Twilio said to come back later.
    pub(crate) fn hold(&self, account: &AccountSid, share: Share, wait: Duration) {
        if let Some(lane) = self.lanes.lock().get_mut(&(account.clone(), share)) {
            lane.bucket.hold(self.started.elapsed() + wait);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RATE: RateOptions = RateOptions {
        per_second: 10,
        burst: 5,
        concurrent: 2,
        longest_wait: Duration::from_secs(1),
        accounts: 2,
    };

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let mut bucket = Bucket::default();
        let waits: Vec<_> = (0..8).map(|_| bucket.take(Duration::ZERO, &RATE).unwrap().as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 100, 200, 300]);
        bucket.hold(Duration::from_millis(500));
        assert_eq!(bucket.take(Duration::ZERO, &RATE), Ok(Duration::from_millis(500)));
    }

    #[test]
    fn a_wait_that_is_too_long_takes_nothing() {
        let mut bucket = Bucket::default();
        bucket.hold(Duration::from_secs(9));
        let before = bucket;
        assert_eq!(bucket.take(Duration::ZERO, &RATE), Err(Duration::from_secs(9)));
        assert_eq!(bucket, before);
    }

    proptest! {
        #[test]
        fn no_second_sees_more_than_burst_and_rate(gaps in proptest::collection::vec(0_u64..300, 1..200)) {
            let (mut bucket, mut now, mut starts) = (Bucket::default(), Duration::ZERO, Vec::new());
            for gap in gaps {
                now += Duration::from_millis(gap);
                if let Ok(wait) = bucket.take(now, &RATE) {
                    starts.push(now + wait);
                }
            }
            for (index, &start) in starts.iter().enumerate() {
                let within = starts[index..].iter().filter(|&&later| later < start + Duration::from_secs(1));
                prop_assert!(within.count() <= 15);
            }
        }
    }

    fn account(last: char) -> AccountSid {
        format!("AC{}{last}", "0".repeat(31)).parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn no_account_waits_for_another_and_no_call_for_messages() {
        let limits = Limits::new(RATE, RATE);
        let held = (
            limits.turn(&account('1'), Share::Messages).await.unwrap(),
            limits.turn(&account('1'), Share::Messages).await.unwrap(),
        );
        let other = limits.turn(&account('2'), Share::Messages).await.unwrap();
        let call = limits.turn(&account('1'), Share::Rest).await.unwrap();
        assert_eq!(limits.started.elapsed(), Duration::ZERO);
        assert_eq!(limits.turn(&account('1'), Share::Messages).await.unwrap_err(), Duration::from_secs(1));
        drop((held, other, call));
        drop(limits.turn(&account('1'), Share::Messages).await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn idle_accounts_are_forgotten() {
        let limits = Limits::new(RATE, RATE);
        for last in ['1', '2', '3', '4'] {
            drop(limits.turn(&account(last), Share::Rest).await.unwrap());
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert!(limits.lanes.lock().len() <= 2);
    }
}
