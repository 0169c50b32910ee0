//! `/v1/webhook-deliveries`: what was told to whom, and what came of it.

use super::{
    body::Empty,
    crud,
    etag::Preconditions,
    item::{Item, Named},
    need::{WebhooksRead, WebhooksSend},
    once::{Answer, Stop},
    op::Op,
    page::{List, Page, PageParams},
    path::PathId,
    schema,
};
use crate::{clock::rfc3339, problem::Problem, shared::Shared};
use axum::{Json, http::StatusCode, response::Response};
use deliveries::endpoints::resend;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use store::{
    StoreError,
    ids::{DeliveryId, EndpointId},
    model::webhook::{DeliveryStatus, WebhookDelivery},
};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

/// How often a message is looked at anew when an attempt to deliver it ended in the same moment. Nobody said which version they saw,
/// so there is nothing to refuse; a second attempt cannot end within milliseconds.
const TRIES: usize = 4;

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(list_webhook_deliveries))
        .routes(routes!(read_webhook_delivery))
        .routes(routes!(resend_webhook_delivery))
}

/// Which messages to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DeliveryParams {
    /// To this endpoint.
    #[param(schema_with = schema::id::<EndpointId>)]
    endpoint_id: Option<EndpointId>,
    /// With this status.
    #[param(schema_with = schema::word::<DeliveryStatus>)]
    status: Option<DeliveryStatus>,
}

/// A message to an endpoint.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeliveryView {
    endpoint_id: String,
    /// The `webhook-id`, the same in every try.
    event_id: String,
    r#type: String,
    /// The message, as it is sent.
    payload: Value,
    #[schema(schema_with = schema::word::<DeliveryStatus>)]
    status: &'static str,
    /// How often it was tried.
    attempts: u32,
    /// Status of the last answer.
    last_status: Option<u16>,
    /// Why the last try failed.
    last_error: Option<String>,
    last_tried_at: Option<String>,
}

pub(super) type DeliveryItem = Item<DeliveryView>;

impl Named for DeliveryView {
    const NAME: &'static str = "WebhookDelivery";
}

impl DeliveryView {
    pub(super) fn of(delivery: WebhookDelivery) -> Self {
        Self {
            endpoint_id: delivery.endpoint.to_string(),
            event_id: delivery.event,
            r#type: delivery.kind,
            payload: delivery.payload,
            status: delivery.status.as_str(),
            attempts: delivery.attempts,
            last_status: delivery.last_status,
            last_error: delivery.last_error,
            last_tried_at: delivery.last_at.map(rfc3339),
        }
    }
}

/// Lists the messages of the last 30 days, newest first.
#[utoipa::path(
    get, path = "/v1/webhook-deliveries", tag = "Webhooks", security(("bearer" = ["webhooks:read"])),
    params(PageParams, DeliveryParams),
    responses((status = 200, description = "A page of them", body = Page<DeliveryItem>)),
)]
async fn list_webhook_deliveries(
    op: Op<WebhooksRead>,
    list: List<DeliveryParams>,
) -> Result<Json<Page<DeliveryItem>>, Problem> {
    let narrow = |filter: store::Filter| store::Filter {
        parent: list.filter.endpoint_id.as_ref().map(ToString::to_string),
        status: list.filter.status.map(|status| status.as_str().to_owned()),
        ..filter
    };
    crud::list(&op, &list, narrow, DeliveryView::of).await
}

/// Reads a message.
#[utoipa::path(
    get, path = "/v1/webhook-deliveries/{id}", tag = "Webhooks", security(("bearer" = ["webhooks:read"])),
    params(("id" = String, Path, description = "`whd_…`")),
    responses((status = 200, description = "The message", body = DeliveryItem), (status = 304, description = "As it is known")),
)]
async fn read_webhook_delivery(
    op: Op<WebhooksRead>,
    PathId(id): PathId<DeliveryId>,
    known: Preconditions,
) -> Result<Response, Problem> {
    crud::read(&op, &id, &known, DeliveryView::of).await
}

/// Sends a message again, as if for the first time.
#[utoipa::path(
    post, path = "/v1/webhook-deliveries/{id}/resend", tag = "Webhooks", security(("bearer" = ["webhooks:send"])),
    params(("id" = String, Path, description = "`whd_…`")),
    responses((status = 202, description = "It is on the way", body = DeliveryItem)),
)]
async fn resend_webhook_delivery(
    op: Op<WebhooksSend>,
    PathId(id): PathId<DeliveryId>,
    body: Empty,
) -> Result<Response, Stop> {
    let mut tries = 1..TRIES;
    let (work, delivery) = loop {
        let mut work = op.begin_once(&body.once).await?;
        match resend(&mut *work.tx, &id).await {
            Err(StoreError::Stale { .. }) if tries.next().is_some() => {}
            delivery => break (work, delivery?),
        }
    };
    let answer = Answer::new(StatusCode::ACCEPTED, &Item::of(delivery, DeliveryView::of))?;
    let response = work.finish(answer).await?;
    op.shared.deliveries.wake();
    Ok(response)
}
