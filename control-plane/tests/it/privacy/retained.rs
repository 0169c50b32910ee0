//! What ends by itself.

use super::world::*;
use crate::support::{Harness, open_store};
use axum::http::Method;
use serde_json::json;
use std::time::Duration;
use store::{
    Filter, TenantId,
    model::{message::Channel, message::Message, queue::Voicemail},
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
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!part.get::<Message>(&old_sms.id).await.unwrap().unwrap().value.erased);
    assert_eq!(part.turns(&old_call).await.unwrap().len(), 1);

    assert_eq!(set(json!({ "legal_hold": false })).await.status, 200);
    let mut is_over = false;
    for _ in 0..4_000 {
        let message = part.get::<Message>(&old_sms.id).await.unwrap().unwrap().value;
        is_over = message.erased && part.turns(&old_call).await.unwrap().is_empty();
        if is_over {
            assert_eq!((message.content.as_str(), message.address, message.segments), ("", None, Some(1)));
            assert_eq!(message.cost, Some((7_500, "USD".to_owned())), "what counts stays");
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(is_over, "it never ends");
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
