//! Every recorded call goes as it expects, through the whole product.

use crate::support::play;
use fixtures::{
    call::{Action, Fixture, When},
    text::normalise,
    wav::Wav,
};
use tandem::rehearsal::Performance;

/// A voice's loudest sample is above this: -24 dBFS. The line's background is 40 dB below.
const VOICE: u16 = 2_000;

/// Two frames, ms.
const FRAMES_MS: u64 = 40;

#[test]
fn every_recorded_call_goes_as_it_expects() {
    for name in Fixture::names() {
        let fixture = Fixture::named(&name).unwrap();
        let (performance, _folder) = play(&name);
        let Performance { report, call, recording, mismatches } = &performance;
        assert!(mismatches.is_empty(), "{name}: {mismatches:?}");
        assert!(report.problems.is_empty(), "{name}: {:?}", report.problems);
        assert_eq!(report.underruns, [], "{name}: the caller heard gaps");
        assert_eq!(report.stream_sids.len(), 1, "{name}");

        // The transcript is as scripted: all that was said is in it, in order, and nothing else.
        let spoken = call.turns.iter().filter(|turn| !turn.caller.starts_with("(pressed"));
        let heard: Vec<String> = spoken.map(|turn| normalise(&turn.caller)).collect();
        let heard = heard.join(" ");
        let mut rest = heard.as_str();
        for (step, after) in fixture.steps.iter().zip(&fixture.steps[1..]) {
            let Action::Say(utterance) = &step.action else { continue };
            // Who hangs up in the middle of a sentence has not said it.
            let broken_off = after.action == Action::HangUp && matches!(after.when, When::AfterPrevious(_));
            let said = normalise(&utterance.text);
            let optional = fixture.expect.backchannels.iter().any(|one| normalise(one) == said);
            match rest.split_once(said.as_str()) {
                Some((before, after)) => {
                    assert_eq!(before.trim(), "", "{name}: heard what nobody said before `{said}`");
                    rest = after;
                }
                None => assert!(optional || broken_off, "{name}: `{said}` is not in `{heard}`"),
            }
        }
        // Every turn of the caller that somebody waited on is answered.
        let unanswered = fixture.unanswered_steps();
        for exchange in &report.exchanges {
            let expected = !unanswered.contains(&exchange.step);
            assert!(!expected || exchange.answer_start_ms.is_some(), "{name}: {exchange:?}");
        }

        // The recording holds both voices, over the whole call.
        let wav = Wav::parse(&std::fs::read(recording.as_ref().unwrap()).unwrap()).unwrap();
        assert_eq!((wav.sample_rate_hz, wav.channels.len()), (8_000, 2), "{name}");
        let ms = wav.channels[0].len() as u64 / 8;
        let ends = report.answers_ms.iter().map(|answer| answer.1);
        let last_ms =
            ends.chain(report.exchanges.iter().map(|said| said.speech_end_ms as u64)).max().unwrap();
        assert!(
            (last_ms..=report.duration_ms + FRAMES_MS).contains(&ms),
            "{name}: {ms} ms, heard until {last_ms}"
        );
        let sounds = |channel: usize, from_ms: f64, to_ms: f64| {
            let samples = &wav.channels[channel];
            let at = |ms: f64| ((ms * 8.0) as usize).min(samples.len());
            samples[at(from_ms)..at(to_ms)].iter().any(|sample| sample.unsigned_abs() > VOICE)
        };
        for exchange in &report.exchanges {
            let said = (exchange.speech_start_ms, exchange.speech_end_ms);
            assert!(sounds(0, said.0, said.1), "{name}: the caller is not recorded at {said:?}");
        }
        for &(from_ms, to_ms) in &report.answers_ms {
            assert!(
                sounds(1, from_ms as f64, to_ms as f64),
                "{name}: the assistant is not recorded at {from_ms} ms"
            );
        }
    }
}
