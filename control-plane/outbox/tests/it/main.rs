//! The outbox over a real database, with providers that are told what to say.

mod sending;
mod support;
