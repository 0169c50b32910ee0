//! Messages that are sent: stored before they are answered, handed over once, told of until their end.

use crate::support::{Answer, Folder, Harness, eventually, settings};
use axum::{body::Body, http::Request};
use control_plane::{ControlPlane, messengers::MessengerOptions, settings::ControlPlaneSettings};
use engine::provider::Secret;
use fixtures::sandbox::{Sandbox, SandboxOptions};
use gateways::{onesignal::OneSignalOptions, whapi::WhapiOptions};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use twilio_rest::{RetryOptions, TwilioOptions};

const OWN: &str = "+15550100";
const PERSON: &str = "+15550142";

/// A control plane that the sandbox's Twilio reaches, and that reaches the sandbox.
pub(crate) struct Stage {
    pub(crate) harness: Harness,
    pub(crate) sandbox: Arc<Sandbox>,
    /// Where the control plane is reached.
    pub(crate) base: String,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut ControlPlaneSettings)) -> Self {
        let sandbox = Arc::new(Sandbox::start(SandboxOptions::without_delay()).await.unwrap());
        let folder = Folder::new();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut settings = settings(&folder).await;
        let base = format!("http://{}", listener.local_addr().unwrap());
        settings.base_url = base.parse().unwrap();
        settings.tenant.twilio.account_sid = format!("AC{}", "0".repeat(32));
        settings.tenant.twilio.auth_token = Secret::new("sandbox");
        settings.tenant.numbers = vec![OWN.to_owned()];
        settings.twilio = TwilioOptions {
            retry: RetryOptions { first: Duration::from_millis(5), ..RetryOptions::default() },
            ..TwilioOptions::at(sandbox.base_url().parse().unwrap())
        };
        settings.limits.outbox.poll = Duration::from_millis(10);
        settings.limits.work.poll = Duration::from_millis(10);
        settings.messengers = MessengerOptions {
            whapi: WhapiOptions::at(format!("{}/whapi", sandbox.base_url()).parse().unwrap()),
            onesignal: OneSignalOptions::at(format!("{}/onesignal", sandbox.base_url()).parse().unwrap()),
            ..MessengerOptions::default()
        };
        change(&mut settings);
        let opened = ControlPlane::open(settings).await.unwrap();
        let router = opened.control_plane.router();
        let served = router.clone();
        let server = tokio::spawn(async move { axum::serve(listener, served).await.unwrap() });
        let key = opened.first_key.unwrap().reveal().to_owned();
        let harness = Harness { plane: opened.control_plane, router, key, folder };
        Self { harness, sandbox, base, server }
    }

    pub(crate) async fn post(&self, path: &str, body: &Value, key: Option<&str>) -> Answer {
        let mut request = Request::post(path)
            .header("authorization", format!("Bearer {}", self.harness.key))
            .header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        self.harness.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    pub(crate) async fn sent(&self, body: &Value) -> String {
        let answer = self.post("/v1/messages", body, None).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// The message once it is in this state.
    pub(crate) async fn when(&self, message: &str, status: &str) -> Value {
        let path = format!("/v1/messages/{message}");
        let reached =
            async || Some(self.harness.get(&path).await.json()).filter(|shown| shown["status"] == status);
        if let Some(shown) = eventually(reached).await {
            return shown;
        }
        let explained = self.harness.get(&format!("{path}/explain")).await;
        panic!("it never becomes {status}: {} {}", self.harness.get(&path).await.json(), explained.text());
    }

    /// Messages that the carrier has.
    pub(crate) fn at_carrier(&self) -> Vec<Value> {
        let account = &self.sandbox.twilio()[format!("AC{}", "0".repeat(32))];
        account["messages"].as_array().cloned().unwrap_or_default()
    }
}

fn text(to: &str, text: &str) -> Value {
    json!({ "to": { "phone": to }, "chain": [{ "channels": ["sms"] }], "text": text })
}

#[tokio::test]
async fn a_message_is_stored_sent_once_and_followed_to_its_arrival() {
    let stage = Stage::new().await;
    let body = text(PERSON, "Your bicycle is ready.");
    let first = stage.post("/v1/messages", &body, Some("one")).await;
    assert_eq!(first.status, 202, "{}", first.text());
    let again = stage.post("/v1/messages", &body, Some("one")).await;
    assert_eq!((again.header("idempotent-replayed"), again.json()), ("true", first.json()));
    let id = first.json()["id"].as_str().unwrap().to_owned();
    let shown = stage.when(&id, "delivered").await;
    assert_eq!((&shown["channel"], &shown["direction"]), (&json!("sms"), &json!("outbound")));
    assert_eq!((&shown["from_number"], &shown["to_number"]), (&json!(OWN), &json!(PERSON)));
    assert_eq!((&shown["content"], &shown["provider"]), (&json!("Your bicycle is ready."), &json!("twilio")));
    let carried = stage.at_carrier();
    assert_eq!(carried.len(), 1, "{carried:?}");
    let explained = stage.harness.get(&format!("/v1/messages/{id}/explain")).await.json();
    let decisions: Vec<_> =
        explained["decisions"].as_array().unwrap().iter().map(|d| &d["decision"]).collect();
    assert_eq!(decisions[..3], ["accepted", "due", "tried"], "{explained}");
    assert_eq!(*decisions.last().unwrap(), "ended");
    assert_eq!(explained["attempts"].as_array().unwrap().len(), 1);
    assert_eq!(explained["attempts"][0]["provider_id"], shown["provider_id"]);
}

#[tokio::test]
async fn what_would_be_done_is_said_and_nothing_is_sent() {
    let stage = Stage::new().await;
    let answer = stage.post("/v1/messages?simulate=true", &text(PERSON, "Hello."), None).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["ending"]["status"], "delivered");
    assert_eq!(answer.json()["channels"][0]["channel"], "sms");
    let listed = stage.harness.get("/v1/messages").await.json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 0);
    assert_eq!(stage.at_carrier().len(), 0);
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_with_the_place() {
    let stage = Stage::new().await;
    let cases = [
        (json!({ "to": {}, "text": "Hello." }), "/to"),
        (json!({ "to": { "phone": "nobody" }, "text": "Hello." }), "/to/phone"),
        (json!({ "to": { "phone": PERSON }, "text": "" }), "/text"),
        (json!({ "to": { "phone": PERSON }, "text": "a", "chain": [{ "channels": ["email"] }] }), "/to"),
        (
            json!({ "to": { "phone": PERSON }, "text": "a", "chain": [{ "channels": ["sms"] }, { "channels": ["sms"] }] }),
            "/chain",
        ),
        (json!({ "to": { "contact": "con_00000000000000000000000000" }, "text": "a" }), "/to/contact"),
    ];
    for (body, pointer) in cases {
        let answer = stage.post("/v1/messages", &body, None).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.text());
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{}", answer.text());
    }
    assert_eq!(stage.at_carrier().len(), 0);
}

#[tokio::test]
async fn a_message_is_taken_back_before_its_time_and_not_after() {
    let stage = Stage::new().await;
    let mut later = text(PERSON, "Later.");
    later["send_at"] = json!("2027-01-01T00:00:00Z");
    let id = stage.sent(&later).await;
    assert_eq!(stage.when(&id, "scheduled").await["status"], "scheduled");
    let taken = stage.post(&format!("/v1/messages/{id}/cancel"), &json!({}), None).await;
    assert_eq!(
        (taken.status.as_u16(), &taken.json()["status"]),
        (200, &json!("canceled")),
        "{}",
        taken.text()
    );
    let now = stage.sent(&text(PERSON, "Now.")).await;
    stage.when(&now, "delivered").await;
    let late = stage.post(&format!("/v1/messages/{now}/cancel"), &json!({}), None).await;
    assert_eq!(late.json()["status"], "delivered");
    assert_eq!(stage.at_carrier().len(), 1);
    let gone = stage.post("/v1/messages/msg_00000000000000000000000000/cancel", &json!({}), None).await;
    assert_eq!(gone.status, 404);
}
