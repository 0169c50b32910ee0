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
    /// Another one has the name, number or address that must be had only once. It does not say who.
    #[error("there is such a {what} already")]
    Taken {
        /// What it is.
        what: &'static str,
    },
    /// There is no such thing, or it is another tenant's.
    #[error("there is no such {what}")]
    Missing {
        /// What was looked for.
        what: &'static str,
    },
    /// It was changed since it was read; it has to be read again.
    #[error("the {what} was changed meanwhile")]
    Stale {
        /// What was changed.
        what: &'static str,
    },
    /// What is to be written cannot be stored, now or later.
    #[error("{what} cannot be stored: {why}")]
    Invalid {
        /// What it is.
        what: &'static str,
        /// Why.
        why: String,
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
    /// A stored document is not one that this version reads.
    #[error("the stored {what} cannot be read by this version")]
    Unreadable {
        /// What the document is.
        what: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

impl StoreError {
    /// Whether the same request may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}
