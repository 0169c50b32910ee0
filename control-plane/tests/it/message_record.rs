//! A message as the API shows it: the columns that the former systems had, under their names.

use crate::messages_sent::Stage;
use jiff::Timestamp;
use serde_json::{Value, json};

const OWN: &str = "+15550100";
const PERSON: &str = "+15550142";

#[tokio::test]
async fn what_is_shown_of_a_message_has_the_names_numbers_and_times_of_before() {
    let stage = Stage::new().await;
    let body = json!({ "to": { "phone": PERSON }, "chain": [{ "channels": ["sms"] }], "text": "Your bicycle is ready." });
    let id = stage.sent(&body).await;
    let shown = stage.when(&id, "delivered").await;
    for (name, value) in [
        ("channel", json!("sms")),
        ("direction", json!("outbound")),
        ("from_number", json!(OWN)),
        ("to_number", json!(PERSON)),
        ("subject", Value::Null),
        ("content", json!("Your bicycle is ready.")),
        ("provider", json!("twilio")),
        ("provider_status", json!("delivered")),
        ("segments", json!(1)),
        ("error", Value::Null),
        ("author", json!({ "by": "api", "user": null })),
        ("cost", json!({ "amount": "0.0079", "currency": "USD" })),
        ("read_at", Value::Null),
        ("replied_at", Value::Null),
    ] {
        assert_eq!(shown[name], value, "{name}: {shown}");
    }
    assert!(shown["provider_id"].as_str().unwrap().starts_with("SM"), "{shown}");
    for name in ["created_at", "sent_at", "delivered_at"] {
        let text = shown[name].as_str().unwrap_or_else(|| panic!("{name}: {shown}"));
        assert!(text.parse::<Timestamp>().is_ok() && text.ends_with('Z'), "{name}: {text}");
    }
    let names = shown.as_object().unwrap().keys();
    assert!(names.clone().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')), "{shown}");
}

#[tokio::test]
async fn a_text_message_is_paid_for_by_its_parts_once() {
    let stage = Stage::new().await;
    let long = "a".repeat(161);
    let body = json!({ "to": { "phone": PERSON }, "chain": [{ "channels": ["sms"] }], "text": long });
    let id = stage.sent(&body).await;
    let shown = stage.when(&id, "delivered").await;
    assert_eq!((&shown["segments"], &shown["cost"]["amount"]), (&json!(2), &json!("0.0158")), "{shown}");
    // It was noted when the carrier took it, which is before it arrived.
    let usage = stage.harness.get("/v1/usage").await.json();
    let line = usage["data"].as_array().unwrap().iter().find(|one| one["kind"] == "sms_outbound");
    let line = line.unwrap_or_else(|| panic!("{usage}"));
    let used = ["unit", "uses", "quantity", "cost", "currency"].map(|name| line[name].clone());
    assert_eq!(used, [json!("segment"), json!(1), json!("2"), json!("0.0158"), json!("USD")], "{usage}");
}
