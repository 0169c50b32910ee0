//! Workers: tasks that take work that is due from the store, one piece at a time, and hold it while they are at it.
//!
//! A piece of work is held by a lease, which is prolonged while it is worked on. If a process is killed, its leases end and
//! another worker takes the work up; so everything that a worker does can be done again.

use crate::clock::now_us;
use engine::provider::AbortOnDrop;
use std::{error::Error, future::Future, sync::Arc, time::Duration};
use store::{
    Store,
    model::work::{Claim, WorkKind},
};
use tokio::{sync::Notify, time::timeout};
use tracing::{error, warn};

/// Pieces of work, by kind and what became of them.
const WORKED: &str = "tandem_work_total";

/// How work is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkOptions {
    /// Pieces at the same time. Default 4.
    pub concurrent: usize,
    /// How long a piece is held at first and with every prolongation. Default 60 s: what a crash costs at most.
    pub lease: Duration,
    /// How long work that is due waits at most if nobody says that there is some. Default 1 s.
    pub poll: Duration,
    /// Wait before a piece that failed is tried again; doubled with every failure. Default 2 s.
    pub retry_first: Duration,
    /// Longest such wait. Default 15 min.
    pub retry_longest: Duration,
}

impl Default for WorkOptions {
    fn default() -> Self {
        Self {
            concurrent: 4,
            lease: Duration::from_secs(60),
            poll: Duration::from_secs(1),
            retry_first: Duration::from_secs(2),
            retry_longest: Duration::from_secs(15 * 60),
        }
    }
}

impl WorkOptions {
    /// When work that failed for the `attempts`-th time is due again.
    pub(crate) fn retry_at(&self, now: i64, attempts: i64) -> i64 {
        let doublings = u32::try_from(attempts.clamp(1, 31) - 1).unwrap_or(0);
        let wait = self.retry_first.saturating_mul(1 << doublings).min(self.retry_longest);
        now.saturating_add(micros(wait))
    }
}

/// What to do with a piece of work. It must finish it or put it back; a piece that is neither is given out again when its
/// lease ends.
pub(crate) trait Worker: Send + Sync + 'static {
    /// Why it could not be done, which is logged.
    type Error: Error + Send;

    /// Does it.
    fn work(&self, claim: &Claim) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// Running workers of one kind. Dropping it stops them where they are.
#[derive(Debug)]
pub(crate) struct Workers {
    wake: Arc<Notify>,
    tasks: Vec<AbortOnDrop>,
}

impl Workers {
    pub(crate) fn start<W: Worker>(
        worker: &Arc<W>,
        kind: WorkKind,
        store: &Arc<dyn Store>,
        options: WorkOptions,
    ) -> Self {
        Self::start_woken(Arc::default(), worker, kind, store, options)
    }

    /// As [`start`](Self::start), woken by whoever has `wake`.
    pub(crate) fn start_woken<W: Worker>(
        wake: Arc<Notify>,
        worker: &Arc<W>,
        kind: WorkKind,
        store: &Arc<dyn Store>,
        options: WorkOptions,
    ) -> Self {
        let tasks = (0..options.concurrent.max(1)).map(|_| {
            let (worker, store, wake) = (Arc::clone(worker), Arc::clone(store), Arc::clone(&wake));
            AbortOnDrop(tokio::spawn(async move { run(&*worker, kind, &*store, &wake, options).await }))
        });
        Self { tasks: tasks.collect(), wake }
    }

    /// There may be work.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Stops them where they are, before the database is closed: their leases run out, and the next start goes on.
    pub(crate) fn stop(&self) {
        for AbortOnDrop(task) in &self.tasks {
            task.abort();
        }
    }
}

async fn run<W: Worker>(worker: &W, kind: WorkKind, store: &dyn Store, wake: &Notify, options: WorkOptions) {
    loop {
        let now = now_us();
        match store.claim_work(kind, now, now.saturating_add(micros(options.lease)), 1).await {
            Ok(claims) if !claims.is_empty() => {
                // There may be more: another worker is woken to look.
                wake.notify_one();
                for claim in claims {
                    carry_out(worker, store, &claim, options).await;
                }
                continue;
            }
            Ok(_) => {}
            Err(cause) => warn!(%kind, error = &cause as &dyn Error, "work cannot be claimed"),
        }
        // Woken or not: it looks again.
        drop(timeout(options.poll, wake.notified()).await);
    }
}

async fn carry_out<W: Worker>(worker: &W, store: &dyn Store, claim: &Claim, options: WorkOptions) {
    let outcome = tokio::select! {
        outcome = worker.work(claim) => outcome,
        () = lease_lost(store, claim, options.lease) => {
            warn!(kind = %claim.kind, tenant = %claim.tenant, object = claim.object, "somebody else has taken the work over");
            metrics::counter!(WORKED, "kind" => claim.kind.as_str(), "outcome" => "lost").increment(1);
            return;
        }
    };
    let outcome = match outcome {
        Ok(()) => "done",
        Err(cause) => {
            let (tenant, object, attempts) = (&claim.tenant, &claim.object, claim.attempts);
            error!(kind = %claim.kind, %tenant, object, attempts, error = &cause as &dyn Error, "work failed");
            "failed"
        }
    };
    metrics::counter!(WORKED, "kind" => claim.kind.as_str(), "outcome" => outcome).increment(1);
}

/// Prolongs the lease again and again, until it is lost.
async fn lease_lost(store: &dyn Store, claim: &Claim, lease: Duration) {
    let store = store.tenant(&claim.tenant);
    loop {
        tokio::time::sleep(lease / 3).await;
        match store.extend_work(claim, now_us().saturating_add(micros(lease))).await {
            Ok(true) => {}
            Ok(false) => return,
            // The lease still runs: the next try may reach the database.
            Err(cause) => warn!(error = &cause as &dyn Error, "a lease could not be prolonged"),
        }
    }
}

pub(crate) fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_again_and_again_is_tried_less_and_less_often() {
        let options = WorkOptions::default();
        let wait = |attempts| options.retry_at(0, attempts) / 1_000_000;
        assert_eq!([wait(0), wait(1), wait(2), wait(3)], [2, 2, 4, 8]);
        assert_eq!([wait(10), wait(1_000), wait(i64::MAX)], [900, 900, 900]);
    }
}
