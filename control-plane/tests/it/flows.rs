//! Call flows, a number's configuration by its former names, and trying an incoming call out.

use crate::support::*;
use axum::http::Method;
use serde_json::{Value, json};

async fn number(harness: &Harness) -> String {
    let numbers = harness.get("/v1/numbers").await.json();
    format!("/v1/numbers/{}", numbers["data"][0]["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_number_with_a_flow_is_answered_as_the_flow_says_at_once_when_it_changes() {
    let harness = Harness::new().await;
    let number = number(&harness).await;
    let says = |text: &str| json!({ "during": [{ "to": "message", "text": text }] });
    let flow = harness
        .post_json("/v1/flows", &json!({ "name": "Front desk", "routing": says("Of the flow.") }))
        .await;
    assert_eq!(flow.status, 201, "{}", flow.text());
    let path = flow.header("location").to_owned();
    let own = json!({ "routing": says("Of the number."), "flow": flow.json()["id"] });
    let changed = harness.patch_json(&number, &own).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    let heard = async |sid: u32| harness.incoming(&format!("CA{sid:032}")).await.text().to_owned();
    assert!(heard(1).await.contains("Of the flow."));
    let simulated = harness.post_json(&format!("{number}/simulate"), &json!({})).await.json();
    assert_eq!(simulated["reasons"][0]["code"], "flow", "{simulated}");
    assert_eq!(harness.patch_json(&path, &json!({ "routing": says("Changed.") })).await.status, 200);
    assert!(heard(2).await.contains("Changed."));
    assert_eq!(harness.json(Method::DELETE, &path, &Value::Null).await.status, 204);
    assert!(heard(3).await.contains("Of the number."), "a flow that is gone leads nowhere");
    let unknown = json!({ "flow": "flw_00000000000000000000000000" });
    assert_eq!(harness.patch_json(&number, &unknown).await.json()["errors"][0]["code"], "unknown_reference");
}

#[tokio::test]
async fn the_switches_of_old_are_another_view_of_a_numbers_routing() {
    let harness = Harness::new().await;
    let number = number(&harness).await;
    let config = format!("{number}/config");
    let shown = harness.get(&config).await;
    let etag = shown.header("etag").to_owned();
    let shown = shown.json();
    assert_eq!((&shown["routeToAI"], &shown["routeToQueue"]), (&json!(true), &Value::Null));
    assert_eq!(shown["voiceUrl"], format!("{BASE}/api/voice/incoming"));
    assert_eq!(shown["voiceFallbackUrl"], format!("{BASE}/api/voice/fallback"));
    assert_eq!(shown["statusCallback"], format!("{BASE}/api/voice/status"));
    assert_eq!(shown["capabilities"], json!({ "voice": true, "sms": true, "mms": false }));

    let queue = harness.post_json("/v1/queues", &json!({ "name": "Support" })).await.json()["id"].clone();
    let list = json!({ "during": [{ "to": "assistant" }, { "to": "voicemail" }] });
    harness.patch_json(&number, &json!({ "routing": list })).await;
    let put = async |body: Value| harness.json(Method::PUT, &config, &body).await;
    let set = put(json!({ "routeToQueue": queue, "greeting": "Hi.", "voiceId": "alto" })).await;
    assert_eq!(set.status, 200, "{}", set.text());
    assert_ne!(set.header("etag"), etag);
    assert_eq!((&set.json()["routeToAI"], &set.json()["routeToQueue"]), (&json!(false), &queue));
    let row = harness.get(&number).await.json();
    let during = row["routing"]["during"].as_array().unwrap();
    assert_eq!((&during[0]["queue"], &during[1]["to"]), (&queue, &json!("voicemail")), "what follows stays");
    assert_eq!((&row["greeting"], &row["voice"]), (&json!("Hi."), &json!("alto")));
    assert_eq!(put(json!({ "routeToAI": true })).await.json()["routeToAI"], true);
    assert_eq!(
        harness.get(&number).await.json()["greeting"],
        Value::Null,
        "what is not there is without a value"
    );
    assert_eq!(put(json!({ "routeToAI": true, "routeToQueue": queue })).await.problem(422), "invalid_body");
}

#[tokio::test]
async fn an_incoming_call_is_tried_out_without_a_carrier_and_without_a_trace() {
    let harness = Harness::new().await;
    let contact = json!({ "name": "Ann", "addresses": [{ "kind": "phone", "address": CALLER }] });
    let contact = harness.post_json("/v1/contacts", &contact).await.json();
    for path in ["/v1/calls/test-incoming", "/api/voice/test-incoming"] {
        let tried = harness.post_json(path, &json!({ "to": OWN_NUMBER, "from": CALLER })).await;
        assert_eq!(tried.status, 200, "{}", tried.text());
        let tried = tried.json();
        assert_eq!((&tried["ok"], &tried["contact"]), (&json!(true), &contact["id"]), "{tried}");
        assert_eq!(tried["assistant"]["greeting"], "Hello!");
        assert!(tried["assistant"]["prompt"].as_str().unwrap().contains("- name: Ann"));
        assert!(tried["decision"]["steps"][0]["twiml"].as_str().unwrap().contains("<Stream"));
        let names: Vec<_> =
            tried["checks"].as_array().unwrap().iter().map(|check| check["name"].clone()).collect();
        assert_eq!(names, ["number", "account", "assistant", "node"]);
    }
    assert_eq!(harness.get("/v1/calls").await.json()["data"], json!([]), "nothing is stored");
    let number = number(&harness).await;
    harness.patch_json(&number, &json!({ "status": "inactive" })).await;
    let tried = harness.post_json("/v1/calls/test-incoming", &json!({ "to": OWN_NUMBER })).await.json();
    assert_eq!((&tried["ok"], &tried["checks"][0]["ok"]), (&json!(false), &json!(false)), "{tried}");
    let unknown = harness.post_json("/v1/calls/test-incoming", &json!({ "to": "+15550198" })).await;
    assert_eq!(unknown.problem(404), "number_unknown");
}

#[tokio::test]
async fn a_number_may_be_written_with_what_separates_its_digits() {
    let harness = Harness::new().await;
    let made = harness.post_json("/v1/numbers", &json!({ "e164": "+1-555-555-0123" })).await;
    assert_eq!(
        (made.status.as_u16(), &made.json()["e164"]),
        (201, &json!("+15555550123")),
        "{}",
        made.text()
    );
    let taken = harness.post_json("/v1/numbers", &json!({ "e164": "+1 (555) 555-0123" })).await;
    assert_eq!(taken.problem(409), "taken");
    let forward = json!({ "routing": { "during": [{ "to": "forward", "number": "+1 555.555.0142" }] } });
    let changed = harness.patch_json(made.header("location"), &forward).await.json();
    assert_eq!(changed["routing"]["during"][0]["number"], "+15555550142", "{changed}");
    assert_eq!(
        harness.post_json("/v1/numbers", &json!({ "e164": "555-0123" })).await.problem(422),
        "invalid_body"
    );
}
