//! Takes what is due: from each tenant in turn, so many at a time, in lanes that do not wait for each other.
//!
//! Each lane has a task of its own. It goes round the tenants that have something due, takes a handful of each, and works on so many
//! handfuls at once; a tenant has only so many of them. A tenant with a hundred thousand messages delays another's by what one
//! handful takes.

use crate::{
    batches,
    book::{Book, Fact},
    carry_out::carry_out,
    channels::Channels,
    outgoing::Lane,
    pace::Pace,
};
use engine::provider::AbortOnDrop;
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use store::{Store, StoreError, TenantId, TenantStore, model::audit::Actor};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{sleep, timeout},
};
use tracing::error;

/// What the outbox does stands under this name in the audit log.
const SELF: &str = "outbox";
/// Tenants that are looked up at once.
const TENANTS: u16 = 128;

/// Unix µs, now.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// How a lane works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneOptions {
    /// Messages of one tenant that are taken at once.
    pub handful: u16,
    /// Handfuls that are worked on at once.
    pub at_once: usize,
    /// Of one tenant.
    pub of_tenant: usize,
}

/// How the outbox works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxOptions {
    /// It looks for work at least this often. Default 1 s: another node may have left some.
    pub poll: Duration,
    /// Work is held so long, and for as long again while a call is on its way; when its holder is gone another worker has it after
    /// that. Default 15 s: short enough for somebody who waits, and thrice what passes between two prolongations.
    pub lease: Duration,
    /// What belongs to a tenant that is not served is put back for so long. Default 5 min.
    pub not_served: Duration,
    /// What must not wait. Default: 8 of each tenant, 8 handfuls, 4 of one tenant.
    pub critical: LaneOptions,
    /// What somebody waits for. Default: 16 of each tenant, 12 handfuls, 4 of one tenant.
    pub transactional: LaneOptions,
    /// Messages of batches. Default: 50 of each tenant, 4 handfuls, 2 of one tenant.
    pub bulk: LaneOptions,
}

impl Default for OutboxOptions {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(1),
            lease: Duration::from_secs(15),
            not_served: Duration::from_mins(5),
            critical: LaneOptions { handful: 8, at_once: 8, of_tenant: 4 },
            transactional: LaneOptions { handful: 16, at_once: 12, of_tenant: 4 },
            bulk: LaneOptions { handful: 50, at_once: 4, of_tenant: 2 },
        }
    }
}

impl OutboxOptions {
    pub(crate) fn lease_us(&self) -> i64 {
        micros(self.lease)
    }

    pub(crate) fn not_served_us(&self) -> i64 {
        micros(self.not_served)
    }

    fn lane(&self, lane: Lane) -> LaneOptions {
        match lane {
            Lane::Critical => self.critical,
            Lane::Transactional => self.transactional,
            Lane::Bulk => self.bulk,
        }
    }
}

pub(crate) fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

/// What all lanes share.
pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) channels: Arc<dyn Channels>,
    pub(crate) options: OutboxOptions,
    pub(crate) clock: Clock,
    pub(crate) actor: Actor,
    pub(crate) book: Book,
    pub(crate) pace: Mutex<Pace>,
    wakes: [Notify; 3],
    pub(crate) batches: Notify,
    drains: AtomicBool,
}

impl Inner {
    pub(crate) fn is_draining(&self) -> bool {
        self.drains.load(Ordering::Relaxed)
    }

    pub(crate) fn wake(&self, lane: Lane) {
        self.wakes[place(lane)].notify_one();
    }

    /// Takes in what messages showed of accounts; those who are written of it have their message in the critical lane. What they decided
    /// stands already: that an account's standing could not be stored keeps no message from going on.
    pub(crate) async fn learn(&self, part: &(dyn TenantStore + 'static), facts: Vec<Fact>, now: i64) {
        match self.book.learn(part, &*self.channels, facts, now).await {
            Ok(true) => self.wake(Lane::Critical),
            Ok(false) => {}
            Err(cause) => {
                error!(tenant = %part.id(), error = &cause as &dyn std::error::Error, "how an account fares could not be stored");
            }
        }
    }
}

const fn place(lane: Lane) -> usize {
    match lane {
        Lane::Critical => 0,
        Lane::Transactional => 1,
        Lane::Bulk => 2,
    }
}

/// Sends what is due, until it is dropped.
pub struct Outbox {
    pub(crate) inner: Arc<Inner>,
    tasks: Mutex<Vec<AbortOnDrop>>,
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("options", &self.inner.options).finish_non_exhaustive()
    }
}

impl Outbox {
    /// Starts to work.
    #[must_use]
    pub fn start(
        store: Arc<dyn Store>,
        channels: Arc<dyn Channels>,
        options: OutboxOptions,
        clock: Clock,
    ) -> Self {
        let inner = Arc::new(Inner {
            store,
            channels,
            options,
            clock,
            actor: Actor::system(SELF),
            book: Book::default(),
            pace: Mutex::default(),
            wakes: [const { Notify::const_new() }; 3],
            batches: Notify::new(),
            drains: AtomicBool::new(false),
        });
        let mut tasks: Vec<_> = Lane::ALL
            .into_iter()
            .map(|lane| AbortOnDrop(tokio::spawn(serve(Arc::clone(&inner), lane))))
            .collect();
        tasks.push(AbortOnDrop(tokio::spawn(batches::serve(Arc::clone(&inner)))));
        Self { inner, tasks: Mutex::new(tasks) }
    }

    /// There is something in a lane: it is looked for at once.
    pub fn wake(&self, lane: Lane) {
        self.inner.wake(lane);
    }

    /// There is a batch: it is looked for at once.
    pub fn wake_batches(&self) {
        self.inner.batches.notify_one();
    }

    /// A tenant's ways out; `None`: it is not served.
    ///
    /// # Errors
    /// When it cannot be found out now.
    pub async fn setup(&self, tenant: &TenantId) -> Result<Option<crate::Setup>, StoreError> {
        self.inner.channels.setup(tenant).await
    }

    /// How the accounts fare.
    #[must_use]
    pub fn book(&self) -> &Book {
        &self.inner.book
    }

    /// Takes no more, and waits until what is on the way has come back, at most `within`. What has not is found by whoever takes it
    /// when its lease is over.
    pub async fn drain(&self, within: Duration) {
        self.inner.drains.store(true, Ordering::Relaxed);
        for lane in Lane::ALL {
            self.inner.wake(lane);
        }
        self.inner.batches.notify_one();
        let tasks = std::mem::take(&mut *self.tasks.lock());
        let all = async {
            for mut task in tasks {
                // Aborted or panicked: there is nothing to wait for.
                drop((&mut task.0).await);
            }
        };
        if timeout(within, all).await.is_err() {
            tracing::warn!("some messages were on the way when the outbox was stopped");
        }
    }
}

/// Handfuls of tenants that are being worked on.
#[derive(Debug, Default)]
struct Busy(Arc<Mutex<HashMap<TenantId, usize>>>);

/// One of a tenant's handfuls; it is free again when this is dropped.
struct Place {
    busy: Arc<Mutex<HashMap<TenantId, usize>>>,
    tenant: TenantId,
}

impl Busy {
    fn take(&self, tenant: &TenantId, most: usize) -> Option<Place> {
        let mut busy = self.0.lock();
        let count = busy.entry(tenant.clone()).or_insert(0);
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Place { busy: Arc::clone(&self.0), tenant: tenant.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut busy = self.busy.lock();
        if let Some(count) = busy.get_mut(&self.tenant) {
            *count -= 1;
            if *count == 0 {
                busy.remove(&self.tenant);
            }
        }
    }
}

async fn serve(inner: Arc<Inner>, lane: Lane) {
    let options = inner.options.lane(lane);
    let places = Arc::new(Semaphore::new(options.at_once.max(1)));
    let busy = Busy::default();
    let mut after = String::new();
    // They go with the outbox, as they would with the process.
    let mut handfuls = JoinSet::new();
    while !inner.is_draining() {
        while handfuls.try_join_next().is_some() {}
        match round(&inner, lane, (&places, &busy), &mut after, &mut handfuls).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(cause) => {
                error!(%lane, error = &cause as &dyn std::error::Error, "messages cannot be taken: the store does not serve");
                sleep(inner.options.poll).await;
            }
        }
        // Woken or not: it looks again.
        drop(timeout(inner.options.poll, inner.wakes[place(lane)].notified()).await);
    }
    // What is on the way comes back.
    drop(places.acquire_many(u32::try_from(options.at_once.max(1)).unwrap_or(u32::MAX)).await);
}

/// Takes a handful from each tenant that has something due; whether there was anything.
async fn round(
    inner: &Arc<Inner>,
    lane: Lane,
    (places, busy): (&Arc<Semaphore>, &Busy),
    after: &mut String,
    handfuls: &mut JoinSet<()>,
) -> Result<bool, StoreError> {
    let options = inner.options.lane(lane);
    let tenants = inner.store.work_tenants(lane.work(), (inner.clock)(), after, TENANTS).await?;
    let is_last = tenants.len() < usize::from(TENANTS);
    *after = tenants.last().filter(|_| !is_last).map(ToString::to_string).unwrap_or_default();
    let mut any = false;
    for tenant in tenants {
        let Some(place) = busy.take(&tenant, options.of_tenant) else { continue };
        let Ok(permit) = Arc::clone(places).acquire_owned().await else { return Ok(false) };
        if inner.is_draining() {
            return Ok(false);
        }
        let now = (inner.clock)();
        let until = now.saturating_add(inner.options.lease_us());
        let claims = inner.store.claim_work_of(&tenant, lane.work(), now, until, options.handful).await?;
        if claims.is_empty() {
            continue;
        }
        any = true;
        handfuls.spawn(handful(Arc::clone(inner), lane, tenant, claims, (place, permit)));
    }
    Ok(any || !is_last)
}

async fn handful(
    inner: Arc<Inner>,
    lane: Lane,
    tenant: TenantId,
    claims: Vec<store::model::work::Claim>,
    held: (Place, OwnedSemaphorePermit),
) {
    carry_out(&inner, lane, &tenant, claims).await;
    drop(held);
    // There may be more, also what waited for these.
    inner.wake(lane);
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.work().as_str())
    }
}
