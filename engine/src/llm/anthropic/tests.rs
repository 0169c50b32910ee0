use super::*;
use crate::{
    llm::{LlmEvent, Message, StopReason, ToolCall, ToolRound, ToolSchema},
    provider::{
        ErrorKind,
        http::{HttpOptions, http_client},
        testing::{
            KEY, answer_once, closed_by_peer, kind_without_key, read_request, response, serve_one, soon,
        },
    },
};
use serde_json::json;
use tokio::{io::AsyncWriteExt, net::TcpListener, sync::mpsc};

fn provider(base_url: Url) -> Anthropic {
    let settings = AnthropicSettings::new(base_url, Secret::new(KEY), "model-1");
    Anthropic::new(settings, http_client(HttpOptions::default()).unwrap())
}

fn request() -> LlmRequest {
    LlmRequest {
        system: "Be brief.".into(),
        messages: vec![Message::User { text: "Hi".into() }],
        tools: Vec::new(),
        may_call_tools: true,
        max_tokens: 100,
    }
}

const HELLO: &str = concat!(
    r#"data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":"Hello"}}"#,
    "\n\n",
);
const STOP: &str = "data: {\"type\":\"message_stop\"}\n\n";
const STREAM: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

async fn all(mut stream: LlmStream) -> Vec<LlmEvent> {
    let mut events = Vec::new();
    while let Some(event) = soon(stream.events.recv()).await {
        events.push(event);
    }
    events
}

#[test]
fn a_conversation_with_tools_takes_the_apis_form() {
    let call = |id: &str| ToolCall {
        id: id.into(),
        name: "lookup".into(),
        arguments: json!({"order": "A-1"}).as_object().unwrap().clone(),
    };
    let request = LlmRequest {
        messages: vec![
            Message::Assistant { text: "Hello!".into() },
            Message::User { text: "Where is it?".into() },
            Message::Tools {
                text: "Let me see.".into(),
                rounds: vec![
                    ToolRound { call: call("t1"), result: "on its way".into(), is_error: false },
                    ToolRound { call: call("t2"), result: "no such order".into(), is_error: true },
                ],
            },
            Message::User { text: "Well?".into() },
        ],
        tools: vec![ToolSchema {
            name: "lookup".into(),
            description: "Finds an order.".into(),
            parameters: json!({"type": "object"}),
        }],
        ..request()
    };
    let settings =
        AnthropicSettings::new(Url::parse("http://localhost").unwrap(), Secret::new(KEY), "model-1");
    assert_eq!(
        request::body(&settings, &request),
        json!({
            "model": "model-1",
            "max_tokens": 100,
            "stream": true,
            "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
            "tools": [{"name": "lookup", "description": "Finds an order.", "input_schema": {"type": "object"}}],
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "(the call begins)"}]},
                {"role": "assistant", "content": [{"type": "text", "text": "Hello!"}]},
                {"role": "user", "content": [{"type": "text", "text": "Where is it?"}]},
                {"role": "assistant", "content": [
                    {"type": "text", "text": "Let me see."},
                    {"type": "tool_use", "id": "t1", "name": "lookup", "input": {"order": "A-1"}},
                    {"type": "tool_use", "id": "t2", "name": "lookup", "input": {"order": "A-1"}},
                ]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "t1", "content": "on its way"},
                    {"type": "tool_result", "tool_use_id": "t2", "content": "no such order", "is_error": true},
                    {"type": "text", "text": "Well?"},
                ]},
            ],
        })
    );
}

#[test]
fn tools_that_may_not_be_called_are_told_all_the_same() {
    let tools = vec![ToolSchema {
        name: "lookup".into(),
        description: "Finds an order.".into(),
        parameters: json!({"type": "object"}),
    }];
    let settings =
        AnthropicSettings::new(Url::parse("http://localhost").unwrap(), Secret::new(KEY), "model-1");
    let request = LlmRequest { tools, may_call_tools: false, ..request() };
    let body = request::body(&settings, &request);
    assert_eq!(
        (body["tools"][0]["name"].as_str(), &body["tool_choice"]),
        (Some("lookup"), &json!({"type": "none"}))
    );
    // Without any tool there is nothing to choose from, and saying so would be refused.
    let body = request::body(&settings, &LlmRequest { tools: Vec::new(), ..request });
    assert_eq!(body.get("tool_choice"), None);
}

#[test]
fn version_and_key_header_follow_the_base_url() {
    let defaults = |base: &str| {
        let settings = AnthropicSettings::new(Url::parse(base).unwrap(), Secret::new(KEY), "m");
        (settings.version, settings.auth)
    };
    assert_eq!(defaults("https://api.anthropic.com"), ("2026-10-21".into(), AnthropicAuth::Bearer));
    assert_eq!(defaults("http://127.0.0.1:9"), ("2023-06-01".into(), AnthropicAuth::ApiKeyHeader));
}

#[tokio::test]
async fn an_answer_is_streamed_and_finished() {
    let body = format!("{STREAM}{}{}{}", chunk(HELLO), chunk(STOP), chunk(""));
    let (url, served) = answer_once(body).await;
    let events = all(provider(url).stream(request())).await;
    assert_eq!(
        events,
        [
            LlmEvent::Text("Hello".into()),
            LlmEvent::Finished { stop: StopReason::EndTurn, usage: Default::default() }
        ]
    );
    let request = soon(served).await.unwrap();
    assert!(request.starts_with("POST /v1/messages HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("x-api-key: {KEY}\r\n")), "{request}");
    assert!(request.contains("anthropic-version: 2023-06-01\r\n"), "{request}");
    assert!(!request.contains("temperature"), "{request}");
}

#[tokio::test]
async fn an_answer_that_ends_without_its_end_mark_is_a_failure() {
    let (url, _served) = answer_once(format!("{STREAM}{}{}", chunk(HELLO), chunk(""))).await;
    let events = all(provider(url).stream(request())).await;
    assert!(
        matches!(&events[..], [LlmEvent::Text(_), LlmEvent::Failed(error)] if error.kind == ErrorKind::Transient),
        "{events:?}"
    );
}

#[tokio::test]
async fn a_connection_that_breaks_is_a_failure() {
    let (url, _served) = answer_once(format!("{STREAM}{}", chunk(HELLO))).await;
    let events = all(provider(url).stream(request())).await;
    assert!(
        matches!(&events[..], [LlmEvent::Text(_), LlmEvent::Failed(error)] if error.kind == ErrorKind::Transient),
        "{events:?}"
    );
}

#[tokio::test]
async fn a_rate_limit_is_told_with_the_wait_and_without_the_key() {
    let body = format!(r#"{{"error":{{"type":"rate_limit_error","message":"slow down, {KEY}"}}}}"#);
    let (url, _served) = answer_once(response("429 Too Many Requests", "retry-after: 1.5\r\n", &body)).await;
    let events = all(provider(url).stream(request())).await;
    let [LlmEvent::Failed(error)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(kind_without_key(error), ErrorKind::RateLimited { after_ms: Some(1_500) });
    assert_eq!(
        error.to_string(),
        "anthropic: answering: HTTP 429: rate_limit_error: slow down, (credential)"
    );
}

#[tokio::test]
async fn dropping_the_stream_closes_the_connection() {
    let (url, served) = serve_one(async |mut stream| {
        read_request(&mut stream).await;
        stream.write_all(format!("{STREAM}{}", chunk(HELLO)).as_bytes()).await.unwrap();
        closed_by_peer(&mut stream).await;
    })
    .await;
    let mut stream = provider(url).stream(request());
    assert_eq!(soon(stream.events.recv()).await, Some(LlmEvent::Text("Hello".into())));
    drop(stream);
    soon(served).await.unwrap();
}

#[tokio::test]
async fn a_server_that_falls_silent_is_a_failure() {
    let (url, _served) = serve_one(async |mut stream| {
        read_request(&mut stream).await;
        stream.write_all(STREAM.as_bytes()).await.unwrap();
        closed_by_peer(&mut stream).await;
    })
    .await;
    let mut settings = AnthropicSettings::new(url, Secret::new(KEY), "m");
    settings.idle_timeout = Duration::from_millis(30);
    let provider = Anthropic::new(settings, http_client(HttpOptions::default()).unwrap());
    let events = all(provider.stream(request())).await;
    assert!(
        matches!(&events[..], [LlmEvent::Failed(error)] if error.kind == ErrorKind::Transient),
        "{events:?}"
    );
}

/// Answers each request with the first method of its connection and the request's number on it.
async fn count_requests(listener: TcpListener, answered: mpsc::UnboundedSender<()>) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let answered = answered.clone();
        tokio::spawn(async move {
            let mut first_method = String::new();
            for number in 1.. {
                let request = read_request(&mut stream).await;
                let method = request.split(' ').next().unwrap().to_owned();
                if number == 1 {
                    first_method.clone_from(&method);
                }
                let hello = HELLO.replace("Hello", &format!("{first_method} {number}"));
                let body = match method.as_str() {
                    "HEAD" => "HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n\r\n".to_owned(),
                    _ => format!("{STREAM}{}{}", chunk(&hello), chunk(STOP)),
                };
                stream.write_all(body.as_bytes()).await.unwrap();
                if method != "HEAD" {
                    // The end of the response comes after the end of the answer.
                    for _ in 0..100 {
                        tokio::task::yield_now().await;
                    }
                    stream.write_all(chunk("").as_bytes()).await.unwrap();
                }
                if answered.send(()).is_err() {
                    return;
                }
            }
        });
    }
}

/// The server's address, and a message for each request that it answered.
async fn counting_server() -> (Url, mpsc::UnboundedReceiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let (answered, answers) = mpsc::unbounded_channel();
    tokio::spawn(count_requests(listener, answered));
    (url, answers)
}

/// A connection returns to the pool by a task of the client's, which a request may overtake: more than one try
/// is allowed, but not that it never happens.
const TRIES: usize = 50;

#[tokio::test]
async fn a_finished_answer_leaves_its_connection_for_the_next() {
    let (url, _answers) = counting_server().await;
    let provider = provider(url);
    for _ in 0..TRIES {
        if all(provider.stream(request())).await[0] != LlmEvent::Text("POST 1".into()) {
            return;
        }
    }
    panic!("each answer had a connection of its own");
}

#[tokio::test]
async fn warming_up_opens_the_connection_of_the_first_request() {
    let (url, mut answers) = counting_server().await;
    for patience in 0..TRIES {
        let provider = provider(url.clone());
        provider.warm_up();
        soon(answers.recv()).await.expect("the warm-up was answered");
        for _ in 0..patience {
            tokio::task::yield_now().await;
        }
        let events = all(provider.stream(request())).await;
        soon(answers.recv()).await.expect("the request was answered");
        if events[0] == LlmEvent::Text("HEAD 2".into()) {
            return;
        }
    }
    panic!("the connection was never used");
}
