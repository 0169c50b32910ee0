//! SQL text of calls. Every query compares the tenant first.

use super::without_nul;
use crate::Connection;
use sqlx::{query, query_as};
use store::{
    CallFacts, CallFilter, CallId, CallMove, CallStatus, Direction, EndedCall, NewCall, Page, ids::NumberId,
    row::CallRow,
};

pub(crate) async fn insert_call(
    db: &mut Connection,
    tenant: &str,
    new: &NewCall,
) -> Result<bool, sqlx::Error> {
    let (id, direction, status) = (new.id.as_str(), new.direction.as_str(), new.status.as_str());
    let (number, parent) =
        (new.number.as_ref().map(NumberId::as_str), new.parent.as_ref().map(CallId::as_str));
    let (from, to) = (without_nul(&new.from_number), without_nul(&new.to_number));
    let (from, to) = (from.as_ref(), to.as_ref());
    let done = query!(
        "insert into calls (tenant_id, id, carrier_sid, direction, from_number, to_number, assistant_id, status, \
         created_at, streams, reconnects, number_id, parent_id, outbound) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, $10, $11, $12) \
         on conflict do nothing",
        tenant,
        id,
        new.carrier_sid,
        direction,
        from,
        to,
        new.assistant_id,
        status,
        new.created_at,
        number,
        parent,
        new.outbound,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn call_by_id(
    db: &mut Connection,
    tenant: &str,
    id: &str,
) -> Result<Option<CallRow>, sqlx::Error> {
    query_as!(
        CallRow,
        "select id, tenant_id, carrier_sid, number_id, parent_id, direction, from_number, to_number, assistant_id, status, \
         created_at, answered_at, ended_at, carrier_duration_s, streams, reconnects, transfer_to, end_reason, \
         duration_ms, recording_ms, answered_by, price_micros, price_unit, error, outbound from calls where tenant_id = $1 and id = $2",
        tenant,
        id,
    )
    .fetch_optional(db)
    .await
}

pub(crate) async fn call_by_carrier_sid(
    db: &mut Connection,
    tenant: &str,
    sid: &str,
) -> Result<Option<CallRow>, sqlx::Error> {
    let sid = without_nul(sid);
    let sid = sid.as_ref();
    query_as!(
        CallRow,
        "select id, tenant_id, carrier_sid, number_id, parent_id, direction, from_number, to_number, assistant_id, status, \
         created_at, answered_at, ended_at, carrier_duration_s, streams, reconnects, transfer_to, end_reason, \
         duration_ms, recording_ms, answered_by, price_micros, price_unit, error, outbound from calls where tenant_id = $1 and carrier_sid = $2",
        tenant,
        sid,
    )
    .fetch_optional(db)
    .await
}

pub(crate) async fn list_calls(
    db: &mut Connection,
    tenant: &str,
    filter: &CallFilter,
    page: &Page,
) -> Result<Vec<CallRow>, sqlx::Error> {
    let created_from = filter.created_from.unwrap_or(i64::MIN);
    let created_until = filter.created_until.unwrap_or(i64::MAX);
    let status = filter.status.map(CallStatus::as_str);
    let direction = filter.direction.map(Direction::as_str);
    let number = filter.number.as_ref().map(NumberId::as_str);
    let said = filter.said.as_deref().map(pattern);
    let live = i64::from(filter.live);
    let assistant = filter.assistant.as_deref().map(without_nul);
    let assistant = assistant.as_deref();
    let (from_number, to_number) =
        (filter.from_number.as_deref().map(without_nul), filter.to_number.as_deref().map(without_nul));
    let (from_number, to_number) = (from_number.as_deref(), to_number.as_deref());
    // Without a cursor the first comparison is true for every call, so the id does not matter.
    let (before, before_id) = page.after.as_ref().map_or((i64::MAX, ""), |(at, id)| (*at, id.as_str()));
    let limit = i64::from(page.limit);
    query_as!(
        CallRow,
        "select id, tenant_id, carrier_sid, number_id, parent_id, direction, from_number, to_number, assistant_id, status, \
         created_at, answered_at, ended_at, carrier_duration_s, streams, reconnects, transfer_to, end_reason, \
         duration_ms, recording_ms, answered_by, price_micros, price_unit, error, outbound from calls \
         where tenant_id = $1 and created_at >= $2 and created_at < $3 \
         and (created_at < $4 or (created_at = $4 and id < $5)) \
         and (cast($6 as text) is null or status = $6) \
         and (cast($7 as text) is null or from_number = $7) \
         and (cast($8 as text) is null or to_number = $8) \
         and (cast($10 as text) is null or direction = $10) \
         and (cast($11 as text) is null or number_id = $11) \
         and (cast($12 as bigint) = 0 or status in ('queued', 'initiated', 'ringing', 'in_progress')) \
         and (cast($14 as text) is null or assistant_id = $14) \
         and (cast($13 as text) is null or exists (select 1 from turns where turns.tenant_id = calls.tenant_id \
         and turns.call_id = calls.id and (lower(turns.caller) like $13 escape '\\' \
         or lower(turns.assistant) like $13 escape '\\'))) \
         order by created_at desc, id desc limit $9",
        tenant,
        created_from,
        created_until,
        before,
        before_id,
        status,
        from_number,
        to_number,
        limit,
        direction,
        number,
        live,
        said,
        assistant,
    )
    .fetch_all(db)
    .await
}

/// What `like` finds `text` with, wherever it stands.
fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars().filter(|c| *c != '\0') {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c.to_ascii_lowercase());
    }
    pattern.push('%');
    pattern
}

/// Keeps what is learned of a call.
pub(crate) async fn learn(
    db: &mut Connection,
    tenant: &str,
    id: &str,
    facts: &CallFacts,
) -> Result<bool, sqlx::Error> {
    let (price_micros, price_unit) = facts.price.clone().unzip();
    let error = facts.error.as_deref().map(without_nul);
    let error = error.as_deref();
    let done = query!(
        "update calls set carrier_sid = coalesce(carrier_sid, $3), answered_by = coalesce($4, answered_by), \
         price_micros = coalesce($5, price_micros), price_unit = coalesce($6, price_unit), \
         error = coalesce($7, error), outbound = coalesce($8, outbound), assistant_id = coalesce($9, assistant_id) \
         where tenant_id = $1 and id = $2",
        tenant,
        id,
        facts.carrier_sid,
        facts.answered_by,
        price_micros,
        price_unit,
        error,
        facts.outbound,
        facts.assistant_id,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn move_call(
    db: &mut Connection,
    tenant: &str,
    id: &str,
    step: CallMove,
) -> Result<bool, sqlx::Error> {
    let (from, to) = (step.from.as_str(), step.to.as_str());
    let done = query!(
        "update calls set status = $4, answered_at = coalesce(answered_at, $5), \
         ended_at = coalesce(ended_at, $6), carrier_duration_s = coalesce(carrier_duration_s, $7) \
         where tenant_id = $1 and id = $2 and status = $3",
        tenant,
        id,
        from,
        to,
        step.answered_at,
        step.ended_at,
        step.carrier_duration_s,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn count_reconnect(
    db: &mut Connection,
    tenant: &str,
    id: &str,
) -> Result<Option<i64>, sqlx::Error> {
    let row = query!(
        "update calls set reconnects = reconnects + 1 where tenant_id = $1 and id = $2 returning reconnects",
        tenant,
        id,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| row.reconnects))
}

pub(crate) async fn set_transfer(
    db: &mut Connection,
    tenant: &str,
    id: &str,
    to: &str,
) -> Result<bool, sqlx::Error> {
    let done = query!("update calls set transfer_to = $3 where tenant_id = $1 and id = $2", tenant, id, to)
        .execute(db)
        .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn count_stream(
    db: &mut Connection,
    tenant: &str,
    id: &str,
    at: i64,
) -> Result<(), sqlx::Error> {
    query!(
        "update calls set streams = streams + 1, answered_at = coalesce(answered_at, $3), \
         status = case when status in ('queued', 'initiated', 'ringing') then 'in_progress' else status end \
         where tenant_id = $1 and id = $2",
        tenant,
        id,
        at,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub(crate) async fn end_call(
    db: &mut Connection,
    tenant: &str,
    id: &str,
    ended: &EndedCall,
) -> Result<(), sqlx::Error> {
    let ended_at = ended.final_for_carrier.then_some(ended.at);
    let status = ended.final_for_carrier.then_some(CallStatus::Completed.as_str());
    query!(
        "update calls set end_reason = $3, duration_ms = $4, recording_ms = $5, context = $6, \
         ended_at = coalesce(ended_at, $7), \
         status = case when status in ('queued', 'initiated', 'ringing', 'in_progress') \
         then coalesce($8, status) else status end \
         where tenant_id = $1 and id = $2",
        tenant,
        id,
        ended.reason,
        ended.duration_ms,
        ended.recording_ms,
        ended.context,
        ended_at,
        status,
    )
    .execute(db)
    .await?;
    Ok(())
}
