//! Why somebody was not let in, or something about them not changed.

use crate::{
    openid::OpenIdError,
    password::{PasswordError, Unfit},
    token::TokenError,
};
use std::time::Duration;
use store::StoreError;
use vault::VaultError;

/// Why somebody was not let in, or something about them not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// What was shown does not prove who they are. It does not say what was wrong, nor whether there is such a user.
    #[error("this does not prove who you are")]
    Refused,
    /// Too many tries.
    #[error("too many tries, the next one is possible in {} s", wait.as_secs().max(1))]
    TooMany {
        /// How long to wait.
        wait: Duration,
    },
    /// Too many others sign in now.
    #[error("too many others sign in now")]
    Busy,
    /// The password cannot be taken.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// The email address is none.
    #[error("not an email address")]
    NotAnAddress,
    /// What was asked for is there already.
    #[error("there is such a {0} already")]
    Taken(&'static str),
    /// There is no such thing.
    #[error("there is no such {0}")]
    Missing(&'static str),
    /// It cannot be done as things are.
    #[error("{0}")]
    Impossible(&'static str),
    /// Whoever asks may not: they would give away more than they have.
    #[error("nobody gives away more than they have")]
    AboveOneself,
    /// The OpenID provider, or what it said.
    #[error("signing in with OpenID Connect failed")]
    OpenId(#[from] OpenIdError),
    /// The password could not be hashed.
    #[error("the password could not be checked")]
    Password(#[source] PasswordError),
    /// A token could not be made.
    #[error("a token could not be made")]
    Token(#[source] TokenError),
    /// The store did not serve.
    #[error("the store did not serve")]
    Store(#[from] StoreError),
    /// A secret did not open.
    #[error("a secret could not be sealed or opened")]
    Vault(#[from] VaultError),
}

impl From<PasswordError> for IdentityError {
    fn from(cause: PasswordError) -> Self {
        match cause {
            PasswordError::Busy => Self::Busy,
            PasswordError::Hash(_) | PasswordError::Unreadable(_) | PasswordError::CutOff(_) => {
                Self::Password(cause)
            }
        }
    }
}

impl From<TokenError> for IdentityError {
    fn from(cause: TokenError) -> Self {
        match cause {
            TokenError::Foreign | TokenError::Expired | TokenError::Early => Self::Refused,
            TokenError::Signing(_) => Self::Token(cause),
        }
    }
}

impl IdentityError {
    /// Whether the row was changed by another meanwhile, so that all is to be done once more.
    pub(crate) const fn is_stale(&self) -> bool {
        matches!(self, Self::Store(StoreError::Stale { .. }))
    }
}
