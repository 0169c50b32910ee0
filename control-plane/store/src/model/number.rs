//! Phone numbers, who answers them, and when.

use super::{resource, words};
use crate::ids::{AccountId, AssistantId, FlowId, HoursId, NumberId, QueueId, TenantId, UserId};
use serde::{Deserialize, Deserializer, Serialize};

/// A phone number. `parent` is its account; `lookup` is the number itself while it is active, and no two active numbers
/// of all tenants are the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Number {
    /// E.164.
    pub e164: String,
    /// The carrier's id for it (`PN…`).
    pub carrier_sid: Option<String>,
    /// The account that owns it.
    pub account: Option<AccountId>,
    /// For people.
    pub name: String,
    /// Whether its calls are answered.
    pub status: NumberStatus,
    /// Whether it is the one to call from; a tenant has at most one such active number.
    #[serde(default)]
    pub primary: bool,
    /// What it can do.
    #[serde(default)]
    pub capabilities: Capabilities,
    /// Said first, over the assistant's own greeting.
    #[serde(default)]
    pub greeting: Option<String>,
    /// Voice over the assistant's own.
    #[serde(default)]
    pub voice: Option<String>,
    /// The call flow that its calls follow, over its own routing.
    #[serde(default, deserialize_with = "known_flow")]
    pub flow: Option<FlowId>,
    /// Who answers, where no flow says.
    #[serde(default)]
    pub routing: Routing,
}
resource!(Number, NumberId, PhoneNumbers);

/// Before flows were kept here, a number could have any text as the name of one; such a text leads nowhere.
fn known_flow<'de, D: Deserializer<'de>>(flow: D) -> Result<Option<FlowId>, D::Error> {
    let text = Option::<String>::deserialize(flow)?;
    Ok(text.and_then(|text| FlowId::parse(&text).ok()))
}

/// A call flow: who answers the calls of all numbers that have it. `lookup` is the name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    /// For people.
    pub name: String,
    /// Who answers, during and after hours.
    #[serde(default)]
    pub routing: Routing,
}
resource!(Flow, FlowId, Flows);

/// Whether a number's calls are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NumberStatus {
    /// It is being bought or set up.
    Pending,
    /// They are.
    Active,
    /// Not for now.
    Inactive,
    /// It was given back to the carrier.
    Released,
}
words!(NumberStatus, "number status", {
    Pending => "pending", Active => "active", Inactive => "inactive", Released => "released",
});

/// What a number can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Capabilities {
    /// Calls.
    pub voice: bool,
    /// Text messages.
    pub sms: bool,
    /// Pictures.
    pub mms: bool,
}

/// Who answers a number, during and after hours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Routing {
    /// When it is open; `None`: the tenant's own hours, and always if it has none.
    pub hours: Option<HoursId>,
    /// Tried in order during hours; empty: the tenant's assistant.
    pub during: Vec<Destination>,
    /// Tried in order after hours; empty: the same as during.
    pub after: Vec<Destination>,
}

/// Where a call goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "to", rename_all = "snake_case")]
pub enum Destination {
    /// An assistant answers.
    Assistant {
        /// Which; `None`: the tenant's own.
        assistant: Option<AssistantId>,
    },
    /// A person answers.
    User {
        /// Who.
        user: UserId,
        /// How long it rings, in s.
        #[serde(default)]
        timeout_s: Option<u32>,
    },
    /// The caller waits until somebody is free.
    Queue {
        /// Where.
        queue: QueueId,
    },
    /// The caller leaves a message.
    Voicemail {
        /// Said before the beep.
        greeting: Option<String>,
    },
    /// Something is said, then the call ends.
    Message {
        /// What.
        text: String,
    },
    /// Another number is called.
    Forward {
        /// E.164.
        number: String,
        /// Said to the one who answers, before the caller is put through.
        #[serde(default)]
        whisper: Option<String>,
        /// How long it rings, in s.
        #[serde(default)]
        timeout_s: Option<u32>,
    },
}

/// When a tenant is open. `lookup` is the name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusinessHours {
    /// For people.
    pub name: String,
    /// IANA name; `None`: the tenant's.
    pub time_zone: Option<String>,
    /// The usual week.
    pub weekly: Vec<WeeklySpan>,
    /// Holidays and other days that are not usual.
    #[serde(default)]
    pub exceptions: Vec<DateException>,
}
resource!(BusinessHours, HoursId, BusinessHours);

/// A span of a weekday.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeeklySpan {
    /// 1 is Monday, 7 Sunday (ISO 8601).
    pub weekday: u8,
    /// When it opens, `HH:MM`.
    pub from: String,
    /// When it closes, `HH:MM`; `24:00` is the day's end.
    pub to: String,
}

/// A day that is not usual.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DateException {
    /// `YYYY-MM-DD`.
    pub date: String,
    /// For people.
    pub name: String,
    /// When it is open that day; empty: not at all.
    #[serde(default)]
    pub open: Vec<OpenSpan>,
}

/// A span of a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenSpan {
    /// When it opens, `HH:MM`.
    pub from: String,
    /// When it closes, `HH:MM`; `24:00` is the day's end.
    pub to: String,
}

/// Whose number it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberOwner {
    /// The tenant.
    pub tenant: TenantId,
    /// The number's id.
    pub number: NumberId,
}

/// Whose account it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountOwner {
    /// The tenant.
    pub tenant: TenantId,
    /// The account's id.
    pub account: AccountId,
}
