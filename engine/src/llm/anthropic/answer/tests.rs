use super::*;
use crate::{
    llm::testing::{self, Outcome},
    provider::{
        http::classify,
        testing::{pieces, vectors},
    },
};
use proptest::prelude::*;
use reqwest::{
    StatusCode,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde_json::json;
use url::Url;

fn parser() -> Parser {
    let base_url = Url::parse("http://localhost").unwrap();
    Parser::new(&AnthropicSettings::new(base_url, Secret::new("k"), "m"))
}

fn outcome(pieces: &[Vec<u8>]) -> Outcome {
    testing::outcome(parser(), "input", pieces)
}

fn stop_reason(expect: &Value) -> StopReason {
    let called_tools = expect["tool_uses"].as_array().is_some_and(|calls| !calls.is_empty());
    match expect["stop_reason"].as_str().unwrap() {
        // An answer that called a tool waits for its result, whatever the service calls that.
        "end_turn" if !called_tools => StopReason::EndTurn,
        "end_turn" | "tool_use" => StopReason::ToolUse,
        "max_tokens" | "model_context_window_exceeded" => StopReason::MaxTokens,
        "refusal" => StopReason::Refusal,
        other => panic!("{other}"),
    }
}

#[test]
fn answers_are_understood_as_the_vectors_say() {
    let cases: Vec<Value> =
        vectors("anthropic_sse.json").into_iter().filter(|case| case["http_status"] == 200).collect();
    assert_eq!(cases.len(), 26);
    for case in cases {
        let (id, expect) = (&case["id"], &case["expect"]);
        let outcome = outcome(&pieces(&case));
        assert_eq!(json!(outcome.names), expect["event_names"], "{id}");
        assert_eq!(outcome.text, expect["text"].as_str().unwrap(), "{id}");
        if expect["complete"] == true {
            assert_eq!(outcome.error, None, "{id}");
            assert_eq!(json!(outcome.calls), expect["tool_uses"], "{id}");
            let count = |name: &str| expect["usage"][name].as_u64().unwrap();
            let usage = Usage {
                input_tokens: count("input_tokens")
                    + count("cache_read_input_tokens")
                    + count("cache_creation_input_tokens"),
                cached_tokens: count("cache_read_input_tokens"),
                output_tokens: count("output_tokens"),
            };
            assert_eq!(outcome.finished, Some((stop_reason(expect), usage)), "{id}");
        } else {
            assert_eq!(outcome.finished, None, "{id}");
            let error = outcome.error.expect("an incomplete answer is a failure");
            assert_eq!(error.kind, ErrorKind::Transient, "{id}");
            if let Some(message) = expect["error"]["message"].as_str() {
                assert!(error.message.contains(message), "{id}: {error}");
            }
        }
    }
}

#[test]
fn refusals_are_classified_as_the_vectors_say() {
    let cases: Vec<Value> =
        vectors("anthropic_sse.json").into_iter().filter(|case| case["http_status"] != 200).collect();
    assert_eq!(cases.len(), 8);
    for case in cases {
        let (id, expect) = (&case["id"], &case["expect"]);
        let status = StatusCode::from_u16(case["http_status"].as_u64().unwrap() as u16).unwrap();
        let headers: HeaderMap = case["headers"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| {
                let name: HeaderName = name.parse().unwrap();
                (name, HeaderValue::from_str(value.as_str().unwrap()).unwrap())
            })
            .collect();
        let body = ErrorBody::parse(case["body"].as_str().unwrap().as_bytes());
        assert_eq!(body.name, expect["error"]["type"].as_str().unwrap(), "{id}");
        let kind = classify(status, &headers, &body.name);
        let (should_retry, after) = (&case["sdk_should_retry"], &case["retry_after_s"]);
        let should_retry = if should_retry.is_null() { &expect["sdk_should_retry"] } else { should_retry };
        let after = if after.is_null() { &expect["retry_after_s"] } else { after };
        assert_eq!(json!(kind.is_retryable()), *should_retry, "{id}");
        if let ErrorKind::RateLimited { after_ms } = kind {
            assert_eq!(after_ms.map(|ms| ms as f64 / 1_000.0), after.as_f64(), "{id}");
        }
    }
}

fn events(data: &[&str]) -> Vec<Vec<u8>> {
    data.iter().map(|data| format!("data: {data}\n\n").into_bytes()).collect()
}

const CUT_CALL: [&str; 3] = [
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"n","input":{}}}"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}"#,
    r#"{"type":"content_block_stop","index":0}"#,
];

#[test]
fn a_call_that_the_length_limit_cut_was_not_made() {
    let mut data = CUT_CALL.to_vec();
    data.push(r#"{"type":"message_delta","delta":{"stop_reason":"max_tokens"}}"#);
    data.push(r#"{"type":"message_stop"}"#);
    let outcome = outcome(&events(&data));
    assert!(outcome.calls.is_empty());
    assert_eq!(outcome.finished.map(|(stop, _)| stop), Some(StopReason::MaxTokens));
}

#[test]
fn a_call_with_broken_arguments_is_a_failure() {
    let mut data = CUT_CALL.to_vec();
    data.push(r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"}}"#);
    data.push(r#"{"type":"message_stop"}"#);
    let outcome = outcome(&events(&data));
    assert!(outcome.error.is_some() && outcome.finished.is_none());
}

proptest! {
    #[test]
    fn any_event_is_taken_without_a_panic(name in "(message_start|content_block_delta|)", data in ".{0,100}") {
        let mut answer = Vec::new();
        drop(parser().read(&SseEvent { name, data }, &mut answer));
    }

    #[test]
    fn events_in_any_order_are_taken_without_a_panic(
        order in prop::collection::vec(prop::sample::select(vec![
            CUT_CALL[0], CUT_CALL[1], CUT_CALL[2],
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"}}"#,
            r#"{"type":"message_delta","delta":{},"usage":{"output_tokens":18446744073709551615}}"#,
            r#"{"type":"message_start","message":{"usage":{"input_tokens":18446744073709551615,"cache_read_input_tokens":1}}}"#,
            r#"{"type":"message_stop"}"#,
        ]), 0..12),
    ) {
        outcome(&events(&order));
    }
}
