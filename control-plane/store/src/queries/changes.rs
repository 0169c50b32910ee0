//! SQL text of a tenant's stamp, by which others see that its directory has changed.

use crate::Connection;
use sqlx::{query, query_as};
use store::Stamp;

pub(crate) async fn stamp(db: &mut Connection, tenant: &str) -> Result<Option<Stamp>, sqlx::Error> {
    query_as!(Stamp, "select version, changes from tenants where tenant_id = $1", tenant)
        .fetch_optional(db)
        .await
}

/// Holds the tenant's row until the unit of work ends: this is its last step, so that two never wait for each other.
pub(crate) async fn count_change(db: &mut Connection, tenant: &str) -> Result<(), sqlx::Error> {
    query!("update tenants set changes = changes + 1 where tenant_id = $1", tenant).execute(db).await?;
    Ok(())
}
