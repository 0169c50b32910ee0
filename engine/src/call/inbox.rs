//! A bounded queue between two actors that outlives both of them.
//!
//! What was pushed is read exactly once and in the order in which it was pushed, also when the reader crashes
//! and another one goes on, and when a waiting reader or writer is dropped in the middle. Pushing does not
//! block, lock or allocate. Whoever waits is woken: each change of the queue leaves a permit for the other side,
//! and whoever was woken and sees that there is more passes the permit on.

use crossbeam_queue::ArrayQueue;
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::sync::Notify;

#[cfg(test)]
mod tests;

/// There is no room; the item comes back.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the inbox is full")]
pub struct Full<T>(pub T);

impl<T> fmt::Debug for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Full(…)")
    }
}

/// The queue; clones share it. Any number of writers, one reader at a time.
pub struct Inbox<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    queue: ArrayQueue<T>,
    /// Has a permit when there may be something to read.
    filled: Notify,
    /// Has a permit when there may be room.
    freed: Notify,
    high_water: AtomicUsize,
}

impl<T> Inbox<T> {
    /// Room for `capacity` items, at least one.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let shared = Shared {
            queue: ArrayQueue::new(capacity.max(1)),
            filled: Notify::new(),
            freed: Notify::new(),
            high_water: AtomicUsize::new(0),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Adds an item if there is room, and never waits.
    ///
    /// # Errors
    /// [`Full`] gives the item back; what to do with it is the writer's rule.
    pub fn try_push(&self, item: T) -> Result<(), Full<T>> {
        let shared = &*self.shared;
        shared.queue.push(item).map_err(Full)?;
        shared.high_water.fetch_max(shared.queue.len(), Ordering::Relaxed);
        shared.filled.notify_one();
        Ok(())
    }

    /// Adds an item as soon as there is room. If the future is dropped before it is done the item is not in the
    /// queue and goes with it. Items of several waiting writers come in no particular order.
    pub async fn push(&self, item: T) {
        self.push_leaving(0, item).await;
    }

    /// As [`Self::push`], but leaves so many places to writers that cannot wait; at least one can be taken.
    pub async fn push_leaving(&self, room: usize, item: T) {
        let shared = &*self.shared;
        let limit = shared.queue.capacity().saturating_sub(room).max(1);
        let mut item = item;
        loop {
            if shared.queue.len() < limit {
                match self.try_push(item) {
                    Ok(()) => break,
                    Err(Full(back)) => item = back,
                }
            }
            shared.freed.notified().await;
        }
        // One permit may stand for several freed places, and only one writer took it.
        if shared.queue.len() < limit {
            shared.freed.notify_one();
        }
    }

    /// Takes the oldest item, if there is one.
    #[must_use]
    pub fn try_recv(&self) -> Option<T> {
        let shared = &*self.shared;
        let item = shared.queue.pop()?;
        shared.freed.notify_one();
        // One permit may stand for several items. A reader that is being replaced may have taken it and gone.
        if !shared.queue.is_empty() {
            shared.filled.notify_one();
        }
        Some(item)
    }

    /// Takes the oldest item as soon as there is one. Dropping the future loses nothing.
    pub async fn recv(&self) -> T {
        loop {
            if let Some(item) = self.try_recv() {
                return item;
            }
            self.shared.filled.notified().await;
        }
    }

    /// How many items wait.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.shared.queue.len()
    }

    /// How many items have room.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.shared.queue.capacity()
    }

    /// The most items that ever waited.
    #[must_use]
    pub fn high_water(&self) -> usize {
        self.shared.high_water.load(Ordering::Relaxed)
    }
}

impl<T> Clone for Inbox<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T> fmt::Debug for Inbox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox")
            .field("depth", &self.depth())
            .field("capacity", &self.capacity())
            .field("high_water", &self.high_water())
            .finish()
    }
}
