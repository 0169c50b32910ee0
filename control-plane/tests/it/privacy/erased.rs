//! An erasure.

use super::{
    traces::{dump, in_files},
    world::*,
};
use crate::support::{Folder, until};
use serde_json::{Value, json};
use store::{
    CallStatus, Filter,
    model::{audit::AuditFilter, message::Message, webhook::WebhookDelivery},
};

fn kept<'v>(receipt: &'v Value, what: &str) -> Option<&'v Value> {
    receipt["kept"].as_array().unwrap().iter().find(|kept| kept["what"] == what)
}

/// Nothing of her is in the database or in a file but what the receipt names: the address to which she wants no messages.
async fn assert_gone(folder: &Folder) {
    let lines = dump(folder).await;
    for line in &lines {
        let line_lower = line.to_lowercase();
        for canary in CANARIES {
            assert!(!line_lower.contains(&canary.to_lowercase()), "{canary} in {line}");
        }
        if line.contains(OPTED_OUT) {
            let is_consent = line_lower.starts_with("insert into consents")
                || line_lower.starts_with("insert into public.consents");
            assert!(is_consent && line.contains("opted_out"), "{line}");
        }
    }
    assert!(lines.iter().any(|line| line.contains(OPTED_OUT)), "she is never written to again");
    assert_eq!(in_files(&folder.0, &CANARIES), Vec::<String>::new());
}

#[tokio::test]
async fn nothing_of_an_erased_person_is_left_but_what_the_receipt_names() {
    let world = World::new().await;
    let before = everything(&*world.store.tenant(&world.other_tenant)).await;
    let part = world.part();
    assert!(!in_files(&world.stage.harness.folder.0, &CANARIES).is_empty(), "it is there to be erased");
    let deliveries = part.list::<WebhookDelivery>(&Filter::first(100)).await.unwrap();
    let background = world.stage.harness.plane.background();
    let receipt =
        world.asked("erasures", &json!({ "phone": "+1 555 0187", "reason": format!("{NAME} wrote") })).await;
    assert_eq!((&receipt["kind"], &receipt["named_by"]), (&json!("erasure"), &json!(["phone"])));
    assert_eq!((&receipt["reason"], &receipt["asked_by_kind"]), (&json!("[erased]"), &json!("key")));
    let counts = &receipt["counts"];
    for (what, count) in [
        ("contacts", 1),
        ("addresses", 3),
        ("calls", 1),
        ("turns", 1),
        ("voicemails", 1),
        ("recordings", 1),
        ("messages", 4),
        ("files", 1),
        ("conversations", 1),
        ("recipients of batches", 1),
        ("inbound events", 1),
        ("consents", 1),
    ] {
        assert_eq!(counts[what], count, "{what}: {receipt}");
    }
    for what in ["events", "remembered answers", "lines of the audit log"] {
        assert!(counts[what].as_u64().unwrap() > 0, "{what}: {receipt}");
    }
    assert!(deliveries.is_empty() || counts["webhook deliveries"].as_u64().unwrap() > 0, "{receipt}");
    let why = kept(&receipt, "consents").unwrap();
    assert_eq!(why["count"], 1, "{receipt}");
    assert!(kept(&receipt, "elsewhere").is_some() && receipt["ended_at"].is_string(), "{receipt}");

    // What counts is still there.
    let call = part.call(&world.call).await.unwrap().unwrap();
    assert_eq!(
        (call.from_number.as_str(), call.to_number.as_str(), call.status),
        ("", OWN, CallStatus::Completed)
    );
    let messages = part.list::<Message>(&Filter::first(100)).await.unwrap();
    let erased: Vec<_> = messages.iter().filter(|row| row.value.erased).collect();
    assert_eq!(erased.len(), 4);
    assert!(erased.iter().any(|row| row.value.cost == Some((7_500, "USD".to_owned()))), "{erased:?}");
    // What is another person's, and another tenant's, is as it was.
    assert_eq!(everything(&*world.store.tenant(&world.other_tenant)).await, before);
    let others = part.turns(&world.other_call).await.unwrap();
    assert!(others[0].caller.contains(OTHER_WORDS));
    assert_eq!(world.recipients().await.len(), 1);
    let other = messages.iter().find(|row| row.value.content.contains(OTHER_WORDS)).expect("it is there");
    assert_eq!(other.value.to_number, OTHER_PHONE);
    let gone = world.stage.harness.get(&format!("/v1/contacts/{}", world.contact)).await;
    assert_eq!(gone.problem(404), "not_found");
    // Who asked, and that it was done, stands in the audit log.
    let filter = AuditFilter {
        object: receipt["id"].as_str().map(str::to_owned),
        limit: 10,
        ..AuditFilter::default()
    };
    let actions: Vec<_> =
        part.audit_log(&filter).await.unwrap().into_iter().map(|line| line.action).collect();
    assert_eq!(actions, ["privacy.erased", "privacy.erase"]);

    drop(background);
    // What reads the database in the background keeps a trace until it has read.
    let is_gone = async || {
        world.store.forget_traces().await.unwrap();
        in_files(&world.stage.harness.folder.0, &CANARIES).is_empty().then_some(())
    };
    until(is_gone, "a folder without a trace").await;
    assert_gone(&world.stage.harness.folder).await;
}

#[tokio::test]
async fn what_is_held_is_kept_and_named_and_what_goes_on_is_waited_for() {
    let world = World::new().await;
    let part = world.part();
    let held = recording(&*part, &world.call).await;
    world.hold(&held.id).await;
    let live = call(&*part, &world.stage.harness.folder.0, PHONE, WORDS, now()).await;
    let step =
        |from, to| store::CallMove { from, to, answered_at: None, ended_at: None, carrier_duration_s: None };
    let goes_on = part.move_call(&live, step(CallStatus::Completed, CallStatus::InProgress)).await.unwrap();
    assert!(goes_on);
    let _background = world.stage.harness.plane.background();
    let asked = json!({ "contact": world.contact, "reason": "asked" });
    let asked = world.stage.post("/v1/privacy/erasures", &asked, None).await;
    assert_eq!(asked.status, 202, "{}", asked.text());
    let id = asked.json()["id"].as_str().unwrap().to_owned();
    let waiting = when(&world.stage.harness, &id, |shown| shown["waits_for"] == "call").await;
    assert_eq!(waiting["status"], "running");
    assert!(part.move_call(&live, step(CallStatus::InProgress, CallStatus::Completed)).await.unwrap());
    let receipt = done(&world.stage.harness, &id).await;
    let held = kept(&receipt, "calls under legal hold").unwrap();
    assert_eq!((&held["count"], &held["ids"]), (&json!(1), &json!([world.call])));
    let call = part.call(&world.call).await.unwrap().unwrap();
    assert_eq!(call.from_number, PHONE);
    assert!(part.turns(&world.call).await.unwrap()[0].caller.contains(WORDS));
    assert!(part.turns(&live).await.unwrap().is_empty());
    assert_eq!(part.call(&live).await.unwrap().unwrap().from_number, "");
}

#[tokio::test]
async fn a_request_names_somebody_and_is_made_by_those_who_may() {
    let world = World::new().await;
    let post = async |body: Value| world.stage.post("/v1/privacy/erasures", &body, None).await;
    assert_eq!(post(json!({ "reason": "asked" })).await.problem(422), "invalid_body");
    assert_eq!(post(json!({ "phone": "0187", "reason": "asked" })).await.problem(422), "invalid_body");
    assert_eq!(post(json!({ "phone": PHONE })).await.problem(422), "invalid_body");
    let unknown = json!({ "contact": store::ids::ContactId::generate(), "reason": "asked" });
    assert_eq!(post(unknown).await.problem(422), "invalid_body");
    let another = world.stage.harness.get("/v1/privacy/requests/job_00000000000000000000000001").await;
    assert_eq!(another.problem(404), "not_found");
}
