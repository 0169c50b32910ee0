//! `/v1/auth`: signing in, staying signed in, signing out. Nothing of it is remembered for a repeated request: the answers are
//! secret.

use super::{
    body::{Body, Check},
    caller::{Oneself, Visitor},
};
use crate::{
    clock::{now_us, rfc3339},
    problem::{Code, Faults, Problem},
    shared::Shared,
};
use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use engine::provider::Secret;
use identity::{IdentityError, invitation::Shown, session::SessionTokens, sign_in::SignedIn};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(sign_in))
        .routes(routes!(second_factor))
        .routes(routes!(refresh))
        .routes(routes!(sign_out))
        .routes(routes!(accept_invitation))
}

/// An email address and a password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignInForm {
    #[schema(max_length = 254, example = "ann@example.com")]
    email: String,
    #[schema(value_type = String, format = "password", max_length = 1_024)]
    password: Secret,
}

/// What goes on where a password was right.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SecondFactorForm {
    /// `second_factor.token` of the answer before.
    #[schema(format = "password", max_length = 2_048)]
    token: String,
    /// Of the authenticator, or one of the recovery codes.
    #[schema(value_type = String, format = "password", max_length = 64, example = "123456")]
    code: Secret,
}

/// A session that is to go on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RefreshForm {
    #[schema(value_type = String, format = "password", max_length = 1_024)]
    refresh_token: Secret,
}

/// Which sessions end.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignOutForm {
    /// All of the user's, not only this one.
    #[serde(default)]
    everywhere: bool,
}

/// An invitation that is accepted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AcceptForm {
    /// As it was passed on.
    #[schema(value_type = String, format = "password", max_length = 1_024)]
    token: Secret,
    /// To set, by somebody who has none. Whoever has one signs in and accepts with the session's token.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "password", min_length = 12, max_length = 256)]
    password: Option<Secret>,
}

/// What follows from signing in: `session`, or `second_factor`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum SignedInView {
    /// Signed in.
    Session(SessionView),
    /// A one-time password is asked for.
    SecondFactor(SecondFactorView),
}

/// A session's tokens.
#[derive(Serialize, ToSchema)]
pub(super) struct SessionView {
    session_id: String,
    user_id: String,
    /// For requests: `Authorization: Bearer …`.
    access_token: String,
    access_expires_at: String,
    /// For the next tokens, once. One that is used twice ends the session.
    refresh_token: String,
    refresh_expires_at: String,
}

/// What the one-time password goes with.
#[derive(Serialize, ToSchema)]
pub(super) struct SecondFactorView {
    token: String,
    expires_at: String,
}

/// Who has accepted, and where.
#[derive(Debug, Serialize, ToSchema)]
struct AcceptedView {
    user_id: String,
    /// `null`: a password was set, nothing else.
    tenant_id: Option<String>,
}

impl From<SessionTokens> for SessionView {
    fn from(tokens: SessionTokens) -> Self {
        Self {
            session_id: tokens.session.to_string(),
            user_id: tokens.user.to_string(),
            access_token: tokens.access.token,
            access_expires_at: rfc3339(tokens.access.expires_at),
            refresh_token: tokens.refresh.reveal().to_owned(),
            refresh_expires_at: rfc3339(tokens.refresh_until),
        }
    }
}

impl From<SignedIn> for SignedInView {
    fn from(signed_in: SignedIn) -> Self {
        match signed_in {
            SignedIn::Session(tokens) => Self::Session(tokens.into()),
            SignedIn::SecondFactor(issued) => Self::SecondFactor(SecondFactorView {
                token: issued.token,
                expires_at: rfc3339(issued.expires_at),
            }),
        }
    }
}

/// An answer that nobody on the way keeps.
pub(super) fn unkept(body: impl Serialize) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// Who is refused here has not shown who they are.
pub(super) fn unproven(error: IdentityError) -> Problem {
    match error {
        IdentityError::Refused => {
            Problem::new(Code::Unauthorized, Problem::from(IdentityError::Refused).detail)
        }
        error => error.into(),
    }
}

impl Check for SignInForm {
    fn check(&self, faults: &mut Faults) {
        faults.text("email", &self.email, 0, 254);
        faults.text("password", self.password.reveal(), 0, 1_024);
    }
}

impl Check for SecondFactorForm {
    fn check(&self, faults: &mut Faults) {
        faults.text("token", &self.token, 0, 2_048);
        faults.text("code", self.code.reveal(), 0, 64);
    }
}

impl Check for RefreshForm {
    fn check(&self, faults: &mut Faults) {
        faults.text("refresh_token", self.refresh_token.reveal(), 0, 1_024);
    }
}

impl Check for SignOutForm {
    fn check(&self, _: &mut Faults) {}
}

impl Check for AcceptForm {
    fn check(&self, faults: &mut Faults) {
        faults.text("token", self.token.reveal(), 0, 1_024);
        faults.text_if("password", self.password.as_ref().map(Secret::reveal), 0, 1_024);
    }
}

/// Signs in with a password.
#[utoipa::path(
    post, path = "/v1/auth/sign-in", tag = "Signing in", security(()), request_body = SignInForm,
    responses((status = 200, description = "A session, or the question for a one-time password", body = SignedInView)),
)]
async fn sign_in(
    visitor: Visitor,
    State(shared): State<Arc<Shared>>,
    body: Body<SignInForm>,
) -> Result<Response, Problem> {
    let SignInForm { email, password } = body.value;
    let signed_in = shared.identity.sign_in(&email, &password, &visitor.client, now_us()).await;
    Ok(unkept(SignedInView::from(signed_in.map_err(unproven)?)))
}

/// Goes on with a one-time password.
#[utoipa::path(
    post, path = "/v1/auth/totp", tag = "Signing in", security(()), request_body = SecondFactorForm,
    responses((status = 200, description = "Signed in", body = SessionView)),
)]
async fn second_factor(
    visitor: Visitor,
    State(shared): State<Arc<Shared>>,
    body: Body<SecondFactorForm>,
) -> Result<Response, Problem> {
    let SecondFactorForm { token, code } = body.value;
    let tokens = shared.identity.second_factor(&token, &code, &visitor.client, now_us()).await;
    Ok(unkept(SessionView::from(tokens.map_err(unproven)?)))
}

/// Gives new tokens for those of a session.
#[utoipa::path(
    post, path = "/v1/auth/refresh", tag = "Signing in", security(()), request_body = RefreshForm,
    responses((status = 200, description = "New tokens", body = SessionView)),
)]
async fn refresh(
    visitor: Visitor,
    State(shared): State<Arc<Shared>>,
    body: Body<RefreshForm>,
) -> Result<Response, Problem> {
    let tokens = shared.identity.refresh(&body.value.refresh_token, &visitor.client, now_us()).await;
    Ok(unkept(SessionView::from(tokens.map_err(unproven)?)))
}

/// Ends the session, or all of the user's.
#[utoipa::path(
    post, path = "/v1/auth/sign-out", tag = "Signing in", security(("bearer" = [])), request_body = SignOutForm,
    responses((status = 204, description = "It is over, at once")),
)]
async fn sign_out(
    oneself: Oneself,
    State(shared): State<Arc<Shared>>,
    body: Body<SignOutForm>,
) -> Result<StatusCode, Problem> {
    let (caller, client) = (&oneself.caller, &oneself.client);
    if body.value.everywhere {
        shared.identity.sign_out_everywhere(&caller.user, None, client, now_us()).await?;
    } else {
        shared.identity.sign_out(&caller.user, &caller.session, client, now_us()).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Accepts an invitation. Somebody new sets a password with it; whoever has one signs in first.
#[utoipa::path(
    post, path = "/v1/auth/invitations/accept", tag = "Signing in", security((), ("bearer" = [])), request_body = AcceptForm,
    responses((status = 200, description = "Accepted", body = AcceptedView)),
)]
async fn accept_invitation(
    visitor: Visitor,
    State(shared): State<Arc<Shared>>,
    body: Body<AcceptForm>,
) -> Result<Response, Problem> {
    let AcceptForm { token, password } = body.value;
    let signed_in = visitor.user(&shared).await?;
    let shown = match (&password, &signed_in) {
        (Some(password), _) => Shown::With(password),
        (None, Some(user)) => Shown::By(&user.user),
        (None, None) => {
            return Err(Problem::invalid("set a password, or sign in and accept with the session's token"));
        }
    };
    let accepted = shared.identity.accept(&token, shown, &visitor.client, now_us()).await;
    let (user, tenant) = accepted.map_err(unproven)?;
    let (user_id, tenant_id) = (user.to_string(), tenant.map(|tenant| tenant.to_string()));
    Ok(unkept(AcceptedView { user_id, tenant_id }))
}
