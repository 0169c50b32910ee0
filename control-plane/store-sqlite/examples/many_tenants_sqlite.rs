//! Times the questions that every webhook and request asks, with 100 and with 10,000 tenants:
//! `cargo run --release -p store-sqlite --example many_tenants_sqlite`.
#![allow(clippy::unwrap_used, reason = "it says what went wrong by ending")]

use store_sqlite::{SqliteOptions, SqliteStore};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let folder = std::env::temp_dir().join(store::new_id("tandem_timing"));
    std::fs::create_dir(&folder).unwrap();
    for tenants in [100, 10_000] {
        let path = folder.join(format!("{tenants}.db"));
        let store = SqliteStore::open(&path, SqliteOptions::default()).await.unwrap();
        store::contract::timing::time_lookups(&store, tenants).await;
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
