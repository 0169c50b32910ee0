//! What counts as heard.

use super::sim::{Sim, even_words, ramp, sentence};
use crate::{
    call::playout::{Fact, Input, ResumePoint},
    ids::{Epoch, SentenceId},
    tts::WordEnd,
};
use std::time::Duration;

/// Ten words of 500 ms each.
const TEXT: &str = "one two three four five six seven eight nine ten";
const ID: SentenceId = SentenceId { epoch: Epoch(1), index: 0 };

fn heard_text(sim: &Sim) -> &'static str {
    &TEXT[..sim.last_heard().sentences[0].text_heard as usize]
}

#[test]
fn an_interrupted_answer_is_cut_after_the_last_word_heard() {
    let mut sim = Sim::new();
    sim.say(ID, TEXT, 5_000, true);
    sim.run_ms(1_700);
    sim.input(Input::Drop { epoch: Epoch(1) });
    assert_eq!(heard_text(&sim), "one two three");
    assert_eq!(sim.clears, 1);
    sim.run_ms(1_000);
    assert_eq!(sim.played().len(), 1_700 * 8, "nothing is played after the cut");
    assert!(sim.recorder_is_right(), "nor recorded");
}

#[test]
fn a_word_that_lacks_its_last_60_ms_counts_as_heard() {
    for (played, heard) in [(1_441, "one two three"), (1_439, "one two")] {
        let mut sim = Sim::new();
        sim.say(ID, TEXT, 5_000, true);
        sim.run_ms(played);
        sim.input(Input::Hold);
        assert_eq!(heard_text(&sim), heard, "after {played} ms");
    }
}

#[test]
fn a_hold_stops_at_once_and_a_resume_repeats_the_cut_word_from_its_start() {
    let mut sim = Sim::new();
    sim.say(ID, TEXT, 5_000, true);
    sim.input(Input::Finish { epoch: Epoch(1) });
    sim.run_ms(1_700);
    sim.input(Input::Hold);
    sim.run_ms(800);
    assert_eq!(sim.played().len(), 1_700 * 8);
    sim.input(Input::Resume);
    sim.run_ms(5_000);
    let expected = [ramp(ID, 0, 1_700 * 8), ramp(ID, 1_500 * 8, 3_500 * 8)].concat();
    assert!(sim.played() == expected, "the third word's end is 1500 ms");
    assert!(sim.recorder_is_right());
    assert!(matches!(sim.facts.last(), Some(Fact::Drained { confirmed: true, .. })));
    assert_eq!(heard_text(&sim), TEXT);
    assert_eq!(sim.ledger.counters().underruns, 0, "a hold is none");
}

#[test]
fn marks_that_come_back_after_a_clear_prove_nothing() {
    let mut sim = Sim::new();
    sim.mark_delay = Some(Duration::from_millis(30));
    sim.say(ID, TEXT, 5_000, true);
    sim.run_ms(10);
    sim.input(Input::Hold);
    assert_eq!(heard_text(&sim), "");
    sim.run_ms(200);
    assert!(sim.ledger.counters().void_marks >= 1);
    assert!(!sim.facts.iter().any(|fact| matches!(fact, Fact::FirstMarkReturned { .. } | Fact::Heard(_))));
    sim.input(Input::Drop { epoch: Epoch(1) });
    assert_eq!(heard_text(&sim), "");
}

#[test]
fn a_mark_that_comes_back_early_proves_nothing_of_what_is_sent_later() {
    let mut sim = Sim::new();
    sim.say(ID, TEXT, 5_000, true);
    sim.input(Input::Mark { name: "e1.0".into() });
    sim.input(Input::Drop { epoch: Epoch(1) });
    sim.say(sentence(2, 0), "a b c d e f g h i j", 250, true);
    sim.input(Input::Drop { epoch: Epoch(2) });
    assert_eq!(sim.last_heard().sentences[0].text_heard, 0, "not a sample of it was played");
}

#[test]
fn an_overdue_mark_takes_back_what_only_the_clock_says() {
    let mut sim = Sim::new();
    sim.say(ID, TEXT, 5_000, true);
    sim.run_ms(1_250);
    sim.mark_delay = None;
    sim.run_ms(1_700);
    sim.input(Input::Hold);
    assert_eq!(heard_text(&sim), "one two", "the last mark that came back proved 1.0-1.25 s");
}

#[test]
fn a_carrier_that_plays_nothing_is_reported_once_and_does_not_wedge_the_answer() {
    let mut sim = Sim::new();
    sim.mark_delay = None;
    sim.say(ID, TEXT, 5_000, true);
    sim.input(Input::Finish { epoch: Epoch(1) });
    sim.run_ms(9_000);
    let stalls = sim.facts.iter().filter(|fact| matches!(fact, Fact::Stalled { .. })).count();
    assert_eq!(stalls, 1);
    assert!(matches!(sim.facts.last(), Some(Fact::Drained { confirmed: false, .. })));
    assert_eq!(heard_text(&sim), "");
}

#[test]
fn the_first_mark_of_an_epoch_proves_that_it_is_heard() {
    let mut sim = Sim::new();
    let start = sim.now;
    sim.mark_delay = Some(Duration::from_millis(40));
    sim.say(ID, TEXT, 5_000, true);
    sim.run_ms(500);
    let at = sim.facts.iter().find_map(|fact| match fact {
        Fact::FirstMarkReturned { epoch: Epoch(1), at } => Some(at.since(start)),
        _ => None,
    });
    assert_eq!(at, Some(Duration::from_millis(140)), "100 ms of audio and the way back");
}

#[test]
fn marks_that_are_not_ours_are_counted_and_change_nothing() {
    let mut sim = Sim::new();
    sim.say(ID, TEXT, 5_000, true);
    sim.run_ms(50);
    for name in ["", "e", "e1", "e1.", "e2.0", "e1.99", "x1.0", "e1.0.0", "e-1.0", "e1.18446744073709551616"]
    {
        sim.input(Input::Mark { name: name.into() });
    }
    assert_eq!(sim.ledger.counters().unknown_marks, 10);
    assert!(!sim.facts.iter().any(|fact| matches!(fact, Fact::FirstMarkReturned { .. })));
}

#[test]
fn without_word_ends_the_text_is_spread_over_the_audio() {
    let mut sim = Sim::new();
    sim.say(ID, TEXT, 4_800, false);
    sim.run_ms(2_400);
    sim.input(Input::Hold);
    assert_eq!(heard_text(&sim), "one two three four five", "the middle of the text");
}

#[test]
fn before_a_sentence_is_done_its_length_is_taken_to_be_65_ms_per_character() {
    let mut sim = Sim::new();
    sim.input(Input::Sentence { id: ID, text: TEXT.into() });
    sim.input(Input::Audio { sentence: ID, audio: ramp(ID, 0, 8_000), words: vec![] });
    sim.run_ms(1_000);
    let heard = sim.ledger.heard(Epoch(1), sim.now);
    assert_eq!(&TEXT[..heard.sentences[0].text_heard as usize], "one two three", "15 characters");
    assert!(!heard.sentences[0].complete);
}

#[test]
fn a_dead_synthesiser_is_resumed_at_the_first_word_not_said() {
    let mut sim = Sim::new();
    sim.input(Input::Sentence { id: ID, text: TEXT.into() });
    sim.input(Input::Sentence { id: sentence(1, 1), text: "And eleven.".into() });
    // Audio up to the middle of "four", words up to "three".
    let words = even_words(TEXT, 40_000)[..3].to_vec();
    sim.input(Input::Audio { sentence: ID, audio: ramp(ID, 0, 14_000), words });
    sim.run_ms(600);
    sim.input(Input::SynthesiserLost);
    let Some(Fact::SynthesisCut { resume }) = sim.facts.last() else { panic!("{:?}", sim.facts) };
    let rest = resume[0].text_offset as usize;
    assert_eq!(&TEXT[rest..], "four five six seven eight nine ten");
    assert_eq!(resume[1], ResumePoint { sentence: sentence(1, 1), text_offset: 0 });
    // The rest, by another voice with its own offsets.
    let words = even_words(&TEXT[rest..], 21_000);
    sim.input(Input::Audio { sentence: ID, audio: ramp(ID, 12_000, 21_000), words });
    sim.input(Input::SentenceDone { sentence: ID });
    sim.run_ms(1_500);
    let heard = sim.ledger.heard(Epoch(1), sim.now).sentences[0];
    assert_eq!(&TEXT[..heard.text_heard as usize], "one two three four", "2.1 s: 1.5 and 0.6 of 3.0");
    sim.run_ms(3_000);
    assert_eq!(sim.played(), ramp(ID, 0, 33_000), "the half word that was not sent is dropped");
}

#[test]
fn a_word_partly_sent_when_the_synthesiser_dies_counts_as_said() {
    let mut sim = Sim::new();
    sim.input(Input::Sentence { id: ID, text: TEXT.into() });
    let words = even_words(TEXT, 40_000)[..3].to_vec();
    sim.input(Input::Audio { sentence: ID, audio: ramp(ID, 0, 14_000), words });
    sim.run_ms(1_500);
    sim.input(Input::SynthesiserLost);
    let Some(Fact::SynthesisCut { resume }) = sim.facts.last() else { panic!("{:?}", sim.facts) };
    assert_eq!(&TEXT[resume[0].text_offset as usize..], "five six seven eight nine ten");
}

#[test]
fn a_synthesiser_that_dies_after_the_last_word_leaves_nothing_to_say() {
    let mut sim = Sim::new();
    sim.input(Input::Sentence { id: ID, text: TEXT.into() });
    let words = even_words(TEXT, 40_000);
    sim.input(Input::Audio { sentence: ID, audio: ramp(ID, 0, 41_000), words });
    sim.input(Input::Finish { epoch: Epoch(1) });
    sim.input(Input::SynthesiserLost);
    assert_eq!(sim.facts.last(), Some(&Fact::SynthesisCut { resume: vec![] }));
    sim.run_ms(6_000);
    assert!(matches!(sim.facts.last(), Some(Fact::Drained { confirmed: true, .. })));
    assert_eq!(heard_text(&sim), TEXT);
}

#[test]
fn a_sentence_given_up_without_its_rest_is_not_heard_whole() {
    let mut sim = Sim::new();
    sim.input(Input::Sentence { id: ID, text: TEXT.into() });
    let words = even_words(TEXT, 40_000)[..3].to_vec();
    sim.input(Input::Audio { sentence: ID, audio: ramp(ID, 0, 14_000), words });
    sim.input(Input::SynthesiserLost);
    sim.input(Input::SentenceDone { sentence: ID });
    sim.input(Input::Finish { epoch: Epoch(1) });
    sim.run_ms(3_000);
    assert_eq!(heard_text(&sim), "one two three");
    assert!(!sim.last_heard().sentences[0].complete);
}

#[test]
fn word_ends_that_make_no_sense_are_ignored() {
    let mut sim = Sim::new();
    let text = "señor dos tres";
    sim.input(Input::Sentence { id: ID, text: text.into() });
    let words = [(3, 800), (u32::MAX, u32::MAX), (2, 900), (6, 10)]
        .map(|(text, samples)| WordEnd { text, samples })
        .to_vec();
    sim.input(Input::Audio { sentence: ID, audio: ramp(ID, 0, 8_000), words });
    sim.run_ms(500);
    sim.input(Input::Hold);
    assert_eq!(&text[..sim.last_heard().sentences[0].text_heard as usize], "se", "on a character's border");
}

#[test]
fn a_hold_ends_with_the_epoch_it_holds() {
    let mut sim = Sim::new();
    sim.say(ID, TEXT, 5_000, true);
    sim.run_ms(300);
    sim.input(Input::Hold);
    sim.input(Input::Drop { epoch: Epoch(1) });
    sim.say(sentence(2, 0), "Yes?", 500, true);
    sim.input(Input::Finish { epoch: Epoch(2) });
    sim.run_ms(1_000);
    assert_eq!(sim.played().len(), (300 + 500) * 8);
    assert!(matches!(sim.facts.last(), Some(Fact::Drained { .. })));
}

#[test]
fn dropping_an_epoch_keeps_the_audio_of_the_next_that_was_behind_it() {
    let mut sim = Sim::new();
    sim.say(ID, TEXT, 200, true);
    let next = sentence(2, 0);
    sim.say(next, "two two", 400, true);
    sim.run_ms(100);
    sim.input(Input::Drop { epoch: Epoch(1) });
    sim.run_ms(1_000);
    assert_eq!(sim.played(), [ramp(ID, 0, 800), ramp(next, 0, 3_200)].concat());
    assert!(sim.recorder_is_right());
}
