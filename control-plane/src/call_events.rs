//! Calls that begin and end are told to customers' servers, in the unit of work in which they do. Whoever learns of it first tells
//! it; an event has one id, so two who do at once tell it once.

use crate::clock::{now_us, rfc3339};
use deliveries::{
    Event, EventType, announce,
    payload::{CallEnded, CallStarted},
};
use store::{
    Call, CallMove, CallStatus, NewCall, Record, StoreError, TenantStore, TenantTx, model::audit::Actor,
};

/// What the control plane notes of calls stands under this name in the audit log.
const SELF: &str = "calls";

/// The call with this carrier id, which is `new` if there was none, and then it is told that it began.
pub(crate) async fn ensure_call(part: &dyn TenantStore, new: NewCall) -> Result<Call, StoreError> {
    if let Some(sid) = &new.carrier_sid
        && let Some(known) = part.call_by_carrier_sid(sid).await?
    {
        return Ok(known);
    }
    let mut tx = part.begin(&Actor::system(SELF), now_us()).await?;
    match tx.add_call(&new).await {
        Ok(()) => {
            tell_start(&mut *tx, &new).await?;
            tx.commit().await?;
        }
        // Another request was faster.
        Err(StoreError::Taken { .. }) => drop(tx),
        Err(cause) => return Err(cause),
    }
    part.ensure_call(new).await
}

/// Moves a call on, and tells it if that is its end; false if the call is not in the state that the step starts from.
pub(crate) async fn move_call(
    part: &dyn TenantStore,
    call: &Call,
    step: CallMove,
) -> Result<bool, StoreError> {
    if !step.to.is_final() || step.from.is_final() {
        return part.move_call(&call.id, step).await;
    }
    let mut tx = part.begin(&Actor::system(SELF), now_us()).await?;
    let moved = tx.move_call(&call.id, step).await?;
    if moved {
        tell_end(&mut *tx, call, step).await?;
    }
    tx.commit().await?;
    Ok(moved)
}

/// Tells that a call began, in the unit of work that adds it.
pub(crate) async fn tell_start(tx: &mut dyn TenantTx, new: &NewCall) -> Result<(), StoreError> {
    let data = CallStarted {
        call_id: new.id.to_string(),
        carrier_call_id: new.carrier_sid.clone(),
        direction: new.direction.as_str().to_owned(),
        from: new.from_number.clone(),
        to: new.to_number.clone(),
        status: new.status.as_str().to_owned(),
    };
    announce(tx, Event::once(EventType::CallStarted, new.id.as_str(), "", new.created_at, &data)).await
}

/// Tells that a call is over, in the unit of work that has made the step, if that is its end.
pub(crate) async fn tell_end(tx: &mut dyn TenantTx, call: &Call, step: CallMove) -> Result<(), StoreError> {
    if !step.to.is_final() || step.from.is_final() {
        return Ok(());
    }
    let at = step.ended_at.unwrap_or_else(now_us);
    announce(tx, ended(call, step.to, at, call.end_reason.as_deref())).await
}

/// Writes records of calls, and tells those that end by them.
pub(crate) async fn append(part: &dyn TenantStore, records: &[Record]) -> Result<(), StoreError> {
    let mut ends = Vec::new();
    for record in records {
        if let Record::Ended { call, ended: end } = record
            && end.final_for_carrier
            && let Some(known) = part.call(call).await?
            && !known.status.is_final()
        {
            ends.push(ended(&known, CallStatus::Completed, end.at, Some(&end.reason)));
        }
    }
    if ends.is_empty() {
        return part.append(records).await;
    }
    let mut tx = part.begin(&Actor::system(SELF), now_us()).await?;
    tx.append(records).await?;
    for event in ends {
        announce(&mut *tx, event).await?;
    }
    tx.commit().await
}

fn ended(call: &Call, status: CallStatus, at: i64, reason: Option<&str>) -> Event {
    let seconds = |from: i64| (at - from).max(0) / 1_000_000;
    let data = CallEnded {
        call_id: call.id.to_string(),
        carrier_call_id: call.carrier_sid.clone(),
        direction: call.direction.as_str().to_owned(),
        from: call.from_number.clone(),
        to: call.to_number.clone(),
        status: status.as_str().to_owned(),
        reason: reason.map(str::to_owned),
        started_at: rfc3339(call.created_at),
        ended_at: rfc3339(at),
        duration_s: call.answered_at.map(seconds),
    };
    Event::once(EventType::CallEnded, call.id.as_str(), "", at, &data)
}
