//! The store's contract on SQLite, and what the compiler cannot check of the committed query data.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod backup;
mod contract {
    store::contract_tests!(Some(crate::open().await));
}
mod file;
mod plans;
mod queries;

use std::path::PathBuf;
use store_sqlite::{SqliteOptions, SqliteStore};

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(store::new_id("tandem_store"));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn database(&self) -> PathBuf {
        self.0.join("tandem.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{} stays behind: {error}", self.0.display());
        }
    }
}

struct Opened {
    store: SqliteStore,
    folder: Folder,
}

async fn open() -> Opened {
    let folder = Folder::new();
    let store = SqliteStore::open(&folder.database(), SqliteOptions::default()).await.unwrap();
    Opened { store, folder }
}
