//! Twilio's own recordings of calls and conferences.

use crate::{
    Account, CallSid, ConferenceSid, Decimal, Media, Method, Pages, RecordingSid, TwilioError, date, number,
    retry::Repetition, text_enum::text_enum,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

text_enum! {
    /// How far a recording has come.
    RecordingStatus {
        /// It runs.
        InProgress = "in-progress",
        /// It was paused.
        Paused = "paused",
        /// It was stopped and will be processed.
        Stopped = "stopped",
        /// It is being processed.
        Processing = "processing",
        /// Its media can be fetched.
        Completed = "completed",
        /// Nothing was recorded.
        Absent = "absent",
        /// Its media is gone.
        Deleted = "deleted",
    }
}

/// A recording.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Recording {
    /// Which.
    pub sid: RecordingSid,
    /// Of which call.
    pub call_sid: Option<CallSid>,
    /// Of which conference.
    pub conference_sid: Option<ConferenceSid>,
    /// How far it has come.
    pub status: RecordingStatus,
    /// Its length in s; `None` while it runs.
    #[serde(default, deserialize_with = "number::optional")]
    pub duration: Option<u64>,
    /// 1 or 2.
    #[serde(default, deserialize_with = "number::optional")]
    pub channels: Option<u64>,
    /// What started it.
    pub source: Option<String>,
    /// What it cost, negative.
    pub price: Option<Decimal>,
    /// ISO 4217.
    pub price_unit: Option<String>,
    /// When it began.
    #[serde(default, deserialize_with = "date::optional")]
    pub start_time: Option<Timestamp>,
    /// When it was made.
    #[serde(default, deserialize_with = "date::optional")]
    pub date_created: Option<Timestamp>,
}

/// Which recordings are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RecordingFilter {
    /// Of this call.
    pub call_sid: Option<CallSid>,
    /// Of this conference.
    pub conference_sid: Option<ConferenceSid>,
    /// Made on this day (UTC, `YYYY-MM-DD`) or later.
    #[serde(rename = "DateCreated>")]
    pub created_on_or_after: Option<String>,
}

/// A recording to be started on a call that goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NewRecording {
    /// `mono` (Twilio's default here) or `dual`.
    pub recording_channels: Option<String>,
    /// `inbound`, `outbound` or `both`.
    pub recording_track: Option<String>,
    /// `trim-silence` or `do-not-trim`.
    pub trim: Option<String>,
    /// Told how it goes.
    pub recording_status_callback: Option<String>,
    /// Of what: `in-progress completed absent`.
    pub recording_status_callback_event: Vec<String>,
    /// How.
    pub recording_status_callback_method: Option<Method>,
}

/// Pauses, goes on or stops.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RecordingUpdate {
    /// `paused`, `in-progress` or `stopped`.
    pub status: RecordingStatus,
    /// `skip` or `silence`: what the pause leaves in the recording.
    pub pause_behavior: Option<String>,
}

/// A recording of a call that goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordingId {
    /// The one that runs.
    Current,
    /// This one.
    Sid(RecordingSid),
}

/// What media is fetched as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaFormat {
    /// WAV, 16 bit, 8 kHz.
    Wav,
    /// MP3.
    Mp3,
}

impl Account {
    /// One recording.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub async fn fetch_recording(&self, sid: &RecordingSid) -> Result<Recording, TwilioError> {
        self.get("fetching a recording", self.url(&["Recordings", &format!("{sid}.json")])).await
    }

    /// The account's recordings.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub fn list_recordings(&self, filter: &RecordingFilter) -> Result<Pages<Recording>, TwilioError> {
        self.list("listing recordings", self.url(&["Recordings.json"]), "recordings", filter)
    }

    /// Starts to record a call that goes on. Refused (21220) if it does not, and on some calls inside `<Connect>`.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub async fn start_recording(
        &self,
        call: &CallSid,
        recording: &NewRecording,
    ) -> Result<Recording, TwilioError> {
        let url = self.url(&["Calls", call.as_str(), "Recordings.json"]);
        self.post("starting a recording", url, Repetition::Doubles, recording).await
    }

    /// Pauses, goes on with, or stops a recording.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub async fn update_recording(
        &self,
        call: &CallSid,
        recording: &RecordingId,
        update: &RecordingUpdate,
    ) -> Result<Recording, TwilioError> {
        let which = match recording {
            RecordingId::Current => "Twilio.CURRENT.json".to_owned(),
            RecordingId::Sid(sid) => format!("{sid}.json"),
        };
        let url = self.url(&["Calls", call.as_str(), "Recordings", &which]);
        self.post("changing a recording", url, Repetition::Harmless, update).await
    }

    /// Opens the media of a recording; `two_channels` keeps both sides apart where they were recorded so.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub async fn recording_media(
        &self,
        sid: &RecordingSid,
        format: MediaFormat,
        two_channels: bool,
    ) -> Result<Media, TwilioError> {
        let extension = match format {
            MediaFormat::Wav => "wav",
            MediaFormat::Mp3 => "mp3",
        };
        let mut url = self.url(&["Recordings", &format!("{sid}.{extension}")]);
        if two_channels {
            url.set_query(Some("RequestedChannels=2"));
        }
        self.media("downloading a recording", url).await
    }

    /// Deletes a recording at Twilio, for good.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub async fn delete_recording(&self, sid: &RecordingSid) -> Result<(), TwilioError> {
        self.delete("deleting a recording", self.url(&["Recordings", &format!("{sid}.json")])).await
    }
}
