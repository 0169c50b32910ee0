//! API keys: shown once, kept as a hash, recognised by their beginning. Pure: the caller stores them.

use crate::{
    IdentityError,
    permission::{Scope, UnknownScope},
    principal::{KeyPower, Principal},
    random::{random_text, sha256_hex},
};
use engine::provider::Secret;
use store::model::identity::{ApiKey, KeyMode, KeyStatus};

/// Begins every key for the real thing, so that one that leaks is recognised.
pub const LIVE_PREFIX: &str = "tdm_live_";
/// Begins every key for trying out.
pub const TEST_PREFIX: &str = "tdm_test_";
/// Characters of a key that are kept, to tell it from others: too few to guess the rest.
const HINT: usize = 4;

/// What a key is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// What it is for.
    pub name: String,
    /// What it may do; none: all that an admin may.
    pub scopes: Vec<Scope>,
    /// For the real thing or for trying out.
    pub mode: KeyMode,
    /// Not after this time, unix µs.
    pub expires_at: Option<i64>,
}

/// Reads scopes; the same one twice counts once.
///
/// # Errors
/// When one is none.
pub fn scopes(texts: &[String]) -> Result<Vec<Scope>, UnknownScope> {
    let mut scopes = Vec::with_capacity(texts.len());
    for text in texts {
        let scope = Scope::parse(text)?;
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    Ok(scopes)
}

/// A new key that `giver` makes, and what is kept of it. The key itself is kept nowhere.
///
/// # Errors
/// [`IdentityError::AboveOneself`] if it might do what the giver may not; [`IdentityError::Impossible`] if it would never be good.
pub fn make(giver: &Principal, new: NewKey, now: i64) -> Result<(Secret, ApiKey), IdentityError> {
    let power = if new.scopes.is_empty() { KeyPower::Full } else { KeyPower::Scopes(new.scopes.clone()) };
    if !giver.may_grant_key(&power, new.mode) {
        return Err(IdentityError::AboveOneself);
    }
    if new.expires_at.is_some_and(|at| at <= now) {
        return Err(IdentityError::Impossible("the key would have expired already"));
    }
    Ok(first(new))
}

/// A new key that nobody gives: the first one, made by the program's own command line.
#[must_use]
pub fn first(new: NewKey) -> (Secret, ApiKey) {
    let prefix = match new.mode {
        KeyMode::Live => LIVE_PREFIX,
        KeyMode::Test => TEST_PREFIX,
    };
    let key = format!("{prefix}{}", random_text());
    let stored = ApiKey {
        name: new.name,
        hash: sha256_hex(&key),
        hint: key[key.len() - HINT..].to_owned(),
        scopes: new.scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
        mode: new.mode,
        status: KeyStatus::Active,
        expires_at: new.expires_at,
    };
    (Secret::new(&key), stored)
}

/// What a key becomes when it is exchanged: a new one that may do the same, and the old one, which lives until `until`.
///
/// # Errors
/// [`IdentityError::AboveOneself`] as in [`make`]; [`IdentityError::Impossible`] for a key that is not good any more.
pub fn rotate(
    giver: &Principal,
    old: &ApiKey,
    until: i64,
    now: i64,
) -> Result<(Secret, ApiKey, ApiKey), IdentityError> {
    if old.status != KeyStatus::Active || old.expires_at.is_some_and(|at| at <= now) {
        return Err(IdentityError::Impossible("only a key that is good can be exchanged"));
    }
    let scopes = scopes(&old.scopes)
        .map_err(|_| IdentityError::Impossible("the key has scopes that this version does not know"))?;
    let new = NewKey { name: old.name.clone(), scopes, mode: old.mode, expires_at: old.expires_at };
    let (secret, new) = make(giver, new, now)?;
    let until = until.max(now);
    let ends = old.expires_at.map_or(until, |at| at.min(until));
    Ok((secret, new, ApiKey { expires_at: Some(ends), ..old.clone() }))
}

/// Whether this begins as a key does, and as which kind.
#[must_use]
pub fn mode_of(key: &str) -> Option<KeyMode> {
    if key.starts_with(LIVE_PREFIX) {
        Some(KeyMode::Live)
    } else if key.starts_with(TEST_PREFIX) {
        Some(KeyMode::Test)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
