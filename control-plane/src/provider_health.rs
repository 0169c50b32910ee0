//! How the providers of each tenant are: asked with the tenant's own credentials, never judged by what is configured.
//!
//! [`decide`] says what an answer means; [`Monitor`] asks, and keeps the rows of [`store::model::work::Health`].

mod decide;
mod monitor;

pub use decide::{Alert, HealthOptions, Probe, decide, worst};
pub use monitor::{Monitor, Watch};
