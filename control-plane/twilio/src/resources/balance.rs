//! What is left on the account.

use crate::{Account, Decimal, TwilioError};
use serde::Deserialize;

/// What is left.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Balance {
    /// The amount; negative if it is overdrawn.
    pub balance: Decimal,
    /// ISO 4217, such as `USD`.
    pub currency: String,
}

impl Account {
    /// What is left on this account. Subaccounts have none of their own: Twilio bills the parent.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub async fn fetch_balance(&self) -> Result<Balance, TwilioError> {
        self.get("fetching the balance", self.url(&["Balance.json"])).await
    }
}
