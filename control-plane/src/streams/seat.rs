//! Somebody who follows: the place up to which they were told everything.

use super::{Newest, Streams, Told};
use std::sync::Arc;
use store::{StoreError, TenantId, TenantStore};
use tokio::sync::watch;

/// Somebody who follows. Dropping it ends that.
pub(crate) struct Seat {
    streams: Arc<Streams>,
    tenant: TenantId,
    part: Box<dyn TenantStore>,
    newest: Arc<Newest>,
    last: watch::Receiver<Option<i64>>,
    position: i64,
}

/// What somebody is told next.
#[derive(Debug, Default)]
pub(crate) struct Step {
    /// The first and the last place of what is not there any more: it was forgotten before it was told.
    pub(crate) missing: Option<(i64, i64)>,
    /// In order.
    pub(crate) told: Vec<Arc<Told>>,
}

impl Seat {
    pub(super) fn new(streams: Arc<Streams>, tenant: TenantId, newest: Arc<Newest>) -> Self {
        let part = streams.store.tenant(&tenant);
        let last = newest.last.subscribe();
        Self { streams, tenant, part, newest, last, position: 0 }
    }

    /// Goes on after a place, or begins with what happens from now on. A place that was never given is one of another database, or of
    /// this one before it was restored from a copy: what happened in between is missing.
    pub(crate) async fn begin(&mut self, after: Option<i64>) -> Option<(i64, i64)> {
        let last = loop {
            if let Some(last) = *self.last.borrow_and_update() {
                break last;
            }
            // It is held here, so it does not end.
            if self.last.changed().await.is_err() {
                return None;
            }
        };
        // Another node may have given it; what was read here is known to be there.
        self.position = after.unwrap_or(last);
        if self.position <= last {
            return None;
        }
        let given = self.part.place_events(self.streams.options.page).await.unwrap_or(self.position);
        (self.position > given).then(|| (given, std::mem::replace(&mut self.position, given)))
    }

    /// The place up to which everything was told.
    pub(crate) fn position(&self) -> i64 {
        self.position
    }

    /// Waits for what happens next. Whoever gives up waiting misses nothing.
    ///
    /// # Errors
    /// When it cannot be read; it can be asked for again.
    pub(crate) async fn next(&mut self) -> Result<Step, StoreError> {
        loop {
            let last = self.last.borrow_and_update().unwrap_or(0);
            if last > self.position {
                let page = self.streams.options.page;
                let told = match self.newest.recent(self.position, usize::from(page)) {
                    Some(told) => told,
                    None => {
                        let read = self.part.events_after(self.position, page).await?;
                        read.into_iter().map(|event| Arc::new(Told::of(event))).collect()
                    }
                };
                let first = told.first().map_or(last + 1, |told| told.position);
                let missing = (first > self.position + 1).then(|| (self.position + 1, first - 1));
                self.position = told.last().map_or(last, |told| told.position);
                return Ok(Step { missing, told });
            }
            if self.last.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.streams.leave(&self.tenant);
    }
}
