//! `/v1/members`: who is in a tenant, and as what.

use super::{
    body::{Body, Check, Empty},
    crud::current,
    etag::Preconditions,
    item::{Item, Named},
    need::{MembersManage, MembersRead},
    once::{Answer, Stop},
    op::Op,
    page::{All, List, Page, PageParams},
    path::PathId,
    schema,
};
use crate::{
    clock::{now_us, rfc3339},
    problem::{Faults, Problem},
    shared::Shared,
};
use axum::{Json, http::StatusCode, response::Response};
use engine::provider::Secret;
use identity::{invitation::Invited, team::Member};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{
    Stored,
    ids::MembershipId,
    model::identity::{Membership, Role, User},
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(list_members, invite_member))
        .routes(routes!(read_member, update_member, remove_member))
        .routes(routes!(invite_again))
}

/// Somebody who is to come into the tenant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct InviteForm {
    #[schema(min_length = 3, max_length = 254, example = "carla@example.com")]
    email: String,
    /// For people, unless they have given themselves another.
    #[schema(min_length = 1, max_length = 100, example = "Carla")]
    name: String,
    #[schema(schema_with = schema::word::<Role>)]
    role: Role,
}

/// What of a member can be changed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RoleForm {
    #[schema(schema_with = schema::word::<Role>)]
    role: Role,
}

/// Somebody in the tenant.
#[derive(Clone, Serialize, ToSchema)]
struct MemberView {
    user_id: String,
    email: String,
    name: String,
    #[schema(schema_with = schema::word::<Role>)]
    role: &'static str,
    /// Until it is accepted; `null` afterwards.
    invitation: Option<InvitationView>,
}

/// An invitation that was not accepted yet.
#[derive(Clone, Serialize, ToSchema)]
struct InvitationView {
    /// To be passed on to them. It is shown once, in the answer to the request that made it; `null` elsewhere.
    token: Option<String>,
    expires_at: String,
}

type MemberItem = Item<MemberView>;

impl Named for MemberView {
    const NAME: &'static str = "Member";
}

impl Check for InviteForm {
    fn check(&self, faults: &mut Faults) {
        faults.text("email", &self.email, 3, 254);
        faults.text("name", &self.name, 1, 100);
    }
}

impl Check for RoleForm {
    fn check(&self, _: &mut Faults) {}
}

fn item(membership: Stored<Membership>, user: &User, token: Option<&Secret>) -> MemberItem {
    Item::of(membership, |membership| MemberView {
        user_id: membership.user.to_string(),
        email: user.email.clone(),
        name: user.name.clone(),
        role: membership.role.as_str(),
        invitation: membership.invitation.map(|invitation| InvitationView {
            token: token.map(|token| token.reveal().to_owned()),
            expires_at: rfc3339(invitation.expires_at),
        }),
    })
}

fn shown(member: Member) -> MemberItem {
    item(member.membership, &member.user.value, None)
}

/// Lists the people of the tenant, newest first.
#[utoipa::path(
    get, path = "/v1/members", tag = "Team", security(("bearer" = ["members:read"])), params(PageParams),
    responses((status = 200, description = "A page of them", body = Page<MemberItem>)),
)]
async fn list_members(op: Op<MembersRead>, list: List<All>) -> Result<Json<Page<MemberItem>>, Problem> {
    let members = op.shared.identity.members(&op.principal, &list.resources::<Membership>()?).await?;
    Ok(Json(list.page(members, |member| member.membership.id.to_string(), shown)))
}

/// Invites somebody. The answer holds the token that they accept with.
#[utoipa::path(
    post, path = "/v1/members", tag = "Team", security(("bearer" = ["members:manage"])), request_body = InviteForm,
    responses((status = 201, description = "They are invited", body = MemberItem)),
)]
async fn invite_member(op: Op<MembersManage>, body: Body<InviteForm>) -> Result<Response, Stop> {
    let InviteForm { email, name, role } = &body.value;
    let identity = &op.shared.identity;
    let user = identity.ensure_user(&op.principal, (email, name, *role), op.actor(), now_us()).await;
    let mut work = op.begin_once(&body.once).await?;
    let invited = identity.invite_within(&mut *work.tx, user.map_err(Problem::from)?, *role).await;
    let Invited { user, membership, token, .. } = invited.map_err(Problem::from)?;
    let answer = |token| {
        let location = format!("/v1/members/{}", membership.id);
        Answer::created(&item(membership.clone(), &user.value, token), location, membership.version)
    };
    work.finish_keeping(answer(Some(&token))?, &answer(None)?).await
}

/// Reads somebody of the tenant.
#[utoipa::path(
    get, path = "/v1/members/{id}", tag = "Team", security(("bearer" = ["members:read"])),
    params(("id" = String, Path, description = "`mem_…`")),
    responses((status = 200, description = "The member", body = MemberItem), (status = 304, description = "As it is known")),
)]
async fn read_member(
    op: Op<MembersRead>,
    PathId(id): PathId<MembershipId>,
    known: Preconditions,
) -> Result<Response, Problem> {
    let member = op.shared.identity.member(&op.principal, &id).await?;
    let version = member.membership.version;
    Ok(known.show(version, &shown(member)))
}

/// Gives somebody another role, none above one's own. The last owner stays one.
#[utoipa::path(
    patch, path = "/v1/members/{id}", tag = "Team", security(("bearer" = ["members:manage"])),
    params(("id" = String, Path, description = "`mem_…`")), request_body = RoleForm,
    responses((status = 200, description = "As it is now", body = MemberItem)),
)]
async fn update_member(
    op: Op<MembersManage>,
    PathId(id): PathId<MembershipId>,
    known: Preconditions,
    body: Body<RoleForm>,
) -> Result<Response, Problem> {
    let identity = &op.shared.identity;
    let version = version_of(&op, &id, &known).await?;
    let (at, role) = ((&id, version), body.value.role);
    identity.change_role(&op.principal, at, role, op.actor(), now_us()).await?;
    let member = identity.member(&op.principal, &id).await?;
    Ok(Preconditions::default().show(member.membership.version, &shown(member)))
}

/// Takes somebody out of the tenant, at once. The last owner stays.
#[utoipa::path(
    delete, path = "/v1/members/{id}", tag = "Team", security(("bearer" = ["members:manage"])),
    params(("id" = String, Path, description = "`mem_…`")),
    responses((status = 204, description = "They are out")),
)]
async fn remove_member(
    op: Op<MembersManage>,
    PathId(id): PathId<MembershipId>,
    known: Preconditions,
) -> Result<StatusCode, Problem> {
    let version = version_of(&op, &id, &known).await?;
    op.shared.identity.remove_member(&op.principal, (&id, version), op.actor(), now_us()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives somebody who has not accepted yet another token. The one before is void.
#[utoipa::path(
    post, path = "/v1/members/{id}/invitation", tag = "Team", security(("bearer" = ["members:manage"])),
    params(("id" = String, Path, description = "`mem_…`")),
    responses((status = 200, description = "They are invited again", body = MemberItem)),
)]
async fn invite_again(
    op: Op<MembersManage>,
    PathId(id): PathId<MembershipId>,
    body: Empty,
) -> Result<Response, Stop> {
    let mut work = op.begin_once(&body.once).await?;
    let invited = op.shared.identity.invite_again_within(&mut *work.tx, &op.principal, &id).await;
    let Invited { user, membership, token, .. } = invited.map_err(Problem::from)?;
    let answer = |token| Answer::new(StatusCode::OK, &item(membership.clone(), &user.value, token));
    work.finish_keeping(answer(Some(&token))?, &answer(None)?).await
}

/// The version of a membership that is about to be changed, if the client knows it as it is.
async fn version_of(
    op: &Op<MembersManage>,
    id: &MembershipId,
    known: &Preconditions,
) -> Result<i64, Problem> {
    let mut tx = op.begin().await?;
    Ok(current::<Membership>(&mut *tx, id, known).await?.version)
}
