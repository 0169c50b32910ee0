// Shared SQL text about tenants, their keys and the node itself. See calls.rs.

pub(crate) async fn put_tenant<'e>(
    db: impl Executor<'e, Database = Db>,
    tenant: &str,
    name: &str,
    now: i64,
) -> Result<(), sqlx::Error> {
    query!(
        "insert into tenants (id, name, created_at) values ($1, $2, $3) \
         on conflict (id) do update set name = excluded.name",
        tenant,
        name,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub(crate) async fn add_key<'e>(
    db: impl Executor<'e, Database = Db>,
    tenant: &str,
    key: &NewKey,
) -> Result<(), sqlx::Error> {
    query!(
        "insert into api_keys (tenant_id, id, name, hash, created_at) values ($1, $2, $3, $4, $5)",
        tenant,
        key.id,
        key.name,
        key.hash,
        key.created_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub(crate) async fn key_count<'e>(
    db: impl Executor<'e, Database = Db>,
    tenant: &str,
) -> Result<i64, sqlx::Error> {
    let row =
        query!("select count(*) as keys from api_keys where tenant_id = $1", tenant).fetch_one(db).await?;
    Ok(row.keys)
}

// The only query of a tenant's table that does not know its tenant yet: the key says whose it is.
pub(crate) async fn key_owner<'e>(
    db: impl Executor<'e, Database = Db>,
    hash: &str,
) -> Result<Option<KeyOwner>, sqlx::Error> {
    query_as!(KeyOwner, "select id as key, tenant_id as tenant from api_keys where hash = $1", hash)
        .fetch_optional(db)
        .await
}

pub(crate) async fn beat<'e>(db: impl Executor<'e, Database = Db>, now: i64) -> Result<(), sqlx::Error> {
    query!(
        "insert into heartbeat (id, at) values (1, $1) on conflict (id) do update set at = excluded.at",
        now
    )
    .execute(db)
    .await?;
    Ok(())
}
