//! Backup and restore of the database file. A backup is made while the server runs, and is one file that SQLite's own
//! tools read; nothing counts as a backup, and nothing is restored, that does not pass SQLite's own checks.

use crate::{MIGRATIONS, SqliteStore, lock::FileLock, lock::beside};
use sqlx::{
    Connection as _, Row, SqliteConnection,
    migrate::Migrate as _,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// Why there is no backup, or nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file is already where the backup is to be.
    #[error("{} is there already", .0.display())]
    Exists(PathBuf),
    /// There is no database to back up.
    #[error("there is no database at {}", .0.display())]
    NoDatabase(PathBuf),
    /// A server has the database open.
    #[error("the database {} is in use: stop the server first", path.display())]
    InUse {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file could not be copied, moved or read.
    #[error("failed at {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The database did not serve.
    #[error("{doing}: the database did not serve")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The file is damaged, or something else than a backup of a database of Tandem.
    #[error("{} is not a sound database of this program: {problem}", path.display())]
    NotSound {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

/// What a restore did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Where the database that was there before is now; `None` if there was none.
    pub kept: Option<PathBuf>,
}

impl SqliteStore {
    /// Copies the database at `database` to `to`, also while a server uses it, and checks the copy.
    ///
    /// # Errors
    /// See [`BackupError`]. A copy that is not sound is not left behind.
    pub async fn backup(database: &Path, to: &Path) -> Result<(), BackupError> {
        if !database.exists() {
            return Err(BackupError::NoDatabase(database.to_owned()));
        }
        if to.exists() {
            return Err(BackupError::Exists(to.to_owned()));
        }
        let name = to.to_str().ok_or_else(|| BackupError::NotSound {
            path: to.to_owned(),
            problem: "its name is not UTF-8".to_owned(),
        })?;
        // Written under another name, so that a file with the right name is a whole backup.
        let unfinished = format!("{name}.unfinished");
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(BackupError::File { path: unfinished.into(), source: error });
            }
            Ok(()) | Err(_) => {}
        }
        let done = copy(database, &unfinished).await;
        let done = match done {
            Ok(()) => check(Path::new(&unfinished)).await,
            Err(error) => Err(error),
        };
        match done {
            Ok(()) => move_file(Path::new(&unfinished), to),
            Err(error) => {
                // What is said is why there is no backup; that the rest of it stays behind matters less.
                drop(fs::remove_file(&unfinished));
                Err(error)
            }
        }
    }
}

async fn copy(database: &Path, to: &str) -> Result<(), BackupError> {
    let options = SqliteConnectOptions::new().filename(database);
    let mut connection = connect(&options, "opening the database file").await?;
    sqlx::query("vacuum into $1")
        .bind(to)
        .execute(&mut connection)
        .await
        .map_err(|source| BackupError::Database { doing: "copying the database", source })?;
    close(connection).await
}

/// Puts the backup `from` in the place of the database at `database`, which is kept under another name.
///
/// # Errors
/// See [`BackupError`]. Until the very last step the database that was there before stays where it is.
pub async fn restore(database: &Path, from: &Path) -> Result<Restored, BackupError> {
    let in_use = |source| BackupError::InUse { path: database.to_owned(), source };
    let _alone = FileLock::exclusive(database).map_err(in_use)?;
    check(from).await?;
    let coming = beside(database, "restoring");
    fs::copy(from, &coming).map_err(|source| BackupError::File { path: coming.clone(), source })?;
    let flushed = File::open(&coming).and_then(|file| file.sync_all());
    flushed.map_err(|source| BackupError::File { path: coming.clone(), source })?;
    check(&coming).await?;

    let kept = if database.exists() {
        let kept = free_name(database);
        for suffix in ["-wal", "-shm", ""] {
            let with = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
            if with(database).exists() {
                move_file(&with(database), &with(&kept))?;
            }
        }
        Some(kept)
    } else {
        None
    };
    move_file(&coming, database)?;
    Ok(Restored { kept })
}

/// A name beside the database that nothing has.
fn free_name(database: &Path) -> PathBuf {
    (1_u32..)
        .map(|n| beside(database, &format!("before-restore-{n}")))
        .find(|path| !path.exists())
        .unwrap_or_else(
            // There are four thousand million names before this one.
            || beside(database, "before-restore"),
        )
}

/// Whether SQLite finds the file whole, and whether this program knows its schema.
async fn check(path: &Path) -> Result<(), BackupError> {
    let not_sound = |problem: String| BackupError::NotSound { path: path.to_owned(), problem };
    if !path.exists() {
        return Err(not_sound("there is no such file".to_owned()));
    }
    // It is read as it stands: no log beside it belongs to it.
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .immutable(true)
        .journal_mode(SqliteJournalMode::Off);
    let mut connection =
        connect(&options, "opening the copy").await.map_err(|error| not_sound(with_source(&error)))?;
    for pragma in ["pragma integrity_check(1)", "pragma foreign_key_check"] {
        let rows = sqlx::query(pragma).fetch_all(&mut connection).await;
        let rows = rows.map_err(|error| not_sound(error.to_string()))?;
        let first = rows.first().and_then(|row| row.try_get::<String, _>(0).ok());
        if let Some(problem) = first.filter(|text| text != "ok") {
            return Err(not_sound(problem));
        }
    }
    let applied = connection.list_applied_migrations("_sqlx_migrations").await;
    let applied = applied.map_err(|error| not_sound(error.to_string()))?;
    if applied.is_empty() {
        return Err(not_sound("it has no schema of this program".to_owned()));
    }
    for migration in &applied {
        let known = MIGRATIONS
            .iter()
            .any(|known| known.version == migration.version && known.checksum == migration.checksum);
        if !known {
            return Err(not_sound(format!("its schema {} is of another version", migration.version)));
        }
    }
    close(connection).await
}

fn with_source(error: &BackupError) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

async fn connect(
    options: &SqliteConnectOptions,
    doing: &'static str,
) -> Result<SqliteConnection, BackupError> {
    SqliteConnection::connect_with(options).await.map_err(|source| BackupError::Database { doing, source })
}

async fn close(connection: SqliteConnection) -> Result<(), BackupError> {
    connection
        .close()
        .await
        .map_err(|source| BackupError::Database { doing: "closing a database file", source })
}

/// Gives a file another name, and waits until that is on the disk.
fn move_file(from: &Path, to: &Path) -> Result<(), BackupError> {
    let failed = |source| BackupError::File { path: to.to_owned(), source };
    File::open(from).and_then(|file| file.sync_all()).map_err(failed)?;
    fs::rename(from, to).map_err(failed)?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}
