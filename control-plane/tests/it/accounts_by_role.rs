//! A tenant's accounts at Twilio by what each is for: one for calls with a Mexican number, one for text messages that is paid for, and a
//! trial for emergencies.

use crate::{messages_sent::Stage, support::until};
use engine::provider::Secret;
use fixtures::sandbox::{TwilioFault, TwilioRule};
use serde_json::{Value, json};
use twilio_rest::{Account, AccountSid, Credentials, NumberSettings, TwilioClient, TwilioOptions};

const PERSON: &str = "+15550142";
/// Of the account for calls.
const MEXICAN: &str = "+525555550100";
const OF_MESSAGES: &str = "+15550111";
const OF_TRIAL: &str = "+15550112";

/// The sandbox's main account, as the one for calls; gives the ids of the other two here.
async fn three_accounts(stage: &Stage) -> [String; 2] {
    let main = Credentials::AuthToken { account_sid: sid(), auth_token: Secret::new("sandbox") };
    let twilio = TwilioClient::new(TwilioOptions::at(stage.sandbox.base_url().parse().unwrap())).unwrap();
    let main = twilio.account(main);
    main.buy_number(MEXICAN, &NumberSettings::default()).await.unwrap();
    let messages = json!({ "roles": ["sms"], "priority": 7 });
    let trial = json!({ "roles": ["sms", "backup"], "priority": 1, "properties": { "trial": "true" } });
    [
        opened(stage, &twilio, &main, OF_MESSAGES, messages).await,
        opened(stage, &twilio, &main, OF_TRIAL, trial).await,
    ]
}

fn sid() -> AccountSid {
    format!("AC{}", "0".repeat(32)).parse().unwrap()
}

/// Opens an account with a number at the sandbox, and adds it here.
async fn opened(stage: &Stage, twilio: &TwilioClient, main: &Account, e164: &str, mut body: Value) -> String {
    let made = main.create_subaccount(e164).await.unwrap();
    let token = made.auth_token.unwrap();
    let own = Credentials::AuthToken { account_sid: made.sid.clone(), auth_token: token.clone() };
    twilio.account(own).buy_number(e164, &NumberSettings::default()).await.unwrap();
    body["kind"] = json!("twilio");
    body["sid"] = json!(made.sid.to_string());
    body["name"] = json!(e164);
    body["secrets"] = json!({ "auth_token": token.reveal() });
    let answer = stage.post("/v1/provider-accounts", &body, None).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let number = json!({
        "e164": e164, "account": id, "capabilities": { "voice": true, "sms": true, "mms": false },
    });
    let answer = stage.post("/v1/numbers", &number, None).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    id
}

/// The senders of all messages that the sandbox has, by account in no order.
fn senders(stage: &Stage) -> Vec<String> {
    let accounts = stage.sandbox.twilio();
    let all = accounts.as_object().unwrap().values();
    let messages = all.flat_map(|account| account["messages"].as_array().cloned().unwrap_or_default());
    let mut senders: Vec<_> =
        messages.map(|message| message["from"].as_str().unwrap_or_default().to_owned()).collect();
    senders.sort_unstable();
    senders
}

/// The next `times` messages are refused by whichever account they go to.
fn refuse(stage: &Stage, times: u32) {
    let fault = TwilioFault::Error { status: 401, code: Some(20003), retry_after_ms: None };
    let rule = TwilioRule {
        resource: "Messages".to_owned(),
        method: Some("POST".to_owned()),
        times: Some(times),
        fault: Some(fault),
        ..TwilioRule::default()
    };
    stage.sandbox.knobs().change(|knobs| knobs.twilio_rest.rules = vec![rule]);
}

#[tokio::test]
async fn the_account_for_messages_sends_the_trial_stands_in_and_the_one_for_calls_never_does() {
    let stage = Stage::with(|settings| settings.tenant.numbers = vec![MEXICAN.to_owned()]).await;
    let [messages, trial] = three_accounts(&stage).await;
    let health = stage.harness.get("/v1/health/channels").await.json();
    let sms = health["channels"].as_array().unwrap().iter().find(|one| one["channel"] == "sms").unwrap();
    let accounts = sms["accounts"].as_array().unwrap();
    let can: Vec<_> = accounts.iter().map(|one| one["capable"].as_bool().unwrap()).collect();
    assert_eq!(can, [false, true, true], "a Mexican number is for calls alone: {sms}");
    assert_eq!(
        (&accounts[1]["account"], &accounts[2]["account"]),
        (&json!(messages), &json!(trial)),
        "paid before trial, whatever the priority says: {sms}"
    );

    let body = json!({ "to": PERSON, "body": "Ready." });
    let answer = stage.post("/api/real/sms/send", &body, None).await.json();
    assert_eq!((&answer["success"], &answer["account"]), (&json!(true), &json!("primary")), "{answer}");
    refuse(&stage, 1);
    let answer = stage.post("/api/real/sms/send", &body, None).await.json();
    assert_eq!(
        (&answer["success"], &answer["account"], &answer["error"]),
        (&json!(true), &json!("backup"), &Value::Null),
        "{answer}"
    );
    assert_eq!(senders(&stage), [OF_MESSAGES, OF_TRIAL]);
    refuse(&stage, 2);
    let answer = stage.post("/api/real/sms/send", &body, None).await.json();
    assert_eq!(
        (&answer["success"], &answer["error"]),
        (&json!(false), &json!("All SMS accounts failed")),
        "{answer}"
    );
    assert_eq!(senders(&stage), [OF_MESSAGES, OF_TRIAL], "no third account was asked");
}

#[tokio::test]
async fn calls_go_out_by_the_account_for_calls() {
    let stage = Stage::with(|settings| settings.tenant.numbers = vec![MEXICAN.to_owned()]).await;
    three_accounts(&stage).await;
    let _background = stage.harness.plane.background();
    let placed = stage.post("/v1/calls", &json!({ "to": PERSON }), None).await;
    assert_eq!(placed.status, 202, "{}", placed.text());
    let call = async || {
        let main = stage.sandbox.twilio()[sid().to_string()].clone();
        main["calls"].as_array().and_then(|calls| calls.first()).cloned()
    };
    assert_eq!(until(call, "a call at the carrier").await["from"], MEXICAN);
}

#[tokio::test]
async fn an_account_of_twilio_sends_by_its_service_and_not_on_whatsapp_to_who_has_not_written() {
    let stage = Stage::with(|settings| settings.tenant.numbers = vec![MEXICAN.to_owned()]).await;
    let twilio = TwilioClient::new(TwilioOptions::at(stage.sandbox.base_url().parse().unwrap())).unwrap();
    let main =
        twilio.account(Credentials::AuthToken { account_sid: sid(), auth_token: Secret::new("sandbox") });
    let service = format!("MG{}", "0".repeat(32));
    let properties = json!({ "messaging_service_sid": service, "whatsapp_senders": OF_MESSAGES });
    opened(&stage, &twilio, &main, OF_MESSAGES, json!({ "properties": properties })).await;
    let wanted = |channel: &str| json!({ "to": { "phone": PERSON }, "chain": [{ "channels": [channel] }], "text": "Ready." });
    let by_sms = stage.sent(&wanted("sms")).await;
    stage.when(&by_sms, "delivered").await;
    let by_whatsapp = stage.sent(&wanted("whatsapp")).await;
    let failed = stage.when(&by_whatsapp, "failed").await;
    assert_eq!(failed["provider_id"], Value::Null, "nobody was asked: {failed}");
    let accounts = stage.sandbox.twilio();
    let all = accounts.as_object().unwrap().values();
    let services: Vec<Value> = all
        .flat_map(|account| account["messages"].as_array().cloned().unwrap_or_default())
        .map(|message| message["messaging_service_sid"].clone())
        .collect();
    assert_eq!(services, [json!(service)]);
}
