//! What surrounds a call: the carrier's webhooks, the tenant's tools, the REST API and the store.
//!
//! - [`settings`]: what the program gives in, with every limit.
//! - [`ControlPlane`]: opens the store, serves the HTTP routes, and implements the engine's ports.
//!
//! What is decided about a call (`status`: how far it has come; `after_stream`: what follows a stream;
//! `tokens`: which stream is let in) is decided by plain values; the handlers carry it out. Whatever belongs to
//! a tenant is reached through a value that carries the tenant: an `Op`, made by a key, or a `Webhook`, made by a
//! signature.

pub mod admin;
mod after_stream;
mod api;
pub mod assistants;
mod call_events;
mod call_reports;
mod carriers;
mod clock;
mod contacts;
mod costs;
mod directory;
mod elsewhere;
mod files;
mod health;
#[cfg(test)]
mod house;
pub mod import;
mod inbox;
mod keys;
mod live;
pub mod mail_servers;
mod mailboxes;
pub mod messengers;
mod number_events;
mod outbound;
mod plane;
mod ports;
mod privacy;
mod problem;
pub mod provider_health;
pub mod providers;
mod recordings;
mod request_id;
mod routes;
#[cfg(test)]
mod samples;
mod sending;
pub mod settings;
mod shared;
mod sign_in;
mod status;
mod streams;
mod tokens;
mod told;
mod twiml;
mod unsubscribe;
mod upkeep;
mod vapi;
mod waiting;
mod webhooks;
mod who_answers;
mod work;

pub use api::caller::ClientAddress;
pub use directory::BootstrapError;
pub use plane::{Background, CloseError, ControlPlane, OpenError, Opened};
