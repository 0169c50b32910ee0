//! `/v1/teams`: operators who share conversations. What waits for a team is given to whoever of it has the fewest, as long as
//! they are available and have room: at once when that changes.

use super::{
    body::{Body, Check, Patch},
    crud::{self, Form, Reference},
    etag::Preconditions,
    item::{Item, Named},
    listed_users::{self, Listed},
    need::{ContactsRead, InboxManage},
    once::Stop,
    op::Op,
    page::{All, List, Page, PageParams},
    path::PathId,
    schema,
};
use crate::{
    inbox::assign,
    problem::{Faults, Problem},
    shared::Shared,
};
use axum::{Json, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{
    ids::{TeamId, UserId},
    model::inbox::{Team, TeamMember},
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default().routes(routes!(list_teams, create_team)).routes(routes!(
        read_team,
        update_team,
        delete_team
    ))
}

/// Operators who share conversations.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TeamForm {
    /// For people; no two teams have the same.
    #[schema(min_length = 1, max_length = 100, example = "Support")]
    name: String,
    /// Who.
    #[serde(default)]
    #[schema(max_items = 200)]
    members: Vec<TeamMemberForm>,
    /// Time within which somebody who writes is to be answered, in s; `null`: none is set.
    #[serde(default)]
    #[schema(minimum = 10, maximum = 2_592_000, example = 900)]
    answer_within_s: Option<u32>,
}

/// Somebody in a team.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TeamMemberForm {
    /// A user who has a part in the tenant.
    #[schema(schema_with = schema::id::<UserId>)]
    user: UserId,
    /// Open conversations they have at most, of all teams.
    #[serde(default = "capacity")]
    #[schema(minimum = 0, maximum = 10_000, default = capacity)]
    capacity: u32,
    /// Whether they take new ones.
    #[serde(default = "available")]
    #[schema(default = available)]
    available: bool,
}

const fn capacity() -> u32 {
    10
}

const fn available() -> bool {
    true
}

type TeamItem = Item<TeamForm>;
type TeamPatch = Patch<TeamForm>;

impl Named for TeamForm {
    const NAME: &'static str = "Team";
}

impl Listed for TeamMemberForm {
    fn user(&self) -> &UserId {
        &self.user
    }
}

impl Check for TeamForm {
    fn check(&self, faults: &mut Faults) {
        faults.text("name", &self.name, 1, 100);
        listed_users::check(faults, &self.members);
        faults.each("members", &self.members, |faults, member| {
            faults.number("capacity", member.capacity, 0, 10_000);
        });
        if let Some(within) = self.answer_within_s {
            faults.number("answer_within_s", within, 10, 2_592_000);
        }
    }
}

impl Form for TeamForm {
    type Resource = Team;
    const PATH: &'static str = "/v1/teams";

    fn of(team: Team) -> Self {
        let member = |member: TeamMember| TeamMemberForm {
            user: member.user,
            capacity: member.capacity,
            available: member.available,
        };
        Self {
            name: team.name,
            members: team.members.into_iter().map(member).collect(),
            answer_within_s: team.answer_within_s,
        }
    }

    fn into_resource(self, _: Option<Team>) -> Team {
        let member = |member: TeamMemberForm| TeamMember {
            user: member.user,
            capacity: member.capacity,
            available: member.available,
        };
        Team {
            name: self.name,
            members: self.members.into_iter().map(member).collect(),
            answer_within_s: self.answer_within_s,
        }
    }

    fn references(&self) -> Vec<Reference> {
        listed_users::references(&self.members)
    }
}

/// Lists the teams, newest first.
#[utoipa::path(
    get, path = "/v1/teams", tag = "Inbox", security(("bearer" = ["contacts:read"])), params(PageParams),
    responses((status = 200, description = "A page of them", body = Page<TeamItem>)),
)]
async fn list_teams(op: Op<ContactsRead>, list: List<All>) -> Result<Json<Page<TeamItem>>, Problem> {
    crud::list(&op, &list, |filter| filter, TeamForm::of).await
}

/// Makes a team.
#[utoipa::path(
    post, path = "/v1/teams", tag = "Inbox", security(("bearer" = ["inbox:manage"])), request_body = TeamForm,
    responses((status = 201, description = "It is there", body = TeamItem)),
)]
async fn create_team(op: Op<InboxManage>, body: Body<TeamForm>) -> Result<Response, Stop> {
    crud::create(&op, body, TeamForm::of).await
}

/// Reads a team.
#[utoipa::path(
    get, path = "/v1/teams/{id}", tag = "Inbox", security(("bearer" = ["contacts:read"])),
    params(("id" = String, Path, description = "`team_…`")),
    responses((status = 200, description = "The team", body = TeamItem), (status = 304, description = "As it is known")),
)]
async fn read_team(
    op: Op<ContactsRead>,
    PathId(id): PathId<TeamId>,
    known: Preconditions,
) -> Result<Response, Problem> {
    crud::read(&op, &id, &known, TeamForm::of).await
}

/// Changes a team: who is in it, who is available, how much they take. What waits is given out at once.
#[utoipa::path(
    patch, path = "/v1/teams/{id}", tag = "Inbox", security(("bearer" = ["inbox:manage"])),
    params(("id" = String, Path, description = "`team_…`")), request_body = TeamPatch,
    responses((status = 200, description = "As it is now", body = TeamItem)),
)]
async fn update_team(
    op: Op<InboxManage>,
    PathId(id): PathId<TeamId>,
    known: Preconditions,
    patch: TeamPatch,
) -> Result<Response, Problem> {
    let changed = crud::patch(&op, &id, &known, &patch, TeamForm::of).await?;
    assign::drain(&*op.store).await;
    Ok(changed)
}

/// Deletes a team. Its conversations stay with whoever has them.
#[utoipa::path(
    delete, path = "/v1/teams/{id}", tag = "Inbox", security(("bearer" = ["inbox:manage"])),
    params(("id" = String, Path, description = "`team_…`")),
    responses((status = 204, description = "It is gone")),
)]
async fn delete_team(
    op: Op<InboxManage>,
    PathId(id): PathId<TeamId>,
    known: Preconditions,
) -> Result<StatusCode, Problem> {
    crud::delete::<_, Team>(&op, &id, &known).await
}
