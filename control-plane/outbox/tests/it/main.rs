//! The outbox over a real database, with providers that are told what to say.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says what it expects by failing")]

mod sending;
mod support;

#[test]
fn every_test_holds_on_postgresql() {
    store_postgres::test_server::again::every_test();
}
