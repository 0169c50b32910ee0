//! Tells customers' own servers what happened: signed (Standard Webhooks), tried again for a day, and never sent into the
//! own network.
//!
//! - [`event`]: the closed list of what can be told.
//! - [`payload`]: what is told of each; [`told`]: the events of rows.
//! - [`announce`]: says in a unit of work that something happened; it is told if and only if that counts.
//! - [`signature`], [`schedule`], [`address`]: how a message is signed, when it is tried again, where it may not go. Pure.
//! - [`Worker`]: sends what is due, each endpoint apart from the others.
//! - [`endpoints`]: secrets, tries, and sending again.

pub mod address;
mod announce;
pub mod endpoints;
pub mod event;
mod fan_out;
pub mod payload;
mod resolver;
pub mod schedule;
mod sender;
pub mod signature;
pub mod told;
mod tries;
mod worker;

pub use announce::announce;
pub use event::{Event, EventType};
pub use resolver::{GuardedResolver, Lookup, NotPublic, SystemLookup};
pub use sender::{Refusal, Sender, SenderOptions};
pub use worker::{Clock, Worker, WorkerOptions};
