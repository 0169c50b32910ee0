//! The control plane through its HTTP routes and the engine's ports, on a real database file.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says what it expects by failing")]

mod admissions;
mod api;
mod api_page;
mod calls;
mod contacts;
mod costs;
mod customer_webhooks;
mod directory;
mod events_told;
mod flows;
mod former;
mod health;
mod identity;
mod isolation;
mod log;
mod messages;
mod outbound;
mod provisioning;
mod queue_next;
mod recording_links;
mod recordings;
mod recordings_killed;
mod resources;
mod routing;
mod secrets;
mod seed;
mod setting_up;
mod support;
mod tools;
mod upkeep;
mod vapi;
mod webhooks;
