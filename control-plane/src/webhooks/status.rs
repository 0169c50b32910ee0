//! The carrier reports how far a call has come.

use super::{CARRIER, HookError, Webhook, call_of, is_softphones, reported, softphone};
use crate::{
    call_reports,
    clock::now_us,
    status::{StatusReport, parse_carrier_status},
};
use axum::response::Response;
use store::{CallFacts, CallStatus};
use tracing::warn;
use twilio_rest::Decimal;

pub(crate) async fn status(webhook: Webhook) -> Response {
    reported("status", keep(&webhook).await)
}

/// What the carrier charged, positive, in millionths; it tells a charge as a negative amount.
fn price(webhook: &Webhook) -> Option<(i64, String)> {
    let price: Decimal = webhook.param("Price")?.parse().ok()?;
    let unit = webhook.param("PriceUnit").unwrap_or("USD").to_ascii_uppercase();
    Some((price.micros()?.saturating_neg(), unit))
}

pub(super) async fn keep(webhook: &Webhook) -> Result<(), HookError> {
    let said = webhook.required("CallStatus")?;
    let Some(status) = parse_carrier_status(said) else {
        warn!(status = said, "the carrier reports a status that is not known");
        return Ok(());
    };
    let duration_s = webhook.param("CallDuration").and_then(|seconds| seconds.parse().ok());
    let report = StatusReport { status, duration_s: duration_s.filter(|s: &i64| *s >= 0), at: now_us() };
    let call = if is_softphones(webhook) {
        // How the leg ends says nothing of the caller's call.
        match softphone::call_of_leg(webhook).await? {
            Some(call) => call,
            None => return Ok(()),
        }
    } else {
        call_of(webhook, CallStatus::Queued).await?
    };
    if let Some(price) = price(webhook) {
        let facts = CallFacts { price: Some(price), ..CallFacts::default() };
        webhook.store.learn(&call.id, &facts).await?;
    }
    Ok(call_reports::take_in(&webhook.shared, &*webhook.store, call, report, CARRIER).await?)
}
