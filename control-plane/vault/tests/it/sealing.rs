//! What is sealed opens where it belongs, and only there.

use crate::support::{account, actor, any_ring, place, tenant};
use engine::provider::Secret;
use std::sync::Arc;
use store::{
    Filter, Store,
    ids::DataKeyId,
    model::{
        account::{DataKey, Sealed},
        audit::AuditFilter,
    },
};
use vault::{Place, Vault, VaultError};

pub(crate) async fn a_secret_opens_at_its_place_and_nowhere_else(store: Arc<dyn Store>) {
    let (one, two) = (tenant(&*store, "one").await, tenant(&*store, "two").await);
    let vault = Vault::new(store.clone(), any_ring());
    let here = place();
    let sealed = vault.seal(&one, &here, &Secret::new("CANARY")).await.unwrap();
    assert_eq!(vault.open(&one, &here, &sealed).await.unwrap().reveal(), "CANARY");
    let elsewhere = [
        Place { table: "webhook_endpoints", ..here.clone() },
        Place { id: place().id, ..here.clone() },
        Place { field: "api_key_secret".to_owned(), ..here.clone() },
    ];
    for place in elsewhere {
        let refused = vault.open(&one, &place, &sealed).await.unwrap_err();
        assert!(matches!(refused, VaultError::DoesNotOpen { .. }), "{refused:?}");
        assert!(!format!("{refused:?} {refused}").contains("CANARY"));
    }
    // With the other tenant's own key under the same name, and without.
    let refused = vault.open(&two, &here, &sealed).await.unwrap_err();
    assert!(matches!(refused, VaultError::UnknownDataKey { .. }), "{refused:?}");
    let of_two = vault.seal(&two, &here, &Secret::new("x")).await.unwrap();
    let mixed = Sealed { sealed_with: of_two.sealed_with.clone(), ..sealed };
    let refused = vault.open(&two, &here, &mixed).await.unwrap_err();
    assert!(matches!(refused, VaultError::DoesNotOpen { .. }), "{refused:?}");
}

pub(crate) async fn a_secret_that_was_changed_does_not_open(store: Arc<dyn Store>) {
    let one = tenant(&*store, "one").await;
    let vault = Vault::new(store, any_ring());
    let here = place();
    let sealed = vault.seal(&one, &here, &Secret::new("token")).await.unwrap();
    for at in 0..sealed.sealed.len() {
        let mut text = sealed.sealed.clone().into_bytes();
        text[at] = if text[at] == b'A' { b'B' } else { b'A' };
        let changed = Sealed { sealed: String::from_utf8(text).unwrap(), ..sealed.clone() };
        let refused = vault.open(&one, &here, &changed).await.unwrap_err();
        assert!(matches!(refused, VaultError::DoesNotOpen { .. }), "character {at}: {refused:?}");
    }
}

pub(crate) async fn two_nodes_that_make_the_first_data_key_at_once_end_with_one(store: Arc<dyn Store>) {
    let one = tenant(&*store, "one").await;
    let ring = any_ring();
    let nodes: Vec<_> = (0..8).map(|_| Arc::new(Vault::new(store.clone(), ring.clone()))).collect();
    let here = place();
    let sealing = nodes.iter().map(|node| {
        let (node, one, here) = (node.clone(), one.clone(), here.clone());
        tokio::spawn(async move { node.seal(&one, &here, &Secret::new("token")).await.unwrap() })
    });
    let sealing: Vec<_> = sealing.collect();
    for sealed in sealing {
        let sealed = sealed.await.unwrap();
        for node in &nodes {
            assert_eq!(node.open(&one, &here, &sealed).await.unwrap().reveal(), "token");
        }
    }
    assert_eq!(store.tenant(&one).count::<DataKey>(&Filter::default()).await.unwrap(), 1);
}

pub(crate) async fn a_data_key_made_in_a_unit_of_work_counts_with_it_or_not_at_all(store: Arc<dyn Store>) {
    let one = tenant(&*store, "one").await;
    let vault = Vault::new(store.clone(), any_ring());
    let (part, here, secret) = (store.tenant(&one), place(), Secret::new("token"));
    let mut undone = part.begin(&actor(), 2).await.unwrap();
    vault.seal_in(&mut *undone, &here, &secret).await.unwrap();
    drop(undone);
    assert_eq!(part.count::<DataKey>(&Filter::default()).await.unwrap(), 0);
    let mut tx = part.begin(&actor(), 3).await.unwrap();
    let first = vault.seal_in(&mut *tx, &here, &secret).await.unwrap();
    let second = vault.seal_in(&mut *tx, &here, &secret).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(first.sealed_with, second.sealed_with);
    assert_eq!(vault.open(&one, &here, &first).await.unwrap().reveal(), "token");
}

pub(crate) async fn a_data_key_moved_to_another_tenant_does_not_open(store: Arc<dyn Store>) {
    let (one, two) = (tenant(&*store, "one").await, tenant(&*store, "two").await);
    let ring = any_ring();
    let here = place();
    let sealed = Vault::new(store.clone(), ring.clone()).seal(&one, &here, &Secret::new("x")).await.unwrap();
    let row = store.tenant(&one).get::<DataKey>(&sealed.sealed_with).await.unwrap().unwrap().value;
    let mut tx = store.tenant(&two).begin(&actor(), 2).await.unwrap();
    let moved = DataKeyId::generate();
    tx.insert_as(moved.clone(), row).await.unwrap();
    tx.commit().await.unwrap();
    let fresh = Vault::new(store, ring);
    let refused = fresh.open(&two, &here, &Sealed { sealed_with: moved, ..sealed }).await.unwrap_err();
    assert!(matches!(refused, VaultError::DamagedDataKey { .. }), "{refused:?}");
}

pub(crate) async fn a_node_with_another_key_is_found_at_the_start(store: Arc<dyn Store>) {
    let ring = any_ring();
    Vault::new(store.clone(), ring.clone()).check().await.unwrap();
    Vault::new(store.clone(), ring.clone()).check().await.unwrap();
    let refused = Vault::new(store, any_ring()).check().await.unwrap_err();
    assert!(matches!(&refused, VaultError::UnknownKek { kek, .. } if kek == ring.active()), "{refused:?}");
}

pub(crate) async fn nothing_in_the_audit_log_opens_anything(store: Arc<dyn Store>) {
    let one = tenant(&*store, "one").await;
    let vault = Vault::new(store.clone(), any_ring());
    account(&vault, &*store, &one, "CANARY").await;
    let row = store.tenant(&one).find::<DataKey>("active").await.unwrap().unwrap().value;
    let log =
        store.tenant(&one).audit_log(&AuditFilter { limit: 100, ..AuditFilter::default() }).await.unwrap();
    let text = format!("{log:?}");
    assert!(text.contains("data_key.create") && text.contains("provider_account.create"), "{text}");
    assert!(!text.contains("CANARY") && !text.contains(&row.wrapped), "{text}");
}
