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
