//! SQL text of work that waits for its time. Taking it is the one thing that differs between the databases.

use crate::Connection;
use sqlx::{query, query_scalar};
use store::model::work::{Claim, WorkKind};

pub(crate) async fn schedule(
    db: &mut Connection,
    tenant: &str,
    kind: WorkKind,
    object: &str,
    due_at: i64,
    ordering: Option<&str>,
) -> Result<(), sqlx::Error> {
    let kind = kind.as_str();
    query!(
        "insert into work (tenant, kind, object, due_at, attempts, ordering) values ($1, $2, $3, $4, 0, $5) \
         on conflict (kind, tenant, object) do update \
         set due_at = excluded.due_at, lease = null, lease_until = null, attempts = 0",
        tenant,
        kind,
        object,
        due_at,
        ordering,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub(crate) async fn unschedule(
    db: &mut Connection,
    tenant: &str,
    kind: WorkKind,
    object: &str,
    now: i64,
) -> Result<(), sqlx::Error> {
    let kind = kind.as_str();
    query!(
        "delete from work where tenant = $1 and kind = $2 and object = $3 and (lease_until is null or lease_until <= $4)",
        tenant,
        kind,
        object,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub(crate) async fn finish(db: &mut Connection, tenant: &str, claim: &Claim) -> Result<bool, sqlx::Error> {
    let kind = claim.kind.as_str();
    let done = query!(
        "delete from work where tenant = $1 and kind = $2 and object = $3 and lease = $4",
        tenant,
        kind,
        claim.object,
        claim.lease,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn retry(
    db: &mut Connection,
    tenant: &str,
    claim: &Claim,
    due_at: i64,
) -> Result<bool, sqlx::Error> {
    let kind = claim.kind.as_str();
    let done = query!(
        "update work set due_at = $5, lease = null, lease_until = null \
         where tenant = $1 and kind = $2 and object = $3 and lease = $4",
        tenant,
        kind,
        claim.object,
        claim.lease,
        due_at,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn extend(
    db: &mut Connection,
    tenant: &str,
    claim: &Claim,
    lease_until: i64,
) -> Result<bool, sqlx::Error> {
    let kind = claim.kind.as_str();
    let done = query!(
        "update work set lease_until = $5 where tenant = $1 and kind = $2 and object = $3 and lease = $4",
        tenant,
        kind,
        claim.object,
        claim.lease,
        lease_until,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether there is work of a kind that is due and nobody holds.
pub(crate) async fn is_due(db: &mut Connection, kind: WorkKind, now: i64) -> Result<bool, sqlx::Error> {
    let kind = kind.as_str();
    query_scalar!(
        "select exists (select 1 from work where kind = $1 and due_at <= $2 \
         and (lease_until is null or lease_until <= $2)) as \"is_due!: bool\"",
        kind,
        now,
    )
    .fetch_one(db)
    .await
}

/// Tenants that have work of a kind that is due, in the order of their ids, after one of them. Each is found by one search of the
/// index, however much work it has.
pub(crate) async fn tenants(
    db: &mut Connection,
    kind: WorkKind,
    now: i64,
    after: &str,
    limit: u16,
) -> Result<Vec<String>, sqlx::Error> {
    let (kind, limit) = (kind.as_str(), i64::from(limit));
    query_scalar!(
        "with recursive found (tenant) as ( \
         select min(tenant) from work where kind = $1 and tenant > $3 \
         union all \
         select (select min(tenant) from work where kind = $1 and tenant > found.tenant) from found \
         where found.tenant is not null) \
         select tenant as \"tenant!: String\" from found where tenant is not null and exists ( \
         select 1 from work where work.kind = $1 and work.tenant = found.tenant and work.due_at <= $2 \
         and (work.lease_until is null or work.lease_until <= $2)) limit $4",
        kind,
        now,
        after,
        limit,
    )
    .fetch_all(db)
    .await
}
