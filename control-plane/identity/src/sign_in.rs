//! Signing in: a password, then a one-time password where the user has them. Whoever is refused learns nothing: not what was
//! wrong, not whether there is such a user, not whether they are locked out.

use crate::{
    Identity, IdentityError,
    client::Client,
    password::Comparison,
    recovery,
    service::{again, may_sign_in, normalized_email},
    session::SessionTokens,
    token::{Issued, Purpose},
    totp,
};
use engine::provider::Secret;
use serde_json::json;
use store::{
    Stored, TenantId,
    ids::UserId,
    model::identity::{Proofs, User},
};
use vault::Place;

/// What followed from a first proof.
#[derive(Clone, Debug)]
pub enum SignedIn {
    /// A session.
    Session(SessionTokens),
    /// A one-time password is asked for; this says that the first proof was good.
    SecondFactor(Issued),
}

impl Identity {
    /// Signs in with a password.
    ///
    /// # Errors
    /// [`IdentityError::Refused`], [`IdentityError::TooMany`], [`IdentityError::Busy`].
    pub async fn sign_in(
        &self,
        email: &str,
        password: &Secret,
        client: &Client,
        now: i64,
    ) -> Result<SignedIn, IdentityError> {
        self.count_network(client, now)?;
        let email = normalized_email(email).map_err(|_| IdentityError::Refused)?;
        self.count_user(&email, now)?;
        let found = self.store.platform().find::<User>(&email).await?;
        let usable = found.as_ref().filter(|user| may_sign_in(&user.value, now));
        let hash = usable.and_then(|user| user.value.password_hash.as_deref());
        let comparison = self.passwords.compare(password, hash).await?;
        match (usable, comparison) {
            (None, _) => Err(IdentityError::Refused),
            (Some(user), Comparison::Wrong) => {
                self.note_failure(&user.id, client, now).await?;
                Err(IdentityError::Refused)
            }
            (Some(user), Comparison::Right { outdated }) => {
                let better = if outdated { Some(self.passwords.hash(password).await?) } else { None };
                self.first_proof(user, better.as_deref(), "password", client, now).await
            }
        }
    }

    /// What follows when the first proof of `user` was good. `better` is a hash to keep instead of the one that was compared.
    pub(crate) async fn first_proof(
        &self,
        user: &Stored<User>,
        better: Option<&str>,
        method: &'static str,
        client: &Client,
        now: i64,
    ) -> Result<SignedIn, IdentityError> {
        self.end_oldest_session(&user.id, now).await?;
        let compared = &user.value.password_hash;
        again!(async {
            let mut tx = self.store.platform().begin(&client.user(&user.id), now).await?;
            let stored = tx.get::<User>(&user.id).await?.ok_or(IdentityError::Refused)?;
            // What was proved may not be so any more.
            if !may_sign_in(&stored.value, now) || stored.value.password_hash != *compared {
                return Err(IdentityError::Refused);
            }
            let asks_more = stored.value.proofs.totp_confirmed;
            let mut after = stored.value.clone();
            if let Some(better) = better {
                after.password_hash = Some(better.to_owned());
            }
            if !asks_more {
                (after.failed_sign_ins, after.locked_until) = (0, None);
            }
            if after != stored.value {
                tx.update(&user.id, stored.version, after).await?;
            }
            if asks_more {
                tx.commit().await?;
                let life = self.options.second_factor_life;
                let issued = self.tokens.issue(Purpose::SecondFactor, user.id.as_str(), now, life)?;
                return Ok(SignedIn::SecondFactor(issued));
            }
            let tokens = self.open_session(&mut *tx, &user.id, method, client).await?;
            tx.commit().await?;
            Ok(SignedIn::Session(tokens))
        })
    }

    /// Goes on with a one-time password, or a recovery code in its place.
    ///
    /// # Errors
    /// As [`Self::sign_in`].
    pub async fn second_factor(
        &self,
        token: &str,
        code: &Secret,
        client: &Client,
        now: i64,
    ) -> Result<SessionTokens, IdentityError> {
        self.count_network(client, now)?;
        let verified = self.tokens.verify(Purpose::SecondFactor, token, now)?;
        let user = UserId::parse(&verified.subject).map_err(|_| IdentityError::Refused)?;
        self.count_user(user.as_str(), now)?;
        self.end_oldest_session(&user, now).await?;
        let opened = again!(self.second_factor_once(&user, code, client, now));
        if matches!(opened, Err(IdentityError::Refused)) {
            self.note_failure(&user, client, now).await?;
        }
        opened
    }

    async fn second_factor_once(
        &self,
        user: &UserId,
        code: &Secret,
        client: &Client,
        now: i64,
    ) -> Result<SessionTokens, IdentityError> {
        let platform = self.store.platform();
        let stored = platform.get::<User>(user).await?.ok_or(IdentityError::Refused)?;
        if !may_sign_in(&stored.value, now) {
            return Err(IdentityError::Refused);
        }
        let (proofs, method) =
            self.spend(&stored, code.reveal(), now).await?.ok_or(IdentityError::Refused)?;
        let mut tx = platform.begin(&client.user(user), now).await?;
        let after = User { proofs, failed_sign_ins: 0, locked_until: None, ..stored.value };
        // The version says that nobody spent the same code meanwhile.
        tx.update(user, stored.version, after).await?;
        if method == "recovery_code" {
            tx.note("user.recovery_code", user.as_str(), &json!({})).await?;
        }
        let tokens = self.open_session(&mut *tx, user, method, client).await?;
        tx.commit().await?;
        Ok(tokens)
    }

    /// The user's proofs after this code was spent, and what it was; `None` if it is not good.
    pub(crate) async fn spend(
        &self,
        user: &Stored<User>,
        code: &str,
        now: i64,
    ) -> Result<Option<(Proofs, &'static str)>, IdentityError> {
        let proofs = &user.value.proofs;
        if recovery::looks_like_one(code) {
            let rest = recovery::without(&proofs.recovery_codes, code);
            return Ok(rest.map(|rest| (Proofs { recovery_codes: rest, ..proofs.clone() }, "recovery_code")));
        }
        let Some(sealed) = &user.value.totp else { return Ok(None) };
        let secret = self.vault.open(&TenantId::platform(), &Place::totp(&user.id), sealed).await?;
        let step = totp::accepted_step(&secret, code.trim(), now, proofs.totp_last_step);
        Ok(step.map(|step| (Proofs { totp_last_step: Some(step), ..proofs.clone() }, "totp")))
    }
}
