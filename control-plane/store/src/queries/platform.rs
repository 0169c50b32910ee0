//! SQL text of what the platform asks over all tenants at once, so that it needs no question for each; `FOR_THE_PLATFORM` in
//! the databases' tests lists it.

use crate::Connection;
use sqlx::{query, query_as};
use store::row::TenantHealthRow;

/// The worst first.
pub(crate) async fn health_of_all(
    db: &mut Connection,
    limit: u16,
) -> Result<Vec<TenantHealthRow>, sqlx::Error> {
    let limit = i64::from(limit);
    query_as!(
        TenantHealthRow,
        "select tenant_id, body from health order by \
         (case status when 'down' then 0 when 'degraded' then 1 when 'healthy' then 2 else 3 end), tenant_id, id limit $1",
        limit,
    )
    .fetch_all(db)
    .await
}

pub(crate) async fn health_due(
    db: &mut Connection,
    now: i64,
    after: &str,
    limit: u16,
) -> Result<Vec<String>, sqlx::Error> {
    let limit = i64::from(limit);
    let rows = query!(
        "select tenant_id from tenants where tenant_id > $1 and tenant_id <> 'ten_00000000000000000000000000' \
         and status in ('active', 'provisioning') \
         and coalesce((select min(due_at) from health where health.tenant_id = tenants.tenant_id), 0) <= $2 \
         order by tenant_id limit $3",
        after,
        now,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| row.tenant_id).collect())
}
