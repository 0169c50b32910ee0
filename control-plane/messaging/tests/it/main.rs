//! What holds for every message, whatever happens to it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says what it expects by failing")]

mod rules;
mod universe;
