//! Who may do what: users, their sessions, their parts in tenants, and keys for the API.

use super::{account::Sealed, resource, words};
use crate::ids::{KeyId, MembershipId, SessionId, TenantId, UserId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A person. Belongs to the platform ([`Store::platform`](crate::Store::platform)); `lookup` is the email address.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// In lower case; no two users have the same.
    pub email: String,
    /// For people.
    pub name: String,
    /// The password's argon2 hash in its standard text form; `None`: signs in some other way.
    pub password_hash: Option<String>,
    /// The secret of the one-time passwords.
    pub totp: Option<Sealed>,
    /// `issuer subject` of an OpenID provider.
    #[serde(default)]
    pub openid_subject: Option<String>,
    /// Whether the person runs the platform, over all tenants.
    pub platform_admin: bool,
    /// Whether the person may sign in.
    pub status: UserStatus,
    /// Wrong passwords since the last right one.
    #[serde(default)]
    pub failed_sign_ins: u32,
    /// No sign-in before this time.
    #[serde(default)]
    pub locked_until: Option<i64>,
    /// What else shows that the person is who they say.
    #[serde(default)]
    pub proofs: Proofs,
}
resource!(User, UserId, Users);

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("email", &self.email)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// What else shows that a person is who they say. The audit log shows nothing of it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Proofs {
    /// Whether one-time passwords are asked for: not before the first one was right.
    pub totp_confirmed: bool,
    /// The step (RFC 6238) of the last one that was taken; none is taken twice.
    pub totp_last_step: Option<i64>,
    /// SHA-256 of the codes that are good once for whoever lost the authenticator.
    pub recovery_codes: Vec<String>,
    /// Whoever shows it sets a new password.
    pub invitation: Option<Invitation>,
}

impl fmt::Debug for Proofs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proofs").field("totp_confirmed", &self.totp_confirmed).finish_non_exhaustive()
    }
}

/// Somebody is expected to come with a token, once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// SHA-256 of the token, lower-case hexadecimal. The token itself is kept nowhere.
    pub hash: String,
    /// Not after this time.
    pub expires_at: i64,
}

impl fmt::Debug for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invitation").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// Whether a person may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UserStatus {
    /// Has not set a password yet.
    Invited,
    /// May sign in.
    Active,
    /// May not.
    Disabled,
}
words!(UserStatus, "user status", { Invited => "invited", Active => "active", Disabled => "disabled" });

/// A user's session, kept alive by a refresh token. Belongs to the platform; `parent` is the user, `lookup` the token's
/// hash.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Whose it is.
    pub user: UserId,
    /// SHA-256 of the refresh token that is good now, lower-case hexadecimal.
    pub token_hash: String,
    /// SHA-256 of the token before it: whoever shows that one has stolen it, or lost an answer.
    pub previous_token_hash: Option<String>,
    /// Whether it can be used.
    pub status: SessionStatus,
    /// Not after this time.
    pub expires_at: i64,
    /// From where it was opened.
    pub ip: Option<String>,
    /// With what.
    pub user_agent: Option<String>,
}
resource!(Session, SessionId, Sessions);

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("user", &self.user)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// Whether a session can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SessionStatus {
    /// It can, until it expires.
    Active,
    /// It was signed out, or its token was used twice.
    Revoked,
}
words!(SessionStatus, "session status", { Active => "active", Revoked => "revoked" });

/// A user's part in a tenant. `lookup` is the user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// Who.
    pub user: UserId,
    /// As what.
    pub role: Role,
    /// Until it is accepted, the user has no part in the tenant.
    #[serde(default)]
    pub invitation: Option<Invitation>,
}
resource!(Membership, MembershipId, Memberships);

/// What a user may do in a tenant; each may do what those after it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Everything, the tenant's end included.
    Owner,
    /// Everything but that.
    Admin,
    /// Takes calls and messages.
    Operator,
    /// Looks.
    Viewer,
}
words!(Role, "role", { Owner => "owner", Admin => "admin", Operator => "operator", Viewer => "viewer" });

/// A key for the API. `lookup` is the hash.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// What it is for.
    pub name: String,
    /// SHA-256 of the key, lower-case hexadecimal. The key itself is kept nowhere.
    pub hash: String,
    /// The key's last characters, to tell it from others.
    #[serde(default)]
    pub hint: String,
    /// What it may do; empty: everything that an admin may.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// For the real thing or for trying out.
    pub mode: KeyMode,
    /// Whether it can be used.
    pub status: KeyStatus,
    /// Not after this time.
    pub expires_at: Option<i64>,
}
resource!(ApiKey, KeyId, ApiKeys);

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey")
            .field("name", &self.name)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyMode {
    /// The real thing.
    Live,
    /// Trying out: nothing leaves the house.
    Test,
}
words!(KeyMode, "key mode", { Live => "live", Test => "test" });

/// Whether a key can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyStatus {
    /// It can, until it expires.
    Active,
    /// Not any more.
    Revoked,
}
words!(KeyStatus, "key status", { Active => "active", Revoked => "revoked" });

/// Whom a key speaks for, and how far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyOwner {
    /// The key's id.
    pub key: KeyId,
    /// The tenant; [`TenantId::platform`] for a key of the platform.
    pub tenant: TenantId,
}

/// A user's part in one tenant, as the user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserMembership {
    /// In which tenant.
    pub tenant: TenantId,
    /// As what.
    pub role: Role,
}
