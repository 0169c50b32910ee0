//! Who stands behind the token or key of a request. A session and its user are looked up with every request, so what was
//! revoked or disabled is refused at once, on every node.

use crate::{
    Identity, IdentityError, api_key,
    principal::{Caller, KeyCaller, KeyPower, UserCaller},
    random::sha256_hex,
    service::micros,
};
use store::{
    TenantId,
    ids::KeyId,
    model::identity::{ApiKey, KeyStatus, Session, SessionStatus, User, UserStatus},
};
use tracing::warn;

/// Keys whose use was noted lately and that are remembered; beyond, all are forgotten and noted once more.
const MOST_KEY_USES: usize = 10_000;

impl Identity {
    /// Who stands behind what follows `Bearer` in a request: a session's token, or an API key.
    ///
    /// # Errors
    /// [`IdentityError::Refused`] if it is not, or no longer, good.
    pub async fn authenticate(&self, bearer: &str, now: i64) -> Result<Caller, IdentityError> {
        match api_key::mode_of(bearer) {
            Some(_) => self.key_caller(bearer, now).await,
            None => self.user_caller(bearer, now).await,
        }
    }

    async fn user_caller(&self, token: &str, now: i64) -> Result<Caller, IdentityError> {
        let claims = self.tokens.verify_access(token, now)?;
        let platform = self.store.platform();
        let session = platform.get::<Session>(&claims.session).await?.ok_or(IdentityError::Refused)?.value;
        let lives = session.status == SessionStatus::Active && session.expires_at > now;
        if !lives || session.user != claims.user {
            return Err(IdentityError::Refused);
        }
        let user = platform.get::<User>(&claims.user).await?.ok_or(IdentityError::Refused)?.value;
        if user.status != UserStatus::Active {
            return Err(IdentityError::Refused);
        }
        let memberships = self.store.memberships_of(&claims.user).await?;
        Ok(Caller::User(UserCaller {
            user: claims.user,
            session: claims.session,
            platform_admin: user.platform_admin,
            memberships,
        }))
    }

    async fn key_caller(&self, key: &str, now: i64) -> Result<Caller, IdentityError> {
        // The hash is looked up, so the time that it takes says nothing of the key.
        let owner = self.store.key_owner(&sha256_hex(key)).await?.ok_or(IdentityError::Refused)?;
        let stored = self.store.tenant(&owner.tenant).get::<ApiKey>(&owner.key).await?;
        let row = stored.ok_or(IdentityError::Refused)?.value;
        let expired = row.expires_at.is_some_and(|at| at <= now);
        if row.status != KeyStatus::Active || expired || api_key::mode_of(key) != Some(row.mode) {
            return Err(IdentityError::Refused);
        }
        self.note_use(&owner.tenant, &owner.key, now).await;
        let power = KeyPower::of(&row);
        Ok(Caller::Key(KeyCaller { key: owner.key, tenant: owner.tenant, power, mode: row.mode }))
    }

    async fn note_use(&self, tenant: &TenantId, key: &KeyId, now: i64) {
        {
            let mut uses = self.key_uses.lock();
            let due = now.saturating_sub(micros(self.options.key_use_every));
            if uses.get(key).is_some_and(|last| *last > due) {
                return;
            }
            if uses.len() >= MOST_KEY_USES {
                uses.clear();
            }
            uses.insert(key.clone(), now);
        }
        // A request is not refused because this could not be written.
        if let Err(error) = self.store.tenant(tenant).touch_key(key, now).await {
            warn!(%tenant, %key, error = &error as &dyn std::error::Error, "the use of a key could not be noted");
        }
    }
}
