//! What the carrier is told to do when a stream has ended.

use engine::ports::EndReason;

/// How a stream ended, as far as we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamOutcome {
    /// The engine is done with the call.
    Ended(EndReason),
    /// The socket broke, or the process that had the call is gone.
    Lost,
}

/// To whom the caller was to be handed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Transfer {
    /// To this number.
    To(String),
    /// To somebody whom the tenant does not know.
    Unknown,
}

/// What is known when a stream has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StreamEnd {
    /// The carrier says that the call itself is over.
    pub(crate) call_over: bool,
    /// How the stream ended.
    pub(crate) outcome: StreamOutcome,
    /// To whom the caller was to be handed, if to anybody.
    pub(crate) transfer: Option<Transfer>,
    /// How often the carrier was asked to come back already.
    pub(crate) tries_made: u32,
    /// How often it may be asked.
    pub(crate) tries_allowed: u32,
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NextStep {
    /// Nothing: there is nobody on the line.
    Nothing,
    /// Hang up.
    HangUp,
    /// Put the caller through.
    Dial(String),
    /// Say that they cannot be put through, hang up.
    NotPutThrough,
    /// Open a stream again.
    Reconnect,
    /// Say that the connection is lost, hang up.
    GiveUp,
    /// Say the tenant's last words, hang up.
    LastResort,
}

/// What follows the end of a stream.
pub(crate) fn next_step(end: StreamEnd) -> NextStep {
    if end.call_over {
        return NextStep::Nothing;
    }
    match end.outcome {
        StreamOutcome::Ended(
            EndReason::CallerHungUp
            | EndReason::AssistantEnded
            | EndReason::OperatorEnded
            | EndReason::Silence
            | EndReason::MaxDuration,
        ) => NextStep::HangUp,
        StreamOutcome::Ended(EndReason::Failed) => NextStep::LastResort,
        StreamOutcome::Ended(EndReason::Transferred) => {
            put_through(end.transfer.unwrap_or(Transfer::Unknown))
        }
        StreamOutcome::Ended(EndReason::StreamLost | EndReason::Shutdown) | StreamOutcome::Lost => {
            match end.transfer {
                // The assistant had handed the caller over before the stream broke.
                Some(transfer) => put_through(transfer),
                None if end.tries_made < end.tries_allowed => NextStep::Reconnect,
                None => NextStep::GiveUp,
            }
        }
    }
}

fn put_through(transfer: Transfer) -> NextStep {
    match transfer {
        Transfer::To(number) => NextStep::Dial(number),
        Transfer::Unknown => NextStep::NotPutThrough,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{option, prelude::*, sample::select};

    const REASONS: [EndReason; 9] = [
        EndReason::CallerHungUp,
        EndReason::AssistantEnded,
        EndReason::OperatorEnded,
        EndReason::Transferred,
        EndReason::Silence,
        EndReason::MaxDuration,
        EndReason::Failed,
        EndReason::StreamLost,
        EndReason::Shutdown,
    ];

    fn end(outcome: StreamOutcome) -> StreamEnd {
        StreamEnd { call_over: false, outcome, transfer: None, tries_made: 0, tries_allowed: 3 }
    }

    fn any_outcome() -> impl Strategy<Value = StreamOutcome> {
        prop_oneof![Just(StreamOutcome::Lost), select(REASONS.to_vec()).prop_map(StreamOutcome::Ended)]
    }

    fn any_transfer() -> impl Strategy<Value = Transfer> {
        prop_oneof![Just(Transfer::Unknown), Just(Transfer::To("+15550142".to_owned()))]
    }

    proptest! {
        #[test]
        fn a_stream_is_opened_again_only_if_it_was_lost_and_tries_are_left(
            outcome in any_outcome(),
            transfer in option::of(any_transfer()),
            call_over: bool,
            tries_made in 0_u32..6,
            tries_allowed in 0_u32..6,
        ) {
            let lost = matches!(
                outcome,
                StreamOutcome::Lost | StreamOutcome::Ended(EndReason::StreamLost | EndReason::Shutdown)
            );
            let expected = !call_over && lost && transfer.is_none() && tries_made < tries_allowed;
            let next = next_step(StreamEnd { call_over, outcome, transfer, tries_made, tries_allowed });
            prop_assert_eq!(next == NextStep::Reconnect, expected);
            prop_assert_eq!(next == NextStep::Nothing, call_over);
        }

        #[test]
        fn a_lost_call_ends_after_the_allowed_tries(tries_allowed in 0_u32..10) {
            let mut tries_made = 0;
            loop {
                match next_step(StreamEnd { tries_made, tries_allowed, ..end(StreamOutcome::Lost) }) {
                    NextStep::Reconnect => tries_made += 1,
                    next => {
                        prop_assert_eq!(next, NextStep::GiveUp);
                        break;
                    }
                }
            }
            prop_assert_eq!(tries_made, tries_allowed);
        }
    }

    #[test]
    fn what_the_assistant_ended_is_hung_up() {
        for reason in [EndReason::AssistantEnded, EndReason::Silence, EndReason::MaxDuration] {
            assert_eq!(next_step(end(StreamOutcome::Ended(reason))), NextStep::HangUp);
        }
    }

    #[test]
    fn a_failed_call_gets_the_last_resort() {
        assert_eq!(next_step(end(StreamOutcome::Ended(EndReason::Failed))), NextStep::LastResort);
    }

    #[test]
    fn a_caller_who_was_handed_over_is_put_through_even_if_the_stream_broke() {
        for outcome in [StreamOutcome::Ended(EndReason::Transferred), StreamOutcome::Lost] {
            let to = Transfer::To("+15550142".to_owned());
            let next = next_step(StreamEnd { transfer: Some(to), ..end(outcome) });
            assert_eq!(next, NextStep::Dial("+15550142".to_owned()));
            let next = next_step(StreamEnd { transfer: Some(Transfer::Unknown), ..end(outcome) });
            assert_eq!(next, NextStep::NotPutThrough);
        }
    }
}
