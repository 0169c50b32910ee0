//! The questions that are asked on every webhook and every request are answered by one search of an index, however many
//! tenants there are. (SQLite reads the row it leads to: it takes no index over a generated column for the whole answer.)

use crate::file::connect;
use sqlx::{Executor, Row, SqlSafeStr};
use store::contract::seed::{Seed, seed};

#[tokio::test]
async fn whose_number_and_whose_key_it_is_an_index_says() {
    let opened = crate::open().await;
    seed(&opened.store, Seed { tenants: 20, numbers_each: 3 }).await;
    let mut database = connect(&opened.folder.database()).await;
    for table in ["phone_numbers", "api_keys", "provider_accounts", "memberships"] {
        let query = format!("explain query plan select tenant_id, id from {table} where lookup = 'x'");
        let plan = database.fetch_all(sqlx::AssertSqlSafe(query).into_sql_str()).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
        assert_eq!(plan, [format!("SEARCH {table} USING INDEX {table}_shown (lookup=?)")]);
    }
}
