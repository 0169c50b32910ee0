//! One try of one message, and what follows from it for the message and its endpoint.

use crate::{
    announce::announce,
    event::{Event, EventType},
    payload::EndpointDisabled,
    schedule::{GIVEN_UP_AFTER_S, next_try},
    sender::{Message, Refusal, is_gone},
    signature::sign,
    worker::{Inner, micros},
};
use engine::provider::Secret;
use jiff::Timestamp;
use store::{
    StoreError, Stored, TenantTx,
    model::{
        webhook::{DeliveryStatus, EndpointStatus, WebhookDelivery, WebhookEndpoint},
        work::Claim,
    },
};
use tracing::{debug, error};
use vault::{Place, VaultError};

/// How often what came of a try is written, when others change the same rows meanwhile.
const WRITES: usize = 4;

/// What came of a try.
enum Came {
    /// It was taken, with this status.
    Taken(u16),
    /// It was not.
    Refused(Refusal),
    /// It was not sent: the endpoint takes none for now.
    Waits,
    /// It was not sent, and never will be.
    Void(&'static str),
}

/// Tries a message and writes what came of it.
pub(crate) async fn attempt(
    inner: &Inner,
    claim: &Claim,
    delivery: &Stored<WebhookDelivery>,
    endpoint: &Stored<WebhookEndpoint>,
) {
    let came = match endpoint.value.status {
        EndpointStatus::Active => match send(inner, claim, delivery, endpoint).await {
            Ok(came) => came,
            Err(cause) => {
                error!(
                    tenant = %claim.tenant,
                    endpoint = %endpoint.id,
                    error = &cause as &dyn std::error::Error,
                    "a webhook could not be signed"
                );
                put_back(inner, claim).await;
                return;
            }
        },
        EndpointStatus::Paused => Came::Waits,
        EndpointStatus::Disabled => Came::Void("the endpoint is disabled"),
    };
    for _ in 0..WRITES {
        match write(inner, claim, delivery, &came).await {
            Ok(()) => return,
            Err(StoreError::Stale { what: "lease" }) => {
                debug!(delivery = %delivery.id, "another worker has this webhook now");
                return;
            }
            Err(StoreError::Stale { .. }) => {}
            Err(cause) => {
                // The lease ends, and it is tried again.
                error!(
                    delivery = %delivery.id,
                    error = &cause as &dyn std::error::Error,
                    "what came of a webhook could not be stored"
                );
                return;
            }
        }
    }
}

async fn send(
    inner: &Inner,
    claim: &Claim,
    delivery: &Stored<WebhookDelivery>,
    endpoint: &Stored<WebhookEndpoint>,
) -> Result<Came, VaultError> {
    let now = (inner.clock)();
    let secrets = secrets(inner, claim, endpoint, now).await?;
    let body = delivery.value.payload.to_string().into_bytes();
    let (id, timestamp_s) = (delivery.value.event.as_str(), now.div_euclid(1_000_000));
    let Ok(signature) = sign(id, timestamp_s, &body, &secrets) else {
        return Ok(Came::Void("the endpoint's secret is none"));
    };
    let message = Message { url: &endpoint.value.url, id, timestamp_s, signature: &signature, body };
    Ok(match inner.sender.send(message).await {
        Ok(status) => Came::Taken(status),
        Err(refusal) => Came::Refused(refusal),
    })
}

/// The endpoint's secret, and the one before it while it is being exchanged.
async fn secrets(
    inner: &Inner,
    claim: &Claim,
    endpoint: &Stored<WebhookEndpoint>,
    now: i64,
) -> Result<Vec<Secret>, VaultError> {
    let place = Place::webhook_endpoint(&endpoint.id);
    let mut secrets = vec![inner.vault.open(&claim.tenant, &place, &endpoint.value.secret).await?];
    let is_exchanged = endpoint.value.previous_until.is_none_or(|until| until > now);
    if let Some(previous) = endpoint.value.previous_secret.as_ref().filter(|_| is_exchanged) {
        secrets.push(inner.vault.open(&claim.tenant, &place, previous).await?);
    }
    Ok(secrets)
}

async fn put_back(inner: &Inner, claim: &Claim) {
    let due = (inner.clock)().saturating_add(micros(inner.options.trouble));
    if let Err(cause) = inner.store.tenant(&claim.tenant).retry_work(claim, due).await {
        error!(error = &cause as &dyn std::error::Error, "a webhook could not be put back");
    }
}

async fn write(
    inner: &Inner,
    claim: &Claim,
    tried: &Stored<WebhookDelivery>,
    came: &Came,
) -> Result<(), StoreError> {
    let now = (inner.clock)();
    let mut tx = inner.store.tenant(&claim.tenant).begin(&inner.actor, now).await?;
    let Some(stored) = tx.get::<WebhookDelivery>(&tried.id).await? else {
        tx.finish_work(claim).await?;
        return tx.commit().await;
    };
    let mut delivery = stored.value.clone();
    let since = delivery.tried_since.unwrap_or(stored.created_at);
    let due = match came {
        Came::Taken(status) => {
            delivery.status = DeliveryStatus::Delivered;
            (delivery.last_status, delivery.last_error) = (Some(*status), None);
            None
        }
        Came::Refused(refusal) => {
            delivery.last_status = refusal.status();
            delivery.last_error = Some(refusal.to_string());
            let next = next_try(delivery.attempts + 1, since, now, rand::random(), refusal.asked_s());
            next.filter(|_| !is_gone(refusal))
        }
        Came::Waits => {
            let end = since.saturating_add(GIVEN_UP_AFTER_S * 1_000_000);
            delivery.last_error = Some("the endpoint is paused".to_owned());
            (now < end).then(|| now.saturating_add(micros(inner.options.paused)).min(end))
        }
        Came::Void(why) => {
            delivery.last_error = Some((*why).to_owned());
            None
        }
    };
    if matches!(came, Came::Taken(_) | Came::Refused(_)) {
        (delivery.attempts, delivery.last_at) = (delivery.attempts.saturating_add(1), Some(now));
        follow(inner, &mut *tx, &delivery, came).await?;
    }
    if due.is_none() && delivery.status == DeliveryStatus::Pending {
        delivery.status = DeliveryStatus::Failed;
    }
    if delivery != stored.value {
        tx.update(&stored.id, stored.version, delivery).await?;
    }
    // What is over is looked at once more, to be deleted.
    tx.retry_work(claim, due.unwrap_or_else(|| now.saturating_add(micros(inner.options.kept)))).await?;
    tx.commit().await
}

/// What follows for the endpoint.
async fn follow(
    inner: &Inner,
    tx: &mut dyn TenantTx,
    delivery: &WebhookDelivery,
    came: &Came,
) -> Result<(), StoreError> {
    let now = tx.now();
    let Some(stored) = tx.get::<WebhookEndpoint>(&delivery.endpoint).await? else { return Ok(()) };
    let endpoint = &stored.value;
    let after = match (came, endpoint.failing_since) {
        (Came::Taken(_), Some(_)) => WebhookEndpoint { failing_since: None, ..endpoint.clone() },
        (Came::Refused(refusal), since) => {
            let lasting = since.is_some_and(|since| since <= now - micros(inner.options.disabled_after));
            let ends = endpoint.status == EndpointStatus::Active && (lasting || is_gone(refusal));
            if ends {
                let why = if is_gone(refusal) {
                    "the endpoint answered that it is gone"
                } else {
                    "all messages failed"
                };
                let time = |us| Timestamp::from_microsecond(us).unwrap_or(Timestamp::UNIX_EPOCH).to_string();
                let data = EndpointDisabled {
                    webhook_endpoint_id: stored.id.to_string(),
                    url: endpoint.url.clone(),
                    failing_since: since.map(time),
                    reason: why.to_owned(),
                };
                announce(tx, Event::new(EventType::EndpointDisabled, now, &data)).await?;
            }
            let status = if ends { EndpointStatus::Disabled } else { endpoint.status };
            WebhookEndpoint { status, failing_since: since.or(Some(now)), ..endpoint.clone() }
        }
        (Came::Taken(_), None) | (Came::Waits | Came::Void(_), _) => return Ok(()),
    };
    if after != *endpoint {
        tx.update(&stored.id, stored.version, after).await?;
    }
    Ok(())
}
