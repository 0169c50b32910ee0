//! What ends by itself.

use super::world::*;
use crate::support::{Harness, open_store, until};
use axum::http::Method;
use serde_json::json;
use std::time::Duration;
use store::{
    Filter, Store, TenantId,
    model::{
        audit::Actor,
        message::{Channel, Message},
        queue::Voicemail,
        tenant::{RetentionSettings, Tenant, TenantSettings, TenantStatus},
    },
};

const DAY: i64 = 24 * 3_600 * 1_000_000;

#[tokio::test]
async fn what_is_older_than_its_channel_is_kept_ends_and_what_is_held_stays() {
    let harness = Harness::with(|settings| {
        settings.limits.upkeep.every = Duration::from_millis(20);
        settings.limits.upkeep.pace = Duration::ZERO;
        settings.limits.upkeep.retention_every = Duration::ZERO;
    })
    .await;
    let store = open_store(&harness.folder).await;
    let part = store.tenant(&TenantId::known("ten_1"));
    let old = now() - 10 * DAY;
    let data = &harness.folder.0;
    let old_sms = written(&*part, None, Channel::Sms, PHONE, WORDS, old).await;
    let old_email = written(&*part, None, Channel::Email, EMAIL, WORDS, old).await;
    let new_sms = written(&*part, None, Channel::Sms, PHONE, WORDS, now()).await;
    let old_call = call(&*part, data, PHONE, WORDS, old).await;
    let held_call = call(&*part, data, PHONE, WORDS, old).await;
    let new_call = call(&*part, data, PHONE, WORDS, now()).await;
    let held = recording(&*part, &held_call).await;
    let answer =
        harness.patch_json(&format!("/v1/recordings/{}", held.id), &json!({ "legal_hold": true })).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let set = async |retention: serde_json::Value| {
        let settings =
            json!({ "settings": { "messaging": { "understand": false }, "retention": retention } });
        harness.json(Method::PATCH, "/v1/tenant", &settings).await
    };
    assert_eq!(set(json!({ "sms_days": 0 })).await.problem(422), "invalid_body");
    let _background = harness.plane.background();

    // Nothing ends as long as everything is held.
    let settings = set(json!({ "sms_days": 5, "transcript_days": 5, "legal_hold": true })).await;
    assert_eq!(settings.status, 200, "{}", settings.text());
    another_is_looked_after(&*store, old).await;
    assert!(!part.get::<Message>(&old_sms.id).await.unwrap().unwrap().value.erased);
    assert_eq!(part.turns(&old_call).await.unwrap().len(), 1);

    assert_eq!(set(json!({ "legal_hold": false })).await.status, 200);
    let ended = async || {
        let message = part.get::<Message>(&old_sms.id).await.unwrap().unwrap().value;
        (message.erased && part.turns(&old_call).await.unwrap().is_empty()).then_some(message)
    };
    let message = until(ended, "an end of what is old").await;
    assert_eq!((message.content.as_str(), message.address, message.segments), ("", None, Some(1)));
    assert_eq!(message.cost, Some((7_500, "USD".to_owned())), "what counts stays");
    for (id, what) in [(&old_email.id, "another channel"), (&new_sms.id, "not old enough")] {
        assert!(!part.get::<Message>(id).await.unwrap().unwrap().value.erased, "{what}");
    }
    for (call, what) in [(&held_call, "held"), (&new_call, "not old enough")] {
        assert_eq!(part.turns(call).await.unwrap().len(), 1, "{what}");
    }
    let call = part.call(&old_call).await.unwrap().unwrap();
    assert_eq!(call.from_number, PHONE, "who called is not what was said");
    let voicemails = part.list::<Voicemail>(&Filter::first(9).of(old_call.as_str())).await.unwrap();
    assert_eq!(voicemails[0].value.transcript, None);
}

/// Waits for a look at all tenants that began after this. They are looked after by their ids: what ends in this one ends after the other
/// was looked after.
async fn another_is_looked_after(store: &dyn Store, old: i64) {
    let id = TenantId::known("ten_2");
    let retention = RetentionSettings { sms_days: Some(5), ..RetentionSettings::default() };
    let tenant = Tenant {
        name: "Another".to_owned(),
        slug: "another".to_owned(),
        status: TenantStatus::Active,
        settings: TenantSettings { retention, ..TenantSettings::default() },
    };
    let mut tx = store.platform().begin(&Actor::system("test"), now()).await.unwrap();
    tx.insert_as(id.clone(), tenant).await.unwrap();
    tx.commit().await.unwrap();
    let part = store.tenant(&id);
    let message = written(&*part, None, Channel::Sms, PHONE, WORDS, old).await;
    let ended = async || part.get::<Message>(&message.id).await.unwrap().unwrap().value.erased.then_some(());
    until(ended, "an end of what another tenant has").await;
}
