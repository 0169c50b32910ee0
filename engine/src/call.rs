//! One call: a supervised tree of actors around pure deciders.

pub mod context;
pub mod endpointing;
pub mod inbox;
pub mod journal;
pub mod playout;
pub mod progress;
pub mod restart;
pub mod sentences;
pub mod time;
pub mod timeline;
pub mod wav;
