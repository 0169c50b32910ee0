//! SQL text of what happened, for those who follow it. Every query compares the tenant first.

use crate::Connection;
use sqlx::{query, query_as};
use store::row::ToldRow;

/// Whether an event has no place yet.
pub(crate) async fn some_without_position(db: &mut Connection, tenant: &str) -> Result<bool, sqlx::Error> {
    let row = query!(
        "select count(*) as \"rows!: i64\" from (select id from tenant_events where tenant_id = $1 \
         and position is null limit 1) as one",
        tenant,
    )
    .fetch_one(db)
    .await?;
    Ok(row.rows > 0)
}

/// The place that was given last.
pub(crate) async fn last_position(db: &mut Connection, tenant: &str) -> Result<i64, sqlx::Error> {
    let row =
        query!("select last from event_positions where tenant_id = $1", tenant).fetch_optional(db).await?;
    Ok(row.map_or(0, |row| row.last))
}

/// The place that was given last; nobody else gives one until this unit of work ends.
pub(crate) async fn hold_positions(db: &mut Connection, tenant: &str) -> Result<i64, sqlx::Error> {
    let row = query!(
        "insert into event_positions (tenant_id, last) values ($1, 0) \
         on conflict (tenant_id) do update set last = event_positions.last returning last",
        tenant,
    )
    .fetch_one(db)
    .await?;
    Ok(row.last)
}

/// Gives at most `limit` events their places after `last`, and says how many.
pub(crate) async fn place(
    db: &mut Connection,
    tenant: &str,
    last: i64,
    limit: u16,
) -> Result<i64, sqlx::Error> {
    let limit = i64::from(limit);
    let done = query!(
        "update tenant_events set position = cast($2 as bigint) + numbered.number from \
         (select waiting.id, row_number() over (order by waiting.id) as number from \
         (select id from tenant_events where tenant_id = $1 and position is null order by id limit $3) as waiting) \
         as numbered where tenant_id = $1 and tenant_events.id = numbered.id",
        tenant,
        last,
        limit,
    )
    .execute(&mut *db)
    .await?;
    let placed = i64::try_from(done.rows_affected()).unwrap_or(i64::MAX);
    query!("update event_positions set last = last + $2 where tenant_id = $1", tenant, placed)
        .execute(db)
        .await?;
    Ok(placed)
}

/// At most `limit` events whose place is after `after`, in order.
pub(crate) async fn after(
    db: &mut Connection,
    tenant: &str,
    after: i64,
    limit: u16,
) -> Result<Vec<ToldRow>, sqlx::Error> {
    let limit = i64::from(limit);
    query_as!(
        ToldRow,
        "select position as \"position!: i64\", body from tenant_events where tenant_id = $1 and position > $2 \
         order by position limit $3",
        tenant,
        after,
        limit,
    )
    .fetch_all(db)
    .await
}

/// Of the `limit` oldest events, deletes those of before a time; how many.
pub(crate) async fn forget(
    db: &mut Connection,
    tenant: &str,
    before: i64,
    limit: u16,
) -> Result<u64, sqlx::Error> {
    let limit = i64::from(limit);
    let done = query!(
        "delete from tenant_events where tenant_id = $1 and id in (select oldest.id from \
         (select id, created_at from tenant_events where tenant_id = $1 order by id limit $3) as oldest \
         where oldest.created_at < $2)",
        tenant,
        before,
        limit,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
