//! Administrators are written to when an account of a channel does not carry messages as it should.

use crate::{
    mail::{mail_options, read, smtp_account},
    messages_sent::Stage,
    support::until,
};
use ::mail::test_server::{MailServer, MailServerOptions};
use fixtures::sandbox::{TwilioFault, TwilioRule};
use serde_json::{Value, json};

const PERSON: &str = "+15550142";

#[tokio::test]
async fn an_administrator_is_written_to_when_an_account_fails_and_not_again_for_a_quarter_of_an_hour() {
    let Some(server) = MailServer::start(MailServerOptions::default()).await else { return };
    let (own, admin, operator) =
        (server.mailbox("shop"), server.mailbox("admin"), server.mailbox("operator"));
    let stage = Stage::with(|settings| mail_options(settings, &server, None)).await;
    let harness = &stage.harness;
    let made = harness.post_json("/v1/provider-accounts", &smtp_account(&server, &own)).await;
    assert_eq!(made.status, 201, "{}", made.text());
    harness.member(&admin.address, "admin").await;
    harness.member(&operator.address, "operator").await;

    let fault = TwilioFault::Error { status: 401, code: Some(20003), retry_after_ms: None };
    let rule = TwilioRule { resource: "Messages".to_owned(), fault: Some(fault), ..TwilioRule::default() };
    stage.sandbox.knobs().change(|knobs| knobs.twilio_rest.rules = vec![rule]);
    let account = async || {
        let health = harness.get("/v1/health/channels").await.json();
        let sms = health["channels"].as_array().unwrap().iter().find(|one| one["channel"] == "sms").cloned();
        sms.unwrap()["accounts"][0].clone()
    };
    for failures in 1..=3 {
        stage
            .sent(&json!({ "to": { "phone": PERSON }, "chain": [{ "channels": ["sms"] }], "text": "Ready." }))
            .await;
        let failed = async || (account().await["failures"] == failures).then_some(());
        until(failed, "an account that has failed").await;
    }
    assert_eq!(account().await["status"], "down");

    let mails = || async { (!admin.files().is_empty()).then(|| admin.files()) };
    let mails = until(mails, "mail for the administrator").await;
    let mail = read(&mails[0]);
    assert!(mail.subject.contains("sms is degraded"), "{}", mail.subject);
    for part in ["failures in a row: 1", "/v1/health/channels", "administer"] {
        assert!(mail.text.contains(part), "{part}: {}", mail.text);
    }
    let listed = harness.get("/v1/messages").await.json();
    let mails = listed["data"].as_array().unwrap().iter().filter(|one| one["channel"] == "email");
    let written: Vec<&Value> = mails.map(|one| &one["to_number"]).collect();
    assert_eq!(
        written,
        [&json!(admin.address)],
        "one letter to the one who administers, for all three failures"
    );
    assert!(operator.files().is_empty());
}
