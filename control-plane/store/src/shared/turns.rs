//! Who may write next: what nobody waits for goes behind everything else, so many at a time, and rests twice as long as it worked
//! while others come.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep, timeout},
};

/// Longest wait for others, of what has its place and has rested: it would never be done on a machine that is always busy.
const BEHIND_AT_MOST: Duration = Duration::from_secs(1);
/// Others come while the last one came not longer ago than this.
const RECENT: Duration = Duration::from_millis(250);
/// Of its work, while others come: two thirds of the time are theirs. The p99 of requests beside a batch was 1.9 times that without
/// one where it rested only as long as it worked (two cores, PostgreSQL).
const REST: u32 = 2;
/// Longest rest: what took longer was not slow because of its own work.
const REST_AT_MOST: Duration = Duration::from_millis(100);

/// Keeps the order; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Turns {
    /// Places of units of work that are behind.
    places: Arc<Semaphore>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Units of work that wait for a connection and are not behind.
    waiting: AtomicUsize,
    /// None waits any more.
    calm: Notify,
    times: Mutex<Times>,
}

#[derive(Debug, Default)]
struct Times {
    /// When the last one came that is not behind.
    came: Option<Instant>,
    /// How long the last one worked that was behind, and when it ended.
    worked: Option<(Duration, Instant)>,
}

impl Shared {
    fn times(&self) -> std::sync::MutexGuard<'_, Times> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Times {
    /// How long to rest at `now`.
    fn rest(&self, now: Instant) -> Duration {
        match (self.came, self.worked) {
            (Some(came), Some((worked, ended))) if now.saturating_duration_since(came) < RECENT => worked
                .saturating_mul(REST)
                .min(REST_AT_MOST)
                .saturating_sub(now.saturating_duration_since(ended)),
            _ => Duration::ZERO,
        }
    }
}

/// Somebody waits for a connection; until this is dropped nobody who is behind asks for one.
#[derive(Debug)]
pub(crate) struct Waiting(Arc<Shared>);

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.0.waiting.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.calm.notify_waiters();
        }
    }
}

/// A place among those that are behind, until this is dropped.
#[derive(Debug)]
pub(crate) struct Behind {
    shared: Arc<Shared>,
    began: Instant,
    _place: Option<OwnedSemaphorePermit>,
}

impl Drop for Behind {
    fn drop(&mut self) {
        self.shared.times().worked = Some((self.began.elapsed(), Instant::now()));
    }
}

impl Turns {
    /// `behind` units of work that are behind are open at the same time.
    pub(crate) fn new(behind: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(behind.max(1))), shared: Arc::default() }
    }

    /// Whether somebody came lately who is not behind, and so may come again at any moment.
    pub(crate) fn others_come(&self) -> bool {
        let came = self.shared.times().came;
        came.is_some_and(|came| came.elapsed() < RECENT)
    }

    /// To be held while a connection is waited for.
    pub(crate) fn in_front(&self) -> Waiting {
        self.shared.waiting.fetch_add(1, Ordering::AcqRel);
        self.shared.times().came = Some(Instant::now());
        Waiting(Arc::clone(&self.shared))
    }

    /// Waits for a place, and until nobody else waits for a connection. The place is to be held while the unit of work is open.
    pub(crate) async fn behind(&self) -> Behind {
        // The semaphore is never closed.
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        let rest = self.shared.times().rest(Instant::now());
        if !rest.is_zero() {
            sleep(rest).await;
        }
        let calm = async {
            loop {
                // Enabled before it looks: what becomes calm in between is noticed.
                let mut calm = std::pin::pin!(self.shared.calm.notified());
                calm.as_mut().enable();
                if self.shared.waiting.load(Ordering::Acquire) == 0 {
                    return;
                }
                calm.await;
            }
        };
        // Calm or not: it has waited long enough.
        drop(timeout(BEHIND_AT_MOST, calm).await);
        Behind { shared: Arc::clone(&self.shared), began: Instant::now(), _place: place }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use tokio::time::advance;

    const MS: Duration = Duration::from_millis(1);

    #[tokio::test(start_paused = true)]
    async fn who_is_behind_goes_when_nobody_else_waits_and_never_too_late() {
        let turns = Turns::new(1);
        let first = turns.behind().now_or_never().expect("nobody waits");
        assert!(turns.behind().now_or_never().is_none(), "there is one place");
        drop(first);
        let (one, two) = (turns.in_front(), turns.in_front());
        let started = Instant::now();
        let next = {
            let turns = turns.clone();
            tokio::spawn(async move {
                drop(turns.behind().await);
                started.elapsed()
            })
        };
        tokio::task::yield_now().await;
        advance(10 * MS).await;
        drop(one);
        advance(10 * MS).await;
        assert!(!next.is_finished(), "one still waits");
        drop(two);
        assert_eq!(next.await.unwrap(), 20 * MS);
        let _in_front = turns.in_front();
        let started = Instant::now();
        drop(turns.behind().await);
        assert_eq!(started.elapsed(), BEHIND_AT_MOST);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_behind_rests_twice_as_long_as_it_worked_while_others_come() {
        let turns = Turns::new(1);
        let waited = async |work: Duration| {
            let started = Instant::now();
            let place = turns.behind().await;
            let waited = started.elapsed();
            advance(work).await;
            drop(place);
            waited
        };
        assert_eq!(waited(7 * MS).await, Duration::ZERO);
        assert_eq!(waited(7 * MS).await, Duration::ZERO, "nobody came");
        assert!(!turns.others_come());
        drop(turns.in_front());
        assert!(turns.others_come());
        assert_eq!(waited(900 * MS).await, 14 * MS);
        drop(turns.in_front());
        assert_eq!(waited(5 * MS).await, REST_AT_MOST);
        advance(RECENT).await;
        assert!(!turns.others_come());
        assert_eq!(waited(MS).await, Duration::ZERO, "nobody came lately");
    }
}
