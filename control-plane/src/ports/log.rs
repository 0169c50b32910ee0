//! Keeps what happens in calls: a bounded queue, and one task that writes it in batches.
//!
//! Nothing that was taken is dropped unseen. When the queue is nearly full, journal entries go back to the
//! engine, which offers them again; when it is full, everything does. What the database will never take is
//! counted and logged.

use super::record::records;
use crate::{clock::now_us, live::LiveCalls, settings::ControlPlaneOptions};
use engine::{
    ids::{CallId, TenantId},
    ports::{CallEvent, CallLog, LogFull},
    provider::AbortOnDrop,
};
use std::{error::Error, sync::Arc, time::Duration};
use store::{Record, Store, TenantStore};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, timeout, timeout_at},
};
use tracing::{debug, error, warn};

/// Events that wait, as a gauge.
const DEPTH: &str = "tandem_call_log_depth";
/// Events that were sent back because the queue was full.
const FULL: &str = "tandem_call_log_full_total";
/// Records that the database will never take, and events of calls that nobody knows.
const REFUSED: &str = "tandem_call_log_refused_total";

enum Entry {
    Event {
        tenant: TenantId,
        call: CallId,
        at: i64,
        event: Box<CallEvent>,
    },
    /// Something that the engine has no part in.
    Record {
        tenant: TenantId,
        record: Box<Record>,
    },
    /// Everything before it is stored when it is answered.
    Flush(oneshot::Sender<()>),
}

/// The engine's log.
pub(crate) struct QueuedLog {
    queue: mpsc::Sender<Entry>,
    reserve: usize,
    live: Arc<LiveCalls>,
    /// Stores what is queued.
    _writer: AbortOnDrop,
}

/// What was taken could not be stored in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log of calls was not stored in time")]
pub(crate) struct FlushTimedOut;

impl QueuedLog {
    /// Starts the task that writes.
    pub(crate) fn start(store: Arc<dyn Store>, live: Arc<LiveCalls>, options: &ControlPlaneOptions) -> Self {
        let (queue, entries) = mpsc::channel(options.log_queue);
        let writer = Writer {
            store,
            entries,
            batch: options.log_batch,
            linger: options.log_linger,
            retry: options.log_retry,
        };
        Self { queue, reserve: options.log_reserve, live, _writer: AbortOnDrop(tokio::spawn(writer.run())) }
    }

    /// Keeps something that nobody waits for. When the queue is full it is lost, counted and logged.
    pub(crate) fn note(&self, tenant: &TenantId, record: Record) {
        let call = record.call().clone();
        let entry = Entry::Record { tenant: tenant.clone(), record: Box::new(record) };
        if self.queue.try_send(entry).is_err() {
            metrics::counter!(FULL).increment(1);
            metrics::counter!(REFUSED).increment(1);
            error!(%call, "an event of a call is lost: too many wait to be stored");
        }
    }

    /// Waits until everything that was taken so far is stored.
    pub(crate) async fn flush(&self, patience: Duration) -> Result<(), FlushTimedOut> {
        let (done, stored) = oneshot::channel();
        let flushed = async {
            self.queue.send(Entry::Flush(done)).await.map_err(|_| FlushTimedOut)?;
            stored.await.map_err(|_| FlushTimedOut)
        };
        timeout(patience, flushed).await.unwrap_or(Err(FlushTimedOut))
    }

    fn depth(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Tells the metrics how full the queue is.
    pub(crate) fn measure(&self) {
        metrics::gauge!(DEPTH).set(u32::try_from(self.depth()).unwrap_or(u32::MAX));
    }
}

impl CallLog for QueuedLog {
    fn record(&self, call: &CallId, event: CallEvent) -> Result<(), LogFull> {
        let Some(tenant) = self.live.note(call, &event) else {
            metrics::counter!(REFUSED).increment(1);
            error!(%call, "an event of a call that was never let in is dropped");
            return Ok(());
        };
        if matches!(event, CallEvent::Journal { .. }) && self.queue.capacity() <= self.reserve {
            metrics::counter!(FULL).increment(1);
            return Err(LogFull(Box::new(event)));
        }
        let entry = Entry::Event { tenant, call: call.clone(), at: now_us(), event: Box::new(event) };
        match self.queue.try_send(entry) {
            Ok(()) => Ok(()),
            Err(mpsc::error::TrySendError::Full(entry) | mpsc::error::TrySendError::Closed(entry)) => {
                metrics::counter!(FULL).increment(1);
                match entry {
                    Entry::Event { event, .. } => Err(LogFull(event)),
                    Entry::Record { .. } | Entry::Flush(_) => Ok(()),
                }
            }
        }
    }
}

struct Writer {
    store: Arc<dyn Store>,
    entries: mpsc::Receiver<Entry>,
    batch: usize,
    linger: Duration,
    retry: Duration,
}

impl Writer {
    async fn run(mut self) {
        let mut batch = Vec::with_capacity(self.batch);
        while self.entries.recv_many(&mut batch, self.batch).await > 0 {
            self.linger(&mut batch).await;
            let mut by_tenant: Vec<(TenantId, Vec<Record>)> = Vec::new();
            let mut flushed = Vec::new();
            for entry in batch.drain(..) {
                match entry {
                    Entry::Event { tenant, call, at, event } => match records(&call, at, &event) {
                        Ok(new) => add(&mut by_tenant, tenant, new),
                        Err(cause) => refused(&call.0, &cause),
                    },
                    Entry::Record { tenant, record } => add(&mut by_tenant, tenant, vec![*record]),
                    Entry::Flush(done) => flushed.push(done),
                }
            }
            for (tenant, records) in by_tenant {
                let tenant = self.store.tenant(&store::TenantId::known(tenant.0));
                self.write(&*tenant, &records).await;
            }
            for done in flushed {
                if done.send(()).is_err() {
                    debug!("nobody waits any more for the log to be stored");
                }
            }
        }
    }

    /// Lets the batch fill up for a moment, unless somebody waits for it.
    async fn linger(&mut self, batch: &mut Vec<Entry>) {
        let until = Instant::now() + self.linger;
        while batch.len() < self.batch && !batch.iter().any(|entry| matches!(entry, Entry::Flush(_))) {
            match timeout_at(until, self.entries.recv()).await {
                Ok(Some(entry)) => batch.push(entry),
                Ok(None) | Err(_) => return,
            }
        }
    }

    /// Writes the records, and tries until the database serves. A record that it will never take does not keep
    /// the others from being stored.
    async fn write(&self, tenant: &dyn TenantStore, records: &[Record]) {
        match self.append(tenant, records).await {
            Ok(()) => {}
            Err(cause) if records.len() <= 1 => {
                refused(records.first().map_or("", |record| record.call().as_str()), &cause);
            }
            Err(_) => {
                for record in records {
                    if let Err(cause) = self.append(tenant, std::slice::from_ref(record)).await {
                        refused(record.call().as_str(), &cause);
                    }
                }
            }
        }
    }

    /// Fails only with what trying again would not change.
    async fn append(&self, tenant: &dyn TenantStore, records: &[Record]) -> Result<(), store::StoreError> {
        let mut failures = 0_u32;
        loop {
            match tenant.append(records).await {
                Err(cause) if cause.is_retryable() => {
                    if failures == 0 {
                        warn!(error = &cause as &dyn Error, "the log of calls waits for the database");
                    }
                    failures = failures.saturating_add(1);
                    sleep(self.retry).await;
                }
                done => {
                    if failures > 0 {
                        warn!(failures, "the log of calls is written again");
                    }
                    return done;
                }
            }
        }
    }
}

fn add(by_tenant: &mut Vec<(TenantId, Vec<Record>)>, tenant: TenantId, new: Vec<Record>) {
    match by_tenant.iter_mut().find(|(known, _)| *known == tenant) {
        Some((_, records)) => records.extend(new),
        None => by_tenant.push((tenant, new)),
    }
}

fn refused(call: &str, cause: &(dyn Error + 'static)) {
    metrics::counter!(REFUSED).increment(1);
    error!(call, error = cause, "an event of a call could not be stored and is lost");
}
