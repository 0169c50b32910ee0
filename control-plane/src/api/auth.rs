//! Who asks: a key leads to a tenant, and only through that tenant to the store.

use crate::{
    clock::now_us, keys::sha256_hex, problem::Problem, recordings::RecordingFormat, request_id::RequestId,
    settings::ControlPlaneOptions, shared::Shared,
};
use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::{header, request::Parts},
};
use std::{path::PathBuf, sync::Arc};
use store::{
    Call, CallId, TenantId, TenantStore,
    ids::KeyId,
    model::identity::{ApiKey, KeyStatus},
};
use tracing::debug;

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Principal {
    /// For whom.
    pub(crate) tenant: TenantId,
    /// With which key.
    pub(crate) key: KeyId,
}

/// One operation of a tenant. There is no other way from a handler of `/v1` to the store.
pub(crate) struct Op {
    pub(crate) principal: Principal,
    pub(crate) store: Box<dyn TenantStore>,
    pub(crate) limits: ControlPlaneOptions,
    /// The call that the path names, if it names one.
    call: Option<CallId>,
    shared: Arc<Shared>,
}

impl Op {
    /// The call that the path names. Another tenant's is not there.
    pub(crate) async fn call(&self) -> Result<Call, Problem> {
        let Some(id) = &self.call else { return Err(Problem::not_found("call")) };
        self.store.call(id).await?.ok_or_else(|| Problem::not_found("call"))
    }

    /// Where the recording of one of the tenant's calls is.
    pub(crate) fn recording_path(&self, call: &Call, format: RecordingFormat) -> PathBuf {
        self.shared.recording_path(self.principal.tenant.as_str(), call.id.as_str(), format)
    }
}

impl FromRequestParts<Arc<Shared>> for Op {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Problem> {
        let key = bearer(parts).ok_or_else(Problem::unauthorized)?;
        // The hash is looked up, so the time that it takes says nothing of the key.
        let owner = shared.key_owner(&sha256_hex(key.as_bytes())).await?.ok_or_else(Problem::unauthorized)?;
        let tenant = engine::ids::TenantId::from(owner.tenant.as_str());
        let store = shared.store(&tenant);
        let key = store.get::<ApiKey>(&owner.key).await?.ok_or_else(Problem::unauthorized)?.value;
        if key.status != KeyStatus::Active || key.expires_at.is_some_and(|at| at <= now_us()) {
            return Err(Problem::unauthorized());
        }
        let params =
            RawPathParams::from_request_parts(parts, shared).await.map_err(|_| Problem::not_found("call"))?;
        let call = params.iter().find(|(name, _)| *name == "id").and_then(|(_, id)| CallId::parse(id).ok());
        let principal = Principal { tenant: owner.tenant, key: owner.key };
        let request_id = parts.extensions.get::<RequestId>().map(|id| id.0.as_str());
        debug!(tenant = %principal.tenant, key = %principal.key, request_id, "a key is used");
        Ok(Self { store, principal, limits: shared.limits, call, shared: Arc::clone(shared) })
    }
}

fn bearer(parts: &Parts) -> Option<&str> {
    let (scheme, key) = parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
}
