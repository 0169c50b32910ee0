//! What the carrier says of how far a call has come, whether it tells it by itself or was asked: the call moves on, and at its end
//! what it cost is to be noted and whoever listens is told.

use crate::{
    call_events,
    clock::now_us,
    outbound::worker::{schedule, settled_after},
    shared::Shared,
    status::{StatusReport, step},
    waiting,
};
use store::{Call, CallMove, StoreError, TenantStore, model::audit::Actor};

/// A tenant's part of the store.
type Part = dyn TenantStore;

/// Reports about one call come one after the other; two at once are already unusual.
const ATTEMPTS: usize = 8;

/// Takes a report in. It may be late, come twice or out of order.
pub(crate) async fn take_in(
    shared: &Shared,
    part: &Part,
    mut call: Call,
    report: StatusReport,
    by: &'static str,
) -> Result<(), StoreError> {
    if report.status.is_final() {
        shared.hung_up(&call.id);
        waiting::hung_up(part, &call.id).await?;
    }
    for _ in 0..ATTEMPTS {
        let Some(step) = step(&call, report) else { return Ok(()) };
        if move_on(part, &call, step, by).await? {
            shared.status_moved(&call, step.to);
            return Ok(());
        }
        // Somebody else moved it in between.
        let Some(moved) = part.call(&call.id).await? else { return Ok(()) };
        call = moved;
    }
    Err(StoreError::Unavailable {
        doing: "moving a call on",
        source: "it was moved by others all the time".into(),
    })
}

/// Moves the call on; at its end what it cost is to be noted.
async fn move_on(part: &Part, call: &Call, step: CallMove, by: &'static str) -> Result<bool, StoreError> {
    if !step.to.is_final() {
        return part.move_call(&call.id, step).await;
    }
    let now = now_us();
    let mut tx = part.begin(&Actor::system(by), now).await?;
    let moved = tx.move_call(&call.id, step).await?;
    if moved {
        schedule(&mut *tx, &call.id, now.saturating_add(settled_after())).await?;
        call_events::tell_end(&mut *tx, call, step).await?;
        tx.commit().await?;
    }
    Ok(moved)
}
