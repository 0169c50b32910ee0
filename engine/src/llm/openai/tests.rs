use super::*;
use crate::{
    llm::{LlmEvent, Message, StopReason, ToolCall, ToolRound, ToolSchema},
    provider::{
        ErrorKind,
        http::{HttpOptions, http_client},
        testing::{KEY, answer_once, kind_without_key, response, soon},
    },
};
use serde_json::json;

fn settings(base: &str) -> OpenAiChatSettings {
    OpenAiChatSettings::new(Url::parse(base).unwrap(), Some(Secret::new(KEY)), "model-1")
}

fn request(messages: Vec<Message>) -> LlmRequest {
    let schema = ToolSchema {
        name: "lookup".into(),
        description: "Finds an order.".into(),
        parameters: json!({"type": "object"}),
    };
    LlmRequest {
        system: "Be brief.".into(),
        messages,
        tools: vec![schema],
        may_call_tools: true,
        max_tokens: 100,
    }
}

async fn all(provider: &OpenAiChat) -> Vec<LlmEvent> {
    let mut stream = provider.stream(request(vec![Message::User { text: "Hi".into() }]));
    let mut events = Vec::new();
    while let Some(event) = soon(stream.events.recv()).await {
        events.push(event);
    }
    events
}

#[test]
fn tools_that_may_not_be_called_are_told_all_the_same() {
    let request = LlmRequest { may_call_tools: false, ..request(Vec::new()) };
    let body = request::body(&settings("http://localhost:1"), &request);
    assert_eq!(
        (body["tools"][0]["type"].as_str(), body["tool_choice"].as_str()),
        (Some("function"), Some("none"))
    );
}

#[test]
fn a_conversation_with_tools_takes_the_apis_form() {
    let call = ToolCall {
        id: "c1".into(),
        name: "lookup".into(),
        arguments: json!({"order": "A-1"}).as_object().unwrap().clone(),
    };
    let round = ToolRound { call, result: "on its way".into(), is_error: false };
    let request = request(vec![
        Message::User { text: "Where is it?".into() },
        Message::Tools { text: String::new(), rounds: vec![round] },
    ]);
    assert_eq!(
        request::body(&settings("http://localhost:1"), &request),
        json!({
            "model": "model-1",
            "stream": true,
            "stream_options": {"include_usage": true},
            "max_tokens": 100,
            "tools": [{"type": "function", "function":
                {"name": "lookup", "description": "Finds an order.", "parameters": {"type": "object"}}}],
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Where is it?"},
                {"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "type": "function",
                    "function": {"name": "lookup", "arguments": "{\"order\":\"A-1\"}"}}]},
                {"role": "tool", "tool_call_id": "c1", "content": "on its way"},
            ],
        })
    );
}

#[test]
fn the_length_limits_name_and_more_fields_can_be_set() {
    let mut settings = settings("https://api.openai.com");
    assert_eq!(settings.token_limit, TokenLimitField::MaxCompletionTokens);
    settings.extra.insert("reasoning_effort".into(), json!("low"));
    settings.include_usage = false;
    let body = request::body(&settings, &request(Vec::new()));
    assert_eq!((&body["max_completion_tokens"], &body["reasoning_effort"]), (&json!(100), &json!("low")));
    assert!(body.get("max_tokens").is_none() && body.get("stream_options").is_none());
}

#[tokio::test]
async fn an_answer_is_streamed_and_finished() {
    let body = "data: {\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n\ndata: [DONE]\n\n";
    let (url, served) = answer_once(response("200 OK", "", body)).await;
    let provider = OpenAiChat::new(settings(url.as_str()), http_client(HttpOptions::default()).unwrap());
    assert_eq!(
        all(&provider).await,
        [
            LlmEvent::Text("Hello".into()),
            LlmEvent::Finished { stop: StopReason::EndTurn, usage: Default::default() }
        ]
    );
    let request = soon(served).await.unwrap();
    assert!(request.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("authorization: Bearer {KEY}\r\n")), "{request}");
}

#[tokio::test]
async fn an_unpaid_account_is_not_asked_again() {
    let body = format!(r#"{{"error":{{"code":"insufficient_quota","message":"{KEY}"}}}}"#);
    let (url, _served) = answer_once(response("429 Too Many Requests", "", &body)).await;
    let provider = OpenAiChat::new(settings(url.as_str()), http_client(HttpOptions::default()).unwrap());
    let events = all(&provider).await;
    let [LlmEvent::Failed(error)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(kind_without_key(error), ErrorKind::Auth);
}
