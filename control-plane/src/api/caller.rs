//! Whose credential a request shows, and from where it comes.

use super::rate::{Budget, Cost};
use crate::{clock::now_us, problem::Problem, request_id::RequestId, shared::Shared};
use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};
use identity::{
    Client, IdentityError,
    permission::Permission,
    principal::{Caller, Principal, UserCaller, allows},
};
use std::{convert::Infallible, net::IpAddr, sync::Arc};
use store::TenantId;

/// From where a request comes: whoever accepts connections puts it among a request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// Who shows the credential in a request's `Authorization` header.
pub(crate) async fn caller_of(parts: &Parts, shared: &Shared) -> Result<Caller, Problem> {
    let shown = bearer(parts).ok_or_else(Problem::unauthorized)?;
    shared.identity.authenticate(shown, now_us()).await.map_err(|error| match error {
        IdentityError::Refused => Problem::unauthorized(),
        error => error.into(),
    })
}

/// From where a request comes.
pub(crate) fn client_of(parts: &Parts) -> Client {
    let agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    Client {
        ip: parts.extensions.get::<ClientAddress>().map(|address| address.0),
        user_agent: agent.map(str::to_owned),
        request_id: parts.extensions.get::<RequestId>().map(|id| id.0.clone()),
    }
}

/// Somebody who has not shown who they are.
pub(crate) struct Visitor {
    /// From where they come.
    pub(crate) client: Client,
    /// What they show in place of a credential of their own, if anything.
    bearer: Option<String>,
}

impl Visitor {
    /// Whether what they show still allows this in the tenant: sessions end, keys are taken back, people lose their part. While the
    /// database does not serve, what was allowed stays so.
    pub(crate) async fn may_still(&self, shared: &Shared, tenant: &TenantId, needed: Permission) -> bool {
        self.still(shared, tenant, needed).await.is_none_or(|still| still.is_some())
    }

    /// Who they are in the tenant by now, if they may still do this there; `None` while the database does not serve.
    pub(crate) async fn still(
        &self,
        shared: &Shared,
        tenant: &TenantId,
        needed: Permission,
    ) -> Option<Option<Principal>> {
        let Some(bearer) = &self.bearer else { return Some(None) };
        match shared.identity.authenticate(bearer, now_us()).await {
            Ok(caller) => Some(caller.in_tenant(tenant).filter(|principal| allows(principal, needed))),
            Err(IdentityError::Store(_)) => None,
            Err(_) => Some(None),
        }
    }

    /// The user whose session they show, if they show one.
    pub(crate) async fn user(&self, shared: &Shared) -> Result<Option<UserCaller>, Problem> {
        let Some(bearer) = &self.bearer else { return Ok(None) };
        match shared.identity.authenticate(bearer, now_us()).await {
            Ok(Caller::User(user)) => Ok(Some(user)),
            Ok(Caller::Key(_)) | Err(IdentityError::Refused) => Err(Problem::unauthorized()),
            Err(error) => Err(error.into()),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self { client: client_of(parts), bearer: bearer(parts).map(str::to_owned) })
    }
}

/// A user who acts for themselves. Keys have no self.
pub(crate) struct Oneself {
    /// Who.
    pub(crate) caller: UserCaller,
    /// From where.
    pub(crate) client: Client,
}

impl FromRequestParts<Arc<Shared>> for Oneself {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Problem> {
        let Caller::User(caller) = caller_of(parts, shared).await? else {
            return Err(Problem::new(crate::problem::Code::Forbidden, "this is for people, not for keys"));
        };
        let cost = if parts.method.is_safe() { Cost::Read } else { Cost::Write };
        Budget::of(parts).spend(shared, caller.user.as_str(), cost)?;
        Ok(Self { caller, client: client_of(parts) })
    }
}

/// What is shown in the `Authorization` header; a browser, which cannot set it when it opens a web socket, offers it among the
/// protocols: `bearer.` and the token.
fn bearer(parts: &Parts) -> Option<&str> {
    if !parts.headers.contains_key(header::AUTHORIZATION) && parts.headers.contains_key(header::UPGRADE) {
        let offered = parts.headers.get(header::SEC_WEBSOCKET_PROTOCOL)?.to_str().ok()?;
        return offered.split(',').find_map(|protocol| protocol.trim().strip_prefix("bearer."));
    }
    let (scheme, token) = parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}
