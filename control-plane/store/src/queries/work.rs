//! SQL text of work that waits for its time. Taking it is the one thing that differs between the databases.

use crate::Connection;
use sqlx::query;
use store::model::work::{Claim, WorkKind};

pub(crate) async fn schedule(
    db: &mut Connection,
    tenant: &str,
    kind: WorkKind,
    object: &str,
    due_at: i64,
) -> Result<(), sqlx::Error> {
    let kind = kind.as_str();
    query!(
        "insert into work (tenant, kind, object, due_at, attempts) values ($1, $2, $3, $4, 0) \
         on conflict (kind, tenant, object) do update \
         set due_at = excluded.due_at, lease = null, lease_until = null, attempts = 0",
        tenant,
        kind,
        object,
        due_at,
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
