//! Killing any child of a call, in the middle of a turn, costs the caller at most a short pause: the call goes on to its
//! end, nothing is lost and nothing is said twice.

use crate::support::Folder;
use engine::call::restart::Role;
use fixtures::{
    call::{Action, Fixture},
    carrier::CarrierEvent,
    mulaw,
    sandbox::{SandboxOptions, VoiceMode, tone},
    virtual_time,
};
use std::time::Duration;
use tandem::rehearsal::{Performance, Rehearsal, sandbox_options};
use tokio::sync::mpsc;

/// When to kill, on the caller's clock: so many ms after an event.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// After the caller began a step.
    Caller { step: usize, ms: u64 },
    /// After the assistant became audible for the n-th time, from 0 (the greeting).
    Answer { nth: usize, ms: u64 },
}

/// Plays a recorded call with tones for words, and kills a child once at the moment.
fn play_and_kill(name: &str, role: Role, moment: Moment) -> (Performance, Folder) {
    let fixture = Fixture::named(name).unwrap();
    let folder = Folder::new();
    let performance = virtual_time::run(async {
        let options = SandboxOptions { voice: VoiceMode::Tone, ..sandbox_options() };
        let rehearsal = Rehearsal::start(options, &fixture, folder.path(), |_| {}).await.unwrap();
        let (moments, due) = mpsc::unbounded_channel();
        let mut answers = 0;
        let observer = move |event: CarrierEvent| {
            let due = match (event, moment) {
                (CarrierEvent::StepStarted { step, .. }, Moment::Caller { step: wanted, ms }) => {
                    (step == wanted).then_some(ms)
                }
                (CarrierEvent::AssistantAudible { .. }, Moment::Answer { nth, ms }) => {
                    answers += 1;
                    (answers == nth + 1).then_some(ms)
                }
                _ => None,
            };
            if let Some(ms) = due {
                moments.send(ms).unwrap();
            }
        };
        let mut carrier = rehearsal.carrier_options();
        carrier.keep_audio = true;
        let call = rehearsal.call(&fixture, carrier, observer);
        let (performance, ()) = tokio::join!(call, kill_once(&rehearsal, due, role));
        rehearsal.end().await.unwrap();
        performance.unwrap()
    });
    (performance, folder)
}

async fn kill_once(rehearsal: &Rehearsal, mut due: mpsc::UnboundedReceiver<u64>, role: Role) {
    let ms = due.recv().await.expect("the moment never came");
    tokio::time::sleep(Duration::from_millis(ms)).await;
    let name = format!("{}/{role}", call_id(rehearsal).await);
    ractor::registry::where_is(name).expect("the child is alive").kill();
}

/// The id of the only call.
async fn call_id(rehearsal: &Rehearsal) -> String {
    let page: serde_json::Value = rehearsal.get("/v1/calls").await.unwrap();
    page["calls"][0]["id"].as_str().expect("the call is known").to_owned()
}

/// Words that the caller heard, as the tones' codes.
fn heard_codes(performance: &Performance) -> Vec<u8> {
    let audio = performance.report.audio.as_ref().unwrap();
    let samples: Vec<i16> = audio.assistant.iter().map(|code| mulaw::decode(*code)).collect();
    tone::decode(&samples).into_iter().map(|burst| burst.code).collect()
}

/// Words that the books say were said.
fn told_codes(performance: &Performance) -> Vec<u8> {
    let words = performance.call.turns.iter().flat_map(|turn| turn.assistant.split_whitespace());
    words.filter(|word| word.chars().any(char::is_alphanumeric)).map(tone::code).collect()
}

fn assert_unharmed(performance: &Performance, what: &str) {
    assert!(performance.mismatches.is_empty(), "{what}: {:?}", performance.mismatches);
    assert!(performance.report.problems.is_empty(), "{what}: {:?}", performance.report.problems);
    assert_eq!(performance.report.stream_sids.len(), 1, "{what}: the stream was not touched");
}

/// Longest silence inside an answer that a caller may hear, ms: a new session's connection, its first audio, and the
/// pause of a sentence.
const SHORT_PAUSE_MS: u64 = 700;

fn longest_gap_ms(performance: &Performance) -> u64 {
    performance.report.underruns.iter().map(|gap| gap.duration_us / 1_000).max().unwrap_or(0)
}

#[test]
fn a_killed_stt_loses_no_word_of_the_caller() {
    for moment in [
        Moment::Caller { step: 0, ms: 300 },
        Moment::Caller { step: 0, ms: 1_200 },
        Moment::Answer { nth: 1, ms: 400 },
        Moment::Caller { step: 1, ms: 700 },
    ] {
        let (performance, _folder) = play_and_kill("greeting-and-goodbye", Role::Stt, moment);
        assert_unharmed(&performance, &format!("{moment:?}"));
        assert_eq!(longest_gap_ms(&performance), 0, "{moment:?}: nothing of the answer depends on it");
    }
}

#[test]
fn a_killed_llm_turn_goes_on_where_it_stopped() {
    for moment in [
        Moment::Caller { step: 0, ms: 500 },
        // The model has been asked, and writes.
        Moment::Caller { step: 0, ms: 2_700 },
        Moment::Answer { nth: 1, ms: 100 },
        Moment::Answer { nth: 1, ms: 1_200 },
    ] {
        let (performance, _folder) = play_and_kill("order-status", Role::LlmTurn, moment);
        assert_unharmed(&performance, &format!("{moment:?}"));
        assert_eq!(heard_codes(&performance), told_codes(&performance), "{moment:?}: each word once");
    }
}

#[test]
fn a_killed_tts_finishes_its_sentence_and_says_nothing_twice() {
    for ms in [0, 60, 400, 900, 1_600, 2_600] {
        let moment = Moment::Answer { nth: 1, ms };
        let (performance, _folder) = play_and_kill("long-answer", Role::Tts, moment);
        assert_unharmed(&performance, &format!("{moment:?}"));
        let gap = longest_gap_ms(&performance);
        assert!(gap <= SHORT_PAUSE_MS, "{moment:?}: silence of {gap} ms");
        let (heard, told) = (heard_codes(&performance), told_codes(&performance));
        // A word whose synthesis was cut in its middle may be cut short; it is not said again.
        assert!(heard.len() <= told.len(), "{moment:?}: {} words heard of {}", heard.len(), told.len());
        assert!(heard.len() + 1 >= told.len(), "{moment:?}: {} words heard of {}", heard.len(), told.len());
    }
}

#[test]
fn a_killed_recorder_costs_the_recording_nothing_and_the_caller_less() {
    for moment in [Moment::Caller { step: 0, ms: 400 }, Moment::Answer { nth: 1, ms: 800 }] {
        let (performance, _folder) = play_and_kill("order-status", Role::Recorder, moment);
        assert_unharmed(&performance, &format!("{moment:?}"));
        assert_eq!(longest_gap_ms(&performance), 0, "{moment:?}");
        let recording = hound::WavReader::open(performance.recording.as_ref().unwrap()).unwrap();
        let recorded_ms = u64::from(recording.duration()) / 8;
        let lasted = performance.report.duration_ms;
        assert!(
            recorded_ms.abs_diff(lasted) <= 200,
            "{moment:?}: {recorded_ms} ms of {lasted} ms are recorded"
        );
    }
}

#[test]
fn a_killed_stream_comes_back_as_a_second_one_and_the_call_goes_on() {
    let moment = Moment::Answer { nth: 1, ms: 900 };
    let (performance, _folder) = play_and_kill("long-answer", Role::Stream, moment);
    assert_eq!(performance.report.stream_sids.len(), 2, "the carrier was asked to come back");
    assert_eq!(performance.call.end_reason.as_deref(), Some("caller_hung_up"));
    let fixture = Fixture::named("long-answer").unwrap();
    let said = fixture.steps.iter().filter(|step| matches!(step.action, Action::Say(_))).count();
    let answered = performance.call.turns.iter().filter(|turn| !turn.caller.is_empty()).count();
    assert!(answered >= said, "every utterance is answered: {:?}", performance.call.turns);
}

#[test]
fn a_child_that_dies_again_and_again_ends_the_call_properly() {
    let fixture = Fixture::named("long-answer").unwrap();
    let folder = Folder::new();
    let performance = virtual_time::run(async {
        let rehearsal = Rehearsal::start(sandbox_options(), &fixture, folder.path(), |_| {}).await.unwrap();
        let (started, mut audible) = mpsc::unbounded_channel();
        let observer = move |event: CarrierEvent| {
            if let CarrierEvent::AssistantAudible { .. } = event {
                // Only the first is waited for.
                started.send(()).unwrap_or_default();
            }
        };
        let killer = async {
            audible.recv().await.unwrap();
            let name = format!("{}/{}", call_id(&rehearsal).await, Role::Stt);
            for _ in 0..40 {
                if let Some(child) = ractor::registry::where_is(name.clone()) {
                    child.kill();
                }
                tokio::time::sleep(Duration::from_millis(150)).await;
            }
        };
        let call = rehearsal.call(&fixture, rehearsal.carrier_options(), observer);
        let (performance, ()) = tokio::join!(call, killer);
        rehearsal.end().await.unwrap();
        performance.unwrap()
    });
    assert_eq!(performance.call.end_reason.as_deref(), Some("failed"));
    let verbs = &performance.report.verbs_after_stream;
    assert!(
        verbs.iter().any(|verb| verb == "Say"),
        "the caller is told, by the carrier's own voice: {verbs:?}"
    );
}
