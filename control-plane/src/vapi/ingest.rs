//! What Vapi tells of a call becomes a call of ours: once, however often it is told.

use super::message::Message;
use crate::clock::now_us;
use sha2::{Digest, Sha256};
use store::{
    Call, CallFacts, CallId, CallMove, CallStatus, Direction, EndedCall, NewCall, Record, StoreError,
    TenantStore, Turn,
    ids::InboundEventId,
    model::{
        audit::Actor,
        usage::Usage,
        webhook::{InboundEvent, InboundStatus},
    },
};

/// In the audit log and among what providers tell.
const SOURCE: &str = "vapi";
/// Steps of a call that others may make at the same time.
const ATTEMPTS: usize = 8;

/// A tenant's part of the store.
type Part = dyn TenantStore;

pub(super) async fn keep(store: &Part, message: &Message, body: &[u8]) -> Result<(), StoreError> {
    let kind = message.kind();
    let (Some(sid), "status-update" | "end-of-call-report") = (message.call(), kind) else { return Ok(()) };
    let call = match placed(store, message, sid).await? {
        Some(call) => call,
        None => crate::call_events::ensure_call(store, new_call(message, sid)).await?,
    };
    let status = if kind == "status-update" { message.status() } else { None };
    if let Some(status) = status {
        advance(store, call, status).await?;
    } else if kind == "end-of-call-report" {
        report(store, call, message, body).await?;
    }
    Ok(())
}

/// The call of ours that was placed there. It learns Vapi's id from whoever comes first: this, or the answer to its placing.
async fn placed(store: &Part, message: &Message, sid: &str) -> Result<Option<Call>, StoreError> {
    let Some(id) = message.placed() else { return Ok(None) };
    let is_ours = |call: &Call| call.direction == Direction::Outbound && call.outbound.is_some();
    let Some(call) = store.call(&id).await?.filter(is_ours) else { return Ok(None) };
    if call.carrier_sid.is_none() && store.call_by_carrier_sid(sid).await?.is_none() {
        store.learn(&id, &CallFacts { carrier_sid: Some(sid.to_owned()), ..CallFacts::default() }).await?;
    }
    Ok(store.call(&id).await?.filter(|call| call.carrier_sid.as_deref() == Some(sid)))
}

fn new_call(message: &Message, sid: &str) -> NewCall {
    let direction = message.direction();
    let (customer, own) = (message.customer().to_owned(), message.own_number().to_owned());
    let (from_number, to_number) = match direction {
        Direction::Inbound => (customer, own),
        Direction::Outbound => (own, customer),
    };
    NewCall {
        id: CallId::new(),
        carrier_sid: Some(sid.to_owned()),
        number: None,
        parent: None,
        direction,
        from_number,
        to_number,
        assistant_id: message.assistant(),
        status: CallStatus::Queued,
        outbound: None,
        created_at: now_us(),
    }
}

async fn advance(store: &Part, mut call: Call, status: CallStatus) -> Result<(), StoreError> {
    for _ in 0..ATTEMPTS {
        let Some(to) = call.status.advance(status) else { return Ok(()) };
        let now = now_us();
        let step = CallMove {
            from: call.status,
            to,
            answered_at: (to == CallStatus::InProgress).then_some(now),
            ended_at: to.is_final().then_some(now),
            carrier_duration_s: None,
        };
        if crate::call_events::move_call(store, &call, step).await? {
            return Ok(());
        }
        let Some(moved) = store.call(&call.id).await? else { return Ok(()) };
        call = moved;
    }
    Ok(())
}

/// The transcript, the end and the cost, all together and once.
async fn report(store: &Part, call: Call, message: &Message, body: &[u8]) -> Result<(), StoreError> {
    let now = now_us();
    let event = InboundEvent {
        source: SOURCE.to_owned(),
        dedupe_key: format!("report:{}", message.call().unwrap_or_default()),
        raw: crate::keys::hex(&Sha256::digest(body)),
        status: InboundStatus::Processed,
        outcome: Some(message.ended_reason().to_owned()),
    };
    let mut tx = store.begin(&Actor::system(SOURCE), now).await?;
    if tx.insert_new(InboundEventId::generate(), event).await?.is_none() {
        return Ok(());
    }
    let (from, until) = message.span().unwrap_or((call.created_at, now));
    let mut records: Vec<Record> =
        (1..).zip(message.turns()).map(|(number, said)| turn(&call.id, number, said)).collect();
    records.push(Record::Ended {
        call: call.id.clone(),
        ended: EndedCall {
            at: until,
            reason: message.ended_reason().to_owned(),
            duration_ms: (until - from).max(0) / 1_000,
            recording_ms: None,
            context: "[]".to_owned(),
            final_for_carrier: true,
        },
    });
    tx.append(&records).await?;
    if let Some(cost_micros) = message.cost_micros() {
        tx.put_usage(&usage(&call.id, cost_micros, from, until)).await?;
    }
    tx.commit().await
}

fn turn(call: &CallId, number: i64, (caller, assistant): (String, String)) -> Record {
    let turn = Turn {
        number,
        epoch: number,
        caller,
        assistant,
        interrupted: false,
        tools: "[]".to_owned(),
        waterfall: "{}".to_owned(),
        usage: "{}".to_owned(),
    };
    Record::Turn { call: call.clone(), turn }
}

fn usage(call: &CallId, cost_micros: i64, from: i64, until: i64) -> Usage {
    // A second has 1,000,000 µs, and a minute 60 of them.
    let quantity_micros = pricing::money::scaled((until - from).max(0), 1, 60).unwrap_or_default();
    Usage {
        source: format!("{call}:vapi"),
        kind: "vapi_call".to_owned(),
        quantity_micros,
        unit: "minute".to_owned(),
        cost_micros,
        currency: "USD".to_owned(),
        estimated: false,
        call: Some(call.clone()),
        period_start: from,
        period_end: until,
    }
}
