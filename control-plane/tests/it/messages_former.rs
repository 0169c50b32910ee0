//! Text messages as the former systems asked for them, with their bodies and answers.

use crate::{messages_sent::Stage, support::until};
use serde_json::json;

const ANN: &str = "+15550142";

#[tokio::test]
async fn a_text_message_is_sent_by_its_old_routes_and_the_account_is_named() {
    let stage = Stage::new().await;
    let body = json!({ "to": "+1 555-0142", "body": "Ready.", "mediaUrl": "https://example.com/a.png" });
    let answer = stage.post("/api/real/sms/send", &body, Some("one")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let shown = answer.json();
    assert_eq!(
        (&shown["success"], &shown["account"], &shown["error"]),
        (&json!(true), &json!("primary"), &json!(null))
    );
    assert!(shown["sid"].as_str().unwrap().starts_with(['S', 'M']), "{shown}");
    let again = stage.post("/api/real/sms/send", &body, Some("one")).await;
    assert_eq!((again.header("idempotent-replayed"), again.json()), ("true", shown));
    let other = json!({ "phoneNumber": ANN, "message": "Hello.", "priority": "normal" });
    let answer = stage.post("/api/sms/send", &other, None).await;
    assert_eq!(answer.json()["success"], true, "{}", answer.text());
    assert_eq!(stage.at_carrier().len(), 2);
    let read = stage.harness.get("/api/sms/conversation/%2B15550142").await.json();
    let contents: Vec<_> =
        read["messages"].as_array().unwrap().iter().map(|message| message["content"].clone()).collect();
    assert_eq!(contents, ["Hello.", "Ready."], "{read}");
    assert_eq!(stage.harness.get("/api/sms/conversation/+15550143").await.status, 404);
    for path in ["/api/sms/delivery-stats", "/v1/stats/messages"] {
        assert_eq!(stage.harness.get(path).await.json()["total"], 2, "{path}");
    }
}

#[tokio::test]
async fn where_all_accounts_fail_that_is_said() {
    use fixtures::sandbox::{TwilioFault, TwilioRule};
    let stage = Stage::new().await;
    let fault = TwilioFault::Error { status: 401, code: Some(20003), retry_after_ms: None };
    let rule = TwilioRule { fault: Some(fault), ..TwilioRule::default() };
    stage.sandbox.knobs().change(|knobs| knobs.twilio_rest.rules = vec![rule]);
    let answer = stage.post("/api/real/sms/send", &json!({ "to": ANN, "body": "Ready." }), None).await;
    let shown = answer.json();
    assert_eq!(
        (&shown["success"], &shown["error"]),
        (&json!(false), &json!("All SMS accounts failed")),
        "{shown}"
    );
}

#[tokio::test]
async fn many_and_later_ones_are_stored_by_their_old_routes() {
    let stage = Stage::new().await;
    let _background = stage.harness.plane.background();
    let words = json!({ "sms": "{{ customer_name }}, come to {{ store_address }}." });
    let template = json!({
        "name": "follow_up_general", "category": "follow_up", "default_language": "en",
        "variables": { "customer_name": { "kind": "text" }, "store_address": { "kind": "text" } }, "languages": { "en": words },
    });
    assert_eq!(stage.post("/v1/templates", &template, None).await.status, 201);
    let later = json!({
        "phoneNumber": ANN, "templateId": "follow_up_general", "scheduledAt": "2027-01-01T00:00:00Z",
        "variables": { "customer_name": "Ann", "store_address": "1 Example Street" },
    });
    let answer = stage.post("/api/sms/schedule", &later, None).await.json();
    assert_eq!((&answer["success"], &answer["status"]), (&json!(true), &json!("scheduled")), "{answer}");
    let unplanned = json!({ "phoneNumber": ANN, "message": "Now." });
    assert_eq!(stage.post("/api/sms/schedule", &unplanned, None).await.status, 422);
    let many = json!({
        "recipients": [{ "phoneNumber": ANN, "variables": { "customer_name": "Ann" } }],
        "templateId": "follow_up_general", "commonVariables": { "store_address": "1 Example Street" },
    });
    let answer = stage.post("/api/sms/bulk-send", &many, None).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["success"]), (202, &json!(true)), "{}", answer.text());
    let bulk = json!({ "to": ["+15550143", "+15550144"], "body": "News." });
    let answer = stage.post("/api/real/sms/bulk", &bulk, None).await;
    assert_eq!(answer.json()["batch"]["recipients"], 2, "{}", answer.text());
    let all = async || Some(stage.at_carrier()).filter(|texts| texts.len() == 3);
    let texts = until(all, "a carrier with all three").await;
    assert!(texts.iter().any(|sent| sent["body"] == "Ann, come to 1 Example Street."), "{texts:?}");
}

#[tokio::test]
async fn a_number_without_its_country_is_one_of_the_tenants_own() {
    let stage = Stage::with(|settings| settings.tenant.numbers = vec!["+525555550100".to_owned()]).await;
    let planned = async |number: &str| {
        let body = json!({ "phoneNumber": number, "message": "Hi.", "scheduledAt": "2027-01-01T00:00:00Z" });
        stage.post("/api/sms/schedule", &body, None).await
    };
    for written in ["5555550142", "55 5555-0142", "525555550142", "5215555550142", "+52 55 5555 0142"] {
        let answer = planned(written).await;
        assert_eq!(answer.json()["to"], "+525555550142", "{written}: {}", answer.text());
    }
    assert_eq!(planned("+15550142").await.json()["to"], ANN);
    for wrong in ["call me", "123456", "5550142x", "000000000000000"] {
        let answer = planned(wrong).await;
        assert_eq!(answer.status, 422, "{wrong}: {}", answer.text());
        assert_eq!(answer.json()["errors"][0]["pointer"], "/phoneNumber", "{wrong}: {}", answer.text());
    }
    let many = json!({ "to": ["5555550143", "+15550144"], "body": "News." });
    assert_eq!(stage.post("/api/real/sms/bulk", &many, None).await.json()["batch"]["recipients"], 2);
}
