//! `/v1/users`: all users, for those who run the platform.

use super::{
    body::Empty,
    etag::Preconditions,
    me::UserView,
    need::PlatformManage,
    once::{Answer, Stop},
    op::PlatformOp,
    page::{All, List, Page, PageParams},
    path::PathId,
};
use crate::{
    clock::{now_us, rfc3339},
    problem::Problem,
    shared::Shared,
};
use axum::{Json, http::StatusCode, response::Response};
use serde::Serialize;
use std::sync::Arc;
use store::{ids::UserId, model::identity::User};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(list_users))
        .routes(routes!(read_user))
        .routes(routes!(enable_user))
        .routes(routes!(disable_user))
        .routes(routes!(reset_user))
}

/// A token to set another password with.
#[derive(Serialize, ToSchema)]
struct ResetView {
    user_id: String,
    /// To be passed on to them. It is shown once; `null` in the answer to a repeated request.
    token: Option<String>,
    expires_at: String,
}

/// Lists the users, newest first.
#[utoipa::path(
    get, path = "/v1/users", tag = "Users", security(("bearer" = ["platform:manage"])), params(PageParams),
    responses((status = 200, description = "A page of them", body = Page<UserView>)),
)]
async fn list_users(
    op: PlatformOp<PlatformManage>,
    list: List<All>,
) -> Result<Json<Page<UserView>>, Problem> {
    let users = op.store.list::<User>(&list.resources::<User>()?).await?;
    Ok(Json(list.page(users, |user| user.id.to_string(), UserView::of)))
}

/// Reads a user.
#[utoipa::path(
    get, path = "/v1/users/{id}", tag = "Users", security(("bearer" = ["platform:manage"])),
    params(("id" = String, Path, description = "`usr_…`")),
    responses((status = 200, description = "The user", body = UserView), (status = 304, description = "As it is known")),
)]
async fn read_user(
    op: PlatformOp<PlatformManage>,
    PathId(id): PathId<UserId>,
    known: Preconditions,
) -> Result<Response, Problem> {
    let user = op.store.get::<User>(&id).await?.ok_or_else(|| Problem::not_found("user"))?;
    Ok(known.show(user.version, &UserView::of(user)))
}

/// Lets a user sign in again.
#[utoipa::path(
    post, path = "/v1/users/{id}/enable", tag = "Users", security(("bearer" = ["platform:manage"])),
    params(("id" = String, Path, description = "`usr_…`")),
    responses((status = 200, description = "As it is now", body = UserView)),
)]
async fn enable_user(
    op: PlatformOp<PlatformManage>,
    PathId(id): PathId<UserId>,
    body: Empty,
) -> Result<Response, Stop> {
    set_enabled(&op, &id, true, &body).await
}

/// Lets a user sign in no longer. All of their sessions end at once.
#[utoipa::path(
    post, path = "/v1/users/{id}/disable", tag = "Users", security(("bearer" = ["platform:manage"])),
    params(("id" = String, Path, description = "`usr_…`")),
    responses((status = 200, description = "As it is now", body = UserView)),
)]
async fn disable_user(
    op: PlatformOp<PlatformManage>,
    PathId(id): PathId<UserId>,
    body: Empty,
) -> Result<Response, Stop> {
    set_enabled(&op, &id, false, &body).await
}

async fn set_enabled(
    op: &PlatformOp<PlatformManage>,
    id: &UserId,
    enabled: bool,
    body: &Empty,
) -> Result<Response, Stop> {
    let sessions = op.shared.identity.sessions(id, now_us()).await.map_err(Problem::from)?;
    let mut work = op.begin_once(&body.once).await?;
    let user = identity::team::set_enabled(&mut *work.tx, id, enabled, sessions).await;
    let answer = Answer::new(StatusCode::OK, &UserView::of(user.map_err(Problem::from)?))?;
    work.finish(answer).await
}

/// Gives a token with which a user who lost their password sets another. Nothing that proved them before does then.
#[utoipa::path(
    post, path = "/v1/users/{id}/reset", tag = "Users", security(("bearer" = ["platform:manage"])),
    params(("id" = String, Path, description = "`usr_…`")),
    responses((status = 200, description = "The token", body = ResetView)),
)]
async fn reset_user(
    op: PlatformOp<PlatformManage>,
    PathId(id): PathId<UserId>,
    body: Empty,
) -> Result<Response, Stop> {
    let mut work = op.begin_once(&body.once).await?;
    let enabled = op.shared.identity.reset_within(&mut *work.tx, &id).await.map_err(Problem::from)?;
    let answer = |token: Option<&str>| {
        let (user_id, expires_at) = (enabled.user.to_string(), rfc3339(enabled.expires_at));
        Answer::new(StatusCode::OK, &ResetView { user_id, token: token.map(str::to_owned), expires_at })
    };
    work.finish_keeping(answer(Some(enabled.token.reveal()))?, &answer(None)?).await
}
