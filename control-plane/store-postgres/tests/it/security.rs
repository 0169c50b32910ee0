//! Row-level security: whatever a query says, the database keeps tenants apart.

use sqlx::{Connection, Executor, PgConnection, Row, SqlSafeStr};
use store::contract::seed::{Seed, Seeded, seed};

/// Two tenants, and a connection in a transaction as the program's own: the role, and the tenant that works.
async fn as_the_program(opened: &crate::Opened) -> (PgConnection, Vec<Seeded>) {
    let seeded = seed(&opened.store, Seed { tenants: 2, numbers_each: 1 }).await;
    let mut connection = PgConnection::connect(&opened.url).await.unwrap();
    connection.execute("set role tandem_app").await.unwrap();
    connection.execute("begin").await.unwrap();
    work_for(&mut connection, "tandem.tenant", seeded[0].tenant.as_str()).await;
    (connection, seeded)
}

async fn work_for(connection: &mut PgConnection, setting: &str, value: &str) {
    sqlx::query("select set_config($1, $2, true)")
        .bind(setting)
        .bind(value)
        .execute(connection)
        .await
        .unwrap();
}

async fn texts(connection: &mut PgConnection, query: &'static str) -> Vec<String> {
    connection.fetch_all(query).await.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn a_query_that_forgets_the_tenant_sees_only_its_own_rows() {
    let Some(opened) = crate::open().await else { return };
    let (mut connection, seeded) = as_the_program(&opened).await;
    for query in [
        "select distinct tenant_id from phone_numbers",
        "select distinct tenant_id from api_keys",
        "select distinct tenant_id from audit_log",
        "select tenant_id from tenants",
    ] {
        assert_eq!(texts(&mut connection, query).await, [seeded[0].tenant.as_str()], "{query}");
    }
    let changed = connection.execute("update phone_numbers set updated_at = 7").await.unwrap();
    assert_eq!(changed.rows_affected(), 1);
    let deleted = connection.execute("delete from phone_numbers").await.unwrap();
    assert_eq!(deleted.rows_affected(), 1);
}

#[tokio::test]
async fn a_row_for_another_tenant_cannot_be_written() {
    let Some(opened) = crate::open().await else { return };
    let (mut connection, seeded) = as_the_program(&opened).await;
    let insert = "insert into budgets (tenant_id, id, version, created_at, updated_at, body) \
                  values ($1, 'bud_1', 1, 1, 1, '{}')";
    let refused =
        sqlx::query(insert).bind(seeded[1].tenant.as_str()).execute(&mut connection).await.unwrap_err();
    assert!(refused.to_string().contains("row-level security"), "{refused}");
    connection.execute("rollback").await.unwrap();
    connection.execute("begin").await.unwrap();
    work_for(&mut connection, "tandem.tenant", seeded[0].tenant.as_str()).await;
    let give_away = "update phone_numbers set tenant_id = $1";
    let refused =
        sqlx::query(give_away).bind(seeded[1].tenant.as_str()).execute(&mut connection).await.unwrap_err();
    assert!(refused.to_string().contains("row-level security"), "{refused}");
}

#[tokio::test]
async fn without_a_tenant_nothing_is_seen() {
    let Some(opened) = crate::open().await else { return };
    let (mut connection, _) = as_the_program(&opened).await;
    // Once with what the last transaction leaves, once on a connection that never had a tenant.
    connection.execute("rollback").await.unwrap();
    assert_eq!(texts(&mut connection, "select id from phone_numbers").await, [""; 0]);
    let mut fresh = PgConnection::connect(&opened.url).await.unwrap();
    fresh.execute("set role tandem_app").await.unwrap();
    for table in ["phone_numbers", "tenants", "users", "audit_log"] {
        let query = sqlx::AssertSqlSafe(format!("select id from {table}")).into_sql_str();
        assert_eq!(fresh.fetch_all(query).await.unwrap().len(), 0, "{table}");
    }
}

#[tokio::test]
async fn who_shows_a_hash_sees_the_key_with_it_and_no_other() {
    let Some(opened) = crate::open().await else { return };
    let (mut connection, seeded) = as_the_program(&opened).await;
    connection.execute("rollback").await.unwrap();
    connection.execute("begin").await.unwrap();
    work_for(&mut connection, "tandem.shown", &seeded[1].key_hash).await;
    assert_eq!(texts(&mut connection, "select tenant_id from api_keys").await, [seeded[1].tenant.as_str()]);
    assert_eq!(texts(&mut connection, "select tenant_id from phone_numbers").await, [""; 0]);
    assert_eq!(texts(&mut connection, "select tenant_id from audit_log").await, [""; 0]);
    let changed = connection.execute("update api_keys set updated_at = 7").await.unwrap();
    assert_eq!(changed.rows_affected(), 0, "it is seen, not written");
}

#[tokio::test]
async fn every_table_of_a_tenant_is_under_forced_row_level_security() {
    let Some(opened) = crate::open().await else { return };
    let mut owner = PgConnection::connect(&opened.url).await.unwrap();
    let of_a_tenant = texts(
        &mut owner,
        "select table_name::text from information_schema.columns where column_name = 'tenant_id' \
         and table_schema = 'public' order by 1",
    )
    .await;
    let forced = texts(
        &mut owner,
        "select relname::text from pg_class where relrowsecurity and relforcerowsecurity order by 1",
    )
    .await;
    assert!(of_a_tenant.len() >= 29, "{of_a_tenant:?}");
    assert_eq!(forced, of_a_tenant);
}

#[tokio::test]
async fn the_program_is_neither_owner_nor_superuser() {
    let Some(opened) = crate::open().await else { return };
    let mut owner = PgConnection::connect(&opened.url).await.unwrap();
    let powers = "select (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolcanlogin)::text \
                  from pg_roles where rolname = 'tandem_app'";
    assert_eq!(texts(&mut owner, powers).await, ["false"]);
    let owned = "select relname::text from pg_class join pg_roles on pg_roles.oid = relowner \
                 where rolname = 'tandem_app'";
    assert_eq!(texts(&mut owner, owned).await, [""; 0]);
    // What the store itself works as, told by the store's own connections.
    store::Store::check_writable(&opened.store, 1).await.unwrap();
    let others = "select count(*)::text from pg_stat_activity where application_name = 'tandem' \
                  and datname = current_database()";
    assert_ne!(texts(&mut owner, others).await, ["0"]);
    let mut program = PgConnection::connect(&opened.url).await.unwrap();
    program.execute("set role tandem_app").await.unwrap();
    for forbidden in [
        "alter table phone_numbers disable row level security",
        "drop policy of_the_tenant on phone_numbers",
        "create table mine (id text)",
        "select * from _sqlx_migrations",
    ] {
        assert!(program.execute(forbidden).await.is_err(), "{forbidden}");
    }
}

#[tokio::test]
async fn the_audit_log_is_only_appended_to() {
    let Some(opened) = crate::open().await else { return };
    let (mut program, _) = as_the_program(&opened).await;
    let refused = program.execute("delete from audit_log").await.unwrap_err();
    assert!(refused.to_string().contains("permission denied"), "{refused}");
    let mut owner = PgConnection::connect(&opened.url).await.unwrap();
    for tampering in ["update audit_log set actor = 'nobody'", "delete from audit_log", "truncate audit_log"]
    {
        let refused = owner.execute(tampering).await.unwrap_err();
        assert!(refused.to_string().contains("only appended to"), "even the owner: {refused}");
    }
}
