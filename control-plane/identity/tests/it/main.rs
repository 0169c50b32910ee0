//! Identity on a real store.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says what it expects by failing")]

mod bearer;
mod invitations;
mod openid;
mod provider;
mod second_factor;
mod sessions;
mod sign_in;
mod support;
mod team;

#[test]
fn every_test_holds_on_postgresql() {
    store_postgres::test_server::again::every_test();
}
