//! What users do about themselves: another password, one-time passwords, recovery codes.

use crate::{
    Identity, IdentityError,
    client::Client,
    password::{self, Comparison},
    recovery,
    service::{again, may_sign_in},
    session, totp,
};
use engine::provider::Secret;
use serde_json::json;
use store::{
    Stored, TenantId,
    ids::{SessionId, UserId},
    model::identity::{Proofs, User},
};
use vault::Place;

/// What an authenticator app is given, once.
#[derive(Clone, Debug)]
pub struct Enrolment {
    /// To type.
    pub secret: Secret,
    /// To show as a QR code.
    pub address: Secret,
}

impl Identity {
    /// Sets another password, and ends all of the user's other sessions.
    ///
    /// # Errors
    /// [`IdentityError::Refused`] if `current` is wrong; [`IdentityError::Unfit`].
    pub async fn change_password(
        &self,
        user: &UserId,
        session: &SessionId,
        (current, new): (&Secret, &Secret),
        client: &Client,
        now: i64,
    ) -> Result<(), IdentityError> {
        let known = self.prove(user, current, client, now).await?;
        password::check(new, &known.value.email)?;
        let hash = self.passwords.hash(new).await?;
        again!(async {
            let others = self.sessions(user, now).await?;
            let mut tx = self.store.platform().begin(&client.user(user), now).await?;
            let stored = tx.get::<User>(user).await?.ok_or(IdentityError::Refused)?;
            // Somebody may have set another one meanwhile.
            if stored.value.password_hash != known.value.password_hash {
                return Err(IdentityError::Refused);
            }
            let after = User { password_hash: Some(hash.clone()), ..stored.value };
            tx.update(user, stored.version, after).await?;
            tx.note("user.password", user.as_str(), &json!({})).await?;
            session::end(&mut *tx, others, Some(session)).await?;
            Ok(tx.commit().await?)
        })
    }

    /// Begins with one-time passwords: they are asked for once the first one was shown ([`Self::confirm_totp`]).
    ///
    /// # Errors
    /// [`IdentityError::Refused`] if the password is wrong; [`IdentityError::Taken`] if the user has them already.
    pub async fn begin_totp(
        &self,
        user: &UserId,
        password: &Secret,
        client: &Client,
        now: i64,
    ) -> Result<Enrolment, IdentityError> {
        let known = self.prove(user, password, client, now).await?;
        let secret = totp::new_secret();
        let sealed = self.vault.seal(&TenantId::platform(), &Place::totp(user), &secret).await?;
        again!(async {
            let mut tx = self.store.platform().begin(&client.user(user), now).await?;
            let stored = tx.get::<User>(user).await?.ok_or(IdentityError::Refused)?;
            if stored.value.proofs.totp_confirmed {
                return Err(IdentityError::Taken("second factor"));
            }
            tx.update(user, stored.version, User { totp: Some(sealed.clone()), ..stored.value }).await?;
            Ok(tx.commit().await?)
        })?;
        let address = totp::address(&self.options.name, &known.value.email, &secret);
        Ok(Enrolment { secret, address })
    }

    /// From now on one-time passwords are asked for; gives the recovery codes, once.
    ///
    /// # Errors
    /// [`IdentityError::Refused`] if the code is not good.
    pub async fn confirm_totp(
        &self,
        user: &UserId,
        code: &Secret,
        client: &Client,
        now: i64,
    ) -> Result<Vec<Secret>, IdentityError> {
        self.count_user(user.as_str(), now)?;
        let (codes, hashes) = recovery::new_codes();
        again!(async {
            let stored = self.user(user).await?;
            if stored.value.proofs.totp_confirmed {
                return Err(IdentityError::Taken("second factor"));
            }
            let spent = self.spend(&stored, code.reveal(), now).await?;
            let (proofs, _) = spent.ok_or(IdentityError::Refused)?;
            let proofs = Proofs { totp_confirmed: true, recovery_codes: hashes.clone(), ..proofs };
            let mut tx = self.store.platform().begin(&client.user(user), now).await?;
            tx.update(user, stored.version, User { proofs, ..stored.value }).await?;
            tx.note("user.totp", user.as_str(), &json!({ "enabled": true })).await?;
            Ok(tx.commit().await?)
        })?;
        Ok(codes)
    }

    /// One-time passwords are not asked for any more. Needs the password and a code.
    ///
    /// # Errors
    /// [`IdentityError::Refused`] if one of them is not good.
    pub async fn remove_totp(
        &self,
        user: &UserId,
        (password, code): (&Secret, &Secret),
        client: &Client,
        now: i64,
    ) -> Result<(), IdentityError> {
        let known = self.prove(user, password, client, now).await?;
        let removed = async {
            let spent = self.spend(&known, code.reveal(), now).await?;
            let (proofs, _) = spent.ok_or(IdentityError::Refused)?;
            let proofs = Proofs { invitation: proofs.invitation, ..Proofs::default() };
            let mut tx = self.store.platform().begin(&client.user(user), now).await?;
            tx.update(user, known.version, User { proofs, totp: None, ..known.value }).await?;
            tx.note("user.totp", user.as_str(), &json!({ "enabled": false })).await?;
            Ok(tx.commit().await?)
        }
        .await;
        if matches!(removed, Err(IdentityError::Refused)) {
            self.note_failure(user, client, now).await?;
        }
        removed
    }

    /// The user, whose password this is.
    async fn prove(
        &self,
        user: &UserId,
        password: &Secret,
        client: &Client,
        now: i64,
    ) -> Result<Stored<User>, IdentityError> {
        self.count_user(user.as_str(), now)?;
        let stored = self.user(user).await?;
        let hash = stored.value.password_hash.as_deref().filter(|_| may_sign_in(&stored.value, now));
        match self.passwords.compare(password, hash).await? {
            Comparison::Right { .. } => Ok(stored),
            Comparison::Wrong => {
                self.note_failure(user, client, now).await?;
                Err(IdentityError::Refused)
            }
        }
    }
}
