//! Messages that somebody writes to a tenant's number.

use crate::support::*;
use axum::http::Method;
use serde_json::{Value, json};

fn message<'a>(sid: &'a str, text: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("AccountSid", ACCOUNT),
        ("MessageSid", sid),
        ("From", CALLER),
        ("To", OWN_NUMBER),
        ("Body", text),
        ("NumMedia", "0"),
        ("NumSegments", "1"),
        ("SmsStatus", "received"),
    ]
}

async fn data(harness: &Harness, path: &str) -> Vec<Value> {
    harness.get(path).await.json()["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_message_is_kept_once_in_its_conversation_and_answered_with_nothing() {
    let harness = Harness::new().await;
    let contact = json!({ "name": "Ann", "addresses": [{ "kind": "phone", "address": CALLER }] });
    let contact = harness.post_json("/v1/contacts", &contact).await;
    let first = message("SM1", "Is my bicycle ready?");
    for _ in 0..2 {
        let answer = harness.hook("/api/twilio/sms", &first).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.header("content-type").starts_with("text/xml"));
        assert_eq!(answer.text(), r#"<?xml version="1.0" encoding="UTF-8"?><Response></Response>"#);
    }
    let conversations = data(&harness, "/v1/conversations?phone=%2B1-555-0100").await;
    let [conversation] = &conversations[..] else { panic!("{conversations:?}") };
    assert_eq!(
        (&conversation["channel"], &conversation["own_address"], &conversation["address"]),
        (&json!("sms"), &json!(OWN_NUMBER), &json!(CALLER))
    );
    assert_eq!((&conversation["contact"], &conversation["status"]), (&contact.json()["id"], &json!("open")));
    let id = conversation["id"].as_str().unwrap();
    let messages = data(&harness, &format!("/v1/messages?conversation={id}")).await;
    let [kept] = &messages[..] else { panic!("{messages:?}") };
    assert_eq!((&kept["content"], &kept["direction"]), (&json!("Is my bicycle ready?"), &json!("inbound")));
    assert_eq!((&kept["provider_id"], &kept["status"]), (&json!("SM1"), &json!("received")));
    let path = format!("/v1/messages/{}", kept["id"].as_str().unwrap());
    assert_eq!(&harness.get(&path).await.json(), kept);
    assert_eq!(&harness.get(&format!("/v1/conversations/{id}")).await.json(), conversation);

    let mut picture = message("MM1", "");
    picture.retain(|(name, _)| *name != "NumMedia");
    picture.extend([
        ("NumMedia", "1"),
        ("MediaUrl0", "https://api.example.com/picture"),
        ("MediaContentType0", "image/jpeg"),
    ]);
    assert_eq!(harness.hook("/api/twilio/sms", &picture).await.status, 200);
    let messages = data(&harness, &format!("/v1/messages?conversation={id}")).await;
    assert_eq!(messages.len(), 2, "the same conversation goes on");
    assert_eq!(messages[0]["media"][0]["content_type"], "image/jpeg");

    let contact = format!("/v1/contacts/{}", contact.json()["id"].as_str().unwrap());
    assert_eq!(harness.json(Method::DELETE, &contact, &Value::Null).await.status, 204);
    assert_eq!(
        data(&harness, "/v1/conversations").await[0]["contact"],
        Value::Null,
        "it stays, without the name"
    );
}

#[tokio::test]
async fn every_old_path_of_messages_is_verified_as_it_was_called() {
    let harness = Harness::new().await;
    let paths = [
        "/hooks/twilio/sms",
        "/api/v1/webhooks/twilio/sms",
        "/api/twilio/sms",
        "/api/real/webhooks/twilio/incoming",
        "/api/webhooks/twilio/sms/incoming",
    ];
    for (index, path) in paths.into_iter().enumerate() {
        let sid = format!("SM{index}");
        let fields = message(&sid, "Hello.");
        assert_eq!(harness.hook(path, &fields).await.status, 200, "{path}");
        let elsewhere = signed("/hooks/twilio/voice", &fields, TOKEN).uri(path).body(form(&fields)).unwrap();
        assert_eq!(harness.send(elsewhere).await.problem(403), "invalid_signature", "{path}");
        let forged = signed(path, &fields, "another").body(form(&fields)).unwrap();
        assert_eq!(harness.send(forged).await.problem(403), "invalid_signature", "{path}");
    }
    assert_eq!(data(&harness, "/v1/messages").await.len(), paths.len());
    assert_eq!(data(&harness, "/v1/conversations").await.len(), 1);
    let mut elsewhere = message("SM9", "Hello.");
    elsewhere.retain(|(name, _)| *name != "To");
    elsewhere.push(("To", "+15550198"));
    assert_eq!(harness.hook("/api/twilio/sms", &elsewhere).await.problem(404), "number_unknown");
}

#[tokio::test]
async fn messages_that_come_at_once_are_all_kept_in_one_conversation() {
    let harness = Harness::new().await;
    let sids: Vec<_> = (0..12).map(|index| format!("SM{}", index / 2)).collect();
    let texts: Vec<_> = sids.iter().map(|sid| message(sid, "Hello.")).collect();
    let answers = texts.iter().map(|fields| harness.hook("/api/twilio/sms", fields));
    for answer in futures_util::future::join_all(answers).await {
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!(data(&harness, "/v1/messages").await.len(), 6);
    assert_eq!(data(&harness, "/v1/conversations").await.len(), 1);
}
