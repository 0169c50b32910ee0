//! Whether an account can be used: by its failures in a row, and by how long its messages take to arrive.
//!
//! - No failure is healthy, one or two degraded, three or more down (requirements S0-07 to S0-10); each account counts on its own (S0-14).
//! - An account that is down is passed over. After a cool-off of a minute, doubled up to a quarter of an hour, exactly one trial is let
//!   through; the first success makes it healthy (S0-11, decision B13). So it recovers whenever its provider does.
//! - Somebody is told when it becomes degraded or down, at most once in 15 minutes (S0-12). What got worse in between is told when those
//!   are over, if it still is.

mod latency;

pub use crate::dispatch::AccountFact;
use crate::{dispatch::Admission, failure::FailureClass, words::words};
pub use latency::{Latency, judge};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// Failures in a row that make an account down (requirement S0-10).
pub const DOWN_FAILURES: u32 = 3;
/// First cool-off (decision B13).
pub const COOL_OFF: Duration = Duration::from_secs(60);
/// Longest cool-off (decision B13).
pub const COOL_OFF_MAX: Duration = Duration::from_secs(15 * 60);
/// Nobody is told more often (requirement S0-12).
pub const ALERT_EVERY: Duration = Duration::from_secs(15 * 60);
/// A trial of which nothing is heard for so long is over: the node that made it is gone. Longer than any provider call.
pub const TRIAL_WITHIN: Duration = Duration::from_secs(5 * 60);
/// An answer to a probe that takes longer is slow (decision B12).
pub const PROBE_SLOW: Duration = Duration::from_secs(2);
/// Countries of which an account's latency is kept; the one that was used least recently gives way.
const COUNTRIES_MAX: usize = 64;

words! {
    /// How an account is (requirement S0-07, decision B12). The order is from better to worse.
    pub enum Standing, "standing" {
        /// It works.
        Healthy => "healthy",
        /// It failed once or twice, or is slow. It is used.
        Degraded => "degraded",
        /// It failed three times or more. It is passed over.
        Down => "down",
    }
}

/// The health of one account. Stored as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Health {
    /// Failures in a row.
    failures: u32,
    /// The class of the last one.
    class: Option<FailureClass>,
    /// Since it is down.
    down: Option<Down>,
    /// Whether the last probe took too long.
    slow_probe: bool,
    /// How long its messages take to arrive, by country.
    latency: BTreeMap<String, Latency>,
    /// The last alert: when, and of what.
    alerted: Option<(i64, Standing)>,
    /// The standing that was told last.
    known: Option<Standing>,
    /// Since when it stands so, unix µs; `None`: it never changed.
    since: Option<i64>,
}

/// What holds while an account is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Down {
    since: i64,
    /// Trials that failed.
    trials: u32,
    next_trial: i64,
    /// When the trial that is being made began.
    trial: Option<i64>,
}

/// What changed, for the one who keeps the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// It stands differently now.
    Standing {
        /// How it stood.
        from: Standing,
        /// How it stands.
        to: Standing,
    },
    /// Its administrators are told.
    Alert {
        /// How it stands.
        standing: Standing,
        /// Failures in a row.
        failures: u32,
        /// The class of the last failure; `None`: it is slow.
        class: Option<FailureClass>,
    },
}

/// What came of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// The provider answered, after so long.
    Answered(Duration),
    /// It did not, or with an error.
    Failed(FailureClass),
}

impl Health {
    /// How it stands at `at`, unix µs.
    #[must_use]
    pub fn standing(&self, at: i64) -> Standing {
        if self.down.is_some() {
            Standing::Down
        } else if self.failures > 0
            || self.slow_probe
            || self.latency.values().any(|latency| latency.is_slow(at))
        {
            Standing::Degraded
        } else {
            Standing::Healthy
        }
    }

    /// Whether it can be used at `at`. A trial must be claimed with [`Health::begin_trial`] before it is made.
    #[must_use]
    pub fn admission(&self, at: i64) -> Admission {
        match self.down.map(|down| down.free_from()) {
            None => Admission::Admitted,
            Some(from) if from <= at => Admission::Trial,
            Some(until) => Admission::Refused { until },
        }
    }

    /// Claims the trial that is due; `false`: another has it, or none is due.
    #[must_use]
    pub fn begin_trial(&mut self, at: i64) -> bool {
        match &mut self.down {
            Some(down) if down.free_from() <= at => {
                down.trial = Some(at);
                true
            }
            Some(_) | None => false,
        }
    }

    /// Takes in what a message showed. `trial`: it was the trial that was claimed.
    pub fn learn(&mut self, at: i64, fact: &AccountFact, trial: bool) -> Vec<Change> {
        match fact {
            AccountFact::Succeeded => self.succeed(),
            AccountFact::Failed { class } => self.fail(at, *class, trial),
            // It shows nothing of the account: the next message may try.
            AccountFact::Answered => {
                if let Some(down) = self.down.as_mut().filter(|_| trial) {
                    down.trial = None;
                    down.next_trial = at;
                }
            }
            AccountFact::Delivered { .. } => {}
        }
        self.changes(at)
    }

    /// Takes in that a message to a country was taken by the provider.
    pub fn taken(&mut self, at: i64, country: &str) {
        self.latency_mut(country).taken(at);
    }

    /// Takes in that a message to a country arrived.
    pub fn delivered(&mut self, at: i64, country: &str, after: Duration) {
        self.latency_mut(country).delivered(at, after);
    }

    /// Takes in what came of a probe. One is due when [`Health::admission`] says so, or every now and then; a success is as good as a
    /// message, so an account without traffic recovers too.
    pub fn probed(&mut self, at: i64, probe: Probe) -> Vec<Change> {
        match probe {
            Probe::Answered(took) => {
                self.succeed();
                self.slow_probe = took > PROBE_SLOW;
            }
            Probe::Failed(class) => {
                let trial = self.down.is_some_and(|down| down.trial.is_some());
                self.fail(at, class, trial);
            }
        }
        self.changes(at)
    }

    /// Somebody says that it works again.
    pub fn reset(&mut self, at: i64) -> Vec<Change> {
        self.succeed();
        self.slow_probe = false;
        self.latency.clear();
        self.alerted = None;
        self.changes(at)
    }

    /// Time went by: an alert that was held back, or slowness that is over.
    pub fn wake(&mut self, at: i64) -> Vec<Change> {
        self.changes(at)
    }

    /// When [`Health::wake`] has something to say, unix µs.
    #[must_use]
    pub fn wake_at(&self, at: i64) -> Option<i64> {
        let alert =
            self.alerted.and_then(|(when, of)| (self.standing(at) > of).then(|| after(when, ALERT_EVERY)));
        let faster = self
            .latency
            .values()
            .filter_map(|latency| latency.slow_until())
            .filter(|until| *until > at)
            .min();
        alert.into_iter().chain(faster).min()
    }

    /// Whether messages to a country take long by it.
    #[must_use]
    pub fn is_slow(&self, at: i64, country: &str) -> bool {
        self.latency.get(country).is_some_and(|latency| latency.is_slow(at))
    }

    /// Failures in a row.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// The class of the last failure; `None` after a success.
    #[must_use]
    pub const fn class(&self) -> Option<FailureClass> {
        self.class
    }

    /// Since when it stands as it does, unix µs; `None`: it never stood otherwise.
    #[must_use]
    pub const fn since(&self) -> Option<i64> {
        self.since
    }

    /// When one message may try it again, unix µs; `None`: it is used.
    #[must_use]
    pub fn next_trial(&self) -> Option<i64> {
        self.down.map(Down::free_from)
    }

    fn succeed(&mut self) {
        self.failures = 0;
        self.class = None;
        self.down = None;
    }

    fn fail(&mut self, at: i64, class: FailureClass, trial: bool) {
        self.class = Some(class);
        self.failures = self.failures.saturating_add(1);
        match &mut self.down {
            Some(down) if trial => {
                down.trials = down.trials.saturating_add(1);
                down.trial = None;
                down.next_trial = after(at, cool_off(down.trials));
            }
            // What was on its way when it went down says nothing new.
            Some(_) => {}
            None if self.failures >= DOWN_FAILURES => {
                self.down =
                    Some(Down { since: at, trials: 0, next_trial: after(at, cool_off(0)), trial: None });
            }
            None => {}
        }
    }

    fn changes(&mut self, at: i64) -> Vec<Change> {
        let mut changes = Vec::new();
        let from = self.known.unwrap_or(Standing::Healthy);
        let to = self.standing(at);
        self.known = Some(to);
        if from != to {
            self.since = Some(at);
            changes.push(Change::Standing { from, to });
        }
        if to == Standing::Healthy {
            // The time of the last alert stays: an account that comes and goes tells no more often.
            if let Some((_, of)) = &mut self.alerted {
                *of = Standing::Healthy;
            }
        }
        let quiet = self.alerted.is_some_and(|(when, _)| at < after(when, ALERT_EVERY));
        let worse = to > self.alerted.map_or(Standing::Healthy, |(_, of)| of);
        if worse && !quiet {
            self.alerted = Some((at, to));
            changes.push(Change::Alert { standing: to, failures: self.failures, class: self.class });
        }
        changes
    }

    fn latency_mut(&mut self, country: &str) -> &mut Latency {
        if !self.latency.contains_key(country) && self.latency.len() >= COUNTRIES_MAX {
            let oldest = self
                .latency
                .iter()
                .min_by_key(|(_, latency)| latency.used_at())
                .map(|(name, _)| name.clone());
            if let Some(oldest) = oldest {
                self.latency.remove(&oldest);
            }
        }
        self.latency.entry(country.to_owned()).or_default()
    }
}

impl Down {
    /// When a trial may be claimed.
    fn free_from(self) -> i64 {
        self.trial.map_or(self.next_trial, |began| after(began, TRIAL_WITHIN))
    }
}

/// How long an account is left alone after so many failed trials.
#[must_use]
pub fn cool_off(trials: u32) -> Duration {
    COOL_OFF.saturating_mul(2_u32.saturating_pow(trials)).min(COOL_OFF_MAX)
}

fn after(at: i64, wait: Duration) -> i64 {
    at.saturating_add(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
