//! Tenants and numbers at a carrier that fails, with workers that die.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says what it expects by failing")]

mod crashes;
mod killed;
mod numbers;
mod softphones;
mod support;
mod tenants;

#[test]
fn every_test_holds_on_postgresql() {
    store_postgres::test_server::again::every_test();
}
