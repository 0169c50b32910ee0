//! How the nodes of one installation speak with each other. Nothing that must not be lost goes over the bus: what counts is in the
//! database, and the bus says that it is worth a look, or asks the node that has a call to do something with it now.
//!
//! - [`Bus::publish`] tells all who listen, as well as it can: nobody may rely on it.
//! - [`Bus::request`] asks whoever listens and waits for the answer, for a bounded time. Where nobody listens it says so at once.
//! - [`Bus::subscribe`] listens. What is not taken in time is dropped and counted.
//!
//! [`LocalBus`] is for one process, [`NatsBus`] for several nodes with a NATS server. A message is at most [`MOST_BYTES`] long, names
//! its tenant and holds no secret.

mod local;
mod nats;
#[cfg(feature = "test-server")]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "it serves tests, which fail with it"
)]
pub mod test_server;

pub use local::LocalBus;
pub use nats::{NatsBus, NatsOptions, is_nats};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Longest message: some seconds of audio. A NATS server takes 1 MiB unless told otherwise.
pub const MOST_BYTES: usize = 64 * 1024;
/// Messages of one subscription that wait to be taken.
const QUEUE: usize = 256;
/// Messages that were dropped because they were not taken in time, by the bus.
const DROPPED: &str = "tandem_bus_dropped_total";

/// Why something could not be said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// Nobody listens there.
    #[error("nobody listens there")]
    Nobody,
    /// Nobody answered in time. Whether it was heard is not known.
    #[error("nobody answered in time")]
    TimedOut,
    /// It is longer than [`MOST_BYTES`].
    #[error("a message of {0} bytes is too long")]
    TooLong(usize),
    /// The bus does not serve now.
    #[error("the bus does not serve: {0}")]
    Down(String),
}

/// What a method of the bus gives.
pub type BusFuture<'a, T> = BoxFuture<'a, Result<T, BusError>>;

/// How nodes speak with each other. A subject is made of words with dots between them.
pub trait Bus: Send + Sync {
    /// Whether other processes may be on it.
    fn is_shared(&self) -> bool;

    /// Tells all who listen by now.
    fn publish<'a>(&'a self, subject: &'a str, message: Bytes) -> BusFuture<'a, ()>;

    /// Asks whoever listens; the first answer counts.
    fn request<'a>(&'a self, subject: &'a str, message: Bytes, within: Duration) -> BusFuture<'a, Bytes>;

    /// Listens from now on: once this is done, whoever asks is heard.
    fn subscribe<'a>(&'a self, subject: &'a str) -> BusFuture<'a, Subscription>;
}

/// What is heard on a subject. Dropping it ends that.
#[derive(Debug)]
pub struct Subscription {
    messages: mpsc::Receiver<Heard>,
    /// Whatever else must live as long.
    _keeps: Option<engine::provider::AbortOnDrop>,
}

impl Subscription {
    /// What is heard next; `None` once the bus is gone.
    pub async fn next(&mut self) -> Option<Heard> {
        self.messages.recv().await
    }
}

/// A message that was heard.
#[derive(Debug)]
pub struct Heard {
    /// What was said.
    pub message: Bytes,
    /// Where the answer goes; `None`: nobody waits for one.
    pub answer: Option<oneshot::Sender<Bytes>>,
}

impl Heard {
    /// Answers, if somebody waits for it.
    pub fn answer(self, answer: Bytes) {
        if let Some(to) = self.answer
            && to.send(answer).is_err()
        {
            tracing::debug!("nobody waits for the answer any more");
        }
    }
}

fn check_length(message: &Bytes) -> Result<(), BusError> {
    if message.len() > MOST_BYTES { Err(BusError::TooLong(message.len())) } else { Ok(()) }
}

/// Hands a message to a subscription; false: it is gone.
fn hand(to: &mpsc::Sender<Heard>, heard: Heard) -> bool {
    match to.try_send(heard) {
        Ok(()) => true,
        Err(mpsc::error::TrySendError::Full(_)) => {
            metrics::counter!(DROPPED).increment(1);
            true
        }
        Err(mpsc::error::TrySendError::Closed(_)) => false,
    }
}
