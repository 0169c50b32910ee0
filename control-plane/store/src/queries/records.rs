//! SQL text of what happens in a call: turns, events and the journal. Every query compares the tenant first.

use super::without_nul;
use crate::Connection;
use sqlx::{query, query_as};
use store::{Event, JournalChunk, Turn, new_id, row::TurnRow};

pub(crate) async fn put_turn(
    db: &mut Connection,
    tenant: &str,
    call: &str,
    turn: &Turn,
) -> Result<(), sqlx::Error> {
    let interrupted = i64::from(turn.interrupted);
    let (caller, assistant) = (without_nul(&turn.caller), without_nul(&turn.assistant));
    let (caller, assistant) = (caller.as_ref(), assistant.as_ref());
    query!(
        "insert into turns (tenant_id, call_id, number, epoch, caller, assistant, interrupted, tools, waterfall, \
         usage) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
         on conflict (tenant_id, call_id, epoch) do update set number = excluded.number, \
         caller = excluded.caller, assistant = excluded.assistant, interrupted = excluded.interrupted, \
         tools = excluded.tools, waterfall = excluded.waterfall, usage = excluded.usage",
        tenant,
        call,
        turn.number,
        turn.epoch,
        caller,
        assistant,
        interrupted,
        turn.tools,
        turn.waterfall,
        turn.usage,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub(crate) async fn turns(
    db: &mut Connection,
    tenant: &str,
    call: &str,
) -> Result<Vec<TurnRow>, sqlx::Error> {
    query_as!(
        TurnRow,
        "select number, epoch, caller, assistant, interrupted, tools, waterfall, usage from turns \
         where tenant_id = $1 and call_id = $2 order by epoch",
        tenant,
        call,
    )
    .fetch_all(db)
    .await
}

pub(crate) async fn put_event(
    db: &mut Connection,
    tenant: &str,
    call: &str,
    event: &Event,
) -> Result<(), sqlx::Error> {
    let id = new_id("evt");
    query!(
        "insert into call_events (tenant_id, id, call_id, at, kind, data) values ($1, $2, $3, $4, $5, $6)",
        tenant,
        id,
        call,
        event.at,
        event.kind,
        event.data,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub(crate) async fn events(db: &mut Connection, tenant: &str, call: &str) -> Result<Vec<Event>, sqlx::Error> {
    query_as!(
        Event,
        "select at, kind, data from call_events where tenant_id = $1 and call_id = $2 order by at, id",
        tenant,
        call,
    )
    .fetch_all(db)
    .await
}

pub(crate) async fn put_chunk(
    db: &mut Connection,
    tenant: &str,
    call: &str,
    chunk: &JournalChunk,
) -> Result<(), sqlx::Error> {
    query!(
        "insert into journal_chunks (tenant_id, call_id, first_seq, entries) values ($1, $2, $3, $4) \
         on conflict (tenant_id, call_id, first_seq) do nothing",
        tenant,
        call,
        chunk.first_seq,
        chunk.entries,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub(crate) async fn chunks(
    db: &mut Connection,
    tenant: &str,
    call: &str,
    from_seq: i64,
    limit: u16,
) -> Result<Vec<JournalChunk>, sqlx::Error> {
    let limit = i64::from(limit);
    query_as!(
        JournalChunk,
        "select first_seq, entries from journal_chunks where tenant_id = $1 and call_id = $2 and first_seq >= $3 \
         order by first_seq limit $4",
        tenant,
        call,
        from_seq,
        limit,
    )
    .fetch_all(db)
    .await
}
