//! The store on an embedded SQLite file: one connection that writes, a few that read, nothing lost that was
//! acknowledged.
//!
//! The file is in WAL mode, so readers never wait for the writer. Every commit is on the disk before it is
//! acknowledged (`synchronous = full`): one task writes in batches, so this costs little. SQLite knows no row-level
//! security; that every query keeps to one tenant is what `tests/it/queries.rs` proves of the text.

mod backup;
mod claim;
#[path = "../../store/src/shared/failure.rs"]
mod failure;
mod lock;
#[path = "../../store/src/queries/all.rs"]
mod queries;
#[path = "../../store/src/shared/record.rs"]
mod record;
#[path = "../../store/src/shared/store.rs"]
mod store_port;
#[path = "../../store/src/shared/tenant.rs"]
mod tenant;
#[path = "../../store/src/shared/tx.rs"]
mod tx;

use failure::failed;
use lock::FileLock;
use sqlx::{
    Sqlite, SqliteConnection, SqlitePool, Transaction,
    migrate::Migrator,
    pool::PoolConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{path::Path, sync::Arc, time::Duration};
use store::{ChangeListeners, StoreError, TenantId};

pub use backup::{BackupError, Restored, restore};

/// What the shared text calls this database.
type Db = Sqlite;
type Connection = SqliteConnection;
type Backend = SqliteStore;
type Read = PoolConnection<Sqlite>;

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
    listeners: ChangeListeners,
    /// Says to other processes that the file is in use.
    _in_use: Arc<FileLock>,
}

impl SqliteStore {
    /// Opens the file, creates it if there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// When the file cannot be opened or written, is being restored, or was written by a newer version.
    pub async fn open(path: &Path, options: SqliteOptions) -> Result<Self, StoreError> {
        let in_use = FileLock::shared(path).map_err(|source| StoreError::Unavailable {
            doing: "saying that the database file is in use",
            source: Box::new(source),
        })?;
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
            .map_err(failed("opening the database file"))?;
        MIGRATIONS.run(&writer).await.map_err(|error| StoreError::Unavailable {
            doing: "bringing the schema up to date",
            source: Box::new(error),
        })?;
        let readers = SqlitePoolOptions::new()
            .max_connections(options.readers)
            .acquire_timeout(options.busy_timeout)
            .connect_with(connect.pragma("query_only", "on"))
            .await
            .map_err(failed("opening the database file for reading"))?;
        Ok(Self { writer, readers, listeners: ChangeListeners::default(), _in_use: Arc::new(in_use) })
    }

    /// A connection that reads. The tenant is in every query.
    async fn read(&self, _tenant: &TenantId, doing: &'static str) -> Result<Read, StoreError> {
        self.readers.acquire().await.map_err(failed(doing))
    }

    /// A connection that reads what belongs to `_shown`, which is in the query.
    async fn read_shown(&self, _shown: &str, doing: &'static str) -> Result<Read, StoreError> {
        self.readers.acquire().await.map_err(failed(doing))
    }

    /// A transaction that writes. The tenant is in every query.
    async fn write(
        &self,
        _tenant: &TenantId,
        doing: &'static str,
    ) -> Result<Transaction<'static, Sqlite>, StoreError> {
        self.write_unscoped(doing).await
    }

    /// A transaction that writes what belongs to no tenant. It takes the write lock at once: one that starts by reading
    /// could fail when it comes to write.
    async fn write_unscoped(&self, doing: &'static str) -> Result<Transaction<'static, Sqlite>, StoreError> {
        self.writer.begin_with("begin immediate").await.map_err(failed(doing))
    }

    async fn close_pools(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}
