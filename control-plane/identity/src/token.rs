//! Signed tokens (JWT, RFC 7519): for a session's access, and between the steps of signing in. Each has one purpose, and is
//! good for nothing else.
//!
//! The algorithm is HS256 and is never taken from a token. Keys have ids, so that they can be exchanged while older tokens
//! live. Time is given in, in unix microseconds.

use crate::random::random_text;
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::{fmt, time::Duration};
use store::ids::{SessionId, UserId};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// How much earlier than ours another node's clock may be, in seconds: tokens of the near future are good.
const CLOCK_SKEW_S: i64 = 30;
/// Longest token that is looked at, in bytes. Ours have less than 600.
const LONGEST_TOKEN: usize = 2_048;
const SECOND_US: i64 = 1_000_000;

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Requests of a session.
    Access,
    /// The password was right, the one-time password is still to come.
    SecondFactor,
    /// The user is at an OpenID provider and is expected back.
    OpenId,
}

impl Purpose {
    /// Stands in the token as its audience.
    const fn audience(self) -> &'static str {
        match self {
            Self::Access => "tandem:api",
            Self::SecondFactor => "tandem:second-factor",
            Self::OpenId => "tandem:openid",
        }
    }
}

/// A key that signs tokens.
pub struct SigningKey {
    id: String,
    secret: Zeroizing<[u8; 32]>,
}

impl SigningKey {
    /// The key that follows from `root`, at least 32 random bytes that may serve other ends as well; `id` tells it from the
    /// keys of other roots, and is seen by everybody. One step of HKDF's expansion (RFC 5869, section 2.3).
    #[must_use]
    pub fn derived(id: &str, root: &[u8]) -> Self {
        Self { id: id.to_owned(), secret: Zeroizing::new(derive(root, b"tandem: signing tokens, 1\x01")) }
    }

    /// 32 bytes that only this key gives for `label`.
    fn derive(&self, label: &str) -> [u8; 32] {
        derive(&*self.secret, label.as_bytes())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}

fn derive(key: &[u8], label: &[u8]) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.chain_update(label).finalize().into_bytes().into()
}

/// What stands in a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: String,
}

/// Whom a session's token speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessClaims {
    /// Who.
    pub user: UserId,
    /// In which session.
    pub session: SessionId,
    /// Tells it from every other token.
    pub token: String,
    /// Not after this time, unix µs.
    pub expires_at: i64,
}

/// A token as it was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Whom or what it is about.
    pub subject: String,
    /// Tells it from every other token.
    pub token: String,
    /// Which key signed it.
    key: String,
    session: Option<String>,
    /// Not after this time, unix µs.
    pub expires_at: i64,
}

/// A token that was just made.
#[derive(Clone, PartialEq, Eq)]
pub struct Issued {
    /// It.
    pub token: String,
    /// Not after this time, unix µs.
    pub expires_at: i64,
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// Why a token is not good.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It is no token, or not one of ours, or for another purpose.
    #[error("the token is not one of ours")]
    Foreign,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not good yet")]
    Early,
    /// It could not be made.
    #[error("failed to sign a token")]
    Signing(#[source] jsonwebtoken::errors::Error),
}

/// Makes tokens and knows them again.
pub struct Tokens {
    issuer: String,
    active: SigningKey,
    older: Vec<SigningKey>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("issuer", &self.issuer)
            .field("key", &self.active.id)
            .finish_non_exhaustive()
    }
}

impl Tokens {
    /// Tokens of `issuer` (our own address), signed with `active`. Those of `older` keys are still good.
    #[must_use]
    pub fn new(issuer: impl Into<String>, active: SigningKey, older: Vec<SigningKey>) -> Self {
        Self { issuer: issuer.into(), active, older }
    }

    /// Makes a token for the session.
    ///
    /// # Errors
    /// [`TokenError::Signing`].
    pub fn access(
        &self,
        user: &UserId,
        session: &SessionId,
        now: i64,
        life: Duration,
    ) -> Result<Issued, TokenError> {
        self.sign(Purpose::Access, user.as_str(), Some(session.as_str()), now, life)
    }

    /// Whom a session's token speaks for. Whether the session still stands, the token does not know.
    ///
    /// # Errors
    /// When it is not good, see [`TokenError`].
    pub fn verify_access(&self, token: &str, now: i64) -> Result<AccessClaims, TokenError> {
        let verified = self.verify(Purpose::Access, token, now)?;
        Ok(AccessClaims {
            user: UserId::parse(&verified.subject).map_err(|_| TokenError::Foreign)?,
            session: verified
                .session
                .as_deref()
                .and_then(|session| SessionId::parse(session).ok())
                .ok_or(TokenError::Foreign)?,
            token: verified.token,
            expires_at: verified.expires_at,
        })
    }

    /// Makes a token about `subject`.
    ///
    /// # Errors
    /// [`TokenError::Signing`].
    pub fn issue(
        &self,
        purpose: Purpose,
        subject: &str,
        now: i64,
        life: Duration,
    ) -> Result<Issued, TokenError> {
        self.sign(purpose, subject, None, now, life)
    }

    /// What a token of ours for this purpose says.
    ///
    /// # Errors
    /// When it is not good, see [`TokenError`].
    pub fn verify(&self, purpose: Purpose, token: &str, now: i64) -> Result<Verified, TokenError> {
        if token.len() > LONGEST_TOKEN {
            return Err(TokenError::Foreign);
        }
        let header = decode_header(token).map_err(|_| TokenError::Foreign)?;
        let key = header.kid.as_deref().and_then(|id| self.key(id)).ok_or(TokenError::Foreign)?;
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[purpose.audience()]);
        validation.set_issuer(&[&self.issuer]);
        validation.set_required_spec_claims(&["aud", "exp", "iss", "nbf", "sub"]);
        // The time is given in.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let claims = decode::<Claims>(token, &DecodingKey::from_secret(&*key.secret), &validation)
            .map_err(|_| TokenError::Foreign)?
            .claims;
        let now_s = now.div_euclid(SECOND_US);
        if claims.exp <= now_s {
            return Err(TokenError::Expired);
        }
        if claims.nbf.max(claims.iat) > now_s + CLOCK_SKEW_S {
            return Err(TokenError::Early);
        }
        Ok(Verified {
            subject: claims.sub,
            token: claims.jti,
            key: key.id.clone(),
            session: claims.sid,
            expires_at: claims.exp.saturating_mul(SECOND_US),
        })
    }

    /// A secret that follows from a token and `label` and that only we can tell, as text of 43 characters: it need not be
    /// kept anywhere while the token is on its way.
    #[must_use]
    pub fn secret_of(&self, verified: &Verified, label: &str) -> Zeroizing<String> {
        let key = self.key(&verified.key).unwrap_or(&self.active);
        let bytes = Zeroizing::new(key.derive(&format!("{label}\0{}", verified.token)));
        Zeroizing::new(base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes.as_slice()))
    }

    /// Shows that we made `text` for the end that `label` names: 22 characters that nobody else can tell.
    #[must_use]
    pub fn mark(&self, label: &str, text: &str) -> String {
        mark(&self.active, label, text)
    }

    /// Whether we made `text`, which has this mark.
    #[must_use]
    pub fn is_mark(&self, label: &str, text: &str, shown: &str) -> bool {
        let is_of = |key| bool::from(mark(key, label, text).as_bytes().ct_eq(shown.as_bytes()));
        std::iter::once(&self.active).chain(&self.older).any(is_of)
    }

    fn key(&self, id: &str) -> Option<&SigningKey> {
        std::iter::once(&self.active).chain(&self.older).find(|key| key.id == id)
    }

    fn sign(
        &self,
        purpose: Purpose,
        subject: &str,
        session: Option<&str>,
        now: i64,
        life: Duration,
    ) -> Result<Issued, TokenError> {
        let now_s = now.div_euclid(SECOND_US);
        let exp = now_s.saturating_add(i64::try_from(life.as_secs()).unwrap_or(i64::MAX));
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: purpose.audience().to_owned(),
            sub: subject.to_owned(),
            sid: session.map(str::to_owned),
            iat: now_s,
            nbf: now_s,
            exp,
            jti: random_text(),
        };
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(self.active.id.clone());
        let key = EncodingKey::from_secret(&*self.active.secret);
        let token = encode(&header, &claims, &key).map_err(TokenError::Signing)?;
        Ok(Issued { token, expires_at: exp.saturating_mul(SECOND_US) })
    }
}

/// The first 128 bits of what the key gives for label and text.
fn mark(key: &SigningKey, label: &str, text: &str) -> String {
    base64_simd::URL_SAFE_NO_PAD.encode_to_string(&key.derive(&format!("mark\0{label}\0{text}"))[..16])
}

#[cfg(test)]
mod tests;
