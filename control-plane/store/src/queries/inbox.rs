//! SQL text of the inbox: conversations by activity, and what is counted over messages. Every query compares the tenant first.

use super::without_nul;
use crate::Connection;
use sqlx::{query, query_as};
use store::{
    Document, Page,
    model::{
        message::MessageStatus,
        outgoing_counts::{ConversationFilter, StatusCount},
    },
};

/// Conversations, those with the latest activity first.
pub(crate) async fn conversations(
    db: &mut Connection,
    tenant: &str,
    filter: &ConversationFilter,
    page: &Page,
) -> Result<Vec<Document>, sqlx::Error> {
    let status = filter.status.map(store::model::message::ConversationStatus::as_str);
    let assignee = filter.assignee.as_ref().map(store::ids::UserId::as_str);
    let column = filter.column.as_ref().map(store::ids::BoardColumnId::as_str);
    let unassigned = i64::from(filter.unassigned);
    let (before, before_id) = page.after.as_ref().map_or((i64::MAX, ""), |(at, id)| (*at, id.as_str()));
    let limit = i64::from(page.limit);
    query_as!(
        Document,
        "select id, version, created_at, updated_at, body from conversations where tenant_id = $1 \
         and (last_message_at < $2 or (last_message_at = $2 and id < $3)) \
         and (cast($4 as text) is null or status = $4) \
         and (cast($5 as text) is null or assignee = $5) \
         and (cast($6 as text) is null or board_column = $6) \
         and (cast($7 as bigint) = 0 or assignee is null) \
         order by last_message_at desc, id desc limit $8",
        tenant,
        before,
        before_id,
        status,
        assignee,
        column,
        unassigned,
        limit,
    )
    .fetch_all(db)
    .await
}

/// How many open conversations somebody has.
pub(crate) async fn open_conversations_of(
    db: &mut Connection,
    tenant: &str,
    assignee: &str,
) -> Result<i64, sqlx::Error> {
    let row = query!(
        "select count(*) as \"rows!: i64\" from conversations where tenant_id = $1 and assignee = $2 \
         and status = 'open'",
        tenant,
        assignee,
    )
    .fetch_one(db)
    .await?;
    Ok(row.rows)
}

/// Messages of a batch by what became of them.
pub(crate) async fn batch_counts(
    db: &mut Connection,
    tenant: &str,
    batch: &str,
) -> Result<Vec<StatusCount>, sqlx::Error> {
    query_as!(
        StatusCount,
        "select coalesce(status, '') as \"status!: String\", count(*) as \"count!: i64\" from communications \
         where tenant_id = $1 and batch = $2 group by status order by status",
        tenant,
        batch,
    )
    .fetch_all(db)
    .await
}

/// Messages of a batch, the oldest first.
pub(crate) async fn batch_messages(
    db: &mut Connection,
    tenant: &str,
    batch: &str,
    status: Option<MessageStatus>,
    after: &str,
    limit: u16,
) -> Result<Vec<Document>, sqlx::Error> {
    let (status, limit) = (status.map(MessageStatus::as_str), i64::from(limit));
    query_as!(
        Document,
        "select id, version, created_at, updated_at, body from communications where tenant_id = $1 \
         and batch = $2 and id > $3 and (cast($4 as text) is null or status = $4) order by id limit $5",
        tenant,
        batch,
        after,
        status,
        limit,
    )
    .fetch_all(db)
    .await
}

/// Messages to or from an address, the newest first; `strays`: those that are in no conversation.
pub(crate) async fn messages_with(
    db: &mut Connection,
    tenant: &str,
    address: &str,
    strays: bool,
    limit: u16,
) -> Result<Vec<Document>, sqlx::Error> {
    let (address, strays, limit) = (without_nul(address), i64::from(strays), i64::from(limit));
    let address = address.as_ref();
    query_as!(
        Document,
        "select id, version, created_at, updated_at, body from communications where tenant_id = $1 \
         and address = $2 and (cast($3 as bigint) = 0 or parent is null) order by id desc limit $4",
        tenant,
        address,
        strays,
        limit,
    )
    .fetch_all(db)
    .await
}

/// Messages of a time by channel, direction and what became of them.
pub(crate) async fn message_counts(
    db: &mut Connection,
    tenant: &str,
    from: i64,
    until: i64,
) -> Result<Vec<StatusCount>, sqlx::Error> {
    query_as!(
        StatusCount,
        "select coalesce(status, '') as \"status!: String\", count(*) as \"count!: i64\" from communications \
         where tenant_id = $1 and created_at >= $2 and created_at < $3 group by status order by status",
        tenant,
        from,
        until,
    )
    .fetch_all(db)
    .await
}
