//! Whatever an outside service or the line does, the caller is answered, hears nothing twice, and is never left in
//! silence.

use crate::{
    support::Folder,
    tones::{assert_continued, bursts, heard, longest_pause, script, tones},
};
use fixtures::{
    call::Fixture,
    carrier::{Ended, Line},
    sandbox::{Entry, Event, Fault, Garbage, Knobs, RequestKnobs, Service},
    virtual_time,
};
use tandem::{
    config::{Config, TtsName},
    rehearsal::{Performance, Rehearsal},
};

struct Outcome {
    performance: Performance,
    log: Vec<Entry>,
    /// Keeps the recording.
    _folder: Folder,
}

impl Outcome {
    fn of(&self, service: Service) -> impl Iterator<Item = &Entry> {
        self.log.iter().filter(move |entry| entry.service == service)
    }

    fn requests(&self, service: Service) -> usize {
        self.of(service)
            .filter(|entry| matches!(entry.event, Event::Request { .. } | Event::Opened { .. }))
            .count()
    }

    fn faulted(&self, service: Service) -> bool {
        self.of(service).any(|entry| matches!(entry.event, Event::Faulted { .. }))
    }

    /// Each word of the recorded call's answers was heard once and nothing else; the longest pause in one of them.
    fn heard_once(&self, fault: &str, clipped: usize) -> u64 {
        let texts = script(&Fixture::named(&self.name()).unwrap());
        let Performance { report, call, mismatches, .. } = &self.performance;
        assert!(mismatches.is_empty(), "{fault}: {mismatches:?} {:?}", call.events);
        let words = heard(&texts, &bursts(&report.audio.as_ref().unwrap().assistant), clipped);
        longest_pause(&words.unwrap_or_else(|why| panic!("{fault}: {why} {:?}", call.events)))
    }

    fn name(&self) -> String {
        let first = &self.performance.report.exchanges[0].text;
        let spoken = |fixture: &Fixture| fixture.utterances().next().is_some_and(|said| said.text == *first);
        Fixture::all().into_iter().find(spoken).unwrap().name
    }

    /// The longest time that the caller waited for an answer after having spoken, ms.
    fn longest_wait(&self) -> f64 {
        let waits = self.performance.report.exchanges.iter().filter_map(|exchange| exchange.response_ms);
        waits.fold(0.0, f64::max)
    }
}

fn play(name: &str, turn: impl FnOnce(&mut Knobs)) -> Outcome {
    play_over(name, Line::default(), turn, |_| {})
}

fn play_over(
    name: &str,
    line: Line,
    turn: impl FnOnce(&mut Knobs),
    tune: impl FnOnce(&mut Config),
) -> Outcome {
    let fixture = Fixture::named(name).unwrap();
    let folder = Folder::new();
    let path = folder.path().to_owned();
    let mut sandbox = tones();
    turn(&mut sandbox.knobs);
    virtual_time::run(async move {
        let rehearsal = Rehearsal::start(sandbox, &fixture, &path, tune).await.unwrap();
        let mut carrier = rehearsal.carrier_options();
        carrier.keep_audio = true;
        carrier.line = line;
        let performance = rehearsal.call(&fixture, carrier, |_| {}).await.unwrap();
        // Sessions say goodbye after the call.
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        let log = rehearsal.sandbox.log().entries();
        rehearsal.end().await.unwrap();
        Outcome { performance, log, _folder: folder }
    })
}

fn first_only(fault: Fault) -> std::collections::BTreeMap<u64, RequestKnobs> {
    [(1, RequestKnobs { delay_ms: None, fault: Some(fault) })].into()
}

fn both_voices(config: &mut Config) {
    config.voice.tts = vec![TtsName::Elevenlabs, TtsName::Openai];
}

#[test]
fn a_recogniser_that_fails_is_replaced_and_hears_what_was_said_meanwhile() {
    let faults = [
        Fault::Close { code: 1011, after_ms: 6_500 },
        Fault::HalfOpen,
        Fault::Stall { after: 0 },
        Fault::Stall { after: 2 },
        Fault::Error { after: 1 },
        Fault::Garbage { after: 1, what: Garbage::Json },
        Fault::Garbage { after: 0, what: Garbage::Binary },
        Fault::Cut { after: 1 },
        Fault::Refuse,
        Fault::rate_limit(1_000),
    ];
    for fault in faults {
        let name = format!("{fault:?}");
        let outcome = play("order-status", |knobs| knobs.deepgram.on_request = first_only(fault.clone()));
        assert!(outcome.faulted(Service::Deepgram), "{name}");
        outcome.heard_once(&name, 0);
        // The order number's end is waited for longer than other ends. Noise alone does not tell a dead session; three seconds of voice without a word do.
        assert!(outcome.longest_wait() <= 5_000.0, "{name}: {} ms", outcome.longest_wait());
    }
}

#[test]
fn audio_of_an_utterance_in_which_the_session_broke_is_sent_again() {
    let outcome = play("order-status", |knobs| {
        knobs.deepgram.on_request = first_only(Fault::Cut { after: 3 });
    });
    let said = &outcome.performance.report.exchanges[0];
    let broke =
        outcome.of(Service::Deepgram).find(|entry| matches!(entry.event, Event::Closed { .. })).unwrap();
    let Event::Closed { audio_ms, .. } = broke.event else { unreachable!() };
    assert!(
        (said.speech_start_ms + 300.0..said.speech_end_ms - 300.0).contains(&(audio_ms as f64)),
        "the session was to break inside the utterance: {audio_ms} {said:?}"
    );
    let transcripts = outcome.of(Service::Deepgram).filter_map(|entry| match &entry.event {
        Event::Transcript { text, .. } if !text.is_empty() => Some((entry.connection, text.as_str())),
        _ => None,
    });
    let first: Vec<_> = transcripts.take_while(|(_, text)| !text.contains("Great")).collect();
    assert!(first.iter().all(|(session, _)| *session == 2), "{first:?}");
    let whole = first.iter().map(|(_, text)| *text).collect::<Vec<_>>().join(" ");
    assert_eq!(whole, said.text, "the second session hears the utterance from its start");
    assert!(outcome.longest_wait() <= 2_500.0, "{}", outcome.longest_wait());
}

#[test]
fn a_model_that_fails_before_its_first_sentence_is_replaced_by_the_next() {
    let faults = [
        (Fault::Status { status: 529, retry_after_ms: None }, 2_200.0),
        (Fault::rate_limit(20_000), 2_200.0),
        (Fault::Refuse, 2_200.0),
        (Fault::Error { after: 2 }, 2_200.0),
        (Fault::Cut { after: 3 }, 2_200.0),
        (Fault::Reset { after: 3 }, 2_200.0),
        (Fault::Garbage { after: 2, what: Garbage::Json }, 2_200.0),
        (Fault::Garbage { after: 2, what: Garbage::Binary }, 2_200.0),
        // The first token is waited for 4 s, each further one 3 s.
        (Fault::HalfOpen, 6_000.0),
        (Fault::Stall { after: 0 }, 6_000.0),
        (Fault::Stall { after: 3 }, 5_500.0),
    ];
    for (fault, bound) in faults {
        let name = format!("{fault:?}");
        let outcome = play("order-status", |knobs| knobs.anthropic.fault = Some(fault));
        assert!(outcome.faulted(Service::Anthropic), "{name}");
        let asked = outcome.of(Service::Anthropic).map(|entry| entry.connection).max();
        let tolerated = outcome.requests(Service::Openai) == 0 && name.contains("Binary");
        assert!(outcome.requests(Service::Openai) >= 3 || tolerated, "{name}");
        assert!(asked == Some(1) || tolerated, "{name}: the call stays with who answers it, not {asked:?}");
        outcome.heard_once(&name, 0);
        assert!(outcome.longest_wait() <= bound, "{name}: {} ms", outcome.longest_wait());
    }
}

#[test]
fn an_answer_that_breaks_off_after_its_first_sentence_is_not_said_twice() {
    for fault in [Fault::Cut { after: 60 }, Fault::Stall { after: 60 }] {
        let name = format!("{fault:?}");
        let outcome = play("long-answer", |knobs| knobs.anthropic.on_request = first_only(fault));
        let call = &outcome.performance.call;
        let texts = script(&Fixture::named("long-answer").unwrap());
        let said: Vec<String> = call.turns.iter().map(|turn| turn.assistant.clone()).collect();
        assert_eq!(said.len(), 3, "{name}: {said:?}");
        assert!(
            texts[1].starts_with(said[1].trim_end_matches('.')) && said[1].len() > 100,
            "{name}: {said:?}"
        );
        assert_eq!(said[2], texts[2], "{name}");
        let audio = outcome.performance.report.audio.as_ref().unwrap();
        heard(&said, &bursts(&audio.assistant), 0).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert_eq!(call.end_reason.as_deref(), Some("caller_hung_up"));
    }
}

#[test]
fn a_voice_that_fails_is_replaced_by_the_next_in_the_middle_of_a_sentence() {
    let faults = [
        (Fault::Refuse, 1_500),
        (Fault::Status { status: 401, retry_after_ms: None }, 1_500),
        (Fault::Error { after: 0 }, 1_500),
        (Fault::Error { after: 4 }, 1_500),
        (Fault::Garbage { after: 3, what: Garbage::Base64 }, 1_500),
        (Fault::Garbage { after: 3, what: Garbage::Json }, 1_500),
        (Fault::Cut { after: 3 }, 1_500),
        (Fault::Close { code: 1008, after_ms: 300 }, 1_500),
        // No audio for 2.5 s, twice, before another provider is tried.
        (Fault::HalfOpen, 6_500),
        (Fault::Stall { after: 0 }, 6_500),
    ];
    for (fault, pause) in faults {
        let name = format!("{fault:?}");
        let turn = |knobs: &mut Knobs| knobs.elevenlabs.fault = Some(fault);
        let outcome = play_over("order-status", Line::default(), turn, both_voices);
        assert!(outcome.faulted(Service::Elevenlabs), "{name}");
        // Of the word in which the voice broke off, the caller hears what there was.
        let longest = outcome.heard_once(&name, 4);
        assert!(longest <= pause, "{name}: a pause of {longest} ms");
        assert!(outcome.longest_wait() <= pause as f64 + 2_200.0, "{name}: {} ms", outcome.longest_wait());
    }
}

#[test]
fn a_voice_that_stalls_in_a_sentence_costs_one_pause() {
    let mut longest = 0;
    for after in [56, 58, 60] {
        // In the last answer: to it the recorded caller only listens.
        let outcome = play("greeting-and-goodbye", |knobs| {
            knobs.elevenlabs.on_request = first_only(Fault::Stall { after });
        });
        assert!(outcome.faulted(Service::Elevenlabs), "{after}");
        longest = longest.max(outcome.heard_once(&format!("after {after}"), 1));
    }
    assert!((1_000..=3_000).contains(&longest), "a pause of {longest} ms");
}

#[test]
fn a_slow_tool_is_covered_and_the_model_is_told_of_one_that_fails() {
    let slow = play("order-status", |knobs| knobs.tools.delay_ms = 2_500);
    let filler = Config::default().assistant.tool_filler;
    assert!(
        slow.performance.call.turns[1].assistant.contains(&filler),
        "{:?}",
        slow.performance.call.turns[1]
    );
    let mut texts = script(&Fixture::named("order-status").unwrap());
    texts.insert(2, filler);
    let words =
        heard(&texts, &bursts(&slow.performance.report.audio.as_ref().unwrap().assistant), 0).unwrap();
    let silence = words[2][0].start_ms - words[1].last().unwrap().end_ms;
    assert!(silence <= 1_800, "{silence} ms of silence before the filler");

    for fault in [Fault::Status { status: 500, retry_after_ms: None }, Fault::HalfOpen, Fault::Refuse] {
        let name = format!("{fault:?}");
        let tune = |config: &mut Config| {
            config.assistant.tools.iter_mut().for_each(|tool| tool.timeout_ms = 3_000);
        };
        let turn = |knobs: &mut Knobs| knobs.tools.fault = Some(fault);
        let outcome = play_over("order-status", Line::default(), turn, tune);
        let told = outcome.of(Service::Anthropic).any(|entry| match &entry.event {
            Event::Request { body } => body.to_string().contains("\"is_error\":true"),
            _ => false,
        });
        assert!(told, "{name}: the model does not know");
        assert_eq!(outcome.performance.call.end_reason.as_deref(), Some("caller_hung_up"), "{name}");
        assert_eq!(outcome.performance.report.exchanges.len(), 2, "{name}");
    }
}

#[test]
fn a_caller_whom_nothing_can_answer_hears_the_carriers_words() {
    let dead = |services: &'static [Service], fault: Fault| {
        move |knobs: &mut Knobs| {
            for service in services {
                knobs.of_mut(*service).fault = Some(fault.clone());
            }
        }
    };
    const ALL: &[Service] = &[
        Service::Deepgram,
        Service::Anthropic,
        Service::Openai,
        Service::Elevenlabs,
        Service::OpenaiSpeech,
        Service::Tools,
    ];
    const VOICES: &[Service] = &[Service::Elevenlabs, Service::OpenaiSpeech];
    const MODELS: &[Service] = &[Service::Anthropic, Service::Openai];
    const EARS: &[Service] = &[Service::Deepgram];
    // The longest silence: 5 tries of 2.5 s for a voice, 3 of 4 s for a model.
    let cases = [
        (ALL, Fault::Refuse, 5_000),
        (ALL, Fault::HalfOpen, 15_000),
        (VOICES, Fault::Refuse, 5_000),
        (VOICES, Fault::HalfOpen, 15_000),
        (MODELS, Fault::Refuse, 60_000),
        (MODELS, Fault::HalfOpen, 60_000),
        (EARS, Fault::Refuse, 60_000),
    ];
    for (services, fault, longest) in cases {
        let name = format!("{services:?} {fault:?}");
        let outcome = play_over("order-status", Line::default(), dead(services, fault), both_voices);
        let Performance { report, call, .. } = &outcome.performance;
        assert_eq!(
            call.end_reason.as_deref(),
            Some("failed"),
            "{name}: {:?} {:?}",
            call.events,
            report.ended
        );
        assert_eq!(report.verbs_after_stream.first().map(String::as_str), Some("Say"), "{name}");
        assert_eq!(report.ended, Ended::ServerHungUp, "{name}");
        let streamed_ms = report.audio.as_ref().unwrap().caller.len() as u64 / 8;
        assert!(streamed_ms <= longest, "{name}: {streamed_ms} ms");
        assert!(outcome.longest_wait() <= 14_000.0, "{name}: {} ms", outcome.longest_wait());
    }
}

#[test]
fn what_is_not_needed_any_more_is_stopped_at_the_provider() {
    let outcome = play("barge-in", |knobs| knobs.anthropic.pace_ms = 120);
    assert!(outcome.performance.mismatches.is_empty(), "{:?}", outcome.performance.mismatches);
    let stopped =
        outcome.of(Service::Anthropic).filter(|entry| matches!(entry.event, Event::Cancelled { .. }));
    assert_eq!(stopped.map(|entry| entry.connection).collect::<Vec<_>>(), [1], "the interrupted generation");
    let said = |service, wanted: &str| {
        let control =
            |entry: &&Entry| matches!(&entry.event, Event::Control { message, .. } if message == wanted);
        outcome.of(service).filter(control).count()
    };
    assert!(said(Service::Elevenlabs, "close_context") >= 1, "the interrupted synthesis");
    assert_eq!(said(Service::Deepgram, "CloseStream"), 1, "the end of the recognition session");
    let closed = outcome.of(Service::Deepgram).filter_map(|entry| match entry.event {
        Event::Closed { code, .. } => Some(code),
        _ => None,
    });
    assert_eq!(closed.collect::<Vec<_>>(), [Some(1000)]);
}

#[test]
fn a_poor_line_changes_nothing_that_is_said() {
    let lines = [
        Line { jitter_ms: 60, seed: 1, ..Line::default() },
        Line { burst_ms: 200, seed: 2, ..Line::default() },
        Line { loss_per_mille: 20, jitter_ms: 20, seed: 3, ..Line::default() },
    ];
    for line in lines {
        let outcome = play_over("order-status", line, |_| {}, |_| {});
        let longest = outcome.heard_once(&format!("{line:?}"), 0);
        assert!(longest <= 240, "{line:?}: a pause of {longest} ms");
    }
}

#[test]
fn a_socket_that_breaks_in_an_answer_costs_a_pause_and_no_word() {
    for drop_at in [9_000, 12_340, 25_000, 46_000] {
        let line = Line { drop_socket_at_ms: Some(drop_at), ..Line::default() };
        let outcome = play_over("long-answer", line, |_| {}, |_| {});
        assert_continued("long-answer", &outcome.performance, 0);
    }
}
