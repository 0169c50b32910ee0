//! The store on an embedded SQLite file: one connection that writes, a few that read, nothing lost that was
//! acknowledged.
//!
//! The file is in WAL mode, so readers never wait for the writer. Every commit is on the disk before it is
//! acknowledged (`synchronous = full`): one task writes in batches, so this costs little.

mod queries;
mod tenant;

use futures_util::future::BoxFuture;
use sqlx::{
    SqlitePool,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{path::Path, time::Duration};
use store::{KeyOwner, Store, StoreError, TenantId, TenantStore};

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// How the file is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqliteOptions {
    /// Connections that read. Default 4: reads are short, and the machine has more to do.
    pub readers: u32,
    /// Longest wait for a connection, and for another process that holds the file. Default 5 s: longer than
    /// any batch takes, shorter than the carrier's patience (15 s).
    pub busy_timeout: Duration,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { readers: 4, busy_timeout: Duration::from_secs(5) }
    }
}

/// A store in a SQLite file.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl SqliteStore {
    /// Opens the file, creates it if there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// When the file cannot be opened or written, or was written by a newer version.
    pub async fn open(path: &Path, options: SqliteOptions) -> Result<Self, StoreError> {
        let connect = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(options.busy_timeout);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(options.busy_timeout)
            .connect_with(connect.clone())
            .await
            .map_err(unavailable("opening the database file"))?;
        MIGRATIONS.run(&writer).await.map_err(|error| StoreError::Unavailable {
            doing: "bringing the schema up to date",
            source: Box::new(error),
        })?;
        let readers = SqlitePoolOptions::new()
            .max_connections(options.readers)
            .acquire_timeout(options.busy_timeout)
            .connect_with(connect.pragma("query_only", "on"))
            .await
            .map_err(unavailable("opening the database file for reading"))?;
        Ok(Self { writer, readers })
    }
}

impl Store for SqliteStore {
    fn tenant(&self, tenant: &TenantId) -> Box<dyn TenantStore> {
        Box::new(tenant::SqliteTenant::new(self.clone(), tenant.clone()))
    }

    fn put_tenant<'a>(
        &'a self,
        tenant: &'a TenantId,
        name: &'a str,
        now: i64,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            queries::put_tenant(&self.writer, tenant.as_str(), name, now)
                .await
                .map_err(unavailable("storing a tenant"))
        })
    }

    fn key_owner<'a>(&'a self, hash: &'a str) -> BoxFuture<'a, Result<Option<KeyOwner>, StoreError>> {
        Box::pin(async move {
            queries::key_owner(&self.readers, hash).await.map_err(unavailable("looking a key up"))
        })
    }

    fn check_writable(&self, now: i64) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            queries::beat(&self.writer, now).await.map_err(unavailable("writing to see whether it works"))
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.readers.close().await;
            self.writer.close().await;
        })
    }
}

/// Classifies what the database said while `doing` something.
fn unavailable(doing: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |error| {
        let contradicts = error.as_database_error().is_some_and(|error| {
            error.is_unique_violation() || error.is_foreign_key_violation() || error.is_check_violation()
        });
        let source = Box::new(error);
        if contradicts {
            StoreError::Conflict { doing, source }
        } else {
            StoreError::Unavailable { doing, source }
        }
    }
}
