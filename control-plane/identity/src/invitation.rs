//! Invitations: whoever shows the token takes a part in a tenant, or sets a password. A token is shown once to whoever invites,
//! and passed on by people; only its hash is kept.
//!
//! An invitation to a tenant says nothing about the email address: whoever has it may be somebody else. So a part in a tenant
//! counts from the moment on when the user, signed in, shows the token of that very tenant.

use crate::{
    Identity, IdentityError,
    client::Client,
    password,
    principal::Principal,
    random::{is_hash_of, random_text, sha256_hex},
    service::{SELF, again, micros, normalized_email},
    session,
};
use engine::provider::Secret;
use serde_json::json;
use store::{
    Stored, TenantId, TenantTx,
    ids::{MembershipId, UserId},
    model::{
        audit::Actor,
        identity::{Invitation, Membership, Proofs, Role, User, UserStatus},
    },
};

/// Somebody who was just invited.
#[derive(Clone, Debug)]
pub struct Invited {
    /// Who.
    pub user: Stored<User>,
    /// Their part in the tenant, once they accept.
    pub membership: Stored<Membership>,
    /// To be passed on to them.
    pub token: Secret,
    /// Not after this time, unix µs.
    pub expires_at: i64,
}

/// A user who was just given a token to set a password with.
#[derive(Clone, Debug)]
pub struct Enabled {
    /// Who.
    pub user: UserId,
    /// To be passed on to them.
    pub token: Secret,
    /// Not after this time, unix µs.
    pub expires_at: i64,
}

/// Who shows the token.
#[derive(Clone, Debug)]
pub enum Shown<'a> {
    /// Somebody who has signed in.
    By(&'a UserId),
    /// Somebody who sets the first, or another, password with it.
    With(&'a Secret),
}

/// What a token is for.
enum Aim {
    Membership(TenantId, MembershipId),
    Password(UserId),
}

impl Identity {
    /// Invites somebody into a tenant.
    ///
    /// # Errors
    /// [`IdentityError::AboveOneself`] for a role above the inviter's; [`IdentityError::Taken`] for somebody who is there.
    pub async fn invite(
        &self,
        inviter: &Principal,
        (email, name, role): (&str, &str, Role),
        actor: &Actor,
        now: i64,
    ) -> Result<Invited, IdentityError> {
        let user = self.ensure_user(inviter, (email, name, role), actor, now).await?;
        let mut tx = self.store.tenant(&inviter.tenant).begin(actor, now).await?;
        let invited = self.invite_within(&mut *tx, user, role).await?;
        tx.commit().await?;
        Ok(invited)
    }

    /// The first half of [`Self::invite`]: the user, who is made if there is none with this email address.
    ///
    /// # Errors
    /// As [`Self::invite`].
    pub async fn ensure_user(
        &self,
        inviter: &Principal,
        (email, name, role): (&str, &str, Role),
        actor: &Actor,
        now: i64,
    ) -> Result<Stored<User>, IdentityError> {
        if !inviter.may_grant_role(role) {
            return Err(IdentityError::AboveOneself);
        }
        self.user_with(&normalized_email(email)?, name, actor, now).await
    }

    /// The second half of [`Self::invite`], in a unit of work of the tenant's.
    ///
    /// # Errors
    /// As [`Self::invite`].
    pub async fn invite_within(
        &self,
        tx: &mut dyn TenantTx,
        user: Stored<User>,
        role: Role,
    ) -> Result<Invited, IdentityError> {
        let id = MembershipId::generate();
        let (token, invitation) = self.invitation(&format!("{}.{id}", tx.tenant()), tx.now());
        let expires_at = invitation.expires_at;
        let row = Membership { user: user.id.clone(), role, invitation: Some(invitation) };
        let inserted = tx.insert_new(id, row).await?;
        let membership = inserted.ok_or(IdentityError::Taken("membership"))?;
        Ok(Invited { user, membership, token, expires_at })
    }

    /// Gives somebody who has not accepted yet another token; the one before is void.
    ///
    /// # Errors
    /// [`IdentityError::Impossible`] if they have accepted.
    pub async fn invite_again(
        &self,
        inviter: &Principal,
        membership: &MembershipId,
        actor: &Actor,
        now: i64,
    ) -> Result<Invited, IdentityError> {
        let mut tx = self.store.tenant(&inviter.tenant).begin(actor, now).await?;
        let invited = self.invite_again_within(&mut *tx, inviter, membership).await?;
        tx.commit().await?;
        Ok(invited)
    }

    /// As [`Self::invite_again`], in a unit of work of the tenant's.
    ///
    /// # Errors
    /// As [`Self::invite_again`].
    pub async fn invite_again_within(
        &self,
        tx: &mut dyn TenantTx,
        inviter: &Principal,
        membership: &MembershipId,
    ) -> Result<Invited, IdentityError> {
        let now = tx.now();
        let stored = tx.get::<Membership>(membership).await?.ok_or(IdentityError::Missing("member"))?;
        if !inviter.may_grant_role(stored.value.role) {
            return Err(IdentityError::AboveOneself);
        }
        if stored.value.invitation.is_none() {
            return Err(IdentityError::Impossible("the invitation was accepted"));
        }
        let (token, invitation) = self.invitation(&format!("{}.{membership}", inviter.tenant), now);
        let expires_at = invitation.expires_at;
        let row = Membership { invitation: Some(invitation), ..stored.value };
        let membership = tx.update(membership, stored.version, row).await?;
        let user = self.user(&membership.value.user).await?;
        Ok(Invited { user, membership, token, expires_at })
    }

    /// Makes somebody one of those who run the platform, and gives a token to set a password with. For the command line of the
    /// machine itself.
    ///
    /// # Errors
    /// [`IdentityError::NotAnAddress`].
    pub async fn make_platform_admin(
        &self,
        email: &str,
        name: &str,
        now: i64,
    ) -> Result<Enabled, IdentityError> {
        let actor = Actor::system("command_line");
        let user = self.user_with(&normalized_email(email)?, name, &actor, now).await?;
        if !user.value.platform_admin {
            self.promote(&user.id, &actor, now).await?;
        }
        self.reset(&user.id, &actor, now).await
    }

    /// Whoever had this account may not be whom the command line means: nothing that proved the user before does any more.
    async fn promote(&self, user: &UserId, actor: &Actor, now: i64) -> Result<(), IdentityError> {
        again!(async {
            let sessions = self.sessions(user, now).await?;
            let mut tx = self.store.platform().begin(actor, now).await?;
            let stored = tx.get::<User>(user).await?.ok_or(IdentityError::Missing("user"))?;
            let after = User { platform_admin: true, status: UserStatus::Invited, ..unproven(stored.value) };
            tx.update(user, stored.version, after).await?;
            session::end(&mut *tx, sessions, None).await?;
            Ok(tx.commit().await?)
        })
    }

    /// Gives a token to set another password with: for whoever lost theirs. What proved them before proves nothing once it is
    /// used.
    ///
    /// # Errors
    /// [`IdentityError::Store`].
    pub async fn reset(&self, user: &UserId, actor: &Actor, now: i64) -> Result<Enabled, IdentityError> {
        again!(async {
            let mut tx = self.store.platform().begin(actor, now).await?;
            let enabled = self.reset_within(&mut *tx, user).await?;
            tx.commit().await?;
            Ok(enabled)
        })
    }

    /// As [`Self::reset`], in a unit of work of the platform's.
    ///
    /// # Errors
    /// As [`Self::reset`].
    pub async fn reset_within(&self, tx: &mut dyn TenantTx, user: &UserId) -> Result<Enabled, IdentityError> {
        let (token, invitation) = self.invitation(user.as_str(), tx.now());
        let expires_at = invitation.expires_at;
        let stored = tx.get::<User>(user).await?.ok_or(IdentityError::Missing("user"))?;
        let proofs = Proofs { invitation: Some(invitation), ..stored.value.proofs };
        tx.update(user, stored.version, User { proofs, ..stored.value }).await?;
        Ok(Enabled { user: user.clone(), token, expires_at })
    }

    /// Accepts an invitation; gives the user, and the tenant if it was to one.
    ///
    /// # Errors
    /// [`IdentityError::Refused`] for a token that is not, or no longer, good; [`IdentityError::Impossible`] for a user who has a password
    /// and must sign in first.
    pub async fn accept(
        &self,
        token: &Secret,
        shown: Shown<'_>,
        client: &Client,
        now: i64,
    ) -> Result<(UserId, Option<TenantId>), IdentityError> {
        self.count_network(client, now)?;
        match aim_of(token).ok_or(IdentityError::Refused)? {
            Aim::Membership(tenant, membership) => {
                let stored = self.store.tenant(&tenant).get::<Membership>(&membership).await?;
                let stored = stored.filter(|stored| is_good(stored.value.invitation.as_ref(), token, now));
                let user = stored.ok_or(IdentityError::Refused)?.value.user;
                self.show(&user, &shown, client, now).await?;
                self.take_part(&tenant, &membership, token, client, now).await?;
                Ok((user, Some(tenant)))
            }
            Aim::Password(user) => {
                let stored = self.store.platform().get::<User>(&user).await?;
                let stored =
                    stored.filter(|stored| is_good(stored.value.proofs.invitation.as_ref(), token, now));
                let stored = stored.ok_or(IdentityError::Refused)?;
                let Shown::With(password) = shown else {
                    return Err(IdentityError::Impossible("the token is to set a password with"));
                };
                self.set_password(&stored, password, client, now).await?;
                Ok((user, None))
            }
        }
    }

    /// Whoever shows an invitation to a tenant is its user: signed in, or new and setting the first password.
    async fn show(
        &self,
        user: &UserId,
        shown: &Shown<'_>,
        client: &Client,
        now: i64,
    ) -> Result<(), IdentityError> {
        match shown {
            Shown::By(signed_in) if *signed_in == user => Ok(()),
            Shown::By(_) => Err(IdentityError::Refused),
            Shown::With(password) => {
                let stored = self.user(user).await?;
                match stored.value.status {
                    UserStatus::Invited => self.set_password(&stored, password, client, now).await,
                    UserStatus::Active => {
                        Err(IdentityError::Impossible("sign in first, then accept the invitation"))
                    }
                    UserStatus::Disabled => Err(IdentityError::Refused),
                }
            }
        }
    }

    /// Sets a password as if for the first time: nothing that proved the user before does any more.
    async fn set_password(
        &self,
        user: &Stored<User>,
        password: &Secret,
        client: &Client,
        now: i64,
    ) -> Result<(), IdentityError> {
        if user.value.status == UserStatus::Disabled {
            return Err(IdentityError::Refused);
        }
        password::check(password, &user.value.email)?;
        let hash = self.passwords.hash(password).await?;
        let sessions = self.sessions(&user.id, now).await?;
        let mut tx = self.store.platform().begin(&client.user(&user.id), now).await?;
        let status = UserStatus::Active;
        let after = User { password_hash: Some(hash), status, ..unproven(user.value.clone()) };
        tx.update(&user.id, user.version, after).await?;
        session::end(&mut *tx, sessions, None).await?;
        tx.note("user.password", user.id.as_str(), &json!({ "with": "invitation" })).await?;
        Ok(tx.commit().await?)
    }

    async fn take_part(
        &self,
        tenant: &TenantId,
        membership: &MembershipId,
        token: &Secret,
        client: &Client,
        now: i64,
    ) -> Result<(), IdentityError> {
        again!(async {
            let part = self.store.tenant(tenant);
            let mut tx = part.begin(&client.system(SELF), now).await?;
            let stored = tx.get::<Membership>(membership).await?.ok_or(IdentityError::Refused)?;
            if !is_good(stored.value.invitation.as_ref(), token, now) {
                return Err(IdentityError::Refused);
            }
            let user = stored.value.user.clone();
            tx.update(membership, stored.version, Membership { invitation: None, ..stored.value }).await?;
            tx.note("membership.accept", membership.as_str(), &json!({ "user": user.as_str() })).await?;
            Ok(tx.commit().await?)
        })
    }

    /// The user with this email address, who is made if there is none.
    async fn user_with(
        &self,
        email: &str,
        name: &str,
        actor: &Actor,
        now: i64,
    ) -> Result<Stored<User>, IdentityError> {
        let platform = self.store.platform();
        if let Some(known) = platform.find::<User>(email).await? {
            return Ok(known);
        }
        let new = User {
            email: email.to_owned(),
            name: name.to_owned(),
            password_hash: None,
            totp: None,
            openid_subject: None,
            platform_admin: false,
            status: UserStatus::Invited,
            failed_sign_ins: 0,
            locked_until: None,
            proofs: Proofs::default(),
        };
        let mut tx = platform.begin(actor, now).await?;
        match tx.insert_new(UserId::generate(), new).await? {
            Some(user) => {
                tx.commit().await?;
                Ok(user)
            }
            // Another was faster.
            None => tx.find::<User>(email).await?.ok_or(IdentityError::Missing("user")),
        }
    }

    fn invitation(&self, aim: &str, now: i64) -> (Secret, Invitation) {
        let token = Secret::new(&format!("{aim}.{}", random_text()));
        let expires_at = now.saturating_add(micros(self.options.invitation_life));
        let invitation = Invitation { hash: sha256_hex(token.reveal()), expires_at };
        (token, invitation)
    }
}

/// The user without anything that proves who they are.
pub(crate) fn unproven(user: User) -> User {
    User {
        password_hash: None,
        totp: None,
        openid_subject: None,
        failed_sign_ins: 0,
        locked_until: None,
        proofs: Proofs::default(),
        ..user
    }
}

/// `user.random`, or `tenant.membership.random`.
fn aim_of(token: &Secret) -> Option<Aim> {
    let parts: Vec<&str> = token.reveal().split('.').collect();
    match parts.as_slice() {
        [user, _random] => Some(Aim::Password(UserId::parse(user).ok()?)),
        [tenant, membership, _random] => {
            Some(Aim::Membership(TenantId::parse(tenant).ok()?, MembershipId::parse(membership).ok()?))
        }
        _ => None,
    }
}

fn is_good(invitation: Option<&Invitation>, token: &Secret, now: i64) -> bool {
    invitation
        .is_some_and(|invitation| invitation.expires_at > now && is_hash_of(&invitation.hash, token.reveal()))
}
