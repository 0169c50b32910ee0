//! Messages that are spoken: one call for one try, confirmed by a key, left on a machine, never to somebody who said stop.

use crate::messages_sent::Stage;
use fixtures::sandbox::{Callee, TwilioFault, TwilioRule};
use serde_json::{Value, json};

const PERSON: &str = "+15550142";

fn callee(stage: &Stage, change: impl FnOnce(&mut Callee)) {
    stage.sandbox.knobs().change(|knobs| change(&mut knobs.twilio_rest.callee));
}

fn calls(stage: &Stage) -> Vec<Value> {
    let account = &stage.sandbox.twilio()[format!("AC{}", "0".repeat(32))];
    account["calls"].as_array().cloned().unwrap_or_default()
}

/// A message that is spoken at once.
fn spoken(text: &str) -> Value {
    json!({ "to": { "phone": PERSON }, "type": "critical", "chain": [{ "channels": ["voice"] }], "text": text })
}

/// The same, of no use after so many seconds.
fn spoken_within(text: &str, seconds: i64) -> Value {
    let until = jiff::Timestamp::now().checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap();
    let mut body = spoken(text);
    body["useful_until"] = json!(until.to_string());
    body
}

async fn explained(stage: &Stage, message: &str) -> Value {
    stage.harness.get(&format!("/v1/messages/{message}/explain")).await.json()
}

fn told(explained: &Value, attempt: usize) -> Vec<String> {
    let told = explained["attempts"][attempt]["told"].as_array().cloned().unwrap_or_default();
    told.iter().map(|told| told["status"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_message_that_is_spoken_is_read_when_it_is_confirmed_with_a_key() {
    let stage = Stage::new().await;
    callee(&stage, |callee| callee.keys = "1".to_owned());
    let id = stage.sent(&spoken("Alarm.")).await;
    let shown = stage.when(&id, "read").await;
    assert_eq!((&shown["channel"], &shown["provider"]), (&json!("voice"), &json!("twilio")));
    let explained = explained(&stage, &id).await;
    let receipts: Vec<_> = explained["decisions"].as_array().unwrap().iter().collect();
    let read = receipts.iter().find(|line| line["decision"] == "receipt" && line["status"] == "read");
    assert!(read.is_some(), "{explained}");
    assert!(told(&explained, 0).contains(&"confirmed".to_owned()), "{explained}");
    assert_eq!(calls(&stage).len(), 1);
    // It is a call among the calls, with its end and its price.
    let is_over = |listed: &Value| listed["data"][0]["status"] == "completed";
    let listed = stage.harness.shows("/v1/calls?direction=outbound", is_over).await;
    assert_eq!(listed["data"].as_array().unwrap().len(), 1, "{listed}");
}

#[tokio::test]
async fn a_message_that_is_left_on_a_machine_is_delivered_and_not_spoken_again() {
    let stage = Stage::new().await;
    callee(&stage, |callee| callee.answered_by = "machine_end_beep".to_owned());
    let id = stage.sent(&spoken("Alarm.")).await;
    stage.when(&id, "delivered").await;
    let explained = explained(&stage, &id).await;
    let told = told(&explained, 0);
    assert!(["machine", "left"].iter().all(|word| told.contains(&(*word).to_owned())), "{told:?}");
    assert_eq!(calls(&stage).len(), 1);
}

#[tokio::test]
async fn a_message_whose_person_does_not_answer_ends() {
    let stage = Stage::new().await;
    callee(&stage, |callee| callee.outcome = "no-answer".to_owned());
    let id = stage.sent(&spoken_within("Alarm.", 20)).await;
    let shown = stage.when(&id, "undelivered").await;
    assert_eq!(shown["error"].as_str().unwrap_or_default(), "no-answer", "{shown}");
    assert_eq!(calls(&stage).len(), 1, "a retry would come too late");
    // With time enough it is tried again, and waits for that.
    let id = stage.sent(&spoken("Alarm.")).await;
    let waits = |explained: &Value| explained["decisions"].to_string().contains("retry_at");
    stage.harness.shows(&format!("/v1/messages/{id}/explain"), waits).await;
}

#[tokio::test]
async fn whoever_said_stop_to_a_text_is_not_called_either() {
    let stage = Stage::new().await;
    callee(&stage, |callee| callee.keys = "1".to_owned());
    for channel in ["sms", "whatsapp", "voice"] {
        let phone = format!("+1555014{}", channel.len());
        let consent =
            json!({ "channel": channel, "address": phone, "status": "opted_out", "evidence": "said so" });
        assert_eq!(stage.post("/v1/consents", &consent, None).await.status, 200);
        let mut body = spoken("Alarm.");
        body["to"]["phone"] = json!(phone);
        let id = stage.sent(&body).await;
        stage.when(&id, "failed").await;
    }
    assert!(calls(&stage).is_empty(), "not even for a critical one");
}

#[tokio::test]
async fn a_critical_message_that_no_channel_takes_ends_in_a_call_at_any_hour() {
    let stage = Stage::new().await;
    callee(&stage, |callee| callee.keys = "1".to_owned());
    stage.sandbox.knobs().change(|knobs| {
        knobs.twilio_rest.rules = vec![TwilioRule {
            resource: "Messages".to_owned(),
            method: Some("POST".to_owned()),
            fault: Some(TwilioFault::Error { status: 400, code: Some(30_007), retry_after_ms: None }),
            ..TwilioRule::default()
        }];
    });
    let quiet = json!({ "settings": { "quiet_hours": { "from": "00:00", "to": "23:59" } } });
    let patched = stage.harness.patch_json("/v1/tenant", &quiet).await;
    assert_eq!(patched.status, 200, "{}", patched.text());
    let body = json!({ "to": { "phone": PERSON }, "type": "critical", "voice": true, "text": "Alarm." });
    let id = stage.sent(&body).await;
    let shown = stage.when(&id, "read").await;
    assert_eq!(shown["channel"], "voice", "{shown}");
    assert_eq!((stage.at_carrier().len(), calls(&stage).len()), (0, 1));
}

#[tokio::test]
async fn a_call_whose_answer_was_lost_is_not_dialled_again() {
    let lose = |stage: &Stage| {
        let rule = TwilioRule {
            resource: "Calls".to_owned(),
            method: Some("POST".to_owned()),
            times: Some(1),
            fault: Some(TwilioFault::LoseAnswer),
            ..TwilioRule::default()
        };
        stage.sandbox.knobs().change(|knobs| knobs.twilio_rest.rules = vec![rule]);
    };
    // The call itself tells which try it is.
    let stage = Stage::new().await;
    callee(&stage, |callee| callee.keys = "1".to_owned());
    lose(&stage);
    let id = stage.sent(&spoken("Alarm.")).await;
    stage.when(&id, "read").await;
    assert_eq!(calls(&stage).len(), 1);
    // Nothing that it tells arrives: it is found among the account's calls.
    let stage = Stage::with(|settings| settings.base_url = "http://127.0.0.1:9".parse().unwrap()).await;
    callee(&stage, |callee| callee.outcome = "busy".to_owned());
    lose(&stage);
    let id = stage.sent(&spoken_within("Alarm.", 50)).await;
    let shown = stage.when(&id, "undelivered").await;
    let explained = explained(&stage, &id).await;
    assert_eq!(shown["error"], "busy", "{explained}");
    assert!(explained["decisions"].to_string().contains("\"found\""), "{explained}");
    assert_eq!(calls(&stage).len(), 1);
}
