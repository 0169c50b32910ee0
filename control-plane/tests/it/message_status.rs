//! What Twilio tells of messages that were sent, at the addresses that it had before.

use crate::messages_sent::Stage;
use axum::{body::Body, http::Request};
use fixtures::{carrier::sign, sandbox::Delivery};
use serde_json::json;
use url::form_urlencoded;

const ACCOUNT: &str = "AC00000000000000000000000000000000";
const PERSON: &str = "+15550142";

/// What Twilio tells, signed with this token.
fn told(stage: &Stage, path: &str, sid: &str, status: &str, token: &str) -> Request<Body> {
    let fields: Vec<(String, String)> = [
        ("AccountSid", ACCOUNT),
        ("MessageSid", sid),
        ("MessageStatus", status),
        ("To", PERSON),
        ("From", "+15550100"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
    Request::post(path)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-twilio-signature", sign(token, &format!("{}{path}", stage.base), &fields))
        .body(Body::from(form))
        .unwrap()
}

#[tokio::test]
async fn every_old_path_of_a_messages_status_is_verified_answered_and_followed() {
    let stage = Stage::new().await;
    let silent = Delivery { statuses: Vec::new(), ..Delivery::default() };
    stage.sandbox.knobs().change(|knobs| knobs.twilio_rest.messages = silent);
    for path in
        ["/hooks/twilio/sms-status", "/api/real/webhooks/twilio/status", "/api/webhooks/twilio/sms/status"]
    {
        let wanted =
            json!({ "to": { "phone": PERSON }, "chain": [{ "channels": ["sms"] }], "text": "Ready." });
        let id = stage.sent(&wanted).await;
        let sid = stage.when(&id, "sent").await["provider_id"].as_str().unwrap().to_owned();
        let forged = stage.harness.send(told(&stage, path, &sid, "delivered", "guessed")).await;
        assert_eq!(forged.problem(403), "invalid_signature", "{path}");
        for status in ["delivered", "read", "delivered", "read"] {
            let answer = stage.harness.send(told(&stage, path, &sid, status, "sandbox")).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        }
        let read = stage.when(&id, "read").await;
        assert!(read["read_at"].is_string() && read["delivered_at"].is_string(), "{path}: {read}");
        let explained = stage.harness.get(&format!("/v1/messages/{id}/explain")).await.json();
        let words = explained["attempts"][0]["told"].as_array().unwrap().len();
        assert_eq!(words, 4, "every word is kept: {explained}");
    }
}
