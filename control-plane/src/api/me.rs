//! `/v1/me`: what users see and do of themselves.

use super::{
    auth::unkept,
    body::{Body, Check},
    caller::{Oneself, caller_of},
    path::PathId,
    schema,
};
use crate::{
    clock::{now_us, rfc3339},
    problem::{Faults, Problem},
    shared::Shared,
};
use axum::{
    Json,
    extract::State,
    http::{StatusCode, request::Parts},
    response::Response,
};
use engine::provider::Secret;
use identity::{
    permission::Permission,
    principal::{Caller, KeyPower, allows},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{
    Stored, TenantId,
    ids::SessionId,
    model::identity::{KeyMode, Role, Session, User},
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(read_me, update_me))
        .routes(routes!(change_password))
        .routes(routes!(list_sessions))
        .routes(routes!(end_session))
        .routes(routes!(begin_totp))
        .routes(routes!(confirm_totp))
        .routes(routes!(remove_totp))
}

/// Whose credential it is, and what it may do where.
#[derive(Debug, Serialize, ToSchema)]
struct MeView {
    /// `null` for a key.
    user: Option<UserView>,
    /// `null` for a user.
    key: Option<KeyView>,
    /// For whom they may act.
    tenants: Vec<PartView>,
}

/// A user.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UserView {
    pub(super) id: String,
    pub(super) email: String,
    pub(super) name: String,
    pub(super) platform_admin: bool,
    #[schema(schema_with = schema::word::<store::model::identity::UserStatus>)]
    pub(super) status: &'static str,
    /// Whether one-time passwords are asked for.
    pub(super) totp: bool,
    /// Recovery codes that were not used yet.
    pub(super) recovery_codes: usize,
    /// Whether the user signs in at an OpenID provider.
    pub(super) openid: bool,
}

/// A key.
#[derive(Debug, Serialize, ToSchema)]
struct KeyView {
    id: String,
    #[schema(schema_with = schema::word::<KeyMode>)]
    mode: &'static str,
    /// What it may do; empty: all that an admin may.
    scopes: Vec<&'static str>,
}

/// A part in a tenant.
#[derive(Debug, Serialize, ToSchema)]
struct PartView {
    tenant_id: String,
    /// `null` for a key, and for those who run the platform.
    #[schema(schema_with = schema::optional_word::<Role>)]
    role: Option<&'static str>,
    /// What may be done there.
    permissions: Vec<&'static str>,
}

/// A session.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OwnSession)]
struct SessionView {
    id: String,
    created_at: String,
    /// When it was refreshed last.
    updated_at: String,
    expires_at: String,
    ip: Option<String>,
    user_agent: Option<String>,
    /// Whether it is the one that asks.
    current: bool,
}

/// The sessions that live.
#[derive(Debug, Serialize, ToSchema)]
struct SessionsView {
    data: Vec<SessionView>,
}

/// What can be set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MeForm {
    #[schema(min_length = 1, max_length = 100)]
    name: String,
}

/// Another password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordForm {
    /// The one until now.
    #[schema(value_type = String, format = "password", max_length = 1_024)]
    current: Secret,
    /// The one from now on.
    #[schema(value_type = String, format = "password", min_length = 12, max_length = 256)]
    password: Secret,
}

/// The password, to show who asks.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ProofForm {
    #[schema(value_type = String, format = "password", max_length = 1_024)]
    password: Secret,
}

/// A one-time password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CodeForm {
    #[schema(value_type = String, format = "password", max_length = 64, example = "123456")]
    code: Secret,
}

/// Password and code.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BothForm {
    #[schema(value_type = String, format = "password", max_length = 1_024)]
    password: Secret,
    /// Of the authenticator, or one of the recovery codes.
    #[schema(value_type = String, format = "password", max_length = 64, example = "123456")]
    code: Secret,
}

/// What an authenticator app is given. It is shown once.
#[derive(Serialize, ToSchema)]
struct EnrolmentView {
    /// To type.
    secret: String,
    /// To show as a QR code.
    address: String,
}

/// Codes for whoever lost the authenticator, each good once. They are shown once.
#[derive(Serialize, ToSchema)]
struct CodesView {
    recovery_codes: Vec<String>,
}

impl UserView {
    pub(super) fn of(user: Stored<User>) -> Self {
        let Stored { id, value, .. } = user;
        Self {
            id: id.to_string(),
            email: value.email,
            name: value.name,
            platform_admin: value.platform_admin,
            status: value.status.as_str(),
            totp: value.proofs.totp_confirmed,
            recovery_codes: value.proofs.recovery_codes.len(),
            openid: value.openid_subject.is_some(),
        }
    }
}

impl SessionView {
    fn of(session: Stored<Session>, current: &SessionId) -> Self {
        Self {
            current: session.id == *current,
            id: session.id.to_string(),
            created_at: rfc3339(session.created_at),
            updated_at: rfc3339(session.updated_at),
            expires_at: rfc3339(session.value.expires_at),
            ip: session.value.ip,
            user_agent: session.value.user_agent,
        }
    }
}

/// What they may do in a tenant.
fn part(caller: &Caller, tenant: &TenantId, role: Option<Role>) -> PartView {
    let principal = caller.in_tenant(tenant);
    let allowed = |permission: &&Permission| {
        principal.as_ref().is_some_and(|principal| allows(principal, **permission))
    };
    PartView {
        tenant_id: tenant.to_string(),
        role: role.map(Role::as_str),
        permissions: Permission::ALL.iter().filter(allowed).map(|permission| permission.as_str()).collect(),
    }
}

impl Check for MeForm {
    fn check(&self, faults: &mut Faults) {
        faults.text("name", &self.name, 1, 100);
    }
}

impl Check for PasswordForm {
    fn check(&self, faults: &mut Faults) {
        faults.text("current", self.current.reveal(), 0, 1_024);
        faults.text("password", self.password.reveal(), 0, 1_024);
    }
}

impl Check for ProofForm {
    fn check(&self, faults: &mut Faults) {
        faults.text("password", self.password.reveal(), 0, 1_024);
    }
}

impl Check for CodeForm {
    fn check(&self, faults: &mut Faults) {
        faults.text("code", self.code.reveal(), 0, 64);
    }
}

impl Check for BothForm {
    fn check(&self, faults: &mut Faults) {
        faults.text("password", self.password.reveal(), 0, 1_024);
        faults.text("code", self.code.reveal(), 0, 64);
    }
}

/// Says whose credential it is, and what it may do where.
#[utoipa::path(
    get, path = "/v1/me", tag = "Oneself", security(("bearer" = [])),
    responses((status = 200, description = "Who asks", body = MeView)),
)]
async fn read_me(State(shared): State<Arc<Shared>>, parts: Parts) -> Result<Json<MeView>, Problem> {
    let caller = caller_of(&parts, &shared).await?;
    let platform = TenantId::platform();
    Ok(Json(match &caller {
        Caller::User(user) => {
            let row = shared.store_of(&platform).get::<User>(&user.user).await?;
            let mut tenants: Vec<_> = user
                .memberships
                .iter()
                .map(|membership| part(&caller, &membership.tenant, Some(membership.role)))
                .collect();
            if user.platform_admin {
                tenants.push(part(&caller, &platform, None));
            }
            MeView { user: row.map(UserView::of), key: None, tenants }
        }
        Caller::Key(key) => {
            let scopes = match &key.power {
                KeyPower::Full => Vec::new(),
                KeyPower::Scopes(scopes) => scopes.iter().map(|scope| scope.as_str()).collect(),
            };
            let view = KeyView { id: key.key.to_string(), mode: key.mode.as_str(), scopes };
            MeView { user: None, key: Some(view), tenants: vec![part(&caller, &key.tenant, None)] }
        }
    }))
}

/// Sets the name that others see.
#[utoipa::path(
    patch, path = "/v1/me", tag = "Oneself", security(("bearer" = [])), request_body = MeForm,
    responses((status = 200, description = "As it is now", body = UserView)),
)]
async fn update_me(
    oneself: Oneself,
    State(shared): State<Arc<Shared>>,
    body: Body<MeForm>,
) -> Result<Json<UserView>, Problem> {
    let Oneself { caller, client } = &oneself;
    let user = shared.identity.rename(&caller.user, &body.value.name, client, now_us()).await?;
    Ok(Json(UserView::of(user)))
}

/// Sets another password. All other sessions end.
#[utoipa::path(
    post, path = "/v1/me/password", tag = "Oneself", security(("bearer" = [])), request_body = PasswordForm,
    responses((status = 204, description = "It is set")),
)]
async fn change_password(
    oneself: Oneself,
    State(shared): State<Arc<Shared>>,
    body: Body<PasswordForm>,
) -> Result<StatusCode, Problem> {
    let Oneself { caller, client } = &oneself;
    let PasswordForm { current, password } = &body.value;
    let passwords = (current, password);
    shared.identity.change_password(&caller.user, &caller.session, passwords, client, now_us()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the sessions that live, newest first.
#[utoipa::path(
    get, path = "/v1/me/sessions", tag = "Oneself", security(("bearer" = [])),
    responses((status = 200, description = "All of them", body = SessionsView)),
)]
async fn list_sessions(
    oneself: Oneself,
    State(shared): State<Arc<Shared>>,
) -> Result<Json<SessionsView>, Problem> {
    let Oneself { caller, .. } = &oneself;
    let sessions = shared.identity.sessions(&caller.user, now_us()).await?;
    let view = |session| SessionView::of(session, &caller.session);
    Ok(Json(SessionsView { data: sessions.into_iter().map(view).collect() }))
}

/// Ends a session, at once.
#[utoipa::path(
    delete, path = "/v1/me/sessions/{id}", tag = "Oneself", security(("bearer" = [])),
    params(("id" = String, Path, description = "`ses_…`")),
    responses((status = 204, description = "It is over")),
)]
async fn end_session(
    oneself: Oneself,
    State(shared): State<Arc<Shared>>,
    PathId(id): PathId<SessionId>,
) -> Result<StatusCode, Problem> {
    let Oneself { caller, client } = &oneself;
    shared.identity.sign_out(&caller.user, &id, client, now_us()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives the secret for an authenticator app. One-time passwords are asked for once the first one was confirmed.
#[utoipa::path(
    post, path = "/v1/me/totp", tag = "Oneself", security(("bearer" = [])), request_body = ProofForm,
    responses((status = 200, description = "For the app", body = EnrolmentView)),
)]
async fn begin_totp(
    oneself: Oneself,
    State(shared): State<Arc<Shared>>,
    body: Body<ProofForm>,
) -> Result<Response, Problem> {
    let Oneself { caller, client } = &oneself;
    let begun = shared.identity.begin_totp(&caller.user, &body.value.password, client, now_us()).await?;
    let (secret, address) = (begun.secret.reveal().to_owned(), begun.address.reveal().to_owned());
    Ok(unkept(EnrolmentView { secret, address }))
}

/// Confirms the first one-time password: from now on they are asked for.
#[utoipa::path(
    post, path = "/v1/me/totp/confirm", tag = "Oneself", security(("bearer" = [])), request_body = CodeForm,
    responses((status = 200, description = "Codes for whoever loses the authenticator", body = CodesView)),
)]
async fn confirm_totp(
    oneself: Oneself,
    State(shared): State<Arc<Shared>>,
    body: Body<CodeForm>,
) -> Result<Response, Problem> {
    let Oneself { caller, client } = &oneself;
    let codes = shared.identity.confirm_totp(&caller.user, &body.value.code, client, now_us()).await?;
    let recovery_codes = codes.iter().map(|code| code.reveal().to_owned()).collect();
    Ok(unkept(CodesView { recovery_codes }))
}

/// One-time passwords are not asked for any more.
#[utoipa::path(
    post, path = "/v1/me/totp/remove", tag = "Oneself", security(("bearer" = [])), request_body = BothForm,
    responses((status = 204, description = "They are not")),
)]
async fn remove_totp(
    oneself: Oneself,
    State(shared): State<Arc<Shared>>,
    body: Body<BothForm>,
) -> Result<StatusCode, Problem> {
    let Oneself { caller, client } = &oneself;
    let BothForm { password, code } = &body.value;
    shared.identity.remove_totp(&caller.user, (password, code), client, now_us()).await?;
    Ok(StatusCode::NO_CONTENT)
}
