//! Who asks, and whether they may. [`allows`] is the one place that decides.

use crate::permission::{Permission, Reach, Scope};
use store::{
    TenantId,
    ids::{KeyId, SessionId, UserId},
    model::{
        audit::ActorKind,
        identity::{ApiKey, KeyMode, Role, UserMembership},
    },
};

/// Somebody whose credential was good, before it is said for which tenant they act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A person.
    User(UserCaller),
    /// A program.
    Key(KeyCaller),
}

/// A person who has signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserCaller {
    /// Who.
    pub user: UserId,
    /// In which session.
    pub session: SessionId,
    /// Whether the person runs the platform.
    pub platform_admin: bool,
    /// In which tenants the person is what.
    pub memberships: Vec<UserMembership>,
}

/// A program with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyCaller {
    /// Which key.
    pub key: KeyId,
    /// Whose it is; [`TenantId::platform`] for a key of the platform.
    pub tenant: TenantId,
    /// What it may do.
    pub power: KeyPower,
    /// For the real thing or for trying out.
    pub mode: KeyMode,
}

/// What a key may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPower {
    /// All that an admin may; a key of the platform: all.
    Full,
    /// What these allow.
    Scopes(Vec<Scope>),
}

impl KeyPower {
    /// What the stored key may do. A scope that this version does not know allows nothing.
    #[must_use]
    pub fn of(key: &ApiKey) -> Self {
        if key.scopes.is_empty() {
            return Self::Full;
        }
        Self::Scopes(key.scopes.iter().filter_map(|text| Scope::parse(text).ok()).collect())
    }
}

/// Who asks, for one tenant. For the platform's own part of the store the tenant is [`TenantId::platform`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// For whom they act.
    pub tenant: TenantId,
    /// Who they are there.
    pub who: Who,
}

/// Who somebody is in a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// One of the tenant's users.
    Member {
        /// Who.
        user: UserId,
        /// In which session.
        session: SessionId,
        /// As what.
        role: Role,
    },
    /// Somebody who runs the platform.
    PlatformAdmin {
        /// Who.
        user: UserId,
        /// In which session.
        session: SessionId,
    },
    /// A program with a key of the tenant's, or of the platform's.
    Key {
        /// Which.
        key: KeyId,
        /// Whether it is one of the platform's.
        platform: bool,
        /// What it may do.
        power: KeyPower,
        /// For the real thing or for trying out.
        mode: KeyMode,
    },
}

impl Caller {
    /// Who this is for `tenant`; `None`: they have no part in it, and are not to learn that it is there.
    #[must_use]
    pub fn in_tenant(&self, tenant: &TenantId) -> Option<Principal> {
        let who = match self {
            Self::User(UserCaller { user, session, platform_admin: true, .. }) => {
                Who::PlatformAdmin { user: user.clone(), session: session.clone() }
            }
            Self::User(UserCaller { user, session, memberships, platform_admin: false }) => {
                let membership = memberships.iter().find(|membership| membership.tenant == *tenant)?;
                Who::Member { user: user.clone(), session: session.clone(), role: membership.role }
            }
            Self::Key(KeyCaller { key, tenant: own, power, mode }) => {
                let platform = *own == TenantId::platform();
                if !platform && own != tenant {
                    return None;
                }
                Who::Key { key: key.clone(), platform, power: power.clone(), mode: *mode }
            }
        };
        Some(Principal { tenant: tenant.clone(), who })
    }

    /// The tenant that is meant when the request names none: the key's, or the only one that the user is in.
    #[must_use]
    pub fn own_tenant(&self) -> Option<&TenantId> {
        match self {
            Self::Key(key) => Some(&key.tenant),
            Self::User(user) => match user.memberships.as_slice() {
                [only] => Some(&only.tenant),
                [] | [_, _, ..] => None,
            },
        }
    }
}

impl Principal {
    /// For the audit log: what kind of actor, and its id.
    #[must_use]
    pub fn actor(&self) -> (ActorKind, &str) {
        match &self.who {
            Who::Member { user, .. } | Who::PlatformAdmin { user, .. } => (ActorKind::User, user.as_str()),
            Who::Key { key, .. } => (ActorKind::Key, key.as_str()),
        }
    }

    /// Whether this is a key for trying out: nothing that it causes leaves the house.
    #[must_use]
    pub fn is_test(&self) -> bool {
        matches!(self.who, Who::Key { mode: KeyMode::Test, .. })
    }

    /// Whether they may do all that somebody with `role` may, so that they may make somebody that.
    #[must_use]
    pub fn may_grant_role(&self, role: Role) -> bool {
        match &self.who {
            Who::Member { role: own, .. } => *own <= role,
            Who::PlatformAdmin { .. } => true,
            Who::Key { power: KeyPower::Full, platform, .. } => *platform || role >= Role::Admin,
            Who::Key { power: KeyPower::Scopes(_), .. } => false,
        }
    }

    /// Whether they may do all that a key with `power` may, so that they may make one.
    #[must_use]
    pub fn may_grant_key(&self, power: &KeyPower, mode: KeyMode) -> bool {
        if self.is_test() && mode == KeyMode::Live {
            return false;
        }
        let key = Self {
            tenant: self.tenant.clone(),
            who: Who::Key {
                key: KeyId::known(""),
                platform: self.tenant == TenantId::platform(),
                power: power.clone(),
                mode,
            },
        };
        Permission::ALL.iter().all(|permission| !allows(&key, *permission) || allows(self, *permission))
    }
}

/// Why something is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The user's role does not allow it.
    #[error("{0} is not among the permissions of this role")]
    Role(Permission),
    /// The key's scopes do not allow it.
    #[error("{0} is not among the permissions of this key")]
    Scope(Permission),
    /// It reaches out of the house, and the key is for trying out.
    #[error("{0} reaches out of the house, which a test key must not")]
    TestKey(Permission),
    /// It belongs to those who run the platform.
    #[error("{0} is for those who run the platform")]
    PlatformOnly(Permission),
}

/// Whether `principal` may do what `permission` names, in the tenant for which they act.
#[must_use]
pub fn allows(principal: &Principal, permission: Permission) -> bool {
    require(principal, permission).is_ok()
}

/// As [`allows`], and says why not.
///
/// # Errors
/// See [`Denied`].
pub fn require(principal: &Principal, permission: Permission) -> Result<(), Denied> {
    match &principal.who {
        Who::PlatformAdmin { .. } => Ok(()),
        Who::Member { role, .. } if permission.is_of(*role) => Ok(()),
        Who::Member { .. } => Err(refused(permission, Denied::Role)),
        Who::Key { platform, power, mode, .. } => {
            let powerful = match power {
                KeyPower::Full => *platform || permission.is_of(Role::Admin),
                KeyPower::Scopes(scopes) => scopes.iter().any(|scope| scope.carries(permission)),
            };
            match (powerful, permission.reach(), mode) {
                (false, _, _) => Err(refused(permission, Denied::Scope)),
                (true, Reach::Outside, KeyMode::Test) => Err(Denied::TestKey(permission)),
                (true, Reach::Outside, KeyMode::Live) | (true, Reach::Inside, _) => Ok(()),
            }
        }
    }
}

fn refused(permission: Permission, otherwise: fn(Permission) -> Denied) -> Denied {
    match permission.least() {
        crate::permission::Least::Platform => Denied::PlatformOnly(permission),
        crate::permission::Least::Role(_) => otherwise(permission),
    }
}

#[cfg(test)]
mod tests;
