//! Whose credential a request shows.

use crate::{clock::now_us, keys::sha256_hex, problem::Problem, shared::Shared};
use axum::http::{header, request::Parts};
use identity::principal::{Caller, KeyCaller, KeyPower};
use std::net::IpAddr;
use store::model::identity::{ApiKey, KeyStatus};

/// From where a request comes: whoever accepts connections puts it among a request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// Who shows the credential in a request's `Authorization` header.
pub(crate) async fn caller_of(parts: &Parts, shared: &Shared) -> Result<Caller, Problem> {
    let shown = bearer(parts).ok_or_else(Problem::unauthorized)?;
    of_key(shown, shared).await
}

async fn of_key(key: &str, shared: &Shared) -> Result<Caller, Problem> {
    // The hash is looked up, so the time that it takes says nothing of the key.
    let owner = shared.key_owner(&sha256_hex(key.as_bytes())).await?.ok_or_else(Problem::unauthorized)?;
    let row = shared.store_of(&owner.tenant).get::<ApiKey>(&owner.key).await?;
    let row = row.ok_or_else(Problem::unauthorized)?.value;
    if row.status != KeyStatus::Active || row.expires_at.is_some_and(|at| at <= now_us()) {
        return Err(Problem::unauthorized());
    }
    let power = KeyPower::of(&row);
    Ok(Caller::Key(KeyCaller { key: owner.key, tenant: owner.tenant, power, mode: row.mode }))
}

fn bearer(parts: &Parts) -> Option<&str> {
    let (scheme, token) = parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}
