//! API keys. Only an account's auth token may touch them.

use crate::{Account, KeySid, Pages, TwilioError, date, retry::Repetition};
use engine::provider::Secret;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A key as it is listed: its secret is never shown again.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Key {
    /// Which.
    pub sid: KeySid,
    /// For people.
    pub friendly_name: String,
    /// When it was made.
    #[serde(default, deserialize_with = "date::optional")]
    pub date_created: Option<Timestamp>,
}

/// A key that was just made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct NewKey {
    /// Which.
    pub sid: KeySid,
    /// For people.
    pub friendly_name: String,
    /// Shown this once.
    pub secret: Secret,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Settings<'a> {
    friendly_name: &'a str,
}

#[derive(Serialize)]
struct NoFilter {}

impl Account {
    /// Makes a key; its secret is in the answer and nowhere else.
    ///
    /// # Errors
    /// See [`TwilioError`]; an unknown outcome is for [`crate::reconcile`].
    pub async fn create_key(&self, friendly_name: &str) -> Result<NewKey, TwilioError> {
        let url = self.url(&["Keys.json"]);
        self.post("creating an API key", url, Repetition::Doubles, &Settings { friendly_name }).await
    }

    /// One key.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub async fn fetch_key(&self, sid: &KeySid) -> Result<Key, TwilioError> {
        self.get("fetching an API key", self.url(&["Keys", &format!("{sid}.json")])).await
    }

    /// Deletes a key: what was signed with it is worthless from then on.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub async fn delete_key(&self, sid: &KeySid) -> Result<(), TwilioError> {
        self.delete("deleting an API key", self.url(&["Keys", &format!("{sid}.json")])).await
    }

    /// All keys.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub fn list_keys(&self) -> Result<Pages<Key>, TwilioError> {
        self.list("listing API keys", self.url(&["Keys.json"]), "keys", &NoFilter {})
    }
}
