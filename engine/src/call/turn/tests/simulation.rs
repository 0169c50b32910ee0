//! Seeded simulation: random facts in random order, late ones and stale ones among them. Whatever happens: nothing is
//! decided after the end, a sentence belongs to the newest epoch, a tool that changes the world runs only for the
//! answer that has the floor, the context alternates properly, and the same facts give the same decisions.

use super::*;
use proptest::prelude::*;

fn any_heard() -> impl Strategy<Value = HeardEpoch> {
    (0_u32..6, 0_u32..3, 0_u32..20).prop_map(|(epoch, sentences, text_heard)| {
        let mut heard = whole(Epoch(epoch), sentences);
        let sentence = SentenceId { epoch: Epoch(epoch), index: sentences };
        heard.sentences.push(HeardSentence { sentence, text_heard, complete: false });
        heard
    })
}

fn any_order() -> impl Strategy<Value = Command> {
    prop_oneof![
        3 => Just(Command::Say { text: "A message from the office. ".into() }),
        1 => Just(Command::Mute),
        1 => Just(Command::Unmute),
        1 => Just(Command::Tell { text: "The caller has written. ".into() }),
    ]
}

fn any_input() -> impl Strategy<Value = Input> {
    let epoch = (0_u32..8).prop_map(Epoch);
    let ask = (0_u32..8).prop_map(Ask);
    let words = prop::sample::select(vec!["Hi.", "uh-huh", "No, wait", "my number is 5", "Yes."]);
    prop_oneof![
        3 => Just(Input::VoiceStarted { onset: CallTime::ZERO }),
        3 => Just(Input::VoiceSustained { onset: CallTime::ZERO }),
        3 => Just(Input::VoiceEnded { end: CallTime::ZERO }),
        6 => (words, any::<bool>()).prop_map(|(text, end)| Input::Transcript(TranscriptFact {
            text: text.into(), is_final: end, speech_final: end, from_finalize: false, audio_end: CallTime(u64::MAX / 2),
        })),
        1 => Just(Input::UtteranceEnd),
        1 => Just(Input::Keypad { digit: '7' }),
        8 => ask.clone().prop_map(|ask| Input::ModelText { ask, text: "Right, here it is. And so on. ".into() }),
        4 => (ask.clone(), prop::sample::select(vec!["lookup", "book", "end_call", "transfer_call", "unknown"]))
            .prop_map(|(ask, name)| Input::ModelTool { ask, call: ToolCall {
                id: "t".into(), name: name.into(), arguments: serde_json::Map::new(),
            } }),
        6 => ask.clone().prop_map(|ask| Input::ModelFinished { ask, stop: StopReason::EndTurn, usage: Usage::default() }),
        2 => ask.prop_map(|ask| Input::ModelFailed { ask, kind: ErrorKind::Transient, message: "x".into() }),
        4 => (1_u32..6, 0_u32..2, any::<bool>()).prop_map(|(epoch, index, ok)| Input::ToolResult {
            key: ToolInvocationKey(format!("e{epoch}.0.{index}")),
            result: if ok { Ok("done".into()) } else { Err("failed".into()) },
        }),
        6 => epoch.clone().prop_map(|epoch| Input::PlaybackStarted { epoch }),
        2 => epoch.clone().prop_map(|epoch| Input::MarkReturned { epoch }),
        5 => epoch.prop_map(|epoch| Input::Drained(whole(epoch, 9))),
        5 => any_heard().prop_map(Input::Held),
        2 => any_order().prop_map(|command| Input::Command { command }),
        1 => Just(Input::StreamLost { heard: None }),
        1 => Just(Input::StreamBack),
        6 => Just(Input::Timeout),
    ]
}

fn check_context(turns: &Turns) -> Result<(), TestCaseError> {
    for pair in turns.context().windows(2) {
        let both_callers = matches!(pair, [Message::User { .. }, Message::User { .. }]);
        prop_assert!(!both_callers, "two utterances in a row: {:?}", turns.context());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_rules_hold(steps in prop::collection::vec((any_input(), 0_u64..1_500), 1..120)) {
        let mut turns = turns();
        let mut again = super::turns();
        turns.handle(Input::Begin, CallTime::ZERO);
        again.handle(Input::Begin, CallTime::ZERO);
        while turns.poll_output().is_some() && again.poll_output().is_some() {}
        let mut now = 0;
        let mut ended = false;
        for (input, later) in steps {
            now += later;
            let at = CallTime::from_ms(now);
            let journaled: Input = serde_json::from_str(&serde_json::to_string(&input).unwrap()).unwrap();
            turns.handle(input, at);
            again.handle(journaled, at);
            loop {
                let output = turns.poll_output();
                prop_assert_eq!(&output, &again.poll_output(), "the journal gives the same decisions");
                let Some(output) = output else { break };
                prop_assert!(!ended, "{:?} after the end", output);
                match &output {
                    Output::Say { sentence, text } => {
                        prop_assert_eq!(sentence.epoch, turns.epoch());
                        prop_assert!(!text.trim().is_empty());
                    }
                    Output::RunTool { call, .. } => prop_assert_ne!(call.name.as_str(), "unknown"),
                    Output::AskModel { request, .. } => {
                        let begins = matches!(request.messages.first(), Some(Message::User { .. }));
                        prop_assert!(begins, "a request must begin with the caller");
                    }
                    Output::End { .. } => ended = true,
                    _ => {}
                }
            }
            check_context(&turns)?;
            if let Some(due) = turns.poll_timeout() {
                prop_assert!(!ended, "a timer after the end at {due}");
            }
        }
    }

    #[test]
    fn a_caller_who_says_nothing_always_comes_to_an_end(steps in prop::collection::vec((any_input(), 0_u64..400), 0..60)) {
        let mut turns = turns();
        turns.handle(Input::Begin, CallTime::ZERO);
        let mut now = CallTime::ZERO;
        for (input, later) in steps {
            now = now.after(Duration::from_millis(later));
            turns.handle(input, now);
        }
        turns.handle(Input::VoiceEnded { end: now }, now);
        turns.handle(Input::Command { command: Command::Unmute }, now);
        // From here on the world only carries out what is decided: audio plays, models and tools answer.
        let mut rounds = 0;
        while !turns.is_ended() {
            rounds += 1;
            prop_assert!(rounds < 400, "the call does not end: {}", turns.floor_name());
            let mut facts = Vec::new();
            while let Some(output) = turns.poll_output() {
                match output {
                    Output::AskModel { ask, .. } => {
                        facts.push(Input::ModelFinished { ask, stop: StopReason::EndTurn, usage: Usage::default() });
                    }
                    Output::Finish(epoch) => {
                        facts.push(Input::PlaybackStarted { epoch });
                        facts.push(Input::Drained(whole(epoch, 9)));
                    }
                    Output::Drop(epoch) => facts.push(Input::Held(whole(epoch, 0))),
                    Output::RunTool { key, .. } | Output::Transfer { key, .. } => {
                        facts.push(Input::ToolResult { key, result: Err("failed".into()) });
                    }
                    Output::Resume(epoch) => facts.push(Input::Drained(whole(epoch, 9))),
                    _ => {}
                }
            }
            if facts.is_empty() {
                let Some(due) = turns.poll_timeout() else {
                    prop_assert!(false, "nothing is due and the call goes on: {}", turns.floor_name());
                    break;
                };
                now = now.max(due);
                facts.push(Input::Timeout);
            }
            for fact in facts {
                now = now.after(Duration::from_millis(1));
                turns.handle(fact, now);
            }
        }
    }
}
