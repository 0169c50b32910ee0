//! Who answers a call. Everything here is a function of what it is given: nothing is read, waited for or remembered, so that
//! any decision can be made again, for any time and caller, and explained.
//!
//! - [`hours`]: whether a tenant is open.
//! - [`decide`](decide()): from a number, its tenant, the time and what failed already to a plan with its reasons.
//! - [`twiml`] and [`render`]: the carrier's language, and a plan said in it.

pub mod decide;
pub mod hours;
pub mod outcome;
pub mod render;
pub mod softphone;
pub mod twiml;
mod urls;

pub use decide::{Book, Decision, Inputs, Planned, Reason, Refusal, Step, decide, is_number};
pub use outcome::{Failed, Failure};
pub use urls::Urls;
