//! One call: a supervised tree of actors around pure deciders.

pub mod journal;
pub mod time;
