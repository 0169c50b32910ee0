//! Why an order was not taken or carried out.

use store::StoreError;
use twilio_rest::{SidError, TwilioError};
use vault::VaultError;

/// Why an order was not taken or carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProvisionError {
    /// The store did not do it.
    #[error("the store did not do it")]
    Store(#[from] StoreError),
    /// A credential could not be sealed or opened.
    #[error("a credential could not be sealed or opened")]
    Vault(#[from] VaultError),
    /// The carrier did not do it.
    #[error(transparent)]
    Carrier(#[from] TwilioError),
    /// A stored id is none of the carrier's.
    #[error("a stored id is not one of the carrier's")]
    Sid(#[from] SidError),
    /// There is no account of the platform in which subaccounts could be made.
    #[error("no platform account is set up, so no subaccount can be made")]
    NoPlatformAccount,
    /// The tenant has no account at the carrier that can be used for this.
    #[error("the tenant has no {0} at the carrier")]
    NotSetUp(&'static str),
    /// The number is being bought or given back, or is in use.
    #[error("the number is in use, or is being set up")]
    NumberInUse,
    /// What is asked for cannot be done in this state.
    #[error("{0}")]
    Refused(&'static str),
    /// A job was written by another version.
    #[error("the job cannot be read by this version")]
    Unreadable(#[source] serde_json::Error),
}
