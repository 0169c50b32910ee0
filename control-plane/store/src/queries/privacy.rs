//! SQL text of what ends: words of calls, what the audit log and remembered answers say of a person, messages whose time is over. Every
//! query compares the tenant first.

use crate::Connection;
use sqlx::{query, query_as, query_scalar};
use store::{Document, row::AnswerRow};

/// What stands in the place of what was said of a person who was erased.
const ERASED: &str = "{\"erased\":true}";

/// Deletes what was said in a call; how many turns that were.
pub(crate) async fn forget_words(db: &mut Connection, tenant: &str, call: &str) -> Result<u64, sqlx::Error> {
    let turns = query!("delete from turns where tenant_id = $1 and call_id = $2", tenant, call)
        .execute(&mut *db)
        .await?
        .rows_affected();
    query!("delete from call_events where tenant_id = $1 and call_id = $2", tenant, call)
        .execute(&mut *db)
        .await?;
    query!("delete from journal_chunks where tenant_id = $1 and call_id = $2", tenant, call)
        .execute(&mut *db)
        .await?;
    query!("update calls set context = null where tenant_id = $1 and id = $2", tenant, call)
        .execute(db)
        .await?;
    Ok(turns)
}

/// Leaves of a call only what counts, with these parties.
pub(crate) async fn blank_call(
    db: &mut Connection,
    tenant: &str,
    call: &str,
    from: &str,
    to: &str,
) -> Result<(), sqlx::Error> {
    query!(
        "update calls set from_number = $3, to_number = $4, context = null, outbound = null, error = null, \
         transfer_to = null where tenant_id = $1 and id = $2",
        tenant,
        call,
        from,
        to,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes what a line of the audit log says of its object.
pub(crate) async fn blank_audit_entry(
    db: &mut Connection,
    tenant: &str,
    id: &str,
) -> Result<bool, sqlx::Error> {
    let done = query!(
        "update audit_log set before_body = case when before_body is null then null else $3 end, \
         after_body = case when after_body is null then null else $3 end where tenant_id = $1 and id = $2",
        tenant,
        id,
        ERASED,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Remembered answers, in the order of their keys.
pub(crate) async fn answers(
    db: &mut Connection,
    tenant: &str,
    after: &str,
    limit: u16,
) -> Result<Vec<AnswerRow>, sqlx::Error> {
    let limit = i64::from(limit);
    query_as!(
        AnswerRow,
        "select key, response as \"response!: String\" from idempotency_keys where tenant_id = $1 and key > $2 \
         and response is not null order by key limit $3",
        tenant,
        after,
        limit,
    )
    .fetch_all(db)
    .await
}

/// Puts another answer in the place of a remembered one.
pub(crate) async fn replace_answer(
    db: &mut Connection,
    tenant: &str,
    key: &str,
    response: &str,
) -> Result<bool, sqlx::Error> {
    let done = query!(
        "update idempotency_keys set response = $3 where tenant_id = $1 and key = $2 and response is not null",
        tenant,
        key,
        response,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Calls that began before a time and of which there still are words, the oldest first.
pub(crate) async fn worded_calls(
    db: &mut Connection,
    tenant: &str,
    (before, after): (i64, i64),
    limit: u16,
) -> Result<Vec<String>, sqlx::Error> {
    let limit = i64::from(limit);
    query_scalar!(
        "select id from calls where tenant_id = $1 and created_at < $2 and created_at >= $3 \
         and status not in ('queued', 'initiated', 'ringing', 'in_progress') \
         and (context is not null \
         or exists (select 1 from turns where turns.tenant_id = calls.tenant_id and turns.call_id = calls.id) \
         or exists (select 1 from journal_chunks where journal_chunks.tenant_id = calls.tenant_id \
         and journal_chunks.call_id = calls.id)) order by created_at, id limit $4",
        tenant,
        before,
        after,
        limit,
    )
    .fetch_all(db)
    .await
}

/// Messages of a channel that were made before a time, whose words are still there and of which nothing is expected any more, the
/// oldest first.
pub(crate) async fn worded_messages(
    db: &mut Connection,
    tenant: &str,
    channel: &str,
    before: i64,
    limit: u16,
) -> Result<Vec<Document>, sqlx::Error> {
    let limit = i64::from(limit);
    query_as!(
        Document,
        "select id, version, created_at, updated_at, body from communications where tenant_id = $1 \
         and worded = $2 and created_at < $3 and status not in ('scheduled', 'queued', 'held', 'sending') \
         order by created_at, id limit $4",
        tenant,
        channel,
        before,
        limit,
    )
    .fetch_all(db)
    .await
}
