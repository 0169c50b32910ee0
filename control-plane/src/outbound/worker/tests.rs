//! A call that is called off while it is about to be placed.

use super::*;
use crate::samples::call;
use store::{TenantId, model::tenant::TenantSettings};
use store_sqlite::SqliteStore;

#[tokio::test]
async fn a_call_that_was_called_off_after_it_was_read_is_not_sent() {
    let folder = std::env::temp_dir().join(store::new_id("tandem_calls"));
    std::fs::create_dir_all(&folder).unwrap();
    let store = SqliteStore::open(&folder.join("test.db"), Default::default()).await.unwrap();
    let row = Tenant {
        name: "A".to_owned(),
        slug: "a".to_owned(),
        status: TenantStatus::Active,
        settings: TenantSettings::default(),
    };
    let mut tx = store.platform().begin(&Actor::system("test"), 1).await.unwrap();
    tx.insert_as(TenantId::known("ten_1"), row).await.unwrap();
    tx.commit().await.unwrap();
    let part = Store::tenant(&store, &TenantId::known("ten_1"));
    let plan = Plan {
        ring_s: 30,
        voicemail: None,
        not_before: 0,
        sent_at: None,
        vapi: None,
        machine_handled: false,
    };
    let known = Call { outbound: Some(plan.text().unwrap()), ..call() };
    let new = store::NewCall {
        id: known.id.clone(),
        carrier_sid: None,
        number: None,
        parent: None,
        direction: known.direction,
        from_number: known.from_number.clone(),
        to_number: known.to_number.clone(),
        assistant_id: known.assistant_id.clone(),
        status: CallStatus::Queued,
        outbound: known.outbound.clone(),
        created_at: 0,
    };
    part.ensure_call(new).await.unwrap();
    let off = CallMove { to: CallStatus::Canceled, ended_at: Some(1), ..still(CallStatus::Queued) };
    assert!(part.move_call(&known.id, off).await.unwrap());
    let sent = Plan { sent_at: Some(2), ..plan.clone() };
    assert!(!announce(&*part, &known, &sent).await.unwrap(), "the carrier is not to be asked");
    let shown = part.call(&known.id).await.unwrap().unwrap();
    assert_eq!((shown.status, Plan::of(&shown).unwrap()), (CallStatus::Canceled, Some(plan)));
    Store::close(&store).await;
    std::fs::remove_dir_all(&folder).unwrap();
}
