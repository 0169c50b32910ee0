//! SQL text of the tables of resources, which all have the same columns. Every query compares the tenant first.

use super::without_nul;
use crate::Connection;
use sqlx::{query, query_as};
use std::borrow::Cow;
use store::{Body, Document, Filter, Order, Table};

type Text<'a> = Option<Cow<'a, str>>;

/// What a filter compares: parent, status and the id that a list starts after.
fn texts(filter: &Filter) -> (Text<'_>, Text<'_>, Text<'_>) {
    (
        filter.parent.as_deref().map(without_nul),
        filter.status.as_deref().map(without_nul),
        filter.after.as_deref().map(without_nul),
    )
}

/// Makes the queries of each table and chooses among them. The third is the name of the table, the fourth how its rows are
/// bound to the tenant.
macro_rules! tables {
    ($($variant:ident, $module:ident, $table:literal, $of_the_tenant:literal;)+) => {
        $(mod $module {
            use super::*;

            pub(super) async fn by_id(
                db: &mut Connection,
                tenant: &str,
                id: &str,
            ) -> Result<Option<Document>, sqlx::Error> {
                query_as!(
                    Document,
                    "select id, version, created_at, updated_at, body from " + $table + " where " + $of_the_tenant +
                    " and id = $2",
                    tenant,
                    id,
                )
                .fetch_optional(db)
                .await
            }

            pub(super) async fn by_lookup(
                db: &mut Connection,
                tenant: &str,
                lookup: &str,
            ) -> Result<Option<Document>, sqlx::Error> {
                let lookup = without_nul(lookup);
                let lookup = lookup.as_ref();
                query_as!(
                    Document,
                    "select id, version, created_at, updated_at, body from " + $table + " where " + $of_the_tenant +
                    " and lookup = $2",
                    tenant,
                    lookup,
                )
                .fetch_optional(db)
                .await
            }

            pub(super) async fn newest(
                db: &mut Connection,
                tenant: &str,
                filter: &Filter,
            ) -> Result<Vec<Document>, sqlx::Error> {
                let (parent, status, after) = texts(filter);
                let (parent, status, after) = (parent.as_deref(), status.as_deref(), after.as_deref());
                let limit = i64::from(filter.limit);
                query_as!(
                    Document,
                    "select id, version, created_at, updated_at, body from " + $table + " where " + $of_the_tenant +
                    " and (cast($2 as text) is null or parent = $2) and (cast($3 as text) is null or status = $3)" +
                    " and (cast($4 as text) is null or id < $4) order by id desc limit $5",
                    tenant,
                    parent,
                    status,
                    after,
                    limit,
                )
                .fetch_all(db)
                .await
            }

            pub(super) async fn oldest(
                db: &mut Connection,
                tenant: &str,
                filter: &Filter,
            ) -> Result<Vec<Document>, sqlx::Error> {
                let (parent, status, after) = texts(filter);
                let (parent, status, after) = (parent.as_deref(), status.as_deref(), after.as_deref());
                let limit = i64::from(filter.limit);
                query_as!(
                    Document,
                    "select id, version, created_at, updated_at, body from " + $table + " where " + $of_the_tenant +
                    " and (cast($2 as text) is null or parent = $2) and (cast($3 as text) is null or status = $3)" +
                    " and (cast($4 as text) is null or id > $4) order by id limit $5",
                    tenant,
                    parent,
                    status,
                    after,
                    limit,
                )
                .fetch_all(db)
                .await
            }

            pub(super) async fn count(
                db: &mut Connection,
                tenant: &str,
                filter: &Filter,
            ) -> Result<i64, sqlx::Error> {
                let (parent, status, _) = texts(filter);
                let (parent, status) = (parent.as_deref(), status.as_deref());
                let row = query!(
                    "select count(*) as \"rows!: i64\" from " + $table + " where " + $of_the_tenant +
                    " and (cast($2 as text) is null or parent = $2) and (cast($3 as text) is null or status = $3)",
                    tenant,
                    parent,
                    status,
                )
                .fetch_one(db)
                .await?;
                Ok(row.rows)
            }

            pub(super) async fn put(
                db: &mut Connection,
                tenant: &str,
                id: &str,
                now: i64,
                body: &str,
            ) -> Result<bool, sqlx::Error> {
                let done = query!(
                    "insert into " + $table + " (tenant_id, id, version, created_at, updated_at, body)" +
                    " values ($1, $2, 1, $3, $3, $4) on conflict do nothing",
                    tenant,
                    id,
                    now,
                    body,
                )
                .execute(db)
                .await?;
                Ok(done.rows_affected() == 1)
            }

            pub(super) async fn replace(
                db: &mut Connection,
                tenant: &str,
                id: &str,
                version: i64,
                now: i64,
                body: &str,
            ) -> Result<Option<Document>, sqlx::Error> {
                query_as!(
                    Document,
                    "update " + $table + " set version = version + 1, updated_at = $4, body = $5 where " +
                    $of_the_tenant + " and id = $2 and version = $3" +
                    " returning id, version, created_at, updated_at, body",
                    tenant,
                    id,
                    version,
                    now,
                    body,
                )
                .fetch_optional(db)
                .await
            }

            pub(super) async fn remove(
                db: &mut Connection,
                tenant: &str,
                id: &str,
                version: i64,
            ) -> Result<bool, sqlx::Error> {
                let done = query!(
                    "delete from " + $table + " where " + $of_the_tenant + " and id = $2 and version = $3",
                    tenant,
                    id,
                    version,
                )
                .execute(db)
                .await?;
                Ok(done.rows_affected() == 1)
            }
        })+

        pub(crate) async fn by_id(
            db: &mut Connection,
            table: Table,
            tenant: &str,
            id: &str,
        ) -> Result<Option<Document>, sqlx::Error> {
            match table { $(Table::$variant => $module::by_id(db, tenant, id).await,)+ }
        }

        pub(crate) async fn by_lookup(
            db: &mut Connection,
            table: Table,
            tenant: &str,
            lookup: &str,
        ) -> Result<Option<Document>, sqlx::Error> {
            match table { $(Table::$variant => $module::by_lookup(db, tenant, lookup).await,)+ }
        }

        pub(crate) async fn list(
            db: &mut Connection,
            table: Table,
            tenant: &str,
            filter: &Filter,
        ) -> Result<Vec<Document>, sqlx::Error> {
            match (table, filter.order) {
                $(
                    (Table::$variant, Order::Newest) => $module::newest(db, tenant, filter).await,
                    (Table::$variant, Order::Oldest) => $module::oldest(db, tenant, filter).await,
                )+
            }
        }

        pub(crate) async fn count(
            db: &mut Connection,
            table: Table,
            tenant: &str,
            filter: &Filter,
        ) -> Result<i64, sqlx::Error> {
            match table { $(Table::$variant => $module::count(db, tenant, filter).await,)+ }
        }

        pub(crate) async fn put(
            db: &mut Connection,
            table: Table,
            tenant: &str,
            id: &str,
            now: i64,
            body: &Body,
        ) -> Result<bool, sqlx::Error> {
            match table { $(Table::$variant => $module::put(db, tenant, id, now, body.as_str()).await,)+ }
        }

        pub(crate) async fn replace(
            db: &mut Connection,
            table: Table,
            tenant: &str,
            (id, version): (&str, i64),
            now: i64,
            body: &Body,
        ) -> Result<Option<Document>, sqlx::Error> {
            match table {
                $(Table::$variant => $module::replace(db, tenant, id, version, now, body.as_str()).await,)+
            }
        }

        pub(crate) async fn remove(
            db: &mut Connection,
            table: Table,
            tenant: &str,
            id: &str,
            version: i64,
        ) -> Result<bool, sqlx::Error> {
            match table { $(Table::$variant => $module::remove(db, tenant, id, version).await,)+ }
        }
    };
}

tables! {
    // The platform, which has this id, reaches all tenants' rows.
    Tenants, tenants, "tenants", "(tenant_id = $1 or $1 = 'ten_00000000000000000000000000')";
    Users, users, "users", "tenant_id = $1";
    Sessions, sessions, "sessions", "tenant_id = $1";
    Memberships, memberships, "memberships", "tenant_id = $1";
    ApiKeys, api_keys, "api_keys", "tenant_id = $1";
    DataKeys, data_keys, "data_keys", "tenant_id = $1";
    ProviderAccounts, provider_accounts, "provider_accounts", "tenant_id = $1";
    PhoneNumbers, phone_numbers, "phone_numbers", "tenant_id = $1";
    BusinessHours, business_hours, "business_hours", "tenant_id = $1";
    Assistants, assistants, "assistants", "tenant_id = $1";
    Queues, queues, "queues", "tenant_id = $1";
    QueueEntries, queue_entries, "queue_entries", "tenant_id = $1";
    Voicemails, voicemails, "voicemails", "tenant_id = $1";
    Recordings, recordings, "recordings", "tenant_id = $1";
    Prices, prices, "prices", "tenant_id = $1";
    Budgets, budgets, "budgets", "tenant_id = $1";
    WebhookEndpoints, webhook_endpoints, "webhook_endpoints", "tenant_id = $1";
    WebhookDeliveries, webhook_deliveries, "webhook_deliveries", "tenant_id = $1";
    InboundEvents, inbound_events, "inbound_events", "tenant_id = $1";
    Jobs, jobs, "jobs", "tenant_id = $1";
    Health, health, "health", "tenant_id = $1";
    Flows, flows, "flows", "tenant_id = $1";
    Contacts, contacts, "contacts", "tenant_id = $1";
    ContactAddresses, contact_addresses, "contact_addresses", "tenant_id = $1";
    Conversations, conversations, "conversations", "tenant_id = $1";
    Communications, communications, "communications", "tenant_id = $1";
    Attempts, communication_attempts, "communication_attempts", "tenant_id = $1";
    Batches, batches, "batches", "tenant_id = $1";
    BatchChunks, batch_chunks, "batch_chunks", "tenant_id = $1";
    Templates, templates, "templates", "tenant_id = $1";
    TemplateVersions, template_versions, "template_versions", "tenant_id = $1";
    Consents, consents, "consents", "tenant_id = $1";
    ChannelChips, channel_chips, "channel_chips", "tenant_id = $1";
    BoardColumns, board_columns, "board_columns", "tenant_id = $1";
    CannedReplies, canned_replies, "canned_replies", "tenant_id = $1";
    Teams, teams, "teams", "tenant_id = $1";
    Mailboxes, mailboxes, "mailboxes", "tenant_id = $1";
    ChannelHealth, channel_health, "channel_health", "tenant_id = $1";
    TenantEvents, tenant_events, "tenant_events", "tenant_id = $1";
}
