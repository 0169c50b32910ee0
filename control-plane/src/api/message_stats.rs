//! `/v1/stats/messages`: how many messages of a span of time are in which state.

use super::{need::ContactsRead, op::Op};
use crate::{
    clock::{now_us, rfc3339},
    problem::Problem,
    shared::Shared,
};
use axum::{
    Json,
    extract::{Query, rejection::QueryRejection},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};
use store::model::message::MessageStatus;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

/// What is counted where no span is given, in µs: 30 days.
const SPAN_US: i64 = 30 * 24 * 3_600 * 1_000_000;

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default().routes(routes!(read_message_stats)).routes(routes!(read_message_stats_as_before))
}

/// Which time is looked at.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StatsParams {
    /// Messages made from this time on; without it the last 30 days.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<String>,
    /// Before this time; without it now.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<String>,
}

/// How many messages are in which state.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessageStats {
    /// From when.
    #[schema(format = DateTime)]
    from: String,
    /// To when.
    #[schema(format = DateTime)]
    until: String,
    /// All messages.
    #[schema(minimum = 0)]
    total: i64,
    /// How many are in which state; states in which there is none are not there.
    by_status: BTreeMap<String, i64>,
    /// How many came in.
    #[schema(minimum = 0)]
    received: i64,
    /// How many arrived, or were read.
    #[schema(minimum = 0)]
    delivered: i64,
    /// How many reached nobody.
    #[schema(minimum = 0)]
    failed: i64,
    /// Of those whose end is known, how many arrived, in percent; none if no end is known.
    #[schema(minimum = 0, maximum = 100)]
    delivery_rate: Option<f64>,
}

/// Counts the messages of a span of time by their state.
#[utoipa::path(
    get, path = "/v1/stats/messages", tag = "Messages", security(("bearer" = ["contacts:read"])), params(StatsParams),
    responses((status = 200, description = "How many are in which state", body = MessageStats)),
)]
async fn read_message_stats(
    op: Op<ContactsRead>,
    params: Result<Query<StatsParams>, QueryRejection>,
) -> Result<Json<MessageStats>, Problem> {
    counted(&op, params).await
}

/// Counts messages, by the name that this had before.
#[utoipa::path(
    get, path = "/api/sms/delivery-stats", tag = "Former routes", security(("bearer" = ["contacts:read"])),
    params(StatsParams),
    responses((status = 200, description = "How many are in which state", body = MessageStats)),
)]
async fn read_message_stats_as_before(
    op: Op<ContactsRead>,
    params: Result<Query<StatsParams>, QueryRejection>,
) -> Result<Json<MessageStats>, Problem> {
    counted(&op, params).await
}

async fn counted(
    op: &Op<ContactsRead>,
    params: Result<Query<StatsParams>, QueryRejection>,
) -> Result<Json<MessageStats>, Problem> {
    let Query(StatsParams { from, until }) = params.map_err(|cause| Problem::invalid(cause.body_text()))?;
    let read = |name: &str, text: &str| {
        let time = text.parse::<Timestamp>().map(Timestamp::as_microsecond);
        time.map_err(|_| {
            Problem::parameter(name, "it must be an RFC 3339 time, such as 2026-11-21T04:00:00Z")
        })
    };
    let until = until.map_or_else(|| Ok(now_us()), |text| read("until", &text))?;
    let from = from.map_or_else(|| Ok(until.saturating_sub(SPAN_US)), |text| read("from", &text))?;
    let counts = op.store.message_counts(from, until).await?;
    let by_status: BTreeMap<String, i64> =
        counts.into_iter().map(|count| (count.status, count.count)).collect();
    let of = |statuses: &[MessageStatus]| -> i64 {
        statuses.iter().filter_map(|status| by_status.get(status.as_str())).sum()
    };
    let delivered = of(&[MessageStatus::Delivered, MessageStatus::Read]);
    let failed = of(&[MessageStatus::Undelivered, MessageStatus::Failed, MessageStatus::Bounced]);
    let ended = delivered.saturating_add(failed);
    // Counts are far below 2^53.
    let delivery_rate = (ended > 0).then(|| (delivered as f64 * 1_000.0 / ended as f64).round() / 10.0);
    Ok(Json(MessageStats {
        from: rfc3339(from),
        until: rfc3339(until),
        total: by_status.values().sum(),
        received: of(&[MessageStatus::Received]),
        delivered,
        failed,
        delivery_rate,
        by_status,
    }))
}
