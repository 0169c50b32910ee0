//! Seals bytes under a key so that they open only with the same key and the same associated data.

use crate::VaultError;
use base64_simd::STANDARD;
use chacha20poly1305::{AeadInOut, KeyInit, XChaCha20Poly1305, XNonce};
use rand::{TryRng, rngs::SysRng};
use std::fmt;
use zeroize::Zeroizing;

/// Bytes of a key.
pub(crate) const KEY_BYTES: usize = 32;
/// Bytes of a nonce: long enough to be random without ever meeting the same one twice.
const NONCE_BYTES: usize = 24;
/// The form of what is sealed: this byte, the nonce, the ciphertext with its tag.
const FORMAT: u8 = 1;

/// A key, wiped from memory when it is let go of.
#[derive(Clone)]
pub(crate) struct Key(Zeroizing<[u8; KEY_BYTES]>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// A new one, from the operating system's random numbers.
    pub(crate) fn random() -> Result<Self, VaultError> {
        let mut key = Self(Zeroizing::new([0; KEY_BYTES]));
        SysRng.try_fill_bytes(&mut key.0[..]).map_err(VaultError::NoRandomNumbers)?;
        Ok(key)
    }

    /// A key of these bytes; `None` if they are not as many as a key has.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut key = Self(Zeroizing::new([0; KEY_BYTES]));
        if bytes.len() != KEY_BYTES {
            return None;
        }
        key.0.copy_from_slice(bytes);
        Some(key)
    }

    /// The key itself.
    pub(crate) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.0).into())
    }

    /// Seals `plain`, bound to `associated`; base64.
    pub(crate) fn seal(&self, associated: &[u8], plain: &[u8]) -> Result<String, VaultError> {
        let mut nonce = [0; NONCE_BYTES];
        SysRng.try_fill_bytes(&mut nonce).map_err(VaultError::NoRandomNumbers)?;
        // In one piece from the start, so that no copy of the plaintext is left behind by growing.
        let mut sealed = Vec::with_capacity(1 + NONCE_BYTES + plain.len() + TAG_BYTES);
        sealed.push(FORMAT);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let tag = self
            .cipher()
            .encrypt_inout_detached(&XNonce::from(nonce), associated, (&mut sealed[1 + NONCE_BYTES..]).into())
            .map_err(|chacha20poly1305::Error| VaultError::TooLong)?;
        sealed.extend_from_slice(&tag);
        Ok(STANDARD.encode_to_string(sealed))
    }

    /// Opens what [`Self::seal`] gave; `None` if it was changed, or sealed with another key or bound to something else.
    pub(crate) fn open(&self, associated: &[u8], sealed: &str) -> Option<Zeroizing<Vec<u8>>> {
        let sealed = STANDARD.decode_to_vec(sealed).ok()?;
        let sealed = sealed.strip_prefix(&[FORMAT])?;
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let mut plain = Zeroizing::new(sealed.to_vec());
        self.cipher().decrypt_in_place(&XNonce::from(*nonce), associated, &mut *plain).ok()?;
        Some(plain)
    }
}

/// Bytes of a Poly1305 tag.
const TAG_BYTES: usize = 16;

/// Associated data of several texts: each with its length before it, so that no two lists give the same bytes.
pub(crate) fn associated_data(purpose: &str, texts: &[&str]) -> Vec<u8> {
    let mut data = Vec::new();
    for text in std::iter::once(&purpose).chain(texts) {
        // Lengths of texts in memory fit 64 bits.
        data.extend_from_slice(&(text.len() as u64).to_le_bytes());
        data.extend_from_slice(text.as_bytes());
    }
    data
}

#[cfg(test)]
mod tests;
