//! Calls that come back to another process, told from their journal.

use super::*;
use crate::call::{
    journal::{Decider, JournalEntry},
    playout::PlayoutOptions,
    replay::{Resumed, resume},
};

struct Journal(Vec<JournalEntry>);

impl Journal {
    /// Greeted; the caller has asked something and the answer of two sentences is being said.
    fn answering() -> Self {
        let mut journal = Self(Vec::new());
        journal.note(0, Input::Begin);
        journal.note(100, Input::PlaybackStarted { epoch: Epoch(1) });
        journal.note(1_000, Input::Drained(whole(Epoch(1), 1)));
        let fact = TranscriptFact {
            text: "Hi.".into(),
            is_final: true,
            speech_final: true,
            from_finalize: false,
            audio_end: CallTime::from_ms(2_900),
        };
        journal.note(3_000, Input::Transcript(fact));
        let text = "Good morning to you. We are open until six today.".to_owned();
        journal.note(3_500, Input::ModelText { ask: Ask(1), text });
        let (stop, usage) = (StopReason::EndTurn, Usage::default());
        journal.note(3_600, Input::ModelFinished { ask: Ask(1), stop, usage });
        journal.note(3_700, Input::PlaybackStarted { epoch: Epoch(2) });
        journal
    }

    fn note(&mut self, ms: u64, input: Input) {
        let input = serde_json::value::to_raw_value(&input).unwrap();
        let seq = self.0.len() as u64;
        self.0.push(JournalEntry { seq, at: CallTime::from_ms(ms), decider: Decider::Turn, input });
    }

    fn resume(&self) -> Resumed {
        resume(turns(), &self.0, PlayoutOptions::default())
    }
}

/// What is decided once the stream is back.
fn going_on(resumed: Resumed) -> String {
    let mut script = Script { turns: resumed.turns, ask: Ask(0), log: String::new() };
    for fact in resumed.facts {
        script.tell(resumed.until.as_ms(), fact);
    }
    script.log
}

#[test]
fn a_call_that_its_node_ended_when_it_stopped_goes_on_where_it_comes_back() {
    let mut journal = Journal::answering();
    journal.note(5_000, Input::Shutdown);
    journal.note(5_001, Input::VoiceStarted { onset: CallTime::from_ms(4_990) });
    let resumed = journal.resume();
    assert_eq!((resumed.next_seq, &resumed.ended), (9, &None));
    let log = going_on(resumed);
    assert!(log.contains("say e3.s0 \"Good morning to you.\""), "{log}");

    // And again: what followed the first end counts.
    journal.note(6_000, Input::StreamLost { heard: Some(whole(Epoch(2), 1)) });
    journal.note(6_000, Input::StreamBack);
    journal.note(7_000, Input::Shutdown);
    let log = going_on(journal.resume());
    assert!(log.contains("We are open until six today."), "{log}");
    assert!(!log.contains("Good morning"), "{log}");
}

#[test]
fn a_call_whose_stream_was_waited_for_too_shortly_goes_on_where_it_comes_back() {
    let mut journal = Journal::answering();
    journal.note(5_000, Input::StreamLost { heard: Some(whole(Epoch(2), 1)) });
    journal.note(17_000, Input::Timeout);
    let log = going_on(journal.resume());
    assert!(log.contains("We are open until six today."), "{log}");
}

#[test]
fn a_call_that_was_over_is_over_where_it_comes_back() {
    let mut journal = Journal::answering();
    journal.note(5_000, Input::HungUp { heard: None });
    let resumed = journal.resume();
    assert_eq!(resumed.ended, Some((EndReason::CallerHungUp, None)));
    assert_eq!(going_on(resumed), "");
}
