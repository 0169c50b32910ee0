//! Times the questions that every webhook and request asks, with 100 and with 10,000 tenants:
//! `cargo run --release -p store-postgres --example many_tenants_postgres`.
#![allow(clippy::unwrap_used, reason = "it says what went wrong by ending")]

use store_postgres::{PostgresOptions, PostgresStore, test_server};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    for tenants in [100, 10_000] {
        let Some(url) = test_server::database().await else { return };
        let store = PostgresStore::open(&url, PostgresOptions::default()).await.unwrap();
        store::contract::timing::time_lookups(&store, tenants).await;
    }
}
