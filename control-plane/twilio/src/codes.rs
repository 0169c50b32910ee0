//! What follows from Twilio's error codes. The codes' meanings are Twilio's (error dictionary); what is done about
//! each is our judgement, since Twilio's documents rarely say.

use std::time::Duration;

/// What a failure means for what is done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryClass {
    /// It was not done and may be tried again soon, not before `after` if Twilio said so.
    Soon {
        /// `Retry-After`.
        after: Option<Duration>,
    },
    /// A few more times, in minutes or hours.
    Later,
    /// This recipient cannot be reached this way now: take another channel.
    OtherChannel,
    /// Not at this time of day at the recipient's.
    QuietHours,
    /// Our mistake, or the account's settings: tell somebody, and do not try again.
    Never,
    /// Nobody knows whether it was done: find out by listing before anything else.
    Reconcile,
}

/// What follows from an error code; from the HTTP status where there is no code, or one that is not known.
#[must_use]
pub fn retry_class(status: u16, code: Option<u32>) -> RetryClass {
    const SOON: RetryClass = RetryClass::Soon { after: None };
    match code {
        Some(
            20429
            | 20500
            | 20503
            | 30001
            | 30017
            | 30020..=30022
            | 30410
            | 21611
            | 63009
            | 63010
            | 63012
            | 63017
            | 63018,
        ) => SOON,
        Some(10004 | 14107 | 30003 | 30008 | 30023 | 30027) => RetryClass::Later,
        Some(
            21408
            | 21610
            | 21612
            | 21614
            | 30004..=30007
            | 30011
            | 30024
            | 30032..=30036
            | 63003
            | 63016
            | 63024
            | 63032
            | 63033,
        ) => RetryClass::OtherChannel,
        Some(30610) => RetryClass::QuietHours,
        Some(_) | None => match status {
            429 | 500.. => SOON,
            _ => RetryClass::Never,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_says_more_than_its_status() {
        assert_eq!(retry_class(429, Some(20_429)), RetryClass::Soon { after: None });
        assert_eq!(retry_class(503, None), RetryClass::Soon { after: None });
        assert_eq!(retry_class(400, Some(21_610)), RetryClass::OtherChannel);
        assert_eq!(retry_class(400, Some(30_610)), RetryClass::QuietHours);
        assert_eq!(retry_class(400, Some(30_003)), RetryClass::Later);
        for code in [20_003, 20_404, 21_211, 21_220, 21_422, 21_452] {
            assert_eq!(retry_class(400, Some(code)), RetryClass::Never, "{code}");
        }
    }
}
