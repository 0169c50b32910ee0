//! What holds whatever is said and whenever it arrives.

use crate::call::{
    endpointing::{Decision, Endpointing, EndpointingInput, EndpointingOptions, TranscriptFact},
    time::CallTime,
};
use proptest::prelude::*;
use std::time::Duration;

/// Longest wait from the last fact to the end of an utterance: wordless voice, then a flush that nobody answers;
/// everything else is shorter.
const BOUND: Duration = Duration::from_millis(4_000);

#[derive(Clone, Copy, Debug)]
enum Step {
    Voice,
    Silence,
    Interim,
    Final,
    End,
    EmptyEnd,
    Flushed,
    UtteranceEnd,
}

/// Steps with the time before each of them, in ms.
fn steps(kinds: Vec<Step>) -> impl Strategy<Value = Vec<(u64, Step)>> {
    let gap = prop_oneof![3 => 0_u64..300, 2 => 300_u64..1_500, 1 => 1_500_u64..6_000];
    prop::collection::vec((gap, prop::sample::select(kinds)), 0..60)
}

fn every_kind() -> Vec<Step> {
    use Step::{EmptyEnd, End, Final, Flushed, Interim, Silence, UtteranceEnd, Voice};
    vec![Voice, Silence, Interim, Final, End, EmptyEnd, Flushed, UtteranceEnd]
}

/// A caller who says `w0 w1 w2 …`, and a recogniser that never loses a word: an interim shows the next word, a
/// final settles it.
struct Run {
    caller: Endpointing,
    now: CallTime,
    next_word: usize,
    settled: Vec<String>,
    given_out: Vec<String>,
}

impl Run {
    fn new() -> Self {
        let caller = Endpointing::new(EndpointingOptions::default());
        Self { caller, now: CallTime::ZERO, next_word: 0, settled: Vec::new(), given_out: Vec::new() }
    }

    fn input(&mut self, step: Step) -> EndpointingInput {
        let word = format!("w{}x", self.next_word);
        let mut transcript = |text: String, is_final: bool, speech_final: bool, from_finalize: bool| {
            if is_final && !text.is_empty() {
                self.settled.push(text.clone());
                self.next_word += 1;
            }
            let audio_end = self.now.before(Duration::from_millis(100));
            EndpointingInput::Transcript(TranscriptFact {
                text,
                is_final,
                speech_final,
                from_finalize,
                audio_end,
            })
        };
        let earlier = self.now.before(Duration::from_millis(150));
        match step {
            Step::Voice => EndpointingInput::SpeechStarted { onset: earlier },
            Step::Silence => EndpointingInput::SpeechEnded { end: earlier },
            Step::Interim => transcript(word, false, false, false),
            Step::Final => transcript(word, true, false, false),
            Step::End => transcript(word, true, true, false),
            Step::EmptyEnd => transcript(String::new(), true, true, false),
            Step::Flushed => transcript(word, true, false, true),
            Step::UtteranceEnd => EndpointingInput::UtteranceEnd,
        }
    }

    fn give(&mut self, input: EndpointingInput) {
        let was_open = self.caller.is_open();
        match self.caller.handle(input, self.now) {
            Some(Decision::Complete(utterance)) => {
                assert!(!utterance.text.is_empty(), "an utterance without words");
                assert!(!self.caller.is_open());
                assert!(utterance.stt_final_at <= self.now);
                assert!(utterance.speech_end.is_none_or(|end| end <= self.now));
                self.given_out.extend(utterance.text.split_whitespace().map(str::to_owned));
            }
            Some(Decision::NoWords) => assert!(was_open && !self.caller.is_open(), "noise out of nothing"),
            Some(Decision::Finalize) => assert!(self.caller.is_open()),
            None => {}
        }
        assert_eq!(
            self.caller.is_open(),
            self.caller.poll_timeout().is_some(),
            "open without a timer, or a timer for nothing"
        );
    }

    /// Lets the timers run out until `until`; each of them must move things on.
    fn run_timers(&mut self, until: CallTime) {
        let mut steps_at_once = 0;
        while let Some(at) = self.caller.poll_timeout().filter(|at| *at <= until) {
            let moved = at > self.now;
            steps_at_once = if moved { 0 } else { steps_at_once + 1 };
            assert!(steps_at_once < 4, "a timer that runs out without effect");
            if moved {
                // A timer that has not run out changes nothing.
                let before = self.caller.clone();
                let early = CallTime(at.0 - 1).max(self.now);
                assert_eq!(self.caller.handle(EndpointingInput::Timeout, early), None);
                assert_eq!(self.caller, before);
                self.now = at;
            }
            let before = self.caller.clone();
            self.give(EndpointingInput::Timeout);
            assert_ne!(self.caller, before, "a timer that runs out without effect");
        }
        self.now = self.now.max(until);
    }

    fn all(steps: &[(u64, Step)]) -> Self {
        let mut run = Self::new();
        for &(gap_ms, step) in steps {
            run.run_timers(run.now.after(Duration::from_millis(gap_ms)));
            let input = run.input(step);
            run.give(input);
        }
        run
    }
}

proptest! {
    #[test]
    fn every_utterance_ends_soon_after_the_last_fact(steps in steps(every_kind())) {
        let mut run = Run::all(&steps);
        run.run_timers(run.now.after(BOUND));
        prop_assert!(!run.caller.is_open(), "still open: {:?}", run.caller);
    }

    #[test]
    fn no_settled_word_is_swallowed_or_out_of_order(steps in steps(every_kind())) {
        let mut run = Run::all(&steps);
        run.run_timers(run.now.after(BOUND));
        let mut first_times = run.given_out.clone();
        let mut seen = std::collections::HashSet::new();
        first_times.retain(|word| seen.insert(word.clone()));
        // An interim that is never settled may be given out too.
        first_times.truncate(run.settled.len());
        prop_assert_eq!(first_times, run.settled);
    }

    /// As long as no new voice separates the interim that was given out from the final that settles it, and that
    /// comes within a second.
    #[test]
    fn no_word_is_given_out_twice(
        words in prop::collection::vec(
            (0_u64..4_000, 0_u64..1_900, prop::sample::select(vec![Step::Final, Step::End, Step::Flushed])),
            0..20,
        )
    ) {
        let steps: Vec<_> =
            words.into_iter().flat_map(|(before, unsettled, kind)| [(before, Step::Interim), (unsettled, kind)]).collect();
        let mut run = Run::all(&steps);
        run.run_timers(run.now.after(BOUND));
        prop_assert_eq!(run.given_out, run.settled);
    }

    #[test]
    fn the_same_facts_give_the_same_decisions_after_a_round_trip(steps in steps(every_kind())) {
        let run = Run::all(&steps);
        let mut again = Run::new();
        for (gap_ms, step) in steps {
            again.run_timers(again.now.after(Duration::from_millis(gap_ms)));
            let input = again.input(step);
            let written = serde_json::to_string(&input).unwrap();
            again.give(serde_json::from_str(&written).unwrap());
        }
        prop_assert_eq!(again.given_out, run.given_out);
        prop_assert_eq!(again.caller, run.caller);
    }
}
