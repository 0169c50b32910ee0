//! Who follows what happens to a tenant: everything, in one order, once each, from wherever they left off.
//!
//! The database is what remembers ([`TenantStore::place_events`]): each event has a place in its tenant's order once it counts, and
//! whoever follows knows the last place that they saw. So nobody has a queue that could overflow: who is slow, or comes back later or
//! to another node, reads on from the database, and nobody else waits for them. In memory are only the newest events of tenants that
//! somebody follows, read once for all of them.
//!
//! A unit of work that tells something wakes its tenant's followers here; other nodes hear of it over the bus. Whoever misses the
//! call looks by themselves every [`StreamOptions::poll`].

mod former;
pub(crate) mod frames;
mod seat;
mod told;

pub(crate) use former::is_former_name;
pub(crate) use seat::{Seat, Step};
pub(crate) use told::{Names, Taste, Told};

use engine::{log_limit::LogLimit, provider::AbortOnDrop};
use parking_lot::Mutex;
use std::{
    collections::{HashMap, VecDeque},
    error::Error,
    sync::Arc,
    time::Duration,
};
use store::{Change, Store, StoreError, TenantId, TenantStore};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, timeout},
};
use tracing::warn;

/// Those who follow, as a gauge.
const LISTENERS: &str = "tandem_event_listeners";
/// Looks for what happened, by whether somebody called.
const LOOKS: &str = "tandem_event_looks_total";

/// How those who follow what happens are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamOptions {
    /// How long an event is kept, so that whoever comes back within this time misses nothing. Default 72 h: a weekend.
    pub kept: Duration,
    /// How long until it is looked for events that nobody has called out. Default 1 s: one short question for each tenant that is
    /// followed.
    pub poll: Duration,
    /// Events that are read at once. Default 200.
    pub page: u16,
    /// Newest events of a followed tenant that stay in memory. Default 512: some 200 KiB.
    pub recent: usize,
    /// Those who follow one tenant at this node at the same time, at most. Default 2,000: each is a connection.
    pub listeners: usize,
    /// Portions of events that wait for a slow connection; more are not read from the database. Default 16.
    pub queue: usize,
    /// How long a connection may take nothing until it is closed, and waits for the database when it begins. Default 10 s.
    pub patience: Duration,
    /// How often a connection on which nothing happens is told that it is alive, and whoever follows is asked whether they still may.
    /// Default 15 s: proxies close what is silent for 60 s or 30 s.
    pub keep_alive: Duration,
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self {
            kept: Duration::from_secs(72 * 3_600),
            poll: Duration::from_secs(1),
            page: 200,
            recent: 512,
            listeners: 2_000,
            queue: 16,
            patience: Duration::from_secs(10),
            keep_alive: Duration::from_secs(15),
        }
    }
}

/// All who follow at this node.
pub(crate) struct Streams {
    store: Arc<dyn Store>,
    options: StreamOptions,
    tenants: Mutex<HashMap<TenantId, Followed>>,
    ends: watch::Sender<u64>,
}

/// A tenant that somebody follows.
struct Followed {
    listeners: usize,
    newest: Arc<Newest>,
    _task: AbortOnDrop,
}

/// What happened last in a tenant.
pub(crate) struct Newest {
    wake: Notify,
    /// The place up to which everything can be read; `None`: that is not known yet.
    last: watch::Sender<Option<i64>>,
    /// One place after the other.
    recent: Mutex<VecDeque<Arc<Told>>>,
}

/// As many follow the tenant as may.
#[derive(Debug)]
pub(crate) struct Full;

impl Streams {
    /// Nobody follows yet. `store` says here whenever a unit of work of this process has told something.
    pub(crate) fn new(store: Arc<dyn Store>, options: StreamOptions) -> Arc<Self> {
        let (tenants, ends) = (Mutex::default(), watch::Sender::new(0));
        let streams = Arc::new(Self { store, options, tenants, ends });
        let listener = Arc::downgrade(&streams);
        streams.store.on_change(Arc::new(move |change| {
            if let (Some(streams), Change::Told(tenant)) = (listener.upgrade(), change) {
                streams.wake(tenant);
            }
        }));
        streams
    }

    /// Something may have happened to this tenant.
    pub(crate) fn wake(&self, tenant: &TenantId) {
        if let Some(followed) = self.tenants.lock().get(tenant) {
            followed.newest.wake.notify_one();
        }
    }

    /// Tells all who follow to go on elsewhere: this node closes.
    pub(crate) fn end_all(&self) {
        self.ends.send_modify(|times| *times += 1);
    }

    /// Whether whoever follows from now on is told to go on elsewhere.
    pub(crate) fn ends(&self) -> watch::Receiver<u64> {
        self.ends.subscribe()
    }

    /// How long things take and how many there may be.
    pub(crate) fn options(&self) -> &StreamOptions {
        &self.options
    }

    /// Follows a tenant.
    pub(crate) fn join(self: &Arc<Self>, tenant: &TenantId) -> Result<Seat, Full> {
        let mut tenants = self.tenants.lock();
        let followed = tenants.entry(tenant.clone()).or_insert_with(|| {
            let newest = Arc::new(Newest {
                wake: Notify::new(),
                last: watch::Sender::new(None),
                recent: Mutex::default(),
            });
            let (part, options) = (self.store.tenant(tenant), self.options);
            let task = tokio::spawn(follow(part, Arc::clone(&newest), options));
            Followed { listeners: 0, newest, _task: AbortOnDrop(task) }
        });
        if followed.listeners >= self.options.listeners {
            return Err(Full);
        }
        followed.listeners += 1;
        metrics::gauge!(LISTENERS).increment(1);
        Ok(Seat::new(Arc::clone(self), tenant.clone(), Arc::clone(&followed.newest)))
    }

    /// Somebody follows no more.
    fn leave(&self, tenant: &TenantId) {
        metrics::gauge!(LISTENERS).decrement(1);
        let mut tenants = self.tenants.lock();
        if let Some(followed) = tenants.get_mut(tenant) {
            followed.listeners -= 1;
            if followed.listeners == 0 {
                tenants.remove(tenant);
            }
        }
    }
}

/// Reads what happens to a tenant as long as somebody follows it.
async fn follow(part: Box<dyn TenantStore>, newest: Arc<Newest>, options: StreamOptions) {
    static LINES: LogLimit = LogLimit::new();
    loop {
        if let Err(cause) = newest.catch_up(&*part, &options).await
            && let Some(left_out) = LINES.admit(Instant::now())
        {
            warn!(tenant = %part.id(), error = &cause as &dyn Error, left_out, "what happens could not be read; it is tried again");
        }
        // Also where nobody calls: what other nodes tell may have gone unheard.
        let called = timeout(options.poll, newest.wake.notified()).await;
        metrics::counter!(LOOKS, "called" => if called.is_ok() { "yes" } else { "no" }).increment(1);
    }
}

impl Newest {
    /// Reads everything that counts by now.
    async fn catch_up(&self, part: &dyn TenantStore, options: &StreamOptions) -> Result<(), StoreError> {
        loop {
            let last = part.place_events(options.page).await?;
            let known = *self.last.borrow();
            match known {
                // Whoever follows from now on is told nothing of before.
                None => {
                    let mut placed = last;
                    loop {
                        let more = part.place_events(options.page).await?;
                        if more == placed {
                            break;
                        }
                        placed = more;
                    }
                    self.last.send_replace(Some(placed));
                    return Ok(());
                }
                Some(known) if last <= known => return Ok(()),
                Some(known) => self.read(part, options, known, last).await?,
            }
        }
    }

    async fn read(
        &self,
        part: &dyn TenantStore,
        options: &StreamOptions,
        mut known: i64,
        last: i64,
    ) -> Result<(), StoreError> {
        while known < last {
            let page = part.events_after(known, options.page).await?;
            // What is not there any more was forgotten; whoever follows sees that for themselves.
            known = page.last().map_or(last, |(position, _)| *position);
            self.remember(page.into_iter().map(Told::of), options.recent);
            self.last.send_replace(Some(known));
        }
        Ok(())
    }

    fn remember(&self, page: impl Iterator<Item = Told>, most: usize) {
        let mut recent = self.recent.lock();
        for told in page {
            if recent.back().is_some_and(|before| before.position + 1 != told.position) {
                recent.clear();
            }
            recent.push_back(Arc::new(told));
        }
        let over = recent.len().saturating_sub(most);
        recent.drain(..over);
    }

    /// At most `limit` events after a place, if they are in memory.
    fn recent(&self, after: i64, limit: usize) -> Option<Vec<Arc<Told>>> {
        let recent = self.recent.lock();
        let first = recent.front()?.position;
        let skipped = usize::try_from(after + 1 - first).ok()?;
        (skipped < recent.len()).then(|| recent.iter().skip(skipped).take(limit).cloned().collect())
    }
}

#[cfg(test)]
mod tests;
