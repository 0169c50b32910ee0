//! An actor that dies costs the caller at most a short pause: nothing is said twice, nothing is lost, and nobody is
//! left behind.

use crate::{
    support::Folder,
    tones::{assert_continued, bursts, heard, longest_pause, script, tones},
};
use fixtures::{
    call::Fixture,
    carrier::{CarrierEvent, Ended},
    mulaw,
    sandbox::{Entry, Event, SandboxOptions, Service},
    virtual_time,
    wav::Wav,
};
use std::time::Duration;
use tandem::rehearsal::{Performance, Rehearsal};
use tokio::{
    sync::mpsc::{self, error::TrySendError},
    time::sleep,
};

/// The pause between two words of tones is 40 ms, between two sentences 200 ms.
const NO_PAUSE_MS: u64 = 240;

/// Room for everything that a carrier tells of one call, several times over.
const EVENTS_MAX: usize = 1_000;

/// When an actor is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// Ms after the caller's step began.
    Caller(usize, u64),
    /// Ms after the model was asked for the n-th time, from 1.
    Model(u64, u64),
    /// Ms after the first sound of the answer to a step; step 0's is the second answer of the call.
    Answer(usize, u64),
}
use Moment::{Answer, Caller, Model};

struct Outcome {
    performance: Performance,
    /// How many were there to be killed.
    killed: usize,
    /// Actors of the call that are there after its end.
    left: Vec<String>,
    live_calls: usize,
    log: Vec<Entry>,
    /// Keeps the recording.
    _folder: Folder,
}

/// Plays a call and kills an actor of it at these moments.
fn killing(name: &str, role: &str, moments: &[Moment], sandbox: SandboxOptions) -> Outcome {
    let fixture = Fixture::named(name).unwrap();
    let folder = Folder::new();
    let path = folder.path().to_owned();
    virtual_time::run(async move {
        let rehearsal = Rehearsal::start(sandbox, &fixture, &path, |_| {}).await.unwrap();
        let mut carrier = rehearsal.carrier_options();
        carrier.keep_audio = true;
        let (events, happened) = mpsc::channel(EVENTS_MAX);
        let calling = rehearsal.call(&fixture, carrier, move |event| {
            // Nobody listens any more once the last one was killed.
            let sent = events.try_send(event);
            assert!(!matches!(sent, Err(TrySendError::Full(_))), "more events than a call has");
        });
        let (performance, killed) = tokio::join!(calling, kill_at(&rehearsal, role, moments, happened));
        let performance = performance.unwrap();
        // The tree goes a moment after the call's end is stored.
        sleep(Duration::from_secs(1)).await;
        let of_call = |name: &String| name.starts_with(&performance.call.id);
        let left = ractor::registry::registered().into_iter().filter(of_call).collect();
        let live_calls = rehearsal.server.engine.live_calls();
        let log = rehearsal.sandbox.log().entries();
        rehearsal.end().await.unwrap();
        Outcome { performance, killed, left, live_calls, log, _folder: folder }
    })
}

async fn kill_at(
    rehearsal: &Rehearsal,
    role: &str,
    moments: &[Moment],
    mut happened: mpsc::Receiver<CarrierEvent>,
) -> usize {
    let mut due = tokio::task::JoinSet::new();
    let mut answers_to = None;
    let mut name = String::new();
    while let Some(event) = happened.recv().await {
        let mut kill_in = |ms: u64| {
            let name = name.clone();
            due.spawn(async move {
                sleep(Duration::from_millis(ms)).await;
                ractor::registry::where_is(name).map(|actor| actor.kill()).is_some()
            });
        };
        match event {
            CarrierEvent::StreamStarted { .. } if name.is_empty() => {
                let calls: serde_json::Value = rehearsal.get("/v1/calls").await.unwrap();
                name = format!("{}/{role}", calls["data"][0]["id"].as_str().unwrap());
                for moment in moments {
                    let (Model(request, after), log) = (*moment, rehearsal.sandbox.log()) else { continue };
                    let name = name.clone();
                    due.spawn(async move {
                        log.until(|entry| {
                            entry.service == Service::Anthropic
                                && entry.connection == request
                                && matches!(entry.event, Event::Request { .. })
                        })
                        .await;
                        sleep(Duration::from_millis(after)).await;
                        ractor::registry::where_is(name).map(|actor| actor.kill()).is_some()
                    });
                }
            }
            CarrierEvent::StepStarted { step, .. } => {
                answers_to = Some(step);
                for moment in moments {
                    match *moment {
                        Caller(wanted, after) if wanted == step => kill_in(after),
                        Caller(..) | Model(..) | Answer(..) => {}
                    }
                }
            }
            CarrierEvent::AssistantAudible { .. } => {
                let Some(step) = answers_to.take() else { continue };
                for moment in moments {
                    match *moment {
                        Answer(wanted, after) if wanted == step => kill_in(after),
                        Caller(..) | Model(..) | Answer(..) => {}
                    }
                }
            }
            _ => {}
        }
    }
    due.join_all().await.into_iter().filter(|killed| *killed).count()
}

/// Nobody is left, whatever happened.
fn assert_gone(outcome: &Outcome) {
    assert_eq!(outcome.left, [""; 0], "actors are left behind");
    assert_eq!(outcome.live_calls, 0, "the engine still counts the call");
}

/// The call went as recorded, its words were each heard once, with no pause above the bound.
fn assert_unharmed(name: &str, outcome: &Outcome, pause_ms: u64) {
    let Performance { report, call, mismatches, .. } = &outcome.performance;
    assert!(mismatches.is_empty(), "{name}: {mismatches:?} {:?}", turns(call));
    assert!(report.problems.is_empty(), "{name}: {:?}", report.problems);
    let texts = script(&Fixture::named(name).unwrap());
    let audio = report.audio.as_ref().unwrap();
    let words = heard(&texts, &bursts(&audio.assistant), 0)
        .unwrap_or_else(|why| panic!("{name}: {why} {:?}", turns(call)));
    let longest = longest_pause(&words);
    assert!(longest <= pause_ms, "{name}: a pause of {longest} ms {:?}", call.events);
    assert_recorded(&outcome.performance);
    assert_gone(outcome);
}

/// Both sides are in the recording, sample for sample on the caller's side and word for word on the other.
fn assert_recorded(performance: &Performance) {
    let wav = Wav::parse(&std::fs::read(performance.recording.as_ref().unwrap()).unwrap()).unwrap();
    let audio = performance.report.audio.as_ref().unwrap();
    let caller: Vec<i16> = audio.caller.iter().map(|code| mulaw::decode(*code)).collect();
    let recorded = &wav.channels[0];
    let (_, from, until) = performance
        .report
        .exchanges
        .first()
        .map(|said| (0, said.speech_start_ms as usize * 8, said.speech_end_ms as usize * 8))
        .unwrap();
    let aligned = |offset: &isize| {
        let at = from.checked_add_signed(*offset);
        at.and_then(|at| recorded.get(at..at + (until - from)))
            .is_some_and(|piece| *piece == caller[from..until])
    };
    let offset =
        (-2_000_isize..2_000).find(aligned).expect("what the caller said first is not in the recording");
    for said in &performance.report.exchanges {
        let (from, until) = (said.speech_start_ms as usize * 8, said.speech_end_ms as usize * 8);
        let at = from.checked_add_signed(offset).unwrap();
        let piece = recorded.get(at..at + (until - from));
        assert_eq!(piece, Some(&caller[from..until]), "\"{}\" is not whole in the recording", said.text);
    }
    let whole = |bursts: Vec<fixtures::sandbox::tone::Burst>| {
        bursts.into_iter().map(|burst| burst.code).collect::<Vec<_>>()
    };
    let heard = whole(fixtures::sandbox::tone::decode(&caller_heard(audio)));
    assert_eq!(whole(fixtures::sandbox::tone::decode(&wav.channels[1])), heard);
}

fn caller_heard(audio: &fixtures::carrier::HeardAudio) -> Vec<i16> {
    audio.assistant.iter().map(|code| mulaw::decode(*code)).collect()
}

/// An actor that is not the voice may die at any moment without a sound of it.
fn every_moment() -> Vec<Moment> {
    vec![Caller(0, 1_500), Model(1, 60), Answer(0, 1_500), Answer(0, 20_000), Caller(1, 700)]
}

#[test]
fn recognition_may_die_at_any_moment_and_no_word_is_lost() {
    let outcome = killing("long-answer", "stt", &every_moment(), tones());
    assert_eq!(outcome.killed, 5);
    assert_unharmed("long-answer", &outcome, NO_PAUSE_MS);
    let sessions = outcome.log.iter().filter(|entry| matches!(entry.event, Event::Opened { .. }));
    let sessions = sessions.filter(|entry| entry.service == Service::Deepgram).count();
    assert_eq!(sessions, 6, "each of them opens a session of its own");
}

#[test]
fn the_decision_owner_may_die_at_any_moment_and_nothing_is_asked_twice() {
    let outcome = killing("long-answer", "llm_turn", &every_moment(), tones());
    assert_eq!(outcome.killed, 5);
    assert_unharmed("long-answer", &outcome, NO_PAUSE_MS);
    let asked = outcome.log.iter().filter(|entry| entry.service == Service::Anthropic);
    assert_eq!(asked.filter(|entry| matches!(entry.event, Event::Request { .. })).count(), 2);
}

#[test]
fn the_voice_may_die_at_any_moment_and_says_nothing_twice() {
    let moments = [Caller(0, 1_500), Model(1, 300), Answer(0, 1_500), Answer(0, 8_000), Answer(0, 20_000)];
    let outcome = killing("long-answer", "tts", &moments, tones());
    assert_eq!(outcome.killed, 5);
    assert_unharmed("long-answer", &outcome, 1_500);
}

#[test]
fn the_recorder_may_die_at_any_moment_and_the_recording_is_whole() {
    let outcome =
        killing("long-answer", "recorder", &[Caller(0, 1_500), Answer(0, 5_030), Caller(1, 700)], tones());
    assert_eq!(outcome.killed, 3);
    assert_unharmed("long-answer", &outcome, NO_PAUSE_MS);
}

#[test]
fn any_actor_may_die_while_a_tool_runs_and_the_tool_runs_once() {
    for role in ["stt", "llm_turn", "tts", "recorder"] {
        let mut sandbox = tones();
        sandbox.knobs.tools.delay_ms = 1_000;
        let outcome = killing("order-status", role, &[Model(1, 900)], sandbox);
        assert_eq!(outcome.killed, 1);
        assert_unharmed("order-status", &outcome, if role == "tts" { 1_500 } else { NO_PAUSE_MS });
        let run = outcome.log.iter().filter(|entry| entry.service == Service::Tools);
        assert_eq!(run.filter(|entry| matches!(entry.event, Event::Request { .. })).count(), 1, "{role}");
    }
}

#[test]
fn an_actor_that_dies_again_and_again_ends_the_call_with_words_of_the_carrier() {
    for role in ["stt", "llm_turn", "tts"] {
        let again: Vec<Moment> = (0..10).map(|number| Answer(0, 1_000 + 500 * number)).collect();
        let outcome = killing("long-answer", role, &again, tones());
        let Performance { report, call, .. } = &outcome.performance;
        assert_eq!(call.end_reason.as_deref(), Some("failed"), "{role}");
        assert_eq!(report.verbs_after_stream.first().map(String::as_str), Some("Say"), "{role}");
        assert_eq!(report.ended, Ended::ServerHungUp, "{role}");
        assert_gone(&outcome);
    }
}

#[test]
fn a_call_whose_stream_actor_dies_goes_on_in_a_new_stream_where_it_was() {
    for moment in [Answer(0, 3_000), Answer(0, 15_000)] {
        let outcome = killing("long-answer", "stream", &[moment], tones());
        assert_eq!(outcome.killed, 1);
        assert_continued("long-answer", &outcome.performance, 0);
        assert_gone(&outcome);
    }
}

#[test]
fn a_call_whose_supervisor_dies_goes_on_from_its_journal() {
    for moment in [Answer(0, 6_000), Answer(0, 20_300)] {
        let outcome = killing("long-answer", "supervisor", &[moment], tones());
        assert_eq!(outcome.killed, 1);
        // A word that ends in the moment of the death may count as heard.
        assert_continued("long-answer", &outcome.performance, 1);
        assert_gone(&outcome);
    }
}

/// What was said, for a message.
fn turns(call: &tandem::rehearsal::CallDetail) -> Vec<(&str, &str)> {
    call.turns.iter().map(|turn| (turn.caller.as_str(), turn.assistant.as_str())).collect()
}
