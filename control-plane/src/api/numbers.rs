//! `/v1/numbers`: a tenant's phone numbers, and who answers them.

use super::{
    body::{Body, Check, Patch},
    crud::{self, Reference, Tx},
    etag::Preconditions,
    item::{Item, Named},
    need::{NumbersManage, NumbersRead},
    once::{Answer, Stop},
    op::Op,
    page::{List, Page, PageParams},
    path::PathId,
    phone,
    routing_form::RoutingForm,
    schema,
};
use crate::{
    number_events,
    problem::{Code, FaultCode, Faults, Problem},
    shared::Shared,
};
use axum::{Json, response::Response};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{
    Filter, Stored, Table,
    ids::{AccountId, FlowId, NumberId},
    model::number::{Capabilities, Number, NumberStatus},
};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Numbers that are read at once to find the one to call from.
const NUMBERS_AT_ONCE: u16 = 500;

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(list_numbers, create_number))
        .routes(routes!(read_number, update_number))
}

type NumberItem = Item<NumberView>;
type NumberPatch = Patch<NumberForm>;

/// A phone number.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NumberView {
    /// The number.
    #[schema(schema_with = schema::e164)]
    e164: String,
    /// The carrier's id for it.
    carrier_sid: Option<String>,
    /// The account that owns it.
    #[schema(schema_with = schema::optional_id::<AccountId>)]
    account: Option<AccountId>,
    /// What it can do.
    capabilities: CapabilitiesForm,
    /// For people.
    name: String,
    /// Whether its calls are answered.
    #[schema(schema_with = schema::word::<NumberStatus>)]
    status: NumberStatus,
    /// Whether it is the one to call from.
    primary: bool,
    /// Said first, over the assistant's own greeting.
    greeting: Option<String>,
    /// Voice over the assistant's own.
    voice: Option<String>,
    /// The call flow that its calls follow, over its own routing.
    #[schema(schema_with = schema::optional_id::<FlowId>)]
    flow: Option<FlowId>,
    /// Who answers, where no flow says.
    routing: RoutingForm,
}

/// A number that the tenant has already.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewNumber {
    /// The number. It is active in one tenant only.
    #[serde(deserialize_with = "phone::number")]
    #[schema(schema_with = schema::phone)]
    e164: String,
    /// The carrier's id for it.
    #[serde(default)]
    #[schema(pattern = "^PN[0-9a-f]{32}$", example = "PN00000000000000000000000000000001")]
    carrier_sid: Option<String>,
    /// The account that owns it.
    #[serde(default)]
    #[schema(schema_with = schema::optional_id::<AccountId>, required = false)]
    account: Option<AccountId>,
    /// What it can do.
    #[serde(default)]
    capabilities: CapabilitiesForm,
    /// For people; without it the number itself.
    #[serde(default)]
    #[schema(max_length = 100)]
    name: Option<String>,
    /// Whether its calls are answered.
    #[serde(default)]
    status: SwitchForm,
    /// Whether it is the one to call from. The one that was is so no longer.
    #[serde(default)]
    primary: bool,
    /// Said first, over the assistant's own greeting.
    #[serde(default)]
    #[schema(max_length = 1000)]
    greeting: Option<String>,
    /// Voice over the assistant's own.
    #[serde(default)]
    #[schema(max_length = 100)]
    voice: Option<String>,
    /// The call flow that its calls follow, over its own routing.
    #[serde(default)]
    #[schema(schema_with = schema::optional_id::<FlowId>, required = false)]
    flow: Option<FlowId>,
    /// Who answers, where no flow says.
    #[serde(default)]
    routing: RoutingForm,
}

/// What of a number can be changed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NumberForm {
    /// For people.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// Whether its calls are answered.
    status: SwitchForm,
    /// Whether it is the one to call from. The one that was is so no longer.
    #[serde(default)]
    primary: bool,
    /// Said first, over the assistant's own greeting.
    #[serde(default)]
    #[schema(max_length = 1000)]
    greeting: Option<String>,
    /// Voice over the assistant's own.
    #[serde(default)]
    #[schema(max_length = 100)]
    voice: Option<String>,
    /// The call flow that its calls follow, over its own routing.
    #[serde(default)]
    #[schema(schema_with = schema::optional_id::<FlowId>, required = false)]
    flow: Option<FlowId>,
    /// Who answers, where no flow says.
    #[serde(default)]
    routing: RoutingForm,
}

/// Whether a number's calls are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SwitchForm {
    /// They are.
    #[default]
    Active,
    /// Not for now.
    Inactive,
}

/// What a number can do.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = Capabilities)]
pub(crate) struct CapabilitiesForm {
    /// Calls.
    voice: bool,
    /// Text messages.
    sms: bool,
    /// Pictures.
    mms: bool,
}

impl Default for CapabilitiesForm {
    fn default() -> Self {
        Self { voice: true, sms: false, mms: false }
    }
}

/// Which numbers to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct NumberParams {
    /// With this status.
    #[param(schema_with = schema::word::<NumberStatus>)]
    status: Option<NumberStatus>,
    /// Of this account.
    #[param(schema_with = schema::id::<AccountId>)]
    account: Option<AccountId>,
}

impl Named for NumberView {
    const NAME: &'static str = "Number";
}

impl Named for NumberForm {
    const NAME: &'static str = "Number";
}

impl NumberView {
    fn of(number: Number) -> Self {
        let Capabilities { voice, sms, mms } = number.capabilities;
        Self {
            e164: number.e164,
            carrier_sid: number.carrier_sid,
            account: number.account,
            capabilities: CapabilitiesForm { voice, sms, mms },
            name: number.name,
            status: number.status,
            primary: number.primary,
            greeting: number.greeting,
            voice: number.voice,
            flow: number.flow,
            routing: number.routing.into(),
        }
    }
}

impl From<SwitchForm> for NumberStatus {
    fn from(switch: SwitchForm) -> Self {
        match switch {
            SwitchForm::Active => Self::Active,
            SwitchForm::Inactive => Self::Inactive,
        }
    }
}

impl NewNumber {
    fn into_number(self) -> Number {
        let CapabilitiesForm { voice, sms, mms } = self.capabilities;
        Number {
            name: self.name.unwrap_or_else(|| self.e164.clone()),
            e164: self.e164,
            carrier_sid: self.carrier_sid,
            account: self.account,
            status: self.status.into(),
            primary: self.primary,
            capabilities: Capabilities { voice, sms, mms },
            greeting: self.greeting,
            voice: self.voice,
            flow: self.flow,
            routing: self.routing.into(),
        }
    }

    fn references(&self) -> Vec<Reference> {
        let account = self.account.iter().map(|id| Reference::new("/account", Table::ProviderAccounts, id));
        account.chain(flow(self.flow.as_ref())).chain(self.routing.references("/routing")).collect()
    }
}

/// The call flow that a body names.
fn flow(flow: Option<&FlowId>) -> Option<Reference> {
    flow.map(|id| Reference::new("/flow", Table::Flows, id))
}

impl Check for NewNumber {
    fn check(&self, faults: &mut Faults) {
        faults.e164("e164", &self.e164);
        let is_sid = |sid: &str| {
            sid.strip_prefix("PN").is_some_and(|digits| {
                digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
            })
        };
        if self.carrier_sid.as_deref().is_some_and(|sid| !is_sid(sid)) {
            faults.add_at("carrier_sid", FaultCode::InvalidValue, "it must be PN and 32 hexadecimal digits");
        }
        faults.text_if("name", self.name.as_deref(), 1, 100);
        faults.text_if("greeting", self.greeting.as_deref(), 1, 1_000);
        faults.text_if("voice", self.voice.as_deref(), 1, 100);
        faults.field("routing", |faults| self.routing.check(faults, Some(&self.e164)));
    }
}

impl Check for NumberForm {
    fn check(&self, faults: &mut Faults) {
        faults.text("name", &self.name, 1, 100);
        faults.text_if("greeting", self.greeting.as_deref(), 1, 1_000);
        faults.text_if("voice", self.voice.as_deref(), 1, 100);
        faults.field("routing", |faults| self.routing.check(faults, None));
    }
}

impl NumberForm {
    fn references(&self) -> Vec<Reference> {
        flow(self.flow.as_ref()).into_iter().chain(self.routing.references("/routing")).collect()
    }

    fn of(number: &Number) -> Self {
        let status =
            if number.status == NumberStatus::Active { SwitchForm::Active } else { SwitchForm::Inactive };
        Self {
            name: number.name.clone(),
            status,
            primary: number.primary,
            greeting: number.greeting.clone(),
            voice: number.voice.clone(),
            flow: number.flow.clone(),
            routing: number.routing.clone().into(),
        }
    }
}

/// Lists the numbers, newest first.
#[utoipa::path(
    get, path = "/v1/numbers", tag = "Numbers", security(("bearer" = ["numbers:read"])), params(PageParams, NumberParams),
    responses((status = 200, description = "A page of them", body = Page<NumberItem>)),
)]
async fn list_numbers(
    op: Op<NumbersRead>,
    list: List<NumberParams>,
) -> Result<Json<Page<NumberItem>>, Problem> {
    let narrow = |mut filter: Filter| {
        filter.status = list.filter.status.map(|status| status.as_str().to_owned());
        filter.parent = list.filter.account.as_ref().map(|account| account.as_str().to_owned());
        filter
    };
    crud::list(&op, &list, narrow, NumberView::of).await
}

/// Adds a number that the tenant has already at its carrier.
#[utoipa::path(
    post, path = "/v1/numbers", tag = "Numbers", security(("bearer" = ["numbers:manage"])), request_body = NewNumber,
    responses((status = 201, description = "It is there", body = NumberItem)),
)]
async fn create_number(op: Op<NumbersManage>, body: Body<NewNumber>) -> Result<Response, Stop> {
    let new = body.value;
    let primary = primary_number(&op, new.primary && new.status == SwitchForm::Active).await?;
    let mut work = op.begin_once(&body.once).await?;
    crud::check_references(&mut *work.tx, &new.references()).await?;
    give_way(&mut *work.tx, primary, None).await?;
    let row = work.tx.insert(new.into_number()).await?;
    number_events::added(&mut *work.tx, &row).await?;
    let (version, location) = (row.version, format!("/v1/numbers/{}", row.id));
    let answer = Answer::created(&Item::of(row, NumberView::of), location, version)?;
    work.finish(answer).await
}

/// Reads a number.
#[utoipa::path(
    get, path = "/v1/numbers/{id}", tag = "Numbers", security(("bearer" = ["numbers:read"])),
    params(("id" = String, Path, description = "`num_…`")),
    responses((status = 200, description = "The number", body = NumberItem), (status = 304, description = "As it is known")),
)]
async fn read_number(
    op: Op<NumbersRead>,
    PathId(id): PathId<NumberId>,
    known: Preconditions,
) -> Result<Response, Problem> {
    crud::read(&op, &id, &known, NumberView::of).await
}

/// Changes what a number does here. At the carrier nothing is changed.
#[utoipa::path(
    patch, path = "/v1/numbers/{id}", tag = "Numbers", security(("bearer" = ["numbers:manage"])),
    params(("id" = String, Path, description = "`num_…`")), request_body = NumberPatch,
    responses((status = 200, description = "As it is now", body = NumberItem)),
)]
async fn update_number(
    op: Op<NumbersManage>,
    PathId(id): PathId<NumberId>,
    known: Preconditions,
    patch: NumberPatch,
) -> Result<Response, Problem> {
    let primary = primary_number(&op, true).await?;
    let mut tx = op.begin().await?;
    let Stored { value: before, version, .. } = crud::current::<Number>(&mut *tx, &id, &known).await?;
    if before.status == NumberStatus::Released {
        let detail = "the number was given back: nothing of it is changed any more";
        return Err(Problem::new(Code::Conflict, detail));
    }
    let known_as = NumberForm::of(&before);
    let form = patch.apply(&known_as)?;
    crud::check_references(&mut *tx, &form.references()).await?;
    // A number that is being set up is not switched by hand.
    let status = if form.status == known_as.status { before.status } else { form.status.into() };
    if status != before.status && !matches!(before.status, NumberStatus::Active | NumberStatus::Inactive) {
        let detail = format!("the number is {}; it cannot be switched on or off", before.status);
        return Err(Problem::new(Code::Conflict, detail));
    }
    if form.primary && status == NumberStatus::Active {
        give_way(&mut *tx, primary, Some(&id)).await?;
    }
    let changed = Number {
        name: form.name,
        status,
        primary: form.primary,
        greeting: form.greeting,
        voice: form.voice,
        flow: form.flow,
        routing: form.routing.into(),
        ..before.clone()
    };
    let changed = number_events::change(&mut *tx, &id, version, &before, changed).await?;
    tx.commit().await?;
    Ok(crud::shown(changed, NumberView::of))
}

/// The active number to call from, if that is asked for.
async fn primary_number<N>(op: &Op<N>, asked: bool) -> Result<Option<NumberId>, Problem> {
    let mut filter = Filter::first(NUMBERS_AT_ONCE).with_status(NumberStatus::Active.as_str());
    if !asked {
        return Ok(None);
    }
    loop {
        let some = op.store.list::<Number>(&filter).await?;
        if let Some(primary) = some.iter().find(|number| number.value.primary) {
            return Ok(Some(primary.id.clone()));
        }
        let Some(last) = some.last() else { break };
        filter = filter.after(last.id.as_str());
    }
    Ok(None)
}

/// The number that was the one to call from is so no longer, if there is another one now. Should yet another have become it
/// meanwhile, the database says that the place is taken.
async fn give_way(tx: &mut Tx, primary: Option<NumberId>, to: Option<&NumberId>) -> Result<(), Problem> {
    let Some(id) = primary.filter(|primary| Some(primary) != to) else { return Ok(()) };
    let Some(row) = tx.get::<Number>(&id).await? else { return Ok(()) };
    let other = Number { primary: false, ..row.value.clone() };
    number_events::change(tx, &id, row.version, &row.value, other).await?;
    Ok(())
}
