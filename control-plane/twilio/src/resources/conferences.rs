//! Conferences. Their names are account-wide.

use crate::{
    Account, ConferenceSid, Method, Pages, TwilioError, date, retry::Repetition, text_enum::text_enum,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

text_enum! {
    /// How far a conference has come.
    ConferenceStatus {
        /// Nobody who starts it has come yet.
        Init = "init",
        /// It goes on.
        InProgress = "in-progress",
        /// It is over.
        Completed = "completed",
    }
}

/// A conference.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Conference {
    /// Which.
    pub sid: ConferenceSid,
    /// Its name.
    pub friendly_name: String,
    /// How far it has come.
    pub status: ConferenceStatus,
    /// Why it ended.
    pub reason_conference_ended: Option<String>,
    /// When it was made.
    #[serde(default, deserialize_with = "date::optional")]
    pub date_created: Option<Timestamp>,
}

/// Which conferences are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ConferenceFilter {
    /// With exactly this name.
    pub friendly_name: Option<String>,
    /// With this status.
    pub status: Option<ConferenceStatus>,
}

/// A change of a conference that goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ConferenceUpdate {
    /// `completed` sends everybody home.
    pub status: Option<ConferenceStatus>,
    /// Its TwiML or sound is played to everybody.
    pub announce_url: Option<String>,
    /// How.
    pub announce_method: Option<Method>,
}

impl Account {
    /// One conference.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub async fn fetch_conference(&self, sid: &ConferenceSid) -> Result<Conference, TwilioError> {
        self.get("fetching a conference", self.conference_url(sid)).await
    }

    /// Ends a conference or announces something in it.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub async fn update_conference(
        &self,
        sid: &ConferenceSid,
        update: &ConferenceUpdate,
    ) -> Result<Conference, TwilioError> {
        let announces = update.announce_url.is_some();
        let repetition = if announces { Repetition::Doubles } else { Repetition::Harmless };
        self.post("changing a conference", self.conference_url(sid), repetition, update).await
    }

    /// The account's conferences.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub fn list_conferences(&self, filter: &ConferenceFilter) -> Result<Pages<Conference>, TwilioError> {
        self.list("listing conferences", self.url(&["Conferences.json"]), "conferences", filter)
    }

    fn conference_url(&self, sid: &ConferenceSid) -> url::Url {
        self.url(&["Conferences", &format!("{sid}.json")])
    }
}
