//! Whether a request that failed is sent again, and when: decided without I/O, chance comes in as a value.

use crate::{codes::RetryClass, codes::retry_class, error::Refusal, options::RetryOptions};
use std::time::Duration;

/// What a repetition of a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repetition {
    /// The same as doing it once: reads, deletions, settings.
    Harmless,
    /// It once more: creations, purchases, live redirects.
    Doubles,
}

/// What became of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No connection; nothing was sent.
    NotSent(String),
    /// Sent, and no answer or none that can be used.
    Lost(String),
    /// Twilio's own refusal.
    Refused(Box<Refusal>),
}

/// What follows from a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Send it again after so long.
    Again(Duration),
    /// Pass the failure on: it was not done.
    GiveUp,
    /// Pass on that nobody knows.
    Unknown,
}

/// Decides after the `attempt`-th (from 1) failed. `chance` is evenly spread over 0..=255.
pub(crate) fn decide(
    options: &RetryOptions,
    attempt: u32,
    repetition: Repetition,
    failure: &Failure,
    chance: u8,
) -> Decision {
    let (not_done, worth_it, asked) = match failure {
        Failure::NotSent(_) => (true, true, None),
        Failure::Lost(_) => (false, true, None),
        // A server error says nothing of what had been done before it.
        Failure::Refused(refusal) if refusal.status >= 500 => (false, true, refusal.retry_after),
        Failure::Refused(refusal) => {
            let soon = matches!(retry_class(refusal.status, refusal.code), RetryClass::Soon { .. });
            // Only 429 says that the request was not looked at; other refusals would be repeated word for word.
            (true, soon && refusal.status == 429, refusal.retry_after)
        }
    };
    if !not_done && repetition == Repetition::Doubles {
        return Decision::Unknown;
    }
    if !worth_it || attempt >= options.attempts {
        return Decision::GiveUp;
    }
    let wait = backoff(options, attempt, chance).max(asked.unwrap_or_default());
    if wait > options.longest { Decision::GiveUp } else { Decision::Again(wait) }
}

/// Doubled with every attempt, the upper half of it left to chance so that clients do not come back together.
fn backoff(options: &RetryOptions, attempt: u32, chance: u8) -> Duration {
    let factor = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
    let whole = options.first.saturating_mul(factor).min(options.longest);
    whole / 2 + (whole / 2) * u32::from(chance) / 255
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refused(status: u16, retry_after: Option<Duration>) -> Failure {
        Failure::Refused(Box::new(Refusal {
            status,
            code: None,
            message: String::new(),
            more_info: None,
            retry_after,
            request_id: None,
        }))
    }

    fn failure() -> impl Strategy<Value = Failure> {
        prop_oneof![
            Just(Failure::NotSent(String::new())),
            Just(Failure::Lost(String::new())),
            (300_u16..600, proptest::option::of(0_u64..100))
                .prop_map(|(status, after)| refused(status, after.map(Duration::from_secs))),
        ]
    }

    proptest! {
        #[test]
        fn what_may_have_been_done_is_never_done_again(failure in failure(), attempt in 1_u32..9, chance: u8) {
            let decision = decide(&RetryOptions::default(), attempt, Repetition::Doubles, &failure, chance);
            let surely_not_done = match &failure {
                Failure::NotSent(_) => true,
                Failure::Lost(_) => false,
                Failure::Refused(refusal) => refusal.status < 500,
            };
            prop_assert_eq!(decision == Decision::Unknown, !surely_not_done);
        }

        #[test]
        fn attempts_and_waits_are_bounded_and_retry_after_is_kept(
            failure in failure(), attempt in 1_u32..9, chance: u8, harmless: bool,
        ) {
            let options = RetryOptions::default();
            let repetition = if harmless { Repetition::Harmless } else { Repetition::Doubles };
            if let Decision::Again(wait) = decide(&options, attempt, repetition, &failure, chance) {
                prop_assert!(attempt < options.attempts && wait <= options.longest);
                if let Failure::Refused(refusal) = &failure {
                    prop_assert!(wait >= refusal.retry_after.unwrap_or_default());
                }
            }
        }
    }

    #[test]
    fn a_rate_limit_is_waited_out_and_a_mistake_is_not_repeated() {
        let options = RetryOptions::default();
        let decide = |failure| decide(&options, 1, Repetition::Doubles, &failure, 255);
        let after = Duration::from_secs(3);
        assert_eq!(decide(refused(429, Some(after))), Decision::Again(after));
        assert_eq!(decide(refused(400, None)), Decision::GiveUp);
        assert_eq!(decide(Failure::NotSent(String::new())), Decision::Again(Duration::from_millis(250)));
        assert_eq!(decide(refused(429, Some(Duration::from_secs(60)))), Decision::GiveUp);
    }
}
