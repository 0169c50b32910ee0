//! `/v1/queues/{id}/next`: somebody takes the caller who has waited longest.

use super::{
    body::{Body, Check},
    need::CallsControl,
    once::{Answer, Stop},
    op::Op,
    path::PathId,
    schema,
};
use crate::{
    outbound::worker::schedule,
    problem::{Code, Fault, FaultCode, Faults, Place, Problem},
    shared::Shared,
    waiting,
};
use axum::{http::StatusCode, response::Response};
use identity::principal::Who;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use store::{
    CallId, StoreError,
    ids::{QueueId, UserId},
    model::{identity::Role, queue::Queue},
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// How often another caller is looked for when others take callers in the same moment.
const ATTEMPTS: usize = 16;

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default().routes(routes!(take_next_caller))
}

/// Who takes the next caller.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NextCallerForm {
    /// Whose softphone rings; without it one's own. A program with a key has to say it, and of people only admins name somebody else.
    #[serde(default)]
    #[schema(schema_with = schema::optional_id::<UserId>)]
    user: Option<UserId>,
}

impl Check for NextCallerForm {
    fn check(&self, _: &mut Faults) {}
}

/// A caller who is being put through.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct NextCaller {
    /// Which call.
    #[schema(schema_with = schema::id::<CallId>)]
    call: String,
    /// Who calls, as the carrier gave it: not always a number.
    #[schema(example = "+15550100")]
    from: String,
    /// How long the caller has waited, in s.
    #[schema(minimum = 0)]
    waited_s: i64,
    /// Whose softphone rings.
    #[schema(schema_with = schema::id::<UserId>)]
    user: UserId,
}

/// Takes the caller who has waited longest, and has them put through to a person's softphone. Nobody else gets the same caller. If the
/// softphone is not answered, the caller waits again where they stood.
#[utoipa::path(
    post, path = "/v1/queues/{id}/next", tag = "Queues", security(("bearer" = ["calls:control"])),
    params(("id" = String, Path, description = "`que_…`")), request_body = NextCallerForm,
    responses((status = 202, description = "The caller is being put through", body = NextCaller)),
)]
async fn take_next_caller(
    op: Op<CallsControl>,
    PathId(id): PathId<QueueId>,
    body: Body<NextCallerForm>,
) -> Result<Response, Stop> {
    op.answered_before(&body.once).await?;
    op.store.get::<Queue>(&id).await?.ok_or_else(|| Problem::not_found("queue"))?;
    let user = operator(&op, body.value.user).await?;
    for _ in 0..ATTEMPTS {
        let line = waiting::in_line(&*op.store, &id).await?;
        let mut work = op.begin_once(&body.once).await?;
        if line.is_empty() {
            return Err(Problem::new(Code::QueueEmpty, "nobody waits in the queue").into());
        }
        let taken = match waiting::take(&mut *work.tx, &line, &user).await {
            Ok(Some(taken)) => taken,
            // Others were faster; those behind may still be there.
            Ok(None) | Err(StoreError::Stale { .. }) => continue,
            Err(cause) => return Err(cause.into()),
        };
        let (call, now) = (taken.value.call, work.tx.now());
        schedule(&mut *work.tx, &call, now).await?;
        let details = json!({ "queue": id.as_str(), "user": user.as_str() });
        work.tx.note("call.take", call.as_str(), &details).await?;
        let from = op.store.call(&call).await?.map_or_else(String::new, |call| call.from_number);
        let waited_s = (now - taken.created_at).max(0) / 1_000_000;
        let view = NextCaller { call: call.to_string(), from, waited_s, user };
        let response = work.finish(Answer::new(StatusCode::ACCEPTED, &view)?).await?;
        op.shared.calls.wake();
        return Ok(response);
    }
    Err(Problem::new(Code::Conflict, "others take callers in every moment; try again").into())
}

/// Whose softphone rings: somebody who takes the tenant's calls.
async fn operator(op: &Op<CallsControl>, named: Option<UserId>) -> Result<UserId, Problem> {
    let user = match (&op.principal.who, named) {
        (Who::Member { user, .. }, None) => user.clone(),
        (Who::Member { user, role, .. }, Some(named)) if named == *user || *role <= Role::Admin => named,
        (Who::Member { .. }, Some(_)) => {
            return Err(Problem::new(Code::Forbidden, "only admins take callers for somebody else"));
        }
        (Who::PlatformAdmin { .. } | Who::Key { .. }, Some(named)) => named,
        (Who::PlatformAdmin { .. } | Who::Key { .. }, None) => {
            return Err(at_user(FaultCode::InvalidValue, "say whose softphone is to ring"));
        }
    };
    let view = op.shared.directory.tenant(op.tenant()).await.map_err(StoreError::from)?;
    if view.is_some_and(|view| view.book.users.contains(&user)) {
        return Ok(user);
    }
    Err(at_user(FaultCode::UnknownReference, "there is nobody of that id who takes the tenant's calls"))
}

fn at_user(code: FaultCode, detail: &str) -> Problem {
    let place = Place::Pointer("/user".to_owned());
    Problem::unacceptable(vec![Fault { place, code, detail: detail.to_owned() }])
}
