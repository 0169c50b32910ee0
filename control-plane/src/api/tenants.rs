//! `/v1/tenants` for those who run the platform, and `/v1/tenant` for the people of one.

use super::{
    body::{Body, Check, Empty, Patch},
    crud::{self, Form, Reference},
    etag::Preconditions,
    item::{Item, Named},
    need::{Need, TenantClose, TenantRead, TenantUpdate, TenantsManage, TenantsRead},
    once::{Answer, Stop},
    op::{Op, PlatformOp},
    page::{List, Page, PageParams},
    provisioning::{ProvisioningForm, SetUp},
    schema,
    settings::SettingsForm,
};
use crate::{
    number_events,
    problem::{Code, FaultCode, Faults, Problem},
    recordings::RETENTION,
    shared::Shared,
};
use axum::{Json, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{
    Filter, Stored, TenantId,
    model::{
        number::{Number, NumberStatus},
        tenant::{Tenant, TenantStatus},
        work::WorkKind,
    },
};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Numbers of a tenant that are read at once when it is closed.
const NUMBERS_AT_ONCE: u16 = 500;

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(list_tenants, create_tenant))
        .routes(routes!(read_tenant, update_tenant))
        .routes(routes!(suspend_tenant))
        .routes(routes!(resume_tenant))
        .routes(routes!(close_tenant))
        .routes(routes!(read_own_tenant, update_own_tenant))
}

type TenantItem = Item<TenantView>;
type TenantPatch = Patch<TenantForm>;

/// A tenant.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TenantView {
    /// For people.
    name: String,
    /// A short name; no two tenants have the same.
    slug: String,
    /// Whether it is served; `provisioning`: it is being set up at the carrier, and will be.
    #[schema(schema_with = schema::word::<TenantStatus>)]
    status: TenantStatus,
    /// Where to follow how it is set up, while it is.
    #[schema(example = "/v1/tenants/ten_01hzy2m3n4p5q6r7s8t9v0w1x2/provisioning")]
    provisioning: Option<String>,
    /// How it wants to be served.
    settings: SettingsForm,
}

/// A tenant that is to be served.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTenant {
    /// For people.
    #[schema(min_length = 1, max_length = 200, example = "Example Ltd")]
    name: String,
    /// A short name in lower-case letters, digits and hyphens; no two tenants have the same.
    #[schema(
        min_length = 1,
        max_length = 63,
        pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
        example = "example"
    )]
    slug: String,
    /// How it wants to be served.
    #[serde(default)]
    settings: SettingsForm,
    /// It is set up at the carrier: `{}` makes a subaccount for it, `account` is its own. Without it nothing is ordered, and the tenant
    /// is served as soon as it has an account and a number.
    #[serde(default, skip_serializing)]
    provisioning: Option<ProvisioningForm>,
}

/// What of a tenant can be changed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantForm {
    /// For people.
    #[schema(min_length = 1, max_length = 200, example = "Example Ltd")]
    name: String,
    /// How it wants to be served.
    #[serde(default)]
    settings: SettingsForm,
}

/// Which tenants to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TenantParams {
    /// With this status.
    #[param(schema_with = schema::word::<TenantStatus>)]
    status: Option<TenantStatus>,
}

impl Named for TenantView {
    const NAME: &'static str = "Tenant";
}

impl Named for TenantForm {
    const NAME: &'static str = "Tenant";
}

impl TenantView {
    fn of(id: &TenantId, tenant: Tenant) -> Self {
        let is_set_up = tenant.status == TenantStatus::Provisioning;
        Self {
            name: tenant.name,
            slug: tenant.slug,
            status: tenant.status,
            provisioning: is_set_up.then(|| format!("/v1/tenants/{id}/provisioning")),
            settings: tenant.settings.into(),
        }
    }
}

fn shown(row: Stored<Tenant>) -> TenantItem {
    let id = row.id.clone();
    Item::of(row, |tenant| TenantView::of(&id, tenant))
}

impl Check for NewTenant {
    fn check(&self, faults: &mut Faults) {
        faults.text("name", &self.name, 1, 200);
        let fits = (1..=63).contains(&self.slug.len())
            && self.slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !self.slug.starts_with('-')
            && !self.slug.ends_with('-');
        if !fits {
            let detail =
                "it must have 1 to 63 lower-case letters, digits or hyphens, none of these at the ends";
            faults.add_at("slug", FaultCode::InvalidValue, detail);
        }
        faults.field("settings", |faults| self.settings.check(faults));
        if let Some(provisioning) = &self.provisioning {
            faults.field("provisioning", |faults| provisioning.check(faults));
        }
    }
}

impl Check for TenantForm {
    fn check(&self, faults: &mut Faults) {
        faults.text("name", &self.name, 1, 200);
        faults.field("settings", |faults| self.settings.check(faults));
    }
}

impl Form for TenantForm {
    type Resource = Tenant;
    const PATH: &'static str = "/v1/tenants";

    fn of(tenant: Tenant) -> Self {
        Self { name: tenant.name, settings: tenant.settings.into() }
    }

    fn into_resource(self, before: Option<Tenant>) -> Tenant {
        let (slug, status) =
            before.map_or((String::new(), TenantStatus::Provisioning), |tenant| (tenant.slug, tenant.status));
        Tenant { name: self.name, slug, status, settings: self.settings.into() }
    }

    fn references(&self) -> Vec<Reference> {
        self.settings.references("/settings")
    }
}

/// Lists the tenants, newest first.
#[utoipa::path(
    get, path = "/v1/tenants", tag = "Tenants", security(("bearer" = ["tenants:read"])), params(PageParams, TenantParams),
    responses((status = 200, description = "A page of them", body = Page<TenantItem>)),
)]
async fn list_tenants(
    op: PlatformOp<TenantsRead>,
    list: List<TenantParams>,
) -> Result<Json<Page<TenantItem>>, Problem> {
    let filter = list.resources::<Tenant>()?;
    // The platform's own row is among them, and is no tenant to whoever asks.
    let filter = Filter { limit: filter.limit.saturating_add(1), ..filter };
    let filter = match list.filter.status {
        Some(status) => filter.with_status(status.as_str()),
        None => filter,
    };
    let mut rows = op.store.list::<Tenant>(&filter).await?;
    rows.retain(|row| row.id != TenantId::platform());
    rows.truncate(usize::from(list.one_more()));
    Ok(Json(list.page_of(rows, shown)))
}

/// Adds a tenant, and has it set up at the carrier if that is asked for: what is ordered is written with the tenant, so there is never one
/// without the other.
#[utoipa::path(
    post, path = "/v1/tenants", tag = "Tenants", security(("bearer" = ["tenants:manage"])), request_body = NewTenant,
    responses((status = 201, description = "It is there", body = TenantItem)),
)]
async fn create_tenant(op: PlatformOp<TenantsManage>, body: Body<NewTenant>) -> Result<Response, Stop> {
    let NewTenant { name, slug, settings, provisioning } = body.value;
    op.answered_before(&body.once).await?;
    let ordered = match provisioning {
        Some(form) => Some(SetUp::of(&op.shared, form).await?),
        None => None,
    };
    let mut work = op.begin_once(&body.once).await?;
    // A tenant that is not there yet has nothing that could be named.
    crud::check_references(&mut *work.tx, &settings.references("/settings")).await?;
    let status = if ordered.is_some() { TenantStatus::Provisioning } else { TenantStatus::Active };
    let tenant = Tenant { name, slug, status, settings: settings.into() };
    let row = work.tx.insert(tenant).await?;
    if let Some(SetUp { own, wish }) = ordered {
        op.shared.provisioner.admit(&mut *work.tx, &row.id, own.as_ref(), wish).await?;
    }
    let (version, location) = (row.version, format!("/v1/tenants/{}", row.id));
    let answer = Answer::created(&shown(row), location, version)?;
    let response = work.finish(answer).await?;
    op.shared.provisioner.wake();
    Ok(response)
}

/// Reads a tenant.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant_id}", tag = "Tenants", security(("bearer" = ["tenant:read"])),
    params(("tenant_id" = String, Path, description = "`ten_…`")),
    responses((status = 200, description = "The tenant", body = TenantItem), (status = 304, description = "As it is known")),
)]
async fn read_tenant(op: Op<TenantRead>, known: Preconditions) -> Result<Response, Problem> {
    crud::read(&op, op.tenant(), &known, |tenant| TenantView::of(op.tenant(), tenant)).await
}

/// Changes a tenant.
#[utoipa::path(
    patch, path = "/v1/tenants/{tenant_id}", tag = "Tenants", security(("bearer" = ["tenant:update"])),
    params(("tenant_id" = String, Path, description = "`ten_…`")), request_body = TenantPatch,
    responses((status = 200, description = "As it is now", body = TenantItem)),
)]
async fn update_tenant(
    op: Op<TenantUpdate>,
    known: Preconditions,
    patch: TenantPatch,
) -> Result<Response, Problem> {
    change(&op, &known, &patch).await
}

/// Reads one's own tenant.
#[utoipa::path(
    get, path = "/v1/tenant", tag = "Tenants", security(("bearer" = ["tenant:read"])),
    responses((status = 200, description = "The tenant", body = TenantItem), (status = 304, description = "As it is known")),
)]
async fn read_own_tenant(op: Op<TenantRead>, known: Preconditions) -> Result<Response, Problem> {
    crud::read(&op, op.tenant(), &known, |tenant| TenantView::of(op.tenant(), tenant)).await
}

/// Changes one's own tenant.
#[utoipa::path(
    patch, path = "/v1/tenant", tag = "Tenants", security(("bearer" = ["tenant:update"])), request_body = TenantPatch,
    responses((status = 200, description = "As it is now", body = TenantItem)),
)]
async fn update_own_tenant(
    op: Op<TenantUpdate>,
    known: Preconditions,
    patch: TenantPatch,
) -> Result<Response, Problem> {
    change(&op, &known, &patch).await
}

/// Changes a tenant. Recordings that are there get the end that a changed retention gives them.
async fn change<N>(op: &Op<N>, known: &Preconditions, patch: &TenantPatch) -> Result<Response, Problem> {
    let mut tx = op.begin().await?;
    let row = crud::current::<Tenant>(&mut *tx, op.tenant(), known).await?;
    let form = patch.apply(&TenantForm::of(row.value.clone()))?;
    crud::check_references(&mut *tx, &form.references()).await?;
    let before = row.value.settings.recording.clone();
    let changed = tx.update(op.tenant(), row.version, form.into_resource(Some(row.value))).await?;
    let now = &changed.value.settings.recording;
    let is_other_end = (now.retention_days, now.legal_hold) != (before.retention_days, before.legal_hold);
    if is_other_end {
        let at = tx.now();
        tx.schedule(WorkKind::Recording, RETENTION, at).await?;
    }
    tx.commit().await?;
    if is_other_end {
        op.shared.recordings.wake();
    }
    Ok(Preconditions::default().show(changed.version, &shown(changed)))
}

/// Suspends a tenant: its calls are turned away, its data is kept and can be read.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant_id}/suspend", tag = "Tenants", security(("bearer" = ["tenants:manage"])),
    params(("tenant_id" = String, Path, description = "`ten_…`")),
    responses((status = 200, description = "As it is now", body = TenantItem)),
)]
async fn suspend_tenant(op: Op<TenantsManage>, body: Empty) -> Result<Response, Stop> {
    move_to(&op, &body, TenantStatus::Suspended).await
}

/// Serves a suspended tenant again.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant_id}/resume", tag = "Tenants", security(("bearer" = ["tenants:manage"])),
    params(("tenant_id" = String, Path, description = "`ten_…`")),
    responses((status = 200, description = "As it is now", body = TenantItem)),
)]
async fn resume_tenant(op: Op<TenantsManage>, body: Empty) -> Result<Response, Stop> {
    move_to(&op, &body, TenantStatus::Active).await
}

/// Ends a tenant, for good. Its numbers are answered no more; its data waits for the end of its retention.
///
/// What it has at the carrier stays there and goes on to cost money until its provisioning is undone (`POST /v1/jobs/{id}/cancel`).
#[utoipa::path(
    post, path = "/v1/tenants/{tenant_id}/close", tag = "Tenants", security(("bearer" = ["tenant:close"])),
    params(("tenant_id" = String, Path, description = "`ten_…`")),
    responses((status = 200, description = "As it is now", body = TenantItem)),
)]
async fn close_tenant(op: Op<TenantClose>, body: Empty) -> Result<Response, Stop> {
    move_to(&op, &body, TenantStatus::Closed).await
}

async fn move_to<N: Need>(op: &Op<N>, body: &Empty, to: TenantStatus) -> Result<Response, Stop> {
    let numbers = if to == TenantStatus::Closed { active_numbers(op).await? } else { Vec::new() };
    let mut work = op.begin_once(&body.once).await?;
    let row = crud::current::<Tenant>(&mut *work.tx, op.tenant(), &Preconditions::default()).await?;
    if row.value.status == TenantStatus::Closed && to != TenantStatus::Closed {
        return Err(Problem::new(Code::Conflict, "the tenant is closed, for good").into());
    }
    for number in numbers {
        let inactive = Number { status: NumberStatus::Inactive, ..number.value.clone() };
        number_events::change(&mut *work.tx, &number.id, number.version, &number.value, inactive).await?;
    }
    let row = if row.value.status == to {
        row
    } else {
        let changed = Tenant { status: to, ..row.value };
        work.tx.update(op.tenant(), row.version, changed).await?
    };
    let answer = Answer::changed(StatusCode::OK, row.version, &shown(row))?;
    work.finish(answer).await
}

/// The tenant's numbers that are answered.
async fn active_numbers<N>(op: &Op<N>) -> Result<Vec<Stored<Number>>, Problem> {
    let mut numbers = Vec::new();
    let mut filter = Filter::first(NUMBERS_AT_ONCE).with_status(NumberStatus::Active.as_str());
    loop {
        let some = op.store.list::<Number>(&filter).await?;
        let Some(last) = some.last().map(|number| number.id.clone()) else { return Ok(numbers) };
        numbers.extend(some);
        filter = filter.after(last.as_str());
    }
}
