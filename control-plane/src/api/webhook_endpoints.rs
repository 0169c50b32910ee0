//! `/v1/webhook-endpoints`: where a tenant wants to be told what happens. Messages are signed as Standard Webhooks has it.

use super::{
    body::{Body, Check, Empty, Patch},
    crud::{self, current},
    etag::Preconditions,
    item::{Item, Named},
    need::{WebhooksManage, WebhooksRead, WebhooksSend},
    once::{Answer, Stop},
    op::Op,
    page::{All, List, Page, PageParams},
    path::PathId,
    schema,
    webhook_deliveries::{DeliveryItem, DeliveryView},
};
use crate::{
    clock::{now_us, rfc3339},
    problem::{Code, Fault, FaultCode, Faults, Place, Problem},
    shared::Shared,
};
use axum::{Json, http::StatusCode, response::Response};
use deliveries::{
    EventType,
    address::check,
    endpoints::{self, MOST_ENDPOINTS, NewEndpoint, Replay, Replayed},
    event::is_filter,
};
use engine::provider::Secret;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{
    Filter, Stored,
    ids::EndpointId,
    model::webhook::{EndpointStatus, WebhookEndpoint},
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Longest time for which both secrets sign, in s: 7 days.
const LONGEST_OVERLAP_S: u32 = 7 * 24 * 3_600;

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(list_webhook_endpoints, create_webhook_endpoint))
        .routes(routes!(read_webhook_endpoint, update_webhook_endpoint, delete_webhook_endpoint))
        .routes(routes!(rotate_webhook_secret))
        .routes(routes!(test_webhook_endpoint))
        .routes(routes!(replay_webhook_endpoint))
        .routes(routes!(list_webhook_events))
}

/// Where a tenant wants to be told what happens.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EndpointForm {
    /// `https`, at an address of the public internet.
    #[schema(
        min_length = 1,
        max_length = 2_000,
        format = "uri",
        example = "https://hooks.example.com/tandem"
    )]
    url: String,
    /// For people.
    #[schema(min_length = 1, max_length = 100, example = "Shop")]
    name: String,
    /// Which events: their names, or groups such as `call.*`. Empty: all.
    #[serde(default)]
    #[schema(max_items = 50, example = json!(["call.*", "recording.ready"]))]
    events: Vec<String>,
    /// Whether messages are sent. One that was `disabled` because all messages failed is set to `active` again.
    #[serde(default = "active")]
    #[schema(schema_with = schema::word::<EndpointStatus>)]
    status: EndpointStatus,
}

/// An endpoint.
#[derive(Clone, Serialize, ToSchema)]
struct EndpointView {
    url: String,
    name: String,
    events: Vec<String>,
    #[schema(schema_with = schema::word::<EndpointStatus>)]
    status: &'static str,
    /// Signs the messages. It is shown once, in the answer to the request that made it; `null` elsewhere.
    secret: Option<String>,
    /// Until then the secret before it signs as well.
    previous_secret_until: Option<String>,
    /// Since when every message failed; `null`: the last one did not.
    failing_since: Option<String>,
}

/// How a secret is exchanged.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WebhookSecretExchange)]
struct RotateForm {
    /// How long both secrets sign, in s.
    #[serde(default = "a_day")]
    #[schema(minimum = 0, maximum = 604_800, default = a_day)]
    overlap_s: u32,
}

/// Which messages are sent again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReplayForm {
    /// Made at this time or later, RFC 3339.
    #[schema(format = "date-time", max_length = 64)]
    from: String,
    /// Made before this time, RFC 3339.
    #[schema(format = "date-time", max_length = 64)]
    until: String,
    /// Only those that were given up.
    #[serde(default)]
    failed_only: bool,
}

/// What is sent again.
#[derive(Debug, Serialize, ToSchema)]
struct ReplayView {
    /// How many messages.
    deliveries: usize,
    /// Whether that is all of the time. Otherwise older ones are left: ask again with an earlier `until`.
    complete: bool,
}

/// What can be told.
#[derive(Debug, Serialize, ToSchema)]
struct EventsView {
    data: Vec<EventView>,
}

/// Something that can happen.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookEventType)]
struct EventView {
    r#type: &'static str,
    description: &'static str,
}

type EndpointItem = Item<EndpointView>;
type EndpointPatch = Patch<EndpointForm>;

const fn active() -> EndpointStatus {
    EndpointStatus::Active
}

const fn a_day() -> u32 {
    24 * 3_600
}

impl Named for EndpointView {
    const NAME: &'static str = "WebhookEndpoint";
}

impl Named for EndpointForm {
    const NAME: &'static str = "WebhookEndpointFields";
}

impl Check for EndpointForm {
    fn check(&self, faults: &mut Faults) {
        faults.text("url", &self.url, 1, 2_000);
        faults.text("name", &self.name, 1, 100);
        faults.at_most("events", &self.events, 50);
        faults.each("events", &self.events, |faults, event| {
            if !is_filter(event) {
                faults.add(
                    FaultCode::InvalidValue,
                    "there is no such event: GET /v1/webhook-events lists them",
                );
            }
        });
    }
}

impl Check for RotateForm {
    fn check(&self, faults: &mut Faults) {
        faults.number("overlap_s", self.overlap_s, 0, LONGEST_OVERLAP_S);
    }
}

impl Check for ReplayForm {
    fn check(&self, faults: &mut Faults) {
        for (name, text) in [("from", &self.from), ("until", &self.until)] {
            if text.parse::<Timestamp>().is_err() {
                faults.add_at(name, FaultCode::InvalidValue, "it must be a time as RFC 3339 has it");
            }
        }
    }
}

impl EndpointForm {
    fn of(endpoint: &WebhookEndpoint) -> Self {
        Self {
            url: endpoint.url.clone(),
            name: endpoint.name.clone(),
            events: endpoint.events.clone(),
            status: endpoint.status,
        }
    }
}

fn item(endpoint: Stored<WebhookEndpoint>, secret: Option<&Secret>) -> EndpointItem {
    let now = now_us();
    Item::of(endpoint, |endpoint| EndpointView {
        url: endpoint.url,
        name: endpoint.name,
        events: endpoint.events,
        status: endpoint.status.as_str(),
        secret: secret.map(|secret| secret.reveal().to_owned()),
        previous_secret_until: endpoint.previous_until.filter(|until| *until > now).map(rfc3339),
        failing_since: endpoint.failing_since.map(rfc3339),
    })
}

/// Refuses an address at which nobody may be told.
fn check_address(shared: &Shared, url: &str) -> Result<(), Problem> {
    check(url, shared.deliveries.reach()).map(drop).map_err(|why| {
        let place = Place::Pointer("/url".to_owned());
        Problem::unacceptable(vec![Fault { place, code: FaultCode::InvalidValue, detail: why.to_string() }])
    })
}

/// Lists the endpoints, newest first.
#[utoipa::path(
    get, path = "/v1/webhook-endpoints", tag = "Webhooks", security(("bearer" = ["webhooks:read"])), params(PageParams),
    responses((status = 200, description = "A page of them", body = Page<EndpointItem>)),
)]
async fn list_webhook_endpoints(
    op: Op<WebhooksRead>,
    list: List<All>,
) -> Result<Json<Page<EndpointItem>>, Problem> {
    let rows = op.store.list::<WebhookEndpoint>(&list.resources::<WebhookEndpoint>()?).await?;
    Ok(Json(list.page_of(rows, |row| item(row, None))))
}

/// Adds an endpoint. The answer holds its secret, once.
#[utoipa::path(
    post, path = "/v1/webhook-endpoints", tag = "Webhooks", security(("bearer" = ["webhooks:manage"])),
    request_body = EndpointForm,
    responses((status = 201, description = "It is there", body = EndpointItem)),
)]
async fn create_webhook_endpoint(op: Op<WebhooksManage>, body: Body<EndpointForm>) -> Result<Response, Stop> {
    let form = body.value;
    check_address(&op.shared, &form.url)?;
    let mut work = op.begin_once(&body.once).await?;
    if op.store.count::<WebhookEndpoint>(&Filter::default()).await? >= i64::from(MOST_ENDPOINTS) {
        let detail = format!("a tenant has at most {MOST_ENDPOINTS} endpoints");
        return Err(Problem::new(Code::Conflict, detail).into());
    }
    let new = NewEndpoint { url: form.url, name: form.name, events: form.events };
    let added = endpoints::add(&op.shared.vault, &mut *work.tx, new).await;
    let (mut endpoint, secret) = added.map_err(Problem::from)?;
    if form.status != endpoint.value.status {
        let value = WebhookEndpoint { status: form.status, ..endpoint.value };
        endpoint = work.tx.update(&endpoint.id, endpoint.version, value).await?;
    }
    let answer = |secret| {
        let location = format!("/v1/webhook-endpoints/{}", endpoint.id);
        Answer::created(&item(endpoint.clone(), secret), location, endpoint.version)
    };
    work.finish_keeping(answer(Some(&secret))?, &answer(None)?).await
}

/// Reads an endpoint.
#[utoipa::path(
    get, path = "/v1/webhook-endpoints/{id}", tag = "Webhooks", security(("bearer" = ["webhooks:read"])),
    params(("id" = String, Path, description = "`whk_…`")),
    responses((status = 200, description = "The endpoint", body = EndpointItem), (status = 304, description = "As it is known")),
)]
async fn read_webhook_endpoint(
    op: Op<WebhooksRead>,
    PathId(id): PathId<EndpointId>,
    known: Preconditions,
) -> Result<Response, Problem> {
    let row = op.store.get::<WebhookEndpoint>(&id).await?;
    let row = row.ok_or_else(|| Problem::not_found("webhook_endpoint"))?;
    Ok(known.show(row.version, &item(row, None)))
}

/// Changes an endpoint.
#[utoipa::path(
    patch, path = "/v1/webhook-endpoints/{id}", tag = "Webhooks", security(("bearer" = ["webhooks:manage"])),
    params(("id" = String, Path, description = "`whk_…`")), request_body = EndpointPatch,
    responses((status = 200, description = "As it is now", body = EndpointItem)),
)]
async fn update_webhook_endpoint(
    op: Op<WebhooksManage>,
    PathId(id): PathId<EndpointId>,
    known: Preconditions,
    patch: EndpointPatch,
) -> Result<Response, Problem> {
    let mut tx = op.begin().await?;
    let row = current::<WebhookEndpoint>(&mut *tx, &id, &known).await?;
    let form = patch.apply(&EndpointForm::of(&row.value))?;
    check_address(&op.shared, &form.url)?;
    let is_back = row.value.status == EndpointStatus::Disabled && form.status == EndpointStatus::Active;
    let failing_since = row.value.failing_since.filter(|_| !is_back);
    let EndpointForm { url, name, events, status } = form;
    let value = WebhookEndpoint { url, name, events, status, failing_since, ..row.value };
    let row = tx.update(&id, row.version, value).await?;
    tx.commit().await?;
    Ok(Preconditions::default().show(row.version, &item(row, None)))
}

/// Deletes an endpoint with all of its deliveries.
#[utoipa::path(
    delete, path = "/v1/webhook-endpoints/{id}", tag = "Webhooks", security(("bearer" = ["webhooks:manage"])),
    params(("id" = String, Path, description = "`whk_…`")),
    responses((status = 204, description = "It is gone")),
)]
async fn delete_webhook_endpoint(
    op: Op<WebhooksManage>,
    PathId(id): PathId<EndpointId>,
    known: Preconditions,
) -> Result<StatusCode, Problem> {
    let row = op.store.get::<WebhookEndpoint>(&id).await?;
    let row = row.ok_or_else(|| Problem::not_found("webhook_endpoint"))?;
    known.allow_change(row.version)?;
    endpoints::remove(&*op.store, &row, op.actor(), now_us()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Exchanges the secret: for a time both sign. The answer holds the new one, once.
#[utoipa::path(
    post, path = "/v1/webhook-endpoints/{id}/rotate-secret", tag = "Webhooks",
    security(("bearer" = ["webhooks:manage"])),
    params(("id" = String, Path, description = "`whk_…`")), request_body = RotateForm,
    responses((status = 200, description = "As it is now", body = EndpointItem)),
)]
async fn rotate_webhook_secret(
    op: Op<WebhooksManage>,
    PathId(id): PathId<EndpointId>,
    body: Body<RotateForm>,
) -> Result<Response, Stop> {
    let mut work = op.begin_once(&body.once).await?;
    let row = current::<WebhookEndpoint>(&mut *work.tx, &id, &Preconditions::default()).await?;
    let until = work.tx.now().saturating_add(i64::from(body.value.overlap_s) * 1_000_000);
    let rotated = endpoints::rotate_secret(&op.shared.vault, &mut *work.tx, row, until).await;
    let (endpoint, secret) = rotated.map_err(Problem::from)?;
    let answer = |secret| Answer::new(StatusCode::OK, &item(endpoint.clone(), secret));
    work.finish_keeping(answer(Some(&secret))?, &answer(None)?).await
}

/// Sends a message to try the endpoint out, whatever its filter.
#[utoipa::path(
    post, path = "/v1/webhook-endpoints/{id}/test", tag = "Webhooks", security(("bearer" = ["webhooks:send"])),
    params(("id" = String, Path, description = "`whk_…`")),
    responses((status = 202, description = "It is on the way", body = DeliveryItem)),
)]
async fn test_webhook_endpoint(
    op: Op<WebhooksSend>,
    PathId(id): PathId<EndpointId>,
    body: Empty,
) -> Result<Response, Stop> {
    let mut work = op.begin_once(&body.once).await?;
    crud::current::<WebhookEndpoint>(&mut *work.tx, &id, &Preconditions::default()).await?;
    let delivery = endpoints::try_out(&mut *work.tx, &id).await?;
    let answer = Answer::new(StatusCode::ACCEPTED, &Item::of(delivery, DeliveryView::of))?;
    let response = work.finish(answer).await?;
    op.shared.deliveries.wake();
    Ok(response)
}

/// Sends the messages of a time again, the newest 500 of them.
#[utoipa::path(
    post, path = "/v1/webhook-endpoints/{id}/replay", tag = "Webhooks", security(("bearer" = ["webhooks:send"])),
    params(("id" = String, Path, description = "`whk_…`")), request_body = ReplayForm,
    responses((status = 202, description = "They are on the way", body = ReplayView)),
)]
async fn replay_webhook_endpoint(
    op: Op<WebhooksSend>,
    PathId(id): PathId<EndpointId>,
    body: Body<ReplayForm>,
) -> Result<Response, Stop> {
    let time = |text: &str| text.parse::<Timestamp>().map(Timestamp::as_microsecond).unwrap_or_default();
    let ReplayForm { from, until, failed_only } = body.value;
    let chosen = Replay { from: time(&from), until: time(&until), failed_only };
    let mut work = op.begin_once(&body.once).await?;
    crud::current::<WebhookEndpoint>(&mut *work.tx, &id, &Preconditions::default()).await?;
    let Replayed { deliveries, complete } = endpoints::replay(&*op.store, &mut *work.tx, &id, chosen).await?;
    let answer = Answer::new(StatusCode::ACCEPTED, &ReplayView { deliveries, complete })?;
    let response = work.finish(answer).await?;
    op.shared.deliveries.wake();
    Ok(response)
}

/// Lists what can be told.
#[utoipa::path(
    get, path = "/v1/webhook-events", tag = "Webhooks", security(("bearer" = ["webhooks:read"])),
    responses((status = 200, description = "All of it", body = EventsView)),
)]
async fn list_webhook_events(_: Op<WebhooksRead>) -> Json<EventsView> {
    let view = |kind: &EventType| EventView { r#type: kind.as_str(), description: kind.about() };
    Json(EventsView { data: EventType::ALL.iter().map(view).collect() })
}
