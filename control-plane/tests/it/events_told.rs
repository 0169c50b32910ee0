//! What happens is told to customers' servers and to those who run the platform, each once and with the payload that the OpenAPI
//! document describes, through the routes by which it happens.

use crate::{customer_webhooks::*, support::*};
use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, Method, Request, StatusCode},
};
use engine::{
    call::wav::{WavFormat, WavWriter},
    ports::EndReason,
    provider::Secret,
};
use fixtures::sandbox::{Sandbox, SandboxOptions};
use serde_json::{Value, json};
use std::time::Duration;
use twilio_rest::{Credentials, TwilioOptions};

const SID: &str = "CA00000000000000000000000000000001";
const MAIN: &str = "AC00000000000000000000000000000000";
/// What a test waits for at most.
const LIMIT: Duration = Duration::from_secs(30);

/// The tenant's endpoint for all events, or one group of them.
async fn listen(harness: &Harness, events: &[&str]) -> Listener {
    let (url, came, server) = receiver().await;
    let form = json!({ "url": url, "name": "Ours", "events": events });
    let made = harness.post_json("/v1/webhook-endpoints", &form).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    Listener { came, _server: server }
}

struct Listener {
    came: Came,
    _server: engine::provider::AbortOnDrop,
}

impl Listener {
    /// The messages once there are so many; each has an id of its own, and is what the document says.
    async fn told(&self, harness: &Harness, count: usize) -> Vec<Value> {
        let all = when(&self.came, count).await;
        let document = harness.get("/v1/openapi.json").await.json();
        all.iter().map(|message| read(&document, message)).collect()
    }

    /// The kinds of all that came, once `last` was told, and the messages.
    async fn until(&self, harness: &Harness, last: &str) -> Vec<Value> {
        let waiting = async {
            let mut count = 1;
            loop {
                let all = self.told(harness, count).await;
                if all.iter().any(|message| message["type"] == last) {
                    return all;
                }
                count = all.len() + 1;
            }
        };
        tokio::time::timeout(LIMIT, waiting).await.expect("it is never told")
    }
}

/// A message, whose data has just the fields that are described.
fn read(document: &Value, (_, body): &(HeaderMap, Bytes)) -> Value {
    let message: Value = serde_json::from_slice(body).unwrap();
    let kind = message["type"].as_str().unwrap();
    let schema = &document["webhooks"][kind]["post"]["requestBody"]["content"]["application/json"]["schema"];
    let reference = schema["properties"]["data"]["$ref"].as_str().unwrap();
    let described = document.pointer(reference.strip_prefix('#').unwrap()).unwrap();
    let mut described: Vec<_> = described["properties"].as_object().unwrap().keys().collect();
    let mut told: Vec<_> = message["data"].as_object().unwrap().keys().collect();
    described.sort();
    told.sort();
    assert_eq!(told, described, "{message}");
    message
}

fn kinds(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_recording_that_can_be_heard_is_told_once() {
    let harness = harness().await;
    let listener = listen(&harness, &["recording.*"]).await;
    let call = harness.streaming(SID).await;
    let path = harness.folder.0.join(format!("recordings/ten_1/{call}.wav"));
    WavWriter::resume(&path, WavFormat::CALL).unwrap().append(&vec![500; 16_000]).unwrap();
    harness.tell(&call, ended(EndReason::CallerHungUp));
    let told = listener.told(&harness, 1).await;
    assert_eq!(kinds(&told), ["recording.ready"]);
    let data = &told[0]["data"];
    assert_eq!((&data["call_id"], &data["source"]), (&json!(call.0), &json!("tandem")));
    let recordings = harness.get("/v1/recordings").await.json();
    let [recording] = &recordings["data"].as_array().unwrap()[..] else { panic!("{recordings}") };
    assert_eq!((&data["recording_id"], &data["bytes"]), (&recording["id"], &recording["bytes"]));
    assert_eq!(listener.came.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_message_that_a_caller_left_is_told_once_however_often_the_carrier_reports_it() {
    let harness = harness().await;
    let listener = listen(&harness, &["voicemail.*", "webhook_endpoint.*"]).await;
    harness.incoming(SID).await;
    let mut fields = call_fields(SID, "in-progress");
    fields.extend([("RecordingSid", "RE00000000000000000000000000000001"), ("RecordingDuration", "7")]);
    for _ in 0..2 {
        harness.hook("/api/voice/recording-complete", &fields).await;
    }
    fields.extend([("TranscriptionStatus", "completed"), ("TranscriptionText", "Please call me back.")]);
    harness.hook("/api/voice/transcription-complete", &fields).await;
    let told = listener.told(&harness, 1).await;
    assert_eq!(kinds(&told), ["voicemail.received"]);
    let shown = harness.get("/v1/voicemails").await.json()["data"][0].clone();
    let data = &told[0]["data"];
    assert_eq!((&data["voicemail_id"], &data["from"]), (&shown["id"], &json!(CALLER)));
    assert_eq!((&data["duration_s"], &data["transcript"]), (&json!(7), &Value::Null));
    assert_eq!(listener.came.lock().unwrap().len(), 1);
}

/// A control plane whose carrier is the sandbox, and which may reach endpoints on this machine.
async fn with_carrier(sandbox: &Sandbox) -> Harness {
    Harness::with(|settings| {
        reachable(settings);
        settings.twilio = TwilioOptions {
            settle: Duration::from_millis(50),
            settle_poll: Duration::from_millis(10),
            ..TwilioOptions::at(sandbox.base_url().parse().unwrap())
        };
        settings.platform_account = Some(Credentials::AuthToken {
            account_sid: MAIN.parse().unwrap(),
            auth_token: Secret::new("sandbox"),
        });
        settings.tenant.twilio.account_sid = String::new();
    })
    .await
}

async fn until_job(harness: &Harness, path: &str, status: &str) {
    harness.shows(path, |job| job["status"] == status).await;
}

#[tokio::test]
async fn a_number_that_is_bought_changed_and_given_back_is_told() {
    let sandbox = Sandbox::start(SandboxOptions::without_delay()).await.unwrap();
    let harness = with_carrier(&sandbox).await;
    let _background = harness.plane.background();
    let listener = listen(&harness, &["number.*"]).await;
    let path = "/v1/tenants/ten_1/provisioning";
    assert_eq!(harness.post_json(path, &json!({})).await.status, StatusCode::ACCEPTED);
    until_job(&harness, path, "done").await;
    let offers = harness.get("/v1/numbers/available?area_code=555").await.json();
    let e164 = offers["data"][0]["e164"].clone();
    let ordered =
        harness.post_json("/v1/numbers/order", &json!({ "e164": e164, "name": "Desk" })).await.json();
    let job = format!("/v1/jobs/{}", ordered["job"]["id"].as_str().unwrap());
    until_job(&harness, &job, "done").await;
    let number = format!("/v1/numbers/{}", ordered["number"].as_str().unwrap());
    for _ in 0..2 {
        // The second changes nothing.
        let changed = harness.patch_json(&number, &json!({ "greeting": "Welcome!" })).await;
        assert_eq!(changed.status, StatusCode::OK, "{}", changed.text());
    }
    assert_eq!(
        harness.post_json(&format!("{number}/release"), &json!({})).await.status,
        StatusCode::ACCEPTED
    );
    until_job(&harness, &job, "undone").await;
    let mut told = listener.until(&harness, "number.released").await;
    if told.len() < 5 {
        told = listener.told(&harness, 5).await;
    }
    let of = |kind: &str| -> Vec<Value> {
        told.iter().filter(|message| message["type"] == kind).map(|message| message["data"].clone()).collect()
    };
    let [bought] = &of("number.purchased")[..] else { panic!("{told:?}") };
    assert_eq!((&bought["e164"], &bought["number_id"]), (&e164, &ordered["number"]));
    assert!(bought["carrier_number_id"].as_str().unwrap().starts_with("PN"), "{bought}");
    assert_eq!(of("number.released").len(), 1, "{told:?}");
    let mut changes: Vec<_> =
        of("number.changed").iter().map(|change| json!([change["status"], change["changed"]])).collect();
    changes.sort_by_key(Value::to_string);
    let expected =
        [json!(["active", ["greeting"]]), json!(["active", ["status"]]), json!(["inactive", ["status"]])];
    assert_eq!(changes, expected);
}

/// An endpoint of those who run the platform.
async fn platforms_listener(harness: &Harness) -> Listener {
    let (url, came, server) = receiver().await;
    let platform = store::TenantId::platform();
    let key = harness.plane.issue_key(&platform.as_str().into(), "platform").await.unwrap();
    let form = json!({ "url": url, "name": "On call", "events": ["health.*", "budget.*"] });
    let request = Request::builder()
        .method(Method::POST)
        .uri("/v1/webhook-endpoints")
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {}", key.reveal()))
        .header("tandem-tenant", platform.as_str());
    let made = harness.send(request.body(Body::from(form.to_string())).unwrap()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    Listener { came, _server: server }
}

#[tokio::test]
async fn a_provider_that_fails_and_recovers_is_told_to_the_tenant_and_the_platform() {
    let sandbox = Sandbox::start(SandboxOptions::without_delay()).await.unwrap();
    let harness = Harness::with(|settings| {
        reachable(settings);
        settings.twilio = TwilioOptions::at(sandbox.base_url().parse().unwrap());
        settings.tenant.twilio.account_sid = MAIN.to_owned();
        settings.tenant.twilio.auth_token = Secret::new("sandbox");
    })
    .await;
    let (ours, theirs) = (listen(&harness, &["health.*"]).await, platforms_listener(&harness).await);
    let check = async || harness.post_json("/v1/health/providers/check", &json!({})).await.json();
    assert_eq!(check().await["status"], "HEALTHY");
    let rule = fixtures::sandbox::TwilioRule {
        resource: "Accounts".to_owned(),
        fault: Some(fixtures::sandbox::TwilioFault::Error {
            status: 401,
            code: Some(20003),
            retry_after_ms: None,
        }),
        ..fixtures::sandbox::TwilioRule::default()
    };
    sandbox.knobs().change(|knobs| knobs.twilio_rest.rules = vec![rule]);
    for _ in 0..2 {
        assert_eq!(check().await["status"], "DOWN");
    }
    sandbox.knobs().change(|knobs| knobs.twilio_rest.rules = Vec::new());
    assert_eq!(check().await["status"], "HEALTHY");
    for listener in [&ours, &theirs] {
        let told = listener.told(&harness, 2).await;
        let mut kinds = kinds(&told);
        kinds.sort_unstable();
        assert_eq!(kinds, ["health.down", "health.recovered"]);
        let down = told.iter().find(|message| message["type"] == "health.down").unwrap();
        let data = &down["data"];
        assert_eq!((&data["tenant_id"], &data["provider"]), (&json!("ten_1"), &json!("twilio")));
        assert_eq!(
            (&data["status"], &data["before"], &data["critical"]),
            (&json!("down"), &json!("healthy"), &json!(true))
        );
    }
    // Each is one event, whoever is told.
    let ids = |listener: &Listener| {
        let mut ids: Vec<_> =
            listener.came.lock().unwrap().iter().map(|(headers, _)| headers["webhook-id"].clone()).collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(&ours), ids(&theirs));
}

#[tokio::test]
async fn a_budget_that_comes_to_a_threshold_is_told_to_the_tenant_and_the_platform() {
    let harness = Harness::with(|settings| {
        reachable(settings);
        settings.limits.work.poll = Duration::from_millis(10);
    })
    .await;
    let (ours, theirs) = (listen(&harness, &["budget.*"]).await, platforms_listener(&harness).await);
    let budget = json!({
        "name": "Calls", "kind": "voice_inbound", "period": "month", "limit": "0.008", "alert_percents": [50, 100],
    });
    let budget = harness.post_json("/v1/budgets", &budget).await;
    assert_eq!(budget.status, StatusCode::CREATED, "{}", budget.text());
    let call = harness.streaming(SID).await;
    harness.tell(&call, ended(EndReason::CallerHungUp));
    harness.call_when(&call, |shown| shown["status"] == "completed").await;
    let mut fields = call_fields(SID, "completed");
    fields.extend([("CallDuration", "61"), ("Price", "-0.0085"), ("PriceUnit", "USD")]);
    for _ in 0..2 {
        assert_eq!(harness.hook("/api/voice/status", &fields).await.status, StatusCode::OK);
    }
    for listener in [&ours, &theirs] {
        let told = listener.told(&harness, 2).await;
        let mut kinds = kinds(&told);
        kinds.sort_unstable();
        assert_eq!(kinds, ["budget.exceeded", "budget.warned"]);
        let warned = told.iter().find(|message| message["type"] == "budget.warned").unwrap();
        let data = &warned["data"];
        assert_eq!((&data["budget_id"], &data["percent"]), (&budget.json()["id"], &json!(50)));
        assert_eq!(
            (&data["spent"], &data["limit"], &data["currency"]),
            (&json!("0.0085"), &json!("0.008"), &json!("USD"))
        );
        assert_eq!(data["tenant_id"], "ten_1");
    }
}
