//! SQL text of the questions that are asked before a tenant is known. Each names one thing exactly and learns whose it is;
//! `FINDS_THE_TENANT` in the databases' tests lists them.

use crate::Connection;
use sqlx::{query, query_as};
use store::row::{MembershipRow, OwnerRow};

pub(crate) async fn key_owner(db: &mut Connection, hash: &str) -> Result<Option<OwnerRow>, sqlx::Error> {
    query_as!(OwnerRow, "select tenant_id, id from api_keys where lookup = $1", hash).fetch_optional(db).await
}

pub(crate) async fn number_owner(db: &mut Connection, e164: &str) -> Result<Option<OwnerRow>, sqlx::Error> {
    query_as!(OwnerRow, "select tenant_id, id from phone_numbers where lookup = $1", e164)
        .fetch_optional(db)
        .await
}

pub(crate) async fn account_owners(db: &mut Connection, sid: &str) -> Result<Vec<OwnerRow>, sqlx::Error> {
    query_as!(
        OwnerRow,
        "select tenant_id, id from provider_accounts where lookup = $1 order by tenant_id limit 16",
        sid
    )
    .fetch_all(db)
    .await
}

pub(crate) async fn memberships_of(
    db: &mut Connection,
    user: &str,
) -> Result<Vec<MembershipRow>, sqlx::Error> {
    query_as!(
        MembershipRow,
        "select tenant_id, body from memberships where lookup = $1 order by tenant_id limit 1000",
        user
    )
    .fetch_all(db)
    .await
}

pub(crate) async fn beat(db: &mut Connection, now: i64) -> Result<(), sqlx::Error> {
    query!(
        "insert into heartbeat (id, at) values (1, $1) on conflict (id) do update set at = excluded.at",
        now
    )
    .execute(db)
    .await?;
    Ok(())
}
