//! The store on an embedded SQLite file: one connection that writes, a few that read, nothing lost that was
//! acknowledged.
//!
//! The file is in WAL mode, so readers never wait for the writer. Every commit is on the disk before it is
//! acknowledged (`synchronous = full`): one task writes in batches, so this costs little. What is in the log is moved to its place
//! in the file by [`Store::tidy`], so that no commit waits for it unless the log has become long. SQLite knows no row-level
//! security; that every query keeps to one tenant is what `tests/it/queries.rs` proves of the text.

mod backup;
mod claim;
#[path = "../../store/src/shared/failure.rs"]
mod failure;
mod lock;
mod others;
#[path = "../../store/src/queries/all.rs"]
mod queries;
#[path = "../../store/src/shared/record.rs"]
mod record;
#[path = "../../store/src/shared/store.rs"]
mod store_port;
#[path = "../../store/src/shared/tenant.rs"]
mod tenant;
#[path = "../../store/src/shared/turns.rs"]
mod turns;
#[path = "../../store/src/shared/tx.rs"]
mod tx;

use failure::failed;
use lock::FileLock;
use others::Others;
use sqlx::{
    Sqlite, SqliteConnection, SqlitePool, Transaction,
    migrate::Migrator,
    pool::PoolConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{
    path::Path,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
#[cfg(doc)]
use store::Store;
use store::{ChangeListeners, StoreError, TenantId};
use turns::Turns;

pub use backup::{BackupError, Restored, restore};

/// What the shared text calls this database.
type Db = Sqlite;
type Connection = SqliteConnection;
type Backend = SqliteStore;
type Read = PoolConnection<Sqlite>;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// Units of work that are behind: there is one connection that writes.
const BEHIND: usize = 1;

/// How the file is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqliteOptions {
    /// Connections that read. Default 4: reads are short, and the machine has more to do.
    pub readers: u32,
    /// Pages of the log from which on a commit itself moves them to their place in the file, because [`Store::tidy`] did not.
    /// Default 16,384: 64 MiB.
    pub log_pages: u32,
    /// What the connection that writes remembers of the file, in KiB; each that reads, a quarter of it. Default 32,768: the upper
    /// part of every index of a large file.
    pub cache_kib: u32,
    /// Longest wait for a connection, and for another process that holds the file. Default 5 s: longer than
    /// any batch takes, shorter than the carrier's patience (15 s).
    pub busy_timeout: Duration,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { readers: 4, log_pages: 16_384, cache_kib: 32_768, busy_timeout: Duration::from_secs(5) }
    }
}

/// A store in a SQLite file.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
    turns: Turns,
    listeners: ChangeListeners,
    others: Others,
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
            // What is deleted is overwritten, not only let go of.
            .pragma("secure_delete", "on")
            .pragma("wal_autocheckpoint", options.log_pages.to_string())
            .pragma("cache_size", format!("-{}", options.cache_kib))
            .busy_timeout(options.busy_timeout);
        let others = Others::default();
        let writers = Arc::clone(&others.writers);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            // It is in this process: there is nobody to be asked whether the connection is still there.
            .test_before_acquire(false)
            .acquire_timeout(options.busy_timeout)
            .after_connect(move |_, _| {
                writers.fetch_add(1, Ordering::Relaxed);
                Box::pin(async { Ok(()) })
            })
            .connect_with(connect.clone())
            .await
            .map_err(failed("opening the database file"))?;
        MIGRATIONS.run(&writer).await.map_err(|error| StoreError::Unavailable {
            doing: "bringing the schema up to date",
            source: Box::new(error),
        })?;
        let readers = SqlitePoolOptions::new()
            .max_connections(options.readers)
            .test_before_acquire(false)
            .acquire_timeout(options.busy_timeout)
            .connect_with(
                connect
                    .pragma("query_only", "on")
                    .pragma("cache_size", format!("-{}", options.cache_kib / 4)),
            )
            .await
            .map_err(failed("opening the database file for reading"))?;
        Ok(Self {
            writer,
            readers,
            turns: Turns::new(BEHIND),
            listeners: ChangeListeners::default(),
            others,
            _in_use: Arc::new(in_use),
        })
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

    /// Moves what is in the log to its place in the file, as far as nobody is in the way; nobody waits for it.
    async fn tidy_up(&self) -> Result<(), StoreError> {
        const DOING: &str = "moving the log into the database file";
        let mut reader = self.readers.acquire().await.map_err(failed(DOING))?;
        sqlx::query("pragma wal_checkpoint(passive)").execute(&mut *reader).await.map_err(failed(DOING))?;
        Ok(())
    }

    /// Moves all of the log to its place in the file, where nothing is left of what was deleted, and empties it. Readers that are in the
    /// way keep it from that; the next time does it.
    async fn wipe(&self) -> Result<(), StoreError> {
        const DOING: &str = "emptying the log of the database file";
        let mut writer = self.writer.acquire().await.map_err(failed(DOING))?;
        sqlx::query("pragma wal_checkpoint(truncate)").execute(&mut *writer).await.map_err(failed(DOING))?;
        Ok(())
    }

    async fn close_pools(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}
