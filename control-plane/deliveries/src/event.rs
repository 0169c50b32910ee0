//! What can be told: a closed list, so that whoever listens knows what may come.

use crate::payload;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use store::ids::EventId;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

macro_rules! events {
    ($($variant:ident = $name:literal, $data:ident, $about:literal;)+) => {
        /// What happened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum EventType {
            $(#[doc = $about] $variant,)+
        }

        impl EventType {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// As in messages and filters.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The schema of its `data`, and its name.
            #[must_use]
            pub fn payload(self) -> (String, RefOr<Schema>) {
                match self { $(Self::$variant => (payload::$data::name().into_owned(), payload::$data::schema())),+ }
            }

            /// In one sentence.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => $about),+ }
            }
        }
    };
}

events! {
    CallStarted = "call.started", CallStarted, "A call came in or was placed.";
    CallEnded = "call.ended", CallEnded, "A call is over.";
    RecordingReady = "recording.ready", RecordingReady, "A recording can be heard.";
    VoicemailReceived = "voicemail.received", VoicemailReceived, "A caller left a message.";
    NumberPurchased = "number.purchased", NumberOwned, "A number was bought.";
    NumberReleased = "number.released", NumberOwned, "A number was given back.";
    NumberChanged = "number.changed", NumberChanged, "What a number does was changed, or it is answered from now on, or no more.";
    HealthDegraded = "health.degraded", HealthTold, "A provider is slow, or fails now and then.";
    HealthDown = "health.down", HealthTold, "A provider does not serve.";
    HealthRecovered = "health.recovered", HealthTold, "A provider serves again.";
    BudgetWarned = "budget.warned", BudgetTold, "A share of a budget is spent.";
    BudgetExceeded = "budget.exceeded", BudgetTold, "A budget is spent.";
    MessageReceived = "message.received", MessageTold, "Somebody wrote.";
    MessageSent = "message.sent", MessageTold, "A provider took a message.";
    MessageDelivered = "message.delivered", MessageTold, "A message arrived, or was read.";
    MessageFailed = "message.failed", MessageTold, "A message reached nobody: it failed on every channel, or was taken back.";
    ConversationTakenOver = "conversation.taken_over", ConversationTold, "An operator took a conversation over from the assistant.";
    ConversationReleased = "conversation.released", ConversationTold, "A conversation is the assistant's again.";
    ConversationQueued = "conversation.queued", ConversationTold, "Somebody wrote in a conversation that an operator has.";
    ConversationOverdue = "conversation.overdue", ConversationTold, "Somebody was not answered in the time that their team has set.";
    CallSuggested = "conversation.call_suggested", ConversationTold, "What somebody wrote is better talked about.";
    EndpointDisabled = "webhook_endpoint.disabled", EndpointDisabled, "Messages to an endpoint failed for too long; none are sent to it any more.";
    Test = "webhook_endpoint.test", EndpointTest, "Somebody tries an endpoint out. It is told to that endpoint alone, whatever its filter.";
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Tells it from others: the `webhook-id`, the same in every try.
    pub id: EventId,
    /// What happened.
    pub kind: EventType,
    /// When, unix µs.
    pub at: i64,
    /// To what; a JSON object without secrets.
    pub data: Value,
}

impl Event {
    /// Something that happens now.
    #[must_use]
    pub fn new(kind: EventType, at: i64, data: &impl Serialize) -> Self {
        Self { id: EventId::generate(), kind, at, data: value(data) }
    }

    /// Something that happens once to `object`, an id of ours: told twice, it is one event, so that whoever learns of it may tell it.
    /// `occurrence` tells it from others of its kind that happen to the same object; empty: there is only one.
    #[must_use]
    pub fn once(kind: EventType, object: &str, occurrence: &str, at: i64, data: &impl Serialize) -> Self {
        Self { id: id_of(kind, object, occurrence), kind, at, data: value(data) }
    }

    /// The message that tells it, but for the time as text, which the caller formats (RFC 3339).
    #[must_use]
    pub(crate) fn message(&self, timestamp: &str) -> Value {
        json!({ "type": self.kind.as_str(), "timestamp": timestamp, "data": self.data })
    }
}

/// A time, unix µs, as events have it: RFC 3339.
#[must_use]
pub fn time(at: i64) -> String {
    jiff::Timestamp::from_microsecond(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
}

fn value(data: &impl Serialize) -> Value {
    serde_json::to_value(data).unwrap_or_default()
}

/// The same for the same three: the digits of the object's id that say when it was made, and a hash of all.
fn id_of(kind: EventType, object: &str, occurrence: &str) -> EventId {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    const LENGTH: usize = 26;
    const TIME: usize = 10;
    let mut hash = Sha256::new();
    for part in [kind.as_str(), object, occurrence] {
        // The lengths keep what belongs to one part from being taken for another's.
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    let hashed = hash.finalize().into_iter().map(|byte| char::from(DIGITS[usize::from(byte & 31)]));
    let time = object.rsplit_once('_').map_or("", |(_, digits)| digits);
    let time = time.get(..TIME).filter(|time| {
        let is_whole = object.len() > LENGTH && time.bytes().all(|digit| DIGITS.contains(&digit));
        is_whole && time.as_bytes()[0] <= b'7'
    });
    // The first digit has three bits only.
    let digits: String = time.unwrap_or("0").chars().chain(hashed).take(LENGTH).collect();
    EventId::known(format!("evt_{digits}"))
}

impl EventType {
    /// Whether those who run the platform are told as well, at the endpoints of the platform itself: somebody must act.
    #[must_use]
    pub const fn is_platforms_too(self) -> bool {
        match self {
            Self::HealthDegraded
            | Self::HealthDown
            | Self::HealthRecovered
            | Self::BudgetWarned
            | Self::BudgetExceeded => true,
            Self::CallStarted
            | Self::CallEnded
            | Self::RecordingReady
            | Self::VoicemailReceived
            | Self::NumberPurchased
            | Self::NumberReleased
            | Self::NumberChanged
            | Self::MessageReceived
            | Self::MessageSent
            | Self::MessageDelivered
            | Self::MessageFailed
            | Self::ConversationTakenOver
            | Self::ConversationReleased
            | Self::ConversationQueued
            | Self::ConversationOverdue
            | Self::CallSuggested
            | Self::EndpointDisabled
            | Self::Test => false,
        }
    }
}

/// Whether this is an event's name, or a group of them such as `call.*`.
#[must_use]
pub fn is_filter(text: &str) -> bool {
    match text.strip_suffix(".*") {
        Some(group) => EventType::ALL.iter().any(|kind| group_of(*kind) == group),
        None => EventType::ALL.iter().any(|kind| kind.as_str() == text),
    }
}

/// Whether somebody with these filters wants to be told. No filter: everything.
#[must_use]
pub fn wants(filters: &[String], kind: EventType) -> bool {
    let wanted = |filter: &String| match filter.strip_suffix(".*") {
        Some(group) => group_of(kind) == group,
        None => filter == kind.as_str(),
    };
    filters.is_empty() || filters.iter().any(wanted)
}

fn group_of(kind: EventType) -> &'static str {
    kind.as_str().split('.').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::CallId;

    fn filters(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn names_are_unique_and_made_of_what_the_specification_allows() {
        for (index, kind) in EventType::ALL.iter().enumerate() {
            let name = kind.as_str();
            assert!(EventType::ALL[..index].iter().all(|other| other.as_str() != name));
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || b"._".contains(&byte)), "{name}");
        }
    }

    #[test]
    fn what_happens_once_has_one_id_that_sorts_with_its_object() {
        let (one, two) = (CallId::generate(), CallId::generate());
        let id = |kind, call: &CallId| Event::once(kind, call.as_str(), "", 0, &json!({})).id;
        assert_eq!(id(EventType::CallEnded, &one), id(EventType::CallEnded, &one));
        assert_ne!(id(EventType::CallEnded, &one), id(EventType::CallStarted, &one));
        assert_ne!(id(EventType::CallEnded, &one), id(EventType::CallEnded, &two));
        let again = Event::once(EventType::CallEnded, one.as_str(), "2", 0, &json!({})).id;
        assert_ne!(again, id(EventType::CallEnded, &one));
        assert_eq!(again.as_str()[4..14], one.as_str()[5..15]);
        for object in [one.as_str(), "ten_1", "", "acc_zzzzzzzzzzzzzzzzzzzzzzzzzz"] {
            let id = Event::once(EventType::HealthDown, object, "", 0, &json!({})).id;
            assert!(EventId::parse(id.as_str()).is_ok(), "{object}: {id}");
        }
    }

    #[test]
    fn a_filter_wants_what_it_names() {
        assert!(wants(&[], EventType::BudgetWarned));
        assert!(wants(&filters(&["call.*"]), EventType::CallEnded));
        assert!(!wants(&filters(&["call.*"]), EventType::RecordingReady));
        assert!(wants(&filters(&["call.started", "recording.ready"]), EventType::RecordingReady));
        assert!(!wants(&filters(&["call.started"]), EventType::CallEnded));
    }

    #[test]
    fn a_filter_that_wants_nothing_is_none() {
        for good in ["call.*", "number.released", "webhook_endpoint.*"] {
            assert!(is_filter(good), "{good}");
        }
        for bad in ["", "*", "call", "call.", "cal.*", "call.started.*", ".*"] {
            assert!(!is_filter(bad), "{bad}");
        }
    }
}
