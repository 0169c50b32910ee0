use super::*;

#[test]
fn a_message_is_spoken_twice_and_only_the_key_confirms_it() {
    assert_eq!(next(Step::Begin, None, &[]), (Turn::Speak(1), None));
    assert_eq!(next(Step::Said(1), None, &[]), (Turn::Speak(2), Some(HEARD)));
    assert_eq!(next(Step::Said(1), Some("7"), &[]), (Turn::Speak(2), None), "not to its end");
    assert_eq!(next(Step::Said(1), Some("1"), &[]), (Turn::Thank, Some(CONFIRMED)));
    assert_eq!(next(Step::Said(2), None, &[HEARD, HUMAN]), (Turn::Goodbye, Some(HEARD)));
    assert_eq!(next(Step::Said(2), Some("2"), &[HUMAN]), (Turn::Goodbye, None));
}

#[test]
fn nobody_hangs_up_on_a_machine_that_may_still_greet() {
    assert_eq!(next(Step::Said(2), None, &[HEARD]), (Turn::Wait, Some(HEARD)));
    assert_eq!(next(Step::Waited, None, &[HEARD]), (Turn::Goodbye, None));
    assert_eq!(next(Step::Machine, None, &[HEARD, MACHINE]), (Turn::Leave, None));
    assert_eq!(next(Step::Left, None, &[MACHINE]), (Turn::HangUp, Some(LEFT)));
}

#[test]
fn a_call_that_is_over_says_nothing_more() {
    for step in [Step::Begin, Step::Said(1), Step::Machine, Step::Waited] {
        assert_eq!(next(step, Some("1"), &["completed"]), (Turn::HangUp, None), "{step:?}");
    }
}

#[test]
fn the_end_of_a_call_says_what_became_of_its_message() {
    let code = |word, known: &[&str]| {
        let (status, failure) = ended(word, known);
        (status, failure.map(|failure| (failure.class, failure.code)))
    };
    let not_reached = |code: &str| (Status::Undelivered, Some((FailureClass::Unreachable, code.to_owned())));
    assert_eq!(code("completed", &["in-progress", CONFIRMED]), (Status::Read, None));
    assert_eq!(code("completed", &[HUMAN, HEARD]), (Status::Delivered, None), "heard and not confirmed");
    assert_eq!(code("completed", &[HEARD, MACHINE, LEFT]), (Status::Delivered, None), "on a voicemail");
    assert_eq!(code("completed", &[HEARD, MACHINE]), not_reached("machine"), "it heard its own greeting");
    assert_eq!(code("completed", &[HUMAN]), not_reached("hung-up"));
    for word in ["busy", "no-answer", "failed"] {
        assert_eq!(code(word, &["initiated"]), not_reached(word));
    }
    assert_eq!(
        code("canceled", &[]),
        (Status::Undelivered, Some((FailureClass::Expired, "canceled".to_owned()))),
        "somebody called it off: it is not made again"
    );
}

#[test]
fn steps_are_read_back_from_our_own_address() {
    for step in [Step::Said(1), Step::Said(2), Step::Machine, Step::Left, Step::Waited] {
        assert_eq!(Step::parse(Some(&step.word())), Some(step));
    }
    assert_eq!(Step::parse(None), Some(Step::Begin));
    for wrong in ["", "said-", "said-300", "again"] {
        assert_eq!(Step::parse(Some(wrong)), None);
    }
}
