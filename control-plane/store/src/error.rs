//! Why the store did not do it.

use std::error::Error;

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// What is to be written contradicts what is there; trying again changes nothing.
    #[error("{doing}: it contradicts what is stored")]
    Conflict {
        /// What was being done.
        doing: &'static str,
        /// What the database said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The database did not answer, or cannot write now; trying again may help.
    #[error("{doing}: the database did not serve")]
    Unavailable {
        /// What was being done.
        doing: &'static str,
        /// What the database said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// A stored value is not one that this version writes.
    #[error("the stored {what} {value:?} is not known to this version")]
    Unknown {
        /// What the value is.
        what: &'static str,
        /// The value.
        value: String,
    },
}

impl StoreError {
    /// Whether the same request may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable { .. } => true,
            Self::Conflict { .. } | Self::Unknown { .. } => false,
        }
    }
}
