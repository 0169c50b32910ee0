//! How a message is signed: Standard Webhooks 1.0.0, symmetric. Pure: secrets and time are given in.

use base64_simd::STANDARD;
use engine::provider::Secret;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::ops::RangeInclusive;
use zeroize::Zeroizing;

/// Begins every secret, so that one that leaks is recognised.
pub const PREFIX: &str = "whsec_";
/// Bytes that a secret may have (section "Signature scheme": 192 to 512 bits).
const BYTES: RangeInclusive<usize> = 24..=64;
/// Bytes of a secret that we make.
const OURS: usize = 32;

/// The text is no secret of the form `whsec_` and 24 to 64 bytes of base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a secret of the form whsec_ and 24 to 64 bytes of base64")]
pub struct NotASecret;

/// A new secret: `whsec_` and 32 random bytes.
#[must_use]
pub fn new_secret() -> Secret {
    let bytes = Zeroizing::new(rand::random::<[u8; OURS]>());
    Secret::new(&format!("{PREFIX}{}", STANDARD.encode_to_string(bytes.as_slice())))
}

/// The `webhook-signature` of a message: one signature for each secret, the newest first.
///
/// # Errors
/// [`NotASecret`] if one of them is none.
pub fn sign(id: &str, timestamp_s: i64, body: &[u8], secrets: &[Secret]) -> Result<String, NotASecret> {
    let mut signatures = Vec::with_capacity(secrets.len());
    for secret in secrets {
        let key = key_of(secret)?;
        #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
        let mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key of any length");
        let mac = mac.chain_update(format!("{id}.{timestamp_s}.")).chain_update(body);
        signatures.push(format!("v1,{}", STANDARD.encode_to_string(mac.finalize().into_bytes())));
    }
    Ok(signatures.join(" "))
}

fn key_of(secret: &Secret) -> Result<Zeroizing<Vec<u8>>, NotASecret> {
    let text = secret.reveal().strip_prefix(PREFIX).ok_or(NotASecret)?;
    let key = STANDARD.decode_to_vec(text).map(Zeroizing::new).map_err(|_| NotASecret)?;
    if BYTES.contains(&key.len()) { Ok(key) } else { Err(NotASecret) }
}

#[cfg(test)]
mod tests;
