//! The carrier reports how far a call has come.

use super::{CARRIER, HookError, Webhook, call_of, queue, reported};
use crate::{
    clock::now_us,
    outbound::worker::{schedule, settled_after},
    status::{StatusReport, parse_carrier_status, step},
};
use axum::response::Response;
use store::{Call, CallFacts, CallMove, CallStatus, StoreError, model::audit::Actor};
use tracing::warn;
use twilio_rest::Decimal;

/// Reports about one call come one after the other; two at once are already unusual.
const ATTEMPTS: usize = 8;

pub(crate) async fn status(webhook: Webhook) -> Response {
    reported("status", keep(&webhook).await)
}

/// Moves the call on; at its end what it cost is to be noted.
async fn move_on(webhook: &Webhook, call: &Call, step: CallMove) -> Result<bool, StoreError> {
    if !step.to.is_final() {
        return webhook.store.move_call(&call.id, step).await;
    }
    let now = now_us();
    let mut tx = webhook.store.begin(&Actor::system(CARRIER), now).await?;
    let moved = tx.move_call(&call.id, step).await?;
    if moved {
        schedule(&mut *tx, &call.id, now.saturating_add(settled_after())).await?;
        tx.commit().await?;
    }
    Ok(moved)
}

/// What the carrier charged, positive, in millionths; it tells a charge as a negative amount.
fn price(webhook: &Webhook) -> Option<(i64, String)> {
    let price: Decimal = webhook.param("Price")?.parse().ok()?;
    let unit = webhook.param("PriceUnit").unwrap_or("USD").to_ascii_uppercase();
    Some((price.micros()?.saturating_neg(), unit))
}

async fn keep(webhook: &Webhook) -> Result<(), HookError> {
    let said = webhook.required("CallStatus")?;
    let Some(status) = parse_carrier_status(said) else {
        warn!(status = said, "the carrier reports a status that is not known");
        return Ok(());
    };
    let duration_s = webhook.param("CallDuration").and_then(|seconds| seconds.parse().ok());
    let report = StatusReport { status, duration_s: duration_s.filter(|s: &i64| *s >= 0), at: now_us() };
    let mut call = call_of(webhook, CallStatus::Queued).await?;
    if let Some(price) = price(webhook) {
        let facts = CallFacts { price: Some(price), ..CallFacts::default() };
        webhook.store.learn(&call.id, &facts).await?;
    }
    if status.is_final() {
        webhook.shared.hung_up(&call.id);
        queue::hung_up(&*webhook.store, &call.id).await?;
    }
    for _ in 0..ATTEMPTS {
        let Some(step) = step(&call, report) else { return Ok(()) };
        if move_on(webhook, &call, step).await? {
            webhook.shared.status_moved(&call, step.to);
            return Ok(());
        }
        // Somebody else moved it in between.
        let Some(moved) = webhook.store.call(&call.id).await? else { return Ok(()) };
        call = moved;
    }
    Err(HookError::Store(StoreError::Unavailable {
        doing: "moving a call on",
        source: "it was moved by others all the time".into(),
    }))
}
