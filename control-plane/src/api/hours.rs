//! `/v1/business-hours`: when a tenant is open.

use super::{
    body::{Body, Check, Patch},
    crud::{self, Form},
    etag::Preconditions,
    item::{Item, Named},
    need::{RoutingManage, RoutingRead},
    once::Stop,
    op::Op,
    page::{All, List, Page, PageParams},
    path::PathId,
    schema,
};
use crate::{
    problem::{FaultCode, Faults, Problem},
    shared::Shared,
};
use axum::{Json, http::StatusCode, response::Response};
use routing::hours::Hours;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{
    ids::HoursId,
    model::number::{BusinessHours, DateException, OpenSpan, WeeklySpan},
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default().routes(routes!(list_hours, create_hours)).routes(routes!(
        read_hours,
        update_hours,
        delete_hours
    ))
}

type HoursItem = Item<HoursForm>;
type HoursPatch = Patch<HoursForm>;

/// When a tenant is open.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HoursForm {
    /// For people; no two have the same.
    #[schema(min_length = 1, max_length = 100, example = "Office")]
    name: String,
    /// IANA name; `null`: the tenant's.
    #[serde(default)]
    #[schema(max_length = 64, example = "Europe/Berlin")]
    time_zone: Option<String>,
    /// The usual week.
    #[schema(max_items = 70)]
    weekly: Vec<WeeklyForm>,
    /// Holidays and other days that are not usual.
    #[serde(default)]
    #[schema(max_items = 400)]
    exceptions: Vec<ExceptionForm>,
}

/// A span of a weekday.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WeeklySpan)]
pub(crate) struct WeeklyForm {
    /// 1 is Monday, 7 Sunday (ISO 8601).
    #[schema(minimum = 1, maximum = 7)]
    weekday: u8,
    /// When it opens.
    #[schema(schema_with = schema::clock_time)]
    from: String,
    /// When it closes; `24:00` is the day's end, and what is not later than `from` is on the next day.
    #[schema(schema_with = schema::closing_time)]
    to: String,
}

/// A day that is not usual.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DateException)]
pub(crate) struct ExceptionForm {
    /// `YYYY-MM-DD`.
    #[schema(format = Date, example = "2026-12-25")]
    date: String,
    /// For people.
    #[schema(min_length = 1, max_length = 100, example = "Christmas")]
    name: String,
    /// When it is open that day; empty: not at all.
    #[serde(default)]
    #[schema(max_items = 10)]
    open: Vec<SpanForm>,
}

/// A span of a day.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OpenSpan)]
pub(crate) struct SpanForm {
    /// When it opens.
    #[schema(schema_with = schema::clock_time)]
    from: String,
    /// When it closes; `24:00` is the day's end, and what is not later than `from` is on the next day.
    #[schema(schema_with = schema::closing_time)]
    to: String,
}

impl Named for HoursForm {
    const NAME: &'static str = "BusinessHours";
}

impl Check for HoursForm {
    fn check(&self, faults: &mut Faults) {
        faults.text("name", &self.name, 1, 100);
        faults.at_most("weekly", &self.weekly, 70);
        faults.at_most("exceptions", &self.exceptions, 400);
        faults.each("exceptions", &self.exceptions, |faults, day| {
            faults.text("name", &day.name, 1, 100);
            faults.at_most("open", &day.open, 10);
        });
        // A zone of the tenant's that is not known is not these hours' fault.
        if let Err(found) = Hours::read(&self.clone().into_resource(None), "UTC") {
            for fault in found {
                faults.add_pointed(&fault.pointer, FaultCode::InvalidValue, fault.message);
            }
        }
    }
}

impl Form for HoursForm {
    type Resource = BusinessHours;
    const PATH: &'static str = "/v1/business-hours";

    fn of(hours: BusinessHours) -> Self {
        let span = |span: OpenSpan| SpanForm { from: span.from, to: span.to };
        let weekly = |span: WeeklySpan| WeeklyForm { weekday: span.weekday, from: span.from, to: span.to };
        let exception = |day: DateException| ExceptionForm {
            date: day.date,
            name: day.name,
            open: day.open.into_iter().map(span).collect(),
        };
        Self {
            name: hours.name,
            time_zone: hours.time_zone,
            weekly: hours.weekly.into_iter().map(weekly).collect(),
            exceptions: hours.exceptions.into_iter().map(exception).collect(),
        }
    }

    fn into_resource(self, _: Option<BusinessHours>) -> BusinessHours {
        let span = |span: SpanForm| OpenSpan { from: span.from, to: span.to };
        let weekly = |span: WeeklyForm| WeeklySpan { weekday: span.weekday, from: span.from, to: span.to };
        let exception = |day: ExceptionForm| DateException {
            date: day.date,
            name: day.name,
            open: day.open.into_iter().map(span).collect(),
        };
        BusinessHours {
            name: self.name,
            time_zone: self.time_zone,
            weekly: self.weekly.into_iter().map(weekly).collect(),
            exceptions: self.exceptions.into_iter().map(exception).collect(),
        }
    }
}

/// Lists business hours, newest first.
#[utoipa::path(
    get, path = "/v1/business-hours", tag = "Business hours", security(("bearer" = ["routing:read"])),
    params(PageParams), responses((status = 200, description = "A page of them", body = Page<HoursItem>)),
)]
async fn list_hours(op: Op<RoutingRead>, list: List<All>) -> Result<Json<Page<HoursItem>>, Problem> {
    crud::list(&op, &list, |filter| filter, HoursForm::of).await
}

/// Makes business hours.
#[utoipa::path(
    post, path = "/v1/business-hours", tag = "Business hours", security(("bearer" = ["routing:manage"])),
    request_body = HoursForm, responses((status = 201, description = "They are there", body = HoursItem)),
)]
async fn create_hours(op: Op<RoutingManage>, body: Body<HoursForm>) -> Result<Response, Stop> {
    crud::create(&op, body, HoursForm::of).await
}

/// Reads business hours.
#[utoipa::path(
    get, path = "/v1/business-hours/{id}", tag = "Business hours", security(("bearer" = ["routing:read"])),
    params(("id" = String, Path, description = "`hrs_…`")),
    responses((status = 200, description = "Them", body = HoursItem), (status = 304, description = "As they are known")),
)]
async fn read_hours(
    op: Op<RoutingRead>,
    PathId(id): PathId<HoursId>,
    known: Preconditions,
) -> Result<Response, Problem> {
    crud::read(&op, &id, &known, HoursForm::of).await
}

/// Changes business hours.
#[utoipa::path(
    patch, path = "/v1/business-hours/{id}", tag = "Business hours", security(("bearer" = ["routing:manage"])),
    params(("id" = String, Path, description = "`hrs_…`")), request_body = HoursPatch,
    responses((status = 200, description = "As they are now", body = HoursItem)),
)]
async fn update_hours(
    op: Op<RoutingManage>,
    PathId(id): PathId<HoursId>,
    known: Preconditions,
    patch: HoursPatch,
) -> Result<Response, Problem> {
    crud::patch(&op, &id, &known, &patch, HoursForm::of).await
}

/// Deletes business hours. Numbers that name them are open as the tenant is.
#[utoipa::path(
    delete, path = "/v1/business-hours/{id}", tag = "Business hours", security(("bearer" = ["routing:manage"])),
    params(("id" = String, Path, description = "`hrs_…`")), responses((status = 204, description = "They are gone")),
)]
async fn delete_hours(
    op: Op<RoutingManage>,
    PathId(id): PathId<HoursId>,
    known: Preconditions,
) -> Result<StatusCode, Problem> {
    crud::delete::<_, BusinessHours>(&op, &id, &known).await
}
