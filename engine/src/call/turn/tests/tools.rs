//! Tools that outlive their answer, never answer, or come in too great a number.

use super::*;

#[test]
fn a_tool_that_changes_the_world_is_not_called_again_while_it_runs() {
    let mut script = Script::greeted();
    script.caller(2_000, "Book it.");
    script.model_calls(3_000, "book", serde_json::json!({}));
    // The caller goes on while it is being booked, and says something again.
    script.caller(3_300, "For two.");
    script.caller(4_400, "At eight.");
    assert!(!script.log.contains("ask 2"), "asked again with the booking under way: {}", script.log);
    script.tell(5_400, Input::ToolResult { key: key("e2.0.0"), result: Ok("booked".into()) });
    assert!(script.log.ends_with("ask 2 attempt 0: tools: \"\" book=booked\n"), "{}", script.log);
    script.model(5_600, "It is booked.");
    script.model_done(5_700);
    script.audible(5_800);
    script.drained(7_000);
    assert_eq!(
        script.context()[1..],
        ["caller: Book it. For two. At eight.", "tools: \"\" book=booked", "assistant: It is booked."]
    );
}

#[test]
fn waiting_for_a_tool_of_an_earlier_answer_is_covered_by_a_filler() {
    let mut script = Script::greeted();
    script.caller(2_000, "Book it.");
    script.model_calls(3_000, "book", serde_json::json!({}));
    script.caller(3_100, "For two.");
    script.log.clear();
    script.tell(6_000, Input::ToolResult { key: key("e2.0.0"), result: Ok("booked".into()) });
    script.check(&expect![[r#"
        005500ms < say e3.s0 "One moment please."
        006000ms < ask 2 attempt 0: tools: "One moment please." book=booked
    "#]]);
}

#[test]
fn a_tool_that_looks_something_up_holds_no_answer_back() {
    let mut script = Script::greeted();
    script.caller(2_000, "Where is my order?");
    script.model_calls(3_000, "lookup", serde_json::json!({}));
    script.caller(3_300, "Never mind, when do you open?");
    assert!(script.log.contains("ask 2 attempt 0: caller: Where is my order? Never mind"), "{}", script.log);
}

#[test]
fn a_tool_that_never_answers_is_given_up() {
    let mut script = Script::greeted();
    script.caller(2_000, "Book it.");
    script.model_calls(3_000, "book", serde_json::json!({}));
    script.log.clear();
    // Its own limit is 5 s; what comes later still is no answer any more.
    script.tell(9_100, Input::ToolResult { key: key("e2.0.0"), result: Ok("booked".into()) });
    script.check(&expect![[r#"
        004500ms < say e2.s0 "One moment please."
        009000ms < degraded tool: e2.0.0 gave no answer
        009000ms < ask 2 attempt 0: tools: "One moment please." book=the tool gave no answer; whether it has done its work is not known
    "#]]);
}

#[test]
fn too_many_tools_at_once_are_refused_to_the_model() {
    let mut script = Script::greeted();
    script.caller(2_000, "All of them.");
    let ask = script.ask;
    for number in 0..10 {
        let arguments = serde_json::Map::new();
        let call = ToolCall { id: format!("t{number}"), name: "lookup".into(), arguments };
        script.tell(3_000, Input::ModelTool { ask, call });
    }
    script.tell(3_001, Input::ModelFinished { ask, stop: StopReason::ToolUse, usage: Usage::default() });
    assert_eq!(script.log.matches("< run ").count(), 8, "{}", script.log);
    for number in 0..8 {
        let key = key(&format!("e2.0.{number}"));
        script.tell(3_100, Input::ToolResult { key, result: Ok("found".into()) });
    }
    let (found, refused) =
        (script.log.matches("=found").count(), script.log.matches("too many tools").count());
    assert_eq!((found, refused), (8, 2), "{}", script.log);
}

#[test]
fn a_model_that_calls_tools_without_end_is_stopped() {
    let mut script = Script::greeted();
    script.caller(2_000, "Where is my order?");
    for round in 0..5 {
        let at = 3_000 + round * 100;
        script.model_calls(at, "lookup", serde_json::json!({}));
        script
            .tell(at + 50, Input::ToolResult { key: key(&format!("e2.{round}.0")), result: Ok("?".into()) });
    }
    let mut at = 4_000;
    while !script.log.contains("Sorry, I cannot help right now.") {
        assert!(at < 20_000, "it goes on for ever: {}", script.log);
        script.model_calls(at, "lookup", serde_json::json!({}));
        at += 1_000;
    }
    assert_eq!(script.log.matches("< run ").count(), 5, "{}", script.log);
}

#[test]
fn the_model_is_told_its_tools_even_when_it_may_call_none() {
    let mut turns = turns();
    turns.handle(Input::Begin, CallTime::ZERO);
    turns.handle(Input::Drained(whole(Epoch(1), 1)), CallTime::from_ms(1_000));
    turns.handle(Input::Keypad { digit: '1' }, CallTime::from_ms(1_100));
    turns.handle(Input::Keypad { digit: '#' }, CallTime::from_ms(1_200));
    let mut requests = Vec::new();
    for round in 0..6_u32 {
        while let Some(output) = turns.poll_output() {
            if let Output::AskModel { ask, request, .. } = output {
                requests.push((ask, request.tools.len(), request.may_call_tools));
            }
        }
        let now = CallTime::from_ms(2_000 + u64::from(round));
        let Some((ask, ..)) = requests.last().cloned() else { panic!("nothing was asked") };
        let call = ToolCall { id: "t".into(), name: "lookup".into(), arguments: serde_json::Map::new() };
        turns.handle(Input::ModelTool { ask, call }, now);
        turns.handle(Input::ModelFinished { ask, stop: StopReason::ToolUse, usage: Usage::default() }, now);
        let key = key(&format!("e2.{round}.0"));
        turns.handle(Input::ToolResult { key, result: Ok("?".into()) }, now);
    }
    assert!(requests.iter().all(|(_, tools, _)| *tools == 4), "{requests:?}");
    let may_call: Vec<bool> = requests.iter().map(|(.., may_call)| *may_call).collect();
    assert_eq!(may_call[..6], [true, true, true, true, true, false]);
}
