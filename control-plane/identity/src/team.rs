//! Who is in a tenant, and as what. Nobody touches those above themselves, and the last owner stays.

use crate::{Identity, IdentityError, client::Client, principal::Principal, service::again, session};
use serde_json::json;
use store::{
    Filter, Stored, TenantTx,
    ids::{MembershipId, UserId},
    model::{
        audit::Actor,
        identity::{Membership, Role, Session, User, UserStatus},
        tenant::Tenant,
    },
};

/// Somebody in a tenant.
#[derive(Clone, Debug)]
pub struct Member {
    /// Their part.
    pub membership: Stored<Membership>,
    /// Who.
    pub user: Stored<User>,
}

impl Identity {
    /// The people of the tenant, at most `filter.limit`.
    ///
    /// # Errors
    /// [`IdentityError::Store`].
    pub async fn members(
        &self,
        principal: &Principal,
        filter: &Filter,
    ) -> Result<Vec<Member>, IdentityError> {
        let memberships = self.store.tenant(&principal.tenant).list::<Membership>(filter).await?;
        let mut members = Vec::with_capacity(memberships.len());
        for membership in memberships {
            let user = self.user(&membership.value.user).await?;
            members.push(Member { membership, user });
        }
        Ok(members)
    }

    /// Somebody of the tenant.
    ///
    /// # Errors
    /// [`IdentityError::Missing`].
    pub async fn member(&self, principal: &Principal, id: &MembershipId) -> Result<Member, IdentityError> {
        let membership = self.store.tenant(&principal.tenant).get::<Membership>(id).await?;
        let membership = membership.ok_or(IdentityError::Missing("member"))?;
        let user = self.user(&membership.value.user).await?;
        Ok(Member { membership, user })
    }

    /// Gives somebody of the tenant another role; `version` is that of the membership as it was seen.
    ///
    /// # Errors
    /// [`IdentityError::AboveOneself`]; [`IdentityError::Impossible`] for the last owner.
    pub async fn change_role(
        &self,
        principal: &Principal,
        (id, version): (&MembershipId, i64),
        role: Role,
        actor: &Actor,
        now: i64,
    ) -> Result<Stored<Membership>, IdentityError> {
        if !principal.may_grant_role(role) {
            return Err(IdentityError::AboveOneself);
        }
        let turn = self.owners(principal, id).await?;
        let mut tx = self.store.tenant(&principal.tenant).begin(actor, now).await?;
        let stored = self.part_of_another(principal, &mut *tx, id).await?;
        if role != Role::Owner {
            turn.keep_an_owner(&mut *tx, &stored.value).await?;
        }
        let membership = tx.update(id, version, Membership { role, ..stored.value }).await?;
        tx.commit().await?;
        Ok(membership)
    }

    /// Takes somebody out of the tenant; at once, in all of their sessions.
    ///
    /// # Errors
    /// As [`Self::change_role`].
    pub async fn remove_member(
        &self,
        principal: &Principal,
        (id, version): (&MembershipId, i64),
        actor: &Actor,
        now: i64,
    ) -> Result<(), IdentityError> {
        let turn = self.owners(principal, id).await?;
        let mut tx = self.store.tenant(&principal.tenant).begin(actor, now).await?;
        let stored = self.part_of_another(principal, &mut *tx, id).await?;
        turn.keep_an_owner(&mut *tx, &stored.value).await?;
        tx.delete::<Membership>(id, version).await?;
        Ok(tx.commit().await?)
    }

    /// Lets a user sign in again, or no longer: then all of their sessions end at once. For those who run the platform.
    ///
    /// # Errors
    /// [`IdentityError::Missing`]; [`IdentityError::Impossible`] for a user who has not accepted an invitation yet.
    pub async fn set_enabled(
        &self,
        user: &UserId,
        enabled: bool,
        actor: &Actor,
        now: i64,
    ) -> Result<Stored<User>, IdentityError> {
        again!(async {
            let sessions = self.sessions(user, now).await?;
            let mut tx = self.store.platform().begin(actor, now).await?;
            let stored = set_enabled(&mut *tx, user, enabled, sessions).await?;
            tx.commit().await?;
            Ok(stored)
        })
    }

    /// Sets the name that people see.
    ///
    /// # Errors
    /// [`IdentityError::Store`].
    pub async fn rename(
        &self,
        user: &UserId,
        name: &str,
        client: &Client,
        now: i64,
    ) -> Result<Stored<User>, IdentityError> {
        again!(async {
            let mut tx = self.store.platform().begin(&client.user(user), now).await?;
            let stored = tx.get::<User>(user).await?.ok_or(IdentityError::Missing("user"))?;
            let renamed = User { name: name.to_owned(), ..stored.value };
            let stored = tx.update(user, stored.version, renamed).await?;
            tx.note("user.rename", user.as_str(), &json!({})).await?;
            tx.commit().await?;
            Ok(stored)
        })
    }

    async fn part_of_another(
        &self,
        principal: &Principal,
        tx: &mut dyn TenantTx,
        id: &MembershipId,
    ) -> Result<Stored<Membership>, IdentityError> {
        let stored = tx.get::<Membership>(id).await?.ok_or(IdentityError::Missing("member"))?;
        if principal.may_grant_role(stored.value.role) {
            Ok(stored)
        } else {
            Err(IdentityError::AboveOneself)
        }
    }

    /// Who owns the tenant beside `id`.
    async fn owners(&self, principal: &Principal, id: &MembershipId) -> Result<Owners, IdentityError> {
        let part = self.store.tenant(&principal.tenant);
        let tenant = part.get::<Tenant>(&principal.tenant).await?.ok_or(IdentityError::Missing("tenant"))?;
        let filter = Filter::first(100).with_status(Role::Owner.as_str());
        let owners = part.list::<Membership>(&filter).await?;
        let others = owners.iter().any(|owner| owner.id != *id && owner.value.invitation.is_none());
        Ok(Owners { tenant, others })
    }
}

/// As [`Identity::set_enabled`], in a unit of work of the platform's; `sessions` are those of the user that live.
///
/// # Errors
/// As [`Identity::set_enabled`].
pub async fn set_enabled(
    tx: &mut dyn TenantTx,
    user: &UserId,
    enabled: bool,
    sessions: Vec<Stored<Session>>,
) -> Result<Stored<User>, IdentityError> {
    let stored = tx.get::<User>(user).await?.ok_or(IdentityError::Missing("user"))?;
    let status = match (stored.value.status, enabled) {
        (UserStatus::Active | UserStatus::Disabled, true) => UserStatus::Active,
        (UserStatus::Invited, true) => {
            return Err(IdentityError::Impossible("the user has not accepted an invitation yet"));
        }
        (UserStatus::Invited | UserStatus::Active | UserStatus::Disabled, false) => UserStatus::Disabled,
    };
    if status == UserStatus::Disabled {
        session::end(tx, sessions, None).await?;
    }
    Ok(tx.update(user, stored.version, User { status, ..stored.value }).await?)
}

/// Who owns a tenant, as it was read.
struct Owners {
    tenant: Stored<Tenant>,
    /// Whether there is another than the one who is to go.
    others: bool,
}

impl Owners {
    /// Whoever takes an owner away takes their turn at the tenant's row: of two at once, the second finds it changed.
    async fn keep_an_owner(self, tx: &mut dyn TenantTx, leaving: &Membership) -> Result<(), IdentityError> {
        if leaving.role != Role::Owner || leaving.invitation.is_some() {
            return Ok(());
        }
        if !self.others {
            return Err(IdentityError::Impossible("a tenant keeps at least one owner"));
        }
        tx.update(&self.tenant.id, self.tenant.version, self.tenant.value).await?;
        Ok(())
    }
}
