//! That the committed query data fits the migrations.

use serde::Deserialize;
use sqlx::{Connection, Executor, PgConnection, SqlSafeStr};
use std::{fs, path::Path};

#[derive(Deserialize)]
struct Prepared {
    query: String,
}

#[tokio::test]
async fn the_committed_query_data_fits_the_migrations() {
    let Some(opened) = crate::open().await else { return };
    let mut database = PgConnection::connect(&opened.url).await.unwrap();
    let mut queries = 0;
    for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".sqlx")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let query = serde_json::from_str::<Prepared>(&text).unwrap().query;
        let statement = sqlx::AssertSqlSafe(query.clone()).into_sql_str();
        if let Err(error) = database.prepare(statement).await {
            panic!("run control-plane/store-postgres/prepare again: {error}: {query}");
        }
        queries += 1;
    }
    assert!(queries >= 190, "only {queries} queries are prepared");
}
