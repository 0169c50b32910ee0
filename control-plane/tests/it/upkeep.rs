//! What nobody tells is found out: calls that ended while the node that had them was dead, and the months of the numbers.

use crate::support::*;
use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use control_plane::{ControlPlane, settings::ControlPlaneSettings};
use engine::provider::AbortOnDrop;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::net::TcpListener;
use twilio_rest::TwilioOptions;

/// What the carrier says of its calls when it is asked.
type Calls = Arc<Mutex<HashMap<String, Value>>>;

async fn carrier(calls: &Calls) -> (String, AbortOnDrop) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let path = "/2010-04-01/Accounts/{account}/Calls/{call}";
    let router = Router::new().route(path, get(call_at_carrier)).with_state(Arc::clone(calls));
    let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, AbortOnDrop(server))
}

async fn call_at_carrier(
    State(calls): State<Calls>,
    Path((_, call)): Path<(String, String)>,
) -> (StatusCode, Json<Value>) {
    match calls.lock().unwrap().get(call.trim_end_matches(".json")) {
        Some(known) => (StatusCode::OK, Json(known.clone())),
        None => {
            (StatusCode::NOT_FOUND, Json(json!({ "code": 20404, "message": "not found", "status": 404 })))
        }
    }
}

fn looks_soon(settings: &mut ControlPlaneSettings, carrier: &str) {
    settings.twilio = TwilioOptions::at(carrier.parse().unwrap());
    settings.limits.upkeep.every = Duration::from_millis(20);
    settings.limits.upkeep.stale_after = Duration::ZERO;
}

fn sid(number: usize) -> String {
    format!("CA{number:032}")
}

#[tokio::test]
async fn a_call_whose_node_was_killed_and_whose_end_nobody_told_is_over_when_the_carrier_says_so() {
    let calls = Calls::default();
    let (url, _carrier) = carrier(&calls).await;
    let harness = Harness::new().await;
    for number in 0..4 {
        let call = harness.streaming(&sid(number)).await;
        harness.call_when(&call, |call| call["status"] == "in_progress").await;
    }
    // The first and the second have ended, the third goes on, the fourth is forgotten.
    let ended = |status: &str| json!({ "sid": sid(0), "status": status, "duration": "61", "end_time": "Sat, 21 Nov 2026 10:00:00 +0000" });
    calls.lock().unwrap().extend([
        (sid(0), ended("completed")),
        (sid(1), json!({ "sid": sid(1), "status": "no-answer", "duration": "0" })),
        (sid(2), json!({ "sid": sid(2), "status": "in-progress", "duration": null })),
    ]);
    let Harness { plane, router, key, folder } = harness;
    drop((plane, router));
    let mut again = settings(&folder).await;
    looks_soon(&mut again, &url);
    let plane = ControlPlane::open(again).await.unwrap().control_plane;
    let harness = Harness { router: plane.router(), plane, key, folder };
    let _background = harness.plane.background();
    let states = async || {
        let listed = harness.get("/v1/calls").await.json();
        let listed = listed["data"].as_array().unwrap().iter();
        let mut states: Vec<_> = listed
            .map(|call| (call["carrier_call_id"].clone(), call["status"].clone(), call["duration_s"].clone()))
            .collect();
        states.sort_by_key(|(sid, ..)| sid.to_string());
        let in_progress = states.iter().filter(|(_, status, _)| status == "in_progress").count();
        (in_progress == 1).then_some(states)
    };
    let states = until(states, "one call alone that goes on").await;
    let statuses: Vec<_> = states.iter().map(|(_, status, _)| status.as_str().unwrap()).collect();
    assert_eq!(statuses, ["completed", "no_answer", "in_progress", "failed"]);
}

#[tokio::test]
async fn a_call_that_this_node_has_is_not_asked_for() {
    let calls = Calls::default();
    let (url, _carrier) = carrier(&calls).await;
    let harness = Harness::with(|settings| looks_soon(settings, &url)).await;
    let call = harness.streaming(&sid(0)).await;
    // One that nobody has, whose end shows that a round has gone by.
    harness.incoming(&sid(1)).await;
    let _background = harness.plane.background();
    harness.shows("/v1/calls", |listed| listed["data"][0]["status"] == "failed").await;
    harness.call_when(&call, |shown| shown["status"] == "in_progress").await;
}

#[tokio::test]
async fn a_months_numbers_are_noted_once_however_often_it_is_started() {
    let harness = Harness::with(|settings| settings.limits.upkeep.every = Duration::from_millis(20)).await;
    let number = json!({ "e164": "+15550177", "carrier_sid": format!("PN{}", "0".repeat(32)) });
    let made = harness.post_json("/v1/numbers", &number).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let budget = json!({
        "name": "Numbers", "kind": "phone_number", "period": "month", "limit": "0.000001", "alert_percents": [100],
    });
    assert_eq!(harness.post_json("/v1/budgets", &budget).await.status, StatusCode::CREATED);
    let months = async |harness: &Harness, uses: i64| {
        let noted = async || {
            let usage = harness.get("/v1/usage").await.json();
            let mut lines = usage["data"].as_array().unwrap().iter();
            let line = lines.find(|line| line["kind"] == "phone_number")?;
            (line["uses"].as_i64() >= Some(uses)).then(|| line.clone())
        };
        until(noted, "a month that is noted").await
    };
    let background = harness.plane.background();
    let noted = months(&harness, 1).await;
    // The number that stands only in the configuration is not the carrier's, as far as we know.
    assert_eq!((&noted["uses"], &noted["unit"]), (&json!(1), &json!("month")));
    drop(background);
    let harness = harness.killed_and_started_again().await;
    let other = json!({ "e164": "+15550178", "carrier_sid": format!("PN{}1", "0".repeat(31)) });
    assert_eq!(harness.post_json("/v1/numbers", &other).await.status, StatusCode::CREATED);
    let _background = harness.plane.background();
    // The round that notes the other one goes over the first again.
    assert_eq!(months(&harness, 2).await["uses"], 2);
}
