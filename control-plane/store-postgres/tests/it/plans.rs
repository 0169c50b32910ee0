//! The questions that are asked on every webhook and every request are answered from an index alone, also under row-level
//! security.

use sqlx::{Connection, Executor, PgConnection, Row, SqlSafeStr};
use store::contract::seed::{Seed, seed};

#[tokio::test]
async fn whose_number_and_whose_key_it_is_an_index_alone_says() {
    let Some(opened) = crate::open().await else { return };
    seed(&opened.store, Seed { tenants: 200, numbers_each: 3 }).await;
    let mut owner = PgConnection::connect(&opened.url).await.unwrap();
    owner.execute("vacuum analyze").await.unwrap();
    owner.execute("set role tandem_app").await.unwrap();
    owner.execute("begin").await.unwrap();
    owner.execute("select set_config('tandem.shown', '+15550000700', true)").await.unwrap();
    for table in ["phone_numbers", "api_keys"] {
        let query = format!("explain select tenant_id, id from {table} where lookup = '+15550000700'");
        let plan = owner.fetch_all(sqlx::AssertSqlSafe(query).into_sql_str()).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
        let expected = format!("Index Only Scan using {table}_shown on {table}");
        assert!(plan[0].starts_with(&expected), "{plan:#?}");
        assert!(plan[1].contains("Index Cond: (lookup = "), "{plan:#?}");
    }
}
