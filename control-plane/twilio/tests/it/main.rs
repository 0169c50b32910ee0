//! The client against the sandbox's Twilio, over real sockets.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod accounts;
mod calls;
mod faults;
mod support;
