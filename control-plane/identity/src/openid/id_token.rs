//! What an ID token says, and whether it may be believed (OpenID Connect Core 1.0, section 3.1.3.7). Pure: keys and time are
//! given in.

use super::OpenIdError;
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    jwk::{Jwk, JwkSet},
};
use serde::Deserialize;
use subtle::ConstantTimeEq;

/// What providers sign with. None of them takes a secret: whoever could verify could sign.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];
/// How far the provider's clock may be off, in seconds.
const CLOCK_SKEW_S: i64 = 60;
/// Longest subject (OpenID Connect Core 1.0, section 2).
const LONGEST_SUBJECT: usize = 255;

/// What a provider says of somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdClaims {
    /// The provider's name for them, which stays.
    pub subject: String,
    /// Their email address.
    pub email: Option<String>,
    /// Whether the provider has verified that it is theirs.
    pub email_verified: bool,
}

/// What an ID token must say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    /// Unix µs.
    pub(super) now: i64,
}

/// Why a token is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// It is signed with a key that is not among those known.
    UnknownKey,
    /// Anything else.
    Other(&'static str),
}

impl From<Doubt> for OpenIdError {
    fn from(doubt: Doubt) -> Self {
        match doubt {
            Doubt::UnknownKey => Self::IdToken("it is signed with an unknown key"),
            Doubt::Other(why) => Self::IdToken(why),
        }
    }
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    aud: Audience,
    exp: i64,
    iat: i64,
    #[serde(default)]
    nbf: Option<i64>,
    #[serde(default)]
    azp: Option<String>,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    email_verified: Option<Verified>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// Some providers write it as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Verified {
    Truth(bool),
    Text(String),
}

/// What the token says, if it is to be believed.
pub(super) fn read(token: &str, keys: &JwkSet, expected: Expected<'_>) -> Result<IdClaims, Doubt> {
    let header = decode_header(token).map_err(|_| Doubt::Other("it is no token"))?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(Doubt::Other("its algorithm is not allowed"));
    }
    let jwk = key_of(keys, header.kid.as_deref()).ok_or(Doubt::UnknownKey)?;
    let said = jwk.common.key_algorithm.map(|algorithm| algorithm.to_string());
    if said.is_some_and(|said| said != format!("{:?}", header.alg)) {
        return Err(Doubt::Other("its key is for another algorithm"));
    }
    let key = DecodingKey::from_jwk(jwk).map_err(|_| Doubt::Other("its key is not understood"))?;
    let mut validation = Validation::new(header.alg);
    validation.set_issuer(&[expected.issuer]);
    validation.set_audience(&[expected.client_id]);
    validation.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
    // The time is given in.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    let claims = decode::<Claims>(token, &key, &validation)
        .map_err(|_| Doubt::Other("its signature, issuer or audience is not good"))?
        .claims;
    check(&claims, expected).map_err(Doubt::Other)?;
    let email_verified = match claims.email_verified {
        Some(Verified::Truth(verified)) => verified,
        Some(Verified::Text(text)) => text == "true",
        None => false,
    };
    Ok(IdClaims { subject: claims.sub, email: claims.email, email_verified })
}

fn check(claims: &Claims, expected: Expected<'_>) -> Result<(), &'static str> {
    let now = expected.now.div_euclid(1_000_000);
    if claims.exp <= now - CLOCK_SKEW_S {
        return Err("it has expired");
    }
    if claims.nbf.unwrap_or(claims.iat).max(claims.iat) > now + CLOCK_SKEW_S {
        return Err("it is not good yet");
    }
    let others = match &claims.aud {
        Audience::One(only) => only != expected.client_id,
        Audience::Many(all) => all.iter().any(|each| each != expected.client_id),
    };
    let presented_by = claims.azp.as_deref();
    if presented_by.is_some_and(|azp| azp != expected.client_id) || (others && presented_by.is_none()) {
        return Err("it was made for somebody else");
    }
    let nonce = claims.nonce.as_deref().unwrap_or_default();
    if !bool::from(nonce.as_bytes().ct_eq(expected.nonce.as_bytes())) {
        return Err("its nonce is not ours");
    }
    if claims.sub.is_empty() || claims.sub.len() > LONGEST_SUBJECT || claims.sub.contains(char::is_control) {
        return Err("its subject is none");
    }
    Ok(())
}

fn key_of<'a>(keys: &'a JwkSet, id: Option<&str>) -> Option<&'a Jwk> {
    match (id, keys.keys.as_slice()) {
        (Some(id), _) => keys.find(id),
        (None, [only]) => Some(only),
        (None, _) => None,
    }
}
