//! Sets tenants and numbers up at the carrier so that a crash at any point loses nothing and buys nothing twice.
//!
//! - [`saga`] decides, without I/O, what comes next after every outcome, forwards and back.
//! - [`Provisioner`] takes orders (set a tenant up, buy, adopt or release a number, cancel) as jobs, in the unit of work of whoever
//!   gives them.
//! - [`NumberWish`]: the number that a new tenant gets with its account.
//! - [`Worker`] carries the jobs out, one step for each claim. What a step did counts in the same unit of work as the job's progress.
//! - [`softphone`]: tokens for softphones.
//!
//! Twilio has no idempotency keys. Before anything is created that would cost money or stay behind, the job says so in the store; a
//! worker that finds such a note looks for what came of it (`twilio_rest::reconcile`) before it creates anything.

mod addresses;
mod admission;
mod carry_out;
mod error;
mod names;
mod orders;
mod provisioner;
pub mod saga;
pub mod softphone;
mod state;
mod wish;
mod worker;

pub use addresses::{Addresses, Difference};
pub use error::ProvisionError;
pub use orders::{OwnAccount, Purchase};
pub use provisioner::{Provisioner, ProvisionerOptions, Settings};
pub use state::{NumberFacts, State, Subject, TENANT_JOB, TenantFacts};
pub use wish::{NumberWish, WishedKind};
pub use worker::{Worker, WorkerOptions};
