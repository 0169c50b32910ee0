//! Takes work. Nodes that come at the same time pass over what another is taking, instead of waiting for it.

use crate::Connection;
use sqlx::query_as;
use store::{model::work::WorkKind, row::ClaimRow};

pub(crate) async fn claim(
    db: &mut Connection,
    kind: WorkKind,
    now: i64,
    lease_until: i64,
    lease: &str,
    limit: u16,
) -> Result<Vec<ClaimRow>, sqlx::Error> {
    let (kind, limit) = (kind.as_str(), i64::from(limit));
    query_as!(
        ClaimRow,
        "update work set lease = $1, lease_until = $2, attempts = attempts + 1 where (kind, tenant, object) in \
         (select kind, tenant, object from work where kind = $3 and due_at <= $4 \
         and (lease_until is null or lease_until <= $4) order by due_at limit $5 for update skip locked) \
         returning tenant, object, attempts",
        lease,
        lease_until,
        kind,
        now,
        limit,
    )
    .fetch_all(db)
    .await
}

/// Takes work of one tenant; what comes after other work of its kind in its ordering waits for that. What is of another kind does not:
/// a queue that is full must not hold up another.
pub(crate) async fn claim_of(
    db: &mut Connection,
    tenant: &str,
    kind: WorkKind,
    (now, lease_until): (i64, i64),
    lease: &str,
    limit: u16,
) -> Result<Vec<ClaimRow>, sqlx::Error> {
    let (kind, limit) = (kind.as_str(), i64::from(limit));
    query_as!(
        ClaimRow,
        "update work set lease = $1, lease_until = $2, attempts = attempts + 1 where (kind, tenant, object) in \
         (select kind, tenant, object from work w where kind = $3 and tenant = $6 and due_at <= $4 \
         and (lease_until is null or lease_until <= $4) \
         and (ordering is null or not exists (select 1 from work earlier where earlier.tenant = w.tenant \
         and earlier.kind = w.kind and earlier.ordering = w.ordering \
         and earlier.object < w.object and earlier.due_at <= $4)) \
         order by due_at limit $5 for update skip locked) \
         returning tenant, object, attempts",
        lease,
        lease_until,
        kind,
        now,
        limit,
        tenant,
    )
    .fetch_all(db)
    .await
}
