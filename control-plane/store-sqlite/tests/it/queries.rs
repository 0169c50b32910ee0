//! What the compiler cannot check of the queries whose data is committed in `.sqlx`. The databases share the text, so what
//! is proven of it here holds for all of them but for what each writes itself.

use crate::file::connect;
use serde::Deserialize;
use sqlx::{Executor, Row, SqlSafeStr};
use std::{fs, path::Path};

/// Asked before a tenant is known: each names one thing exactly and learns whose it is.
const FINDS_THE_TENANT: [&str; 4] = [
    "select tenant_id, id from api_keys where lookup = $1",
    "select tenant_id, id from phone_numbers where lookup = $1",
    "select tenant_id, id from provider_accounts where lookup = $1 order by tenant_id limit 16",
    "select tenant_id, body from memberships where lookup = $1 order by tenant_id limit 1000",
];

/// Asked by the platform of all tenants at once.
const FOR_THE_PLATFORM: [&str; 2] = [
    "select tenant_id, body from health order by \
     (case status when 'down' then 0 when 'degraded' then 1 when 'healthy' then 2 else 3 end), tenant_id, id limit $1",
    "select tenant_id from tenants where tenant_id > $1 and tenant_id <> 'ten_00000000000000000000000000' \
     and status in ('active', 'provisioning') \
     and coalesce((select min(due_at) from health where health.tenant_id = tenants.tenant_id), 0) <= $2 \
     order by tenant_id limit $3",
];

#[derive(Deserialize)]
struct Prepared {
    query: String,
}

fn prepared() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(".sqlx");
    fs::read_dir(folder)
        .unwrap()
        .map(|file| {
            let text = fs::read_to_string(file.unwrap().path()).unwrap();
            serde_json::from_str::<Prepared>(&text).unwrap().query
        })
        .collect()
}

/// Whether the query keeps to one tenant: an insert names it first, everything else compares it.
fn keeps_to_one_tenant(query: &str) -> bool {
    match query.strip_prefix("insert into ") {
        Some(insert) => insert.split_once(" (").is_some_and(|(_, columns)| {
            columns.starts_with("tenant_id, ") && columns.contains("values ($1, ")
        }),
        None => {
            query.contains("where tenant_id = $1")
                || query.contains("tenants where (tenant_id = $1 or $1 = 'ten_00000000000000000000000000') ")
                || query.starts_with("update tenants set ")
                    && query.contains(" where (tenant_id = $1 or $1 = 'ten_00000000000000000000000000') ")
        }
    }
}

#[tokio::test]
async fn no_query_of_a_tenants_table_goes_without_the_tenant() {
    let opened = crate::open().await;
    let mut database = connect(&opened.folder.database()).await;
    let tables: Vec<String> = database
        .fetch_all(
            "select tables.name from pragma_table_list tables join pragma_table_info(tables.name) columns \
             on columns.name = 'tenant_id' where tables.schema = 'main'",
        )
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert!(tables.len() >= 29, "{tables:?}");

    let queries = prepared();
    assert!(queries.len() >= 190, "only {} queries are prepared", queries.len());
    let exceptions: Vec<_> = FINDS_THE_TENANT.into_iter().chain(FOR_THE_PLATFORM).collect();
    for &exception in &exceptions {
        assert!(queries.iter().any(|query| query == exception), "no longer needed: {exception}");
    }
    for query in &queries {
        let words: Vec<_> = query.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        let of_a_tenant = tables.iter().any(|table| words.contains(&table.as_str()));
        if of_a_tenant && !exceptions.contains(&query.as_str()) {
            assert!(keeps_to_one_tenant(query), "not bound to one tenant: {query}");
        }
    }
}

#[test]
fn a_query_that_forgets_the_tenant_is_found() {
    assert!(!keeps_to_one_tenant("select id from calls where id = $1"));
    assert!(!keeps_to_one_tenant("select tenant_id from calls where id = $1"));
    assert!(!keeps_to_one_tenant("insert into calls (id) values ($1)"));
    assert!(!keeps_to_one_tenant("update calls set status = $1"));
}

#[tokio::test]
async fn the_committed_query_data_fits_the_migrations() {
    let opened = crate::open().await;
    let mut database = connect(&opened.folder.database()).await;
    for query in prepared() {
        let statement = sqlx::AssertSqlSafe(query.clone()).into_sql_str();
        if let Err(error) = database.prepare(statement).await {
            panic!("run control-plane/store-sqlite/prepare again: {error}: {query}");
        }
    }
}

/// Lists and counts that the platform may ask of all tenants, as a tenant of itself.
const GOES_THROUGH_TENANTS: [&str; 2] = [
    "select id, version, created_at, updated_at, body from tenants where ",
    "select count(*) as \"rows!: i64\" from tenants where ",
];

#[tokio::test]
async fn no_query_goes_through_a_whole_table() {
    let opened = crate::open().await;
    let mut database = connect(&opened.folder.database()).await;
    let tables = "select name from pragma_table_list where schema = 'main' and type = 'table'";
    let tables = database.fetch_all(tables).await.unwrap();
    let tables: Vec<String> = tables.iter().map(|row| row.get(0)).collect();
    for query in prepared() {
        let is_list = !query.contains(" and id = $2");
        if is_list && GOES_THROUGH_TENANTS.iter().any(|known| query.starts_with(known)) {
            continue;
        }
        let plan = sqlx::AssertSqlSafe(format!("explain query plan {query}")).into_sql_str();
        let plan = database.fetch_all(plan).await.unwrap();
        let steps: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
        let whole = steps.iter().find(|step| {
            let table = step.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next());
            table.is_some_and(|table| tables.iter().any(|known| known == table)) && !step.contains(" USING ")
        });
        assert_eq!(whole, None, "{query}");
    }
}

#[test]
fn every_query_of_one_database_is_prepared_for_the_other() {
    let other = Path::new(env!("CARGO_MANIFEST_DIR")).join("../store-postgres/.sqlx");
    let there: Vec<String> = fs::read_dir(other)
        .unwrap()
        .map(|file| {
            let text = fs::read_to_string(file.unwrap().path()).unwrap();
            serde_json::from_str::<Prepared>(&text).unwrap().query
        })
        .collect();
    let missing: Vec<_> = prepared().into_iter().filter(|query| !there.contains(query)).collect();
    assert_eq!(missing.len(), 2, "only taking work differs: {missing:?}");
    assert!(missing.iter().all(|query| query.starts_with("update work set lease")), "{missing:?}");
}
