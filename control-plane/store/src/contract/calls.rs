//! Calls and what happens in them.

use super::tenant;
use crate::{
    CallFacts, CallFilter, CallId, CallMove, CallStatus, Direction, EndedCall, Event, JournalChunk, NewCall,
    Page, Record, Store, StoreError, Turn,
};

pub(super) fn new_call(sid: &str, created_at: i64) -> NewCall {
    NewCall {
        id: CallId::new(),
        carrier_sid: Some(sid.to_owned()),
        number: None,
        parent: None,
        direction: Direction::Inbound,
        from_number: "+15550100".to_owned(),
        to_number: "+15550199".to_owned(),
        assistant_id: "asst_1".to_owned(),
        status: CallStatus::Ringing,
        outbound: None,
        created_at,
    }
}

pub(super) fn turn(epoch: i64, caller: &str) -> Turn {
    Turn {
        number: epoch,
        epoch,
        caller: caller.to_owned(),
        assistant: "Hello.".to_owned(),
        interrupted: epoch == 2,
        tools: "[]".to_owned(),
        waterfall: "{}".to_owned(),
        usage: "{}".to_owned(),
    }
}

pub(super) fn chunk(first_seq: i64, entries: &str) -> JournalChunk {
    JournalChunk { first_seq, entries: entries.to_owned() }
}

pub async fn a_call_that_is_told_twice_is_there_once(store: &dyn Store) {
    let tenant = tenant(store, "a").await;
    let first = tenant.ensure_call(new_call("CA1", 10)).await.unwrap();
    let second = tenant.ensure_call(new_call("CA1", 20)).await.unwrap();
    assert_eq!(first, second);
    assert_eq!(tenant.call(&first.id).await.unwrap().unwrap(), first);
    assert_eq!(tenant.call_by_carrier_sid("CA1").await.unwrap().unwrap(), first);
    assert_eq!(tenant.call(&CallId::known("call_none")).await.unwrap(), None);
}

pub async fn a_step_counts_only_from_the_state_it_starts_from(store: &dyn Store) {
    let tenant = tenant(store, "a").await;
    let call = tenant.ensure_call(new_call("CA1", 10)).await.unwrap();
    let step = |from, to, ended_at, carrier_duration_s| CallMove {
        from,
        to,
        answered_at: Some(20),
        ended_at,
        carrier_duration_s,
    };
    let (ringing, talking, over) = (CallStatus::Ringing, CallStatus::InProgress, CallStatus::Completed);
    assert!(tenant.move_call(&call.id, step(ringing, talking, None, None)).await.unwrap());
    assert!(!tenant.move_call(&call.id, step(ringing, over, None, None)).await.unwrap());
    assert!(tenant.move_call(&call.id, step(talking, over, Some(90), Some(7))).await.unwrap());
    assert!(tenant.move_call(&call.id, step(over, over, Some(95), Some(8))).await.unwrap());
    let call = tenant.call(&call.id).await.unwrap().unwrap();
    assert_eq!(call.status, over);
    assert_eq!((call.answered_at, call.ended_at, call.carrier_duration_s), (Some(20), Some(90), Some(7)));
}

pub async fn what_happened_in_a_call_is_read_back_in_order(store: &dyn Store) {
    let tenant = tenant(store, "a").await;
    let call = tenant.ensure_call(new_call("CA1", 10)).await.unwrap();
    let id = call.id.clone();
    let event = |at, kind: &str| Event { at, kind: kind.to_owned(), data: "{}".to_owned() };
    let ended = EndedCall {
        at: 90,
        reason: "caller_hung_up".to_owned(),
        duration_ms: 70,
        recording_ms: Some(69),
        context: "[]".to_owned(),
        final_for_carrier: true,
    };
    tenant
        .append(&[
            Record::StreamStarted { call: id.clone(), at: 20 },
            Record::Turn { call: id.clone(), turn: turn(2, "And now?") },
            Record::Turn { call: id.clone(), turn: turn(1, "Hi") },
            Record::Turn { call: id.clone(), turn: turn(1, "Hi.") },
            Record::Journal { call: id.clone(), chunk: chunk(2, "[2]") },
            Record::Journal { call: id.clone(), chunk: chunk(0, "[0,1]") },
            Record::Journal { call: id.clone(), chunk: chunk(0, "[\"told again\"]") },
            Record::Event { call: id.clone(), event: event(40, "stream_lost") },
            Record::Event { call: id.clone(), event: event(30, "degraded") },
            Record::Ended { call: id.clone(), ended },
        ])
        .await
        .unwrap();

    assert_eq!(tenant.turns(&id).await.unwrap(), [turn(1, "Hi."), turn(2, "And now?")]);
    let kinds: Vec<_> = tenant.events(&id).await.unwrap().into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, ["degraded", "stream_lost"]);
    assert_eq!(tenant.journal(&id, 0, 10).await.unwrap(), [chunk(0, "[0,1]"), chunk(2, "[2]")]);
    assert_eq!(tenant.journal(&id, 1, 1).await.unwrap(), [chunk(2, "[2]")]);
    let call = tenant.call(&id).await.unwrap().unwrap();
    assert_eq!((call.streams, call.answered_at, call.ended_at), (1, Some(20), Some(90)));
    assert_eq!((call.status, call.duration_ms), (CallStatus::Completed, Some(70)));
    assert_eq!(call.end_reason.as_deref(), Some("caller_hung_up"));
    assert_eq!(tenant.count_reconnect(&id).await.unwrap(), Some(1));
    assert_eq!(tenant.count_reconnect(&id).await.unwrap(), Some(2));
}

pub async fn a_call_that_is_handed_over_is_not_over_for_the_carrier(store: &dyn Store) {
    let tenant = tenant(store, "a").await;
    let call = tenant.ensure_call(new_call("CA1", 10)).await.unwrap();
    assert!(tenant.set_transfer(&call.id, "+15550142").await.unwrap());
    let ended = EndedCall {
        at: 90,
        reason: "transferred".to_owned(),
        duration_ms: 70,
        recording_ms: None,
        context: "[]".to_owned(),
        final_for_carrier: false,
    };
    tenant
        .append(&[
            Record::StreamStarted { call: call.id.clone(), at: 20 },
            Record::Ended { call: call.id.clone(), ended },
        ])
        .await
        .unwrap();
    let call = tenant.call(&call.id).await.unwrap().unwrap();
    assert_eq!((call.status, call.ended_at), (CallStatus::InProgress, None));
    assert_eq!(call.transfer_to.as_deref(), Some("+15550142"));
}

pub async fn records_are_written_all_or_none(store: &dyn Store) {
    let tenant = tenant(store, "a").await;
    let call = tenant.ensure_call(new_call("CA1", 10)).await.unwrap();
    let stranger = CallId::known("call_none");
    let refused = tenant
        .append(&[
            Record::Turn { call: call.id.clone(), turn: turn(1, "Hi.") },
            Record::Turn { call: stranger, turn: turn(1, "Hi.") },
        ])
        .await
        .unwrap_err();
    assert!(matches!(refused, StoreError::Conflict { .. }) && !refused.is_retryable(), "{refused:?}");
    assert_eq!(tenant.turns(&call.id).await.unwrap(), []);
}

pub async fn pages_hold_every_call_once_newest_first(store: &dyn Store) {
    let tenant = tenant(store, "a").await;
    let mut made = Vec::new();
    for (index, created_at) in [30, 10, 20, 20, 20, 40].into_iter().enumerate() {
        let call = tenant.ensure_call(new_call(&format!("CA{index}"), created_at)).await.unwrap();
        made.push((call.created_at, call.id));
    }
    made.sort();
    made.reverse();

    let mut read = Vec::new();
    let mut page = Page { after: None, limit: 2 };
    loop {
        let calls = tenant.calls(&CallFilter::default(), &page).await.unwrap();
        let Some(last) = calls.last() else { break };
        page.after = Some((last.created_at, last.id.clone()));
        read.extend(calls.into_iter().map(|call| (call.created_at, call.id)));
    }
    assert_eq!(read, made);
}

pub async fn a_filter_keeps_what_it_names(store: &dyn Store) {
    let tenant = tenant(store, "a").await;
    for (index, from) in ["+15550100", "+15550101"].into_iter().enumerate() {
        let at = 10 + i64::try_from(index).unwrap();
        let call = NewCall { from_number: from.to_owned(), ..new_call(&format!("CA{index}"), at) };
        tenant.ensure_call(call).await.unwrap();
    }
    let count = async |filter: CallFilter| {
        tenant.calls(&filter, &Page { after: None, limit: 10 }).await.unwrap().len()
    };
    assert_eq!(count(CallFilter::default()).await, 2);
    assert_eq!(count(CallFilter { from_number: Some("+15550101".into()), ..CallFilter::default() }).await, 1);
    assert_eq!(count(CallFilter { to_number: Some("+15550101".into()), ..CallFilter::default() }).await, 0);
    assert_eq!(count(CallFilter { status: Some(CallStatus::Ringing), ..CallFilter::default() }).await, 2);
    assert_eq!(count(CallFilter { status: Some(CallStatus::Failed), ..CallFilter::default() }).await, 0);
    assert_eq!(count(CallFilter { created_from: Some(11), ..CallFilter::default() }).await, 1);
    assert_eq!(count(CallFilter { assistant: Some("asst_1".into()), ..CallFilter::default() }).await, 2);
    assert_eq!(count(CallFilter { assistant: Some("asst_2".into()), ..CallFilter::default() }).await, 0);
    assert_eq!(count(CallFilter { created_until: Some(11), ..CallFilter::default() }).await, 1);
}

pub async fn what_is_learned_of_a_call_stays(store: &dyn Store) {
    let tenant = tenant(store, "a").await;
    let new = NewCall { carrier_sid: None, outbound: Some("{}".to_owned()), ..new_call("", 10) };
    let placed = tenant.ensure_call(new.clone()).await.unwrap();
    assert_eq!(tenant.ensure_call(new).await.unwrap(), placed, "asked for twice, it is there once");
    let sid = |sid: &str| CallFacts { carrier_sid: Some(sid.to_owned()), ..CallFacts::default() };
    assert!(tenant.learn(&placed.id, &sid("CA1")).await.unwrap());
    assert!(tenant.learn(&placed.id, &sid("CA2")).await.unwrap());
    let facts = CallFacts {
        answered_by: Some("human".to_owned()),
        price: Some((8_500, "USD".to_owned())),
        assistant_id: Some("asst_2".to_owned()),
        ..CallFacts::default()
    };
    assert!(tenant.learn(&placed.id, &facts).await.unwrap());
    assert!(tenant.learn(&placed.id, &CallFacts::default()).await.unwrap());
    let call = tenant.call(&placed.id).await.unwrap().unwrap();
    assert_eq!(call.carrier_sid.as_deref(), Some("CA1"), "a call that has a carrier id keeps it");
    assert_eq!((call.answered_by.as_deref(), call.price_micros), (Some("human"), Some(8_500)));
    assert_eq!((call.price_unit.as_deref(), call.outbound.as_deref()), (Some("USD"), Some("{}")));
    assert_eq!(call.assistant_id, "asst_2");
    assert!(!tenant.learn(&CallId::generate(), &sid("CA3")).await.unwrap());
}

pub async fn calls_are_found_by_what_was_said(store: &dyn Store) {
    let tenant = tenant(store, "a").await;
    let call = tenant.ensure_call(new_call("CA1", 10)).await.unwrap();
    tenant.ensure_call(new_call("CA2", 20)).await.unwrap();
    let said = Record::Turn { call: call.id.clone(), turn: turn(1, "A 100% Refund, please\0.") };
    tenant.append(&[said]).await.unwrap();
    for (text, found) in
        [("refund", 1), ("REFUND", 1), ("hello", 1), ("100%", 1), ("1_0", 0), ("%", 1), ("x\0y", 0)]
    {
        let filter = CallFilter { said: Some(text.to_owned()), ..CallFilter::default() };
        let calls = tenant.calls(&filter, &Page { after: None, limit: 10 }).await.unwrap();
        assert_eq!(calls.len(), found, "{text}");
    }
    assert_eq!(tenant.turns(&call.id).await.unwrap()[0].caller, "A 100% Refund, please\u{fffd}.");
}

pub async fn the_live_list_holds_calls_that_are_not_over(store: &dyn Store) {
    let tenant = tenant(store, "a").await;
    let live = tenant.ensure_call(new_call("CA1", 10)).await.unwrap();
    tenant.ensure_call(NewCall { status: CallStatus::Busy, ..new_call("CA2", 20) }).await.unwrap();
    let filter = CallFilter { live: true, ..CallFilter::default() };
    assert_eq!(tenant.calls(&filter, &Page { after: None, limit: 10 }).await.unwrap(), [live]);
    let filter = CallFilter { direction: Some(Direction::Outbound), ..CallFilter::default() };
    assert_eq!(tenant.calls(&filter, &Page { after: None, limit: 10 }).await.unwrap(), []);
}
