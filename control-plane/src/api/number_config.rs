//! `/v1/numbers/{id}/config`: a number as the former telephony system had it, with a switch for each kind of route. It is a view
//! of the number, not a thing of its own: the switches say what the first destination during hours is.

use super::{
    body::{Body, Check},
    crud::{self, Reference},
    etag::Preconditions,
    need::{NumbersManage, NumbersRead},
    op::Op,
    path::PathId,
    schema,
};
use crate::{
    number_events,
    problem::{FaultCode, Faults, Problem},
    shared::Shared,
};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{
    Stored, Table,
    ids::{FlowId, NumberId, QueueId, UserId},
    model::number::{Capabilities, Destination, Number},
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default().routes(routes!(read_config, put_config))
}

/// A number's configuration.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NumberConfig)]
pub(crate) struct ConfigView {
    /// The number.
    #[schema(schema_with = schema::e164)]
    phone_number: String,
    #[serde(flatten)]
    set: ConfigForm,
    /// What it can do.
    capabilities: CapabilitiesView,
    /// Where the carrier asks what to do with a call.
    voice_url: String,
    /// Where it asks when that fails.
    voice_fallback_url: String,
    /// Where it tells how calls go.
    status_callback: String,
}

/// What a number can do.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NumberConfigCapabilities)]
pub(crate) struct CapabilitiesView {
    voice: bool,
    sms: bool,
    mms: bool,
}

/// What of it can be set. One of the three routes is taken; without any, what the number does stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NumberConfigChange)]
pub(crate) struct ConfigForm {
    /// Whether the assistant answers.
    #[serde(rename = "routeToAI")]
    route_to_ai: bool,
    /// The user whose softphone rings.
    #[schema(schema_with = schema::optional_id::<UserId>)]
    route_to_user: Option<UserId>,
    /// The queue in which callers wait.
    #[schema(schema_with = schema::optional_id::<QueueId>)]
    route_to_queue: Option<QueueId>,
    /// Said first, over the assistant's own greeting.
    #[schema(min_length = 1, max_length = 1000)]
    greeting: Option<String>,
    /// Voice over the assistant's own.
    #[schema(min_length = 1, max_length = 100)]
    voice_id: Option<String>,
    /// The call flow that its calls follow, over its own routing.
    #[schema(schema_with = schema::optional_id::<FlowId>)]
    call_flow_id: Option<FlowId>,
}

impl Check for ConfigForm {
    fn check(&self, faults: &mut Faults) {
        let routes = [self.route_to_ai, self.route_to_user.is_some(), self.route_to_queue.is_some()];
        if routes.iter().filter(|taken| **taken).count() > 1 {
            faults
                .add(FaultCode::InvalidValue, "only one of routeToAI, routeToUser and routeToQueue is taken");
        }
        faults.text_if("greeting", self.greeting.as_deref(), 1, 1_000);
        faults.text_if("voiceId", self.voice_id.as_deref(), 1, 100);
    }
}

impl ConfigForm {
    fn of(number: &Number) -> Self {
        let first = number.routing.during.first();
        let (mut user, mut queue) = (None, None);
        match first {
            Some(Destination::User { user: first, .. }) => user = Some(first.clone()),
            Some(Destination::Queue { queue: first }) => queue = Some(first.clone()),
            None
            | Some(
                Destination::Assistant { .. }
                | Destination::Voicemail { .. }
                | Destination::Message { .. }
                | Destination::Forward { .. },
            ) => {}
        }
        Self {
            route_to_ai: matches!(first, None | Some(Destination::Assistant { .. })),
            route_to_user: user,
            route_to_queue: queue,
            greeting: number.greeting.clone(),
            voice_id: number.voice.clone(),
            call_flow_id: number.flow.clone(),
        }
    }

    fn references(&self) -> Vec<Reference> {
        let user = self.route_to_user.iter().map(|id| Reference::new("/routeToUser", Table::Users, id));
        let queue = self.route_to_queue.iter().map(|id| Reference::new("/routeToQueue", Table::Queues, id));
        let flow = self.call_flow_id.iter().map(|id| Reference::new("/callFlowId", Table::Flows, id));
        user.chain(queue).chain(flow).collect()
    }

    /// The first destination that it asks for; `None`: whatever there is.
    fn route(&self) -> Option<Destination> {
        let user = self.route_to_user.clone().map(|user| Destination::User { user, timeout_s: None });
        let queue = self.route_to_queue.clone().map(|queue| Destination::Queue { queue });
        let assistant = self.route_to_ai.then_some(Destination::Assistant { assistant: None });
        user.or(queue).or(assistant)
    }

    /// The number with it. What follows the first destination stays, and so does the first if it is of the kind that is asked
    /// for already.
    fn put(self, mut number: Number) -> Number {
        let before = Self::of(&number);
        let is_new = (self.route_to_ai, &self.route_to_user, &self.route_to_queue)
            != (before.route_to_ai, &before.route_to_user, &before.route_to_queue);
        if let Some(route) = self.route().filter(|_| is_new) {
            match number.routing.during.first_mut() {
                Some(first) => *first = route,
                None => number.routing.during.push(route),
            }
        }
        Number { greeting: self.greeting, voice: self.voice_id, flow: self.call_flow_id, ..number }
    }
}

fn view(shared: &Shared, number: Number) -> ConfigView {
    let Capabilities { voice, sms, mms } = number.capabilities;
    ConfigView {
        set: ConfigForm::of(&number),
        phone_number: number.e164,
        capabilities: CapabilitiesView { voice, sms, mms },
        voice_url: shared.own_url("/api/voice/incoming"),
        voice_fallback_url: shared.own_url("/api/voice/fallback"),
        status_callback: shared.own_url("/api/voice/status"),
    }
}

/// Reads a number's configuration, as the former telephony system had it.
#[utoipa::path(
    get, path = "/v1/numbers/{id}/config", tag = "Numbers", security(("bearer" = ["numbers:read"])),
    params(("id" = String, Path, description = "`num_…`")),
    responses((status = 200, description = "The configuration", body = ConfigView), (status = 304, description = "As it is known")),
)]
async fn read_config(
    op: Op<NumbersRead>,
    PathId(id): PathId<NumberId>,
    known: Preconditions,
) -> Result<Response, Problem> {
    let row = op.store.get::<Number>(&id).await?.ok_or_else(|| Problem::not_found("number"))?;
    Ok(known.show(row.version, &view(&op.shared, row.value)))
}

/// Sets a number's configuration. What is not there is without a value; the destinations after the first stay.
#[utoipa::path(
    put, path = "/v1/numbers/{id}/config", tag = "Numbers", security(("bearer" = ["numbers:manage"])),
    params(("id" = String, Path, description = "`num_…`")), request_body = ConfigForm,
    responses((status = 200, description = "As it is now", body = ConfigView)),
)]
async fn put_config(
    op: Op<NumbersManage>,
    PathId(id): PathId<NumberId>,
    known: Preconditions,
    body: Body<ConfigForm>,
) -> Result<Response, Problem> {
    let form = body.value;
    let mut tx = op.begin().await?;
    let row = crud::current::<Number>(&mut *tx, &id, &known).await?;
    crud::check_references(&mut *tx, &form.references()).await?;
    let changed = form.put(row.value.clone());
    let Stored { version, value, .. } =
        number_events::change(&mut *tx, &id, row.version, &row.value, changed).await?;
    tx.commit().await?;
    Ok(Preconditions::default().show(version, &view(&op.shared, value)))
}
