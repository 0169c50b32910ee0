//! What other nodes change: a unit of work says so with its commit (`notify`), and each node listens on a connection of its own.

use crate::{Connection, PostgresStore, failure::failed};
use sqlx::{postgres::PgListener, query};
use std::{sync::Arc, time::Duration};
use store::{Change, StoreError, TenantId};
use tokio::{sync::Mutex, time::timeout};

/// Where changes are told. A message is `origin tenant`.
const CHANNEL: &str = "tandem_changes";
/// An answer takes a millisecond; a connection that is silent for so long tells nothing any more.
const PATIENCE: Duration = Duration::from_secs(2);

/// The connection that listens, once somebody has asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Others(Arc<Mutex<Option<PgListener>>>);

impl Others {
    /// Gives the connection back.
    pub(crate) async fn close(&self) {
        self.0.lock().await.take();
    }
}

impl PostgresStore {
    /// Whatever was told before the server answers a question on the connection that listens has come by then.
    pub(crate) async fn hear_others(&self) -> Result<(), StoreError> {
        const DOING: &str = "listening to what other nodes change";
        let mut place = self.others.0.lock().await;
        // Left empty if this fails or nobody waits for its end: what comes meanwhile is not heard, and the next one knows it.
        let (mut listener, is_new) = match place.take() {
            Some(listener) => (listener, false),
            None => (self.listener().await.map_err(failed(DOING))?, true),
        };
        let asked = timeout(PATIENCE, query("select 1").execute(&mut listener)).await;
        let answered = asked.map_err(|_| sqlx::Error::PoolTimedOut).and_then(|asked| asked);
        answered.map_err(failed(DOING))?;
        if is_new {
            self.listeners.tell(Change::Any);
        }
        while let Some(told) = listener.next_buffered() {
            let (origin, tenant) = told.payload().split_once(' ').unwrap_or_default();
            if origin != self.listeners.origin() {
                self.listeners.tell(Change::Of(&TenantId::known(tenant)));
            }
        }
        *place = Some(listener);
        Ok(())
    }

    async fn listener(&self) -> Result<PgListener, sqlx::Error> {
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        Ok(listener)
    }
}

/// Says with the commit whose directory has changed.
pub(crate) async fn tell_others(db: &mut Connection, origin: &str, tenant: &str) -> Result<(), sqlx::Error> {
    query("select pg_notify($1, $2)").bind(CHANNEL).bind(format!("{origin} {tenant}")).execute(db).await?;
    Ok(())
}
