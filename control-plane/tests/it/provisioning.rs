//! A tenant and its numbers are set up over the API, and its providers' health is told.

use crate::support::{Answer, Harness, until};
use axum::{body::Body, http::Request};
use engine::provider::Secret;
use fixtures::sandbox::{Sandbox, SandboxOptions};
use serde_json::{Value, json};
use std::time::Duration;
use twilio_rest::{Credentials, TwilioOptions};

const MAIN: &str = "AC00000000000000000000000000000000";

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
async fn until_it_is(harness: &Harness, path: &str, status: &str) -> Value {
    harness.shows(path, |job| job["status"] == status).await
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
    until_it_is(&harness, path, "done").await;
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
    until_it_is(&harness, &job, "done").await;
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
    until_it_is(&harness, &job, "undone").await;
    // A change would make it look as if it had been given back later than it was.
    let renamed = send(&harness, "PATCH", &number, Some(json!({ "name": "Old desk" }))).await;
    assert_eq!(renamed.problem(409), "conflict");
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

/// What those who run the platform ask. Each asks with a key of its own.
async fn platform(
    harness: &Harness,
    method: &str,
    path: &str,
    tenant: Option<&str>,
    body: Option<Value>,
) -> Answer {
    let platform = store::TenantId::platform();
    let key = harness.plane.issue_key(&platform.as_str().into(), "platform").await.unwrap();
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {}", key.reveal()))
        .header("content-type", "application/json");
    if let Some(tenant) = tenant {
        request = request.header("tandem-tenant", tenant);
    }
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    harness.send(request.body(body).unwrap()).await
}

/// Asks as the platform until what is shown is as it should be.
async fn until_shown(harness: &Harness, path: &str, tenant: &str, shown: impl Fn(&Value) -> bool) -> Value {
    let asking = async || {
        let answer = platform(harness, "GET", path, Some(tenant), None).await.json();
        shown(&answer).then_some(answer)
    };
    until(asking, &format!("what should be at {path}")).await
}

#[tokio::test]
async fn a_tenant_is_added_with_its_subaccount_and_its_number() {
    let sandbox = Sandbox::start(SandboxOptions::without_delay()).await.unwrap();
    let harness = harness(&sandbox).await;
    let order = json!({
        "name": "Example Ltd", "slug": "example",
        "provisioning": { "number": { "country": "US", "area_code": "555", "name": "Desk" } },
    });
    let made = platform(&harness, "POST", "/v1/tenants", None, Some(order)).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    assert_eq!(made["status"], "provisioning");
    let tenant = made["id"].as_str().unwrap();
    let progress = made["provisioning"].as_str().unwrap();
    assert_eq!(progress, format!("/v1/tenants/{tenant}/provisioning"));
    // Nobody works yet, and it can be followed already.
    let ordered = platform(&harness, "GET", progress, None, None).await.json();
    assert_eq!((&ordered["kind"], &ordered["status"]), (&json!("admit_tenant"), &json!("running")));

    let _background = harness.plane.background();
    let done = until_shown(&harness, progress, tenant, |job| job["status"] == "done").await;
    assert_eq!(done["done"], json!(["subaccount", "application", "key", "activation", "number"]));
    assert_eq!((&done["left"], &done["error"]), (&json!([]), &Value::Null));
    let job = format!("/v1/jobs/{}", done["number"]["job"].as_str().unwrap());
    let bought = until_shown(&harness, &job, tenant, |job| job["status"] == "done").await;
    assert_eq!(bought["done"], json!(["purchase", "webhooks", "activation"]));
    let number = format!("/v1/numbers/{}", done["number"]["id"].as_str().unwrap());
    let number_shown = platform(&harness, "GET", &number, Some(tenant), None).await.json();
    assert_eq!((&number_shown["status"], &number_shown["name"]), (&json!("active"), &json!("Desk")));
    let there = platform(&harness, "GET", &format!("{number}/carrier"), Some(tenant), None).await.json();
    assert_eq!(there, json!({ "ours": true, "differences": [] }));
    let shown = platform(&harness, "GET", &format!("/v1/tenants/{tenant}"), None, None).await.json();
    assert_eq!((&shown["status"], &shown["provisioning"]), (&json!("active"), &Value::Null));
    let world = sandbox.twilio();
    let subaccounts = world.as_object().unwrap().iter().filter(|(sid, _)| *sid != MAIN);
    let numbers: Vec<_> = subaccounts.map(|(_, all)| all["numbers"].as_array().map_or(0, Vec::len)).collect();
    assert_eq!(numbers, [1], "one subaccount with one number: {world}");
}

#[tokio::test]
async fn a_tenant_is_added_with_its_own_account_and_the_number_that_it_has() {
    let sandbox = Sandbox::start(SandboxOptions::without_delay()).await.unwrap();
    let harness = harness(&sandbox).await;
    let wrong = json!({
        "name": "Example Ltd", "slug": "example",
        "provisioning": { "account": { "sid": MAIN, "auth_token": "CANARY" } },
    });
    let refused = platform(&harness, "POST", "/v1/tenants", None, Some(wrong)).await;
    assert_eq!(refused.problem(422), "credentials_rejected");
    let listed = platform(&harness, "GET", "/v1/tenants", None, None).await;
    assert!(!listed.text().contains("example"), "nothing was stored: {}", listed.text());
    let odd = json!({
        "name": "Example Ltd", "slug": "example",
        "provisioning": { "number": { "e164": "+15550100", "country": "US" } },
    });
    let refused = platform(&harness, "POST", "/v1/tenants", None, Some(odd)).await;
    assert_eq!(refused.problem(422), "invalid_body");
    assert_eq!(refused.json()["errors"][0]["pointer"], "/provisioning/number/country");

    let world = sandbox.twilio();
    let e164 =
        world[MAIN]["numbers"][0]["phone_number"].as_str().expect("the sandbox has a number").to_owned();
    let order = json!({
        "name": "Example Ltd", "slug": "example",
        "provisioning": {
            "account": { "sid": MAIN, "auth_token": "sandbox" },
            "number": { "e164": e164, "adopt": true },
        },
    });
    let made = platform(&harness, "POST", "/v1/tenants", None, Some(order)).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert!(!made.text().contains("auth_token"));
    let made = made.json();
    let (tenant, progress) = (made["id"].as_str().unwrap(), made["provisioning"].as_str().unwrap());
    let _background = harness.plane.background();
    let done = until_shown(&harness, progress, tenant, |job| job["status"] == "done").await;
    let job = format!("/v1/jobs/{}", done["number"]["job"].as_str().unwrap());
    until_shown(&harness, &job, tenant, |job| job["status"] == "done").await;
    let number = &sandbox.twilio()[MAIN]["numbers"][0];
    assert_eq!(number["voice_url"], "https://voice.example.test/api/voice/incoming");
    assert_eq!(sandbox.twilio().as_object().unwrap().len(), 1, "no subaccount was made");
}

#[tokio::test]
async fn without_an_account_of_the_platform_a_tenant_that_needs_one_is_not_added() {
    let sandbox = Sandbox::start(SandboxOptions::without_delay()).await.unwrap();
    let harness =
        Harness::with(|settings| settings.twilio = TwilioOptions::at(sandbox.base_url().parse().unwrap()))
            .await;
    let order = json!({ "name": "Example Ltd", "slug": "example", "provisioning": {} });
    let refused = platform(&harness, "POST", "/v1/tenants", None, Some(order)).await;
    assert_eq!(refused.problem(409), "conflict");
    let listed = platform(&harness, "GET", "/v1/tenants", None, None).await;
    assert!(!listed.text().contains("example"), "{}", listed.text());
}

#[tokio::test]
async fn a_number_that_the_carrier_does_not_offer_waits_for_a_person_and_the_tenant_is_served() {
    let sandbox = Sandbox::start(SandboxOptions::without_delay()).await.unwrap();
    let harness = harness(&sandbox).await;
    let order = json!({
        "name": "Example Ltd", "slug": "example",
        // It is the tenant's of the configuration already.
        "provisioning": { "number": { "e164": crate::support::OWN_NUMBER } },
    });
    let made = platform(&harness, "POST", "/v1/tenants", None, Some(order)).await.json();
    let (tenant, progress) = (made["id"].as_str().unwrap(), made["provisioning"].as_str().unwrap());
    let _background = harness.plane.background();
    let failed = until_shown(&harness, progress, tenant, |job| job["status"] == "failed").await;
    assert_eq!((&failed["step"], &failed["left"]), (&json!("number"), &json!(["number"])));
    assert!(failed["error"].as_str().unwrap().contains("in use"), "{failed}");
    let shown = platform(&harness, "GET", &format!("/v1/tenants/{tenant}"), None, None).await.json();
    assert_eq!(shown["status"], "active");
    // A person orders another one, and the job is told to go on: it orders none beside that.
    let offers =
        platform(&harness, "GET", "/v1/numbers/available?area_code=555", Some(tenant), None).await.json();
    let other = json!({ "e164": offers["data"][0]["e164"] });
    let ordered = platform(&harness, "POST", "/v1/numbers/order", Some(tenant), Some(other)).await;
    assert_eq!(ordered.status, 202, "{}", ordered.text());
    let job = failed["id"].as_str().unwrap();
    let retried = platform(&harness, "POST", &format!("/v1/jobs/{job}/retry"), Some(tenant), None).await;
    assert_eq!(retried.status, 202, "{}", retried.text());
    let done = until_shown(&harness, progress, tenant, |job| job["status"] == "done").await;
    assert_eq!(done["number"], Value::Null);
    let numbers = platform(&harness, "GET", "/v1/numbers", Some(tenant), None).await.json();
    assert_eq!(numbers["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn only_who_may_close_a_tenant_undoes_what_set_it_up() {
    let sandbox = Sandbox::start(SandboxOptions::without_delay()).await.unwrap();
    let harness = harness(&sandbox).await;
    let _background = harness.plane.background();
    let path = "/v1/tenants/ten_1/provisioning";
    // The tenant's own key may do what an admin may, and an admin does not close the tenant.
    assert_eq!(send(&harness, "POST", path, Some(json!({}))).await.status, 202);
    let job = until_it_is(&harness, path, "done").await;
    let cancel = format!("/v1/jobs/{}/cancel", job["id"].as_str().unwrap());
    assert_eq!(send(&harness, "POST", &cancel, None).await.problem(403), "forbidden");
    let order = json!({ "e164": "+15555550111" });
    let ordered = send(&harness, "POST", "/v1/numbers/order", Some(order)).await.json();
    let number = ordered["job"]["id"].as_str().unwrap();
    until_it_is(&harness, &format!("/v1/jobs/{number}"), "done").await;
    assert_eq!(send(&harness, "POST", &format!("/v1/jobs/{number}/cancel"), None).await.status, 202);
    let shown = send(&harness, "GET", "/v1/tenant", None).await.json();
    assert_eq!(shown["status"], "active");
    assert_eq!(platform(&harness, "POST", &cancel, Some("ten_1"), None).await.status, 202);
    until_shown(&harness, path, "ten_1", |job| job["status"] == "undone").await;
}
