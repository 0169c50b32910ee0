//! The connections that are kept: so many at once, each for so long and so many messages.

use super::{
    NotSent,
    connection::{Connection, Target},
};
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};

/// Clones share the connections.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    target: Target,
    turns: Arc<Semaphore>,
    /// At most as many as there are turns.
    kept: Mutex<Vec<Connection>>,
}

impl Pool {
    pub(super) fn new(target: Target) -> Self {
        let turns = Arc::new(Semaphore::new(target.options.connections.max(1)));
        Self { shared: Arc::new(Shared { target, turns, kept: Mutex::default() }) }
    }

    /// A connection, for as long as its permit is held. `fresh`: none that was used before.
    pub(super) async fn connection(
        &self,
        fresh: bool,
    ) -> Result<(Connection, OwnedSemaphorePermit), NotSent> {
        let options = &self.shared.target.options;
        let turn = timeout(options.busy, self.shared.turns.clone().acquire_owned()).await;
        let permit = turn.map_err(|_| NotSent::Busy)?.map_err(|_| NotSent::Busy)?;
        let kept = {
            let mut kept = self.shared.kept.lock();
            let now = Instant::now();
            kept.retain(|connection| now.duration_since(connection.idle_since) < options.idle);
            if fresh {
                kept.clear();
            }
            kept.pop()
        };
        let connection = match kept {
            Some(connection) => connection,
            None => Connection::open(&self.shared.target).await?,
        };
        Ok((connection, permit))
    }

    /// Takes a connection back that is ready for another message.
    pub(super) fn keep(&self, mut connection: Connection, permit: OwnedSemaphorePermit) {
        if connection.uses < self.shared.target.options.messages {
            connection.idle_since = Instant::now();
            connection.was_kept = true;
            self.shared.kept.lock().push(connection);
        }
        drop(permit);
    }

    /// Those that nobody uses.
    pub(super) fn drain(&self) -> Vec<Connection> {
        std::mem::take(&mut *self.shared.kept.lock())
    }
}
