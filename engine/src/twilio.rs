//! The carrier's side of a call: Media Streams.

pub mod media_stream;
pub mod server;
pub mod socket;
