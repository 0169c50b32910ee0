//! What an answer, or none, means for a provider's health. No I/O.

use std::{collections::BTreeMap, time::Duration};
use store::model::work::{Health, HealthStatus};

/// When a provider is slow or down, and how often it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealthOptions {
    /// An answer that takes longer is slow. Default 2 s.
    pub slow: Duration,
    /// So many times in a row no answer came: it is down. Default 3; before that it is degraded, since one lost answer is the
    /// network's. A refusal of the credentials counts at once.
    pub down_after: u32,
    /// How often a provider is asked that is as it should be. Default 5 min.
    pub every: Duration,
    /// How soon it is asked again that is not. Default 60 s, doubled with every failure.
    pub cool_off: Duration,
    /// Longest wait until it is asked again. Default 15 min.
    pub longest: Duration,
    /// Nobody is told again that they must act, before this has passed. Default 1 h.
    pub alert_again: Duration,
}

impl Default for HealthOptions {
    fn default() -> Self {
        Self {
            slow: Duration::from_secs(2),
            down_after: 3,
            every: Duration::from_secs(5 * 60),
            cool_off: Duration::from_secs(60),
            longest: Duration::from_secs(15 * 60),
            alert_again: Duration::from_secs(60 * 60),
        }
    }
}

/// What came of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// It answered, and serves.
    Serves(Duration),
    /// It answered that it does not serve this account: the credentials are wrong, or the account is not active.
    Refuses(String),
    /// No answer, or one that says nothing of the account.
    Silent(String),
    /// There is nothing to ask with.
    NotConfigured,
}

/// Somebody must act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// What is wrong.
    pub message: String,
}

/// The health of `subject` after `probe` at the time `at` (unix microseconds), and whether somebody is to be told.
#[must_use]
pub fn decide(
    subject: &str,
    before: Option<&Health>,
    probe: &Probe,
    details: BTreeMap<String, String>,
    at: i64,
    options: &HealthOptions,
) -> (Health, Option<Alert>) {
    let failures = before.map_or(0, |before| before.failures);
    let (status, failures, message, latency) = match probe {
        Probe::NotConfigured => {
            let message = "Twilio not configured (per-company system)".to_owned();
            (HealthStatus::NotConfigured, 0, message, None)
        }
        Probe::Serves(latency) if *latency > options.slow => {
            let message = format!("it answers slowly: {} ms", latency.as_millis());
            (HealthStatus::Degraded, 0, message, Some(*latency))
        }
        Probe::Serves(latency) => (HealthStatus::Healthy, 0, "it serves".to_owned(), Some(*latency)),
        Probe::Refuses(why) => (HealthStatus::Down, failures.saturating_add(1), why.clone(), None),
        Probe::Silent(why) => {
            let failures = failures.saturating_add(1);
            let status =
                if failures >= options.down_after { HealthStatus::Down } else { HealthStatus::Degraded };
            (status, failures, why.clone(), None)
        }
    };
    let critical = status == HealthStatus::Down;
    let alerted_at = before.and_then(|before| before.alerted_at);
    let is_quiet = alerted_at.is_some_and(|last| at < last.saturating_add(micros(options.alert_again)));
    let alert = (critical && !is_quiet).then(|| Alert { message: message.clone() });
    let health = Health {
        subject: subject.to_owned(),
        status,
        message,
        critical,
        failures,
        checked_at: at,
        latency_ms: latency.map(|latency| i64::try_from(latency.as_millis()).unwrap_or(i64::MAX)),
        details,
        alerted_at: if alert.is_some() { Some(at) } else { alerted_at },
        due_at: at.saturating_add(micros(wait(status, failures, options))),
    };
    (health, alert)
}

/// How long it is not asked.
fn wait(status: HealthStatus, failures: u32, options: &HealthOptions) -> Duration {
    match status {
        HealthStatus::Healthy | HealthStatus::NotConfigured => options.every,
        HealthStatus::Degraded | HealthStatus::Down => {
            let doublings = failures.saturating_sub(1).min(16);
            options.cool_off.saturating_mul(1 << doublings).min(options.longest)
        }
    }
}

/// The worst of them; not configured only if all are.
#[must_use]
pub fn worst(states: impl IntoIterator<Item = HealthStatus>) -> HealthStatus {
    let badness = |status: &HealthStatus| match status {
        HealthStatus::NotConfigured => 0,
        HealthStatus::Healthy => 1,
        HealthStatus::Degraded => 2,
        HealthStatus::Down => 3,
    };
    states.into_iter().max_by_key(badness).unwrap_or(HealthStatus::NotConfigured)
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: i64 = 1_000_000;

    fn after(before: Option<&Health>, probe: &Probe, at: i64) -> (Health, Option<Alert>) {
        decide("acc_1", before, probe, BTreeMap::new(), at, &HealthOptions::default())
    }

    fn silent() -> Probe {
        Probe::Silent("no answer".to_owned())
    }

    #[test]
    fn what_answers_within_two_seconds_is_healthy_and_what_takes_longer_is_degraded() {
        let (health, alert) = after(None, &Probe::Serves(Duration::from_millis(2_000)), 0);
        assert_eq!((health.status, health.critical, alert), (HealthStatus::Healthy, false, None));
        let (health, alert) = after(None, &Probe::Serves(Duration::from_millis(2_001)), 0);
        assert_eq!((health.status, health.critical, alert), (HealthStatus::Degraded, false, None));
    }

    #[test]
    fn refused_credentials_are_down_at_once_and_a_lost_answer_is_not() {
        let (health, alert) = after(None, &Probe::Refuses("wrong token".to_owned()), 0);
        assert_eq!((health.status, health.critical), (HealthStatus::Down, true));
        assert_eq!(alert.map(|alert| alert.message), Some("wrong token".to_owned()));
        let (once, _) = after(None, &silent(), 0);
        let (twice, none) = after(Some(&once), &silent(), SECOND);
        assert_eq!((once.status, twice.status, none), (HealthStatus::Degraded, HealthStatus::Degraded, None));
        let (down, alert) = after(Some(&twice), &silent(), 2 * SECOND);
        assert_eq!((down.status, down.failures), (HealthStatus::Down, 3));
        assert!(alert.is_some());
        let (healed, _) = after(Some(&down), &Probe::Serves(Duration::ZERO), 3 * SECOND);
        assert_eq!((healed.status, healed.failures), (HealthStatus::Healthy, 0));
    }

    #[test]
    fn what_is_not_configured_needs_nobody() {
        let (health, alert) = after(None, &Probe::NotConfigured, 0);
        assert_eq!((health.status, health.critical, alert), (HealthStatus::NotConfigured, false, None));
        assert_eq!(health.message, "Twilio not configured (per-company system)");
    }

    #[test]
    fn what_is_down_is_asked_again_ever_more_seldom() {
        let mut health = None;
        let mut waits = Vec::new();
        for _ in 0..7 {
            let (next, _) = after(health.as_ref(), &silent(), 0);
            waits.push(next.due_at / SECOND);
            health = Some(next);
        }
        assert_eq!(waits, [60, 120, 240, 480, 900, 900, 900]);
    }

    #[test]
    fn the_worst_of_several_counts() {
        use HealthStatus::{Degraded, Down, Healthy, NotConfigured};
        assert_eq!(worst([]), NotConfigured);
        assert_eq!(worst([NotConfigured, Healthy]), Healthy);
        assert_eq!(worst([Healthy, Down, Degraded]), Down);
    }

    fn probe() -> impl Strategy<Value = Probe> {
        prop_oneof![
            (0_u64..5_000).prop_map(|ms| Probe::Serves(Duration::from_millis(ms))),
            Just(Probe::Refuses("no".to_owned())),
            Just(silent()),
            Just(Probe::NotConfigured),
        ]
    }

    proptest! {
        #[test]
        fn nobody_is_told_twice_within_an_hour_nor_when_it_serves(
            probes in proptest::collection::vec((probe(), 1_i64..1_200), 1..60),
        ) {
            let (mut health, mut last, mut at) = (None, None, 0);
            for (probe, wait_s) in probes {
                at += wait_s * SECOND;
                let (next, alert) = after(health.as_ref(), &probe, at);
                if alert.is_some() {
                    prop_assert!(last.is_none_or(|last| at - last >= 3_600 * SECOND));
                    prop_assert!(!matches!(probe, Probe::Serves(_) | Probe::NotConfigured));
                    last = Some(at);
                }
                prop_assert_eq!(next.critical, next.status == HealthStatus::Down);
                health = Some(next);
            }
        }
    }
}
