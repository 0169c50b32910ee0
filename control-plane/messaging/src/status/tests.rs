use super::*;
use crate::failure::FailureClass;
use proptest::{collection::vec, prelude::*, sample::select};

fn any() -> impl Strategy<Value = Status> {
    select(Status::ALL.to_vec())
}

#[test]
fn what_is_told_in_the_usual_order_is_believed() {
    let mut status = Status::Scheduled;
    for next in [Status::Queued, Status::Sending, Status::Sent, Status::Delivered, Status::Read] {
        status = status.then(next);
        assert_eq!(status, next);
    }
}

#[test]
fn what_was_sent_may_turn_out_not_to_have_arrived() {
    for late in [Status::Undelivered, Status::Failed, Status::Bounced] {
        assert_eq!(Status::Sent.then(late), late);
        assert_eq!(Status::Delivered.then(late), Status::Delivered, "what arrived, arrived");
        assert_eq!(Status::Read.then(late), Status::Read);
    }
}

#[test]
fn what_is_held_may_be_queued_and_held_again() {
    assert_eq!(Status::Queued.then(Status::Held), Status::Held);
    assert_eq!(Status::Held.then(Status::Queued), Status::Queued);
    assert_eq!(Status::Sending.then(Status::Held), Status::Sending);
}

#[test]
fn a_failure_is_not_forgotten() {
    let mut progress = Progress::new(Status::Sent);
    let failure = Failure::new(FailureClass::Unreachable).with_code("30003");
    assert!(progress.take(Status::Undelivered, Some(failure.clone())));
    assert!(!progress.take(Status::Undelivered, None));
    assert!(!progress.take(Status::Sent, None));
    assert_eq!(progress, Progress { status: Status::Undelivered, failure: Some(failure) });
}

#[test]
fn a_failure_that_comes_with_a_stale_status_is_not_taken() {
    let mut progress = Progress::new(Status::Delivered);
    assert!(!progress.take(Status::Undelivered, Some(Failure::new(FailureClass::Unreachable))));
    assert_eq!(progress, Progress::new(Status::Delivered));
}

#[test]
fn the_words_of_the_providers_are_understood() {
    assert_eq!(Status::of_twilio("accepted"), Some(Status::Queued));
    assert_eq!(Status::of_twilio("partially_delivered"), Some(Status::Sent));
    assert_eq!(Status::of_twilio("brand new"), None);
    assert_eq!(Status::of_whapi("played"), Some(Status::Read));
    assert_eq!(Status::of_whapi("deleted"), None);
    for status in Status::ALL {
        assert_eq!(status.as_str().parse(), Ok(*status));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// In whatever order and however often things are told, the rank never falls, and what is final stays but for a reading.
    #[test]
    fn a_status_moves_only_forward(told in vec(any(), 1..20)) {
        let mut status = Status::Scheduled;
        for next in told {
            let before = status;
            status = status.then(next);
            prop_assert!(status.rank() >= before.rank());
            if before.is_final() && status != before {
                prop_assert_eq!((before, status), (Status::Delivered, Status::Read));
            }
            prop_assert_eq!(status.then(next), status, "told twice is told once");
        }
    }

    /// The final word does not depend on when the words before it were told.
    #[test]
    fn the_order_of_receipts_does_not_matter(
        mut told in Just(vec![Status::Queued, Status::Sending, Status::Sent, Status::Delivered]).prop_shuffle(), end in any(),
    ) {
        let run = |told: &[Status]| told.iter().fold(Status::Queued, |status, next| status.then(*next));
        prop_assert_eq!(run(&told), Status::Delivered);
        told.push(Status::Read);
        prop_assert_eq!(run(&told), Status::Read);
        told.push(end);
        prop_assert_eq!(run(&told), Status::Read);
    }
}
