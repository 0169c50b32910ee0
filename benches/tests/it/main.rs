//! The echo server does what the load generator needs of it, and nothing that a carrier would refuse.

#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod echo_floor;
