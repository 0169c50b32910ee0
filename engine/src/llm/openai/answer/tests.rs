use super::*;
use crate::{
    llm::testing::{self, Outcome},
    provider::testing::{pieces, vectors},
};
use proptest::prelude::*;
use serde_json::json;
use url::Url;

fn parser() -> Parser {
    Parser::new(&OpenAiChatSettings::new(Url::parse("http://localhost").unwrap(), None, "m"))
}

fn outcome(pieces: &[Vec<u8>]) -> Outcome {
    testing::outcome(parser(), "arguments", pieces)
}

#[test]
fn answers_are_understood_as_the_vectors_say() {
    let cases: Vec<Value> =
        vectors("openai_realtime.json").into_iter().filter(|case| case["op"] == "chat_stream").collect();
    assert_eq!(cases.len(), 13);
    for case in cases {
        let (id, expect) = (&case["id"], &case["expect"]);
        let outcome = outcome(&pieces(&case));
        assert_eq!(outcome.text, expect["text"].as_str().unwrap(), "{id}");
        let Some(reason) = expect["finish_reason"].as_str().filter(|_| expect["error"].is_null()) else {
            assert!(outcome.error.is_some() && outcome.finished.is_none(), "{id}: no end mark is a failure");
            continue;
        };
        assert_eq!(outcome.error, None, "{id}");
        assert_eq!(json!(outcome.calls), expect["tool_calls"], "{id}");
        let called_tools = !outcome.calls.is_empty();
        let stop = match reason {
            "stop" if !called_tools => StopReason::EndTurn,
            "stop" | "tool_calls" => StopReason::ToolUse,
            "length" => StopReason::MaxTokens,
            "content_filter" => StopReason::Refusal,
            other => panic!("{other}"),
        };
        let usage = Usage {
            input_tokens: expect["usage"]["prompt_tokens"].as_u64().unwrap_or(0),
            cached_tokens: 0,
            output_tokens: expect["usage"]["completion_tokens"].as_u64().unwrap_or(0),
        };
        assert_eq!(outcome.finished, Some((stop, usage)), "{id}");
    }
}

fn chunks(chunks: &[Value]) -> Outcome {
    let mut body: Vec<Vec<u8>> =
        chunks.iter().map(|chunk| format!("data: {chunk}\n\n").into_bytes()).collect();
    body.push(b"data: [DONE]\n\n".to_vec());
    outcome(&body)
}

fn delta(delta: &Value) -> Value {
    json!({"choices": [{"delta": delta}]})
}

#[test]
fn calls_that_are_not_numbered_are_told_apart() {
    let call = |id: Option<&str>, arguments: Value| {
        delta(&json!({"tool_calls": [{"id": id, "function": {"name": "x", "arguments": arguments}}]}))
    };
    let got = chunks(&[call(Some("a"), json!("{}")), call(Some("b"), json!("{\"n\":2}"))]);
    assert_eq!(
        got.calls,
        [
            json!({"id": "a", "name": "x", "arguments": {}}),
            json!({"id": "b", "name": "x", "arguments": {"n": 2}})
        ]
    );
    assert_eq!(got.finished.map(|(stop, _)| stop), Some(StopReason::ToolUse));

    let got = chunks(&[call(None, json!({"n": 1})), call(None, json!({"n": 2}))]);
    assert_eq!(
        got.calls,
        [
            json!({"id": "call_0", "name": "x", "arguments": {"n": 1}}),
            json!({"id": "call_1", "name": "x", "arguments": {"n": 2}})
        ],
        "arguments as an object, and no ids"
    );
}

#[test]
fn an_error_within_the_stream_is_classified() {
    let kind = |error: Value| chunks(&[json!({"error": error})]).error.expect("an error").kind;
    assert_eq!(kind(json!("model crashed")), ErrorKind::Transient);
    assert_eq!(kind(json!({"message": "m", "code": "insufficient_quota"})), ErrorKind::Auth);
    assert_eq!(kind(json!({"message": "m", "type": "server_error", "code": null})), ErrorKind::Transient);
    assert_eq!(
        kind(json!({"message": "m", "code": "rate_limit_exceeded"})),
        ErrorKind::RateLimited { after_ms: None }
    );
}

#[test]
fn thinking_is_not_spoken_in_any_dialect() {
    let got = chunks(&[
        delta(&json!({"content": null, "reasoning": "hm"})),
        delta(&json!({"content": "<thi"})),
        delta(&json!({"content": "nk>hm</think>Yes"})),
        delta(&json!({"content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "."}]})),
    ]);
    assert_eq!(got.text, "Yes.");
}

#[test]
fn the_usage_chunk_has_no_choices() {
    let usage =
        json!({"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}});
    let got = chunks(&[
        delta(&json!({"content": "Hi"})),
        json!({"choices": [], "usage": usage}),
        json!({"choices": null}),
    ]);
    assert_eq!(got.finished.unwrap().1, Usage { input_tokens: 9, cached_tokens: 4, output_tokens: 3 });
}

#[test]
fn a_refusal_is_spoken_and_told() {
    let got = chunks(&[delta(&json!({"refusal": "I cannot."}))]);
    assert_eq!((got.text.as_str(), got.finished.unwrap().0), ("I cannot.", StopReason::Refusal));
}

#[test]
fn a_call_that_the_length_limit_cut_was_not_made() {
    let cut = json!({"choices": [{"finish_reason": "length",
        "delta": {"tool_calls": [{"id": "a", "function": {"name": "x", "arguments": "{\"a"}}]}}]});
    let got = chunks(&[cut]);
    assert!(got.calls.is_empty());
    assert_eq!(got.finished.unwrap().0, StopReason::MaxTokens);
}

proptest! {
    #[test]
    fn any_event_is_taken_without_a_panic(data in ".{0,100}") {
        let mut answer = Vec::new();
        drop(parser().read(&SseEvent { name: String::new(), data }, &mut answer));
    }

    #[test]
    fn any_values_are_taken_without_a_panic(
        key in prop::sample::select(vec!["content", "tool_calls", "refusal", "finish_reason"]),
        value in prop::sample::select(vec![json!(null), json!(1), json!(""), json!([]), json!([{}]), json!([null]), json!({}),
            json!([{"index": 18446744073709551615_u64, "function": null}]), json!([{"function": {"arguments": []}}])]),
    ) {
        chunks(&[delta(&json!({key: value})), json!({"choices": [{key: value}]})]);
    }
}
