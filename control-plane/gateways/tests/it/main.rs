//! The clients against the sandbox's Whapi and OneSignal, over real sockets.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod onesignal;
mod support;
mod whapi;
