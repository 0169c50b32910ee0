//! What gateways and shops tell by webhook: believed with a secret of the tenant's account there, kept once however often it is told.
//!
//! - [`whapi`]: messages that come in on WhatsApp, and what becomes of ours.
//! - [`shopify`]: what happens in a shop; the answer is given at once, and a [`worker::ToldWorker`] does what follows.

mod rules;
pub(crate) mod shopify;
pub(crate) mod whapi;
pub(crate) mod worker;

use crate::{
    problem::{Code, Problem},
    shared::Shared,
};
use axum::body::{Body, Bytes, to_bytes};
use tokio::time::timeout;

/// Longest body, in bytes: an order with some hundred lines has about 500 KiB.
const BODY: usize = 2 * 1024 * 1024;
/// Webhooks of gateways and shops, by who tells and outcome.
const WEBHOOKS: &str = "tandem_told_webhooks_total";

/// The body, whole and in time.
async fn whole(shared: &Shared, body: Body) -> Result<Bytes, Problem> {
    let too_slow = |_| Problem::new(Code::TooSlow, "the body did not come in time");
    let body = timeout(shared.limits.webhook_deadline, to_bytes(body, BODY)).await.map_err(too_slow)?;
    body.map_err(|_| {
        Problem::new(Code::BodyTooLarge, format!("a body must come whole and have at most {BODY} bytes"))
    })
}

/// 401, as Shopify asks for it where it examines an app.
fn not_believed() -> Problem {
    Problem::new(Code::Unauthorized, "the webhook does not show the secret of an account here")
}

/// No database can keep a NUL, and what people write must not be lost for one.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
