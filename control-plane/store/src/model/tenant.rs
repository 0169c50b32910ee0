//! A tenant and how it wants to be served.

use super::{resource, words};
use crate::ids::{AssistantId, HoursId, TeamId, TenantId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A company that is served. Its row is its own: it is written through [`Store::tenant`](crate::Store::tenant) of its
/// own id, and its `lookup` is the slug.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// For people.
    pub name: String,
    /// A short name in lower-case letters, digits and hyphens; no two tenants have the same.
    pub slug: String,
    /// Whether it is served.
    pub status: TenantStatus,
    /// How it wants to be served.
    #[serde(default)]
    pub settings: TenantSettings,
}
resource!(Tenant, TenantId, Tenants);

/// Whether a tenant is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TenantStatus {
    /// It is being set up.
    Provisioning,
    /// It is served.
    Active,
    /// It is not served for now; its calls are turned away, its data is kept.
    Suspended,
    /// It is gone; its data waits for the end of its retention.
    Closed,
}
words!(TenantStatus, "tenant status", {
    Provisioning => "provisioning", Active => "active", Suspended => "suspended", Closed => "closed",
});

/// How a tenant wants to be served. What is not set has the default, so that stored settings outlive new options.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TenantSettings {
    /// IANA name of its time zone.
    pub time_zone: String,
    /// Who answers where a number does not say.
    pub default_assistant: Option<AssistantId>,
    /// When it is open where a number does not say.
    pub default_hours: Option<HoursId>,
    /// The carrier's voice for what is said without an assistant.
    pub voice: Option<String>,
    /// Said before voicemail after hours.
    pub after_hours_greeting: Option<String>,
    /// Whether and how calls are recorded.
    pub recording: RecordingSettings,
    /// What is done with webhooks whose signature is not good.
    pub webhook_mode: WebhookMode,
    /// When nobody is called.
    pub quiet_hours: Option<QuietHours>,
    /// To whom the assistant may hand a call.
    pub transfer_targets: Vec<TransferTarget>,
    /// In which language people are written to of whom none is known, BCP 47.
    pub language: Option<String>,
    /// What templates of messages know without being told, such as `store_address`.
    pub template_variables: BTreeMap<String, String>,
    /// What is written to customers when something happens in a shop.
    pub shop_messages: Vec<ShopMessage>,
    /// How what people write is understood and answered.
    pub messaging: MessagingSettings,
    /// How long what was said and written is kept.
    pub retention: RetentionSettings,
}

impl Default for TenantSettings {
    fn default() -> Self {
        Self {
            time_zone: "UTC".to_owned(),
            default_assistant: None,
            default_hours: None,
            voice: None,
            after_hours_greeting: None,
            recording: RecordingSettings::default(),
            webhook_mode: WebhookMode::Enforce,
            quiet_hours: None,
            transfer_targets: Vec::new(),
            language: None,
            template_variables: BTreeMap::new(),
            shop_messages: Vec::new(),
            messaging: MessagingSettings::default(),
            retention: RetentionSettings::default(),
        }
    }
}

/// How long what was said and written is kept: of each channel so many days after it was; `None`: for ever. What counts stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RetentionSettings {
    /// Text messages.
    pub sms_days: Option<u32>,
    /// Messages on WhatsApp.
    pub whatsapp_days: Option<u32>,
    /// Emails, with the files that came with them.
    pub email_days: Option<u32>,
    /// Notifications.
    pub push_days: Option<u32>,
    /// Messages that stand for calls or were said in them.
    pub voice_days: Option<u32>,
    /// What was said in calls, and what callers left as a message, as text.
    pub transcript_days: Option<u32>,
    /// Nothing that was said or written ends while this is set: no retention is applied, and nobody is erased.
    pub legal_hold: bool,
}

/// How what people write is understood and answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MessagingSettings {
    /// Whether a language model is asked what each message means.
    pub understand: bool,
    /// Whether the assistant answers what it understands.
    pub auto_reply: bool,
    /// How sure it must be of what was meant, in hundredths, to answer.
    pub threshold: u8,
    /// Answers of the assistant in one conversation on one day, at most.
    pub answers_per_day: u32,
    /// Answers of the assistant in one conversation within ten minutes, at most. Then a person is called: it may be a program that answers a
    /// program.
    pub answers_in_a_row: u32,
    /// A conversation that an operator has goes back to the assistant when the operator did nothing for so long, in minutes.
    pub idle_minutes: u32,
    /// Whose a conversation becomes that needs a person; `None`: everybody's.
    pub default_team: Option<TeamId>,
    /// Said when an operator takes over and introduces themselves: `{name}` is theirs.
    pub intro: String,
}

impl Default for MessagingSettings {
    fn default() -> Self {
        Self {
            understand: true,
            auto_reply: false,
            threshold: 60,
            answers_per_day: 20,
            answers_in_a_row: 5,
            idle_minutes: 30,
            default_team: None,
            intro: "Hello, this is {name}. I am taking over from here.".to_owned(),
        }
    }
}

/// A message to the customer when something happens in a shop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShopMessage {
    /// What happens, such as `orders/create`.
    pub topic: String,
    /// A condition over the webhook's body; without one always.
    #[serde(default)]
    pub when: Option<String>,
    /// What the message is about: `instant`, `informational`, `transactional` or `critical`.
    pub kind: String,
    /// By which channels, one after the other; empty: as its type says.
    #[serde(default)]
    pub channels: Vec<String>,
    /// What is said, with places for what the body says.
    pub text: String,
    /// An email's subject, and a notification's title.
    #[serde(default)]
    pub subject: Option<String>,
}

/// Whether and how calls are recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecordingSettings {
    /// Whether calls are recorded.
    pub enabled: bool,
    /// Said before anything else, where the law asks for it.
    pub disclosure: Option<String>,
    /// Recordings are deleted after so many days; `None`: never.
    pub retention_days: Option<u32>,
    /// Nothing is deleted while this is set, whatever the retention says.
    pub legal_hold: bool,
    /// Whether the carrier's copy of a recording goes once it is stored here; `None`: in an account that the platform made
    /// for the tenant, and never in the tenant's own.
    pub delete_at_carrier: Option<bool>,
}

impl Default for RecordingSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            disclosure: None,
            retention_days: None,
            legal_hold: false,
            delete_at_carrier: None,
        }
    }
}

/// What is done with a webhook whose signature is not good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WebhookMode {
    /// Signatures are not checked.
    Off,
    /// They are checked and what is wrong is noted; the webhook is served all the same.
    Observe,
    /// The webhook is refused.
    #[default]
    Enforce,
}
words!(WebhookMode, "webhook mode", { Off => "off", Observe => "observe", Enforce => "enforce" });

/// A span of the day, in the tenant's time zone; may go past midnight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuietHours {
    /// When it begins, `HH:MM`.
    pub from: String,
    /// When it ends, `HH:MM`.
    pub to: String,
}

/// Somebody to whom a call may be handed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferTarget {
    /// As the assistant knows it.
    pub name: String,
    /// The number, E.164.
    pub number: String,
}
