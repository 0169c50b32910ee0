//! What those who watch the process see.

use crate::support::*;
use axum::http::StatusCode;
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
