//! What those who watch the process see.

use crate::support::*;
use axum::http::StatusCode;
use control_plane::providers::Providers;
use serde_json::json;

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
