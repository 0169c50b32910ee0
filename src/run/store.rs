//! `tandem store`: backup and restore of the embedded database.

use super::{Failure, Outcome, runtime, serve::configuration, tool_log};
use crate::{
    cli::{Store, StoreCommand},
    config::Config,
};
use std::sync::Arc;
use store_postgres::{PostgresOptions, PostgresStore};
use store_sqlite::{SqliteOptions, SqliteStore, restore};

/// One thread waits for the disk, one could be enough for all else.
const THREADS: usize = 1;

pub(super) fn run(store: &Store) -> Result<Outcome, Failure> {
    tool_log();
    let config = configuration(store.config.as_deref())?;
    if config.store.url.is_some() {
        return Err(Failure::new(
            "store.url names a PostgreSQL database: use its own tools (pg_dump, pg_restore)",
        ));
    }
    let database = config.database_file();
    let recordings = config.data_dir.join("recordings");
    let runtime = runtime(Some(THREADS))?;
    match &store.command {
        StoreCommand::Backup { file } => {
            runtime.block_on(SqliteStore::backup(&database, file))?;
            println!("The database {} is in {}, checked.", database.display(), file.display());
            println!("Recordings are not in it: copy {} as well.", recordings.display());
        }
        StoreCommand::Restore { file } => {
            let restored = runtime.block_on(restore(&database, file))?;
            println!("The database {} is what {} was.", database.display(), file.display());
            if let Some(kept) = restored.kept {
                println!("What was there before is {}.", kept.display());
            }
            println!("Recordings were not in the backup: bring {} back as well.", recordings.display());
        }
    }
    Ok(Outcome::Success)
}

/// The database of a server that was started before.
pub(super) async fn open_store(config: &Config) -> Result<Arc<dyn store::Store>, Failure> {
    if let Some(url) = &config.store.url {
        return Ok(Arc::new(PostgresStore::open(url.reveal(), PostgresOptions::default()).await?));
    }
    let file = config.database_file();
    if !file.exists() {
        return Err(Failure::new(format!("there is no database {}", file.display())));
    }
    Ok(Arc::new(SqliteStore::open(&file, SqliteOptions::default()).await?))
}
