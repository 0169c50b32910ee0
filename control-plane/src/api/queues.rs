//! `/v1/queues`: queues of callers.

use super::{
    body::{Body, Check, Patch},
    crud::{self, Form, Reference},
    etag::Preconditions,
    item::{Item, Named},
    listed_users::{self, Listed},
    need::{RoutingManage, RoutingRead},
    once::Stop,
    op::Op,
    page::{All, List, Page, PageParams},
    path::PathId,
    schema,
};
use crate::{
    problem::{Faults, Problem},
    shared::Shared,
};
use axum::{Json, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{
    ids::{QueueId, UserId},
    model::queue::{Queue, QueueMember},
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default().routes(routes!(list_queues, create_queue)).routes(routes!(
        read_queue,
        update_queue,
        delete_queue
    ))
}

/// A queue of callers.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueueForm {
    /// For people; no two queues have the same.
    #[schema(min_length = 1, max_length = 100, example = "Support")]
    name: String,
    /// Who takes its calls.
    #[serde(default)]
    #[schema(max_items = 200)]
    members: Vec<MemberForm>,
    /// Callers beyond this many are not let in.
    #[serde(default = "max_waiting")]
    #[schema(minimum = 1, maximum = 1000, default = max_waiting)]
    max_waiting: u32,
    /// A caller who waited so long goes on to what the number says next, in s.
    #[serde(default = "max_wait_s")]
    #[schema(minimum = 10, maximum = 14_400, default = max_wait_s)]
    max_wait_s: u32,
    /// How often a caller is told the position, in s; 0: never.
    #[serde(default = "announce_every_s")]
    #[schema(minimum = 0, maximum = 3_600, default = announce_every_s)]
    announce_every_s: u32,
    /// What is heard meanwhile; `null`: the carrier's music.
    #[serde(default)]
    #[schema(
        max_length = 2_000,
        format = "uri",
        pattern = "^https?://",
        example = "https://example.com/music.mp3"
    )]
    music_url: Option<String>,
}

/// Somebody who takes a queue's calls.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MemberForm {
    /// A user who has a part in the tenant.
    #[schema(schema_with = schema::id::<UserId>)]
    user: UserId,
    /// Members with lower numbers are rung first.
    #[serde(default)]
    #[schema(default = 0)]
    priority: i32,
}

type QueueItem = Item<QueueForm>;
type QueuePatch = Patch<QueueForm>;

const fn max_waiting() -> u32 {
    20
}

const fn max_wait_s() -> u32 {
    600
}

const fn announce_every_s() -> u32 {
    30
}

impl Named for QueueForm {
    const NAME: &'static str = "Queue";
}

impl Listed for MemberForm {
    fn user(&self) -> &UserId {
        &self.user
    }
}

impl Check for QueueForm {
    fn check(&self, faults: &mut Faults) {
        faults.text("name", &self.name, 1, 100);
        listed_users::check(faults, &self.members);
        faults.number("max_waiting", self.max_waiting, 1, 1_000);
        faults.number("max_wait_s", self.max_wait_s, 10, 14_400);
        faults.number("announce_every_s", self.announce_every_s, 0, 3_600);
        if let Some(url) = &self.music_url {
            faults.web_address("music_url", url);
        }
    }
}

impl Form for QueueForm {
    type Resource = Queue;
    const PATH: &'static str = "/v1/queues";

    fn of(queue: Queue) -> Self {
        let member = |member: QueueMember| MemberForm { user: member.user, priority: member.priority };
        Self {
            name: queue.name,
            members: queue.members.into_iter().map(member).collect(),
            max_waiting: queue.max_waiting,
            max_wait_s: queue.max_wait_s,
            announce_every_s: queue.announce_every_s,
            music_url: queue.music_url,
        }
    }

    fn into_resource(self, _: Option<Queue>) -> Queue {
        let member = |member: MemberForm| QueueMember { user: member.user, priority: member.priority };
        Queue {
            name: self.name,
            members: self.members.into_iter().map(member).collect(),
            max_waiting: self.max_waiting,
            max_wait_s: self.max_wait_s,
            announce_every_s: self.announce_every_s,
            music_url: self.music_url,
        }
    }

    fn references(&self) -> Vec<Reference> {
        listed_users::references(&self.members)
    }
}

/// Lists the queues, newest first.
#[utoipa::path(
    get, path = "/v1/queues", tag = "Queues", security(("bearer" = ["routing:read"])), params(PageParams),
    responses((status = 200, description = "A page of them", body = Page<QueueItem>)),
)]
async fn list_queues(op: Op<RoutingRead>, list: List<All>) -> Result<Json<Page<QueueItem>>, Problem> {
    crud::list(&op, &list, |filter| filter, QueueForm::of).await
}

/// Makes a queue.
#[utoipa::path(
    post, path = "/v1/queues", tag = "Queues", security(("bearer" = ["routing:manage"])), request_body = QueueForm,
    responses((status = 201, description = "It is there", body = QueueItem)),
)]
async fn create_queue(op: Op<RoutingManage>, body: Body<QueueForm>) -> Result<Response, Stop> {
    crud::create(&op, body, QueueForm::of).await
}

/// Reads a queue.
#[utoipa::path(
    get, path = "/v1/queues/{id}", tag = "Queues", security(("bearer" = ["routing:read"])),
    params(("id" = String, Path, description = "`que_…`")),
    responses((status = 200, description = "The queue", body = QueueItem), (status = 304, description = "As it is known")),
)]
async fn read_queue(
    op: Op<RoutingRead>,
    PathId(id): PathId<QueueId>,
    known: Preconditions,
) -> Result<Response, Problem> {
    crud::read(&op, &id, &known, QueueForm::of).await
}

/// Changes a queue.
#[utoipa::path(
    patch, path = "/v1/queues/{id}", tag = "Queues", security(("bearer" = ["routing:manage"])),
    params(("id" = String, Path, description = "`que_…`")), request_body = QueuePatch,
    responses((status = 200, description = "As it is now", body = QueueItem)),
)]
async fn update_queue(
    op: Op<RoutingManage>,
    PathId(id): PathId<QueueId>,
    known: Preconditions,
    patch: QueuePatch,
) -> Result<Response, Problem> {
    crud::patch(&op, &id, &known, &patch, QueueForm::of).await
}

/// Deletes a queue. Numbers that lead to it go on to what they say next.
#[utoipa::path(
    delete, path = "/v1/queues/{id}", tag = "Queues", security(("bearer" = ["routing:manage"])),
    params(("id" = String, Path, description = "`que_…`")),
    responses((status = 204, description = "It is gone")),
)]
async fn delete_queue(
    op: Op<RoutingManage>,
    PathId(id): PathId<QueueId>,
    known: Preconditions,
) -> Result<StatusCode, Problem> {
    crud::delete::<_, Queue>(&op, &id, &known).await
}
