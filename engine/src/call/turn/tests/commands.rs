//! Orders from outside: they wait for their moment, and never put words into the context that nobody heard.

use super::*;

impl Script {
    fn order(&mut self, ms: u64, command: Command) {
        self.tell(ms, Input::Command { command });
    }

    fn say(&mut self, ms: u64, text: &str) {
        self.order(ms, Command::Say { text: text.into() });
    }
}

#[test]
fn what_is_to_be_said_waits_until_nobody_speaks() {
    let mut script = Script::greeted();
    script.caller(2_000, "When do you open?");
    script.say(2_950, "Please hold the line.");
    script.model(3_200, "At nine.");
    script.model_done(3_300);
    script.audible(3_400);
    let before = script.log.clone();
    assert!(!before.contains("hold the line"), "{before}");
    script.drained(4_500);
    let said = script.log.strip_prefix(&before).unwrap();
    assert!(said.contains("\"At nine.\"") && said.contains("Please hold the line."), "{said}");
    script.audible(4_600);
    script.drained(6_000);
    assert!(script.log.ends_with("< turn 2 \"\" -> \"Please hold the line.\"\n"), "{}", script.log);
}

#[test]
fn an_announcement_that_nobody_heard_is_said_again() {
    let mut script = Script::greeted();
    script.say(2_000, "We close early today.");
    // The caller speaks before any of it was played.
    script.caller(2_100, "Hello?");
    script.model(3_500, "Hello.");
    script.model_done(3_600);
    script.audible(3_700);
    script.drained(4_500);
    assert_eq!(script.log.matches("We close early today.\"").count(), 2, "{}", script.log);
    assert!(!script.turns.context().iter().any(|message| format!("{message:?}").contains("early")));
}

#[test]
fn a_mute_assistant_writes_down_what_is_said_and_answers_nothing() {
    let mut script = Script::greeted();
    script.order(1_500, Command::Mute);
    script.caller(2_000, "Is anybody there?");
    script.tell(20_000, Input::Keypad { digit: '1' });
    script.tell(600_000, Input::VoiceStarted { onset: CallTime::from_ms(599_900) });
    assert!(script.turns.is_muted() && !script.turns.is_ended(), "{}", script.log);
    assert!(!script.log.contains("ask ") && !script.log.contains("say "), "{}", script.log);
    assert!(script.log.contains("turn 1 \"Is anybody there?\" -> \"\""), "{}", script.log);
    script.tell(600_800, Input::VoiceEnded { end: CallTime::from_ms(600_600) });
    script.order(602_000, Command::Unmute);
    script.caller(604_000, "Hello?");
    assert!(script.log.contains("ask 1 attempt 0"), "{}", script.log);
}

#[test]
fn muting_cuts_the_answer_that_is_under_way_and_what_was_asked_stays() {
    let mut script = Script::greeted();
    script.caller(2_000, "Tell me a story.");
    script.model(3_200, "Once upon a time. There was a king.");
    script.audible(3_400);
    script.order(3_900, Command::Mute);
    let epoch = script.turns.epoch();
    assert!(script.log.contains(&format!("drop {epoch}")), "{}", script.log);
    script.tell(4_000, Input::Held(whole(epoch, 1)));
    assert!(script.log.contains("\"Tell me a story.\" -> \"Once upon a time.\" (cut)"), "{}", script.log);
    assert_eq!(script.turns.floor_name(), "nobody");
    // Before any of it was heard, what was asked is written down by itself.
    let mut script = Script::greeted();
    script.caller(2_000, "Tell me a story.");
    script.order(3_300, Command::Mute);
    assert!(script.log.contains("turn 1 \"Tell me a story.\" -> \"\""), "{}", script.log);
    assert_eq!(script.turns.floor_name(), "nobody");
}

#[test]
fn an_announcement_is_said_although_the_assistant_is_mute() {
    let mut script = Script::greeted();
    script.order(1_500, Command::Mute);
    script.say(1_600, "A colleague will be with you.");
    assert!(script.log.contains("A colleague will be with you."), "{}", script.log);
}

#[test]
fn too_many_announcements_are_given_up_and_told() {
    let mut script = Script::greeted();
    script.tell(1_900, Input::VoiceStarted { onset: CallTime::from_ms(1_850) });
    for number in 0..9 {
        script.say(2_000 + number, "Again.");
    }
    assert_eq!(script.log.matches("an announcement was given up: 8 wait already").count(), 1);
}

#[test]
fn hanging_up_and_handing_over_end_the_call_at_once() {
    for (command, expected) in [
        (Command::HangUp, "end OperatorEnded\n"),
        (Command::Transfer { to: "+15550123".into() }, "end Transferred to +15550123\n"),
    ] {
        let mut script = Script::greeted();
        script.caller(2_000, "Tell me a story.");
        script.order(3_300, command);
        assert!(script.turns.is_ended() && script.log.ends_with(expected), "{}", script.log);
    }
}

#[test]
fn what_the_assistant_is_told_stands_before_what_the_caller_says_next() {
    let mut script = Script::greeted();
    for number in 0..9 {
        script.order(1_500 + number, Command::Tell { text: format!("[The caller has written: {number}.]") });
    }
    assert!(!script.log.contains("ask "), "nobody answers what was not said: {}", script.log);
    script.caller(2_000, "Did you get it?");
    let context = format!("{:?}", script.turns.context());
    assert!(context.contains("[The caller has written: 8.] Did you get it?"), "{context}");
    assert!(
        context.contains("written: 1.") && !context.contains("written: 0."),
        "the oldest is forgotten: {context}"
    );
}
