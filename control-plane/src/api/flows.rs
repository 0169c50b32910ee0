//! `/v1/flows`: call flows, which several numbers may have. A number with a flow is answered as the flow says, at once
//! everywhere when the flow is changed.

use super::{
    body::{Body, Check, Patch},
    crud::{self, Form, Reference},
    etag::Preconditions,
    item::{Item, Named},
    need::{RoutingManage, RoutingRead},
    once::Stop,
    op::Op,
    page::{All, List, Page, PageParams},
    path::PathId,
    routing_form::RoutingForm,
};
use crate::{
    problem::{Faults, Problem},
    shared::Shared,
};
use axum::{Json, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{ids::FlowId, model::number::Flow};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default().routes(routes!(list_flows, create_flow)).routes(routes!(
        read_flow,
        update_flow,
        delete_flow
    ))
}

/// A call flow.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FlowForm {
    /// For people; no two flows have the same.
    #[schema(min_length = 1, max_length = 100, example = "Front desk")]
    name: String,
    /// Who answers the numbers that have it.
    #[serde(default)]
    routing: RoutingForm,
}

type FlowItem = Item<FlowForm>;
type FlowPatch = Patch<FlowForm>;

impl Named for FlowForm {
    const NAME: &'static str = "Flow";
}

impl Check for FlowForm {
    fn check(&self, faults: &mut Faults) {
        faults.text("name", &self.name, 1, 100);
        faults.field("routing", |faults| self.routing.check(faults, None));
    }
}

impl Form for FlowForm {
    type Resource = Flow;
    const PATH: &'static str = "/v1/flows";

    fn of(flow: Flow) -> Self {
        Self { name: flow.name, routing: flow.routing.into() }
    }

    fn into_resource(self, _: Option<Flow>) -> Flow {
        Flow { name: self.name, routing: self.routing.into() }
    }

    fn references(&self) -> Vec<Reference> {
        self.routing.references("/routing")
    }
}

/// Lists the call flows, newest first.
#[utoipa::path(
    get, path = "/v1/flows", tag = "Call flows", security(("bearer" = ["routing:read"])), params(PageParams),
    responses((status = 200, description = "A page of them", body = Page<FlowItem>)),
)]
async fn list_flows(op: Op<RoutingRead>, list: List<All>) -> Result<Json<Page<FlowItem>>, Problem> {
    crud::list(&op, &list, |filter| filter, FlowForm::of).await
}

/// Makes a call flow. Numbers get it with `flow`.
#[utoipa::path(
    post, path = "/v1/flows", tag = "Call flows", security(("bearer" = ["routing:manage"])), request_body = FlowForm,
    responses((status = 201, description = "It is there", body = FlowItem)),
)]
async fn create_flow(op: Op<RoutingManage>, body: Body<FlowForm>) -> Result<Response, Stop> {
    crud::create(&op, body, FlowForm::of).await
}

/// Reads a call flow.
#[utoipa::path(
    get, path = "/v1/flows/{id}", tag = "Call flows", security(("bearer" = ["routing:read"])),
    params(("id" = String, Path, description = "`flw_…`")),
    responses((status = 200, description = "The flow", body = FlowItem), (status = 304, description = "As it is known")),
)]
async fn read_flow(
    op: Op<RoutingRead>,
    PathId(id): PathId<FlowId>,
    known: Preconditions,
) -> Result<Response, Problem> {
    crud::read(&op, &id, &known, FlowForm::of).await
}

/// Changes a call flow, for all numbers that have it.
#[utoipa::path(
    patch, path = "/v1/flows/{id}", tag = "Call flows", security(("bearer" = ["routing:manage"])),
    params(("id" = String, Path, description = "`flw_…`")), request_body = FlowPatch,
    responses((status = 200, description = "As it is now", body = FlowItem)),
)]
async fn update_flow(
    op: Op<RoutingManage>,
    PathId(id): PathId<FlowId>,
    known: Preconditions,
    patch: FlowPatch,
) -> Result<Response, Problem> {
    crud::patch(&op, &id, &known, &patch, FlowForm::of).await
}

/// Deletes a call flow. Numbers that have it are answered as they say themselves.
#[utoipa::path(
    delete, path = "/v1/flows/{id}", tag = "Call flows", security(("bearer" = ["routing:manage"])),
    params(("id" = String, Path, description = "`flw_…`")),
    responses((status = 204, description = "It is gone")),
)]
async fn delete_flow(
    op: Op<RoutingManage>,
    PathId(id): PathId<FlowId>,
    known: Preconditions,
) -> Result<StatusCode, Problem> {
    crud::delete::<_, Flow>(&op, &id, &known).await
}
