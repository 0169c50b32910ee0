//! What those who watch the process see.

use crate::support::*;
use axum::{
    Router,
    body::Body,
    extract::State,
    http::{Request, StatusCode},
    routing::get,
};
use control_plane::providers::Providers;
use engine::provider::AbortOnDrop;
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicU16, Ordering},
};
use store::TenantId;
use tokio::net::TcpListener;

#[tokio::test]
async fn a_node_is_ready_until_it_drains() {
    let harness = Harness::new().await;
    assert_eq!(harness.get("/healthz").await.json(), json!({ "status": "ok" }));
    assert_eq!(harness.get("/readyz").await.json(), json!({ "status": "ok", "calls": 0 }));
    harness.streaming("CA1").await;
    assert_eq!(harness.get("/readyz").await.json()["calls"], 1);
    harness.plane.drain();
    assert_eq!(harness.get("/readyz").await.problem(503), "draining");
    assert_eq!(harness.get("/healthz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn metrics_are_in_the_text_format_of_prometheus() {
    let harness = Harness::new().await;
    let answer = harness.get("/metrics").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.header("content-type").starts_with("text/plain; version=0.0.4"));
}

#[tokio::test]
async fn a_node_without_services_of_its_own_serves_and_says_what_is_lacking() {
    let nobody = Providers { stt: Vec::new(), llm: Vec::new(), tts: Vec::new() };
    let harness = Harness::with(|settings| settings.tenant.providers = nobody).await;
    let ready = harness.get("/readyz").await;
    assert_eq!(ready.status, StatusCode::OK, "{}", ready.text());
    assert!(
        ready.json()["lacking"].as_str().unwrap().starts_with("speech recognition: "),
        "{}",
        ready.text()
    );
    let answer = harness.incoming("CA1").await;
    assert!(answer.text().contains("<Record "), "a caller is not turned away: {}", answer.text());
}

/// A service that says so of every key.
async fn service(status: &Arc<AtomicU16>) -> (String, AbortOnDrop) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = async |State(status): State<Arc<AtomicU16>>| {
        StatusCode::from_u16(status.load(Ordering::Relaxed)).unwrap()
    };
    let router = Router::new().route("/v1/projects", get(answer)).with_state(Arc::clone(status));
    (url, AbortOnDrop(tokio::spawn(async move { axum::serve(listener, router).await.unwrap() })))
}

#[tokio::test]
async fn a_tenants_own_account_at_a_service_is_asked_like_the_carrier() {
    let status = Arc::new(AtomicU16::new(200));
    let (url, _service) = service(&status).await;
    let harness = Harness::new().await;
    let key = harness.plane.issue_key(&TenantId::platform().as_str().into(), "platform").await.unwrap();
    let ask = async |method: &str, path: &str, body: Value| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", key.reveal()))
            .header("tandem-tenant", "ten_1")
            .header("content-type", "application/json");
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let answer = harness.send(request.body(body).unwrap()).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text());
        answer.json()
    };
    let account = json!({
        "kind": "deepgram", "name": "Ears", "secrets": { "api_key": "canary" }, "properties": { "base_url": url },
    });
    ask("POST", "/v1/provider-accounts", account).await;
    let of_deepgram = |all: &Value| {
        let found = all["dependencies"].as_array().unwrap().iter().find(|one| one["name"] == "deepgram");
        found.cloned().unwrap_or_else(|| panic!("{all}"))
    };
    let well = of_deepgram(&ask("GET", "/v1/health/providers", Value::Null).await);
    assert_eq!((&well["status"], &well["critical"]), (&json!("HEALTHY"), &json!(false)), "{well}");
    assert_eq!(well["details"]["credentialSource"], "company:A tenant");
    status.store(401, Ordering::Relaxed);
    let refused = ask("POST", "/v1/health/providers/check", Value::Null).await;
    assert!(!refused.to_string().contains("canary"), "{refused}");
    let refused = of_deepgram(&refused);
    assert_eq!((&refused["status"], &refused["critical"]), (&json!("DOWN"), &json!(true)), "{refused}");
}
