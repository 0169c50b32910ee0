//! As whom Twilio is asked.

use crate::{AccountSid, KeySid};
use engine::provider::Secret;

/// A name and a password for HTTP Basic. Its `Debug` shows no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// The account itself, with its auth token. May do everything, with its subaccounts too.
    AuthToken {
        /// The account.
        account_sid: AccountSid,
        /// Its token.
        auth_token: Secret,
    },
    /// An API key of the account. A standard key may not touch accounts and keys.
    ApiKey {
        /// The account that the key belongs to.
        account_sid: AccountSid,
        /// The key.
        key_sid: KeySid,
        /// Its secret.
        secret: Secret,
    },
}

impl Credentials {
    /// The account that they belong to.
    #[must_use]
    pub fn account_sid(&self) -> &AccountSid {
        match self {
            Self::AuthToken { account_sid, .. } | Self::ApiKey { account_sid, .. } => account_sid,
        }
    }

    pub(crate) fn user(&self) -> &str {
        match self {
            Self::AuthToken { account_sid, .. } => account_sid.as_str(),
            Self::ApiKey { key_sid, .. } => key_sid.as_str(),
        }
    }

    pub(crate) fn secret(&self) -> &Secret {
        match self {
            Self::AuthToken { auth_token: secret, .. } | Self::ApiKey { secret, .. } => secret,
        }
    }
}
