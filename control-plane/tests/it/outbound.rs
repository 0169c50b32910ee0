//! Calls that are placed: once, from the right number, at the right time, whatever happens on the way.

use crate::support::{Answer, Folder, Harness, open_store, settings, until};
use axum::{body::Body, http::Request};
use control_plane::ControlPlane;
use engine::provider::Secret;
use fixtures::sandbox::{Callee, Sandbox, SandboxOptions, TwilioFault, TwilioRule};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use store::{CallFacts, CallId, TenantId, model::audit::Actor};
use twilio_rest::{RetryOptions, TwilioOptions};

const OWN: &str = "+15550100";
const CALLEE: &str = "+15550142";

/// A control plane that the sandbox's Twilio reaches, and that reaches the sandbox.
struct Stage {
    harness: Harness,
    sandbox: Arc<Sandbox>,
    server: tokio::task::JoinHandle<()>,
    address: std::net::SocketAddr,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Stage {
    async fn new() -> Self {
        let sandbox = Arc::new(Sandbox::start(SandboxOptions::without_delay()).await.unwrap());
        Self::open(sandbox, Folder::new(), None, None).await
    }

    async fn open(
        sandbox: Arc<Sandbox>,
        folder: Folder,
        key: Option<String>,
        address: Option<std::net::SocketAddr>,
    ) -> Self {
        let listener =
            tokio::net::TcpListener::bind(address.unwrap_or(([127, 0, 0, 1], 0).into())).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut settings = settings(&folder).await;
        settings.base_url = format!("http://{address}").parse().unwrap();
        settings.tenant.twilio.account_sid = format!("AC{}", "0".repeat(32));
        settings.tenant.twilio.auth_token = Secret::new("sandbox");
        settings.tenant.numbers = vec![OWN.to_owned()];
        settings.twilio = TwilioOptions {
            settle: Duration::from_millis(60),
            settle_poll: Duration::from_millis(20),
            retry: RetryOptions { first: Duration::from_millis(5), ..RetryOptions::default() },
            ..TwilioOptions::at(sandbox.base_url().parse().unwrap())
        };
        settings.limits.work.poll = Duration::from_millis(10);
        settings.limits.work.lease = Duration::from_secs(2);
        settings.limits.work.retry_first = Duration::from_millis(20);
        let opened = ControlPlane::open(settings).await.unwrap();
        let router = opened.control_plane.router();
        let served = router.clone();
        let server = tokio::spawn(async move { axum::serve(listener, served).await.unwrap() });
        let key = key.unwrap_or_else(|| opened.first_key.unwrap().reveal().to_owned());
        let harness = Harness { plane: opened.control_plane, router, key, folder };
        Self { harness, sandbox, server, address }
    }

    /// The process is gone without a word, and another one is started on its data.
    async fn killed_and_started_again(mut self) -> Self {
        self.server.abort();
        // The port is free once the task is gone.
        drop((&mut self.server).await);
        let (sandbox, address, key) = (Arc::clone(&self.sandbox), self.address, self.harness.key.clone());
        let folder = std::mem::replace(&mut self.harness.folder, Folder::new());
        drop(self);
        Self::open(sandbox, folder, Some(key), Some(address)).await
    }

    async fn post(&self, path: &str, body: &Value, key: Option<&str>) -> Answer {
        let mut request = Request::post(path)
            .header("authorization", format!("Bearer {}", self.harness.key))
            .header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        self.harness.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    async fn place(&self, body: &Value) -> String {
        let answer = self.post("/v1/calls", body, None).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    async fn when(&self, call: &str, told: impl Fn(&Value) -> bool) -> Value {
        self.harness.shows(&format!("/v1/calls/{call}"), told).await
    }

    /// Calls that the carrier has.
    fn placed(&self) -> usize {
        self.sandbox.twilio()[format!("AC{}", "0".repeat(32))]["calls"].as_array().map_or(0, Vec::len)
    }

    fn fail(&self, times: u32, fault: TwilioFault) {
        let rule = TwilioRule {
            resource: "Calls".to_owned(),
            method: Some("POST".to_owned()),
            times: Some(times),
            fault: Some(fault),
            ..TwilioRule::default()
        };
        self.sandbox.knobs().change(|knobs| knobs.twilio_rest.rules = vec![rule]);
    }

    fn callee(&self, change: impl FnOnce(&mut Callee)) {
        self.sandbox.knobs().change(|knobs| change(&mut knobs.twilio_rest.callee));
    }
}

fn busy(callee: &mut Callee) {
    callee.outcome = "busy".to_owned();
}

#[tokio::test]
async fn a_call_is_placed_from_the_primary_number_and_its_end_is_told() {
    let stage = Stage::new().await;
    stage.callee(busy);
    let call = stage.place(&json!({ "to": CALLEE })).await;
    let shown = stage.when(&call, |shown| shown["status"] == "busy").await;
    assert_eq!(
        (&shown["from"], &shown["to"], &shown["direction"]),
        (&json!(OWN), &json!(CALLEE), &json!("outbound"))
    );
    assert!(shown["carrier_call_id"].as_str().unwrap().starts_with("CA"));
    let all = stage.harness.get("/v1/calls?direction=outbound").await.json();
    assert_eq!((all["data"].as_array().unwrap().len(), stage.placed()), (1, 1), "its webhooks made no other");
}

#[tokio::test]
async fn the_same_request_twice_is_one_call() {
    let stage = Stage::new().await;
    stage.callee(busy);
    let body = json!({ "to": CALLEE });
    let first = stage.post("/v1/calls", &body, Some("once")).await;
    let again = stage.post("/v1/calls", &body, Some("once")).await;
    assert_eq!((first.status.as_u16(), first.text()), (202, again.text()));
    let id = first.json()["id"].as_str().unwrap().to_owned();
    stage.when(&id, |shown| shown["status"] == "busy").await;
    assert_eq!(stage.placed(), 1);
}

#[tokio::test]
async fn a_call_whose_answer_was_lost_is_found_and_not_placed_again() {
    for fault in
        [TwilioFault::LoseAnswer, TwilioFault::Error { status: 500, code: None, retry_after_ms: None }]
    {
        let stage = Stage::new().await;
        stage.callee(busy);
        stage.fail(1, fault);
        let call = stage.place(&json!({ "to": CALLEE })).await;
        stage.when(&call, |shown| shown["status"] == "busy").await;
        assert_eq!(stage.placed(), 1);
    }
}

#[tokio::test]
async fn a_process_that_is_killed_while_it_places_a_call_neither_loses_nor_doubles_it() {
    let stage = Stage::new().await;
    stage.callee(busy);
    // The carrier does it and never says so.
    stage.fail(1, TwilioFault::NeverAnswer);
    let call = stage.place(&json!({ "to": CALLEE })).await;
    until(async || (stage.placed() > 0).then_some(()), "a call at the carrier").await;
    let stage = stage.killed_and_started_again().await;
    stage.when(&call, |shown| shown["carrier_call_id"].is_string() && shown["status"] != "queued").await;
    // Killed before anything was sent.
    stage.fail(1_000, TwilioFault::Refuse);
    let other = stage.place(&json!({ "to": CALLEE })).await;
    let stage = stage.killed_and_started_again().await;
    stage.sandbox.knobs().change(|knobs| knobs.twilio_rest.rules.clear());
    stage.when(&other, |shown| shown["status"] == "busy").await;
    assert_eq!(stage.placed(), 2);
}

#[tokio::test]
async fn what_the_carrier_refuses_has_failed_and_says_why() {
    let stage = Stage::new().await;
    stage.fail(1, TwilioFault::Error { status: 400, code: Some(21_216), retry_after_ms: None });
    let call = stage.place(&json!({ "to": CALLEE })).await;
    let shown = stage.when(&call, |shown| shown["status"] == "failed").await;
    assert!(shown["events"].to_string().contains("21216"), "{shown}");
    assert_eq!(stage.placed(), 0);
}

#[tokio::test]
async fn only_own_numbers_are_shown_to_the_one_called() {
    let stage = Stage::new().await;
    for (body, pointer) in [
        (json!({ "to": CALLEE, "from": "+15550177" }), "/from"),
        (json!({ "to": "soon" }), "/to"),
        (json!({ "to": CALLEE, "assistant": "asst_00000000000000000000000000" }), "/assistant"),
        (json!({ "to": CALLEE, "not_before": "tomorrow" }), "/not_before"),
        (
            json!({ "to": CALLEE, "voicemail": { "do": "leave_message", "message": "" } }),
            "/voicemail/message",
        ),
    ] {
        let answer = stage.post("/v1/calls", &body, None).await;
        assert_eq!(answer.problem(422), "invalid_body", "{body}");
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{body}");
    }
    assert_eq!(stage.placed(), 0);
}

#[tokio::test]
async fn a_call_that_is_planned_waits_for_its_time_and_can_be_called_off() {
    let stage = Stage::new().await;
    let in_an_hour = jiff::Timestamp::now().checked_add(jiff::SignedDuration::from_hours(1)).unwrap();
    let call = stage.place(&json!({ "to": CALLEE, "not_before": in_an_hour.to_string() })).await;
    let live = stage.harness.get("/v1/calls?status=live").await.json();
    assert_eq!(live["data"][0]["id"], call.as_str());
    let hang_up = format!("/v1/calls/{call}/hang-up");
    let answer = stage.post(&hang_up, &json!({}), Some("off")).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    stage.when(&call, |shown| shown["status"] == "canceled").await;
    assert_eq!(stage.placed(), 0);
    let repeated = stage.post(&hang_up, &json!({}), Some("off")).await;
    assert_eq!((repeated.status.as_u16(), repeated.header("idempotent-replayed")), (202, "true"));
    let again = stage.post(&hang_up, &json!({}), None).await;
    assert_eq!(again.problem(409), "call_not_live");
}

#[tokio::test]
async fn a_machine_hears_the_message_or_is_hung_up_on() {
    let stage = Stage::new().await;
    stage.callee(|callee| callee.answered_by = "machine_end_beep".to_owned());
    let call = stage
        .place(&json!({ "to": CALLEE, "voicemail": { "do": "leave_message", "message": "Call <us> back." } }))
        .await;
    stage.when(&call, |shown| shown["status"] == "completed").await;
    let log: Vec<String> =
        stage.sandbox.log().entries().iter().map(|entry| format!("{:?}", entry.event)).collect();
    let messages = log.iter().filter(|line| line.contains("Call &lt;us&gt; back.")).count();
    assert_eq!(messages, 1, "{log:#?}");
}

#[tokio::test]
async fn the_old_route_places_a_call_too() {
    let stage = Stage::new().await;
    stage.callee(busy);
    let answer = stage.post("/api/real/voice/call", &json!({ "phoneNumber": CALLEE }), None).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["success"]), (202, &json!(true)), "{}", answer.text());
    let id = answer.json()["call"]["id"].as_str().unwrap().to_owned();
    stage.when(&id, |shown| shown["status"] == "busy").await;
}

#[tokio::test]
async fn what_is_not_live_here_takes_no_orders() {
    let stage = Stage::new().await;
    stage.callee(busy);
    let call = stage.place(&json!({ "to": CALLEE })).await;
    stage.when(&call, |shown| shown["status"] == "busy").await;
    for (order, body) in [
        ("say", json!({ "text": "Hello." })),
        ("mute", json!({})),
        ("unmute", json!({})),
        ("transfer", json!({ "to": "+15550123" })),
        ("hang-up", json!({})),
    ] {
        let answer = stage.post(&format!("/v1/calls/{call}/{order}"), &body, None).await;
        assert_eq!(answer.problem(409), "call_not_live", "{order}");
    }
    let unknown = stage.post("/v1/calls/call_00000000000000000000000000/mute", &json!({}), None).await;
    assert_eq!(unknown.problem(404), "not_found");
}

#[tokio::test]
async fn a_call_that_the_carrier_is_just_asked_to_place_is_not_called_off_unseen() {
    let stage = Stage::new().await;
    let in_an_hour = jiff::Timestamp::now().checked_add(jiff::SignedDuration::from_hours(1)).unwrap();
    let call = stage.place(&json!({ "to": CALLEE, "not_before": in_an_hour.to_string() })).await;
    let store = open_store(&stage.harness.folder).await;
    let part = store.tenant(&TenantId::known("ten_1"));
    let id = CallId::parse(&call).unwrap();
    // Whoever places it has noted so, and has not come to the end of it.
    let mut plan: Value =
        serde_json::from_str(&part.call(&id).await.unwrap().unwrap().outbound.unwrap()).unwrap();
    plan["sent_at"] = json!(1);
    let mut tx = part.begin(&Actor::system("test"), 1).await.unwrap();
    tx.learn(&id, &CallFacts { outbound: Some(plan.to_string()), ..CallFacts::default() }).await.unwrap();
    let hang_up = format!("/v1/calls/{call}/hang-up");
    let nothing = json!({});
    let mut asked = std::pin::pin!(stage.post(&hang_up, &nothing, None));
    // It looks at the call, and waits for whoever has it.
    assert!(tokio::time::timeout(Duration::from_millis(200), &mut asked).await.is_err());
    tx.commit().await.unwrap();
    assert_eq!(asked.await.problem(409), "call_not_live");
    let shown = stage.harness.get(&format!("/v1/calls/{call}")).await.json();
    assert_eq!(shown["status"], "queued", "it is still being placed");
}
