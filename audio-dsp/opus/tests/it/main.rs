//! The crate from the outside: what went in comes back, whatever happens to the file in between.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says what it expects by failing")]

mod damage;
mod foreign;
mod independent;
mod round_trip;
mod seek;
mod support;
