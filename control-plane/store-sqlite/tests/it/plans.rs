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

#[tokio::test]
async fn how_all_tenants_providers_are_is_read_in_order_and_who_is_due_by_index() {
    let opened = crate::open().await;
    let mut database = connect(&opened.folder.database()).await;
    let plans = [
        (
            "select tenant_id, body from health order by \
             (case status when 'down' then 0 when 'degraded' then 1 when 'healthy' then 2 else 3 end), tenant_id, id limit 1",
            vec!["SCAN health USING INDEX health_worst_first"],
        ),
        (
            "select tenant_id from tenants where tenant_id > 'ten_1' and status in ('active', 'provisioning') \
             and coalesce((select min(due_at) from health where health.tenant_id = tenants.tenant_id), 0) <= 1 \
             order by tenant_id limit 1",
            vec![
                "SEARCH tenants USING INDEX sqlite_autoindex_tenants_1 (tenant_id>?)",
                "CORRELATED SCALAR SUBQUERY 1",
                "SEARCH health USING INDEX health_due (tenant_id=?)",
            ],
        ),
    ];
    for (query, expected) in plans {
        let query = format!("explain query plan {query}");
        let plan = database.fetch_all(sqlx::AssertSqlSafe(query).into_sql_str()).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
        assert_eq!(plan, expected);
    }
}

#[tokio::test]
async fn what_a_provider_names_and_whose_a_message_is_an_index_says() {
    let opened = crate::open().await;
    let mut database = connect(&opened.folder.database()).await;
    let plans = [
        (
            "communications where tenant_id = 'x' and lookup = 'twilio:SM1'",
            "communications USING INDEX sqlite_autoindex_communications_2 (tenant_id=? AND lookup=?)",
        ),
        (
            "communication_attempts where tenant_id = 'x' and lookup = 'acc_1:SM1'",
            "communication_attempts USING INDEX sqlite_autoindex_communication_attempts_2 (tenant_id=? AND lookup=?)",
        ),
        (
            "conversations where tenant_id = 'x' and lookup = 'con_1'",
            "conversations USING INDEX sqlite_autoindex_conversations_2 (tenant_id=? AND lookup=?)",
        ),
        (
            "communications where tenant_id = 'x' and parent = 'conv_1' order by id desc",
            "communications USING INDEX communications_of_parent (tenant_id=? AND parent=?)",
        ),
    ];
    for (question, expected) in plans {
        let query = format!("explain query plan select body from {question}");
        let plan = database.fetch_all(sqlx::AssertSqlSafe(query).into_sql_str()).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
        assert_eq!(plan, [format!("SEARCH {expected}")]);
    }
}
