//! Models that refuse, that write without end, and callers whose last words nobody answers.

use super::*;

#[test]
fn a_model_that_refuses_everything_for_a_moment_is_asked_again_after_it() {
    let mut script = Script::greeted();
    script.caller(2_000, "Hello?");
    for at in [2_910, 2_920] {
        let ask = script.ask;
        let kind = ErrorKind::Transient;
        script.tell(at, Input::ModelFailed { ask, kind, message: "529".into() });
    }
    script.tell(3_000, Input::MarkReturned { epoch: Epoch(1) });
    script.log.clear();
    script.tell(4_000, Input::MarkReturned { epoch: Epoch(1) });
    script.check(&expect![[r#"
        003910ms < ask 3 attempt 2: caller: Hello?
    "#]]);
}

#[test]
fn a_caller_who_goes_on_while_the_model_is_not_asked_yet_is_answered_as_a_whole() {
    let mut script = Script::greeted();
    script.caller(2_000, "I would like");
    for at in [3_710, 3_720] {
        let ask = script.ask;
        script.tell(at, Input::ModelFailed { ask, kind: ErrorKind::Transient, message: "529".into() });
    }
    script.log.clear();
    script.caller(3_800, "to book a table.");
    assert!(script.log.contains("caller: I would like to book a table."), "{}", script.log);
    assert_eq!(script.log.matches("< ask ").count(), 1, "{}", script.log);
}

#[test]
fn an_answer_without_end_is_cut() {
    let mut script = Script::greeted();
    script.caller(2_000, "Tell me everything.");
    let mut at = 3_000;
    while !script.log.contains("degraded llm: an answer is cut") {
        assert!(at < 5_000, "it goes on for ever");
        script.model(at, "And another thing that I have to tell you. ");
        at += 1;
    }
    let written = script.log.matches("And another thing").count() * 43;
    assert!((19_000..=20_100).contains(&written), "{written} bytes were said");
    assert!(script.log.contains("cancel model") && script.log.ends_with("finish e2\n"));
    let before = script.log.clone();
    script.model(at, "And more. ");
    assert_eq!(script.log, before);
}

#[test]
fn a_model_that_writes_only_what_cannot_be_said_is_asked_again() {
    let mut script = Script::greeted();
    script.caller(2_000, "Hello?");
    for at in 0..300 {
        script.model(3_000 + at, &"*".repeat(100));
    }
    assert!(script.log.contains("ask 2 attempt 1"), "{}", script.log);
}

#[test]
fn the_last_words_of_a_caller_who_hangs_up_are_written_down() {
    // In mid-sentence.
    let mut script = Script::greeted();
    script.tell(2_000, Input::VoiceStarted { onset: CallTime::from_ms(1_950) });
    script.words(2_900, "Tell him that I", false);
    script.log.clear();
    script.tell(3_000, Input::HungUp { heard: None });
    script.check(&expect![[r#"
        003000ms < turn 1 "Tell him that I" -> ""
        003000ms < end CallerHungUp
    "#]]);
    assert_eq!(script.context().last().unwrap(), "caller: Tell him that I");

    // After an answer was withdrawn because they went on.
    let mut script = Script::greeted();
    script.caller(2_000, "Cancel it.");
    script.tell(3_000, Input::VoiceStarted { onset: CallTime::from_ms(2_950) });
    script.tell(3_200, Input::VoiceSustained { onset: CallTime::from_ms(2_950) });
    script.words(3_400, "Thank you", false);
    script.log.clear();
    script.tell(3_500, Input::HungUp { heard: None });
    script.check(&expect![[r#"
        003500ms < turn 1 "Cancel it. Thank you" -> ""
        003500ms < end CallerHungUp
    "#]]);

    // While the stream was away.
    let mut script = Script::greeted();
    script.caller(2_000, "Cancel it.");
    script.tell(3_000, Input::StreamLost { heard: None });
    script.log.clear();
    script.tell(3_500, Input::HungUp { heard: None });
    script.check(&expect![[r#"
        003500ms < turn 1 "Cancel it." -> ""
        003500ms < end CallerHungUp
    "#]]);
}

#[test]
fn what_was_said_to_a_mute_assistant_stays_when_the_next_answer_is_withdrawn() {
    let mut script = Script::greeted();
    script.tell(1_500, Input::Command { command: Command::Mute });
    script.caller(2_000, "My name is Ann.");
    script.tell(3_500, Input::Command { command: Command::Unmute });
    script.caller(4_000, "Book a table.");
    script.tell(5_000, Input::VoiceStarted { onset: CallTime::from_ms(4_950) });
    script.tell(5_200, Input::VoiceSustained { onset: CallTime::from_ms(4_950) });
    assert_eq!(script.context().last().unwrap(), "caller: My name is Ann.");
}

#[test]
fn nobody_is_asked_whether_they_are_there_while_they_press_keys() {
    let mut script = Script::greeted();
    script.tell(8_900, Input::Keypad { digit: '4' });
    script.tell(9_900, Input::Keypad { digit: '2' });
    script.tell(10_500, Input::Keypad { digit: '#' });
    assert!(!script.log.contains("Are you still there?"), "{}", script.log);
    assert!(script.log.contains("(pressed 42 on the keypad)"), "{}", script.log);
}

#[test]
fn a_model_that_stops_in_its_answer_is_not_waited_for() {
    let mut script = Script::greeted();
    script.caller(2_000, "When do you open?");
    script.model(3_000, "We open at nine every day. And on Sundays");
    script.log.clear();
    script.tell(7_000, Input::MarkReturned { epoch: Epoch(2) });
    script.check(&expect![[r#"
        006000ms < cancel model
        006000ms < degraded llm: no further token for 3000 ms (Transient)
        006000ms < say e2.s1 "And on Sundays"
        006000ms < finish e2
    "#]]);
}
