//! Sends what is due. Each tenant and each endpoint has only so many messages on the way at once; what finds no place is put
//! back, so that a slow endpoint, or a tenant with much to tell, holds nobody else.

use crate::{fan_out::fan_out, sender::Sender, tries::attempt};
use engine::provider::AbortOnDrop;
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use store::{
    Store, StoreError, Stored, TenantId,
    ids::{DeliveryId, EndpointId, JobId},
    model::{
        audit::Actor,
        webhook::{DeliveryStatus, WebhookDelivery, WebhookEndpoint},
        work::{Claim, WorkKind},
    },
};
use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{sleep, timeout},
};
use tracing::error;
use vault::Vault;

/// What the worker does stands under this name in the audit log.
const SELF: &str = "deliveries";

/// Unix µs, now.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// How the worker works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerOptions {
    /// It looks for work at least this often. Default 1 s: another node may have left some.
    pub poll: Duration,
    /// Messages on the way at once. Default 64.
    pub at_once: usize,
    /// Of one tenant. Default 8.
    pub of_tenant: usize,
    /// To one endpoint. Default 2: the next one does not wait for a slow answer.
    pub of_endpoint: usize,
    /// Work that is taken at once. Default 128.
    pub taken: u16,
    /// Work is held so long; then another worker may have it. Default 60 s: four times the longest try.
    pub lease: Duration,
    /// What finds no place is put back for so long. Default 3 s.
    pub put_back: Duration,
    /// What cannot be sent because of us is put back for so long. Default 60 s.
    pub trouble: Duration,
    /// Messages to a paused endpoint are put back for so long. Default 10 min.
    pub paused: Duration,
    /// An endpoint where everything failed for so long is disabled. Default 3 days.
    pub disabled_after: Duration,
    /// Messages are kept so long after their end. Default 30 days.
    pub kept: Duration,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(1),
            at_once: 64,
            of_tenant: 8,
            of_endpoint: 2,
            taken: 128,
            lease: Duration::from_secs(60),
            put_back: Duration::from_secs(3),
            trouble: Duration::from_secs(60),
            paused: Duration::from_mins(10),
            disabled_after: Duration::from_hours(72),
            kept: Duration::from_hours(30 * 24),
        }
    }
}

pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) vault: Arc<Vault>,
    pub(crate) sender: Sender,
    pub(crate) options: WorkerOptions,
    pub(crate) clock: Clock,
    pub(crate) actor: Actor,
    places: Mutex<Places>,
    wake: Notify,
    drains: AtomicBool,
}

/// Sends what is due, until it is dropped.
pub struct Worker {
    inner: Arc<Inner>,
    task: AbortOnDrop,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("options", &self.inner.options).finish_non_exhaustive()
    }
}

impl Worker {
    /// Starts to work.
    #[must_use]
    pub fn start(
        store: Arc<dyn Store>,
        vault: Arc<Vault>,
        sender: Sender,
        options: WorkerOptions,
        clock: Clock,
    ) -> Self {
        let inner = Arc::new(Inner {
            store,
            vault,
            sender,
            options,
            clock,
            actor: Actor::system(SELF),
            places: Mutex::default(),
            wake: Notify::new(),
            drains: AtomicBool::new(false),
        });
        let task = AbortOnDrop(tokio::spawn(work(Arc::clone(&inner))));
        Self { inner, task }
    }

    /// There is work: it is looked for at once.
    pub fn wake(&self) {
        self.inner.wake.notify_one();
    }

    /// Takes no more work, and waits until what is on the way has come to its end, at most `within`. What has not is tried again
    /// when its lease is over.
    pub async fn drain(mut self, within: Duration) {
        self.inner.drains.store(true, Ordering::Relaxed);
        self.inner.wake.notify_one();
        if timeout(within, &mut self.task.0).await.is_err() {
            tracing::warn!("some webhooks were on the way when the worker was stopped");
        }
    }
}

async fn work(inner: Arc<Inner>) {
    let mut on_the_way = JoinSet::new();
    while !inner.drains.load(Ordering::Relaxed) {
        while on_the_way.try_join_next().is_some() {}
        let taken = match round(&inner, &mut on_the_way).await {
            Ok(taken) => taken,
            Err(cause) => {
                error!(
                    error = &cause as &dyn std::error::Error,
                    "webhooks cannot be sent: the store does not serve"
                );
                0
            }
        };
        if taken < usize::from(inner.options.taken) {
            tokio::select! {
                () = inner.wake.notified() => {}
                () = sleep(inner.options.poll) => {}
            }
        }
    }
    while on_the_way.join_next().await.is_some() {}
}

/// Takes work that is due and does it, or sets out to; says how much it took.
async fn round(inner: &Arc<Inner>, on_the_way: &mut JoinSet<()>) -> Result<usize, StoreError> {
    let free = inner.options.at_once.saturating_sub(on_the_way.len());
    if free == 0 {
        return Ok(0);
    }
    let now = (inner.clock)();
    let lease_until = now.saturating_add(micros(inner.options.lease));
    let claims = inner.store.claim_work(WorkKind::Delivery, now, lease_until, inner.options.taken).await?;
    let taken = claims.len();
    let mut surplus: HashMap<TenantId, Vec<Claim>> = HashMap::new();
    for claim in claims {
        if JobId::parse(&claim.object).is_ok() {
            if let Err(cause) = fan_out(&*inner.store, &claim, &inner.actor, now).await {
                error!(
                    tenant = %claim.tenant,
                    error = &cause as &dyn std::error::Error,
                    "an event could not be told, and will be later"
                );
            }
            // Its messages are due now.
            inner.wake.notify_one();
            continue;
        }
        let Some((delivery, endpoint)) = due(inner, &claim, now).await? else { continue };
        let place = (on_the_way.len() < inner.options.at_once)
            .then(|| Place::take(inner, &claim.tenant, &endpoint.id))
            .flatten();
        match place {
            Some(place) => {
                on_the_way.spawn(async move {
                    attempt(&place.inner, &claim, &delivery, &endpoint).await;
                    drop(place);
                });
            }
            None => surplus.entry(claim.tenant.clone()).or_default().push(claim),
        }
    }
    for (tenant, claims) in surplus {
        put_back(inner, &tenant, &claims).await?;
    }
    Ok(taken)
}

/// The message that a claim is about, if it is to be sent.
async fn due(
    inner: &Inner,
    claim: &Claim,
    now: i64,
) -> Result<Option<(Stored<WebhookDelivery>, Stored<WebhookEndpoint>)>, StoreError> {
    let part = inner.store.tenant(&claim.tenant);
    let Some(delivery) = part.get::<WebhookDelivery>(&DeliveryId::known(claim.object.as_str())).await? else {
        part.finish_work(claim).await?;
        return Ok(None);
    };
    if delivery.value.status == DeliveryStatus::Pending
        && let Some(endpoint) = part.get::<WebhookEndpoint>(&delivery.value.endpoint).await?
    {
        return Ok(Some((delivery, endpoint)));
    }
    // It is over, and was kept long enough.
    let mut tx = part.begin(&inner.actor, now).await?;
    tx.finish_work(claim).await?;
    tx.delete::<WebhookDelivery>(&delivery.id, delivery.version).await?;
    tx.commit().await?;
    Ok(None)
}

/// Puts work back for a while, all of a tenant's in one unit of work.
async fn put_back(inner: &Inner, tenant: &TenantId, claims: &[Claim]) -> Result<(), StoreError> {
    let now = (inner.clock)();
    let due = now.saturating_add(micros(inner.options.put_back));
    let mut tx = inner.store.tenant(tenant).begin(&inner.actor, now).await?;
    for claim in claims {
        match tx.retry_work(claim, due).await {
            Ok(()) => {}
            // The lease of one was lost: the others come back when theirs is over.
            Err(StoreError::Stale { .. }) => return Ok(()),
            Err(cause) => return Err(cause),
        }
    }
    tx.commit().await
}

pub(crate) fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

/// Who has messages on the way, and how many.
#[derive(Debug, Default)]
struct Places {
    tenants: HashMap<TenantId, usize>,
    endpoints: HashMap<EndpointId, usize>,
}

/// A place for one message, given back when it is dropped.
struct Place {
    inner: Arc<Inner>,
    tenant: TenantId,
    endpoint: EndpointId,
}

impl Place {
    fn take(inner: &Arc<Inner>, tenant: &TenantId, endpoint: &EndpointId) -> Option<Self> {
        let mut places = inner.places.lock();
        let of_tenant = places.tenants.get(tenant).copied().unwrap_or_default();
        let of_endpoint = places.endpoints.get(endpoint).copied().unwrap_or_default();
        if of_tenant >= inner.options.of_tenant || of_endpoint >= inner.options.of_endpoint {
            return None;
        }
        places.tenants.insert(tenant.clone(), of_tenant + 1);
        places.endpoints.insert(endpoint.clone(), of_endpoint + 1);
        Some(Self { inner: Arc::clone(inner), tenant: tenant.clone(), endpoint: endpoint.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.inner.places.lock();
        give_back(&mut places.tenants, &self.tenant);
        give_back(&mut places.endpoints, &self.endpoint);
        drop(places);
        self.inner.wake.notify_one();
    }
}

fn give_back<K: Hash + Eq>(taken: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = taken.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            taken.remove(key);
        }
    }
}
