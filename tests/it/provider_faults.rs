//! Services that fail during a call, and bad lines: the caller notices a pause at most, and never hears anything
//! twice.
//!
//! Times are ms of the caller's clock; the limits in the assertions are sums of the documented timers.

use crate::support::{Folder, play_with};
use fixtures::{
    call::Fixture,
    carrier::{Ended, Line},
    mulaw,
    sandbox::{
        Fault, Garbage, Knobs, RequestKnobs, SandboxOptions, Service, VoiceMode,
        tone::{self, Burst},
    },
    virtual_time,
};
use tandem::{
    config::{Config, LlmName, TtsName},
    rehearsal::{Performance, Rehearsal, sandbox_options},
};

mod excess;

const GREETING: &str = "How can I help you";

/// A sandbox that speaks in marked tones, with its knobs turned.
fn sandbox(turn: impl FnOnce(&mut Knobs)) -> SandboxOptions {
    let mut options = sandbox_options();
    options.voice = VoiceMode::Tone;
    turn(&mut options.knobs);
    options
}

/// Only the `number`-th request or connection of a service goes wrong.
fn once(service: Service, number: u64, fault: Fault) -> SandboxOptions {
    let only = RequestKnobs { fault: Some(fault), ..RequestKnobs::default() };
    sandbox(|knobs| {
        knobs.of_mut(service).on_request.insert(number, only);
    })
}

/// All requests and connections of these services go wrong.
fn dead(services: &[Service], fault: &Fault) -> SandboxOptions {
    sandbox(|knobs| {
        for service in services {
            knobs.of_mut(*service).fault = Some(fault.clone());
        }
    })
}

fn play(name: &str, options: SandboxOptions) -> (Performance, Folder) {
    play_with(name, options, |_| {})
}

/// The words that the caller heard, as tones.
fn heard(performance: &Performance) -> Vec<Burst> {
    let audio = performance.report.audio.as_ref().unwrap();
    let samples: Vec<i16> = audio.assistant.iter().map(|byte| mulaw::decode(*byte)).collect();
    tone::decode(&samples)
}

fn said(performance: &Performance) -> Vec<&str> {
    let turns = performance.call.turns.iter().map(|turn| turn.assistant.as_str());
    turns.flat_map(str::split_whitespace).filter(|word| tone::duration_ms(word) > 0).collect()
}

/// The caller's ear had exactly the words of the transcript, each once, in order and whole.
#[track_caller]
fn assert_heard_is_said(what: &str, performance: &Performance) {
    let (heard, said) = (heard(performance), said(performance));
    let codes: Vec<u8> = heard.iter().map(|burst| burst.code).collect();
    let expected: Vec<u8> = said.iter().map(|word| tone::code(word)).collect();
    assert_eq!(codes, expected, "{what}: the caller should have heard {said:?}");
    for (burst, word) in heard.iter().zip(&said) {
        assert!(burst.is_whole(word), "{what}: of \"{word}\" only {burst:?} was heard");
    }
}

#[track_caller]
fn assert_as_expected(what: &str, performance: &Performance) {
    let Performance { report, mismatches, .. } = performance;
    assert!(mismatches.is_empty(), "{what}: {mismatches:?}");
    assert!(report.problems.is_empty(), "{what}: {:?}", report.problems);
}

/// The longest silence of the assistant inside one of its turns, ms: between two words that follow each other
/// without the caller having spoken in between.
fn longest_pause_ms(performance: &Performance) -> u64 {
    let exchanges = &performance.report.exchanges;
    let spoken_between = |from: u64, to: u64| {
        exchanges.iter().any(|one| one.speech_end_ms > from as f64 && one.speech_start_ms < to as f64)
    };
    let heard = heard(performance);
    let pauses = heard.windows(2).map(|pair| (pair[0].end_ms, pair[1].start_ms));
    pauses.filter(|(from, to)| !spoken_between(*from, *to)).map(|(from, to)| to - from).max().unwrap_or(0)
}

/// The longest wait for an answer, ms.
fn longest_wait_ms(performance: &Performance) -> f64 {
    performance.report.exchanges.iter().filter_map(|one| one.response_ms).fold(0.0, f64::max)
}

fn degraded(performance: &Performance) -> usize {
    performance.call.events.iter().filter(|event| event.kind == "degraded").count()
}

fn garbage(after: u32, what: Garbage) -> Fault {
    Fault::Garbage { after, what }
}

fn status(status: u16) -> Fault {
    Fault::Status { status, retry_after_ms: None }
}

#[test]
fn a_recogniser_that_fails_once_costs_no_word() {
    let close = |after_ms| Fault::Close { code: 1011, after_ms };
    let faults = [
        // The first utterance lasts from about 3 to 8 s.
        ("close in the greeting", close(500)),
        ("close mid-utterance", close(5_000)),
        ("half-open", Fault::HalfOpen),
        ("stall at once", Fault::Stall { after: 0 }),
        ("stall after one", Fault::Stall { after: 1 }),
        ("cut", Fault::Cut { after: 1 }),
        ("no JSON", garbage(0, Garbage::Json)),
        ("binary", garbage(1, Garbage::Binary)),
        ("429", Fault::rate_limit(1_000)),
        ("refused", Fault::Refuse),
        ("error", Fault::Error { after: 0 }),
    ];
    for (what, fault) in faults {
        let (performance, _folder) = play("order-status", once(Service::Deepgram, 1, fault));
        assert_as_expected(what, &performance);
        assert_heard_is_said(what, &performance);
    }
}

#[test]
fn a_model_that_fails_before_its_first_word_is_not_noticed_but_for_a_pause() {
    let faults = [
        ("529", status(529)),
        ("429", Fault::rate_limit(5_000)),
        ("refused", Fault::Refuse),
        ("half-open", Fault::HalfOpen),
        ("stall before the first token", Fault::Stall { after: 0 }),
        ("cut before text", Fault::Cut { after: 0 }),
        ("reset before text", Fault::Reset { after: 0 }),
        ("no JSON", garbage(0, Garbage::Json)),
        ("invalid UTF-8", garbage(0, Garbage::Binary)),
        ("error", Fault::Error { after: 0 }),
    ];
    for (what, fault) in faults {
        let (performance, _folder) = play("order-status", once(Service::Anthropic, 1, fault));
        assert_as_expected(what, &performance);
        assert_heard_is_said(what, &performance);
        // A byte that is not UTF-8 is read over, and the answer stands.
        assert!(
            what == "invalid UTF-8" || degraded(&performance) >= 1,
            "{what}: the log tells nothing of it"
        );
        // The first token is waited for 4 s; the answer itself takes 1.8 s after a number.
        let wait = longest_wait_ms(&performance).max(longest_pause_ms(&performance) as f64);
        assert!(wait <= 6_000.0, "{what}: silence of {wait} ms");
    }
}

#[test]
fn a_model_that_fails_in_its_answer_says_nothing_twice() {
    for after in [1, 9] {
        let faults = [
            ("stall", Fault::Stall { after }),
            ("cut", Fault::Cut { after }),
            ("reset", Fault::Reset { after }),
            ("no JSON", garbage(after, Garbage::Json)),
            ("error", Fault::Error { after }),
        ];
        for (what, fault) in faults {
            let what = format!("{what} after {after}");
            let (performance, _folder) = play("order-status", once(Service::Anthropic, 3, fault));
            assert_heard_is_said(&what, &performance);
            let turns = &performance.call.turns;
            let callers: Vec<&str> = turns.iter().map(|turn| turn.caller.as_str()).collect();
            assert_eq!(turns.len(), 3, "{what}: one answer to each utterance, but {callers:?}");
            assert_eq!(performance.call.end_reason.as_deref(), Some("caller_hung_up"), "{what}");
            let answer = &turns[2].assistant;
            assert!(answer.matches("I'm afraid").count() <= 1, "{what}: {answer}");
            assert!(!answer.is_empty(), "{what}: no answer");
        }
    }
}

#[test]
fn a_voice_that_fails_once_says_every_word_once() {
    let faults = [
        ("refused", Fault::Refuse),
        ("429", Fault::rate_limit(1_000)),
        ("half-open", Fault::HalfOpen),
        ("zero audio", Fault::Stall { after: 0 }),
        ("stall mid-sentence", Fault::Stall { after: 5 }),
        ("close mid-sentence", Fault::Close { code: 1011, after_ms: 150 }),
        ("cut mid-sentence", Fault::Cut { after: 5 }),
        ("quota", Fault::Error { after: 0 }),
        ("quota mid-sentence", Fault::Error { after: 5 }),
        ("no JSON", garbage(3, Garbage::Json)),
        ("no base64", garbage(3, Garbage::Base64)),
        ("binary", garbage(3, Garbage::Binary)),
    ];
    for (what, fault) in faults {
        for both in [false, true] {
            let what = format!("{what}, {} voices", if both { "two" } else { "one" });
            let (performance, _folder) =
                play_with("order-status", once(Service::Elevenlabs, 1, fault.clone()), |config| {
                    if both {
                        config.voice.tts = vec![TtsName::Elevenlabs, TtsName::Openai];
                    }
                });
            // The recorded caller takes a silence in mid-sentence for its end, and speaks.
            if fault == (Fault::Stall { after: 5 }) {
                assert_eq!(performance.call.end_reason.as_deref(), Some("caller_hung_up"), "{what}");
                continue;
            }
            assert_as_expected(&what, &performance);
            assert_heard_is_said(&what, &performance);
            // 2.5 s without audio, then a new session and its first audio.
            let pause = longest_pause_ms(&performance);
            assert!(pause <= 3_500, "{what}: silence of {pause} ms in an answer");
        }
    }
}

#[test]
fn the_second_voice_takes_over_when_the_first_is_dead() {
    for (what, fault) in [("500", status(500)), ("quota", Fault::Error { after: 0 })] {
        let (performance, _folder) =
            play_with("order-status", dead(&[Service::Elevenlabs], &fault), both_voices);
        assert_as_expected(what, &performance);
        assert_heard_is_said(what, &performance);
    }
}

#[test]
fn the_second_model_takes_over_when_the_first_is_dead() {
    for (what, fault) in
        [("500", status(500)), ("quota", Fault::Error { after: 0 }), ("half-open", Fault::HalfOpen)]
    {
        let (performance, _folder) = play("order-status", dead(&[Service::Anthropic], &fault));
        assert_as_expected(what, &performance);
        assert_heard_is_said(what, &performance);
        // The first token of the dead one is waited for once: the call stays with the one that answers.
        assert_eq!(degraded(&performance), 1, "{what}: {:?}", performance.call.events);
    }
}

fn both_voices(config: &mut Config) {
    config.voice.tts = vec![TtsName::Elevenlabs, TtsName::Openai];
}

#[test]
fn a_call_without_recognition_is_ended_with_an_apology() {
    for (what, fault) in [("500", status(500)), ("refused", Fault::Refuse), ("429", Fault::rate_limit(500))] {
        let (performance, _folder) = play("order-status", dead(&[Service::Deepgram], &fault));
        assert_failed(what, &performance);
        assert_apology(what, &performance);
        // Six tries with pauses of 3.75 s altogether, within which the greeting is said, and the last resort's text.
        assert!(performance.report.duration_ms < 16_000, "{what}: {} ms", performance.report.duration_ms);
    }
}

#[test]
fn a_call_without_a_model_is_ended_with_an_apology() {
    let dead_models = [Service::Anthropic, Service::Openai];
    for (what, fault) in [
        ("529", status(529)),
        ("refused", Fault::Refuse),
        ("half-open", Fault::HalfOpen),
        ("cut", Fault::Cut { after: 0 }),
    ] {
        let (performance, _folder) = play("order-status", dead(&dead_models, &fault));
        assert_failed(what, &performance);
        assert_apology(what, &performance);
        assert_heard_is_said(what, &performance);
        // Three tries of 4 s each, and the 1.6 s that an answer to a number takes.
        let wait = longest_wait_ms(&performance);
        assert!(wait > 0.0 && wait <= 14_000.0, "{what}: silence of {wait} ms");
    }
}

#[test]
fn a_call_without_a_voice_ends_with_the_carriers_own() {
    for (what, fault, limit_ms) in [
        // Five tries with pauses of 0.9 s altogether.
        ("500", status(500), 3_000),
        ("refused", Fault::Refuse, 3_000),
        // Five tries of 2.5 s each.
        ("half-open", Fault::HalfOpen, 15_000),
        ("zero audio", Fault::Stall { after: 0 }, 15_000),
    ] {
        let (performance, _folder) = play("order-status", dead(&[Service::Elevenlabs], &fault));
        assert_failed(what, &performance);
        let verbs = &performance.report.verbs_after_stream;
        assert!(verbs.iter().any(|verb| verb == "Say"), "{what}: {verbs:?}");
        assert!(heard(&performance).is_empty(), "{what}");
        let Performance { report, .. } = &performance;
        // The carrier's own words, at 65 ms a character, are part of the call.
        assert!(report.duration_ms <= limit_ms + 6_000, "{what}: {} ms", report.duration_ms);
    }
}

#[track_caller]
fn assert_failed(what: &str, performance: &Performance) {
    let Performance { report, call, .. } = performance;
    assert_eq!(call.end_reason.as_deref(), Some("failed"), "{what}: {call:#?}");
    assert_eq!(report.ended, Ended::ServerHungUp, "{what}");
}

#[track_caller]
fn assert_apology(what: &str, performance: &Performance) {
    let last = performance.call.turns.last().map(|turn| turn.assistant.as_str()).unwrap_or_default();
    assert!(last.contains("I'm sorry, I can't help you right now"), "{what}: {last}");
}

#[test]
fn a_slow_tool_is_covered_and_a_failing_one_is_told_to_the_model() {
    let (performance, _folder) = play("order-status", sandbox(|knobs| knobs.tools.delay_ms = 3_000));
    assert_heard_is_said("slow", &performance);
    let answer = &performance.call.turns[1].assistant;
    assert_eq!(answer.matches("One moment, please.").count(), 1, "{answer}");

    let fixture = Fixture::named("order-status").unwrap();
    let folder = Folder::new();
    let options = sandbox(|knobs| knobs.tools.fault = Some(status(500)));
    let (performance, requests) = virtual_time::run(async {
        let rehearsal = Rehearsal::start(options, &fixture, folder.path(), |_| {}).await.unwrap();
        let mut carrier = rehearsal.carrier_options();
        carrier.keep_audio = true;
        let performance = rehearsal.call(&fixture, carrier, |_| {}).await.unwrap();
        let requests = serde_json::to_string(&rehearsal.sandbox.log().of(Service::Anthropic)).unwrap();
        rehearsal.end().await.unwrap();
        (performance, requests)
    });
    assert!(requests.contains("\"tool_result\""), "{requests}");
    assert!(requests.contains("\"is_error\":true"), "{requests}");
    assert_heard_is_said("failing", &performance);
    assert_eq!(performance.call.end_reason.as_deref(), Some("caller_hung_up"));
}

fn play_over(name: &str, line: Line) -> Performance {
    let fixture = Fixture::named(name).unwrap();
    let folder = Folder::new();
    virtual_time::run(async {
        let rehearsal = Rehearsal::start(sandbox(|_| {}), &fixture, folder.path(), |_| {}).await.unwrap();
        let mut carrier = rehearsal.carrier_options();
        carrier.keep_audio = true;
        carrier.line = line;
        let performance = rehearsal.call(&fixture, carrier, |_| {}).await.unwrap();
        rehearsal.end().await.unwrap();
        performance
    })
}

#[test]
fn a_bad_line_changes_nothing_in_what_is_said() {
    for (what, line) in [
        ("jitter", Line { jitter_ms: 60, ..Line::default() }),
        ("loss", Line { loss_per_mille: 20, ..Line::default() }),
        ("bursts", Line { burst_ms: 200, ..Line::default() }),
    ] {
        let performance = play_over("order-status", line);
        assert_as_expected(what, &performance);
        assert_heard_is_said(what, &performance);
    }
}

#[test]
fn a_lost_socket_is_continued_in_a_second_stream_and_nothing_is_said_twice() {
    let whole = play_over("order-status", Line::default());
    let (from, to) = whole.report.answers_ms.iter().copied().max_by_key(|(from, to)| to - from).unwrap();
    let at = from.midpoint(to);
    let performance = play_over("order-status", Line { drop_socket_at_ms: Some(at), ..Line::default() });
    assert_eq!(performance.call.streams, 2);
    let turns = &performance.call.turns;
    let callers = |performance: &Performance| {
        let turns = performance.call.turns.iter().map(|turn| turn.caller.clone());
        turns.filter(|caller| !caller.is_empty()).collect::<Vec<_>>()
    };
    assert_eq!(callers(&performance), callers(&whole), "{turns:#?}");
    // Of the word that was being said when the socket broke, the beginning may be heard again.
    let codes = |performance: &Performance| heard(performance).iter().map(|one| one.code).collect::<Vec<_>>();
    let (before, after) = (codes(&whole), codes(&performance));
    let repeated = after.len().saturating_sub(before.len());
    assert!(repeated <= 1, "{repeated} words twice: {turns:#?}");
    assert!(turns[0].assistant.contains(GREETING), "{turns:#?}");
    assert_eq!(performance.call.end_reason.as_deref(), Some("caller_hung_up"));
}
