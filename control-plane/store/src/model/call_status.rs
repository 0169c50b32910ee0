//! The life of a call as the carrier tells it. It only moves forward, however late, often or out of order the
//! reports arrive.

use super::words;

/// How far a call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallStatus {
    /// It waits to be placed.
    Queued,
    /// It is being placed.
    Initiated,
    /// It rings.
    Ringing,
    /// It was answered.
    InProgress,
    /// It was answered and is over.
    Completed,
    /// The other side was busy.
    Busy,
    /// Nobody answered.
    NoAnswer,
    /// It could not be placed or broke down.
    Failed,
    /// It was called off before it was answered.
    Canceled,
}

words!(CallStatus, "call status", {
    Queued => "queued", Initiated => "initiated", Ringing => "ringing", InProgress => "in_progress",
    Completed => "completed", Busy => "busy", NoAnswer => "no_answer", Failed => "failed", Canceled => "canceled",
});

impl CallStatus {
    /// Whether nothing follows it.
    #[must_use]
    pub const fn is_final(self) -> bool {
        self.rank() == Self::Completed.rank()
    }

    /// What a call in this state becomes on a report of `reported`: `None` if the report tells nothing new.
    /// Nothing follows a final state.
    #[must_use]
    pub const fn advance(self, reported: Self) -> Option<Self> {
        if reported.rank() > self.rank() { Some(reported) } else { None }
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Queued => 0,
            Self::Initiated => 1,
            Self::Ringing => 2,
            Self::InProgress => 3,
            Self::Completed | Self::Busy | Self::NoAnswer | Self::Failed | Self::Canceled => 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*, sample::select};

    fn after(reports: &[CallStatus]) -> CallStatus {
        reports
            .iter()
            .fold(CallStatus::Queued, |status, reported| status.advance(*reported).unwrap_or(status))
    }

    proptest! {
        #[test]
        fn a_call_only_moves_forward(reports in vec(select(CallStatus::ALL.to_vec()), 0..20)) {
            let mut status = CallStatus::Queued;
            for reported in reports {
                if let Some(next) = status.advance(reported) {
                    prop_assert!(next.rank() > status.rank());
                    prop_assert!(!status.is_final());
                    status = next;
                }
                prop_assert_eq!(status.advance(reported), None, "the same report twice tells nothing new");
            }
        }

        #[test]
        fn one_end_is_reached_in_whatever_order_the_reports_come(
            reports in Just(vec![
                CallStatus::Initiated, CallStatus::Ringing, CallStatus::InProgress, CallStatus::Completed,
            ]).prop_shuffle(),
        ) {
            prop_assert_eq!(after(&reports), CallStatus::Completed);
        }
    }

    #[test]
    fn the_first_end_counts() {
        assert_eq!(after(&[CallStatus::Busy, CallStatus::Completed]), CallStatus::Busy);
    }

    #[test]
    fn every_status_is_read_back() {
        for status in CallStatus::ALL {
            assert_eq!(CallStatus::parse(status.as_str()).unwrap(), *status);
        }
        assert!(CallStatus::parse("in-progress").is_err());
    }
}
