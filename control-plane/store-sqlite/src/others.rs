//! What other processes change in the file, such as the commands of the program while it serves: SQLite says whether any did,
//! and not what.

use crate::{Connection, SqliteStore, failure::failed};
use sqlx::query_scalar;
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};
use store::{Change, StoreError};

/// The file's state as the connection that writes has seen it last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Others {
    /// Connections that wrote, one after the other: what one says cannot be compared with what another says.
    pub(crate) writers: Arc<AtomicU64>,
    seen: Arc<Mutex<Option<(u64, i64)>>>,
}

impl SqliteStore {
    /// Asks the connection that writes: what it says changes only when somebody else has committed (`pragma data_version`).
    pub(crate) async fn hear_others(&self) -> Result<(), StoreError> {
        const DOING: &str = "asking whether another process has changed something";
        let mut writer = self.writer.acquire().await.map_err(failed(DOING))?;
        let version: i64 =
            query_scalar("pragma data_version").fetch_one(&mut *writer).await.map_err(failed(DOING))?;
        let now = Some((self.others.writers.load(Ordering::Relaxed), version));
        let before =
            std::mem::replace(&mut *self.others.seen.lock().unwrap_or_else(PoisonError::into_inner), now);
        if before != now {
            self.listeners.tell(Change::Any);
        }
        Ok(())
    }
}

/// Nothing is to be said: whoever opens the same file sees that it has changed.
pub(crate) async fn tell_others(
    _db: &mut Connection,
    _origin: &str,
    _tenant: &str,
) -> Result<(), sqlx::Error> {
    Ok(())
}
