//! Whoever answers a forwarded call hears who it is, before the caller is put through.

use super::{Webhook, answer};
use crate::twiml::{Twiml, Verb};
use axum::response::Response;

/// What is said stands in our own address, which the carrier has signed. The leg is not a call of its own for us.
pub(crate) async fn whisper(webhook: Webhook) -> Response {
    let text = webhook.query("say").unwrap_or_default();
    let said = [Verb::Say { voice: &webhook.tenant.texts.voice, text }];
    let twiml = Twiml::new(if text.is_empty() { &[] } else { &said });
    answer("whisper", &webhook, async { Ok(twiml) }).await
}
