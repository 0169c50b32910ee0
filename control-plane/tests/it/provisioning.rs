//! A tenant and its numbers are set up over the API, and its providers' health is told.

use crate::support::{Answer, Harness};
use axum::{body::Body, http::Request};
use engine::provider::Secret;
use fixtures::sandbox::{Sandbox, SandboxOptions};
use serde_json::{Value, json};
use std::time::Duration;
use twilio_rest::{Credentials, TwilioOptions};

const MAIN: &str = "AC00000000000000000000000000000000";
/// What a test waits for at most.
const LIMIT: Duration = Duration::from_secs(30);

async fn harness(sandbox: &Sandbox) -> Harness {
    Harness::with(|settings| {
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

async fn send(harness: &Harness, method: &str, path: &str, body: Option<Value>) -> Answer {
    send_with(Request::builder(), harness, method, path, body).await
}

async fn send_with(
    request: axum::http::request::Builder,
    harness: &Harness,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> Answer {
    let request = request
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {}", harness.key))
        .header("content-type", "application/json");
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    harness.send(request.body(body).unwrap()).await
}

/// Asks until the job has this status.
async fn until(harness: &Harness, path: &str, status: &str) -> Value {
    let asking = async {
        loop {
            let job = send(harness, "GET", path, None).await.json();
            if job["status"] == status {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LIMIT, asking).await.expect("it never comes so far")
}

#[tokio::test]
async fn a_tenant_and_its_number_are_set_up_and_given_back() {
    let sandbox = Sandbox::start(SandboxOptions::without_delay()).await.unwrap();
    let harness = harness(&sandbox).await;
    let _background = harness.plane.background();
    let health = send(&harness, "GET", "/v1/health/providers", None).await.json();
    assert_eq!(
        (&health["status"], &health["critical"]),
        (&json!("NOT_CONFIGURED"), &json!(false)),
        "{health}"
    );

    let path = "/v1/tenants/ten_1/provisioning";
    let ordered = send(&harness, "POST", path, Some(json!({}))).await;
    assert_eq!(ordered.status, 202, "{}", ordered.text());
    until(&harness, path, "done").await;
    let again = send(&harness, "POST", path, Some(json!({}))).await;
    assert_eq!(again.problem(409), "taken");

    let offers = send(&harness, "GET", "/v1/numbers/available?area_code=555&limit=3", None).await.json();
    assert_eq!(offers["data"].as_array().map(Vec::len), Some(3), "{offers}");
    let e164 = offers["data"][0]["e164"].as_str().unwrap();
    let order = json!({ "e164": e164, "name": "Desk" });
    let order_once = async || {
        let request = Request::builder().header("idempotency-key", "desk");
        send_with(request, &harness, "POST", "/v1/numbers/order", Some(order.clone())).await
    };
    let ordered = order_once().await;
    assert_eq!(ordered.status, 202, "{}", ordered.text());
    let ordered = ordered.json();
    let job = format!("/v1/jobs/{}", ordered["job"]["id"].as_str().unwrap());
    until(&harness, &job, "done").await;
    assert_eq!(order_once().await.json(), ordered, "a repeated order is no second one");
    assert_eq!(send(&harness, "POST", "/v1/numbers/order", Some(order.clone())).await.problem(409), "taken");

    let number = format!("/v1/numbers/{}", ordered["number"].as_str().unwrap());
    let there = send(&harness, "GET", &format!("{number}/carrier"), None).await.json();
    assert_eq!(there, json!({ "ours": true, "differences": [] }));

    let health = send(&harness, "POST", "/v1/health/providers/check", None).await.json();
    assert_eq!(health["status"], "HEALTHY", "{health}");
    let [twilio] = &health["dependencies"].as_array().unwrap()[..] else { panic!("{health}") };
    assert_eq!(
        twilio["details"],
        json!({ "credentialSource": "company:A tenant", "accountStatus": "active" })
    );

    assert_eq!(send(&harness, "POST", &format!("{number}/release"), None).await.status, 202);
    until(&harness, &job, "undone").await;
    let token = send(&harness, "POST", "/v1/softphone/token", None).await;
    assert_eq!(token.problem(403), "forbidden", "a key is no person");
}

#[tokio::test]
async fn credentials_are_tried_before_they_are_stored_and_never_shown() {
    let sandbox = Sandbox::start(SandboxOptions::without_delay()).await.unwrap();
    let harness = harness(&sandbox).await;
    let path = "/v1/tenants/ten_1/provisioning";
    let wrong = json!({ "account": { "sid": MAIN, "auth_token": "CANARY" } });
    let refused = send(&harness, "POST", path, Some(wrong)).await;
    assert_eq!(refused.problem(422), "credentials_rejected");
    assert!(!refused.text().contains("CANARY"));
    assert_eq!(send(&harness, "GET", path, None).await.problem(404), "not_found", "nothing was stored");
    let no_sid = json!({ "account": { "sid": "AC1", "auth_token": "x" } });
    assert_eq!(send(&harness, "POST", path, Some(no_sid)).await.problem(422), "invalid_body");
    let right = json!({ "account": { "sid": MAIN, "auth_token": "sandbox" } });
    let ordered = send(&harness, "POST", path, Some(right)).await;
    assert_eq!(ordered.status, 202, "{}", ordered.text());
    assert!(!ordered.text().contains("sandbox"));
}

#[tokio::test]
async fn the_platforms_health_is_not_a_tenants_to_see() {
    let sandbox = Sandbox::start(SandboxOptions::without_delay()).await.unwrap();
    let harness = harness(&sandbox).await;
    let path = "/api/admin/notifications/dependency-health";
    assert_eq!(send(&harness, "GET", path, None).await.problem(403), "forbidden");
}
