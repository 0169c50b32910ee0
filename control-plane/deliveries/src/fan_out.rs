//! From an event to messages: one for each endpoint that wants to be told. All of them, or none and again later.

use crate::{
    announce::{announce, event_of},
    event::{Event, EventType, wants},
};
use jiff::Timestamp;
use store::{
    Filter, Store, StoreError, Stored, TenantId, TenantTx,
    ids::{DeliveryId, EndpointId, JobId},
    model::{
        audit::Actor,
        webhook::{DeliveryStatus, EndpointStatus, WebhookDelivery, WebhookEndpoint},
        work::{Claim, Job, WorkKind},
    },
};
use tracing::warn;

/// Endpoints that a tenant can have.
pub const MOST_ENDPOINTS: u16 = 50;

/// Makes the messages of an event, and takes the work off the list.
pub(crate) async fn fan_out(
    store: &dyn Store,
    claim: &Claim,
    actor: &Actor,
    now: i64,
) -> Result<(), StoreError> {
    let part = store.tenant(&claim.tenant);
    let endpoints = part.list::<WebhookEndpoint>(&Filter::first(MOST_ENDPOINTS).oldest_first()).await?;
    tell_platform(store, claim, actor, now).await?;
    let mut tx = part.begin(actor, now).await?;
    if let Some(job) = tx.get::<Job>(&JobId::known(claim.object.as_str())).await? {
        match event_of(&job.value) {
            Some(event) => tell(&mut *tx, &event, &endpoints).await?,
            None => {
                warn!(tenant = %claim.tenant, job = claim.object, "an event that is not known is not told")
            }
        }
        tx.delete::<Job>(&job.id, job.version).await?;
    }
    tx.finish_work(claim).await?;
    tx.commit().await
}

/// What those who run the platform must know is announced in the platform's part too. That is another unit of work, so it may be
/// announced again after a crash; it is one event, whose messages are made once.
async fn tell_platform(store: &dyn Store, claim: &Claim, actor: &Actor, now: i64) -> Result<(), StoreError> {
    if claim.tenant == TenantId::platform() {
        return Ok(());
    }
    let job = store.tenant(&claim.tenant).get::<Job>(&JobId::known(claim.object.as_str())).await?;
    let Some(event) = job.and_then(|job| event_of(&job.value)).filter(|event| event.kind.is_platforms_too())
    else {
        return Ok(());
    };
    let mut tx = store.platform().begin(actor, now).await?;
    announce(&mut *tx, event).await?;
    tx.commit().await
}

async fn tell(
    tx: &mut dyn TenantTx,
    event: &Event,
    endpoints: &[Stored<WebhookEndpoint>],
) -> Result<(), StoreError> {
    for endpoint in endpoints {
        let listens = match endpoint.value.status {
            EndpointStatus::Active | EndpointStatus::Paused => wants(&endpoint.value.events, event.kind),
            EndpointStatus::Disabled => false,
        };
        // It may have been deleted meanwhile.
        if listens
            && event.kind != EventType::Test
            && tx.get::<WebhookEndpoint>(&endpoint.id).await?.is_some()
        {
            message(tx, event, &endpoint.id).await?;
        }
    }
    Ok(())
}

/// Makes the message of an event to an endpoint, due now; `None` if there is one already.
pub(crate) async fn message(
    tx: &mut dyn TenantTx,
    event: &Event,
    endpoint: &EndpointId,
) -> Result<Option<Stored<WebhookDelivery>>, StoreError> {
    let now = tx.now();
    let at = Timestamp::from_microsecond(event.at).unwrap_or(Timestamp::UNIX_EPOCH).to_string();
    let delivery = WebhookDelivery {
        endpoint: endpoint.clone(),
        event: event.id.as_str().to_owned(),
        kind: event.kind.as_str().to_owned(),
        payload: event.message(&at),
        status: DeliveryStatus::Pending,
        attempts: 0,
        tried_since: None,
        last_status: None,
        last_error: None,
        last_at: None,
    };
    let stored = tx.insert_new(DeliveryId::generate(), delivery).await?;
    if let Some(stored) = &stored {
        tx.schedule(WorkKind::Delivery, stored.id.as_str(), now).await?;
    }
    Ok(stored)
}
