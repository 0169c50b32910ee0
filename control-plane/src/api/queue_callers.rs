//! `/v1/queues/{id}/callers`: who waits in a queue.

use super::{
    item::{Item, Named},
    need::CallsRead,
    op::Op,
    page::{All, List, Page, PageParams},
    path::PathId,
    schema,
};
use crate::{clock::now_us, problem::Problem, shared::Shared};
use axum::Json;
use serde::Serialize;
use std::{collections::HashMap, sync::Arc};
use store::{
    CallId,
    ids::QueueId,
    model::queue::{Queue, QueueEntry, QueueEntryStatus},
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default().routes(routes!(list_callers))
}

/// A caller who waits in a queue.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct WaitingView {
    /// Which call.
    #[schema(schema_with = schema::id::<CallId>)]
    call: String,
    /// Who calls, as the carrier gave it: not always a number.
    #[schema(example = "+15550100")]
    from: String,
    /// How long the caller has waited, in s.
    #[schema(minimum = 0)]
    waited_s: i64,
}

impl Named for WaitingView {
    const NAME: &'static str = "WaitingCaller";
}

type WaitingItem = Item<WaitingView>;

/// Lists those who wait in a queue, the longest waiting first.
#[utoipa::path(
    get, path = "/v1/queues/{id}/callers", tag = "Queues", security(("bearer" = ["calls:read"])),
    params(("id" = String, Path, description = "`que_…`"), PageParams),
    responses((status = 200, description = "A page of them", body = Page<WaitingItem>)),
)]
async fn list_callers(
    op: Op<CallsRead>,
    PathId(id): PathId<QueueId>,
    list: List<All>,
) -> Result<Json<Page<WaitingItem>>, Problem> {
    op.store.get::<Queue>(&id).await?.ok_or_else(|| Problem::not_found("queue"))?;
    let waiting = QueueEntryStatus::Waiting.as_str();
    let filter = list.resources::<QueueEntry>()?.of(id.as_str()).with_status(waiting).oldest_first();
    let entries = op.store.list::<QueueEntry>(&filter).await?;
    let mut callers = HashMap::new();
    for entry in &entries {
        if let Some(call) = op.store.call(&entry.value.call).await? {
            callers.insert(call.id, call.from_number);
        }
    }
    let now = now_us();
    let page = list.page_of(entries, |row| {
        let waited_s = (now - row.created_at).max(0) / 1_000_000;
        Item::of(row, |entry| WaitingView {
            from: callers.get(&entry.call).cloned().unwrap_or_default(),
            call: entry.call.to_string(),
            waited_s,
        })
    });
    Ok(Json(page))
}
