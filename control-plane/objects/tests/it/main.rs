//! The client of S3 against a server that checks every signature, and goes wrong.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bucket;
mod faults;
mod support;
