//! How a tenant's providers are, and for those who run the platform, everybody's.

use super::{
    body::Empty,
    need::{HealthCheck, HealthRead, TenantsRead},
    once::{Answer, Stop},
    op::{Op, PlatformOp},
};
use crate::{clock::rfc3339, problem::Problem, provider_health::worst, shared::Shared};
use axum::{Json, http::StatusCode, response::Response};
use serde::Serialize;
use std::{collections::BTreeMap, sync::Arc};
use store::{
    TenantId,
    model::work::{Health, HealthStatus},
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Providers that are listed for the platform, the worst first.
const LISTED: u16 = 1_000;

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(read_health))
        .routes(routes!(check_health))
        .routes(routes!(dependency_health))
        .routes(routes!(check_twilio_as_before))
}

/// How a provider is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schema(as = ProviderStatus)]
pub(crate) enum StatusView {
    /// It was asked, and serves.
    Healthy,
    /// It is slow (over 2 s), or an answer was lost.
    Degraded,
    /// It does not serve: somebody must act.
    Down,
    /// There are no credentials.
    NotConfigured,
}

impl From<HealthStatus> for StatusView {
    fn from(status: HealthStatus) -> Self {
        match status {
            HealthStatus::Healthy => Self::Healthy,
            HealthStatus::Degraded => Self::Degraded,
            HealthStatus::Down => Self::Down,
            HealthStatus::NotConfigured => Self::NotConfigured,
        }
    }
}

/// How a tenant's provider is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProviderHealth {
    /// Which provider.
    #[schema(example = "twilio")]
    name: String,
    /// The account's id, or the provider's name where the account is not in the store.
    subject: String,
    /// Whose it is.
    tenant: String,
    status: StatusView,
    /// Whether somebody must act.
    critical: bool,
    /// In words.
    message: String,
    /// Failures since it served last.
    failures: u32,
    /// How long the last answer took.
    latency_ms: Option<i64>,
    /// When it was asked last.
    #[schema(format = DateTime)]
    checked_at: String,
    details: HealthDetails,
}

/// What else is known.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HealthDetails {
    /// Where the credentials are from: `company:` and the tenant's name, `configuration`, or `none`.
    credential_source: String,
    /// The account's status at the provider.
    account_status: Option<String>,
}

impl ProviderHealth {
    fn of(tenant: &TenantId, health: Health) -> Self {
        let mut details: BTreeMap<String, String> = health.details;
        Self {
            name: details.remove("provider").unwrap_or_else(|| health.subject.clone()),
            subject: health.subject,
            tenant: tenant.as_str().to_owned(),
            status: health.status.into(),
            critical: health.critical,
            message: health.message,
            failures: health.failures,
            latency_ms: health.latency_ms,
            checked_at: rfc3339(health.checked_at),
            details: HealthDetails {
                credential_source: details.remove("credential_source").unwrap_or_default(),
                account_status: details.remove("account_status"),
            },
        }
    }
}

/// How providers are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthList {
    /// The worst of them.
    status: StatusView,
    /// Whether somebody must act on any.
    critical: bool,
    /// Each of them, at most 1,000, the worst first.
    dependencies: Vec<ProviderHealth>,
}

impl HealthList {
    fn of(mut rows: Vec<(TenantId, Health)>) -> Self {
        let status = worst(rows.iter().map(|(_, health)| health.status));
        let critical = rows.iter().any(|(_, health)| health.critical);
        rows.sort_by_key(|(_, health)| match health.status {
            HealthStatus::Down => 0,
            HealthStatus::Degraded => 1,
            HealthStatus::Healthy => 2,
            HealthStatus::NotConfigured => 3,
        });
        rows.truncate(usize::from(LISTED));
        let dependencies = rows.into_iter().map(|(tenant, health)| ProviderHealth::of(&tenant, health));
        Self { status: status.into(), critical, dependencies: dependencies.collect() }
    }
}

/// How the tenant's providers are. What is due is asked before.
#[utoipa::path(
    get, path = "/v1/health/providers", tag = "Health", security(("bearer" = ["health:read"])),
    responses((status = 200, description = "How they are", body = HealthList)),
)]
async fn read_health(op: Op<HealthRead>) -> Result<Json<HealthList>, Problem> {
    let rows = op.shared.monitor.check(op.tenant(), false).await?;
    Ok(Json(HealthList::of(rows.into_iter().map(|row| (op.tenant().clone(), row.value)).collect())))
}

/// Asks the tenant's providers now; the same as `/v1/health/providers/check` at its old address.
#[utoipa::path(
    post, path = "/api/real/test/twilio", tag = "Former routes", security(("bearer" = ["health:check"])),
    responses((status = 200, description = "How they are", body = HealthList)),
)]
async fn check_twilio_as_before(op: Op<HealthCheck>, body: Empty) -> Result<Response, Stop> {
    check_health(op, body).await
}

/// Asks the tenant's providers now.
#[utoipa::path(
    post, path = "/v1/health/providers/check", tag = "Health", security(("bearer" = ["health:check"])),
    responses((status = 200, description = "How they are", body = HealthList)),
)]
async fn check_health(op: Op<HealthCheck>, body: Empty) -> Result<Response, Stop> {
    op.answered_before(&body.once).await?;
    let rows = op.shared.monitor.check(op.tenant(), true).await?;
    let list = HealthList::of(rows.into_iter().map(|row| (op.tenant().clone(), row.value)).collect());
    let work = op.begin_once(&body.once).await?;
    work.finish(Answer::new(StatusCode::OK, &list)?).await
}

/// How the providers of all tenants are, each asked with its own credentials.
#[utoipa::path(
    get, path = "/api/admin/notifications/dependency-health", tag = "Health", security(("bearer" = ["tenants:read"])),
    responses((status = 200, description = "How they are", body = HealthList)),
)]
async fn dependency_health(op: PlatformOp<TenantsRead>) -> Result<Json<HealthList>, Problem> {
    let rows = op.shared.health_of_all(LISTED).await?;
    Ok(Json(HealthList::of(rows.into_iter().map(|row| (row.tenant, row.health)).collect())))
}
