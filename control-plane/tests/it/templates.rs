//! Templates: words in languages, by channel, with places that are filled in or named as wrong.

use crate::{messages_sent::Stage, support::until};
use axum::{body::Body, http::Request};
use serde_json::{Value, json};

const ANN: &str = "+15550142";

fn appointment() -> Value {
    json!({
        "name": "appointment_confirmation", "category": "appointment", "default_language": "en",
        "variables": {
            "service_type": { "kind": "text", "example": "a repair" },
            "date": { "kind": "date", "example": "2026-11-21" },
            "guests": { "kind": "number", "default": 1 },
            "store_address": { "kind": "text", "default": "the shop" },
        },
        "languages": {
            "en": {
                "sms": "{{ service_type }} on {{ date }} for {{ guests }} at {{ store_address }}.",
                "email": { "subject": "Your {{ service_type }}", "text": "See you.", "html": "<p>{{ service_type }}</p>" },
                "whatsapp": { "approved": { "id": "HX0", "variables": { "1": "{{ date }}" } } },
            },
            "fr": { "sms": "{{ service_type }} le {{ date }}." },
        },
    })
}

async fn made(stage: &Stage, body: &Value) -> String {
    let answer = stage.post("/v1/templates", body, None).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["id"].as_str().unwrap().to_owned()
}

async fn patched(stage: &Stage, path: &str, body: &Value) -> Value {
    let request = Request::patch(path)
        .header("authorization", format!("Bearer {}", stage.harness.key))
        .header("content-type", "application/json");
    let answer = stage.harness.send(request.body(Body::from(body.to_string())).unwrap()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn message(variables: &Value) -> Value {
    json!({
        "to": { "phone": ANN }, "chain": [{ "channels": ["sms"] }],
        "template": { "name": "appointment_confirmation", "variables": variables },
    })
}

#[tokio::test]
async fn every_change_of_a_templates_words_is_a_version() {
    let stage = Stage::new().await;
    let id = made(&stage, &appointment()).await;
    let page = format!("/v1/templates/{id}");
    let archived = patched(&stage, &page, &json!({ "status": "archived" })).await;
    assert_eq!((&archived["version"], &archived["status"]), (&json!(1), &json!("archived")));
    let changed =
        json!({ "status": "active", "languages": { "fr": null, "es": { "sms": "Hola {{ date }}" } } });
    assert_eq!(patched(&stage, &page, &changed).await["version"], 2);
    let versions = stage.harness.get(&format!("{page}/versions")).await.json();
    let versions = versions["data"].as_array().unwrap();
    assert_eq!((&versions[0]["version"], &versions[1]["version"]), (&json!(2), &json!(1)));
    assert!(versions[0]["languages"].get("fr").is_none() && versions[1]["languages"].get("fr").is_some());
    for (query, count) in
        [("language=es", 1), ("language=fr", 0), ("category=appointment", 1), ("category=order", 0)]
    {
        for path in ["/v1/templates", "/api/sms/templates"] {
            let listed = stage.harness.get(&format!("{path}?{query}")).await.json();
            assert_eq!(listed["data"].as_array().unwrap().len(), count, "{path} {query}: {listed}");
        }
    }
    let twice = stage.post("/v1/templates", &appointment(), None).await;
    assert_eq!(twice.problem(409), "taken");
    let wrong = json!({
        "name": "wrong", "default_language": "en", "languages": { "en": { "sms": "Hi {{ nobody }}" }, "e": {} },
    });
    let refused = stage.post("/v1/templates", &wrong, None).await.json();
    let pointers: Vec<_> =
        refused["errors"].as_array().unwrap().iter().map(|fault| fault["pointer"].clone()).collect();
    assert_eq!(pointers, ["/languages/e", "/languages/en/sms"], "{refused}");
}

#[tokio::test]
async fn a_message_is_made_from_a_template_in_the_recipients_language() {
    let stage = Stage::new().await;
    let id = made(&stage, &appointment()).await;
    let contact = json!({
        "name": "Ann", "language": "fr-CA", "addresses": [{ "kind": "phone", "address": ANN }],
    });
    assert_eq!(stage.post("/v1/contacts", &contact, None).await.status, 201);
    let sent = stage.sent(&message(&json!({ "service_type": "Visite", "date": "2026-11-21" }))).await;
    assert_eq!(stage.when(&sent, "delivered").await["content"], "Visite le 2026-11-21.");
    let mut own = message(&json!({ "service_type": "Visit", "date": "2026-11-21", "guests": 2 }));
    own["to"]["language"] = json!("en");
    let simulated = stage.post("/v1/messages?simulate=true", &own, None).await.json();
    let text = &simulated["texts"][0];
    assert_eq!(text["text"], "Visit on 2026-11-21 for 2 at the shop.");
    assert_eq!((&text["sms"]["segments"], &text["sms"]["encoding"]), (&json!(1), &json!("gsm7")));
    assert_eq!(text["sms"]["cost"], json!({ "amount": "0.0079", "currency": "USD", "estimated": true }));
    let preview = stage.post(&format!("/v1/templates/{id}/preview"), &json!({}), None).await.json();
    let channels: Vec<_> =
        preview["channels"].as_array().unwrap().iter().map(|text| text["channel"].clone()).collect();
    assert_eq!(channels, ["sms", "whatsapp", "email"], "{preview}");
    assert_eq!(
        preview["channels"][1]["approved"],
        json!({ "id": "HX0", "variables": { "1": "2026-11-21" } })
    );
    assert_eq!(preview["channels"][2]["html"], "<p>a repair</p>");
}

#[tokio::test]
async fn a_variable_that_is_missing_or_wrong_is_named_and_nothing_is_sent() {
    let stage = Stage::new().await;
    made(&stage, &appointment()).await;
    let refused = stage.post("/v1/messages", &message(&json!({ "date": "soon", "day": 1 })), None).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    let pointers: Vec<_> =
        refused.json()["errors"].as_array().unwrap().iter().map(|fault| fault["pointer"].clone()).collect();
    let place = |name: &str| json!(format!("/template/variables/{name}"));
    assert_eq!(pointers.len(), 3);
    assert!(
        ["date", "day", "service_type"].iter().all(|name| pointers.contains(&place(name))),
        "{pointers:?}"
    );
    let batch = json!({
        "name": "News", "message": { "template": { "name": "appointment_confirmation", "variables": { "service_type": "Visit" } } },
        "recipients": [
            { "phone": ANN, "variables": { "date": "2026-11-21" } }, { "phone": "+15550143", "variables": { "date": 7 } },
        ],
    });
    let refused = stage.post("/v1/messages/batch", &batch, None).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    assert_eq!(refused.json()["errors"][0]["pointer"], "/recipients/1/variables/date");
    let unknown = json!({ "to": { "phone": ANN }, "template": { "name": "nobody" } });
    let refused = stage.post("/v1/messages", &unknown, None).await.json();
    assert_eq!(refused["errors"][0]["pointer"], "/template/name", "{refused}");
    let both = json!({ "to": { "phone": ANN }, "text": "a", "template": { "name": "nobody" } });
    assert_eq!(stage.post("/v1/messages", &both, None).await.status, 422);
    assert!(stage.at_carrier().is_empty());
}

#[tokio::test]
async fn a_batch_fills_in_what_stands_in_its_table() {
    let stage = Stage::new().await;
    let _background = stage.harness.plane.background();
    made(&stage, &appointment()).await;
    let batch = json!({
        "name": "Reminders",
        "message": {
            "chain": [{ "channels": ["sms"] }],
            "template": { "name": "appointment_confirmation", "variables": { "service_type": "Visit" } },
        },
        "csv": "phone,Date,guests,language,note\n+15550142,2026-11-21,3,en,\n+15550143,2026-11-22,,fr,x\n",
    });
    let answer = stage.post("/v1/messages/batch", &batch, None).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let expected = ["Visit on 2026-11-21 for 3 at the shop.", "Visit le 2026-11-22."];
    let sent = async || Some(stage.at_carrier()).filter(|sent| sent.len() == expected.len());
    let sent = until(sent, "a carrier with all of it").await;
    let bodies: Vec<_> = sent.iter().map(|message| message["body"].clone()).collect();
    assert!(expected.iter().all(|text| bodies.contains(&json!(text))), "{bodies:?}");
}

#[tokio::test]
async fn a_trial_goes_to_the_team_and_to_nobody_else() {
    let stage = Stage::new().await;
    let id = made(&stage, &appointment()).await;
    let path = format!("/v1/templates/{id}/test");
    let refused = stage.post(&path, &json!({ "to": ANN }), None).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    assert_eq!(refused.json()["errors"][0]["pointer"], "/to");
    let targets = json!({ "settings": {
        "transfer_targets": [{ "name": "reception", "number": ANN }], "template_variables": { "store_address": "1 Example Street" },
    } });
    patched(&stage, "/v1/tenant", &targets).await;
    let answer = stage.post(&path, &json!({ "to": ANN }), None).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let shown = stage.when(&id, "delivered").await;
    assert_eq!(shown["content"], "a repair on 2026-11-21 for 1 at 1 Example Street.");
}
