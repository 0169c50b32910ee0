//! Why an object could not be kept, read or deleted.

use std::{io, path::PathBuf};

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectError {
    /// There is no such object.
    #[error("there is no such object")]
    Missing,
    /// The file is not what it was measured to be: it is still being written, or the disk is at fault.
    #[error("{path} is not what it was measured to be")]
    Changed {
        /// Which.
        path: PathBuf,
    },
    /// A file could not be read, written or removed.
    #[error("failed to {doing} {path}")]
    File {
        /// What was being done.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The store did not answer, or cannot serve now.
    #[error("{doing}: the object store did not serve: {cause}")]
    Unavailable {
        /// What was being done.
        doing: &'static str,
        /// Why, as far as is known; no secrets.
        cause: String,
    },
    /// The store refused; the same request will be refused again until somebody changes something.
    #[error("{doing}: the object store refused (HTTP {status} {code})")]
    Refused {
        /// What was being done.
        doing: &'static str,
        /// HTTP status.
        status: u16,
        /// The store's word for it, such as `AccessDenied`.
        code: String,
    },
    /// The link cannot be made.
    #[error("the link cannot be made: {0}")]
    Link(&'static str),
}

impl ObjectError {
    /// Whether the same request may succeed later without anybody changing anything.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable { .. } | Self::File { .. } | Self::Changed { .. } => true,
            Self::Missing | Self::Refused { .. } | Self::Link(_) => false,
        }
    }
}
