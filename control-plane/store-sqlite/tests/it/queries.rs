//! What the compiler cannot check of the queries whose data is committed in `.sqlx`.

use serde::Deserialize;
use sqlx::{Connection, Executor, Row, SqlSafeStr, SqliteConnection};
use std::{fs, path::Path};
use store::{Store, TenantId};

/// Asks for the tenant instead of knowing it: the key says whose it is.
const FINDS_THE_TENANT: &str = "select id as key, tenant_id as tenant from api_keys where hash = $1";

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

async fn connect(path: &Path) -> SqliteConnection {
    SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap()
}

/// Whether the query keeps to one tenant: an insert names it first, everything else compares it.
fn keeps_to_one_tenant(query: &str) -> bool {
    match query.strip_prefix("insert into ") {
        Some(insert) => insert.split_once(" (").is_some_and(|(_, columns)| {
            columns.starts_with("tenant_id, ") && columns.contains("values ($1, ")
        }),
        None => query.contains("where tenant_id = $1"),
    }
}

#[tokio::test]
async fn no_query_of_a_tenants_table_goes_without_the_tenant() {
    let opened = crate::open().await;
    let mut database = connect(&opened.folder.0.join("tandem.db")).await;
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
    assert!(tables.len() >= 5, "{tables:?}");

    let queries = prepared();
    assert!(queries.len() >= 15, "only {} queries are prepared", queries.len());
    assert!(queries.iter().any(|query| query == FINDS_THE_TENANT), "the exception is no longer needed");
    for query in &queries {
        let words: Vec<_> = query.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        let of_a_tenant = tables.iter().any(|table| words.contains(&table.as_str()));
        if of_a_tenant && query != FINDS_THE_TENANT {
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
    let mut database = connect(&opened.folder.0.join("tandem.db")).await;
    for query in prepared() {
        let statement = sqlx::AssertSqlSafe(query.clone()).into_sql_str();
        if let Err(error) = database.prepare(statement).await {
            panic!("run control-plane/store-sqlite/prepare again: {error}: {query}");
        }
    }
}

#[tokio::test]
async fn what_was_written_is_there_after_a_kill() {
    let opened = crate::open().await;
    let path = opened.folder.0.join("tandem.db");
    opened.store.put_tenant(&TenantId::from("ten_a"), "A tenant", 1).await.unwrap();
    // The files as a killed process leaves them: the log of the database is not merged.
    let left_behind = opened.folder.0.join("left.db");
    for suffix in ["", "-wal"] {
        let from = opened.folder.0.join(format!("tandem.db{suffix}"));
        fs::copy(from, opened.folder.0.join(format!("left.db{suffix}"))).unwrap();
    }
    assert!(fs::metadata(path.with_extension("db-wal")).unwrap().len() > 0);
    let rows = connect(&left_behind).await.fetch_all("select id from tenants").await.unwrap();
    assert_eq!(rows.len(), 1);
}
