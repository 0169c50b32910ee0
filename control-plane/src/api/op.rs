//! An operation: somebody who may do this asks for it, for one tenant. A handler of `/v1` gets to the store through an
//! [`Op`] or a [`PlatformOp`] and in no other way, so it cannot be written without asking who, for whom and what for.

use super::{
    caller::{ClientAddress, caller_of},
    need::Need,
    once::{Once, Stop, Work},
    rate::Budget,
};
use crate::{
    clock::now_us,
    problem::{Code, Problem},
    request_id::RequestId,
    settings::ControlPlaneOptions,
    shared::Shared,
};
use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
};
use identity::{
    permission::Permission,
    principal::{Caller, Principal, Who, require},
};
use std::{marker::PhantomData, sync::Arc};
use store::{
    StoreError, TenantId, TenantStore, TenantTx,
    model::{
        audit::Actor,
        tenant::{Tenant, TenantStatus},
    },
};
use tracing::debug;

/// Names the tenant, for those who may act for several.
const TENANT_HEADER: &str = "tandem-tenant";
/// The same by its old name.
const TENANT_HEADER_ALIAS: &str = "x-company-id";
/// The tenant that the body of a former route names: its id or its slug.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NamedInBody(pub(super) String);

/// Names the tenant in the paths that have one.
const TENANT_PARAMETER: &str = "tenant_id";

/// One operation of a tenant that needs `N`.
pub(crate) struct Op<N> {
    /// Who asks.
    pub(crate) principal: Principal,
    /// The tenant's part of the store.
    pub(crate) store: Box<dyn TenantStore>,
    /// Every limit.
    pub(crate) limits: ControlPlaneOptions,
    pub(crate) shared: Arc<Shared>,
    actor: Actor,
    need: PhantomData<N>,
}

/// One operation of the platform that needs `N`. Its tenant is the platform.
pub(crate) struct PlatformOp<N>(Op<N>);

impl<N> std::ops::Deref for PlatformOp<N> {
    type Target = Op<N>;

    fn deref(&self) -> &Op<N> {
        &self.0
    }
}

impl<N> Op<N> {
    /// For whom.
    pub(crate) fn tenant(&self) -> &TenantId {
        self.store.id()
    }

    /// Who stands in the audit log.
    pub(crate) fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Refuses who has not this permission beside the one that the operation needs.
    pub(crate) fn check(&self, needed: Permission) -> Result<(), Problem> {
        check_permission(&self.principal, needed)
    }

    /// Begins a unit of work. SQLite serves one at a time: nothing slow may be waited for while it is open.
    pub(crate) async fn begin(&self) -> Result<Box<dyn TenantTx>, StoreError> {
        self.store.begin(&self.actor, now_us()).await
    }

    /// Begins the unit of work of a POST. If it was carried out before, with the same idempotency key, the handler ends
    /// with the answer of then.
    pub(crate) async fn begin_once(&self, once: &Once) -> Result<Work, Stop> {
        Work::begin(self.begin().await?, once, &self.actor.id, self.limits.idempotency_kept).await
    }

    /// Ends with the answer of then if the POST was carried out before, with the same idempotency key. For a handler that asks
    /// somebody outside, or decides by the time, before its unit of work begins: a repeated request does neither.
    pub(crate) async fn answered_before(&self, once: &Once) -> Result<(), Stop> {
        // A unit of work that is dropped changes nothing.
        if once.is_named() { self.begin_once(once).await.map(drop) } else { Ok(()) }
    }

    fn new(principal: Principal, parts: &Parts, shared: &Arc<Shared>) -> Self {
        let (kind, id) = principal.actor();
        let request_id = parts.extensions.get::<RequestId>().map(|id| id.0.clone());
        let ip = parts.extensions.get::<ClientAddress>().map(|address| address.0.to_string());
        let actor = Actor { kind, id: id.to_owned(), ip, request_id };
        debug!(tenant = %principal.tenant, ?actor, "a request is served");
        Self {
            store: shared.store_of(&principal.tenant),
            principal,
            limits: shared.limits,
            shared: Arc::clone(shared),
            actor,
            need: PhantomData,
        }
    }
}

impl<N: Need> FromRequestParts<Arc<Shared>> for Op<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Problem> {
        let caller = caller_of(parts, shared).await?;
        let tenant = match named_tenant(parts, shared).await? {
            Some(named) => named,
            None => implied_tenant(&caller)?,
        };
        let principal = caller.in_tenant(&tenant).ok_or_else(no_such_tenant)?;
        Budget::of(parts).spend(shared, tenant.as_str(), N::COST)?;
        check_permission(&principal, N::PERMISSION)?;
        let op = Self::new(principal, parts, shared);
        let row = op.store.get::<Tenant>(&tenant).await?.ok_or_else(no_such_tenant)?;
        check_status(row.value.status, &op.principal, N::PERMISSION)?;
        Ok(op)
    }
}

impl<N: Need> FromRequestParts<Arc<Shared>> for PlatformOp<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Problem> {
        let caller = caller_of(parts, shared).await?;
        let Some(principal) = caller.in_tenant(&TenantId::platform()) else {
            return Err(Problem::new(
                Code::Forbidden,
                format!("{} is for those who run the platform", N::PERMISSION),
            ));
        };
        Budget::of(parts).spend(shared, principal.actor().1, N::COST)?;
        check_permission(&principal, N::PERMISSION)?;
        Ok(Self(Op::new(principal, parts, shared)))
    }
}

fn no_such_tenant() -> Problem {
    Problem::not_found("tenant")
}

/// The tenant that a request names: in its path, or in a header.
async fn named_tenant(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Option<TenantId>, Problem> {
    let params = RawPathParams::from_request_parts(parts, shared).await.map_err(|_| no_such_tenant())?;
    let in_path = params.iter().find(|(name, _)| *name == TENANT_PARAMETER).map(|(_, value)| value);
    let in_headers = [TENANT_HEADER, TENANT_HEADER_ALIAS]
        .into_iter()
        .filter_map(|name| parts.headers.get(name))
        .map(|value| value.to_str().unwrap_or_default());
    let mut named = None;
    for text in in_path.into_iter().chain(in_headers) {
        let tenant = TenantId::parse(text).map_err(|_| no_such_tenant())?;
        // Who names two tenants can act for neither.
        if named.replace(tenant.clone()).is_some_and(|before| before != tenant) {
            return Err(no_such_tenant());
        }
    }
    if let Some(NamedInBody(text)) = parts.extensions.get() {
        let tenant = tenant_by_name(text, shared).await?;
        if named.replace(tenant.clone()).is_some_and(|before| before != tenant) {
            return Err(no_such_tenant());
        }
    }
    Ok(named)
}

/// The tenant with this id or slug: the former systems' ids of companies are slugs here.
async fn tenant_by_name(text: &str, shared: &Shared) -> Result<TenantId, Problem> {
    let platform = shared.store_of(&TenantId::platform());
    if let Some(found) = platform.find::<Tenant>(text).await? {
        return Ok(found.id);
    }
    TenantId::parse(text).map_err(|_| no_such_tenant())
}

/// The tenant that is meant where none is named.
fn implied_tenant(caller: &Caller) -> Result<TenantId, Problem> {
    match caller.own_tenant() {
        Some(tenant) if *tenant != TenantId::platform() => Ok(tenant.clone()),
        Some(_) | None => {
            let detail = format!("name the tenant that this is for in the header {TENANT_HEADER}");
            Err(Problem::new(Code::TenantRequired, detail))
        }
    }
}

fn check_permission(principal: &Principal, needed: Permission) -> Result<(), Problem> {
    require(principal, needed).map_err(|denied| Problem::new(Code::Forbidden, denied.to_string()))
}

/// A tenant that is not served may still be read by its people, until it is closed. The platform may do all.
fn check_status(status: TenantStatus, principal: &Principal, needed: Permission) -> Result<(), Problem> {
    let is_platforms = match &principal.who {
        Who::PlatformAdmin { .. } => true,
        Who::Key { platform, .. } => *platform,
        Who::Member { .. } => false,
    };
    let reads = needed.as_str().ends_with(":read");
    match status {
        _ if is_platforms => Ok(()),
        TenantStatus::Provisioning | TenantStatus::Active => Ok(()),
        TenantStatus::Suspended if reads => Ok(()),
        TenantStatus::Suspended => {
            Err(Problem::new(Code::TenantSuspended, "the tenant is suspended: nothing of it can be changed"))
        }
        TenantStatus::Closed => Err(Problem::new(Code::TenantSuspended, "the tenant is closed")),
    }
}
