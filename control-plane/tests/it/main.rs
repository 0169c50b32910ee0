//! The control plane through its HTTP routes and the engine's ports, on a real database: a file, and once more on PostgreSQL
//! (`store_postgres::test_server::again`).
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says what it expects by failing")]

mod accounts_by_role;
mod admissions;
mod alerts_by_mail;
mod api;
mod api_page;
mod calls;
mod consents;
mod contacts;
mod costs;
mod customer_webhooks;
mod directory;
mod events_followed;
mod events_told;
mod flows;
mod former;
mod gateways_told;
mod health;
mod identity;
mod inbox;
mod inbox_hands;
mod isolation;
mod keywords;
mod killing;
mod log;
mod mail;
mod message_calls;
mod message_media;
mod message_record;
mod message_status;
mod messages;
mod messages_former;
mod messages_sent;
mod nodes;
mod nodes_on_a_bus;
mod once_more;
mod outbound;
mod own_tools;
mod privacy;
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
mod templates;
mod tools;
mod upkeep;
mod vapi;
mod webhooks;

#[test]
fn every_test_holds_on_postgresql() {
    store_postgres::test_server::again::every_test();
}
