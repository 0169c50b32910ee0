//! `/v1`: what a tenant may read of its own calls, with a key.

mod auth;
pub(crate) mod calls;
mod cursor;
pub(crate) mod journal;
mod query;
mod range;
pub(crate) mod recording;
mod recording_format;
mod view;
