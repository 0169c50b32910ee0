//! One call: a supervised tree of actors around pure deciders.

pub mod context;
pub mod endpointing;
pub mod inbox;
pub mod journal;
pub mod time;
