//! Customers' servers are told what happens, through the HTTP routes.

use crate::support::*;
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, Request, StatusCode},
    routing::post,
};
use control_plane::settings::ControlPlaneSettings;
use deliveries::{SenderOptions, WorkerOptions, address::Reach, signature::sign};
use engine::provider::{AbortOnDrop, Secret};
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::net::TcpListener;

const SID: &str = "CA00000000000000000000000000000001";

pub(crate) type Came = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

pub(crate) async fn receiver() -> (String, Came, AbortOnDrop) {
    let came = Came::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let hook = async |State(came): State<Came>, headers: HeaderMap, body: Bytes| {
        came.lock().unwrap().push((headers, body));
        StatusCode::NO_CONTENT
    };
    let router = Router::new().route("/hook", post(hook)).with_state(Arc::clone(&came));
    let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, came, AbortOnDrop(server))
}

/// Endpoints on this machine are told, and soon.
pub(crate) fn reachable(settings: &mut ControlPlaneSettings) {
    settings.limits.delivery = SenderOptions { reach: Reach::Anywhere, ..SenderOptions::default() };
    settings.limits.deliveries =
        WorkerOptions { poll: Duration::from_millis(20), ..WorkerOptions::default() };
}

pub(crate) async fn harness() -> Harness {
    Harness::with(reachable).await
}

impl Harness {
    async fn webhooks(&self, method: Method, path: &str, body: &Value) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {}", self.key));
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }
}

pub(crate) async fn when(came: &Came, count: usize) -> Vec<(HeaderMap, Bytes)> {
    let all = async || Some(came.lock().unwrap().clone()).filter(|all| all.len() >= count);
    until(all, &format!("a receiver that was told {count} times")).await
}

#[tokio::test]
async fn a_call_that_begins_and_ends_is_told_once_each_and_signed() {
    let harness = harness().await;
    let (url, came, _server) = receiver().await;
    let form = json!({ "url": url, "name": "Ours", "events": ["call.*"] });
    let made = harness.webhooks(Method::POST, "/v1/webhook-endpoints", &form).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let secret = Secret::new(made.json()["secret"].as_str().unwrap());
    let path = made.header("location").to_owned();
    assert_eq!(harness.get(&path).await.json()["secret"], Value::Null);

    harness.incoming(SID).await;
    harness.incoming(SID).await;
    when(&came, 1).await;
    for _ in 0..2 {
        harness.hook("/api/voice/status", &call_fields(SID, "completed")).await;
    }
    let all = when(&came, 2).await;
    let kinds: Vec<_> = all
        .iter()
        .map(|(_, body)| serde_json::from_slice::<Value>(body).unwrap()["type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds, ["call.started", "call.ended"]);
    for (headers, body) in &all {
        let text = |name: &str| headers[name].to_str().unwrap();
        let timestamp = text("webhook-timestamp").parse().unwrap();
        let own = sign(text("webhook-id"), timestamp, body, std::slice::from_ref(&secret)).unwrap();
        assert_eq!(text("webhook-signature"), own);
    }
    let call = harness.get("/v1/calls").await.json()["data"][0]["id"].clone();
    let told: Value = serde_json::from_slice(&all[1].1).unwrap();
    assert_eq!((&told["data"]["call_id"], &told["data"]["status"]), (&call, &json!("completed")));
}

#[tokio::test]
async fn an_endpoint_is_tried_out_and_a_delivery_sent_again() {
    let harness = harness().await;
    let (url, came, _server) = receiver().await;
    let form = json!({ "url": url, "name": "Ours" });
    let made = harness.webhooks(Method::POST, "/v1/webhook-endpoints", &form).await;
    let path = made.header("location").to_owned();
    let tried = harness.webhooks(Method::POST, &format!("{path}/test"), &json!({})).await;
    assert_eq!(tried.status, StatusCode::ACCEPTED, "{}", tried.text());
    when(&came, 1).await;
    let delivery = format!("/v1/webhook-deliveries/{}", tried.json()["id"].as_str().unwrap());
    harness.shows(&delivery, |shown| shown["status"] == "delivered").await;
    let again = harness.webhooks(Method::POST, &format!("{delivery}/resend"), &json!({})).await;
    assert_eq!(again.status, StatusCode::ACCEPTED, "{}", again.text());
    let all = when(&came, 2).await;
    assert_eq!(all[0].0["webhook-id"], all[1].0["webhook-id"]);

    let rotated = harness.webhooks(Method::POST, &format!("{path}/rotate-secret"), &json!({})).await.json();
    assert_ne!(rotated["secret"], made.json()["secret"]);
    assert!(rotated["previous_secret_until"].is_string());
    let listed = harness.get("/v1/webhook-deliveries?status=failed").await.json();
    assert_eq!(listed["data"], json!([]));
    let time = json!({ "from": "2000-01-01T00:00:00Z", "until": "2000-01-02T00:00:00Z" });
    let replayed = harness.webhooks(Method::POST, &format!("{path}/replay"), &time).await;
    assert_eq!(replayed.json(), json!({ "deliveries": 0, "complete": true }));
    let gone = harness.webhooks(Method::DELETE, &path, &Value::Null).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{}", gone.text());
    assert_eq!(harness.get(&delivery).await.problem(404), "not_found");
}

#[tokio::test]
async fn an_address_of_the_own_network_is_refused_when_it_is_set_up() {
    let harness = Harness::new().await;
    for url in
        ["http://hooks.example.com/", "https://127.0.0.1/", "https://169.254.169.254/", "https://localhost/"]
    {
        let form = json!({ "url": url, "name": "Ours" });
        let refused = harness.webhooks(Method::POST, "/v1/webhook-endpoints", &form).await;
        assert_eq!(refused.problem(422), "invalid_body", "{url}");
        assert_eq!(refused.json()["errors"][0]["pointer"], "/url");
    }
    let form = json!({ "url": "https://hooks.example.com/", "name": "Ours", "events": ["call.paused"] });
    let refused = harness.webhooks(Method::POST, "/v1/webhook-endpoints", &form).await;
    assert_eq!(refused.json()["errors"][0]["pointer"], "/events/0");
    let events = harness.get("/v1/webhook-events").await.json();
    assert!(events["data"].as_array().unwrap().iter().any(|event| event["type"] == "recording.ready"));
}
