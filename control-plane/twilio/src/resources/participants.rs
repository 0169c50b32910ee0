//! Who is in a conference.

use crate::{
    Account, CallSid, ConferenceSid, Method, Pages, TwilioError, retry::Repetition, text_enum::text_enum,
};
use serde::{Deserialize, Serialize};

text_enum! {
    /// How far a participant has come.
    ParticipantStatus {
        /// Waits to be called.
        Queued = "queued",
        /// Is being called.
        Connecting = "connecting",
        /// Rings.
        Ringing = "ringing",
        /// Is in.
        Connected = "connected",
        /// Has left.
        Complete = "complete",
        /// Could not be called.
        Failed = "failed",
    }
}

/// Somebody in a conference.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Participant {
    /// Whose call.
    pub call_sid: CallSid,
    /// A name that was given.
    pub label: Option<String>,
    /// The conference.
    pub conference_sid: ConferenceSid,
    /// Is not heard.
    pub muted: bool,
    /// Hears and is heard by nobody.
    pub hold: bool,
    /// Is heard by one participant only.
    #[serde(default)]
    pub coaching: bool,
    /// By whom.
    pub call_sid_to_coach: Option<CallSid>,
    /// How far it has come.
    pub status: ParticipantStatus,
}

/// Somebody to be called into a conference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NewParticipant {
    /// As whom.
    pub from: String,
    /// Who.
    pub to: String,
    /// A name, unique in the conference.
    pub label: Option<String>,
    /// How long it rings, in s.
    pub timeout: Option<u32>,
    /// Whether they are heard.
    pub muted: Option<bool>,
    /// Whether the conference starts with them.
    pub start_conference_on_enter: Option<bool>,
    /// Whether the conference ends with them.
    pub end_conference_on_exit: Option<bool>,
    /// Heard by this participant only.
    pub coaching: Option<bool>,
    /// Which one.
    pub call_sid_to_coach: Option<CallSid>,
    /// Told how the call goes.
    pub status_callback: Option<String>,
    /// Of what.
    pub status_callback_event: Vec<String>,
    /// Told what happens in the conference.
    pub conference_status_callback: Option<String>,
    /// Of what.
    pub conference_status_callback_event: Vec<String>,
}

/// A change of somebody in a conference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ParticipantUpdate {
    /// Whether they are heard.
    pub muted: Option<bool>,
    /// Whether they wait.
    pub hold: Option<bool>,
    /// What they hear meanwhile.
    pub hold_url: Option<String>,
    /// How.
    pub hold_method: Option<Method>,
    /// Played to them alone.
    pub announce_url: Option<String>,
    /// Whether they are heard by one participant only.
    pub coaching: Option<bool>,
    /// By whom.
    pub call_sid_to_coach: Option<CallSid>,
    /// Whether the conference ends with them.
    pub end_conference_on_exit: Option<bool>,
}

/// Somebody in a conference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParticipantId {
    /// By their call.
    Call(CallSid),
    /// By the name that was given.
    Label(String),
}

#[derive(Serialize)]
struct NoFilter {}

impl Account {
    /// Calls somebody into a conference, named by its SID or its name; it is made if there is none of that name.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub async fn create_participant(
        &self,
        conference: &str,
        participant: &NewParticipant,
    ) -> Result<Participant, TwilioError> {
        let url = self.url(&["Conferences", conference, "Participants.json"]);
        self.post("calling a participant", url, Repetition::Doubles, participant).await
    }

    /// One participant.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub async fn fetch_participant(
        &self,
        conference: &ConferenceSid,
        participant: &ParticipantId,
    ) -> Result<Participant, TwilioError> {
        self.get("fetching a participant", self.participant_url(conference, participant)).await
    }

    /// Changes a participant.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub async fn update_participant(
        &self,
        conference: &ConferenceSid,
        participant: &ParticipantId,
        update: &ParticipantUpdate,
    ) -> Result<Participant, TwilioError> {
        let announces = update.announce_url.is_some();
        let repetition = if announces { Repetition::Doubles } else { Repetition::Harmless };
        let url = self.participant_url(conference, participant);
        self.post("changing a participant", url, repetition, update).await
    }

    /// Sends a participant home.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub async fn remove_participant(
        &self,
        conference: &ConferenceSid,
        participant: &ParticipantId,
    ) -> Result<(), TwilioError> {
        self.delete("removing a participant", self.participant_url(conference, participant)).await
    }

    /// Everybody in a conference.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub fn list_participants(&self, conference: &ConferenceSid) -> Result<Pages<Participant>, TwilioError> {
        let url = self.url(&["Conferences", conference.as_str(), "Participants.json"]);
        self.list("listing participants", url, "participants", &NoFilter {})
    }

    fn participant_url(&self, conference: &ConferenceSid, participant: &ParticipantId) -> url::Url {
        let which = match participant {
            ParticipantId::Call(sid) => format!("{sid}.json"),
            ParticipantId::Label(label) => format!("{label}.json"),
        };
        self.url(&["Conferences", conference.as_str(), "Participants", &which])
    }
}
