//! Credentials: accounts at providers, and the data keys that seal them.

use super::{resource, words};
use crate::ids::{AccountId, DataKeyId};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// Something secret, sealed with one of the tenant's data keys. The store does not open it, and the audit log shows
/// only with which key it is sealed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// Which data key opens it.
    pub sealed_with: DataKeyId,
    /// Nonce and ciphertext, as base64.
    pub sealed: String,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed(with {})", self.sealed_with)
    }
}

/// A data key of the tenant, wrapped with a key-encryption key. `lookup` is `active` for the one that seals now.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataKey {
    /// Which key-encryption key wraps it.
    pub wrapped_with: String,
    /// Nonce and ciphertext of the data key, as base64.
    pub wrapped: String,
    /// Whether it seals.
    pub status: DataKeyStatus,
}
resource!(DataKey, DataKeyId, DataKeys);

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataKey").field("wrapped_with", &self.wrapped_with).finish_non_exhaustive()
    }
}

/// Whether a data key seals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataKeyStatus {
    /// It does; a tenant has one such key.
    Active,
    /// It only opens what it once sealed.
    Retired,
}
words!(DataKeyStatus, "data key status", { Active => "active", Retired => "retired" });

/// An account at a provider. `lookup` is its sid, `parent` its kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderAccount {
    /// Which provider, such as `twilio`.
    pub kind: String,
    /// Whose account it is.
    pub mode: AccountMode,
    /// The provider's id for it (`AC…` at Twilio).
    pub sid: String,
    /// For people.
    pub name: String,
    /// What is secret: `auth_token`, `api_key_secret` and the like.
    #[serde(default)]
    pub secrets: BTreeMap<String, Credential>,
    /// What is not: `api_key_sid`, `application_sid`, `base_url` and the like.
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
    /// What it is used for, such as `voice`, `sms`, `backup`.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Accounts with lower numbers are tried first.
    #[serde(default)]
    pub priority: i32,
    /// Whether it is used.
    pub status: AccountStatus,
}
resource!(ProviderAccount, AccountId, ProviderAccounts);

/// A secret, and the one before it while it is being exchanged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// The one to use.
    pub current: Sealed,
    /// Believed as well when others show it.
    pub previous: Option<Sealed>,
}

/// Whose account it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccountMode {
    /// The tenant's own, which it pays for.
    Own,
    /// A subaccount of the platform's, made for the tenant.
    Subaccount,
}
words!(AccountMode, "account mode", { Own => "own", Subaccount => "subaccount" });

/// Whether an account is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccountStatus {
    /// It is.
    Active,
    /// Not for now.
    Suspended,
    /// Never again.
    Closed,
}
words!(AccountStatus, "account status", { Active => "active", Suspended => "suspended", Closed => "closed" });
