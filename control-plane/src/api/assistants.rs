//! `/v1/assistants`: who answers calls.

mod form;

use super::{
    body::{Body, Patch},
    crud,
    etag::Preconditions,
    item::Item,
    need::{RoutingManage, RoutingRead},
    once::{Answer, Stop},
    op::Op,
    page::{All, List, Page, PageParams},
    path::PathId,
};
use crate::{problem::Problem, shared::Shared};
use axum::{Json, http::StatusCode, response::Response};
use form::AssistantForm;
use std::sync::Arc;
use store::{ids::AssistantId, model::assistant::Assistant};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default().routes(routes!(list_assistants, create_assistant)).routes(routes!(
        read_assistant,
        update_assistant,
        delete_assistant
    ))
}

type AssistantItem = Item<AssistantForm>;
type AssistantPatch = Patch<AssistantForm>;

/// Lists the assistants, newest first.
#[utoipa::path(
    get, path = "/v1/assistants", tag = "Assistants", security(("bearer" = ["routing:read"])), params(PageParams),
    responses((status = 200, description = "A page of them", body = Page<AssistantItem>)),
)]
async fn list_assistants(op: Op<RoutingRead>, list: List<All>) -> Result<Json<Page<AssistantItem>>, Problem> {
    crud::list(&op, &list, |filter| filter, AssistantForm::of).await
}

/// Makes an assistant.
#[utoipa::path(
    post, path = "/v1/assistants", tag = "Assistants", security(("bearer" = ["routing:manage"])),
    request_body = AssistantForm, responses((status = 201, description = "It is there", body = AssistantItem)),
)]
async fn create_assistant(op: Op<RoutingManage>, body: Body<AssistantForm>) -> Result<Response, Stop> {
    let id = AssistantId::generate();
    body.value.check_addresses(op.shared.deliveries.reach())?;
    let mut work = op.begin_once(&body.once).await?;
    let assistant = body.value.seal(&op.shared.vault, &mut *work.tx, &id, None).await?;
    let row = work.tx.insert_as(id, assistant).await?;
    let (version, location) = (row.version, format!("/v1/assistants/{}", row.id));
    let answer = Answer::created(&Item::of(row, AssistantForm::of), location, version)?;
    work.finish(answer).await
}

/// Reads an assistant.
#[utoipa::path(
    get, path = "/v1/assistants/{id}", tag = "Assistants", security(("bearer" = ["routing:read"])),
    params(("id" = String, Path, description = "`asst_…`")),
    responses(
        (status = 200, description = "The assistant", body = AssistantItem),
        (status = 304, description = "As it is known"),
    ),
)]
async fn read_assistant(
    op: Op<RoutingRead>,
    PathId(id): PathId<AssistantId>,
    known: Preconditions,
) -> Result<Response, Problem> {
    crud::read(&op, &id, &known, AssistantForm::of).await
}

/// Changes an assistant. Calls that it has already go on with it as it was.
#[utoipa::path(
    patch, path = "/v1/assistants/{id}", tag = "Assistants", security(("bearer" = ["routing:manage"])),
    params(("id" = String, Path, description = "`asst_…`")), request_body = AssistantPatch,
    responses((status = 200, description = "As it is now", body = AssistantItem)),
)]
async fn update_assistant(
    op: Op<RoutingManage>,
    PathId(id): PathId<AssistantId>,
    known: Preconditions,
    patch: AssistantPatch,
) -> Result<Response, Problem> {
    let mut tx = op.begin().await?;
    let row = crud::current::<Assistant>(&mut *tx, &id, &known).await?;
    let form = patch.apply(&AssistantForm::of(row.value.clone()))?;
    form.check_addresses(op.shared.deliveries.reach())?;
    let assistant = form.seal(&op.shared.vault, &mut *tx, &id, Some(&row.value)).await?;
    let changed = tx.update(&id, row.version, assistant).await?;
    tx.commit().await?;
    Ok(crud::shown(changed, AssistantForm::of))
}

/// Deletes an assistant. Numbers that name it are answered by the tenant's own.
#[utoipa::path(
    delete, path = "/v1/assistants/{id}", tag = "Assistants", security(("bearer" = ["routing:manage"])),
    params(("id" = String, Path, description = "`asst_…`")), responses((status = 204, description = "It is gone")),
)]
async fn delete_assistant(
    op: Op<RoutingManage>,
    PathId(id): PathId<AssistantId>,
    known: Preconditions,
) -> Result<StatusCode, Problem> {
    crud::delete::<_, Assistant>(&op, &id, &known).await
}
