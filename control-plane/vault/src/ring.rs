//! Key-encryption keys: one that wraps, and those before it that only open.

use crate::{VaultError, aead::Key, aead::associated_data};
use base64_simd::STANDARD;
use engine::provider::Secret;
use sha2::{Digest, Sha256};
use std::{
    collections::HashSet,
    fmt::{self, Write as _},
};
use store::{
    TenantId,
    ids::DataKeyId,
    model::account::{DataKey, DataKeyStatus},
};
use zeroize::Zeroizing;

/// Names a key-encryption key: `kek_` and the beginning of a hash of it, so that a key cannot be given under another's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KekId(String);

/// Bytes of the hash that are in the name: enough to tell keys apart.
const ID_BYTES: usize = 8;

impl KekId {
    fn of(key: &Key) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"tandem key-encryption key id\0");
        hash.update(key.bytes());
        let mut text = "kek_".to_owned();
        for byte in &hash.finalize()[..ID_BYTES] {
            #[expect(clippy::expect_used, reason = "writing to a string cannot fail")]
            write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        }
        Self(text)
    }

    pub(crate) fn known(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KekId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why there is no ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRingError {
    /// There is no key.
    #[error("there is no key")]
    Empty,
    /// A key, counted from 1, is not 32 bytes of base64.
    #[error("key {0} is not 32 bytes of base64 (`tandem keys new` makes one)")]
    NotAKey(usize),
    /// A key, counted from 1, is there twice.
    #[error("key {0} is there twice")]
    Twice(usize),
}

/// Key-encryption keys. The last one given wraps; all of them open.
#[derive(Clone, Debug)]
pub struct KeyRing {
    active: KekId,
    keys: Vec<(KekId, Key)>,
}

/// A new key-encryption key: 32 random bytes as base64.
///
/// # Errors
/// [`VaultError::NoRandomNumbers`].
pub fn new_key() -> Result<Secret, VaultError> {
    Ok(Secret::new(&STANDARD.encode_to_string(Key::random()?.bytes())))
}

impl KeyRing {
    /// The ring of these keys, each 32 bytes as base64; the last one wraps.
    ///
    /// # Errors
    /// [`KeyRingError`].
    pub fn new(keys: &[Secret]) -> Result<Self, KeyRingError> {
        let mut seen = HashSet::new();
        let mut ring = Vec::with_capacity(keys.len());
        for (index, text) in keys.iter().enumerate() {
            let bytes = STANDARD
                .decode_to_vec(text.reveal().trim())
                .map(zeroize::Zeroizing::new)
                .map_err(|_| KeyRingError::NotAKey(index + 1))?;
            let key = Key::from_bytes(&bytes).ok_or(KeyRingError::NotAKey(index + 1))?;
            let id = KekId::of(&key);
            if !seen.insert(id.clone()) {
                return Err(KeyRingError::Twice(index + 1));
            }
            ring.push((id, key));
        }
        let (active, _) = ring.last().ok_or(KeyRingError::Empty)?;
        Ok(Self { active: active.clone(), keys: ring })
    }

    /// The key that wraps.
    #[must_use]
    pub fn active(&self) -> &KekId {
        &self.active
    }

    /// All keys, as given.
    pub fn ids(&self) -> impl Iterator<Item = &KekId> {
        self.keys.iter().map(|(id, _)| id)
    }

    /// 32 bytes for another end than wrapping, from each key, the active one's first. Different labels give different ones, and none
    /// tells anything of the key.
    #[must_use]
    pub fn derive(&self, label: &str) -> Vec<(KekId, Zeroizing<[u8; 32]>)> {
        let derived = |(id, key): &(KekId, Key)| {
            let mut hash = Sha256::new();
            hash.update(b"tandem derived key\0");
            hash.update(label.as_bytes());
            hash.update(b"\0");
            hash.update(key.bytes());
            (id.clone(), Zeroizing::new(hash.finalize().into()))
        };
        // The active key is the last.
        self.keys.iter().rev().map(derived).collect()
    }

    fn key(&self, id: &str) -> Option<&Key> {
        self.keys.iter().find(|(known, _)| known.as_str() == id).map(|(_, key)| key)
    }

    /// The row of a data key.
    pub(crate) fn wrap(
        &self,
        tenant: &TenantId,
        id: &DataKeyId,
        key: &Key,
        status: DataKeyStatus,
    ) -> Result<DataKey, VaultError> {
        #[expect(clippy::expect_used, reason = "the active key is one of the ring's")]
        let kek = self.key(self.active.as_str()).expect("the active key is one of the ring's");
        let wrapped = kek.seal(&bind(tenant, id), key.bytes())?;
        Ok(DataKey { wrapped_with: self.active.as_str().to_owned(), wrapped, status })
    }

    /// The data key of a row.
    pub(crate) fn unwrap(&self, tenant: &TenantId, id: &DataKeyId, row: &DataKey) -> Result<Key, VaultError> {
        let kek = self.key(&row.wrapped_with).ok_or_else(|| VaultError::UnknownKek {
            data_key: id.clone(),
            kek: KekId::known(&row.wrapped_with),
        })?;
        kek.open(&bind(tenant, id), &row.wrapped)
            .and_then(|bytes| Key::from_bytes(&bytes))
            .ok_or_else(|| VaultError::DamagedDataKey { data_key: id.clone() })
    }
}

/// What a wrapped data key is bound to.
fn bind(tenant: &TenantId, id: &DataKeyId) -> Vec<u8> {
    associated_data("tandem data key", &[tenant.as_str(), id.as_str()])
}

#[cfg(test)]
mod tests;
