//! The keys that protect stored credentials.

use super::Config;
use engine::provider::Secret;
use serde::Deserialize;
use std::path::PathBuf;
use vault::{KeyFileError, KeyRing, KeyRingError};

/// The keys that protect stored credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Secrets {
    /// Key-encryption keys, each 32 bytes as base64. The last one wraps; all of them open.
    pub keys: Vec<Secret>,
    /// A file with such keys, one a line, that somebody put there. Unset: `secrets.key` in [`Config::data_dir`], which the first
    /// start makes.
    pub key_file: Option<PathBuf>,
}

/// Why the keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// Those of the configuration are no keys.
    #[error("secrets.keys is of no use")]
    Keys(#[from] KeyRingError),
    /// Their file.
    #[error(transparent)]
    File(#[from] KeyFileError),
}

impl Config {
    /// The file that holds the keys, unless they stand in the configuration itself.
    #[must_use]
    pub fn key_file(&self) -> PathBuf {
        self.secrets.key_file.clone().unwrap_or_else(|| self.data_dir.join("secrets.key"))
    }

    /// The keys, for a server: its own file is made if it is not there.
    ///
    /// # Errors
    /// [`KeysError`].
    pub fn key_ring(&self) -> Result<KeyRing, KeysError> {
        if self.secrets.keys.is_empty() && self.secrets.key_file.is_none() {
            return Ok(KeyRing::read_or_create(&self.key_file())?);
        }
        self.known_key_ring()
    }

    /// The keys, for a tool: nothing is made.
    ///
    /// # Errors
    /// [`KeysError`].
    pub fn known_key_ring(&self) -> Result<KeyRing, KeysError> {
        if self.secrets.keys.is_empty() {
            return Ok(KeyRing::read(&self.key_file())?);
        }
        Ok(KeyRing::new(&self.secrets.keys)?)
    }
}
