//! One call: a supervised tree of actors around pure deciders.

pub mod journal;
pub mod playout;
pub mod progress;
pub mod restart;
pub mod sentences;
pub mod time;
pub mod timeline;
pub mod wav;
