//! Calls: placing, changing while they last, listing.

use crate::{
    Account, CallSid, Decimal, Method, NumberSid, Pages, TwilioError, date, number, retry::Repetition,
    text_enum::text_enum,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

text_enum! {
    /// How far a call has come. The last five are its end.
    CallStatus {
        /// Waits for its turn.
        Queued = "queued",
        /// Is being dialled.
        Initiated = "initiated",
        /// Rings.
        Ringing = "ringing",
        /// Was answered.
        InProgress = "in-progress",
        /// Is over.
        Completed = "completed",
        /// The other side is on the phone.
        Busy = "busy",
        /// Could not be connected.
        Failed = "failed",
        /// Nobody answered.
        NoAnswer = "no-answer",
        /// Was taken back before it was answered.
        Canceled = "canceled",
    }
}

text_enum! {
    /// Who answered, as far as the carrier can tell.
    AnsweredBy {
        /// A person.
        Human = "human",
        /// A machine that has begun to speak.
        MachineStart = "machine_start",
        /// A machine after its beep.
        MachineEndBeep = "machine_end_beep",
        /// A machine that has fallen silent.
        MachineEndSilence = "machine_end_silence",
        /// A machine that has ended in another way.
        MachineEndOther = "machine_end_other",
        /// A fax.
        Fax = "fax",
        /// Nobody can tell.
        Unknown = "unknown",
    }
}

/// When answering-machine detection decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum DetectionMode {
    /// As soon as it is known.
    Enable,
    /// A machine after its greeting, so that a message can be left.
    DetectMessageEnd,
}

/// Answering-machine detection; what is `None` is Twilio's default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MachineDetection {
    /// When it decides.
    #[serde(rename = "MachineDetection")]
    pub mode: DetectionMode,
    /// Longest wait, in s (3 to 59, 30).
    #[serde(rename = "MachineDetectionTimeout")]
    pub timeout_s: Option<u32>,
    /// Speech of a machine, in ms (1,000 to 6,000, 2,400).
    #[serde(rename = "MachineDetectionSpeechThreshold")]
    pub speech_ms: Option<u32>,
    /// Silence after speech, in ms (500 to 5,000, 1,200).
    #[serde(rename = "MachineDetectionSpeechEndThreshold")]
    pub speech_end_ms: Option<u32>,
    /// Silence at the start, in ms (2,000 to 10,000, 5,000).
    #[serde(rename = "MachineDetectionSilenceTimeout")]
    pub silence_ms: Option<u32>,
    /// Told while the TwiML goes on already; `None` decides before the TwiML is asked for, which costs the callee
    /// seconds of silence.
    #[serde(rename = "AsyncAmdStatusCallback")]
    pub callback: Option<String>,
    #[serde(rename = "AsyncAmd")]
    in_background: Option<bool>,
}

impl MachineDetection {
    /// With Twilio's own thresholds. `callback` is told in the background.
    #[must_use]
    pub fn new(mode: DetectionMode, callback: Option<String>) -> Self {
        let in_background = callback.is_some().then_some(true);
        Self {
            mode,
            timeout_s: None,
            speech_ms: None,
            speech_end_ms: None,
            silence_ms: None,
            callback,
            in_background,
        }
    }
}

/// A call to be placed. One of `url`, `twiml` and `application_sid` says what happens in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NewCall {
    /// Who is called: E.164, `client:…` or `sip:…`.
    pub to: String,
    /// As whom: a number of the account, or a verified one.
    pub from: String,
    /// Asked for TwiML once it is answered.
    pub url: Option<String>,
    /// How.
    pub method: Option<Method>,
    /// TwiML, at most 4,000 characters; its `action` addresses must be absolute.
    pub twiml: Option<String>,
    /// The application whose voice address is asked (`AP…`).
    pub application_sid: Option<String>,
    /// Asked when the other fails.
    pub fallback_url: Option<String>,
    /// Told how the call goes.
    pub status_callback: Option<String>,
    /// Of what: `initiated`, `ringing`, `answered`, `completed`. Empty: only `completed`.
    pub status_callback_event: Vec<String>,
    /// How.
    pub status_callback_method: Option<Method>,
    /// How long it rings, in s (60, at most 600).
    pub timeout: Option<u32>,
    /// Longest call, in s.
    pub time_limit: Option<u32>,
    /// Keys that are pressed once it is answered.
    pub send_digits: Option<String>,
    /// Whether Twilio records it.
    pub record: Option<bool>,
    /// `mono` or `dual`.
    pub recording_channels: Option<String>,
    /// Told how the recording goes.
    pub recording_status_callback: Option<String>,
    /// Why it is placed, shown to the callee where the carrier can.
    pub call_reason: Option<String>,
    /// Whether it is found out who answers.
    #[serde(flatten)]
    pub machine_detection: Option<MachineDetection>,
}

/// A change of a call that goes on. Exactly one of `url`, `twiml` and `status` is of use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CallUpdate {
    /// Asked for new TwiML at once.
    pub url: Option<String>,
    /// How.
    pub method: Option<Method>,
    /// New TwiML.
    pub twiml: Option<String>,
    /// `completed` hangs up; `canceled` takes back a call that was not answered.
    pub status: Option<CallStatus>,
    /// Told how the call goes.
    pub status_callback: Option<String>,
}

/// A call.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Call {
    /// Which.
    pub sid: CallSid,
    /// The call that it is a leg of.
    pub parent_call_sid: Option<CallSid>,
    /// Who is called.
    pub to: Option<String>,
    /// Who calls.
    pub from: Option<String>,
    /// The account's number in it.
    pub phone_number_sid: Option<NumberSid>,
    /// How far it has come.
    pub status: CallStatus,
    /// When it began.
    #[serde(default, deserialize_with = "date::optional")]
    pub start_time: Option<Timestamp>,
    /// When it ended.
    #[serde(default, deserialize_with = "date::optional")]
    pub end_time: Option<Timestamp>,
    /// Its length in s, once it is over.
    #[serde(default, deserialize_with = "number::optional")]
    pub duration: Option<u64>,
    /// What it cost, negative; `None` until Twilio knows, which takes minutes to hours.
    pub price: Option<Decimal>,
    /// ISO 4217, such as `USD`.
    pub price_unit: Option<String>,
    /// `inbound`, `outbound-api` or `outbound-dial`.
    pub direction: Option<String>,
    /// Who answered, if it was to be found out.
    pub answered_by: Option<AnsweredBy>,
    /// When it was asked for.
    #[serde(default, deserialize_with = "date::optional")]
    pub date_created: Option<Timestamp>,
}

/// Which calls are listed. Days are UTC, `YYYY-MM-DD`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CallFilter {
    /// Who was called.
    pub to: Option<String>,
    /// Who called.
    pub from: Option<String>,
    /// Legs of this call.
    pub parent_call_sid: Option<CallSid>,
    /// With this status.
    pub status: Option<CallStatus>,
    /// Begun on this day or later.
    #[serde(rename = "StartTime>")]
    pub started_on_or_after: Option<String>,
    /// Begun on this day or earlier.
    #[serde(rename = "StartTime<")]
    pub started_on_or_before: Option<String>,
}

impl Account {
    /// Places a call: somebody's phone rings. Prefer [`crate::reconcile::create_call_once`].
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub async fn create_call(&self, call: &NewCall) -> Result<Call, TwilioError> {
        let doing = "placing a call";
        let instructions = [&call.url, &call.twiml, &call.application_sid];
        if instructions.iter().filter(|way| way.is_some()).count() != 1 {
            let reason = "a call needs one of url, twiml and application_sid".to_owned();
            return Err(TwilioError::Invalid { doing, reason });
        }
        self.post(doing, self.url(&["Calls.json"]), Repetition::Doubles, call).await
    }

    /// One call.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub async fn fetch_call(&self, sid: &CallSid) -> Result<Call, TwilioError> {
        self.get("fetching a call", self.call_url(sid)).await
    }

    /// Changes a call while it goes on. 21220 if it is not in a state for it; [`TwilioError::is_gone`] if it is over
    /// long since.
    ///
    /// # Errors
    /// See [`TwilioError`]. An unknown outcome of new TwiML means that the callee may have heard it already.
    pub async fn update_call(&self, sid: &CallSid, update: &CallUpdate) -> Result<Call, TwilioError> {
        // Hanging up twice is hanging up; new TwiML twice is heard twice.
        let speaks = update.url.is_some() || update.twiml.is_some();
        let repetition = if speaks { Repetition::Doubles } else { Repetition::Harmless };
        self.post("changing a call", self.call_url(sid), repetition, update).await
    }

    /// Hangs up. A call that is over already is no error.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub async fn hang_up(&self, sid: &CallSid) -> Result<(), TwilioError> {
        let update = CallUpdate { status: Some(CallStatus::Completed), ..CallUpdate::default() };
        match self.update_call(sid, &update).await {
            Err(error) if !error.is_gone() && error.code() != Some(21220) => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// The account's calls, newest first.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub fn list_calls(&self, filter: &CallFilter) -> Result<Pages<Call>, TwilioError> {
        self.list("listing calls", self.url(&["Calls.json"]), "calls", filter)
    }

    pub(crate) fn call_url(&self, sid: &CallSid) -> url::Url {
        self.url(&["Calls", &format!("{sid}.json")])
    }
}
