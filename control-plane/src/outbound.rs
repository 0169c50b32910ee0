//! Calls that we place: planned in the row of the call, placed by a worker that neither loses nor doubles them, watched until
//! they are paid for.
//!
//! - [`plan`]: what is needed to place a call, and what is to be done next: decided from the row alone.
//! - `hand_over`: leads a caller out of a queue whom somebody took.
//! - [`worker`]: carries the steps out. Before the carrier is asked the row says so; whoever is killed then finds out first.

pub(crate) mod caller_id;
mod hand_over;
pub(crate) mod plan;
pub(crate) mod worker;
