//! What is told of each event: the `data` of a message. Fields are added, and never taken away or given another meaning.

use serde::Serialize;
use utoipa::ToSchema;

/// A call came in or was placed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CallStartedEvent)]
pub struct CallStarted {
    /// `call_…`
    pub call_id: String,
    /// The carrier's id for it (`CA…`); `null` until it is placed.
    #[schema(required)]
    pub carrier_call_id: Option<String>,
    /// `inbound` or `outbound`.
    pub direction: String,
    /// Who calls, as the carrier gave it: not always a number.
    pub from: String,
    /// Who is called.
    pub to: String,
    /// How far it has come, as in `/v1/calls`.
    pub status: String,
}

/// A call is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CallEndedEvent)]
pub struct CallEnded {
    /// `call_…`
    pub call_id: String,
    /// The carrier's id for it (`CA…`).
    #[schema(required)]
    pub carrier_call_id: Option<String>,
    /// `inbound` or `outbound`.
    pub direction: String,
    /// Who called, as the carrier gave it: not always a number.
    pub from: String,
    /// Who was called.
    pub to: String,
    /// How it ended, as in `/v1/calls`.
    pub status: String,
    /// Why, where an assistant was in it.
    #[schema(required)]
    pub reason: Option<String>,
    /// RFC 3339.
    pub started_at: String,
    /// RFC 3339.
    pub ended_at: String,
    /// From the answer to the end, in s; `null`: nobody answered.
    #[schema(required)]
    pub duration_s: Option<i64>,
}

/// A recording can be heard: `/v1/recordings/{recording_id}/url` gives a link to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = RecordingReadyEvent)]
pub struct RecordingReady {
    /// `rec_…`
    pub recording_id: String,
    /// `call_…`
    pub call_id: String,
    /// Who made it: `tandem` or `carrier`.
    pub source: String,
    /// Such as `audio/ogg`.
    pub media_type: String,
    /// 1, or 2: caller and assistant apart.
    pub channels: i64,
    /// Its length, in ms.
    #[schema(required)]
    pub duration_ms: Option<i64>,
    /// Its size.
    #[schema(required)]
    pub bytes: Option<i64>,
}

/// A caller left a message. What was said follows, if it is written down: `/v1/voicemails/{voicemail_id}` shows it then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = VoicemailReceivedEvent)]
pub struct VoicemailReceived {
    /// `vm_…`
    pub voicemail_id: String,
    /// `call_…`
    pub call_id: String,
    /// `num_…`, the number that was called.
    #[schema(required)]
    pub number_id: Option<String>,
    /// Who left it, as the carrier gave it: not always a number.
    pub from: String,
    /// Its length, in s.
    #[schema(required)]
    pub duration_s: Option<i64>,
    /// What was said, if that is known already.
    #[schema(required)]
    pub transcript: Option<String>,
}

/// A number was bought, or given back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = NumberOwnedEvent)]
pub struct NumberOwned {
    /// `num_…`
    pub number_id: String,
    /// E.164.
    pub e164: String,
    /// For people.
    pub name: String,
    /// The carrier's id for it (`PN…`).
    #[schema(required)]
    pub carrier_number_id: Option<String>,
}

/// What a number does was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = NumberChangedEvent)]
pub struct NumberChanged {
    /// `num_…`
    pub number_id: String,
    /// E.164.
    pub e164: String,
    /// For people.
    pub name: String,
    /// Whether its calls are answered, as in `/v1/numbers`.
    pub status: String,
    /// Whether it is the one to call from.
    pub primary: bool,
    /// What was changed, as the fields of `/v1/numbers` are called; `webhooks`: its calls come here now. Empty: it was added.
    pub changed: Vec<String>,
}

/// A provider of a tenant is in another state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = HealthEvent)]
pub struct HealthTold {
    /// Whose provider: `ten_…`.
    pub tenant_id: String,
    /// Such as `twilio`.
    pub provider: String,
    /// What it is about: an account (`acc_…`), or the provider's name.
    pub subject: String,
    /// `healthy`, `degraded` or `down`.
    pub status: String,
    /// The state before; `null`: it was never looked at.
    #[schema(required)]
    pub before: Option<String>,
    /// In words.
    pub message: String,
    /// Whether somebody must act.
    pub critical: bool,
    /// When it was looked at, RFC 3339.
    pub checked_at: String,
}

/// Something became of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = MessageEvent)]
pub struct MessageTold {
    /// `msg_…`.
    pub message_id: String,
    /// `cnv_…`; `null`: it is in none.
    #[schema(required)]
    pub conversation_id: Option<String>,
    /// How it was written, or sent last.
    pub channel: String,
    /// `inbound` or `outbound`.
    pub direction: String,
    /// The other's address.
    pub address: String,
    /// What became of it.
    pub status: String,
    /// Who carried it, such as `twilio`.
    #[schema(required)]
    pub provider: Option<String>,
    /// The carrier's id of it.
    #[schema(required)]
    pub provider_id: Option<String>,
    /// Why it reached nobody: the provider's code, or a word.
    #[schema(required)]
    pub error: Option<String>,
}

/// Something became of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ConversationEvent)]
pub struct ConversationTold {
    /// `cnv_…`.
    pub conversation_id: String,
    /// Who talks with the tenant; `null`: nobody who is known.
    #[schema(required)]
    pub contact_id: Option<String>,
    /// How it was written last.
    pub channel: String,
    /// Who answers: `assistant`, `operator` or `paused`.
    pub control: String,
    /// The operator, if one does.
    #[schema(required)]
    pub user_id: Option<String>,
    /// The message that it is about, if it is about one.
    #[schema(required)]
    pub message_id: Option<String>,
}

/// A share of a budget is spent, or all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = BudgetEvent)]
pub struct BudgetTold {
    /// Whose budget: `ten_…`.
    pub tenant_id: String,
    /// `bud_…`
    pub budget_id: String,
    /// For people.
    pub name: String,
    /// Of what kind of use; `null`: of everything.
    #[schema(required)]
    pub kind: Option<String>,
    /// The threshold that was reached, in percent of the limit.
    pub percent: u8,
    /// What is spent, a decimal number.
    pub spent: String,
    /// What may be spent, a decimal number.
    pub limit: String,
    /// ISO 4217.
    pub currency: String,
    /// Whether calls are refused beyond the limit.
    pub hard: bool,
    /// Start of the period, RFC 3339.
    pub period_start: String,
    /// Its end, RFC 3339.
    pub period_end: String,
}

/// Messages to an endpoint failed for too long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = EndpointDisabledEvent)]
pub struct EndpointDisabled {
    /// `whk_…`
    pub webhook_endpoint_id: String,
    /// Where it was.
    pub url: String,
    /// Since when all messages failed, RFC 3339.
    #[schema(required)]
    pub failing_since: Option<String>,
    /// In words.
    pub reason: String,
}

/// Somebody tries an endpoint out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = EndpointTestEvent)]
pub struct EndpointTest {
    /// `whk_…`
    pub webhook_endpoint_id: String,
}
