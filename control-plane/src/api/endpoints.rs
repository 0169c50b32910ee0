//! `/v1/webhook-endpoints`: addresses that are told what happens. The secret that signs the messages is made here and shown
//! once.

use super::{
    body::{Body, Check, Empty, Patch},
    crud,
    etag::Preconditions,
    item::{Item, Named},
    need::{WebhooksManage, WebhooksRead},
    once::{Answer, Stop},
    op::Op,
    page::{All, List, Page, PageParams},
    path::PathId,
    schema,
};
use crate::{
    clock::rfc3339,
    problem::{FaultCode, Faults, Problem},
    shared::Shared,
};
use axum::{Json, http::StatusCode, response::Response};
use base64_simd::STANDARD;
use engine::provider::Secret;
use serde::{Deserialize, Serialize};
use std::{collections::HashSet, sync::Arc};
use store::{
    Stored,
    ids::EndpointId,
    model::webhook::{EndpointStatus, WebhookEndpoint},
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use vault::Place;

/// Bytes of a secret: Standard Webhooks asks for 24 to 64.
const SECRET_BYTES: usize = 32;

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(list_endpoints, create_endpoint))
        .routes(routes!(read_endpoint, update_endpoint, delete_endpoint))
        .routes(routes!(rotate_endpoint_secret))
}

type EndpointItem = Item<EndpointView>;
type SecretItem = Item<SecretView>;
type EndpointPatch = Patch<EndpointForm>;

/// An address that is told what happens.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EndpointView {
    /// Where.
    url: String,
    /// For people.
    name: String,
    /// Which kinds of events; empty: all.
    events: Vec<String>,
    /// Whether messages are sent.
    #[schema(schema_with = schema::word::<EndpointStatus>)]
    status: EndpointStatus,
    /// Since when every try failed.
    #[schema(format = DateTime)]
    failing_since: Option<String>,
}

/// The same with the secret, which is shown only now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SecretView {
    /// Signs the messages (Standard Webhooks); `null` where the answer comes again: it is kept nowhere in the open.
    #[schema(example = "whsec_…")]
    secret: Option<String>,
    /// Where.
    url: String,
    /// For people.
    name: String,
    /// Which kinds of events; empty: all.
    events: Vec<String>,
    /// Whether messages are sent.
    #[schema(schema_with = schema::word::<EndpointStatus>)]
    status: EndpointStatus,
    /// Since when every try failed.
    #[schema(format = DateTime)]
    failing_since: Option<String>,
}

/// What of it can be set.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EndpointForm {
    /// Where.
    #[schema(
        max_length = 2000,
        format = "uri",
        pattern = "^https?://",
        example = "https://example.com/tandem"
    )]
    url: String,
    /// For people.
    #[schema(min_length = 1, max_length = 100, example = "Our CRM")]
    name: String,
    /// Which kinds of events; empty: all.
    #[serde(default)]
    #[schema(max_items = 100, example = json!(["call.completed"]))]
    events: Vec<String>,
    /// Whether messages are sent.
    #[serde(default)]
    status: SendingForm,
}

/// Whether messages are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SendingForm {
    /// They are.
    #[default]
    Active,
    /// Not for now.
    Paused,
}

impl Named for EndpointView {
    const NAME: &'static str = "WebhookEndpoint";
}

impl Named for SecretView {
    const NAME: &'static str = "WebhookEndpointWithSecret";
}

impl Named for EndpointForm {
    const NAME: &'static str = "WebhookEndpoint";
}

impl EndpointView {
    fn of(endpoint: WebhookEndpoint) -> Self {
        Self {
            url: endpoint.url,
            name: endpoint.name,
            events: endpoint.events,
            status: endpoint.status,
            failing_since: endpoint.failing_since.map(rfc3339),
        }
    }
}

impl SecretView {
    fn of(endpoint: WebhookEndpoint, secret: Option<&Secret>) -> Self {
        let EndpointView { url, name, events, status, failing_since } = EndpointView::of(endpoint);
        let secret = secret.map(|secret| secret.reveal().to_owned());
        Self { secret, url, name, events, status, failing_since }
    }
}

impl EndpointForm {
    fn of(endpoint: &WebhookEndpoint) -> Self {
        let status = match endpoint.status {
            EndpointStatus::Active => SendingForm::Active,
            EndpointStatus::Paused | EndpointStatus::Disabled => SendingForm::Paused,
        };
        Self {
            url: endpoint.url.clone(),
            name: endpoint.name.clone(),
            events: endpoint.events.clone(),
            status,
        }
    }
}

impl SendingForm {
    const fn status(self) -> EndpointStatus {
        match self {
            Self::Active => EndpointStatus::Active,
            Self::Paused => EndpointStatus::Paused,
        }
    }
}

impl Check for EndpointForm {
    fn check(&self, faults: &mut Faults) {
        faults.web_address("url", &self.url);
        faults.text("name", &self.name, 1, 100);
        faults.at_most("events", &self.events, 100);
        let mut seen = HashSet::new();
        faults.each("events", &self.events, |faults, event| {
            let is_name = (1..=100).contains(&event.len())
                && event.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._".contains(&b));
            if !is_name {
                faults
                    .add(FaultCode::InvalidValue, "it must be the name of an event, such as call.completed");
            }
            if !seen.insert(event.clone()) {
                faults.add(FaultCode::Duplicate, "this event is in the list already");
            }
        });
    }
}

/// Lists the webhook endpoints, newest first.
#[utoipa::path(
    get, path = "/v1/webhook-endpoints", tag = "Webhooks", security(("bearer" = ["webhooks:read"])), params(PageParams),
    responses((status = 200, description = "A page of them", body = Page<EndpointItem>)),
)]
async fn list_endpoints(op: Op<WebhooksRead>, list: List<All>) -> Result<Json<Page<EndpointItem>>, Problem> {
    crud::list(&op, &list, |filter| filter, EndpointView::of).await
}

/// Makes a webhook endpoint. The secret that signs its messages is shown in this answer and never again.
#[utoipa::path(
    post, path = "/v1/webhook-endpoints", tag = "Webhooks", security(("bearer" = ["webhooks:manage"])),
    request_body = EndpointForm, responses((status = 201, description = "It is there", body = SecretItem)),
)]
async fn create_endpoint(op: Op<WebhooksManage>, body: Body<EndpointForm>) -> Result<Response, Stop> {
    let EndpointForm { url, name, events, status } = body.value;
    let (id, secret) = (EndpointId::generate(), new_secret());
    let mut work = op.begin_once(&body.once).await?;
    let sealed = op.shared.vault.seal_in(&mut *work.tx, &Place::webhook_endpoint(&id), &secret).await?;
    let endpoint = WebhookEndpoint {
        url,
        name,
        events,
        secret: sealed,
        previous_secret: None,
        previous_until: None,
        status: status.status(),
        failing_since: None,
    };
    let row = work.tx.insert_as(id, endpoint).await?;
    let location = format!("/v1/webhook-endpoints/{}", row.id);
    let answer = |secret| Answer::created(&with_secret(&row, secret), location.clone(), row.version);
    let (shown, kept) = (answer(Some(&secret))?, answer(None)?);
    work.finish_keeping(shown, &kept).await
}

/// Reads a webhook endpoint.
#[utoipa::path(
    get, path = "/v1/webhook-endpoints/{id}", tag = "Webhooks", security(("bearer" = ["webhooks:read"])),
    params(("id" = String, Path, description = "`whk_…`")),
    responses(
        (status = 200, description = "The endpoint", body = EndpointItem),
        (status = 304, description = "As it is known"),
    ),
)]
async fn read_endpoint(
    op: Op<WebhooksRead>,
    PathId(id): PathId<EndpointId>,
    known: Preconditions,
) -> Result<Response, Problem> {
    crud::read(&op, &id, &known, EndpointView::of).await
}

/// Changes a webhook endpoint. One that was disabled because its messages failed is tried again once it is active.
#[utoipa::path(
    patch, path = "/v1/webhook-endpoints/{id}", tag = "Webhooks", security(("bearer" = ["webhooks:manage"])),
    params(("id" = String, Path, description = "`whk_…`")), request_body = EndpointPatch,
    responses((status = 200, description = "As it is now", body = EndpointItem)),
)]
async fn update_endpoint(
    op: Op<WebhooksManage>,
    PathId(id): PathId<EndpointId>,
    known: Preconditions,
    patch: EndpointPatch,
) -> Result<Response, Problem> {
    let mut tx = op.begin().await?;
    let Stored { value: before, version, .. } =
        crud::current::<WebhookEndpoint>(&mut *tx, &id, &known).await?;
    let known_as = EndpointForm::of(&before);
    let EndpointForm { url, name, events, status } = patch.apply(&known_as)?;
    let (status, failing_since) = if status == known_as.status {
        (before.status, before.failing_since)
    } else {
        (status.status(), None)
    };
    let changed = WebhookEndpoint { url, name, events, status, failing_since, ..before };
    let changed = tx.update(&id, version, changed).await?;
    tx.commit().await?;
    Ok(crud::shown(changed, EndpointView::of))
}

/// Deletes a webhook endpoint.
#[utoipa::path(
    delete, path = "/v1/webhook-endpoints/{id}", tag = "Webhooks", security(("bearer" = ["webhooks:manage"])),
    params(("id" = String, Path, description = "`whk_…`")), responses((status = 204, description = "It is gone")),
)]
async fn delete_endpoint(
    op: Op<WebhooksManage>,
    PathId(id): PathId<EndpointId>,
    known: Preconditions,
) -> Result<StatusCode, Problem> {
    crud::delete::<_, WebhookEndpoint>(&op, &id, &known).await
}

/// Exchanges a webhook endpoint's secret. Messages are signed with both until the next exchange, so that there is time to
/// take the new one over. It is shown in this answer and never again.
#[utoipa::path(
    post, path = "/v1/webhook-endpoints/{id}/rotate-secret", tag = "Webhooks",
    security(("bearer" = ["webhooks:manage"])), params(("id" = String, Path, description = "`whk_…`")),
    responses((status = 200, description = "It has a new secret", body = SecretItem)),
)]
async fn rotate_endpoint_secret(
    op: Op<WebhooksManage>,
    PathId(id): PathId<EndpointId>,
    body: Empty,
) -> Result<Response, Stop> {
    let secret = new_secret();
    let mut work = op.begin_once(&body.once).await?;
    let row = crud::current::<WebhookEndpoint>(&mut *work.tx, &id, &Preconditions::default()).await?;
    let sealed = op.shared.vault.seal_in(&mut *work.tx, &Place::webhook_endpoint(&id), &secret).await?;
    let previous_secret = Some(row.value.secret.clone());
    let changed = WebhookEndpoint { secret: sealed, previous_secret, ..row.value };
    let row = work.tx.update(&id, row.version, changed).await?;
    let answer = |secret| Answer::changed(StatusCode::OK, row.version, &with_secret(&row, secret));
    let (shown, kept) = (answer(Some(&secret))?, answer(None)?);
    work.finish_keeping(shown, &kept).await
}

fn with_secret(row: &Stored<WebhookEndpoint>, secret: Option<&Secret>) -> SecretItem {
    Item::of(row.clone(), |endpoint| SecretView::of(endpoint, secret))
}

fn new_secret() -> Secret {
    let bytes: [u8; SECRET_BYTES] = rand::random();
    Secret::new(&format!("whsec_{}", STANDARD.encode_to_string(bytes)))
}
