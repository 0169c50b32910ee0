//! SQL text of what is counted and remembered: the audit log, requests with an idempotency key, usage, uses of keys.
//! Every query compares the tenant first.

use super::without_nul;
use crate::Connection;
use sqlx::{query, query_as};
use store::{
    CallId,
    model::{
        audit::{AuditEntry, AuditFilter, IdempotencyRequest, StoredResponse},
        usage::{Usage, UsageTotal},
    },
    new_id,
    row::{AuditRow, IdempotencyRow, UsageRow},
};

pub(crate) async fn add_audit_entry(
    db: &mut Connection,
    tenant: &str,
    entry: &AuditEntry,
) -> Result<(), sqlx::Error> {
    let kind = entry.actor.kind.as_str();
    query!(
        "insert into audit_log (tenant_id, id, at, actor_kind, actor, ip, request_id, action, object, before_body, \
         after_body) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        tenant,
        entry.id,
        entry.at,
        kind,
        entry.actor.id,
        entry.actor.ip,
        entry.actor.request_id,
        entry.action,
        entry.object,
        entry.before,
        entry.after,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub(crate) async fn audit_log(
    db: &mut Connection,
    tenant: &str,
    filter: &AuditFilter,
) -> Result<Vec<AuditRow>, sqlx::Error> {
    let text = |text: &Option<String>| text.as_deref().map(|text| without_nul(text).into_owned());
    let (object, actor, after) = (text(&filter.object), text(&filter.actor), text(&filter.after));
    let limit = i64::from(filter.limit);
    query_as!(
        AuditRow,
        "select id, at, actor_kind, actor, ip, request_id, action, object, before_body, after_body from audit_log \
         where tenant_id = $1 and (cast($2 as text) is null or object = $2) \
         and (cast($3 as text) is null or actor = $3) and (cast($4 as text) is null or id < $4) \
         order by id desc limit $5",
        tenant,
        object,
        actor,
        after,
        limit,
    )
    .fetch_all(db)
    .await
}

/// Remembers the request; false if it, or another with its key, is remembered and its time is not over.
pub(crate) async fn remember_request(
    db: &mut Connection,
    tenant: &str,
    request: &IdempotencyRequest,
    now: i64,
) -> Result<bool, sqlx::Error> {
    let done = query!(
        "insert into idempotency_keys (tenant_id, key, request_hash, expires_at) values ($1, $2, $3, $4) \
         on conflict (tenant_id, key) do update set request_hash = excluded.request_hash, status = null, \
         response = null, expires_at = excluded.expires_at where idempotency_keys.expires_at <= $5",
        tenant,
        request.key,
        request.request_hash,
        request.expires_at,
        now,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn remembered_request(
    db: &mut Connection,
    tenant: &str,
    key: &str,
) -> Result<Option<IdempotencyRow>, sqlx::Error> {
    query_as!(
        IdempotencyRow,
        "select request_hash, status, response from idempotency_keys where tenant_id = $1 and key = $2",
        tenant,
        key,
    )
    .fetch_optional(db)
    .await
}

pub(crate) async fn answer_request(
    db: &mut Connection,
    tenant: &str,
    key: &str,
    response: &StoredResponse,
) -> Result<bool, sqlx::Error> {
    let status = i64::from(response.status);
    let done = query!(
        "update idempotency_keys set status = $3, response = $4 where tenant_id = $1 and key = $2",
        tenant,
        key,
        status,
        response.body,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn forget_requests(db: &mut Connection, tenant: &str, now: i64) -> Result<u64, sqlx::Error> {
    let done = query!("delete from idempotency_keys where tenant_id = $1 and expires_at <= $2", tenant, now)
        .execute(db)
        .await?;
    Ok(done.rows_affected())
}

pub(crate) async fn put_usage(db: &mut Connection, tenant: &str, usage: &Usage) -> Result<(), sqlx::Error> {
    let id = new_id("use");
    let estimated = i64::from(usage.estimated);
    let call = usage.call.as_ref().map(CallId::as_str);
    query!(
        "insert into usage_log (tenant_id, id, source, kind, quantity_micros, unit, cost_micros, currency, \
         estimated, call_id, period_start, period_end) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
         on conflict (tenant_id, source) do update set kind = excluded.kind, \
         quantity_micros = excluded.quantity_micros, unit = excluded.unit, cost_micros = excluded.cost_micros, \
         currency = excluded.currency, estimated = excluded.estimated, call_id = excluded.call_id, \
         period_start = excluded.period_start, period_end = excluded.period_end",
        tenant,
        id,
        usage.source,
        usage.kind,
        usage.quantity_micros,
        usage.unit,
        usage.cost_micros,
        usage.currency,
        estimated,
        call,
        usage.period_start,
        usage.period_end,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub(crate) async fn usage_of(
    db: &mut Connection,
    tenant: &str,
    call: &str,
) -> Result<Vec<UsageRow>, sqlx::Error> {
    query_as!(
        UsageRow,
        "select source, kind, quantity_micros, unit, cost_micros, currency, estimated, call_id, period_start, \
         period_end from usage_log where tenant_id = $1 and call_id = $2 order by id",
        tenant,
        call,
    )
    .fetch_all(db)
    .await
}

pub(crate) async fn usage(
    db: &mut Connection,
    tenant: &str,
    from: i64,
    until: i64,
) -> Result<Vec<UsageTotal>, sqlx::Error> {
    query_as!(
        UsageTotal,
        "select kind, unit, currency, count(*) as \"uses!: i64\", \
         cast(sum(quantity_micros) as bigint) as \"quantity_micros!: i64\", \
         cast(sum(cost_micros) as bigint) as \"cost_micros!: i64\" from usage_log \
         where tenant_id = $1 and period_start >= $2 and period_start < $3 \
         group by kind, unit, currency order by kind, unit, currency",
        tenant,
        from,
        until,
    )
    .fetch_all(db)
    .await
}

pub(crate) async fn touch_key(
    db: &mut Connection,
    tenant: &str,
    key: &str,
    now: i64,
) -> Result<(), sqlx::Error> {
    query!(
        "insert into key_uses (tenant_id, key_id, last_used_at) values ($1, $2, $3) \
         on conflict (tenant_id, key_id) do update set last_used_at = excluded.last_used_at",
        tenant,
        key,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub(crate) async fn key_uses(db: &mut Connection, tenant: &str) -> Result<Vec<(String, i64)>, sqlx::Error> {
    let rows =
        query!("select key_id, last_used_at from key_uses where tenant_id = $1 order by key_id", tenant)
            .fetch_all(db)
            .await?;
    Ok(rows.into_iter().map(|row| (row.key_id, row.last_used_at)).collect())
}
