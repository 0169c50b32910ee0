//! What a call cost is noted when it is over, the carrier's price over the estimate, and budgets tell of it.

use crate::{
    seed::{Seed, USER, stored},
    support::{Answer, Harness, call_fields, ended, turn},
};
use axum::{body::Body, http::Request};
use engine::ports::{CallEvent, EndReason};
use serde_json::{Value, json};
use std::time::Duration;
use store::{
    TenantId,
    model::{audit::AuditFilter, number::Destination},
};

const SID: &str = "CA00000000000000000000000000000001";

async fn post(harness: &Harness, path: &str, body: Value) -> Answer {
    let request = Request::post(path)
        .header("authorization", format!("Bearer {}", harness.key))
        .header("content-type", "application/json");
    harness.send(request.body(Body::from(body.to_string())).unwrap()).await
}

async fn usage_when(harness: &Harness, call: &str, told: impl Fn(&Value) -> bool) -> Value {
    harness.shows(&format!("/v1/calls/{call}/usage"), told).await
}

fn cost(usage: &Value, kind: &str) -> Value {
    let line = usage["data"].as_array().unwrap().iter().find(|line| line["kind"] == kind).unwrap();
    json!([line["cost"], line["estimated"]])
}

async fn over(harness: &Harness, more: &[(&str, &str)]) -> String {
    let call = harness.streaming(SID).await;
    harness.tell(&call, CallEvent::Turn(turn(1, "Hello?", "Hello.")));
    harness.tell(&call, ended(EndReason::CallerHungUp));
    harness.call_when(&call, |shown| shown["status"] == "completed").await;
    let fields: Vec<_> = call_fields(SID, "completed").into_iter().chain(more.iter().copied()).collect();
    assert_eq!(harness.hook("/api/voice/status", &fields).await.status, 200);
    call.0
}

#[tokio::test]
async fn a_call_is_priced_when_it_is_over() {
    let harness = Harness::with(|settings| settings.limits.work.poll = Duration::from_millis(10)).await;
    let call = over(&harness, &[("CallDuration", "61")]).await;
    let usage =
        usage_when(&harness, &call, |usage| usage["data"].as_array().is_some_and(|data| !data.is_empty()))
            .await;
    assert_eq!(cost(&usage, "voice_inbound"), json!(["0.017", true]));
    // 15 tokens at 0.06 for 1,000.
    assert_eq!(cost(&usage, "ai_tokens"), json!(["0.0009", true]));
    let report = harness.get("/v1/usage").await.json();
    let of_voice =
        report["data"].as_array().unwrap().iter().find(|line| line["kind"] == "voice_inbound").unwrap();
    assert_eq!((&of_voice["quantity"], &of_voice["cost"]), (&json!("2"), &json!("0.017")));
}

#[tokio::test]
async fn the_carriers_price_goes_over_the_estimate_and_budgets_tell_once() {
    let harness = Harness::with(|settings| settings.limits.work.poll = Duration::from_millis(10)).await;
    let budget = json!({
        "name": "Calls", "kind": "voice_inbound", "period": "month", "limit": "0.02", "alert_percents": [40, 90],
    });
    let budget = post(&harness, "/v1/budgets", budget).await;
    assert_eq!(budget.status, 201, "{}", budget.text());
    let call = over(&harness, &[("CallDuration", "61"), ("Price", "-0.0085"), ("PriceUnit", "USD")]).await;
    let usage =
        usage_when(&harness, &call, |usage| usage["data"].as_array().is_some_and(|data| !data.is_empty()))
            .await;
    assert_eq!(cost(&usage, "voice_inbound"), json!(["0.0085", false]));
    // The alert is the last that is done for a call.
    let alerted =
        |lines: &Value| lines["data"].as_array().unwrap().iter().any(|line| line["action"] == "budget.alert");
    harness.shows("/v1/audit-log", alerted).await;
    let state = harness.get("/v1/budgets").await.json()["data"][0].clone();
    assert_eq!((&state["spent"], &state["percent"]), (&json!("0.0085"), &json!(42)));
    // Told again of the same end, nothing is added and nobody is alerted again.
    let fields: Vec<_> = call_fields(SID, "completed").into_iter().chain([("CallDuration", "61")]).collect();
    assert_eq!(harness.hook("/api/voice/status", &fields).await.status, 200);
    let (store, _folder) = stored(harness).await;
    let filter = AuditFilter { limit: 100, ..AuditFilter::default() };
    let lines = store.tenant(&TenantId::known("ten_1")).audit_log(&filter).await.unwrap();
    assert_eq!(lines.iter().filter(|line| line.action == "budget.alert").count(), 1);
}

#[tokio::test]
async fn a_budget_that_makes_no_sense_is_refused() {
    let harness = Harness::new().await;
    for (change, pointer) in [
        (json!({ "limit": "much" }), "/limit"),
        (json!({ "limit": "0.0000001" }), "/limit"),
        (json!({ "currency": "usd" }), "/currency"),
        (json!({ "alert_percents": [0] }), "/alert_percents/0"),
        (json!({ "name": "" }), "/name"),
    ] {
        let mut body = json!({ "name": "All", "period": "day", "limit": "5" });
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let answer = post(&harness, "/v1/budgets", body).await;
        assert_eq!(answer.problem(422), "invalid_body");
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer);
    }
    let prices = harness.get("/v1/prices").await;
    assert_eq!((prices.status.as_u16(), &prices.json()["data"]), (200, &json!([])));
    let price = json!({
        "provider": "twilio", "country": "*", "kind": "voice_inbound", "unit": "minute", "price": "0.01",
        "effective_from": "2026-01-01T00:00:00Z",
    });
    assert_eq!(
        post(&harness, "/v1/prices", price).await.problem(403),
        "forbidden",
        "prices are the platform's"
    );
}

#[tokio::test]
async fn a_budget_that_is_a_limit_holds_softphones_too() {
    let assistant = Destination::Assistant { assistant: None };
    let poll = Duration::from_millis(10);
    let harness = Seed::to(vec![assistant]).start_with(|settings| settings.limits.work.poll = poll).await;
    let dialled = async |sid: &str| {
        let (from, mut fields) = (format!("client:{USER}"), call_fields(sid, "ringing"));
        (fields[2].1, fields[3].1) = (&from, "+15550142");
        harness.hook("/api/voice/incoming", &fields).await.text().to_owned()
    };
    let budget = json!({ "name": "All", "period": "month", "limit": "0.001", "hard": true });
    assert_eq!(post(&harness, "/v1/budgets", budget).await.status, 201);
    let before = dialled("CA00000000000000000000000000000002").await;
    assert!(before.contains("<Number>+15550142</Number>"), "{before}");
    let call = over(&harness, &[("CallDuration", "61")]).await;
    usage_when(&harness, &call, |usage| usage["data"].as_array().is_some_and(|data| !data.is_empty())).await;
    let after = dialled("CA00000000000000000000000000000003").await;
    assert!(after.contains("put you through") && !after.contains("<Dial"), "{after}");
}
