//! The carrier reports how far a call has come.

use super::{HookError, Webhook, call_of, queue, reported};
use crate::{
    clock::now_us,
    status::{StatusReport, parse_carrier_status, step},
};
use axum::response::Response;
use store::{CallStatus, StoreError};
use tracing::warn;

/// Reports about one call come one after the other; two at once are already unusual.
const ATTEMPTS: usize = 8;

pub(crate) async fn status(webhook: Webhook) -> Response {
    reported("status", keep(&webhook).await)
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
    if status.is_final() {
        webhook.shared.hung_up(&call.id);
        queue::hung_up(&*webhook.store, &call.id).await?;
    }
    for _ in 0..ATTEMPTS {
        let Some(step) = step(&call, report) else { return Ok(()) };
        if webhook.store.move_call(&call.id, step).await? {
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
