//! A tenant's telephony on one page, as the per-company systems had it: `GET` and `PUT /v1/tenants/{tenant_id}/providers/twilio`,
//! and the same at its old address. It is a view of the tenant's account, numbers and settings, not a thing of its own.

mod form;
mod write;

use super::{
    body::Body,
    need::{AccountsManage, AccountsRead},
    op::Op,
};
use crate::{clock::rfc3339, problem::Problem, shared::Shared};
use axum::Json;
use form::{ConfigForm, ConfigView, NumberView, RoutingMode};
use std::sync::Arc;
use store::{
    Filter, Stored,
    model::{
        account::ProviderAccount,
        number::{Destination, Number, NumberStatus},
        tenant::Tenant,
    },
};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Numbers on the page. A tenant with more sees the newest.
const NUMBERS: u16 = 1_000;

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(read_twilio, put_twilio))
        .routes(routes!(read_company_twilio, put_company_twilio))
}

/// Reads a tenant's telephony on one page.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant_id}/providers/twilio", tag = "Provider accounts",
    security(("bearer" = ["accounts:read"])), params(("tenant_id" = String, Path, description = "`ten_…`")),
    responses((status = 200, description = "The page", body = ConfigView)),
)]
async fn read_twilio(op: Op<AccountsRead>) -> Result<Json<ConfigView>, Problem> {
    read(&op).await
}

/// Changes a tenant's telephony on one page. Credentials are stored once Twilio has taken them.
#[utoipa::path(
    put, path = "/v1/tenants/{tenant_id}/providers/twilio", tag = "Provider accounts",
    security(("bearer" = ["accounts:manage"])), params(("tenant_id" = String, Path, description = "`ten_…`")),
    request_body = ConfigForm, responses((status = 200, description = "As it is now", body = ConfigView)),
)]
async fn put_twilio(op: Op<AccountsManage>, body: Body<ConfigForm>) -> Result<Json<ConfigView>, Problem> {
    write::write(&op, body.value).await?;
    read(&op).await
}

/// Reads a company's telephony; the same as `/v1/tenants/{tenant_id}/providers/twilio` at its old address.
#[utoipa::path(
    get, path = "/api/companies/{tenant_id}/twilio/config", tag = "Provider accounts",
    security(("bearer" = ["accounts:read"])), params(("tenant_id" = String, Path, description = "`ten_…`")),
    responses((status = 200, description = "The page", body = ConfigView)),
)]
async fn read_company_twilio(op: Op<AccountsRead>) -> Result<Json<ConfigView>, Problem> {
    read(&op).await
}

/// Changes a company's telephony; the same as `/v1/tenants/{tenant_id}/providers/twilio` at its old address.
#[utoipa::path(
    put, path = "/api/companies/{tenant_id}/twilio/config", tag = "Provider accounts",
    security(("bearer" = ["accounts:manage"])), params(("tenant_id" = String, Path, description = "`ten_…`")),
    request_body = ConfigForm, responses((status = 200, description = "As it is now", body = ConfigView)),
)]
async fn put_company_twilio(
    op: Op<AccountsManage>,
    body: Body<ConfigForm>,
) -> Result<Json<ConfigView>, Problem> {
    write::write(&op, body.value).await?;
    read(&op).await
}

async fn read<N>(op: &Op<N>) -> Result<Json<ConfigView>, Problem> {
    let tenant = tenant(op).await?;
    let account = account(op).await?;
    let numbers = numbers(op).await?;
    let primary = primary(&numbers);
    let (mode, forward_number, whisper_message) = mode_of(primary.map(|number| &number.value));
    let changed = [Some(tenant.updated_at), account.as_ref().map(|account| account.updated_at)];
    let changed = changed.into_iter().flatten().chain(numbers.iter().map(|number| number.updated_at)).max();
    let has = |name| account.as_ref().is_some_and(|account| account.value.secrets.contains_key(name));
    Ok(Json(ConfigView {
        has_auth_token: has("auth_token"),
        has_api_secret: has("api_key_secret"),
        api_key: account.as_ref().and_then(|account| account.value.properties.get("api_key_sid").cloned()),
        account_sid: account.map(|account| account.value.sid),
        phone_number: primary.map(|number| number.value.e164.clone()),
        phone_numbers: numbers.into_iter().map(|number| NumberView::of(number.value)).collect(),
        call_routing_mode: mode,
        forward_number,
        recording_enabled: tenant.value.settings.recording.enabled,
        whisper_message,
        last_updated: changed.map(rfc3339),
    }))
}

async fn tenant<N>(op: &Op<N>) -> Result<Stored<Tenant>, Problem> {
    op.store.get::<Tenant>(op.tenant()).await?.ok_or_else(|| Problem::not_found("tenant"))
}

/// The account at Twilio that is tried first; the older of two.
async fn account<N>(op: &Op<N>) -> Result<Option<Stored<ProviderAccount>>, Problem> {
    let filter = Filter::first(100).of("twilio").oldest_first();
    let accounts = op.store.list::<ProviderAccount>(&filter).await?;
    Ok(accounts.into_iter().min_by_key(|account| account.value.priority))
}

/// The numbers that are not given back.
async fn numbers<N>(op: &Op<N>) -> Result<Vec<Stored<Number>>, Problem> {
    let mut numbers = op.store.list::<Number>(&Filter::first(NUMBERS)).await?;
    numbers.retain(|number| number.value.status != NumberStatus::Released);
    Ok(numbers)
}

/// The number to call from, else the newest active one.
fn primary(numbers: &[Stored<Number>]) -> Option<&Stored<Number>> {
    let mut active = numbers.iter().filter(|number| number.value.status == NumberStatus::Active);
    let first = active.clone().next();
    active.find(|number| number.value.primary).or(first)
}

/// What answers a number, as one word; the first destination decides.
fn mode_of(number: Option<&Number>) -> (RoutingMode, Option<String>, Option<String>) {
    word_of(number.and_then(|number| number.routing.during.first()))
}

fn word_of(destination: Option<&Destination>) -> (RoutingMode, Option<String>, Option<String>) {
    match destination {
        Some(Destination::Voicemail { .. }) => (RoutingMode::Voicemail, None, None),
        Some(Destination::Forward { number, whisper, .. }) => {
            (RoutingMode::Forward, Some(number.clone()), whisper.clone())
        }
        None
        | Some(
            Destination::Assistant { .. }
            | Destination::User { .. }
            | Destination::Queue { .. }
            | Destination::Message { .. },
        ) => (RoutingMode::AiAgent, None, None),
    }
}
