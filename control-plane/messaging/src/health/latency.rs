//! How long messages take to arrive, by account and country: what no error of the provider shows.
//!
//! An account is slow when at least 15 % of what it took within the last 15 minutes needed more than 5 minutes, or did not arrive within
//! them, and not all accounts are as slow. It stays slow for 15 minutes after that was seen last. The numbers are those of GOV.UK Notify.

use super::Health;
use serde::{Deserialize, Serialize};
use std::{collections::VecDeque, time::Duration};

/// What is looked at, in minutes.
pub(super) const WINDOW_MIN: i64 = 15;
/// What takes longer is slow.
pub(super) const SLOW: Duration = Duration::from_secs(5 * 60);
/// So many of a hundred make an account slow.
const SLOW_PERCENT: u64 = 15;
/// Fewer messages say nothing.
const SAMPLE_MIN: u64 = 10;
/// How long an account stays slow after it was last seen to be.
const PENALTY: Duration = Duration::from_secs(15 * 60);
const MINUTE_US: i64 = 60_000_000;

/// How long messages of one account to one country take.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// By the minute in which the provider took them, oldest first.
    minutes: VecDeque<Minute>,
    /// Whether receipts come at all: where none ever did, none is missing.
    receipts: bool,
    slow_until: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Minute {
    minute: i64,
    taken: u32,
    fast: u32,
    slow: u32,
}

impl Latency {
    pub(super) fn taken(&mut self, at: i64) {
        if let Some(minute) = self.minute_mut(at) {
            minute.taken = minute.taken.saturating_add(1);
        }
    }

    pub(super) fn delivered(&mut self, at: i64, after: Duration) {
        self.receipts = true;
        let took = i64::try_from(after.as_micros()).unwrap_or(i64::MAX);
        let Some(minute) = self.minute_mut(at.saturating_sub(took)) else { return };
        let count = if after > SLOW { &mut minute.slow } else { &mut minute.fast };
        *count = count.saturating_add(1);
    }

    /// The minute of a time; `None` for one before those that are looked at.
    fn minute_mut(&mut self, at: i64) -> Option<&mut Minute> {
        let minute = at.div_euclid(MINUTE_US);
        let newest = self.minutes.back().map_or(minute, |kept| kept.minute.max(minute));
        if minute <= newest - WINDOW_MIN {
            return None;
        }
        self.minutes.retain(|kept| kept.minute > newest - WINDOW_MIN);
        let place = self.minutes.partition_point(|kept| kept.minute < minute);
        if self.minutes.get(place).is_none_or(|kept| kept.minute != minute) {
            self.minutes.insert(place, Minute { minute, taken: 0, fast: 0, slow: 0 });
        }
        self.minutes.get_mut(place)
    }

    #[cfg(test)]
    pub(super) fn minutes(&self) -> i64 {
        i64::try_from(self.minutes.len()).unwrap_or(i64::MAX)
    }

    /// Whether it is slow by what was seen; `None`: too little was.
    fn seen_slow(&self, at: i64) -> Option<bool> {
        let this = at.div_euclid(MINUTE_US);
        let (mut fast, mut slow) = (0_u64, 0_u64);
        for minute in
            self.minutes.iter().filter(|kept| kept.minute > this - WINDOW_MIN && kept.minute <= this)
        {
            let told = minute.fast.saturating_add(minute.slow);
            let aged = (minute.minute + 1).saturating_mul(MINUTE_US).saturating_add(micros(SLOW)) <= at;
            // What has not arrived by now took longer, whenever it arrives.
            let missing = if aged && self.receipts { minute.taken.saturating_sub(told) } else { 0 };
            fast += u64::from(minute.fast);
            slow += u64::from(minute.slow) + u64::from(missing);
        }
        let all = fast + slow;
        (all >= SAMPLE_MIN).then(|| slow * 100 >= all * SLOW_PERCENT)
    }

    pub(super) fn is_slow(&self, at: i64) -> bool {
        self.slow_until.is_some_and(|until| at < until)
    }

    pub(super) const fn slow_until(&self) -> Option<i64> {
        self.slow_until
    }

    pub(super) fn used_at(&self) -> i64 {
        self.minutes.back().map_or(i64::MIN, |kept| kept.minute)
    }
}

/// Judges the accounts of one channel by what they take to one country; to be called about once a minute. Then [`Health::wake`] says what
/// changed.
pub fn judge(accounts: &mut [&mut Health], country: &str, at: i64) {
    let seen: Vec<Option<bool>> = accounts
        .iter()
        .map(|account| account.latency.get(country).and_then(|latency| latency.seen_slow(at)))
        .collect();
    // Where all are slow it is the country's carriers, and changing accounts helps nobody.
    if !seen.contains(&Some(false)) {
        return;
    }
    for (account, seen) in accounts.iter_mut().zip(seen) {
        if seen == Some(true) {
            account.latency_mut(country).slow_until = Some(at.saturating_add(micros(PENALTY)));
        }
    }
}

fn micros(wait: Duration) -> i64 {
    i64::try_from(wait.as_micros()).unwrap_or(i64::MAX)
}
