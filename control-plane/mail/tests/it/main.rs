//! Mail over real sockets: through Exim and Dovecot, and against scripted servers that do what real ones rarely do.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bounces;
mod fetching;
mod fetching_faults;
mod oauth;
mod round_trip;
mod script;
mod sending_faults;
mod support;
