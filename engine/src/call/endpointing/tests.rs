//! Scripts of calls, and what must hold in all of them.

use super::*;
use expect_test::{Expect, expect};

mod properties;
mod words;

/// Runs a script and compares what was decided. A line is `<ms> <fact>`:
/// `voice <onset>`, `silence <end>`, `interim <text>`, `final <text>`, `end <text>` (final, end of speech),
/// `flushed <text>` (final, answers a flush), `no-words` (utterance end), `asked <text>`. A transcript covers the
/// audio up to 100 ms before it arrives. Timers run out by themselves, also after the last line.
fn check(script: &str, expected: Expect) {
    expected.assert_eq(&run(script));
}

fn run(script: &str) -> String {
    let mut caller = Endpointing::new(EndpointingOptions::default());
    let mut trace = String::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (at, fact) = line.split_once(' ').unwrap();
        let now = CallTime::from_ms(at.parse().unwrap());
        run_timers(&mut caller, now, &mut trace);
        let (name, rest) = fact.split_once(' ').unwrap_or((fact, ""));
        if name == "asked" {
            caller.set_asked(Some(rest.to_owned()));
            continue;
        }
        let decision = caller.handle(input(name, rest, now), now);
        note(decision, now, &mut trace);
    }
    run_timers(&mut caller, CallTime::from_ms(1_000_000), &mut trace);
    if caller.is_open() {
        trace.push_str("still open\n");
    }
    trace
}

fn input(name: &str, rest: &str, now: CallTime) -> EndpointingInput {
    let time = || CallTime::from_ms(rest.parse().unwrap());
    let transcript = |is_final, speech_final, from_finalize| {
        let audio_end = now.before(Duration::from_millis(100));
        EndpointingInput::Transcript(TranscriptFact {
            text: rest.to_owned(),
            is_final,
            speech_final,
            from_finalize,
            audio_end,
        })
    };
    match name {
        "voice" => EndpointingInput::SpeechStarted { onset: time() },
        "silence" => EndpointingInput::SpeechEnded { end: time() },
        "interim" => transcript(false, false, false),
        "final" => transcript(true, false, false),
        "end" => transcript(true, true, false),
        "flushed" => transcript(true, false, true),
        "no-words" => EndpointingInput::UtteranceEnd,
        other => panic!("no such fact: {other}"),
    }
}

fn run_timers(caller: &mut Endpointing, until: CallTime, trace: &mut String) {
    while let Some(at) = caller.poll_timeout().filter(|at| *at < until) {
        note(caller.handle(EndpointingInput::Timeout, at), at, trace);
    }
}

fn note(decision: Option<Decision>, now: CallTime, trace: &mut String) {
    let line = match decision {
        None => return,
        Some(Decision::Finalize) => format!("{now} finalize\n"),
        Some(Decision::NoWords) => format!("{now} no words\n"),
        Some(Decision::Complete(Utterance { text, speech_end, stt_final_at })) => {
            let speech_end = speech_end.map_or("unknown".to_owned(), |end| end.to_string());
            format!("{now} complete {text:?}, voice ended {speech_end}, final {stt_final_at}\n")
        }
    };
    trace.push_str(&line);
}

#[test]
fn a_finished_sentence_is_complete_at_once() {
    check(
        "1050 voice 1000
         1600 interim two tickets
         2200 silence 2000
         2350 end Two tickets, please.",
        expect![[r#"
            002350ms complete "Two tickets, please.", voice ended 002000ms, final 002350ms
        "#]],
    );
}

#[test]
fn the_recogniser_may_be_sure_before_the_voice_detector() {
    check(
        "1050 voice 1000
         2150 end Two tickets, please.
         2250 silence 2000",
        expect![[r#"
            002250ms complete "Two tickets, please.", voice ended 002000ms, final 002150ms
        "#]],
    );
}

#[test]
fn voice_that_noise_holds_open_is_waited_for_600_ms() {
    check(
        "1050 voice 1000
         2150 end Two tickets, please.",
        expect![[r#"
            002750ms complete "Two tickets, please.", voice ended unknown, final 002150ms
        "#]],
    );
}

#[test]
fn words_in_the_held_voice_go_on_with_the_utterance() {
    check(
        "1050 voice 1000
         2150 end Two tickets, please.
         2500 interim and a
         3500 end And a coffee.
         3600 silence 3300",
        expect![[r#"
            003600ms complete "Two tickets, please. And a coffee.", voice ended 003300ms, final 003500ms
        "#]],
    );
}

#[test]
fn text_that_looks_unfinished_is_given_time() {
    check(
        "1050 voice 1000
         2200 silence 2000
         2300 end two tickets",
        expect![[r#"
            002700ms complete "two tickets", voice ended 002000ms, final 002300ms
        "#]],
    );
    check(
        "1050 voice 1000
         2200 silence 2000
         2300 end two tickets and",
        expect![[r#"
            003200ms complete "two tickets and", voice ended 002000ms, final 002300ms
        "#]],
    );
}

#[test]
fn a_caller_who_goes_on_has_said_one_utterance() {
    check(
        "1050 voice 1000
         2200 silence 2000
         2300 end two tickets and
         2850 voice 2800
         3700 silence 3500
         3800 end a coffee.",
        expect![[r#"
            003800ms complete "two tickets and a coffee.", voice ended 003500ms, final 003800ms
        "#]],
    );
}

#[test]
fn a_number_that_was_asked_for_is_waited_for() {
    check(
        "0 asked What is your phone number?
         1050 voice 1000
         2200 silence 2000
         2300 end 555 0100.
         3300 no-words
         3450 voice 3400
         4200 silence 4000
         4300 end 1234567.",
        expect![[r#"
            004300ms complete "555 0100. 1234567.", voice ended 004000ms, final 004300ms
        "#]],
    );
}

#[test]
fn a_silent_recogniser_is_asked_and_then_done_without() {
    check(
        "1050 voice 1000
         1600 interim two tickets
         2200 silence 2000",
        expect![[r#"
            002500ms finalize
            003500ms complete "two tickets", voice ended 002000ms, final 001600ms
        "#]],
    );
}

#[test]
fn an_answered_flush_ends_the_wait() {
    check(
        "1050 voice 1000
         2200 silence 2000
         2650 flushed Two tickets.",
        expect![[r#"
            002500ms finalize
            002650ms complete "Two tickets.", voice ended 002000ms, final 002650ms
        "#]],
    );
}

#[test]
fn voice_without_words_is_noise() {
    check(
        "1050 voice 1000
         1400 silence 1200",
        expect![[r#"
            001700ms finalize
            002700ms no words
        "#]],
    );
    check(
        "1050 voice 1000
         1400 silence 1200
         1450 end
         1850 flushed",
        expect![[r#"
            001700ms finalize
            001850ms no words
        "#]],
    );
}

#[test]
fn noise_that_never_stops_does_not_keep_the_caller_waiting() {
    check(
        "1050 voice 1000",
        expect![[r#"
        004050ms finalize
        005050ms no words
    "#]],
    );
    check(
        "1050 voice 1000
         2200 silence 2000
         2300 end two tickets and
         2850 voice 2800",
        expect![[r#"
            005800ms finalize
            006800ms complete "two tickets and", voice ended unknown, final 002300ms
        "#]],
    );
}

#[test]
fn a_quiet_answer_without_voice_activity_is_heard() {
    check(
        "1500 end Yes.",
        expect![[r#"
        001500ms complete "Yes.", voice ended unknown, final 001500ms
    "#]],
    );
    check(
        "1500 interim yes
         2700 no-words",
        expect![[r#"
            002500ms finalize
            002700ms complete "yes", voice ended unknown, final 001500ms
        "#]],
    );
    check(
        "1500 interim no",
        expect![[r#"
        002500ms finalize
        003500ms complete "no", voice ended unknown, final 001500ms
    "#]],
    );
}

#[test]
fn quiet_words_after_the_announced_end_belong_to_it() {
    check(
        "1050 voice 1000
         2200 silence 2000
         2300 end two tickets for
         2900 interim tomorrow
         3300 end Tomorrow.",
        expect![[r#"
            003300ms complete "two tickets for Tomorrow.", voice ended 002000ms, final 003300ms
        "#]],
    );
}

#[test]
fn an_utterance_end_in_noise_completes_what_there_is() {
    check(
        "1050 voice 1000
         1900 final Two tickets.
         3000 no-words",
        expect![[r#"
            003000ms complete "Two tickets.", voice ended unknown, final 001900ms
        "#]],
    );
}

#[test]
fn an_utterance_end_of_before_does_not_cut_new_voice_off() {
    check(
        "1050 voice 1000
         1500 silence 1400
         1600 final two
         1850 voice 1800
         1900 no-words
         2800 silence 2600
         2900 end tickets.",
        expect![[r#"
            002900ms complete "two tickets.", voice ended 002600ms, final 002900ms
        "#]],
    );
}

#[test]
fn an_end_of_what_was_said_before_does_not_cut_new_voice_off() {
    check(
        "1050 voice 1000
         1500 silence 1400
         1750 voice 1700
         1800 end I would
         2900 silence 2700
         3000 end like a coffee.",
        expect![[r#"
            003000ms complete "I would like a coffee.", voice ended 002700ms, final 003000ms
        "#]],
    );
}

#[test]
fn a_late_confirmation_is_no_second_utterance() {
    check(
        "1050 voice 1000
         1600 interim two tickets
         2200 silence 2000
         3700 interim two tickets
         3800 end Two tickets, please.",
        expect![[r#"
            002500ms finalize
            003500ms complete "two tickets", voice ended 002000ms, final 001600ms
            003800ms complete "please.", voice ended unknown, final 003800ms
        "#]],
    );
    check(
        "1500 interim two tickets
         3700 end Two tickets.",
        expect![[r#"
            002500ms finalize
            003500ms complete "two tickets", voice ended unknown, final 001500ms
        "#]],
    );
}

#[test]
fn the_same_word_said_again_is_a_second_utterance() {
    check(
        "1500 interim yes
         6000 end Yes.",
        expect![[r#"
            002500ms finalize
            003500ms complete "yes", voice ended unknown, final 001500ms
            006000ms complete "Yes.", voice ended unknown, final 006000ms
        "#]],
    );
}

#[test]
fn an_interim_that_is_confirmed_is_no_news() {
    check(
        "1500 interim two tickets
         2700 no-words
         2800 final Two tickets.",
        expect![[r#"
            002500ms finalize
            002700ms complete "two tickets", voice ended unknown, final 001500ms
        "#]],
    );
}

#[test]
fn text_without_end_is_given_out_at_its_limit() {
    let mut caller =
        Endpointing::new(EndpointingOptions { text_bytes_max: 20, ..EndpointingOptions::default() });
    let now = CallTime::from_ms(1_000);
    assert_eq!(caller.handle(input("voice", "900", now), now), None);
    assert_eq!(caller.handle(input("final", "first I went home", now), now), None);
    assert!(matches!(caller.handle(input("final", "and then", now), now), Some(Decision::Complete(_))));
    assert!(!caller.is_open());
}

#[test]
fn it_says_where_it_stands() {
    let mut caller = Endpointing::new(EndpointingOptions::default());
    assert_eq!((caller.is_open(), caller.has_speech(), caller.poll_timeout()), (false, false, None));
    let now = CallTime::from_ms(1_000);
    assert_eq!(caller.handle(input("voice", "900", now), now), None);
    assert_eq!(caller.handle(input("final", "Two", now), now), None);
    assert_eq!(caller.handle(input("interim", "tick", now), now), None);
    assert_eq!(caller.handle(input("interim", "tickets", now), now), None);
    assert!(caller.is_open() && caller.has_speech());
    assert_eq!(caller.text_so_far(), "Two tickets");
}
