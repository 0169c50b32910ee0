//! Several nodes on one database.

use sqlx::{Connection, Executor, PgConnection};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};
use store::{
    Change, Store,
    contract::seed::{Seed, seed},
    ids::EventId,
    model::{audit::Actor, inbox::TenantEvent, tenant::Tenant, work::WorkKind},
};
use store_postgres::{PostgresOptions, PostgresStore, test_server};
use tokio::task::JoinSet;

#[tokio::test]
async fn several_nodes_may_start_at_once() {
    let Some(url) = test_server::database().await else { return };
    let mut owner = PgConnection::connect(&url).await.unwrap();
    owner.execute("drop schema public cascade").await.unwrap();
    owner.execute("create schema public").await.unwrap();
    owner.execute("grant usage on schema public to public").await.unwrap();
    let mut nodes = JoinSet::new();
    for _ in 0..4 {
        let url = url.clone();
        nodes.spawn(async move { PostgresStore::open(&url, PostgresOptions::default()).await });
    }
    while let Some(node) = nodes.join_next().await {
        node.unwrap().unwrap().check_writable(1).await.unwrap();
    }
}

#[tokio::test]
async fn nodes_that_take_work_at_once_take_each_piece_once() {
    let Some(opened) = crate::open().await else { return };
    let seeded = seed(&opened.store, Seed { tenants: 1, numbers_each: 0 }).await;
    let tenant = opened.store.tenant(&seeded[0].tenant);
    let mut tx = tenant.begin(&Actor::system("test"), 1).await.unwrap();
    for n in 0..60 {
        tx.schedule(WorkKind::Job, &format!("job_{n}"), n).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut nodes = JoinSet::new();
    for _ in 0..6 {
        let store = opened.store.clone();
        nodes.spawn(async move {
            let mut taken = Vec::new();
            loop {
                let claims = store.claim_work(WorkKind::Job, 100, 200, 3).await.unwrap();
                if claims.is_empty() {
                    return taken;
                }
                taken.extend(claims.into_iter().map(|claim| claim.object));
            }
        });
    }
    let taken: Vec<String> = nodes.join_all().await.into_iter().flatten().collect();
    assert_eq!(taken.len(), 60);
    assert_eq!(taken.into_iter().collect::<BTreeSet<_>>().len(), 60);
}

#[tokio::test]
async fn two_requests_with_one_key_at_once_have_one_effect() {
    use store::model::audit::{Idempotency, IdempotencyRequest, StoredResponse};
    let Some(opened) = crate::open().await else { return };
    let seeded = seed(&opened.store, Seed { tenants: 1, numbers_each: 0 }).await;
    let mut requests = JoinSet::new();
    for n in 0..4 {
        let tenant = opened.store.tenant(&seeded[0].tenant);
        requests.spawn(async move {
            let request =
                IdempotencyRequest { key: "k".to_owned(), request_hash: "h".to_owned(), expires_at: 100 };
            let mut tx = tenant.begin(&Actor::system("test"), 1).await.unwrap();
            match tx.idempotency(&request).await.unwrap() {
                Idempotency::Fresh => {
                    let response = StoredResponse { status: 201, body: n.to_string() };
                    tx.respond("k", &response).await.unwrap();
                    tx.commit().await.unwrap();
                    (true, response)
                }
                Idempotency::Replay(response) => (false, response),
                Idempotency::Mismatch => panic!("it is the same request"),
            }
        });
    }
    let answers = requests.join_all().await;
    assert_eq!(answers.iter().filter(|(fresh, _)| *fresh).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|(_, response)| *response == answers[0].1), "{answers:?}");
}

/// What a store tells its listeners, as words.
fn listened(store: &PostgresStore) -> impl Fn() -> Vec<String> {
    let told = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&told);
    store.on_change(Arc::new(move |change| {
        kept.lock().unwrap().push(match change {
            Change::Of(tenant) => tenant.to_string(),
            Change::Told(tenant) => format!("told {tenant}"),
            Change::Any => "any".to_owned(),
        });
    }));
    move || std::mem::take(&mut *told.lock().unwrap())
}

#[tokio::test]
async fn a_node_that_catches_up_is_told_what_others_have_changed_and_not_its_own_again() {
    let Some(url) = test_server::database().await else { return };
    let node = PostgresStore::open(&url, PostgresOptions::default()).await.unwrap();
    let other = PostgresStore::open(&url, PostgresOptions::default()).await.unwrap();
    let told = listened(&node);
    node.catch_up().await.unwrap();
    assert_eq!(told(), ["any"], "it did not listen before");
    node.catch_up().await.unwrap();
    assert_eq!(told(), Vec::<String>::new());

    let made = seed(&other, Seed { tenants: 2, numbers_each: 0 }).await;
    let mut theirs: Vec<_> = made.iter().map(|seeded| seeded.tenant.to_string()).collect();
    theirs.sort();
    node.catch_up().await.unwrap();
    let mut heard = told();
    heard.sort();
    heard.dedup();
    assert_eq!(heard, theirs);

    let mut tx = node.platform().begin(&Actor::system("test"), 2).await.unwrap();
    let row = tx.get::<Tenant>(&made[0].tenant).await.unwrap().unwrap();
    tx.update(&row.id, row.version, row.value).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(told(), [made[0].tenant.to_string()]);
    node.catch_up().await.unwrap();
    assert_eq!(told(), Vec::<String>::new(), "it knows what it changed itself");
}

#[tokio::test]
async fn a_node_that_could_not_listen_for_a_while_doubts_everything() {
    let Some(url) = test_server::database().await else { return };
    let node = PostgresStore::open(&url, PostgresOptions::default()).await.unwrap();
    let told = listened(&node);
    node.catch_up().await.unwrap();
    let mut owner = PgConnection::connect(&url).await.unwrap();
    owner
        .execute(
            "select pg_terminate_backend(pid) from pg_stat_activity \
             where datname = current_database() and application_name = 'tandem'",
        )
        .await
        .unwrap();
    node.catch_up().await.unwrap_err();
    let other = PostgresStore::open(&url, PostgresOptions::default()).await.unwrap();
    seed(&other, Seed { tenants: 1, numbers_each: 0 }).await;
    told();
    node.catch_up().await.unwrap();
    assert_eq!(told(), ["any"]);
    node.close().await;
}

#[tokio::test]
async fn an_event_that_counts_later_than_a_newer_one_comes_after_it() {
    let Some(opened) = crate::open().await else { return };
    let tenant = seed(&opened.store, Seed { tenants: 1, numbers_each: 0 }).await.remove(0).tenant;
    let part = opened.store.tenant(&tenant);
    let event = |kind: &str| TenantEvent {
        event: EventId::generate(),
        kind: kind.to_owned(),
        at: 1,
        data: serde_json::json!({}),
    };
    let actor = Actor::system("test");
    let mut slow = part.begin(&actor, 1).await.unwrap();
    slow.insert(event("first")).await.unwrap();
    let mut quick = part.begin(&actor, 1).await.unwrap();
    quick.insert(event("second")).await.unwrap();
    quick.commit().await.unwrap();
    assert_eq!(part.place_events(100).await.unwrap(), 1);
    let seen = part.events_after(0, 100).await.unwrap();
    assert_eq!((seen.len(), seen[0].0, seen[0].1.kind.as_str()), (1, 1, "second"));
    slow.commit().await.unwrap();
    assert_eq!(part.place_events(100).await.unwrap(), 2);
    let seen = part.events_after(1, 100).await.unwrap();
    assert_eq!((seen.len(), seen[0].0, seen[0].1.kind.as_str()), (1, 2, "first"));
}
