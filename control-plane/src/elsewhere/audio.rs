//! What is heard of a call that another node has: each second is handed over, and acknowledged, before the next one is. Whoever does
//! not keep up loses seconds at the call's end, where they are counted; the call waits for nobody.

use bus::{Bus, BusError, Subscription};
use bytes::{BufMut as _, Bytes, BytesMut};
use engine::call::listen::{Heard, Listener};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use store::new_id;
use tokio::time::{Instant, timeout_at};

/// Seconds that could not be handed over one after the other, until whoever listens counts as gone.
const PATIENCE: u32 = 5;
/// Bytes before the audio: how many seconds were lost so far. A message that is no longer says that the call is over.
const HEAD: usize = 8;

/// A subject that nobody guesses: what is heard there is the tenant's.
pub(super) fn subject() -> String {
    format!("tandem.listen.{}", new_id("ear"))
}

/// How many calls of this node are listened to from other nodes.
#[derive(Debug, Default)]
pub(super) struct Relays(AtomicUsize);

/// A place among them.
#[derive(Debug)]
pub(super) struct Place(Arc<Relays>);

impl Relays {
    pub(super) fn take(self: &Arc<Self>, most: usize) -> Option<Place> {
        let taken = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| (taken < most).then_some(taken + 1));
        taken.is_ok().then(|| Place(Arc::clone(self)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Hands on what is heard until the call is over or nobody listens any more.
pub(super) async fn relay(
    bus: Arc<dyn Bus>,
    mut listener: Listener,
    to: String,
    within: Duration,
    place: Place,
) {
    let (mut lost, mut silent) = (0_u64, 0);
    while let Some(Heard { audio, .. }) = listener.next().await {
        let mut message = BytesMut::with_capacity(HEAD + audio.len());
        message.put_u64(lost + listener.dropped());
        message.put_slice(&audio);
        match bus.request(&to, message.freeze(), within).await {
            Ok(_) => silent = 0,
            Err(BusError::Nobody) => return,
            Err(BusError::TimedOut | BusError::TooLong(_) | BusError::Down(_)) => {
                lost += 1;
                silent += 1;
                if silent == PATIENCE {
                    return;
                }
            }
        }
    }
    let over = bus.publish(&to, Bytes::from_static(&[0; HEAD])).await;
    if let Err(error) = over {
        tracing::debug!(%error, "whoever listens is not told that the call is over; they see it by its silence");
    }
    drop(place);
}

/// Somebody who listens in on a call, wherever it is.
pub(crate) enum Ears {
    /// Here.
    Here(Listener),
    /// At another node.
    There {
        /// What comes.
        subscription: Subscription,
        /// How long nothing may come.
        silence: Duration,
        /// When something came last.
        heard: Instant,
        /// Seconds that were lost.
        dropped: u64,
    },
}

impl Ears {
    pub(super) fn there(subscription: Subscription, silence: Duration) -> Self {
        Self::There { subscription, silence, heard: Instant::now(), dropped: 0 }
    }

    /// The next second, mu-law; `None` once the call is over.
    pub(crate) async fn next(&mut self) -> Option<Vec<u8>> {
        match self {
            Self::Here(listener) => listener.next().await.map(|heard| heard.audio),
            Self::There { subscription, silence, heard, dropped } => {
                let came = timeout_at(*heard + *silence, subscription.next()).await.ok()??;
                *heard = Instant::now();
                let message = came.message.clone();
                came.answer(Bytes::new());
                let (head, audio) = message.split_first_chunk::<HEAD>()?;
                *dropped = u64::from_be_bytes(*head).max(*dropped);
                (!audio.is_empty()).then(|| audio.to_vec())
            }
        }
    }

    /// Seconds that were lost because they were not taken in time.
    pub(crate) fn dropped(&self) -> u64 {
        match self {
            Self::Here(listener) => listener.dropped(),
            Self::There { dropped, .. } => *dropped,
        }
    }
}
