//! STOP, START and HELP, as people write them.

use crate::{
    messages_sent::Stage,
    support::{Answer, form, signature, until},
};
use axum::http::{Method, Request};
use serde_json::{Value, json};

const OWN: &str = "+15550100";
const PERSON: &str = "+15550142";
const WRITER: &str = "5215555550177";

/// A text message from the person, as the carrier tells it.
async fn writes(stage: &Stage, sid: &str, text: &str) -> Answer {
    let account = format!("AC{}", "0".repeat(32));
    let fields = [
        ("AccountSid", account.as_str()),
        ("MessageSid", sid),
        ("From", PERSON),
        ("To", OWN),
        ("Body", text),
        ("NumMedia", "0"),
        ("SmsStatus", "received"),
    ];
    let path = "/hooks/twilio/sms";
    let request = Request::post(path)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-twilio-signature", signature(&format!("{}{path}", stage.base), &fields, "sandbox"));
    stage.harness.send(request.body(form(&fields)).unwrap()).await
}

fn critical() -> Value {
    json!({ "to": { "phone": PERSON }, "chain": [{ "channels": ["sms"] }], "type": "critical", "text": "Hello." })
}

async fn consents(stage: &Stage, address: &str) -> Vec<Value> {
    let path = format!("/v1/consents?address={}", address.replace('+', "%2B"));
    stage.harness.get(&path).await.json()["data"].as_array().unwrap().clone()
}

/// What the carrier was given so far, once it is so many.
async fn carried(stage: &Stage, count: usize) -> Vec<String> {
    let carried = async || {
        let all = stage.at_carrier();
        let texts = all.iter().map(|one| one["body"].as_str().unwrap_or_default().to_owned());
        (all.len() >= count).then(|| texts.collect())
    };
    until(carried, &format!("a carrier with {count} messages")).await
}

#[tokio::test]
async fn who_says_stop_is_told_nothing_more_until_they_say_start() {
    let stage = Stage::new().await;
    let answer = writes(&stage, "SM1", " Stop ").await;
    assert_eq!(
        (answer.status.as_u16(), answer.text().contains("<Response></Response>")),
        (200, true),
        "{}",
        answer.text()
    );
    let noted = consents(&stage, PERSON).await;
    let [consent] = &noted[..] else { panic!("{noted:?}") };
    assert_eq!((&consent["status"], &consent["sender"]), (&json!("opted_out"), &json!(OWN)));
    assert_eq!(consent["proofs"][0]["source"], "message");
    assert!(consent["proofs"][0]["evidence"].as_str().unwrap().starts_with(" Stop "), "{consent}");
    let id = stage.sent(&critical()).await;
    stage.when(&id, "failed").await;
    writes(&stage, "SM2", "START").await;
    let id = stage.sent(&critical()).await;
    stage.when(&id, "delivered").await;
    assert_eq!(carried(&stage, 1).await, ["Hello."], "Twilio answers its own words by itself");
    // Told again, it counts no more: the person said START after it.
    writes(&stage, "SM1", " Stop ").await;
    assert_eq!(consents(&stage, PERSON).await[0]["status"], "opted_in");
}

#[tokio::test]
async fn words_that_the_carrier_does_not_know_are_answered_once_in_their_language_also_after_stop() {
    let stage = Stage::new().await;
    for (sid, text) in [("SM1", "arrêt"), ("SM2", "ARRET !"), ("SM3", "Aide")] {
        assert_eq!(writes(&stage, sid, text).await.status, 200);
    }
    let texts = carried(&stage, 2).await;
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(texts.iter().any(|text| text.contains("vous ne recevrez plus de messages")), "{texts:?}");
    assert!(texts.iter().any(|text| text.contains("pour obtenir de l'aide")), "{texts:?}");
    writes(&stage, "SM4", "oui").await;
    assert_eq!(consents(&stage, PERSON).await[0]["status"], "opted_in");
    assert!(carried(&stage, 3).await.iter().any(|text| text.contains("à nouveau")));
    writes(&stage, "SM5", "Oui").await;
    let id = stage.sent(&critical()).await;
    stage.when(&id, "delivered").await;
    assert_eq!(carried(&stage, 4).await.len(), 4, "a yes to another question is no keyword");
}

#[tokio::test]
async fn stop_on_whatsapp_counts_for_both_forms_of_a_number_and_is_confirmed_there() {
    let stage = Stage::new().await;
    let account = json!({
        "kind": "whapi", "sid": "whapi-1", "name": "WhatsApp", "secrets": { "token": "sandbox-whapi-1" }, "priority": 1,
    });
    let added = stage.post("/v1/provider-accounts", &account, None).await;
    assert_eq!(added.status, 201, "{}", added.text());
    let stop = json!({ "id": "one", "text": { "body": "Baja" } });
    stage.sandbox.write_to_channel("SANDBOX-1", WRITER, &stop).unwrap();
    let noted = async || (!consents(&stage, "+525555550177").await.is_empty()).then_some(());
    until(noted, "a consent").await;
    let noted = consents(&stage, "+5215555550177").await;
    assert_eq!(
        (&noted[0]["status"], &noted[0]["channel"]),
        (&json!("opted_out"), &json!("whatsapp")),
        "{noted:?}"
    );
    let conversation = stage.harness.get("/v1/conversations").await.json()["data"][0]["id"].clone();
    let path = format!("/v1/messages?conversation={}", conversation.as_str().unwrap());
    let outbound = || async {
        let all = stage.harness.get(&path).await.json()["data"].as_array().unwrap().clone();
        all.into_iter().filter(|one| one["direction"] == "outbound").collect::<Vec<_>>()
    };
    let answers = outbound().await;
    let [confirmation] = &answers[..] else { panic!("{answers:?}") };
    assert!(confirmation["content"].as_str().unwrap().contains("no recibirá más mensajes"), "{confirmation}");
    stage.when(confirmation["id"].as_str().unwrap(), "delivered").await;
    let message = json!({
        "to": { "phone": "+52 1 55 5555 0177" }, "chain": [{ "channels": ["whatsapp"] }], "type": "critical", "text": "Hello.",
    });
    let id = stage.sent(&message).await;
    let failed = stage.when(&id, "failed").await;
    assert_eq!(failed["to_number"], "+525555550177", "{failed}");
}

#[tokio::test]
async fn stop_to_a_whatsapp_sender_that_takes_no_calls_is_kept_too() {
    let stage = Stage::new().await;
    let sender = "+15550188";
    let account = format!("AC{}", "0".repeat(32));
    let accounts = stage.harness.get("/v1/provider-accounts").await.json();
    let own = accounts["data"].as_array().unwrap().iter().find(|one| one["sid"] == account.as_str()).unwrap();
    let path = format!("/v1/provider-accounts/{}", own["id"].as_str().unwrap());
    // The account of the configuration has its token there alone.
    let secret = json!({ "secret": "sandbox" });
    let answer = stage.harness.json(Method::PUT, &format!("{path}/secrets/auth_token"), &secret).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let changed = json!({ "properties": { "whatsapp_senders": format!("+15550187, {sender}") } });
    let answer = stage.harness.json(Method::PATCH, &path, &changed).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let write = async |to: &str| {
        let fields = [
            ("AccountSid", account.as_str()),
            ("MessageSid", "SM9"),
            ("From", "whatsapp:+5215555550177"),
            ("To", to),
            ("Body", "stop"),
        ];
        let path = "/hooks/twilio/sms";
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-twilio-signature", signature(&format!("{}{path}", stage.base), &fields, "sandbox"));
        stage.harness.send(request.body(form(&fields)).unwrap()).await
    };
    assert_ne!(write("whatsapp:+15550186").await.status, 200, "that is nobody's");
    let answer = write(&format!("whatsapp:{sender}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let noted = consents(&stage, "+525555550177").await;
    assert_eq!(
        (&noted[0]["status"], &noted[0]["sender"]),
        (&json!("opted_out"), &json!(sender)),
        "{noted:?}"
    );
}
