//! What the books say was heard is what was heard: the words in the turns, the recording, and the carrier's ear
//! agree.
//!
//! The assistant speaks in marked tones, so that each word can be read back from audio alone.

use crate::support::{Folder, play_with};
use fixtures::{
    call::Fixture,
    carrier::HeardAudio,
    sandbox::{
        VoiceMode,
        tone::{self, Burst},
    },
    wav::Wav,
};
use tandem::rehearsal::{Performance, Turn, sandbox_options};

/// What lies apart by less is aligned: two frames.
const ALIGNED_MS: u64 = 40;

/// A sample sounds from here on: -30 dBFS, as for the reader of the tones.
const SOUNDING: i16 = 1_000;

/// Words of one answer follow each other closer than this, ms; an interrupted answer and the next do not.
const SAME_ANSWER_MS: u64 = 700;

/// A burst that is shorter may be the beginning of a word, ms.
const BEGINNING_MS: u64 = 200;

/// A recorded call whose assistant speaks in tones, and its recording.
pub(crate) struct Played {
    pub(crate) performance: Performance,
    pub(crate) caller: Vec<i16>,
    pub(crate) assistant: Vec<i16>,
    _folder: Folder,
}

pub(crate) fn play_in_tones(name: &str) -> Played {
    let mut sandbox = sandbox_options();
    sandbox.voice = VoiceMode::Tone;
    let (performance, folder) = play_with(name, sandbox, |_| {});
    let path = performance.recording.as_deref().expect("the call was recorded");
    let mut channels = Wav::parse(&std::fs::read(path).unwrap()).unwrap().channels.into_iter();
    let (caller, assistant) = (channels.next().unwrap(), channels.next().unwrap());
    Played { performance, caller, assistant, _folder: folder }
}

/// Compares the words of the turns with the words that sound. Says what is wrong.
pub(crate) fn compare_words(turns: &[Turn], bursts: &[Burst]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut bursts = bursts.iter().peekable();
    for turn in turns {
        let words: Vec<&str> =
            turn.assistant.split_whitespace().filter(|word| tone::duration_ms(word) > 0).collect();
        // An answer that was withdrawn because the caller went on is in no turn; less than a word of it was heard.
        let is_rest = |burst: &&Burst| {
            burst.end_ms - burst.start_ms < BEGINNING_MS
                && !words.first().is_some_and(|word| burst.is_whole(word))
        };
        while bursts.next_if(is_rest).is_some() {}
        let mut end_ms = None;
        for (index, word) in words.iter().enumerate() {
            // After a pause the word that was cut is said again from its start.
            let mut cut = None;
            while let Some(burst) = bursts.next_if(|burst| burst.code == tone::code(word)) {
                end_ms = Some(burst.end_ms);
                cut = Some(burst);
                if burst.is_whole(word) {
                    break;
                }
            }
            let is_last = index + 1 == words.len();
            match cut {
                Some(burst) if burst.is_whole(word) => {}
                // The one word by which an interrupted answer may be off.
                Some(_) | None if turn.interrupted && is_last => {}
                Some(burst) => wrong.push(format!("turn {}: {word} was cut: {burst:?}", turn.number)),
                None => {
                    let next = bursts.peek();
                    wrong.push(format!("turn {}: {word} was not heard, but {next:?}", turn.number));
                    return wrong;
                }
            }
        }
        let mut more = 0;
        while turn.interrupted
            && let Some(end) = end_ms
            && let Some(burst) = bursts.next_if(|burst| burst.start_ms < end + SAME_ANSWER_MS)
        {
            more += 1;
            end_ms = Some(burst.end_ms);
        }
        if more > 1 {
            wrong.push(format!("turn {}: {more} words were heard that are not in it", turn.number));
        }
    }
    let rest = bursts.count();
    if rest > 0 {
        wrong.push(format!("{rest} words were heard that belong to no turn"));
    }
    wrong
}

/// Compares the recording with what the carrier sent and played. Says what is wrong.
fn compare_audio(played: &Played, heard: &HeardAudio) -> Vec<String> {
    let mut wrong = Vec::new();
    let decode =
        |mulaw: &[u8]| -> Vec<i16> { mulaw.iter().map(|&code| fixtures::mulaw::decode(code)).collect() };
    let by_carrier = decode(&heard.assistant);
    let (recorded, real) = (tone::decode(&played.assistant), tone::decode(&by_carrier));
    if recorded.len() != real.len() {
        wrong.push(format!("{} words were recorded, {} were played", recorded.len(), real.len()));
    }
    for (recorded, real) in recorded.iter().zip(&real) {
        let off = recorded.start_ms.abs_diff(real.start_ms).max(recorded.end_ms.abs_diff(real.end_ms));
        if recorded.code != real.code || off > ALIGNED_MS {
            wrong.push(format!("recorded {recorded:?}, played {real:?}"));
        }
    }
    // Less than a word, such as the first samples of one that was cleared.
    let reach = (ALIGNED_MS * 8) as usize;
    let sounds = |audio: &[i16], at: usize| {
        let around = at.saturating_sub(reach)..(at + reach).min(audio.len());
        audio
            .get(around)
            .unwrap_or_default()
            .iter()
            .any(|sample| sample.unsigned_abs() >= SOUNDING.unsigned_abs())
    };
    for (at, sample) in played.assistant.iter().enumerate() {
        if sample.unsigned_abs() >= SOUNDING.unsigned_abs() && !sounds(&by_carrier, at) {
            wrong.push(format!("at {} ms the recording sounds and the line did not", at / 8));
            break;
        }
    }
    let spoken = decode(&heard.caller);
    let aligned = (0..=reach).flat_map(|lag| [(lag, 0), (0, lag)]).find(|&(left, right)| {
        let (left, right) = (played.caller.get(left..), spoken.get(right..));
        left.unwrap_or_default().iter().zip(right.unwrap_or_default()).all(|(left, right)| left == right)
    });
    match aligned {
        None => wrong.push("the caller's side is not what the caller said".to_owned()),
        Some(_) if played.caller.len().abs_diff(spoken.len()) > 2 * reach => {
            wrong.push(format!("{} samples of {} are recorded", played.caller.len(), spoken.len()));
        }
        Some(_) => {}
    }
    wrong
}

/// Plays a call and checks everything; returns it for more.
fn is_true(name: &str) -> Played {
    let played = play_in_tones(name);
    let Performance { report, call, mismatches, .. } = &played.performance;
    assert!(mismatches.is_empty(), "{name}: {mismatches:?}");
    let wrong = compare_words(&call.turns, &tone::decode(&played.assistant));
    assert!(wrong.is_empty(), "{name}: {wrong:#?}");
    let wrong = compare_audio(&played, report.audio.as_ref().unwrap());
    assert!(wrong.is_empty(), "{name}: {wrong:#?}");
    played
}

#[test]
fn an_interrupted_answer_is_true_to_one_word() {
    for (name, interruptions) in [("barge-in", 1), ("double-barge-in", 2), ("load", 1)] {
        let Performance { report, call, .. } = is_true(name).performance;
        let interrupted = call.turns.iter().filter(|turn| turn.interrupted).count();
        assert_eq!(interrupted, interruptions, "{name}");
        assert_eq!(report.clears, interruptions as u64, "{name}");
    }
}

#[test]
fn an_answer_that_the_caller_hung_up_on_is_true_to_one_word() {
    let call = is_true("hang-up-during-answer").performance.call;
    let last = call.turns.last().unwrap();
    assert!(last.interrupted && last.assistant.split_whitespace().count() > 3, "{last:?}");
    is_true("hang-up-mid-sentence");
}

#[test]
fn an_answer_goes_on_over_a_backchannel_and_is_whole() {
    let played = is_true("backchannel");
    let turn = &played.performance.call.turns[1];
    let fixture = Fixture::named("backchannel").unwrap();
    let rules = &fixture.scenario.rules;
    let reply =
        &rules.iter().find(|rule| rule.when.iter().any(|when| when.contains("sharpen"))).unwrap().reply;
    assert_eq!((&turn.assistant, turn.interrupted), (reply, false));
    assert!(played.performance.report.clears > 0, "the answer was held while the caller hummed");
}

#[test]
fn answers_that_nobody_interrupts_are_true_to_the_word() {
    let interrupted = ["barge-in", "double-barge-in", "load", "backchannel"];
    for name in Fixture::names() {
        if interrupted.contains(&name.as_str()) || name.starts_with("hang-up") {
            continue;
        }
        let played = is_true(&name);
        assert!(played.performance.call.turns.iter().all(|turn| !turn.interrupted), "{name}");
    }
}
