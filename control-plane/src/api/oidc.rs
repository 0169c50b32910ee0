//! `/v1/auth/oidc`: signing in at an OpenID provider, in a browser. What must be remembered meanwhile is in a cookie of the
//! browser's that no script reads.

use super::{
    auth::{SignedInView, unkept, unproven},
    caller::Visitor,
};
use crate::{clock::now_us, problem::Problem, shared::Shared};
use axum::{
    Json,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use engine::provider::Secret;
use identity::{IdentityError, openid::Returned};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tracing::info;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

/// What the browser keeps while the user is at the provider.
const COOKIE: &str = "tandem_openid";
const PATH: &str = "/v1/auth/oidc";

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(list_providers))
        .routes(routes!(start_openid))
        .routes(routes!(finish_openid))
}

/// The OpenID providers at which people can sign in.
#[derive(Debug, Serialize, ToSchema)]
struct ProvidersView {
    data: Vec<ProviderView>,
}

/// An OpenID provider.
#[derive(Debug, Serialize, ToSchema)]
struct ProviderView {
    name: String,
    /// Where a browser goes to sign in there.
    start: String,
}

/// With what the browser comes back.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ReturnQuery {
    /// As it came from the provider.
    #[param(max_length = 2_048)]
    code: Option<String>,
    /// As it came from the provider.
    #[param(max_length = 2_048)]
    state: Option<String>,
    /// Why the provider did not let the user in.
    #[param(max_length = 2_048)]
    error: Option<String>,
}

/// Lists the OpenID providers.
#[utoipa::path(
    get, path = "/v1/auth/oidc", tag = "Signing in", security(()),
    responses((status = 200, description = "All of them", body = ProvidersView)),
)]
async fn list_providers(State(shared): State<Arc<Shared>>) -> Json<ProvidersView> {
    let view = |name: &str| ProviderView {
        name: name.to_owned(),
        start: shared.own_url(&format!("{PATH}/{name}/start")),
    };
    Json(ProvidersView { data: shared.identity.openid().names().map(view).collect() })
}

/// Sends a browser to the provider.
#[utoipa::path(
    get, path = "/v1/auth/oidc/{provider}/start", tag = "Signing in", security(()),
    params(("provider" = String, Path, description = "Its name", max_length = 64)),
    responses((status = 303, description = "To the provider")),
)]
async fn start_openid(
    visitor: Visitor,
    State(shared): State<Arc<Shared>>,
    Path(provider): Path<String>,
) -> Result<Response, Problem> {
    let started = shared.identity.begin_openid(&provider, &visitor.client, now_us()).await?;
    let mut headers = HeaderMap::new();
    let location = HeaderValue::try_from(started.url.as_str());
    headers.insert(header::LOCATION, location.map_err(|_| Problem::not_found("provider"))?);
    headers.insert(header::SET_COOKIE, cookie(&shared, started.flow.reveal(), 600));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}

/// Lets a browser in that is back from the provider.
#[utoipa::path(
    get, path = "/v1/auth/oidc/{provider}/callback", tag = "Signing in", security(()),
    params(("provider" = String, Path, description = "Its name", max_length = 64), ReturnQuery),
    responses((status = 200, description = "A session, or the question for a one-time password", body = SignedInView)),
)]
async fn finish_openid(
    visitor: Visitor,
    State(shared): State<Arc<Shared>>,
    Path(provider): Path<String>,
    headers: HeaderMap,
    query: Result<Query<ReturnQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|error| Problem::invalid(error.body_text()))?;
    let refused = || unproven(IdentityError::Refused);
    if let Some(error) = &query.error {
        let shown: String = error.chars().filter(|char| !char.is_control()).take(100).collect();
        info!(provider, error = shown, "an OpenID provider did not let a user in");
        return Err(refused());
    }
    let flow = kept(&headers).ok_or_else(refused)?;
    let (Some(code), Some(state)) = (query.code, query.state) else { return Err(refused()) };
    let code = Secret::new(&code);
    let returned = Returned { flow: &flow, state: &state, code: &code };
    let signed_in = shared.identity.finish_openid(&provider, returned, &visitor.client, now_us()).await;
    let mut response = unkept(SignedInView::from(signed_in.map_err(unproven)?));
    response.headers_mut().insert(header::SET_COOKIE, cookie(&shared, "", 0));
    Ok(response)
}

fn cookie(shared: &Shared, value: &str, max_age_s: u32) -> HeaderValue {
    let secure = if shared.base_url.scheme() == "https" { "; Secure" } else { "" };
    let text = format!("{COOKIE}={value}; Path={PATH}; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{secure}");
    #[expect(clippy::expect_used, reason = "our tokens are letters, digits and `._-`")]
    HeaderValue::try_from(text).expect("a token is visible ASCII")
}

fn kept(headers: &HeaderMap) -> Option<String> {
    headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).find_map(|value| {
        value.split(';').find_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            (name == COOKIE).then(|| value.to_owned())
        })
    })
}
