//! Scripts: what happened when, and what was decided. A line is `ms fact`; decisions are written as `ms < decision`.

use super::*;
use crate::{
    call::playout::HeardSentence,
    ids::AssistantId,
    llm::ToolSchema,
    ports::{ToolKind, ToolSpec},
};
use expect_test::{Expect, expect};
use std::fmt::Write as _;

mod commands;
mod faults;
mod resumed;
mod simulation;
mod tools;

pub(super) fn tool(name: &str, kind: ToolKind, read_only: bool) -> ToolSpec {
    let parameters = serde_json::json!({ "type": "object", "properties": {} });
    let schema = ToolSchema { name: name.into(), description: "a tool".into(), parameters };
    ToolSpec { schema, kind, timeout: Duration::from_secs(5), read_only }
}

pub(super) fn assistant() -> Arc<Assistant> {
    Arc::new(Assistant {
        id: AssistantId::from("asst_0"),
        prompt: "Be brief.".into(),
        greeting: Some("Hello there.".into()),
        idle_prompts: vec!["Are you still there?".into()],
        goodbye: "Goodbye now.".into(),
        apology: "Sorry, I cannot help right now.".into(),
        tool_filler: "One moment please.".into(),
        language: "en".into(),
        voice: "v".into(),
        keyterms: Vec::new(),
        tools: vec![
            tool("lookup", ToolKind::Remote, true),
            tool("book", ToolKind::Remote, false),
            tool("end_call", ToolKind::EndCall, false),
            tool("transfer_call", ToolKind::TransferCall, false),
        ],
        max_tokens: 100,
    })
}

pub(super) fn turns() -> Turns {
    Turns::new(TurnOptions::default(), EndpointingOptions::default(), ContextLimits::default(), assistant())
}

/// A call under test: keeps the newest request and what each epoch has said, so that scripts need no numbers.
struct Script {
    turns: Turns,
    ask: Ask,
    log: String,
}

impl Script {
    fn new() -> Self {
        Self { turns: turns(), ask: Ask(0), log: String::new() }
    }

    fn tell(&mut self, ms: u64, input: Input) {
        let now = CallTime::from_ms(ms);
        while let Some(due) = self.turns.poll_timeout().filter(|due| *due < now) {
            self.turns.handle(Input::Timeout, due);
            self.drain(due);
        }
        self.turns.handle(input, now);
        self.drain(now);
    }

    fn drain(&mut self, now: CallTime) {
        while let Some(output) = self.turns.poll_output() {
            let line = match output {
                Output::AskModel { ask, attempt, request } => {
                    self.ask = ask;
                    format!("ask {} attempt {attempt}: {}", ask.0, last_words(&request.messages))
                }
                Output::CancelModel => "cancel model".into(),
                Output::Say { sentence, text } => format!("say {sentence} {text:?}"),
                Output::Finish(epoch) => format!("finish {epoch}"),
                Output::Hold(epoch) => format!("hold {epoch}"),
                Output::Resume(epoch) => format!("resume {epoch}"),
                Output::Drop(epoch) => format!("drop {epoch}"),
                Output::FinalizeTranscript => "finalize".into(),
                Output::RunTool { key, call, .. } => format!("run {} {}", key.0, call.name),
                Output::Transfer { key, to } => format!("transfer {} {to}", key.0),
                Output::Turn(record) => {
                    let cut = if record.interrupted { " (cut)" } else { "" };
                    format!("turn {} {:?} -> {:?}{cut}", record.number, record.caller, record.assistant)
                }
                Output::Degraded { stage, cause } => format!("degraded {stage}: {cause}"),
                Output::End { reason, transfer_to } => {
                    format!("end {reason:?}{}", transfer_to.map(|to| format!(" to {to}")).unwrap_or_default())
                }
            };
            writeln!(self.log, "{now} < {line}").unwrap();
        }
    }

    /// The caller says something in full; the recogniser confirms it 300 ms after its end.
    fn caller(&mut self, ms: u64, text: &str) {
        self.tell(ms, Input::VoiceStarted { onset: CallTime::from_ms(ms - 60) });
        self.tell(ms + 140, Input::VoiceSustained { onset: CallTime::from_ms(ms - 60) });
        self.tell(ms + 800, Input::VoiceEnded { end: CallTime::from_ms(ms + 600) });
        self.words(ms + 900, text, true);
    }

    fn words(&mut self, ms: u64, text: &str, speech_final: bool) {
        let fact = TranscriptFact {
            text: text.into(),
            is_final: speech_final,
            speech_final,
            from_finalize: false,
            audio_end: CallTime::from_ms(ms - 30),
        };
        self.tell(ms, Input::Transcript(fact));
    }

    fn model(&mut self, ms: u64, text: &str) {
        let ask = self.ask;
        self.tell(ms, Input::ModelText { ask, text: text.into() });
    }

    fn model_calls(&mut self, ms: u64, name: &str, arguments: serde_json::Value) {
        let arguments = arguments.as_object().cloned().unwrap_or_default();
        let call = ToolCall { id: "t1".into(), name: name.into(), arguments };
        let ask = self.ask;
        self.tell(ms, Input::ModelTool { ask, call });
        self.tell(ms, Input::ModelFinished { ask, stop: StopReason::ToolUse, usage: Usage::default() });
    }

    fn model_done(&mut self, ms: u64) {
        let ask = self.ask;
        self.tell(ms, Input::ModelFinished { ask, stop: StopReason::EndTurn, usage: Usage::default() });
    }

    fn audible(&mut self, ms: u64) {
        let epoch = self.turns.epoch();
        self.tell(ms, Input::PlaybackStarted { epoch });
    }

    fn drained(&mut self, ms: u64) {
        let epoch = self.turns.epoch();
        self.tell(ms, Input::Drained(whole(epoch, 8)));
    }

    fn held(&mut self, ms: u64, epoch: u32, index: u32, text_heard: u32) {
        let mut heard = whole(Epoch(epoch), index);
        let sentence = SentenceId { epoch: Epoch(epoch), index };
        heard.sentences.push(HeardSentence { sentence, text_heard, complete: false });
        self.tell(ms, Input::Held(heard));
    }

    fn greeted() -> Self {
        let mut script = Self::new();
        script.tell(0, Input::Begin);
        script.audible(100);
        script.drained(1_000);
        script.log.clear();
        script
    }

    /// Greeted, and an answer to "Hi." of two sentences is being played.
    fn answering() -> Self {
        let mut script = Self::greeted();
        script.caller(2_000, "Hi.");
        script.model(3_000, "Good morning to you. ");
        script.model(3_010, "We are open until six today. Do come by.");
        script.model_done(3_020);
        script.audible(3_100);
        script.log.clear();
        script
    }

    fn check(&self, expect: &Expect) {
        expect.assert_eq(&self.log);
    }

    fn context(&self) -> Vec<String> {
        self.turns.context().iter().map(words_of).collect()
    }
}

fn whole(epoch: Epoch, sentences: u32) -> HeardEpoch {
    let heard =
        |index| HeardSentence { sentence: SentenceId { epoch, index }, text_heard: 0, complete: true };
    HeardEpoch { epoch, sentences: (0..sentences).map(heard).collect() }
}

fn words_of(message: &Message) -> String {
    match message {
        Message::User { text } => format!("caller: {text}"),
        Message::Assistant { text } => format!("assistant: {text}"),
        Message::Tools { text, rounds } => {
            let rounds: Vec<String> =
                rounds.iter().map(|round| format!("{}={}", round.call.name, round.result)).collect();
            format!("tools: {text:?} {}", rounds.join(" "))
        }
    }
}

fn last_words(messages: &[Message]) -> String {
    messages.last().map(words_of).unwrap_or_default()
}

#[test]
fn the_greeting_is_said_and_an_answer_follows_what_the_caller_says() {
    let mut script = Script::new();
    script.tell(0, Input::Begin);
    script.audible(100);
    script.drained(1_000);
    script.caller(2_000, "Where is my order?");
    script.model(3_000, "It is on its way,");
    script.model(3_010, " and arrives tomorrow.");
    script.model_done(3_020);
    script.audible(3_100);
    script.drained(5_000);
    script.check(&expect![[r#"
        000000ms < say e1.s0 "Hello there."
        000000ms < finish e1
        001000ms < turn 0 "" -> "Hello there."
        002900ms < ask 1 attempt 0: caller: Where is my order?
        003000ms < say e2.s0 "It is on its way,"
        003020ms < say e2.s1 "and arrives tomorrow."
        003020ms < finish e2
        005000ms < turn 1 "Where is my order?" -> "It is on its way, and arrives tomorrow."
    "#]]);
}

#[test]
fn a_caller_who_speaks_over_the_answer_cuts_it_and_the_context_keeps_what_was_heard() {
    let mut script = Script::answering();
    script.tell(4_000, Input::VoiceStarted { onset: CallTime::from_ms(3_940) });
    script.tell(4_140, Input::VoiceSustained { onset: CallTime::from_ms(3_940) });
    script.held(4_141, 2, 1, 11);
    script.words(4_400, "Wait, what about Sunday", false);
    script.check(&expect![[r#"
        004140ms < hold e2
        004400ms < drop e2
        004400ms < turn 1 "Hi." -> "Good morning to you. We are open" (cut)
    "#]]);
    assert_eq!(script.context().last().unwrap(), "assistant: Good morning to you. We are open [interrupted]");
}

#[test]
fn a_backchannel_only_pauses_the_answer() {
    let mut script = Script::answering();
    script.tell(4_000, Input::VoiceStarted { onset: CallTime::from_ms(3_940) });
    script.tell(4_140, Input::VoiceSustained { onset: CallTime::from_ms(3_940) });
    script.held(4_141, 2, 0, 4);
    script.words(4_400, "Uh-huh.", false);
    script.tell(4_550, Input::VoiceEnded { end: CallTime::from_ms(4_350) });
    script.words(4_700, "Uh-huh.", true);
    script.drained(8_000);
    script.check(&expect![[r#"
        004140ms < hold e2
        004550ms < resume e2
        008000ms < turn 1 "Hi." -> "Good morning to you. We are open until six today. Do come by."
    "#]]);
}

#[test]
fn a_cough_only_pauses_the_answer() {
    let mut script = Script::answering();
    script.tell(4_000, Input::VoiceStarted { onset: CallTime::from_ms(3_940) });
    script.tell(4_140, Input::VoiceSustained { onset: CallTime::from_ms(3_940) });
    script.tell(4_400, Input::VoiceEnded { end: CallTime::from_ms(4_200) });
    script.drained(9_000);
    script.check(&expect![[r#"
        004140ms < hold e2
        004700ms < finalize
        005100ms < resume e2
        009000ms < turn 1 "Hi." -> "Good morning to you. We are open until six today. Do come by."
    "#]]);
}

#[test]
fn voice_that_does_not_stop_is_an_interruption_even_without_words() {
    let mut script = Script::answering();
    script.tell(4_000, Input::VoiceStarted { onset: CallTime::from_ms(3_940) });
    script.tell(4_140, Input::VoiceSustained { onset: CallTime::from_ms(3_940) });
    script.held(4_141, 2, 0, 4);
    script.tell(5_500, Input::MarkReturned { epoch: Epoch(2) });
    script.check(&expect![[r#"
        004140ms < hold e2
        005340ms < drop e2
        005340ms < turn 1 "Hi." -> "Good" (cut)
    "#]]);
}

#[test]
fn a_caller_who_goes_on_before_the_answer_is_answered_as_a_whole() {
    let mut script = Script::greeted();
    script.caller(2_000, "I want tickets.");
    script.caller(3_100, "Two of them, please.");
    script.check(&expect![[r#"
        002900ms < ask 1 attempt 0: caller: I want tickets.
        003240ms < cancel model
        003240ms < drop e2
        004000ms < ask 2 attempt 0: caller: I want tickets. Two of them, please.
    "#]]);
}

#[test]
fn an_older_answer_of_the_model_is_dropped_at_the_door() {
    let mut script = Script::greeted();
    script.caller(2_000, "I want tickets.");
    let old = script.ask;
    script.caller(3_100, "Two of them, please.");
    script.log.clear();
    script.tell(4_100, Input::ModelText { ask: old, text: "One ticket it is. ".into() });
    script.tell(4_110, Input::ModelFinished { ask: old, stop: StopReason::EndTurn, usage: Usage::default() });
    script.check(&expect![[""]]);
}

#[test]
fn call_and_result_of_a_tool_enter_the_context_together() {
    let mut script = Script::greeted();
    script.caller(2_000, "Where is my order?");
    script.model(3_000, "Let me look. ");
    script.model_calls(3_010, "lookup", serde_json::json!({ "order": "1042" }));
    assert_eq!(script.context().len(), 2, "nothing of the tool before its result");
    script.tell(3_500, Input::ToolResult { key: key("e2.0.0"), result: Ok("shipped".into()) });
    script.model(4_000, "It has shipped.");
    script.model_done(4_010);
    script.audible(3_200);
    script.drained(6_000);
    script.check(&expect![[r#"
        002900ms < ask 1 attempt 0: caller: Where is my order?
        003010ms < say e2.s0 "Let me look."
        003010ms < run e2.0.0 lookup
        003500ms < ask 2 attempt 0: tools: "Let me look." lookup=shipped
        004010ms < say e2.s1 "It has shipped."
        004010ms < finish e2
        006000ms < turn 1 "Where is my order?" -> "Let me look. It has shipped."
    "#]]);
    assert_eq!(
        script.context()[2..],
        ["tools: \"Let me look.\" lookup=shipped", "assistant: It has shipped."]
    );
}

#[test]
fn a_tool_that_changes_the_world_waits_until_its_announcement_was_heard() {
    let mut script = Script::greeted();
    script.caller(2_000, "Book it.");
    script.model(3_000, "I am booking it now. ");
    script.model_calls(3_010, "book", serde_json::json!({}));
    script.audible(3_100);
    script.check(&expect![[r#"
        002900ms < ask 1 attempt 0: caller: Book it.
        003010ms < say e2.s0 "I am booking it now."
        003010ms < finish e2
    "#]]);
    script.log.clear();
    script.drained(4_500);
    script.check(&expect![[r#"
        004500ms < run e2.0.0 book
    "#]]);
}

#[test]
fn a_tool_of_an_answer_that_was_cut_never_runs() {
    let mut script = Script::greeted();
    script.caller(2_000, "Book it.");
    script.model(3_000, "I am booking it now. ");
    script.model_calls(3_010, "book", serde_json::json!({}));
    script.audible(3_100);
    script.tell(3_400, Input::VoiceStarted { onset: CallTime::from_ms(3_340) });
    script.tell(3_540, Input::VoiceSustained { onset: CallTime::from_ms(3_340) });
    script.held(3_541, 2, 0, 4);
    script.words(3_800, "No, don't", false);
    script.drained(4_500);
    assert!(!script.log.contains("run "), "{}", script.log);
    assert!(!script.context().iter().any(|entry| entry.starts_with("tools")), "{:?}", script.context());
}

#[test]
fn a_tool_that_ran_on_after_its_answer_was_cut_is_told_to_the_model() {
    let mut script = Script::greeted();
    script.caller(2_000, "Book it.");
    script.model_calls(3_000, "book", serde_json::json!({}));
    script.tell(4_600, Input::FirstAudio { epoch: Epoch(2) });
    script.audible(4_700);
    script.caller(5_000, "Is it done?");
    script.held(5_141, 2, 0, 3);
    script.tell(6_500, Input::ToolResult { key: key("e2.0.0"), result: Ok("booked".into()) });
    assert!(script.log.ends_with("ask 2 attempt 0: tools: \"\" book=booked\n"), "{}", script.log);
}

#[test]
fn a_slow_tool_is_covered_by_a_filler() {
    let mut script = Script::greeted();
    script.caller(2_000, "Where is my order?");
    script.model_calls(3_000, "lookup", serde_json::json!({}));
    script.tell(5_000, Input::ToolResult { key: key("e2.0.0"), result: Err("no answer".into()) });
    script.check(&expect![[r#"
        002900ms < ask 1 attempt 0: caller: Where is my order?
        003000ms < run e2.0.0 lookup
        004500ms < say e2.s0 "One moment please."
        005000ms < ask 2 attempt 0: tools: "One moment please." lookup=no answer
    "#]]);
}

#[test]
fn the_assistant_ends_the_call_after_its_last_words_were_heard() {
    let mut script = Script::greeted();
    script.caller(2_000, "That is all, thanks.");
    script.model(3_000, "Have a nice day. ");
    script.model_calls(3_010, "end_call", serde_json::json!({}));
    script.audible(3_100);
    script.drained(4_500);
    script.check(&expect![[r#"
        002900ms < ask 1 attempt 0: caller: That is all, thanks.
        003010ms < say e2.s0 "Have a nice day."
        003010ms < finish e2
        004500ms < turn 1 "That is all, thanks." -> "Have a nice day."
        004500ms < end AssistantEnded
    "#]]);
}

#[test]
fn end_call_without_words_says_the_goodbye_first() {
    let mut script = Script::greeted();
    script.caller(2_000, "Bye.");
    script.model_calls(3_000, "end_call", serde_json::json!({}));
    script.audible(3_100);
    script.drained(4_000);
    script.check(&expect![[r#"
        002900ms < ask 1 attempt 0: caller: Bye.
        003000ms < say e2.s0 "Goodbye now."
        003000ms < finish e2
        004000ms < turn 1 "Bye." -> "Goodbye now."
        004000ms < end AssistantEnded
    "#]]);
}

#[test]
fn a_transfer_is_asked_for_once_it_was_announced_and_ends_the_call() {
    let mut script = Script::greeted();
    script.caller(2_000, "A person, please.");
    script.model(3_000, "I am putting you through. ");
    script.model_calls(3_010, "transfer_call", serde_json::json!({ "to": "sales" }));
    script.audible(3_100);
    script.drained(5_000);
    script.tell(5_010, Input::ToolResult { key: key("e2.0.0"), result: Ok("on its way".into()) });
    script.check(&expect![[r#"
        002900ms < ask 1 attempt 0: caller: A person, please.
        003010ms < say e2.s0 "I am putting you through."
        003010ms < finish e2
        005000ms < transfer e2.0.0 sales
        005010ms < turn 1 "A person, please." -> "I am putting you through."
        005010ms < end Transferred to sales
    "#]]);
}

#[test]
fn a_silent_caller_is_prompted_and_then_the_call_ends() {
    let mut script = Script::greeted();
    script.tell(9_100, Input::MarkReturned { epoch: Epoch(1) });
    script.audible(9_200);
    script.drained(10_000);
    script.tell(18_100, Input::MarkReturned { epoch: Epoch(1) });
    script.audible(18_200);
    script.drained(19_000);
    script.check(&expect![[r#"
        009000ms < say e2.s0 "Are you still there?"
        009000ms < finish e2
        010000ms < turn 1 "" -> "Are you still there?"
        018000ms < say e3.s0 "Goodbye now."
        018000ms < finish e3
        019000ms < turn 2 "" -> "Goodbye now."
        019000ms < end Silence
    "#]]);
}

#[test]
fn a_model_that_fails_is_asked_again_and_then_an_apology_ends_the_call() {
    let mut script = Script::greeted();
    script.caller(2_000, "Hello?");
    let ask = script.ask;
    let kind = ErrorKind::Transient;
    script.tell(2_950, Input::ModelFailed { ask, kind, message: "529".into() });
    script.tell(8_000, Input::MarkReturned { epoch: Epoch(1) });
    script.tell(12_000, Input::MarkReturned { epoch: Epoch(1) });
    script.audible(12_100);
    script.drained(14_000);
    script.check(&expect![[r#"
        002900ms < ask 1 attempt 0: caller: Hello?
        002950ms < degraded llm: 529 (Transient)
        002950ms < ask 2 attempt 1: caller: Hello?
        006950ms < cancel model
        006950ms < degraded llm: no first token for 4000 ms (Transient)
        006950ms < ask 3 attempt 2: caller: Hello?
        010950ms < cancel model
        010950ms < degraded llm: no first token for 4000 ms (Transient)
        010950ms < degraded llm: given up: no first token for 4000 ms
        010950ms < say e2.s0 "Sorry, I cannot help right now."
        010950ms < finish e2
        014000ms < turn 1 "Hello?" -> "Sorry, I cannot help right now."
        014000ms < end Failed
    "#]]);
}

#[test]
fn keys_interrupt_and_are_one_entry() {
    let mut script = Script::answering();
    script.tell(4_000, Input::Keypad { digit: '4' });
    script.held(4_001, 2, 0, 4);
    script.tell(4_500, Input::Keypad { digit: '2' });
    script.tell(6_100, Input::MarkReturned { epoch: Epoch(2) });
    script.check(&expect![[r#"
        004000ms < drop e2
        004001ms < turn 1 "Hi." -> "Good" (cut)
        006000ms < ask 2 attempt 0: caller: (pressed 42 on the keypad)
    "#]]);
}

#[test]
fn after_a_lost_stream_the_rest_is_said_and_nothing_twice() {
    let mut script = Script::answering();
    let mut heard = whole(Epoch(2), 1);
    let sentence = SentenceId { epoch: Epoch(2), index: 1 };
    heard.sentences.push(HeardSentence { sentence, text_heard: 11, complete: false });
    script.tell(5_000, Input::StreamLost { heard: Some(heard) });
    script.tell(6_000, Input::StreamBack);
    script.check(&expect![[r#"
        005000ms < drop e2
        005000ms < turn 1 "Hi." -> "Good morning to you. We are open"
        006000ms < say e3.s0 "until six today."
        006000ms < say e3.s1 "Do come by."
        006000ms < finish e3
    "#]]);
}

#[test]
fn a_question_whose_tool_was_still_running_when_the_stream_broke_is_answered_when_it_is_back() {
    let mut script = Script::greeted();
    script.caller(2_000, "Where is my order?");
    script.model(3_100, "One moment.");
    script.model_calls(3_200, "lookup", serde_json::json!({}));
    script.audible(3_400);
    script.log.clear();
    script.tell(4_500, Input::StreamLost { heard: Some(whole(Epoch(2), 1)) });
    script.tell(6_000, Input::StreamBack);
    script.check(&expect![[r#"
        004500ms < drop e2
        004500ms < turn 1 "Where is my order?" -> "One moment."
        006000ms < ask 2 attempt 0: caller: Where is my order?
    "#]]);
}

#[test]
fn a_cut_answer_is_not_forgotten_when_the_stream_breaks_before_its_report() {
    let mut script = Script::answering();
    script.words(4_300, "No, wait", false);
    script.tell(4_310, Input::StreamLost { heard: Some(whole(Epoch(2), 1)) });
    script.check(&expect![[r#"
        004300ms < drop e2
        004310ms < turn 1 "Hi." -> "Good morning to you." (cut)
    "#]]);
}

#[test]
fn a_stage_that_gives_up_while_the_stream_is_away_ends_the_call_at_once() {
    let mut script = Script::answering();
    script.tell(5_000, Input::StreamLost { heard: Some(whole(Epoch(2), 2)) });
    script.tell(5_500, Input::StageFailed { stage: Stage::Stt });
    script.check(&expect![[r#"
        005000ms < drop e2
        005000ms < turn 1 "Hi." -> "Good morning to you. We are open until six today."
        005500ms < degraded stt: no recogniser is left
        005500ms < end Failed
    "#]]);
}

#[test]
fn an_answer_whose_end_is_never_reported_does_not_hold_the_call_for_ever() {
    let mut script = Script::answering();
    script.tell(120_000, Input::UtteranceEnd);
    script.check(&expect![[r#"
        047850ms < degraded playout: the end of an answer was not heard of
        047850ms < drop e2
        047850ms < turn 1 "Hi." -> "" (cut)
        047850ms < end Failed
    "#]]);
}

#[test]
fn a_stream_that_does_not_come_back_ends_the_call() {
    let mut script = Script::greeted();
    script.tell(5_000, Input::StreamLost { heard: None });
    script.tell(20_000, Input::StreamBack);
    script.check(&expect![[r#"
        017000ms < end StreamLost
    "#]]);
}

#[test]
fn hanging_up_in_the_middle_keeps_what_was_heard() {
    let mut script = Script::answering();
    script.tell(4_000, Input::HungUp { heard: Some(whole(Epoch(2), 1)) });
    script.check(&expect![[r#"
        004000ms < drop e2
        004000ms < turn 1 "Hi." -> "Good morning to you." (cut)
        004000ms < end CallerHungUp
    "#]]);
}

#[test]
fn the_longest_call_ends_with_a_goodbye() {
    let mut script = Script::greeted();
    script.turns.heard_at = CallTime::from_ms(3_599_000);
    script.turns.floor = Floor::Nobody { since: CallTime::from_ms(3_599_000) };
    script.tell(3_600_001, Input::MarkReturned { epoch: Epoch(1) });
    assert!(script.log.contains("say e2.s0 \"Goodbye now.\""), "{}", script.log);
    script.tell(3_616_000, Input::MarkReturned { epoch: Epoch(1) });
    assert!(script.log.contains("end MaxDuration"), "{}", script.log);
}

fn key(text: &str) -> ToolInvocationKey {
    ToolInvocationKey(text.into())
}
