//! What a report of the carrier changes in a call: it may be late, come twice or out of order.

use store::{Call, CallMove, CallStatus};

/// A report of the carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StatusReport {
    /// How far the call has come.
    pub(crate) status: CallStatus,
    /// Its length, in s; only at its end.
    pub(crate) duration_s: Option<i64>,
    /// When the report came, unix µs.
    pub(crate) at: i64,
}

/// Reads the carrier's word for a status.
pub(crate) fn parse_carrier_status(text: &str) -> Option<CallStatus> {
    Some(match text {
        "queued" => CallStatus::Queued,
        "initiated" => CallStatus::Initiated,
        "ringing" => CallStatus::Ringing,
        "in-progress" | "answered" => CallStatus::InProgress,
        "completed" => CallStatus::Completed,
        "busy" => CallStatus::Busy,
        "no-answer" => CallStatus::NoAnswer,
        "failed" => CallStatus::Failed,
        "canceled" => CallStatus::Canceled,
        _ => return None,
    })
}

/// The step that the report asks for, or `None` if it tells nothing new.
pub(crate) fn step(call: &Call, report: StatusReport) -> Option<CallMove> {
    let moved = call.status.advance(report.status);
    let to = moved.unwrap_or(call.status);
    // The engine may have ended the call before the carrier told how long it was.
    let new_duration = report.duration_s.filter(|_| to.is_final() && call.carrier_duration_s.is_none());
    if moved.is_none() && new_duration.is_none() {
        return None;
    }
    Some(CallMove {
        from: call.status,
        to,
        answered_at: (moved == Some(CallStatus::InProgress)).then_some(report.at),
        ended_at: to.is_final().then_some(report.at),
        carrier_duration_s: new_duration,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::call;
    use proptest::{collection::vec, option, prelude::*, sample::select};
    use store::Direction;

    fn ringing() -> Call {
        Call {
            carrier_sid: Some("CA1".to_owned()),
            direction: Direction::Inbound,
            status: CallStatus::Ringing,
            ..call()
        }
    }

    /// As the store applies a step.
    fn apply(call: &mut Call, step: CallMove) {
        assert_eq!(call.status, step.from);
        call.status = step.to;
        call.answered_at = call.answered_at.or(step.answered_at);
        call.ended_at = call.ended_at.or(step.ended_at);
        call.carrier_duration_s = call.carrier_duration_s.or(step.carrier_duration_s);
    }

    fn report(status: CallStatus, duration_s: Option<i64>) -> StatusReport {
        StatusReport { status, duration_s, at: 7 }
    }

    proptest! {
        #[test]
        fn what_is_known_is_never_taken_back(
            reports in vec((select(CallStatus::ALL.to_vec()), option::of(0_i64..100)), 0..20),
        ) {
            let mut call = ringing();
            for (status, duration_s) in reports {
                let before = call.clone();
                if let Some(step) = step(&call, report(status, duration_s)) {
                    apply(&mut call, step);
                }
                prop_assert!(call.status == before.status || before.status.advance(call.status).is_some());
                prop_assert!(before.carrier_duration_s.is_none() || call.carrier_duration_s == before.carrier_duration_s);
                prop_assert_eq!(call.ended_at.is_some(), call.status.is_final());
                prop_assert_eq!(step(&call, report(status, duration_s)), None, "told twice");
            }
        }

        #[test]
        fn the_order_of_reports_does_not_matter(
            reports in Just(vec![
                (CallStatus::Initiated, None),
                (CallStatus::InProgress, None),
                (CallStatus::Completed, Some(12)),
                (CallStatus::Completed, Some(12)),
            ]).prop_shuffle(),
        ) {
            let mut call = ringing();
            for (status, duration_s) in reports {
                if let Some(step) = step(&call, report(status, duration_s)) {
                    apply(&mut call, step);
                }
            }
            prop_assert_eq!((call.status, call.carrier_duration_s), (CallStatus::Completed, Some(12)));
        }
    }

    #[test]
    fn the_carriers_duration_is_kept_after_the_engine_ended_the_call() {
        let mut call = Call { status: CallStatus::Completed, ended_at: Some(5), ..ringing() };
        let step = step(&call, report(CallStatus::Completed, Some(12))).unwrap();
        apply(&mut call, step);
        assert_eq!((call.carrier_duration_s, call.ended_at), (Some(12), Some(5)));
    }
}
