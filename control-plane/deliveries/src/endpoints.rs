//! What is done with endpoints and their messages beside sending: secrets, tries, sending again, and the end.

use crate::{
    event::{Event, EventType},
    fan_out::message,
    payload::EndpointTest,
    signature::new_secret,
};
use engine::provider::Secret;
use serde_json::json;
use store::{
    Filter, StoreError, Stored, TenantStore, TenantTx,
    ids::{DeliveryId, EndpointId},
    model::{
        audit::Actor,
        webhook::{DeliveryStatus, EndpointStatus, WebhookDelivery, WebhookEndpoint},
        work::WorkKind,
    },
};
use vault::{Place, Vault, VaultError};

pub use crate::fan_out::MOST_ENDPOINTS;

/// Messages that are looked at, or deleted, in one unit of work.
const BATCH: u16 = 200;
/// Messages that one replay sends at most: one unit of work, and SQLite serves one at a time.
pub const MOST_REPLAYED: usize = 500;

/// What of an endpoint its owner sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEndpoint {
    /// Where; checked with [`address::check`](crate::address::check).
    pub url: String,
    /// For people.
    pub name: String,
    /// Which events; checked with [`event::is_filter`](crate::event::is_filter). Empty: all.
    pub events: Vec<String>,
}

/// Adds an endpoint; gives its secret, which is to be shown once.
///
/// # Errors
/// [`VaultError`].
pub async fn add(
    vault: &Vault,
    tx: &mut dyn TenantTx,
    new: NewEndpoint,
) -> Result<(Stored<WebhookEndpoint>, Secret), VaultError> {
    let (id, secret) = (EndpointId::generate(), new_secret());
    let sealed = vault.seal_in(tx, &Place::webhook_endpoint(&id), &secret).await?;
    let endpoint = WebhookEndpoint {
        url: new.url,
        name: new.name,
        events: new.events,
        secret: sealed,
        previous_secret: None,
        previous_until: None,
        status: EndpointStatus::Active,
        failing_since: None,
    };
    Ok((tx.insert_as(id, endpoint).await?, secret))
}

/// Exchanges an endpoint's secret: until `until` messages are signed with both. Gives the new one, which is to be shown once.
///
/// # Errors
/// [`VaultError`].
pub async fn rotate_secret(
    vault: &Vault,
    tx: &mut dyn TenantTx,
    endpoint: Stored<WebhookEndpoint>,
    until: i64,
) -> Result<(Stored<WebhookEndpoint>, Secret), VaultError> {
    let secret = new_secret();
    let sealed = vault.seal_in(tx, &Place::webhook_endpoint(&endpoint.id), &secret).await?;
    let before = endpoint.value;
    let after = WebhookEndpoint {
        previous_secret: Some(before.secret.clone()),
        previous_until: Some(until),
        secret: sealed,
        ..before
    };
    Ok((tx.update(&endpoint.id, endpoint.version, after).await?, secret))
}

/// Sends a message to try an endpoint out.
///
/// # Errors
/// See [`StoreError`].
pub async fn try_out(
    tx: &mut dyn TenantTx,
    endpoint: &EndpointId,
) -> Result<Stored<WebhookDelivery>, StoreError> {
    let event =
        Event::new(EventType::Test, tx.now(), &EndpointTest { webhook_endpoint_id: endpoint.to_string() });
    let made = message(tx, &event, endpoint).await?;
    made.ok_or(StoreError::Taken { what: "webhook_delivery" })
}

/// Sends a message again, as if for the first time.
///
/// # Errors
/// See [`StoreError`].
pub async fn resend(
    tx: &mut dyn TenantTx,
    delivery: &DeliveryId,
) -> Result<Stored<WebhookDelivery>, StoreError> {
    let now = tx.now();
    let stored = tx.get::<WebhookDelivery>(delivery).await?;
    let stored = stored.ok_or(StoreError::Missing { what: "webhook_delivery" })?;
    let again = WebhookDelivery {
        status: DeliveryStatus::Pending,
        attempts: 0,
        tried_since: Some(now),
        ..stored.value
    };
    let stored = tx.update(delivery, stored.version, again).await?;
    tx.schedule(WorkKind::Delivery, delivery.as_str(), now).await?;
    Ok(stored)
}

/// Which messages are sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replay {
    /// Made at or after this time, unix µs.
    pub from: i64,
    /// Made before this time.
    pub until: i64,
    /// Only those that were given up.
    pub failed_only: bool,
}

/// What a replay did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// So many messages are sent again.
    pub deliveries: usize,
    /// Whether that is all of the time; otherwise older ones are left, for another replay.
    pub complete: bool,
}

/// Sends an endpoint's messages of a time again, the newest [`MOST_REPLAYED`] of them. Those that still wait are sent anyway.
///
/// # Errors
/// See [`StoreError`].
pub async fn replay(
    part: &dyn TenantStore,
    tx: &mut dyn TenantTx,
    endpoint: &EndpointId,
    replay: Replay,
) -> Result<Replayed, StoreError> {
    let (mut sent, mut after) = (0, None);
    let complete = 'all: loop {
        let mut filter = Filter::first(BATCH).of(endpoint.as_str());
        if replay.failed_only {
            filter = filter.with_status(DeliveryStatus::Failed.as_str());
        }
        filter.after = after.take();
        let page = part.list::<WebhookDelivery>(&filter).await?;
        for delivery in &page {
            if delivery.created_at < replay.from {
                break 'all true;
            }
            if delivery.created_at >= replay.until || delivery.value.status == DeliveryStatus::Pending {
                continue;
            }
            if sent == MOST_REPLAYED {
                break 'all false;
            }
            resend(tx, &delivery.id).await?;
            sent += 1;
        }
        if page.len() < usize::from(BATCH) {
            break true;
        }
        after = page.last().map(|last| last.id.to_string());
    };
    let details = json!({ "from_us": replay.from, "until_us": replay.until, "deliveries": sent });
    tx.note("webhook_endpoint.replay", endpoint.as_str(), &details).await?;
    Ok(Replayed { deliveries: sent, complete })
}

/// Deletes an endpoint with all of its messages. It is disabled first, so that none are added.
///
/// # Errors
/// See [`StoreError`]. What was deleted before the failure is; it can be asked for again.
pub async fn remove(
    part: &dyn TenantStore,
    endpoint: &Stored<WebhookEndpoint>,
    actor: &Actor,
    now: i64,
) -> Result<(), StoreError> {
    let mut tx = part.begin(actor, now).await?;
    let disabled = WebhookEndpoint { status: EndpointStatus::Disabled, ..endpoint.value.clone() };
    tx.update(&endpoint.id, endpoint.version, disabled).await?;
    tx.commit().await?;
    loop {
        let filter = Filter::first(BATCH).of(endpoint.id.as_str());
        let page = part.list::<WebhookDelivery>(&filter).await?;
        let mut tx = part.begin(actor, now).await?;
        for delivery in &page {
            if let Some(stored) = tx.get::<WebhookDelivery>(&delivery.id).await? {
                tx.delete::<WebhookDelivery>(&stored.id, stored.version).await?;
            }
        }
        if page.len() < usize::from(BATCH) {
            let current = tx.get::<WebhookEndpoint>(&endpoint.id).await?;
            if let Some(current) = current {
                tx.delete::<WebhookEndpoint>(&current.id, current.version).await?;
            }
            return tx.commit().await;
        }
        tx.commit().await?;
    }
}
