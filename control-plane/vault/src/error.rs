//! Why a secret was not sealed or opened.

use crate::{KekId, Place};
use store::{StoreError, ids::DataKeyId};

/// Why a secret was not sealed or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The store did not serve.
    #[error("the store did not serve the vault")]
    Store(#[from] StoreError),
    /// The data key is wrapped with a key that this node was not given.
    #[error(
        "data key {data_key} is wrapped with key-encryption key {kek}, which is not among this node's keys \
         (secrets.keys, or the key file)"
    )]
    UnknownKek {
        /// The data key.
        data_key: DataKeyId,
        /// What it is wrapped with.
        kek: KekId,
    },
    /// The data key does not open with the key that it names: its row was changed, or is another tenant's.
    #[error("data key {data_key} was changed or moved and does not open")]
    DamagedDataKey {
        /// The data key.
        data_key: DataKeyId,
    },
    /// The tenant has no data key with this id.
    #[error("the tenant has no data key {data_key}")]
    UnknownDataKey {
        /// The data key.
        data_key: DataKeyId,
    },
    /// The secret was changed, or sealed for another place or tenant.
    #[error("the secret {} of {} {} was changed, or sealed for another place", place.field, place.table, place.id)]
    DoesNotOpen {
        /// Where it was to be opened.
        place: Place,
    },
    /// The secret is longer than the cipher takes (256 GB).
    #[error("the secret is too long to be sealed")]
    TooLong,
    /// The operating system gave no random numbers.
    #[error("the operating system gave no random numbers")]
    NoRandomNumbers(#[source] rand::rngs::SysError),
}

impl VaultError {
    /// Whether the same request may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Store(error) => error.is_retryable(),
            Self::UnknownKek { .. }
            | Self::DamagedDataKey { .. }
            | Self::UnknownDataKey { .. }
            | Self::DoesNotOpen { .. }
            | Self::TooLong
            | Self::NoRandomNumbers(_) => false,
        }
    }
}
