//! Accounts and subaccounts. Only an account's auth token may touch them.

use crate::{Account, AccountSid, Pages, TwilioError, date, retry::Repetition, text_enum::text_enum};
use engine::provider::Secret;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

text_enum! {
    /// Whether an account may be used.
    AccountStatus {
        /// It may.
        Active = "active",
        /// Its calls and messages are refused; it keeps its numbers.
        Suspended = "suspended",
        /// For good: its numbers are released.
        Closed = "closed",
    }
}

/// An account or subaccount.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct AccountDetails {
    /// Which.
    pub sid: AccountSid,
    /// Signs its webhooks and opens it; the parent sees it.
    pub auth_token: Option<Secret>,
    /// The parent; of a parent, itself.
    pub owner_account_sid: Option<AccountSid>,
    /// For people.
    pub friendly_name: String,
    /// Whether it may be used.
    pub status: AccountStatus,
    /// `Full` or `Trial`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// When it was made.
    #[serde(default, deserialize_with = "date::optional")]
    pub date_created: Option<Timestamp>,
}

/// Which accounts are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AccountFilter {
    /// With exactly this name.
    pub friendly_name: Option<String>,
    /// With this status.
    pub status: Option<AccountStatus>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Change<'a> {
    friendly_name: Option<&'a str>,
    status: Option<&'a AccountStatus>,
}

impl Account {
    /// This account.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub async fn fetch_account(&self) -> Result<AccountDetails, TwilioError> {
        let url = self.api_url(&["Accounts", &format!("{}.json", self.sid())]);
        self.get("fetching an account", url).await
    }

    /// Makes a subaccount of this account.
    ///
    /// # Errors
    /// See [`TwilioError`]; an unknown outcome is for [`crate::reconcile`].
    pub async fn create_subaccount(&self, friendly_name: &str) -> Result<AccountDetails, TwilioError> {
        let change = Change { friendly_name: Some(friendly_name), status: None };
        let url = self.api_url(&["Accounts.json"]);
        self.post("creating a subaccount", url, Repetition::Doubles, &change).await
    }

    /// Suspends, opens again or closes a subaccount; closing is final and releases its numbers.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub async fn set_account_status(
        &self,
        sid: &AccountSid,
        status: &AccountStatus,
    ) -> Result<AccountDetails, TwilioError> {
        let change = Change { friendly_name: None, status: Some(status) };
        let url = self.api_url(&["Accounts", &format!("{sid}.json")]);
        self.post("changing an account's status", url, Repetition::Harmless, &change).await
    }

    /// This account and its subaccounts.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub fn list_accounts(&self, filter: &AccountFilter) -> Result<Pages<AccountDetails>, TwilioError> {
        self.list("listing accounts", self.api_url(&["Accounts.json"]), "accounts", filter)
    }
}
