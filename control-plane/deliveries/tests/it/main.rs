//! Webhooks on a real store, to real servers on this machine.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says what it expects by failing")]

mod again;
mod failure;
mod fairness;
mod guarded;
mod support;
mod told;

#[test]
fn every_test_holds_on_postgresql() {
    store_postgres::test_server::again::every_test();
}
