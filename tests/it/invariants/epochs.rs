//! Every message of a turn carries its epoch, and anything older is dropped at the door.

use super::{Books, keep_books};
use bytes::Bytes;
use engine::{
    call::{
        journal::Decider,
        playout::{HeardEpoch, HeardSentence, Input as ToLedger, MarkName, Playout},
        time::CallTime,
        turn::{Ask, Input, Turns},
    },
    ids::{Epoch, SentenceId},
    llm::{StopReason, ToolCall, Usage},
    ports::ToolInvocationKey,
    provider::ErrorKind,
};
use std::{collections::HashSet, time::Duration};
use tandem::rehearsal::sandbox_options;

/// Facts about an answer, and a request to the model, that are over.
fn stale_facts(epoch: Epoch, ask: Ask) -> Vec<Input> {
    let sentence = SentenceId { epoch, index: 0 };
    let heard =
        HeardEpoch { epoch, sentences: vec![HeardSentence { sentence, text_heard: 2, complete: true }] };
    let call =
        ToolCall { id: "old".to_owned(), name: "lookup_order".to_owned(), arguments: serde_json::Map::new() };
    vec![
        Input::FirstAudio { epoch },
        Input::PlaybackStarted { epoch },
        Input::MarkReturned { epoch },
        Input::Held(heard.clone()),
        Input::Drained(heard),
        Input::ModelText { ask, text: "Old news. ".to_owned() },
        Input::ModelTool { ask, call },
        Input::ModelFailed { ask, kind: ErrorKind::Transient, message: "old".to_owned() },
        Input::ModelFinished { ask, stop: StopReason::EndTurn, usage: Usage::default() },
        Input::ToolResult { key: ToolInvocationKey(format!("{epoch}.0.0")), result: Ok("old".to_owned()) },
    ]
}

fn nothing_changes(turns: &Turns, now: CallTime, epoch: Epoch, ask: Ask) {
    for fact in stale_facts(epoch, ask) {
        let mut told = turns.clone();
        told.handle(fact.clone(), now);
        assert_eq!(told.poll_output(), None, "{now}: {fact:?}");
        assert_eq!(format!("{told:?}"), format!("{turns:?}"), "{now}: {fact:?} has changed something");
    }
}

fn nothing_changes_in(ledger: &Playout, now: CallTime, epoch: Epoch, proven: &HashSet<String>) {
    let sentence = SentenceId { epoch, index: 0 };
    let mut stale = vec![
        ToLedger::Sentence { id: sentence, text: "Old news.".into() },
        ToLedger::Audio { sentence, audio: Bytes::from(vec![0; 800]), words: Vec::new() },
        ToLedger::SentenceDone { sentence },
        ToLedger::Finish { epoch },
    ];
    stale.extend(proven.iter().map(|name| ToLedger::Mark { name: name.clone() }));
    let state = |ledger: &Playout| {
        let current = ledger.current();
        (
            current,
            current.map(|epoch| ledger.heard(epoch, now)),
            ledger.lead(now),
            ledger.queued(),
            ledger.poll_timeout(),
        )
    };
    for input in stale {
        let mut told = ledger.clone();
        told.handle(input.clone(), now);
        assert_eq!(told.poll_output(), None, "{now}: {input:?}");
        assert_eq!(state(&told), state(ledger), "{now}: {input:?} has changed something");
    }
}

/// If the caller spoke over the answer now, the marks that are on their way would come back with the clear; says how
/// many.
fn clear_proves_nothing(ledger: &Playout, now: CallTime, waiting: &HashSet<String>) -> usize {
    let Some(current) = ledger.current() else { return 0 };
    let mut held = ledger.clone();
    held.handle(ToLedger::Hold, now);
    while held.poll_output().is_some() {}
    let later = now.after(Duration::from_millis(30));
    let heard = held.heard(current, later);
    for name in waiting {
        held.handle(ToLedger::Mark { name: name.clone() }, later);
        assert_eq!(held.poll_output(), None, "{name} was believed after a clear");
        assert_eq!(held.heard(current, later), heard, "{name} was believed after a clear");
    }
    waiting.len()
}

/// At every moment of a call with two interruptions, whatever an older answer, an older request or an older mark
/// still says is dropped.
#[test]
fn invariant_2_every_message_of_a_turn_carries_its_epoch() {
    let books = keep_books("double-barge-in", sandbox_options(), |_| {});
    let mut replay = books.replay();
    let mut ledger = Playout::new(books.options.playout);
    let mut asks = 0;
    let (mut tried, mut sent, mut on_wire) = (0, HashSet::new(), Vec::new());
    let mut voided = 0;
    let mut waiting = HashSet::new();
    for entry in &books.journal {
        if entry.decider == Decider::Playout {
            let input = Books::ledger_input(entry);
            if let ToLedger::Mark { name } = &input {
                let mark = MarkName::parse(name).expect("every mark on the wire has an epoch");
                assert!(sent.contains(name), "{name} came back and was never sent");
                on_wire.push(mark.epoch);
                waiting.remove(name);
            }
            ledger.handle(input, entry.at);
            while let Some(output) = ledger.poll_output() {
                match output {
                    engine::call::playout::Output::Mark(name) => {
                        assert_eq!(Some(name.epoch), ledger.current(), "a mark of another epoch: {name}");
                        assert!(sent.insert(name.to_string()), "{name} was sent twice");
                        waiting.insert(name.to_string());
                    }
                    engine::call::playout::Output::Clear => waiting.clear(),
                    engine::call::playout::Output::Media(_) | engine::call::playout::Output::Fact(_) => {}
                }
            }
            voided += clear_proves_nothing(&ledger, entry.at, &waiting);
            if let Some(current) = ledger.current()
                && current > Epoch(1)
            {
                let old: HashSet<String> = sent
                    .iter()
                    .filter(|name| MarkName::parse(name).unwrap().epoch < current)
                    .cloned()
                    .collect();
                nothing_changes_in(&ledger, entry.at, Epoch(current.0 - 1), &old);
            }
        }
        let decisions = replay.entry(entry).unwrap();
        asks += decisions.iter().filter(|o| matches!(o, engine::call::turn::Output::AskModel { .. })).count()
            as u32;
        let newest = replay.turns.epoch();
        if entry.decider == Decider::Turn && newest > Epoch(1) && !replay.turns.is_ended() {
            nothing_changes(&replay.turns, entry.at, Epoch(newest.0 - 1), Ask(asks.saturating_sub(1)));
            tried += 1;
        }
    }
    assert!(tried > 50 && voided > 50, "tried at {tried} moments, {voided} marks on their way");
    assert!(on_wire.iter().collect::<HashSet<_>>().len() >= 4, "each answer's marks carry its own epoch");
    assert!(on_wire.is_sorted(), "marks of an older answer came back after those of a newer one");
}
