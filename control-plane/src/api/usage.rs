//! `/v1/usage`, `/v1/budgets` and `/v1/prices`: what was used, what it costs, and how much may be spent.

use super::{
    body::{Body, Check, Patch},
    calls::call_of,
    crud::{self, Form},
    etag::Preconditions,
    item::{Item, Named},
    need::{BudgetsManage, CallsRead, TenantsManage, UsageRead},
    once::Stop,
    op::{Op, PlatformOp},
    page::{All, List, Page, PageParams},
    path::PathId,
    schema,
};
use crate::{
    clock::{now_us, rfc3339},
    costs,
    problem::{Code, FaultCode, Faults, Problem},
    shared::Shared,
};
use axum::{Json, http::StatusCode, response::Response};
use jiff::Timestamp;
use pricing::{budget, money, period};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{
    CallId,
    ids::BudgetId,
    model::{
        tenant::Tenant,
        usage::{Budget, BudgetPeriod, Price, Usage, UsageTotal},
    },
};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(read_usage))
        .routes(routes!(read_call_usage))
        .routes(routes!(list_budgets, create_budget))
        .routes(routes!(read_budget, update_budget, delete_budget))
        .routes(routes!(list_prices, create_price))
}

/// Which time is looked at.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UsageParams {
    /// From this time on; without it the present month, by the tenant's clock.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<String>,
    /// Before this time; without it now.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<String>,
}

/// What was used of one kind.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UsageView {
    /// What, such as `voice_inbound`.
    kind: String,
    /// Of what, such as `minute`.
    unit: String,
    /// How often.
    uses: i64,
    /// How much, a decimal number.
    #[schema(example = "12.5")]
    quantity: String,
    /// What it costs, a decimal number.
    #[schema(example = "0.10625")]
    cost: String,
    /// ISO 4217.
    #[schema(example = "USD")]
    currency: String,
}

/// What was used in a span of time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UsageReport {
    #[schema(format = DateTime)]
    from: String,
    #[schema(format = DateTime)]
    until: String,
    data: Vec<UsageView>,
}

impl From<UsageTotal> for UsageView {
    fn from(total: UsageTotal) -> Self {
        Self {
            kind: total.kind,
            unit: total.unit,
            uses: total.uses,
            quantity: money::decimal(total.quantity_micros),
            cost: money::decimal(total.cost_micros),
            currency: total.currency,
        }
    }
}

/// What a call used.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallUsageView {
    kind: String,
    unit: String,
    #[schema(example = "2")]
    quantity: String,
    #[schema(example = "0.017")]
    cost: String,
    currency: String,
    /// Whether the cost comes from the price list, not from the provider.
    estimated: bool,
}

/// What a call used.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallUsage {
    data: Vec<CallUsageView>,
}

impl From<Usage> for CallUsageView {
    fn from(usage: Usage) -> Self {
        Self {
            kind: usage.kind,
            unit: usage.unit,
            quantity: money::decimal(usage.quantity_micros),
            cost: money::decimal(usage.cost_micros),
            currency: usage.currency,
            estimated: usage.estimated,
        }
    }
}

/// Reads what was used in a span of time, by kind, unit and currency.
#[utoipa::path(
    get, path = "/v1/usage", tag = "Usage", security(("bearer" = ["usage:read"])), params(UsageParams),
    responses((status = 200, description = "What was used", body = UsageReport)),
)]
async fn read_usage(op: Op<UsageRead>, list: List<UsageParams>) -> Result<Json<UsageReport>, Problem> {
    let now = now_us();
    let from = match &list.filter.from {
        Some(text) => time("from", text)?,
        None => {
            let zone = time_zone(&op).await?;
            let month = period(BudgetPeriod::Month, now, &zone);
            month.map_err(|cause| Problem::new(Code::Internal, cause.to_string()))?.start
        }
    };
    let until = list.filter.until.as_deref().map_or(Ok(now), |text| time("until", text))?;
    let totals = op.store.usage(from, until).await?;
    let data = totals.into_iter().map(UsageView::from).collect();
    Ok(Json(UsageReport { from: rfc3339(from), until: rfc3339(until), data }))
}

async fn time_zone<N>(op: &Op<N>) -> Result<String, Problem> {
    let tenant = op.store.get::<Tenant>(op.tenant()).await?;
    Ok(tenant.map_or_else(|| "UTC".to_owned(), |tenant| tenant.value.settings.time_zone))
}

fn time(name: &str, text: &str) -> Result<i64, Problem> {
    let time: Result<Timestamp, _> = text.parse();
    time.map(|time| time.as_microsecond())
        .map_err(|_| Problem::parameter(name, "an RFC 3339 time is needed, such as 2026-11-21T04:00:00Z"))
}

/// Reads what a call used and cost.
#[utoipa::path(
    get, path = "/v1/calls/{id}/usage", tag = "Usage", security(("bearer" = ["calls:read"])),
    params(("id" = String, Path, description = "`call_…`")),
    responses((status = 200, description = "What it used", body = CallUsage)),
)]
async fn read_call_usage(op: Op<CallsRead>, PathId(id): PathId<CallId>) -> Result<Json<CallUsage>, Problem> {
    call_of(&op, &id).await?;
    let data = op.store.usage_of(&id).await?.into_iter().map(CallUsageView::from).collect();
    Ok(Json(CallUsage { data }))
}

/// How much may be spent.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BudgetForm {
    /// For people; no two budgets have the same.
    #[schema(min_length = 1, max_length = 100, example = "All calls")]
    name: String,
    /// Of what; without it of everything.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 50, example = "ai_tokens")]
    kind: Option<String>,
    /// How long it has to last, by the tenant's clock.
    #[schema(schema_with = schema::word::<BudgetPeriod>)]
    period: BudgetPeriod,
    /// How much, a decimal number with at most six digits after the point.
    #[schema(pattern = r"^[0-9]{1,9}(\.[0-9]{1,6})?$", example = "250.00")]
    limit: String,
    /// ISO 4217.
    #[serde(default = "dollars")]
    #[schema(pattern = "^[A-Z]{3}$", default = dollars)]
    currency: String,
    /// Whether no calls are placed beyond it. Calls that come in are always answered.
    #[serde(default)]
    #[schema(default = false)]
    hard: bool,
    /// An alert is given at each of these percentages, once in a period.
    #[serde(default = "thresholds")]
    #[schema(max_items = 10, example = json!([50, 80, 100]))]
    alert_percents: Vec<u8>,
}

fn dollars() -> String {
    "USD".to_owned()
}

fn thresholds() -> Vec<u8> {
    vec![80, 100]
}

impl Named for BudgetForm {
    const NAME: &'static str = "Budget";
}

impl Check for BudgetForm {
    fn check(&self, faults: &mut Faults) {
        faults.text("name", &self.name, 1, 100);
        if let Some(kind) = &self.kind {
            faults.text("kind", kind, 1, 50);
        }
        check_amount(faults, "limit", &self.limit);
        check_currency(faults, &self.currency);
        faults.at_most("alert_percents", &self.alert_percents, 10);
        faults.each("alert_percents", &self.alert_percents, |faults, percent| {
            if !(1..=200).contains(percent) {
                faults.add(FaultCode::OutOfRange, "it must be 1 to 200");
            }
        });
    }
}

fn check_amount(faults: &mut Faults, name: &str, text: &str) {
    let amount = money::parse_decimal(text).filter(|amount| (0..1_000_000_000_000_000).contains(amount));
    if amount.is_none() {
        faults.add_at(name, FaultCode::InvalidValue, "it must be a decimal number below 1,000,000,000");
    }
}

fn check_currency(faults: &mut Faults, currency: &str) {
    if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
        faults.add_at("currency", FaultCode::InvalidValue, "it must be three capital letters, such as USD");
    }
}

impl Form for BudgetForm {
    type Resource = Budget;
    const PATH: &'static str = "/v1/budgets";

    fn of(budget: Budget) -> Self {
        Self {
            name: budget.name,
            kind: budget.kind,
            period: budget.period,
            limit: money::decimal(budget.limit_micros),
            currency: budget.currency,
            hard: budget.hard,
            alert_percents: budget.alert_percents,
        }
    }

    fn into_resource(self, before: Option<Budget>) -> Budget {
        // What was checked is read.
        let limit_micros = money::parse_decimal(&self.limit).unwrap_or_default();
        // Another limit, or other thresholds: what was told does not count any more.
        let alerted = before
            .filter(|before| {
                before.limit_micros == limit_micros && before.alert_percents == self.alert_percents
            })
            .and_then(|before| before.alerted);
        Budget {
            name: self.name,
            kind: self.kind,
            period: self.period,
            limit_micros,
            currency: self.currency,
            hard: self.hard,
            alert_percents: self.alert_percents,
            alerted,
        }
    }
}

type BudgetItem = Item<BudgetForm>;
type BudgetPatch = Patch<BudgetForm>;

/// A budget and how much of it was spent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BudgetState {
    id: String,
    #[serde(flatten)]
    budget: BudgetForm,
    /// What was spent in the present period, a decimal number.
    spent: String,
    /// The same in percent of the limit.
    percent: i64,
    #[schema(format = DateTime)]
    period_start: String,
    #[schema(format = DateTime)]
    period_end: String,
}

/// All budgets.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BudgetStates {
    data: Vec<BudgetState>,
}

/// Lists the budgets with what was spent of them in the present period.
#[utoipa::path(
    get, path = "/v1/budgets", tag = "Usage", security(("bearer" = ["usage:read"])),
    responses((status = 200, description = "All of them", body = BudgetStates)),
)]
async fn list_budgets(op: Op<UsageRead>) -> Result<Json<BudgetStates>, Problem> {
    let zone = time_zone(&op).await?;
    let budgets = costs::budgets(&*op.store, &zone, now_us()).await;
    let budgets = budgets.map_err(|cause| match cause {
        costs::CostError::Store(cause) => cause.into(),
        other => Problem::new(Code::Internal, other.to_string()),
    })?;
    let state = |(row, period, spent): (store::Stored<Budget>, pricing::Period, i64)| BudgetState {
        id: row.id.to_string(),
        percent: budget::percent(&row.value, spent),
        budget: BudgetForm::of(row.value),
        spent: money::decimal(spent),
        period_start: rfc3339(period.start),
        period_end: rfc3339(period.end),
    };
    Ok(Json(BudgetStates { data: budgets.into_iter().map(state).collect() }))
}

/// Makes a budget.
#[utoipa::path(
    post, path = "/v1/budgets", tag = "Usage", security(("bearer" = ["budgets:manage"])), request_body = BudgetForm,
    responses((status = 201, description = "It is there", body = BudgetItem)),
)]
async fn create_budget(op: Op<BudgetsManage>, body: Body<BudgetForm>) -> Result<Response, Stop> {
    crud::create(&op, body, BudgetForm::of).await
}

/// Reads a budget.
#[utoipa::path(
    get, path = "/v1/budgets/{id}", tag = "Usage", security(("bearer" = ["usage:read"])),
    params(("id" = String, Path, description = "`bud_…`")),
    responses((status = 200, description = "The budget", body = BudgetItem), (status = 304, description = "As it is known")),
)]
async fn read_budget(
    op: Op<UsageRead>,
    PathId(id): PathId<BudgetId>,
    known: Preconditions,
) -> Result<Response, Problem> {
    crud::read(&op, &id, &known, BudgetForm::of).await
}

/// Changes a budget.
#[utoipa::path(
    patch, path = "/v1/budgets/{id}", tag = "Usage", security(("bearer" = ["budgets:manage"])),
    params(("id" = String, Path, description = "`bud_…`")), request_body = BudgetPatch,
    responses((status = 200, description = "As it is now", body = BudgetItem)),
)]
async fn update_budget(
    op: Op<BudgetsManage>,
    PathId(id): PathId<BudgetId>,
    known: Preconditions,
    patch: BudgetPatch,
) -> Result<Response, Problem> {
    crud::patch(&op, &id, &known, &patch, BudgetForm::of).await
}

/// Deletes a budget.
#[utoipa::path(
    delete, path = "/v1/budgets/{id}", tag = "Usage", security(("bearer" = ["budgets:manage"])),
    params(("id" = String, Path, description = "`bud_…`")),
    responses((status = 204, description = "It is gone")),
)]
async fn delete_budget(
    op: Op<BudgetsManage>,
    PathId(id): PathId<BudgetId>,
    known: Preconditions,
) -> Result<StatusCode, Problem> {
    crud::delete::<_, Budget>(&op, &id, &known).await
}

/// A price, from some time on until the next one for the same.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PriceForm {
    /// Whose.
    #[schema(min_length = 1, max_length = 50, example = "twilio")]
    provider: String,
    /// Where (ISO 3166), `*` for everywhere.
    #[schema(pattern = r"^([A-Z]{2}|\*)$", example = "US")]
    country: String,
    /// For what.
    #[schema(min_length = 1, max_length = 50, example = "voice_inbound")]
    kind: String,
    /// Per what.
    #[schema(min_length = 1, max_length = 50, example = "minute")]
    unit: String,
    /// How much, a decimal number with at most six digits after the point.
    #[schema(pattern = r"^[0-9]{1,9}(\.[0-9]{1,6})?$", example = "0.0085")]
    price: String,
    /// ISO 4217.
    #[serde(default = "dollars")]
    #[schema(pattern = "^[A-Z]{3}$", default = dollars)]
    currency: String,
    /// From when.
    #[schema(format = DateTime)]
    effective_from: String,
}

impl Named for PriceForm {
    const NAME: &'static str = "Price";
}

impl Check for PriceForm {
    fn check(&self, faults: &mut Faults) {
        for (name, text) in [("provider", &self.provider), ("kind", &self.kind), ("unit", &self.unit)] {
            faults.text(name, text, 1, 50);
        }
        let is_country =
            self.country.len() == 2 && self.country.bytes().all(|byte| byte.is_ascii_uppercase());
        if !is_country && self.country != pricing::EVERYWHERE {
            faults.add_at("country", FaultCode::InvalidValue, "it must be two capital letters, or *");
        }
        check_amount(faults, "price", &self.price);
        check_currency(faults, &self.currency);
        if self.effective_from.parse::<Timestamp>().is_err() {
            faults.add_at("effective_from", FaultCode::InvalidValue, "it must be an RFC 3339 time");
        }
    }
}

impl Form for PriceForm {
    type Resource = Price;
    const PATH: &'static str = "/v1/prices";

    fn of(price: Price) -> Self {
        Self {
            provider: price.provider,
            country: price.country,
            kind: price.kind,
            unit: price.unit,
            price: money::decimal(price.price_micros),
            currency: price.currency,
            effective_from: rfc3339(price.effective_from),
        }
    }

    fn into_resource(self, _: Option<Price>) -> Price {
        // What was checked is read.
        let effective_from = self.effective_from.parse::<Timestamp>().map_or(0, Timestamp::as_microsecond);
        Price {
            provider: self.provider,
            country: self.country,
            kind: self.kind,
            unit: self.unit,
            price_micros: money::parse_decimal(&self.price).unwrap_or_default(),
            currency: self.currency,
            effective_from,
        }
    }
}

type PriceItem = Item<PriceForm>;

/// Lists the prices that were set, newest first. Where none was set, those of a new installation hold.
#[utoipa::path(
    get, path = "/v1/prices", tag = "Usage", security(("bearer" = ["usage:read"])), params(PageParams),
    responses((status = 200, description = "A page of them", body = Page<PriceItem>)),
)]
async fn list_prices(op: Op<UsageRead>, list: List<All>) -> Result<Json<Page<PriceItem>>, Problem> {
    let platform = op.shared.whole_store().platform();
    let rows = platform.list::<Price>(&list.resources::<Price>()?).await?;
    Ok(Json(list.page_of(rows, |row| Item::of(row, PriceForm::of))))
}

/// Sets a price from some time on. A price that was set is not changed: what was reckoned with it stays right.
#[utoipa::path(
    post, path = "/v1/prices", tag = "Usage", security(("bearer" = ["tenants:manage"])), request_body = PriceForm,
    responses((status = 201, description = "It is there", body = PriceItem)),
)]
async fn create_price(op: PlatformOp<TenantsManage>, body: Body<PriceForm>) -> Result<Response, Stop> {
    crud::create(&op, body, PriceForm::of).await
}
