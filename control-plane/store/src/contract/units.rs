//! Units of work: versions, the audit log, requests that have their effect once, and work that waits.

use super::{
    actor,
    samples::{api_key, budget, inbound, number, sealed},
    tenant,
};
use crate::{
    Body, Change, Filter, Store, StoreError, Table, TenantId,
    ids::{BudgetId, InboundEventId},
    model::{
        audit::{AuditEntry, AuditFilter, Idempotency, IdempotencyRequest, StoredResponse},
        number::Number,
        tenant::Tenant,
        usage::Budget,
        webhook::{EndpointStatus, InboundEvent, InboundStatus, WebhookEndpoint},
        work::{Claim, WorkKind},
    },
};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

pub async fn a_resource_changes_only_from_the_version_that_was_read(store: &dyn Store) {
    let tenant = tenant(store, "a").await;
    let mut tx = tenant.begin(&actor(), 10).await.unwrap();
    let made = tx.insert(budget("all")).await.unwrap();
    assert_eq!((made.version, made.created_at, made.updated_at), (1, 10, 10));
    tx.commit().await.unwrap();
    assert_eq!(tenant.get::<Budget>(&made.id).await.unwrap().unwrap(), made);

    let change = |name: &str| Budget { limit_micros: 1, ..budget(name) };
    let mut tx = tenant.begin(&actor(), 20).await.unwrap();
    let changed = tx.update(&made.id, 1, change("all")).await.unwrap();
    assert_eq!((changed.version, changed.created_at, changed.updated_at), (2, 10, 20));
    tx.commit().await.unwrap();
    assert_eq!(tenant.get::<Budget>(&made.id).await.unwrap().unwrap(), changed);

    let mut tx = tenant.begin(&actor(), 30).await.unwrap();
    let stale = tx.update(&made.id, 1, change("all")).await.unwrap_err();
    assert!(matches!(stale, StoreError::Stale { what: "budget" }), "{stale:?}");
    let broken = tx.commit().await.unwrap_err();
    assert!(matches!(broken, StoreError::Invalid { .. }), "after a step that failed: {broken:?}");
    let mut tx = tenant.begin(&actor(), 30).await.unwrap();
    assert!(matches!(tx.delete::<Budget>(&made.id, 1).await, Err(StoreError::Stale { .. })));
    drop(tx);
    let mut tx = tenant.begin(&actor(), 30).await.unwrap();
    let missing = tx.update(&BudgetId::generate(), 1, change("all")).await;
    assert!(matches!(missing, Err(StoreError::Missing { .. })));
    drop(tx);
    let mut tx = tenant.begin(&actor(), 30).await.unwrap();
    tx.delete::<Budget>(&made.id, 2).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(tenant.get::<Budget>(&made.id).await.unwrap(), None);
}

pub async fn a_unit_of_work_counts_as_a_whole_or_not_at_all(store: &dyn Store) {
    let tenant = tenant(store, "a").await;
    let mut tx = tenant.begin(&actor(), 10).await.unwrap();
    let made = tx.insert(budget("all")).await.unwrap();
    assert_eq!(tx.get::<Budget>(&made.id).await.unwrap(), Some(made.clone()), "it sees what it wrote");
    drop(tx);
    assert_eq!(tenant.get::<Budget>(&made.id).await.unwrap(), None);
    assert_eq!(tenant.audit_log(&AuditFilter { limit: 10, ..AuditFilter::default() }).await.unwrap(), []);

    let mut tx = tenant.begin(&actor(), 10).await.unwrap();
    tx.insert(budget("all")).await.unwrap();
    assert_eq!(tx.insert_new(BudgetId::generate(), budget("all")).await.unwrap(), None);
    tx.insert(budget("other")).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(
        tenant.count::<Budget>(&Filter::default()).await.unwrap(),
        2,
        "it goes on after what was there"
    );
}

pub async fn what_no_database_can_keep_is_refused(store: &dyn Store) {
    let tenant = tenant(store, "a").await;
    let mut tx = tenant.begin(&actor(), 10).await.unwrap();
    let refused = tx.insert(budget("a\0b")).await.unwrap_err();
    assert!(matches!(refused, StoreError::Invalid { what: "budget", .. }), "{refused:?}");
    assert_eq!(tenant.find::<Budget>("a\0b").await.unwrap(), None);
    let filter = Filter::first(1).of("\0").with_status("\0").after("\0");
    assert_eq!(tenant.list::<Budget>(&filter).await.unwrap(), []);
}

pub async fn resources_are_listed_in_pages(store: &dyn Store) {
    let tenant = tenant(store, "a").await;
    let mut ids = Vec::new();
    for n in 0..5 {
        let mut tx = tenant.begin(&actor(), n).await.unwrap();
        let status = if n < 3 { InboundStatus::Received } else { InboundStatus::Processed };
        let event = InboundEvent { status, ..inbound(&n.to_string()) };
        ids.push(tx.insert(event).await.unwrap().id);
        tx.commit().await.unwrap();
    }
    let list = async |filter: Filter| {
        let page = tenant.list::<InboundEvent>(&filter).await.unwrap();
        page.into_iter().map(|event| event.id).collect::<Vec<InboundEventId>>()
    };
    assert_eq!(list(Filter::first(2)).await, [ids[4].clone(), ids[3].clone()]);
    assert_eq!(list(Filter::first(2).after(ids[3].as_str())).await, [ids[2].clone(), ids[1].clone()]);
    assert_eq!(list(Filter::first(2).oldest_first()).await, ids[..2]);
    assert_eq!(list(Filter::first(2).oldest_first().after(ids[1].as_str())).await, ids[2..4]);
    assert_eq!(list(Filter::first(9).with_status("processed").oldest_first()).await, ids[3..]);
    assert_eq!(list(Filter::first(9).of("twilio.call_status").oldest_first()).await, ids);
    assert_eq!(list(Filter::first(9).of("elsewhere")).await, []);
    let processed = Filter::default().with_status("processed");
    assert_eq!(tenant.count::<InboundEvent>(&processed).await.unwrap(), 2);
}

pub async fn every_change_writes_its_line_of_the_audit_log(store: &dyn Store) {
    let tenant = tenant(store, "a").await;
    let endpoint = WebhookEndpoint {
        url: "https://example.com/hook".to_owned(),
        name: "ours".to_owned(),
        events: Vec::new(),
        secret: sealed("CANARY"),
        previous_secret: None,
        previous_until: None,
        status: EndpointStatus::Active,
        failing_since: None,
    };
    let mut tx = tenant.begin(&actor(), 10).await.unwrap();
    let made = tx.insert(endpoint.clone()).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = tenant.begin(&actor(), 20).await.unwrap();
    let paused = WebhookEndpoint { status: EndpointStatus::Paused, ..endpoint };
    tx.update(&made.id, 1, paused).await.unwrap();
    tx.delete::<WebhookEndpoint>(&made.id, 2).await.unwrap();
    tx.note("recording.listen", "rec_1", &json!({ "ip": "192.0.2.1" })).await.unwrap();
    tx.insert(inbound("not audited")).await.unwrap();
    tx.commit().await.unwrap();

    let filter = AuditFilter { limit: 10, ..AuditFilter::default() };
    let mut log = tenant.audit_log(&filter).await.unwrap();
    log.reverse();
    let actions: Vec<_> = log.iter().map(|entry| entry.action.as_str()).collect();
    let expected =
        ["webhook_endpoint.create", "webhook_endpoint.update", "webhook_endpoint.delete", "recording.listen"];
    assert_eq!(actions, expected);
    assert!(log.iter().all(|entry| entry.actor == actor()), "{log:?}");
    assert_eq!(log.iter().map(|entry| entry.at).collect::<Vec<_>>(), [10, 20, 20, 20]);
    let read = |text: &Option<String>| text.as_ref().map(|text| serde_json::from_str::<Value>(text).unwrap());
    let status = |text: &Option<String>| read(text).map(|value| value["status"].clone());
    assert_eq!(status(&log[0].before), None);
    assert_eq!(
        (status(&log[1].before), status(&log[1].after)),
        (Some(json!("active")), Some(json!("paused")))
    );
    assert_eq!((status(&log[2].before), status(&log[2].after)), (Some(json!("paused")), None));
    assert!(!format!("{log:?}").contains("CANARY"));

    let of_object = AuditFilter { object: Some("rec_1".to_owned()), ..filter.clone() };
    assert_eq!(tenant.audit_log(&of_object).await.unwrap(), [log[3].clone()]);
    let older = AuditFilter { after: Some(log[1].id.clone()), ..filter.clone() };
    assert_eq!(tenant.audit_log(&older).await.unwrap(), [log[0].clone()]);
    let nobody = AuditFilter { actor: Some("usr_2".to_owned()), ..filter };
    assert_eq!(tenant.audit_log(&nobody).await.unwrap(), []);
}

pub async fn a_request_has_its_effect_once(store: &dyn Store) {
    let tenant = tenant(store, "a").await;
    let request = |hash: &str| IdempotencyRequest {
        key: "k".to_owned(),
        request_hash: hash.to_owned(),
        expires_at: 100,
    };
    let response = StoredResponse { status: 201, body: "{\"id\":\"bud_1\"}".to_owned() };

    let mut tx = tenant.begin(&actor(), 10).await.unwrap();
    assert_eq!(tx.idempotency(&request("h")).await.unwrap(), Idempotency::Fresh);
    tx.insert(budget("all")).await.unwrap();
    let unanswered = tx.commit().await.unwrap_err();
    assert!(matches!(unanswered, StoreError::Invalid { .. }), "{unanswered:?}");
    assert_eq!(tenant.count::<Budget>(&Filter::default()).await.unwrap(), 0);

    let mut tx = tenant.begin(&actor(), 10).await.unwrap();
    assert_eq!(tx.idempotency(&request("h")).await.unwrap(), Idempotency::Fresh, "the first did not count");
    tx.insert(budget("all")).await.unwrap();
    tx.respond("k", &response).await.unwrap();
    tx.commit().await.unwrap();

    let mut tx = tenant.begin(&actor(), 99).await.unwrap();
    assert_eq!(tx.idempotency(&request("h")).await.unwrap(), Idempotency::Replay(response.clone()));
    assert_eq!(tx.idempotency(&request("other")).await.unwrap(), Idempotency::Mismatch);
    drop(tx);
    let other = super::tenant(store, "b").await;
    let mut tx = other.begin(&actor(), 10).await.unwrap();
    assert_eq!(
        tx.idempotency(&request("h")).await.unwrap(),
        Idempotency::Fresh,
        "each tenant has its own keys"
    );
    drop(tx);
    let mut tx = tenant.begin(&actor(), 100).await.unwrap();
    assert_eq!(tx.idempotency(&request("other")).await.unwrap(), Idempotency::Fresh, "its time is over");
    drop(tx);
    assert_eq!(tenant.forget_requests(99).await.unwrap(), 0);
    assert_eq!(tenant.forget_requests(100).await.unwrap(), 1);
}

pub async fn work_is_held_by_one_worker_until_its_lease_ends(store: &dyn Store) {
    let tenant = tenant(store, "a").await;
    let mut tx = tenant.begin(&actor(), 1).await.unwrap();
    for (object, due_at) in [("job_1", 10), ("job_2", 20), ("job_3", 99)] {
        tx.schedule(WorkKind::Job, object, due_at).await.unwrap();
    }
    tx.schedule(WorkKind::Delivery, "whd_1", 10).await.unwrap();
    tx.commit().await.unwrap();
    let claim = async |now: i64, until: i64| {
        let mut claims = store.claim_work(WorkKind::Job, now, until, 10).await.unwrap();
        claims.sort_by(|a, b| a.object.cmp(&b.object));
        claims
    };
    let objects = |claims: &[Claim]| claims.iter().map(|claim| claim.object.clone()).collect::<Vec<_>>();

    assert_eq!(claim(9, 30).await, []);
    let first = claim(20, 30).await;
    assert_eq!(objects(&first), ["job_1", "job_2"]);
    assert!(first.iter().all(|claim| claim.attempts == 1 && claim.tenant == *tenant.id()));
    assert_eq!(claim(29, 40).await, [], "they are held");
    assert!(tenant.extend_work(&first[0], 35).await.unwrap());
    let second = claim(30, 60).await;
    assert_eq!(objects(&second), ["job_2"], "the other lease was made longer");
    assert_eq!(second[0].attempts, 2);
    assert!(!tenant.finish_work(&first[1]).await.unwrap(), "another holds it now");
    let mut tx = tenant.begin(&actor(), 31).await.unwrap();
    for object in ["job_2", "job_3", "job_4"] {
        tx.unschedule(WorkKind::Job, object).await.unwrap();
    }
    tx.commit().await.unwrap();

    let mut tx = tenant.begin(&actor(), 31).await.unwrap();
    tx.insert(budget("must not count")).await.unwrap();
    let lost = tx.finish_work(&first[1]).await.unwrap_err();
    assert!(matches!(lost, StoreError::Stale { what: "lease" }), "{lost:?}");
    drop(tx);
    let mut tx = tenant.begin(&actor(), 31).await.unwrap();
    tx.finish_work(&first[0]).await.unwrap();
    tx.retry_work(&second[0], 50).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(tenant.count::<Budget>(&Filter::default()).await.unwrap(), 0);
    assert_eq!(claim(49, 90).await, []);
    assert_eq!(objects(&claim(99, 120).await), ["job_2"], "what was held was not taken off, and job_3 was");
    assert_eq!(store.claim_work(WorkKind::Delivery, 50, 90, 10).await.unwrap().len(), 1);
}

pub async fn work_that_another_holds_by_now_does_not_undo_what_came_of_it(store: &dyn Store) {
    let tenant = tenant(store, "a").await;
    let mut tx = tenant.begin(&actor(), 1).await.unwrap();
    tx.schedule(WorkKind::Job, "job_1", 1).await.unwrap();
    tx.commit().await.unwrap();
    let claim = async |now: i64| store.claim_work(WorkKind::Job, now, now + 1, 10).await.unwrap();
    let (lost, held) = (claim(1).await, claim(2).await);
    let mut tx = tenant.begin(&actor(), 2).await.unwrap();
    tx.insert(budget("counts")).await.unwrap();
    assert!(!tx.finish_work_if_held(&lost[0]).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(tenant.count::<Budget>(&Filter::default()).await.unwrap(), 1);
    let mut tx = tenant.begin(&actor(), 2).await.unwrap();
    assert!(tx.finish_work_if_held(&held[0]).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(claim(99).await, []);
}

pub async fn a_unit_of_work_that_is_behind_makes_room_for_the_next_however_it_ends(store: &dyn Store) {
    let tenant = tenant(store, "a").await;
    let mut broken = tenant.begin_behind(&actor(), 1).await.unwrap();
    let gone = broken.remove_document(Table::Budgets, "bud_gone", 1).await;
    assert!(gone.is_err());
    drop(broken);
    drop(tenant.begin_behind(&actor(), 1).await.unwrap());
    for name in ["first", "second"] {
        let mut tx = tenant.begin_behind(&actor(), 1).await.unwrap();
        tx.insert(budget(name)).await.unwrap();
        tx.commit().await.unwrap();
    }
    assert_eq!(tenant.count::<Budget>(&Filter::default()).await.unwrap(), 2);
}

pub async fn what_others_belong_to_is_not_deleted(store: &dyn Store) {
    let (tenant, samples) = super::samples::tenant_with_one_of_everything(store, "a").await;
    let queue = samples.iter().find(|sample| sample.table == Table::Queues).unwrap();
    let mut tx = tenant.begin(&actor(), 1).await.unwrap();
    let refused = tx.remove_document(Table::Queues, &queue.id, 1).await;
    let refused = match refused {
        // SQLite may say it at the end.
        Ok(()) => tx.commit().await.unwrap_err(),
        Err(refused) => refused,
    };
    assert!(matches!(refused, StoreError::Conflict { .. }), "{refused:?}");
}

pub async fn a_resource_of_a_newer_version_is_not_misread(store: &dyn Store) {
    let tenant = tenant(store, "a").await;
    let body = Body::stored(json!({ "name": "n", "period": "decade" }).to_string());
    let mut tx = tenant.begin(&actor(), 1).await.unwrap();
    let id = BudgetId::generate();
    assert!(tx.put_document(Table::Budgets, id.as_str(), &body).await.unwrap());
    tx.commit().await.unwrap();
    assert!(matches!(tenant.get::<Budget>(&id).await, Err(StoreError::Unreadable { what: "budget", .. })));
}

pub async fn keys_and_numbers_come_back_as_they_were_stored(store: &dyn Store) {
    let tenant = tenant(store, "a").await;
    let mut tx = tenant.begin(&actor(), 1).await.unwrap();
    let key = tx.insert(api_key("hash")).await.unwrap();
    let number = tx.insert(number("+15550142")).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(tenant.get(&key.id).await.unwrap(), Some(key));
    assert_eq!(tenant.find("+15550142").await.unwrap(), Some(number));
    tenant.touch_key(&crate::ids::KeyId::generate(), 2).await.unwrap_err();
}

pub async fn what_answers_calls_changes_the_tenants_stamp_and_is_told(store: &dyn Store) {
    let (told, listener) = {
        let told = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&told);
        let listener = move |change: Change<'_>| {
            if let Change::Of(tenant) = change {
                kept.lock().unwrap().push(tenant.clone());
            }
        };
        (told, Arc::new(listener))
    };
    let heard = || std::mem::take(&mut *told.lock().unwrap());
    store.on_change(listener);
    assert_eq!(store.tenant(&TenantId::generate()).stamp().await.unwrap(), None);
    let ours = tenant(store, "a").await;
    let theirs = tenant(store, "b").await;
    assert_eq!(heard(), [ours.id().clone(), theirs.id().clone()]);
    let mut stamps = vec![ours.stamp().await.unwrap().unwrap()];
    let other = theirs.stamp().await.unwrap();

    let mut tx = ours.begin(&actor(), 10).await.unwrap();
    let made = tx.insert(number("+15559990001")).await.unwrap();
    tx.commit().await.unwrap();
    stamps.push(ours.stamp().await.unwrap().unwrap());
    let mut tx = ours.begin(&actor(), 11).await.unwrap();
    tx.update(&made.id, 1, Number { name: "another".to_owned(), ..made.value.clone() }).await.unwrap();
    tx.commit().await.unwrap();
    stamps.push(ours.stamp().await.unwrap().unwrap());
    let mut tx = ours.begin(&actor(), 12).await.unwrap();
    tx.delete::<Number>(&made.id, 2).await.unwrap();
    tx.commit().await.unwrap();
    stamps.push(ours.stamp().await.unwrap().unwrap());
    let mut tx = store.platform().begin(&actor(), 13).await.unwrap();
    let row = tx.get::<Tenant>(ours.id()).await.unwrap().unwrap();
    tx.update(ours.id(), row.version, Tenant { name: "Renamed".to_owned(), ..row.value }).await.unwrap();
    tx.commit().await.unwrap();
    stamps.push(ours.stamp().await.unwrap().unwrap());
    for pair in stamps.windows(2) {
        assert_ne!(pair[0], pair[1]);
    }
    assert_eq!(heard(), vec![ours.id().clone(); 4]);
    assert_eq!(theirs.stamp().await.unwrap(), other, "another tenant's stays");

    let mut tx = ours.begin(&actor(), 14).await.unwrap();
    tx.insert(budget("all")).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(ours.stamp().await.unwrap(), stamps.last().copied(), "no call is answered by a budget");
    assert_eq!(heard(), []);
}

pub async fn a_directory_is_read_as_it_stands(store: &dyn Store) {
    let ours = tenant(store, "a").await;
    let theirs = tenant(store, "b").await;
    for (tenant, e164) in [(&ours, "+15559990001"), (&theirs, "+15559990002")] {
        let mut tx = tenant.begin(&actor(), 10).await.unwrap();
        tx.insert(number(e164)).await.unwrap();
        tx.commit().await.unwrap();
    }
    let lists = [(Table::PhoneNumbers, Filter::first(10)), (Table::Queues, Filter::first(10))];
    let rows = ours.directory(&lists).await.unwrap().unwrap();
    assert_eq!(Some(rows.stamp), ours.stamp().await.unwrap());
    assert_eq!(rows.tenant.id, ours.id().as_str());
    let counts: Vec<_> = rows.lists.iter().map(Vec::len).collect();
    assert_eq!(counts, [1, 0]);
    assert!(rows.lists[0][0].body.contains("+15559990001"));
    assert_eq!(store.tenant(&TenantId::generate()).directory(&lists).await.unwrap(), None);
}

pub async fn what_is_said_of_a_person_can_be_taken_and_nothing_else(store: &dyn Store) {
    let (ours, theirs) = (tenant(store, "a").await, tenant(store, "b").await);
    let filter = AuditFilter { limit: 10, ..AuditFilter::default() };
    for part in [&ours, &theirs] {
        let mut tx = part.begin(&actor(), 10).await.unwrap();
        tx.note("message.send", "msg_1", &json!({ "to": "+15550142" })).await.unwrap();
        let request =
            IdempotencyRequest { key: "k".to_owned(), request_hash: "h".to_owned(), expires_at: i64::MAX };
        assert_eq!(tx.idempotency(&request).await.unwrap(), Idempotency::Fresh);
        let answer = StoredResponse { status: 200, body: "{\"to\":\"+15550142\"}".to_owned() };
        tx.respond("k", &answer).await.unwrap();
        tx.commit().await.unwrap();
    }
    let line = ours.audit_log(&filter).await.unwrap().remove(0);
    let mut tx = theirs.begin(&actor(), 20).await.unwrap();
    assert!(!tx.blank_audit_entry(&line.id).await.unwrap(), "it is another tenant's");
    // A database file has one writer.
    drop(tx);
    let mut tx = ours.begin(&actor(), 20).await.unwrap();
    assert!(tx.blank_audit_entry(&line.id).await.unwrap());
    assert!(tx.replace_answer("k", "{}").await.unwrap());
    assert!(!tx.replace_answer("other", "{}").await.unwrap());
    tx.commit().await.unwrap();
    let after = Some("{\"erased\":true}".to_owned());
    assert_eq!(ours.audit_log(&filter).await.unwrap(), [AuditEntry { after, ..line }]);
    assert_eq!(ours.answers("", 9).await.unwrap()[0].response, "{}");
    assert!(theirs.audit_log(&filter).await.unwrap()[0].after.as_ref().unwrap().contains("+15550142"));
    assert!(theirs.answers("", 9).await.unwrap()[0].response.contains("+15550142"));
    assert!(ours.answers("k", 9).await.unwrap().is_empty());
    store.forget_traces().await.unwrap();
}
