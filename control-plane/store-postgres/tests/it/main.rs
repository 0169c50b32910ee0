//! The store's contract on PostgreSQL, what row-level security does, and what the compiler cannot check of the committed
//! query data. Where there is no PostgreSQL the tests are left out and say so (`store_postgres::test_server`).
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod contract {
    store::contract_tests!(crate::open().await);
}
mod nodes;
mod plans;
mod queries;
mod security;

use store_postgres::{PostgresOptions, PostgresStore, test_server};

struct Opened {
    store: PostgresStore,
    url: String,
}

async fn open() -> Option<Opened> {
    let url = test_server::database().await?;
    let store = PostgresStore::open(&url, PostgresOptions::default()).await.unwrap();
    Some(Opened { store, url })
}
