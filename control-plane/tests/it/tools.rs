//! The tenant's tools, as a server of the tenant sees them.

use crate::support::*;
use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
    routing::post,
};
use base64_simd::STANDARD;
use engine::{
    llm::ToolCall,
    ports::{ToolInvocation, ToolInvocationKey},
    provider::Secret,
};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::time::Duration;
use tokio::{net::TcpListener, sync::mpsc};

struct Request {
    headers: HeaderMap,
    body: Bytes,
}

/// A server with tools of several kinds, and what the good one is asked.
async fn serve() -> (String, mpsc::UnboundedReceiver<Request>) {
    let (asked, requests) = mpsc::unbounded_channel();
    let good = async move |headers: HeaderMap, body: Bytes| {
        asked.send(Request { headers, body }).unwrap();
        "It left yesterday."
    };
    let app = Router::new()
        .route("/good", post(good.clone()))
        .route("/long", post(async || "x".repeat(64 * 1024 + 1)))
        .route("/binary", post(async || vec![0xff_u8, 0xfe]))
        .route("/broken", post(async || StatusCode::INTERNAL_SERVER_ERROR))
        .route("/moved", post(async || (StatusCode::FOUND, [(header::LOCATION, "/good")]).into_response()))
        .route("/stuck", post(async || std::future::pending::<String>().await));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (address, requests)
}

fn invocation(tool: &str, timeout: Duration) -> ToolInvocation {
    ToolInvocation {
        tenant: "ten_1".into(),
        call: "call_1".into(),
        assistant: "asst_1".into(),
        key: ToolInvocationKey("e3.0".to_owned()),
        tool: ToolCall {
            id: "tool_1".to_owned(),
            name: tool.to_owned(),
            arguments: json!({ "number": "4711" }).as_object().unwrap().clone(),
        },
        timeout,
    }
}

#[tokio::test]
async fn a_tool_is_asked_with_a_signature_and_answers() {
    let (address, mut requests) = serve().await;
    let harness = Harness::with(|settings| {
        settings.tenant.remote_tools.insert("good".to_owned(), remote_tool(&format!("{address}/good")));
    })
    .await;
    let tools = harness.plane.ports().tools;
    let answer = tools.run(invocation("good", Duration::from_secs(5))).await.unwrap();
    assert_eq!(answer, "It left yesterday.");

    let request = requests.recv().await.unwrap();
    let header = |name: &str| request.headers[name].to_str().unwrap();
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body, json!({ "call": "call_1", "tool": "good", "arguments": { "number": "4711" } }));
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("webhook-id"), "call_1_e3-0", "the same key again is the same id");
    let mut mac = Hmac::<Sha256>::new_from_slice(b"tool-secret").unwrap();
    mac.update(format!("{}.{}.", header("webhook-id"), header("webhook-timestamp")).as_bytes());
    mac.update(&request.body);
    let expected = format!("v1,{}", STANDARD.encode_to_string(mac.finalize().into_bytes()));
    assert_eq!(header("webhook-signature"), expected);
}

#[tokio::test]
async fn a_tool_without_a_secret_is_asked_without_a_signature() {
    let (address, mut requests) = serve().await;
    let harness = Harness::with(|settings| {
        let mut tool = remote_tool(&format!("{address}/good"));
        tool.signing_secret = Secret::new("");
        settings.tenant.remote_tools.insert("good".to_owned(), tool);
    })
    .await;
    harness.plane.ports().tools.run(invocation("good", Duration::from_secs(5))).await.unwrap();
    assert!(!requests.recv().await.unwrap().headers.contains_key("webhook-signature"));
}

#[tokio::test]
async fn whatever_goes_wrong_with_a_tool_is_told_in_plain_words() {
    let (address, mut requests) = serve().await;
    let harness = Harness::with(|settings| {
        for tool in ["long", "binary", "broken", "moved", "stuck"] {
            settings.tenant.remote_tools.insert(tool.to_owned(), remote_tool(&format!("{address}/{tool}")));
        }
        settings.tenant.remote_tools.insert("closed".to_owned(), remote_tool("http://127.0.0.1:1/"));
    })
    .await;
    let tools = harness.plane.ports().tools;
    for (tool, timeout_ms, told) in [
        ("long", 5_000, "the tool's answer is too long"),
        ("binary", 5_000, "the tool's answer is not text"),
        ("broken", 5_000, "the tool answered with status 500"),
        ("moved", 5_000, "the tool answered with status 302"),
        ("stuck", 100, "the tool took too long"),
        ("closed", 5_000, "the tool's server could not be reached"),
        ("unknown", 5_000, "the tool is not set up"),
    ] {
        let failure = tools.run(invocation(tool, Duration::from_millis(timeout_ms))).await.unwrap_err();
        assert_eq!(failure.0, told, "{tool}");
    }
    assert!(requests.try_recv().is_err(), "a redirect is not followed");
}
