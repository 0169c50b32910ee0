//! Who may write next: what nobody waits for goes behind everything else, so many at a time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// Nothing stays behind for longer than this, however many others come: it would never be done on a machine that is always busy.
const BEHIND_AT_MOST: Duration = Duration::from_secs(1);

/// Keeps the order; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Turns {
    /// Places of units of work that are behind.
    behind: Arc<Semaphore>,
    front: Arc<Front>,
}

#[derive(Debug, Default)]
struct Front {
    /// Units of work that wait for a connection and are not behind.
    waiting: AtomicUsize,
    /// None waits any more.
    calm: Notify,
}

/// Somebody waits for a connection; until this is dropped nobody who is behind asks for one.
#[derive(Debug)]
pub(crate) struct Waiting(Arc<Front>);

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.0.waiting.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.calm.notify_waiters();
        }
    }
}

impl Turns {
    /// `behind` units of work that are behind are open at the same time.
    pub(crate) fn new(behind: usize) -> Self {
        Self { behind: Arc::new(Semaphore::new(behind.max(1))), front: Arc::default() }
    }

    /// To be held while a connection is waited for.
    pub(crate) fn in_front(&self) -> Waiting {
        self.front.waiting.fetch_add(1, Ordering::AcqRel);
        Waiting(Arc::clone(&self.front))
    }

    /// Waits for a place, and until nobody else waits for a connection. The place is to be held while the unit of work is open.
    pub(crate) async fn behind(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        let place = Arc::clone(&self.behind).acquire_owned().await.ok();
        let calm = async {
            loop {
                // Enabled before it looks: what becomes calm in between is noticed.
                let mut calm = std::pin::pin!(self.front.calm.notified());
                calm.as_mut().enable();
                if self.front.waiting.load(Ordering::Acquire) == 0 {
                    return;
                }
                calm.await;
            }
        };
        // Calm or not: it has waited long enough.
        drop(timeout(BEHIND_AT_MOST, calm).await);
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[tokio::test(start_paused = true)]
    async fn who_is_behind_goes_when_nobody_else_waits_and_never_too_late() {
        let turns = Turns::new(1);
        let first = turns.behind().now_or_never().expect("nobody waits");
        assert!(turns.behind().now_or_never().is_none(), "there is one place");
        drop(first);
        let (one, two) = (turns.in_front(), turns.in_front());
        let started = tokio::time::Instant::now();
        let next = {
            let turns = turns.clone();
            tokio::spawn(async move {
                let place = turns.behind().await;
                (place, started.elapsed())
            })
        };
        tokio::time::advance(Duration::from_millis(10)).await;
        drop(one);
        tokio::time::advance(Duration::from_millis(10)).await;
        assert!(!next.is_finished(), "one still waits");
        drop(two);
        let (place, waited) = next.await.unwrap();
        assert_eq!(waited, Duration::from_millis(20));
        drop(place);
        let _in_front = turns.in_front();
        let started = tokio::time::Instant::now();
        drop(turns.behind().await);
        assert_eq!(started.elapsed(), BEHIND_AT_MOST);
    }
}
