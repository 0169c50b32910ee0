//! When audio is sent, and how much.

use super::sim::{Sim, ramp, sentence};
use crate::{
    call::playout::{Fact, Input, Output},
    ids::Epoch,
};
use std::time::Duration;

#[test]
fn the_first_audio_leaves_at_once_in_messages_of_100_ms_at_most() {
    let mut sim = Sim::new();
    sim.say(sentence(1, 0), "one two three four", 2_000, true);
    assert_eq!(sim.messages, [(sim.now, 800), (sim.now, 480)]);
    assert!(matches!(sim.facts[0], Fact::Started { epoch: Epoch(1), at } if at == sim.now));
}

#[test]
fn a_piece_shorter_than_the_lead_does_not_wait_for_more() {
    let mut sim = Sim::new();
    sim.input(Input::Sentence { id: sentence(1, 0), text: "Hello".into() });
    sim.input(Input::Audio { sentence: sentence(1, 0), audio: ramp(sentence(1, 0), 0, 33), words: vec![] });
    assert_eq!(sim.messages, [(sim.now, 33)]);
}

#[test]
fn the_lead_stays_between_120_and_160_ms_with_few_messages() {
    let mut sim = Sim::new();
    sim.run_ms(7);
    sim.say(sentence(1, 0), "one two three four", 4_000, true);
    sim.least_lead = Duration::MAX;
    sim.run_ms(3_000);
    assert!(sim.least_lead >= Duration::from_millis(120), "{:?}", sim.least_lead);
    let per_second = sim.messages.len() / 3;
    assert!(per_second <= 40, "{per_second} messages a second");
    assert_eq!(sim.ledger.counters().underruns, 0);
}

#[test]
fn a_late_tick_catches_up_in_one_batch() {
    let mut sim = Sim::new();
    sim.say(sentence(1, 0), "one two three four", 4_000, true);
    sim.run_ms(400);
    let sent = sim.messages.len();
    sim.now = sim.now.after(Duration::from_millis(155));
    sim.input(Input::Poll);
    let batch: Vec<usize> = sim.messages[sent..].iter().map(|&(_, samples)| samples).collect();
    assert_eq!(batch.len(), 2, "{batch:?}");
    assert_eq!(sim.ledger.lead(sim.now), Duration::from_millis(160));
    assert_eq!(sim.ledger.counters().underruns, 0);
}

#[test]
fn a_gap_within_a_sentence_is_an_underrun_and_between_sentences_a_pause() {
    let mut sim = Sim::new();
    let id = sentence(1, 0);
    sim.input(Input::Sentence { id, text: "one two".into() });
    sim.input(Input::Audio { sentence: id, audio: ramp(id, 0, 800), words: vec![] });
    sim.run_ms(150);
    sim.input(Input::Audio { sentence: id, audio: ramp(id, 800, 800), words: vec![] });
    assert_eq!(sim.ledger.counters().underruns, 1);
    assert_eq!(sim.ledger.counters().underrun_audio, 400, "50 ms");
    sim.input(Input::SentenceDone { sentence: id });
    sim.run_ms(300);
    sim.say(sentence(1, 1), "three", 500, true);
    assert_eq!(sim.ledger.counters().underruns, 1);
    assert_eq!(sim.ledger.counters().pauses, 1);
}

#[test]
fn sentences_are_played_in_order_even_if_their_audio_interleaves() {
    let mut sim = Sim::new();
    let (first, second) = (sentence(1, 0), sentence(1, 1));
    sim.input(Input::Sentence { id: first, text: "one".into() });
    sim.input(Input::Sentence { id: second, text: "two".into() });
    for part in 0..4 {
        for id in [second, first] {
            sim.input(Input::Audio { sentence: id, audio: ramp(id, part * 400, 400), words: vec![] });
        }
    }
    sim.input(Input::SentenceDone { sentence: second });
    sim.input(Input::SentenceDone { sentence: first });
    sim.input(Input::Finish { epoch: Epoch(1) });
    sim.run_ms(1_000);
    assert_eq!(sim.played(), [ramp(first, 0, 1_600), ramp(second, 0, 1_600)].concat());
}

#[test]
fn a_newer_epoch_waits_behind_an_older_one_and_ends_it() {
    let mut sim = Sim::new();
    sim.say(sentence(1, 0), "One moment.", 600, true);
    sim.say(sentence(2, 0), "Here it is.", 600, true);
    sim.input(Input::Finish { epoch: Epoch(2) });
    sim.run_ms(2_000);
    assert_eq!(sim.played(), [ramp(sentence(1, 0), 0, 4_800), ramp(sentence(2, 0), 0, 4_800)].concat());
    let drained: Vec<Epoch> = sim
        .facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Drained { heard, confirmed: true, .. } => Some(heard.epoch),
            _ => None,
        })
        .collect();
    assert_eq!(drained, [Epoch(1), Epoch(2)]);
}

#[test]
fn audio_of_an_epoch_that_is_over_is_dropped_at_the_door() {
    let mut sim = Sim::new();
    let id = sentence(3, 0);
    sim.input(Input::Sentence { id, text: "one two".into() });
    sim.input(Input::Drop { epoch: Epoch(3) });
    sim.input(Input::Audio { sentence: id, audio: ramp(id, 0, 800), words: vec![] });
    sim.say(sentence(2, 0), "older still", 500, true);
    sim.run_ms(500);
    assert!(sim.messages.is_empty());
    assert_eq!(sim.ledger.counters().stale_audio, 800 + 4_000);
    assert_eq!(sim.ledger.counters().stale_sentences, 1);
}

#[test]
fn an_answer_drains_when_its_last_sample_is_played_and_its_last_mark_is_back() {
    let mut sim = Sim::new();
    sim.mark_delay = Some(Duration::from_millis(50));
    let start = sim.now;
    sim.say(sentence(1, 0), "one two", 1_001, true);
    sim.run_ms(2_000);
    assert!(!sim.facts.iter().any(|fact| matches!(fact, Fact::Drained { .. })), "it may go on");
    let mut sim = Sim::new();
    sim.mark_delay = Some(Duration::from_millis(50));
    sim.say(sentence(1, 0), "one two", 1_001, true);
    sim.input(Input::Finish { epoch: Epoch(1) });
    sim.run_ms(2_000);
    let Some(Fact::Drained { heard, at, confirmed: true }) = sim.facts.last() else {
        panic!("{:?}", sim.facts)
    };
    assert_eq!(at.since(start).as_millis(), 1_051);
    assert!(heard.sentences[0].complete);
    assert_eq!(sim.ledger.poll_timeout(), None, "nothing is left to do");
}

#[test]
fn an_empty_answer_drains_at_once() {
    let mut sim = Sim::new();
    sim.input(Input::Finish { epoch: Epoch(4) });
    assert!(
        matches!(&sim.facts[..], [Fact::Drained { confirmed: true, heard, .. }] if heard.sentences.is_empty())
    );
    assert!(sim.messages.is_empty());
}

#[test]
fn marks_carry_their_epoch_and_follow_the_audio_they_prove() {
    let mut sim = Sim::new();
    sim.say(sentence(5, 0), "one two three four", 1_000, true);
    sim.input(Input::Finish { epoch: Epoch(5) });
    sim.run_ms(1_500);
    let marks: Vec<String> = sim
        .outputs
        .iter()
        .filter_map(|output| match output {
            Output::Mark(name) => Some(name.to_string()),
            Output::Media(_) | Output::Clear | Output::Fact(_) => None,
        })
        .collect();
    assert_eq!(marks[..2], ["e5.0", "e5.1"]);
    assert!((5..=7).contains(&marks.len()), "one per 200 ms: {marks:?}");
}

#[test]
fn a_full_queue_says_so_before_it_drops_audio_and_counts_what_it_drops() {
    let mut sim = Sim::new();
    let id = sentence(1, 0);
    sim.input(Input::Sentence { id, text: "x".into() });
    let minute = ramp(id, 0, 60 * 8_000);
    assert!(sim.ledger.has_room());
    for _ in 0..2 {
        sim.input(Input::Audio { sentence: id, audio: minute.clone(), words: vec![] });
    }
    assert!(!sim.ledger.has_room());
    sim.input(Input::Audio { sentence: id, audio: minute.clone(), words: vec![] });
    assert_eq!(sim.ledger.counters().overflow_audio, minute.len() as u64);
}
