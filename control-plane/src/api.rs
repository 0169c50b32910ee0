//! `/v1`: what may be asked of a tenant's part, and by whom.
//!
//! A handler takes an [`op::Op`] (or [`op::PlatformOp`]) that says in its type what it needs; a body comes as
//! [`body::Body`], a list's query as [`page::List`]. What a handler says of itself with `#[utoipa::path]` becomes the
//! OpenAPI document. A resource that is only kept is a [`crud::Form`] and five short handlers: `queues.rs` shows one.

pub(crate) mod accounts;
mod api_keys;
mod assistants;
mod audit;
mod auth;
pub(crate) mod batches;
mod board;
pub(crate) mod body;
pub(crate) mod caller;
pub(crate) mod calls;
mod canned_replies;
mod channel_health;
mod check;
mod company_config;
mod consents;
mod contacts;
mod control;
mod conversations;
pub(crate) mod crud;
mod docs;
pub(crate) mod etag;
mod events;
mod files;
mod flows;
mod former;
mod hours;
pub(crate) mod item;
pub(crate) mod journal;
mod listed_users;
mod listen;
mod me;
pub(crate) mod media;
mod members;
mod message_stats;
mod messages;
pub(crate) mod need;
mod number_config;
mod number_orders;
mod numbers;
mod oidc;
pub(crate) mod once;
pub(crate) mod op;
mod openapi;
pub(crate) mod page;
pub(crate) mod path;
mod phone;
mod place;
mod privacy;
mod provider_health;
mod provisioning;
mod queue_callers;
mod queue_next;
mod queues;
mod range;
pub(crate) mod rate;
pub(crate) mod recording;
mod recording_format;
mod recordings;
mod refusal;
mod retention_form;
mod routing_form;
mod schema;
mod secret;
mod settings;
mod simulate;
mod softphone;
mod teams;
mod templates;
mod tenants;
mod test_incoming;
mod usage;
mod users;
mod view;
mod voicemails;
mod webhook_deliveries;
mod webhook_endpoints;

use crate::shared::Shared;
use axum::{Router, middleware};
use serde_json::Value;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;

/// Every route that the document describes.
fn described() -> OpenApiRouter<Arc<Shared>> {
    openapi::base()
        .merge(number_orders::routes())
        .merge(provider_health::routes())
        .merge(channel_health::routes())
        .merge(provisioning::routes())
        .merge(softphone::routes())
        .merge(auth::routes())
        .merge(oidc::routes())
        .merge(me::routes())
        .merge(tenants::routes())
        .merge(members::routes())
        .merge(users::routes())
        .merge(api_keys::routes())
        .merge(numbers::routes())
        .merge(number_config::routes())
        .merge(hours::routes())
        .merge(flows::routes())
        .merge(assistants::routes())
        .merge(queues::routes())
        .merge(queue_callers::routes())
        .merge(queue_next::routes())
        .merge(simulate::routes())
        .merge(voicemails::routes())
        .merge(webhook_endpoints::routes())
        .merge(webhook_deliveries::routes())
        .merge(calls::routes())
        .merge(accounts::routes())
        .merge(company_config::routes())
        .merge(audit::routes())
        .merge(recordings::routes())
        .merge(place::routes())
        .merge(test_incoming::routes())
        .merge(contacts::routes())
        .merge(conversations::routes())
        .merge(messages::routes())
        .merge(batches::routes())
        .merge(templates::routes())
        .merge(consents::routes())
        .merge(privacy::routes())
        .merge(message_stats::routes())
        .merge(board::routes())
        .merge(canned_replies::routes())
        .merge(files::routes())
        .merge(teams::routes())
        .merge(control::routes())
        .merge(listen::routes())
        .merge(events::routes())
        .merge(usage::routes())
}

/// The OpenAPI document.
pub(crate) fn document() -> Value {
    openapi::finish(described().get_openapi())
}

/// All routes of the API, its document and the page that shows it.
pub(crate) fn router() -> Router<Arc<Shared>> {
    let described = Router::from(described()).layer(middleware::from_fn(rate::with_rate_limit));
    described.merge(docs::router(document().to_string()))
}
