//! Numbers at the carrier: search, buy, adopt, look after, give back.

use super::{
    body::{Body, Check, Empty},
    crud::current,
    etag::Preconditions,
    need::NumbersOrder,
    once::{Answer, Stop},
    op::Op,
    page::{List, Page, PageParams},
    path::PathId,
    phone,
    provisioning::{JobItem, accepted},
    schema,
};
use crate::{
    problem::{Code, Faults, Problem},
    shared::Shared,
};
use axum::{Json, http::StatusCode, response::Response};
use deliveries::{announce, told::number_pointed_here};
use provisioning::{Difference, ProvisionError, Purchase, WishedKind};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{
    ids::{AccountId, NumberId},
    model::number::Number,
};
use twilio_rest::{AvailableNumber, AvailableNumberFilter};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(available_numbers))
        .routes(routes!(order_number))
        .routes(routes!(release_number))
        .routes(routes!(check_number))
        .routes(routes!(configure_number))
}

/// Which numbers are searched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AvailableParams {
    /// ISO 3166-1, two capital letters.
    #[param(pattern = "^[A-Z]{2}$", default = "US")]
    country: Option<String>,
    /// `local`, `mobile` or `toll_free`.
    #[param(inline, default = "local")]
    kind: Option<KindForm>,
    /// US and Canada: three digits.
    #[param(pattern = "^[0-9]{3}$")]
    area_code: Option<String>,
    /// Digits that it contains; `*` is any digit.
    #[param(pattern = "^[0-9*+]{2,16}$")]
    contains: Option<String>,
    /// Only those that take text messages.
    sms: Option<bool>,
    /// In which account; without it the tenant's first one.
    #[param(schema_with = schema::id::<AccountId>)]
    account: Option<AccountId>,
}

/// A kind of number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = NumberKind)]
pub(crate) enum KindForm {
    /// Of an area.
    #[default]
    Local,
    /// Of mobile phones.
    Mobile,
    /// Free for the caller.
    TollFree,
}

impl From<KindForm> for WishedKind {
    fn from(kind: KindForm) -> Self {
        match kind {
            KindForm::Local => Self::Local,
            KindForm::Mobile => Self::Mobile,
            KindForm::TollFree => Self::TollFree,
        }
    }
}

/// Three digits.
pub(super) fn area_code(text: &str) -> Option<u16> {
    text.parse().ok().filter(|_| text.len() == 3 && text.bytes().all(|digit| digit.is_ascii_digit()))
}

/// 2 to 16 digits that a number contains; `*` is any digit.
pub(super) fn is_pattern(text: &str) -> bool {
    (2..=16).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit() || b"*+".contains(&b))
}

/// A number that can be bought.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AvailableView {
    /// E.164.
    e164: String,
    /// Town.
    locality: Option<String>,
    /// State or province.
    region: Option<String>,
    /// ISO 3166-1.
    country: Option<String>,
    /// Takes calls.
    voice: bool,
    /// Takes text messages.
    sms: bool,
    /// Takes pictures.
    mms: bool,
    /// Which address of the buyer the country wants: `none`, `any`, `local` or `foreign`.
    address_requirements: Option<String>,
}

impl From<AvailableNumber> for AvailableView {
    fn from(number: AvailableNumber) -> Self {
        Self {
            e164: number.phone_number,
            locality: number.locality,
            region: number.region,
            country: number.iso_country,
            voice: number.capabilities.voice,
            sms: number.capabilities.sms,
            mms: number.capabilities.mms,
            address_requirements: number.address_requirements,
        }
    }
}

/// A number that is to be had.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OrderForm {
    /// Which.
    #[serde(deserialize_with = "phone::number")]
    #[schema(schema_with = schema::phone)]
    e164: String,
    /// For people; without it the number itself.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 64)]
    name: Option<String>,
    /// In which account; without it the tenant's first one.
    #[serde(default)]
    #[schema(schema_with = schema::optional_id::<AccountId>)]
    account: Option<AccountId>,
    /// The account has the number already: nothing is bought, its webhooks are pointed here.
    #[serde(default)]
    adopt: bool,
}

impl Check for OrderForm {
    fn check(&self, faults: &mut Faults) {
        faults.e164("e164", &self.e164);
        faults.text_if("name", self.name.as_deref(), 1, 64);
    }
}

/// A number that is being had: the number's id, and the job to follow.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrderView {
    /// The number's id.
    #[schema(schema_with = schema::id::<NumberId>)]
    number: NumberId,
    /// The job that has it bought and set up.
    job: JobItem,
}

/// How a number is set up at the carrier.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CarrierView {
    /// Whether its calls come here, with every setting as it should be.
    ours: bool,
    /// What is not as it should be.
    differences: Vec<DifferenceView>,
}

/// A setting that is not as it should be.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DifferenceView {
    /// The carrier's name for it.
    setting: &'static str,
    /// As it is there; empty if it is not set.
    there: String,
    /// As it should be.
    ours: String,
}

impl CarrierView {
    fn of(differences: Vec<Difference>) -> Self {
        let view = |difference: Difference| DifferenceView {
            setting: difference.setting,
            there: difference.there,
            ours: difference.ours,
        };
        Self { ours: differences.is_empty(), differences: differences.into_iter().map(view).collect() }
    }
}

/// Searches numbers that can be bought.
#[utoipa::path(
    get, path = "/v1/numbers/available", tag = "Numbers", security(("bearer" = ["numbers:order"])),
    params(PageParams, AvailableParams),
    responses((status = 200, description = "Some of them", body = Page<AvailableView>),
        (status = 409, description = "No account is set up, or the carrier refuses"), (status = 422, description = "The carrier does not take the credentials"),
        (status = 502, description = "The carrier does not answer")),
)]
async fn available_numbers(
    op: Op<NumbersOrder>,
    list: List<AvailableParams>,
) -> Result<Json<Page<AvailableView>>, Problem> {
    let params = &list.filter;
    let area_code = params.area_code.as_deref().map(|text| {
        area_code(text).ok_or_else(|| Problem::parameter("area_code", "three digits are needed"))
    });
    if params.contains.as_deref().is_some_and(|text| !is_pattern(text)) {
        return Err(Problem::parameter("contains", "2 to 16 digits or `*` are needed"));
    }
    let filter = AvailableNumberFilter {
        area_code: area_code.transpose()?,
        contains: params.contains.clone(),
        voice_enabled: Some(true),
        sms_enabled: params.sms.filter(|wanted| *wanted),
        ..AvailableNumberFilter::default()
    };
    let country = params.country.as_deref().unwrap_or("US");
    let kind = WishedKind::from(params.kind.unwrap_or_default()).into();
    let found =
        op.shared.provisioner.search(op.tenant(), params.account.as_ref(), country, kind, &filter).await?;
    let data = found.into_iter().take(usize::from(list.limit)).map(AvailableView::from).collect();
    Ok(Json(Page { data, next_cursor: None }))
}

/// Buys a number, or adopts one that the account has, and points its webhooks here. It costs money from then on.
#[utoipa::path(
    post, path = "/v1/numbers/order", tag = "Numbers", security(("bearer" = ["numbers:order"])), request_body = OrderForm,
    responses((status = 202, description = "It is being done", body = OrderView)),
)]
async fn order_number(op: Op<NumbersOrder>, body: Body<OrderForm>) -> Result<Response, Stop> {
    let mut work = op.begin_once(&body.once).await?;
    let form = body.value;
    // Somebody else's number is refused without naming them.
    if op.shared.number_owner(&form.e164).await?.is_some() {
        return Err(Problem::new(Code::Taken, "the number is in use").into());
    }
    let account = op.shared.provisioner.account_of(op.tenant(), form.account.as_ref()).await?.id;
    let name = form.name.unwrap_or_else(|| form.e164.clone());
    let purchase = Purchase { account, e164: form.e164, name, adopted: form.adopt };
    let (number, job) = op.shared.provisioner.obtain(&mut *work.tx, &purchase).await?;
    let view =
        OrderView { number: number.id, job: super::item::Item::of(job, super::provisioning::JobView::of) };
    let response = work.finish(Answer::new(StatusCode::ACCEPTED, &view)?).await?;
    op.shared.provisioner.wake();
    Ok(response)
}

/// Gives a number back to the carrier: at once, and perhaps for ever.
#[utoipa::path(
    post, path = "/v1/numbers/{id}/release", tag = "Numbers", security(("bearer" = ["numbers:order"])),
    params(("id" = String, Path, description = "`num_…`")),
    responses((status = 202, description = "It is being done", body = JobItem)),
)]
async fn release_number(
    op: Op<NumbersOrder>,
    PathId(id): PathId<NumberId>,
    body: Empty,
) -> Result<Response, Stop> {
    let mut work = op.begin_once(&body.once).await?;
    current::<Number>(&mut *work.tx, &id, &Preconditions::default()).await?;
    let job = op.shared.provisioner.release(&mut *work.tx, &id).await?;
    accepted(&op, work, job).await
}

/// Asks the carrier how a number is set up there.
#[utoipa::path(
    get, path = "/v1/numbers/{id}/carrier", tag = "Numbers", security(("bearer" = ["numbers:order"])),
    params(("id" = String, Path, description = "`num_…`")),
    responses((status = 200, description = "How it is", body = CarrierView), (status = 409, description = "The carrier does not know it"),
        (status = 422, description = "The carrier does not take the credentials"), (status = 502, description = "The carrier does not answer")),
)]
async fn check_number(
    op: Op<NumbersOrder>,
    PathId(id): PathId<NumberId>,
) -> Result<Json<CarrierView>, Problem> {
    let number = op.store.get::<Number>(&id).await?.ok_or_else(|| Problem::not_found("number"))?;
    let differences = op.shared.provisioner.differences(op.tenant(), &number.value).await?;
    Ok(Json(CarrierView::of(differences)))
}

/// Points a number's webhooks here, wherever they pointed, and says what was not as it should be.
#[utoipa::path(
    post, path = "/v1/numbers/{id}/carrier", tag = "Numbers", security(("bearer" = ["numbers:order"])),
    params(("id" = String, Path, description = "`num_…`")),
    responses((status = 200, description = "How it was; it is as it should be now", body = CarrierView)),
)]
async fn configure_number(
    op: Op<NumbersOrder>,
    PathId(id): PathId<NumberId>,
    body: Empty,
) -> Result<Response, Stop> {
    op.answered_before(&body.once).await?;
    let number = op.store.get::<Number>(&id).await?.ok_or_else(|| Problem::not_found("number"))?;
    let provisioner = &op.shared.provisioner;
    let differences = provisioner.differences(op.tenant(), &number.value).await?;
    if !differences.is_empty() {
        provisioner.configure(op.tenant(), &number.value).await?;
    }
    let mut work = op.begin_once(&body.once).await?;
    let details = serde_json::to_value(&differences).map_err(ProvisionError::Unreadable)?;
    let row = current::<Number>(&mut *work.tx, &id, &Preconditions::default()).await?;
    if !differences.is_empty() {
        let event = number_pointed_here(&row, work.tx.now());
        announce(&mut *work.tx, event).await?;
    }
    work.tx.note("number.configure", id.as_str(), &serde_json::json!({ "differences": details })).await?;
    work.finish(Answer::new(StatusCode::OK, &CarrierView::of(differences))?).await
}
