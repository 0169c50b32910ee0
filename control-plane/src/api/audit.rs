//! `/v1/audit-log`: who changed what. Nothing in it can be changed, and secrets never stand in it.

use super::{
    need::{AuditRead, PlatformManage},
    op::{Op, PlatformOp},
    page::{List, Page, PageParams},
    schema,
};
use crate::{clock::rfc3339, problem::Problem, shared::Shared};
use axum::Json;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::sync::Arc;
use store::{
    TenantStore,
    model::audit::{ActorKind, AuditEntry, AuditFilter},
};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default().routes(routes!(list_audit_log)).routes(routes!(list_platform_audit_log))
}

/// Which lines to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditParams {
    /// About this: an id.
    object: Option<String>,
    /// By this actor: an id.
    actor: Option<String>,
}

/// A line of the audit log.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(crate) struct AuditView {
    /// Its id; ids sort by time.
    id: String,
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// Who.
    actor: ActorView,
    /// What was done.
    #[schema(example = "number.update")]
    action: String,
    /// With what.
    object: String,
    /// As it was; `null`: it was not there.
    #[schema(value_type = Option<Object>)]
    before: Option<Box<RawValue>>,
    /// As it is now; `null`: it is gone.
    #[schema(value_type = Option<Object>)]
    after: Option<Box<RawValue>>,
}

/// Who did it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Actor)]
pub(crate) struct ActorView {
    /// What kind of actor.
    #[schema(schema_with = schema::word::<ActorKind>)]
    kind: ActorKind,
    /// A user's or key's id, or the name of a part of the program.
    id: String,
    /// From where.
    ip: Option<String>,
    /// In which request.
    request_id: Option<String>,
}

impl From<AuditEntry> for AuditView {
    fn from(entry: AuditEntry) -> Self {
        let json = |text: Option<String>| text.and_then(|text| RawValue::from_string(text).ok());
        Self {
            id: entry.id,
            at: rfc3339(entry.at),
            actor: ActorView {
                kind: entry.actor.kind,
                id: entry.actor.id,
                ip: entry.actor.ip,
                request_id: entry.actor.request_id,
            },
            action: entry.action,
            object: entry.object,
            before: json(entry.before),
            after: json(entry.after),
        }
    }
}

/// Lists the lines of the tenant's audit log, newest first.
#[utoipa::path(
    get, path = "/v1/audit-log", tag = "Audit log", security(("bearer" = ["audit:read"])), params(PageParams, AuditParams),
    responses((status = 200, description = "A page of them", body = Page<AuditView>)),
)]
async fn list_audit_log(
    op: Op<AuditRead>,
    list: List<AuditParams>,
) -> Result<Json<Page<AuditView>>, Problem> {
    lines(&*op.store, &list).await
}

/// Lists the lines of the platform's audit log, newest first.
#[utoipa::path(
    get, path = "/v1/platform/audit-log", tag = "Audit log", security(("bearer" = ["platform:manage"])),
    params(PageParams, AuditParams),
    responses((status = 200, description = "A page of them", body = Page<AuditView>)),
)]
async fn list_platform_audit_log(
    op: PlatformOp<PlatformManage>,
    list: List<AuditParams>,
) -> Result<Json<Page<AuditView>>, Problem> {
    lines(&*op.store, &list).await
}

async fn lines(store: &dyn TenantStore, list: &List<AuditParams>) -> Result<Json<Page<AuditView>>, Problem> {
    let filter = AuditFilter {
        object: list.filter.object.clone(),
        actor: list.filter.actor.clone(),
        after: list.position().map(str::to_owned),
        limit: list.one_more(),
    };
    let entries = store.audit_log(&filter).await?;
    Ok(Json(list.page(entries, |entry| entry.id.clone(), AuditView::from)))
}
