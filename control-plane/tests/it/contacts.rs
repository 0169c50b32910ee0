//! Contacts: who talks to a tenant, and what an assistant knows of whoever calls.

use crate::support::*;
use axum::{
    body::Body,
    http::{Method, Request},
};
use serde_json::{Value, json};

async fn with_header(
    harness: &Harness,
    method: Method,
    path: &str,
    (name, value): (&str, &str),
    body: &Value,
) -> Answer {
    let request = Request::builder().method(method).uri(path).header(name, value);
    let request = request.header("authorization", format!("Bearer {}", harness.key));
    let request = request.header("content-type", "application/json");
    harness.send(request.body(Body::from(body.to_string())).unwrap()).await
}

#[tokio::test]
async fn a_contact_is_added_found_by_its_addresses_changed_and_deleted() {
    let harness = Harness::new().await;
    let ann = json!({
        "name": "Ann", "fields": { "plan": "gold" }, "lead_status": "won", "lead_score": 90,
        "addresses": [
            { "kind": "phone", "address": "+1 (555) 010-0123" },
            { "kind": "email", "address": "Ann@Example.com" },
        ],
    });
    let made = with_header(&harness, Method::POST, "/v1/contacts", ("idempotency-key", "ann"), &ann).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let again = with_header(&harness, Method::POST, "/v1/contacts", ("idempotency-key", "ann"), &ann).await;
    assert_eq!((again.header("idempotent-replayed"), again.json()), ("true", made.json()));
    let path = made.header("location").to_owned();
    assert_eq!(made.json()["addresses"][0]["address"], "+15550100123", "E.164, however it was written");
    let found =
        async |query: &str| harness.get(&format!("/v1/contacts?{query}")).await.json()["data"].clone();
    let one = json!([harness.get(&path).await.json()]);
    for query in ["phone=%2B1-555-010-0123", "email=ann@example.com", "lead_status=won", "limit=5"] {
        assert_eq!(found(query).await, one, "{query}");
    }
    for query in ["phone=%2B15550100124", "phone=%2B15550100123&lead_status=lost", "lead_status=lost"] {
        assert_eq!(found(query).await, json!([]), "{query}");
    }

    let taken = json!({ "name": "Bob", "addresses": [{ "kind": "phone", "address": "+15550100123" }] });
    let refused = harness.post_json("/v1/contacts", &taken).await;
    assert_eq!(refused.problem(409), "taken");
    assert_eq!(refused.json()["errors"][0]["pointer"], "/addresses/0/address");
    assert_eq!(found("limit=5").await, one, "nothing of it was stored");

    let moved = json!({ "notes": "Prefers mornings.", "addresses": [{ "kind": "phone", "address": "+15550100125" }] });
    let stale = with_header(&harness, Method::PATCH, &path, ("if-match", "\"7\""), &moved).await;
    assert_eq!(stale.problem(412), "precondition_failed");
    let changed = with_header(&harness, Method::PATCH, &path, ("if-match", "\"1\""), &moved).await;
    assert_eq!((changed.status.as_u16(), changed.header("etag")), (200, "\"2\""), "{}", changed.text());
    assert_eq!(found("phone=%2B15550100123").await, json!([]), "the old address is free");
    assert_eq!(found("phone=%2B15550100125").await[0]["notes"], "Prefers mornings.");
    let bob = harness.post_json("/v1/contacts", &taken).await;
    assert_eq!(bob.status, 201, "{}", bob.text());

    assert_eq!(harness.json(Method::DELETE, &path, &Value::Null).await.status, 204);
    assert_eq!(harness.get(&path).await.problem(404), "not_found");
    assert_eq!(found("phone=%2B15550100125").await, json!([]));
}

#[tokio::test]
async fn a_contact_that_will_not_do_is_refused_with_the_place() {
    let harness = Harness::new().await;
    let phone = |address: &str| json!({ "addresses": [{ "kind": "phone", "address": address }] });
    for (body, place) in [
        (phone("5550100"), "/addresses/0/address"),
        (json!({ "addresses": [{ "kind": "email", "address": "nobody" }] }), "/addresses/0/address"),
        (json!({ "lead_score": 101 }), "/lead_score"),
        (json!({ "fields": { "a b": "x" } }), "/fields/a b"),
        (json!({ "nme": "Ann" }), "/nme"),
    ] {
        let refused = harness.post_json("/v1/contacts", &body).await;
        assert_eq!(refused.problem(422), "invalid_body", "{body}");
        let pointer = &refused.json()["errors"][0]["pointer"];
        assert!(pointer == place || pointer == "", "{body}: {pointer}");
    }
}

#[tokio::test]
async fn the_assistant_is_told_which_customer_calls_and_a_stranger_is_none() {
    let harness = Harness::with(|settings| {
        let assistant = std::sync::Arc::make_mut(&mut settings.tenant.assistant);
        assistant.greeting = Some("Hello {{contact.name|there}}!".to_owned());
    })
    .await;
    let sid = |number: u32| format!("CA{number:032}");
    let plan = async |number: u32| {
        let token = harness.incoming(&sid(number)).await.stream_token();
        harness.admit(&sid(number), &token).await.unwrap()
    };
    let stranger = plan(1).await;
    assert_eq!(stranger.assistant.greeting.as_deref(), Some("Hello there!"));
    assert_eq!(stranger.assistant.prompt, "Be kind.");

    let contact = json!({
        "name": "Ann", "notes": "Owns a red bicycle.", "fields": { "plan": "gold" },
        "addresses": [{ "kind": "phone", "address": CALLER }],
    });
    // Whoever called once becomes a contact of whom nothing is known but the number.
    let mut made = harness.post_json("/v1/contacts", &contact).await;
    if made.status == 409 {
        let found = harness.get("/v1/contacts?phone=%2B15550100").await.json();
        let id = found["data"][0]["id"].as_str().unwrap();
        made = harness.patch_json(&format!("/v1/contacts/{id}"), &contact).await;
    }
    assert!(made.status.is_success(), "{}", made.text());
    let known = plan(2).await;
    assert_eq!(known.assistant.greeting.as_deref(), Some("Hello Ann!"));
    for told in ["Be kind.", "- name: Ann", "- notes: Owns a red bicycle.", "- plan: gold"] {
        assert!(known.assistant.prompt.contains(told), "{told}: {}", known.assistant.prompt);
    }
    let told = |shown: &Value| {
        shown["events"].as_array().unwrap().iter().any(|event| event["kind"] == "contact_known")
    };
    let shown = harness.call_when(&known.call, told).await;
    let event =
        shown["events"].as_array().unwrap().iter().find(|event| event["kind"] == "contact_known").unwrap();
    assert_eq!(event["data"]["contact"], made.json()["id"], "{event}");
}
