//! What can be told: a closed list, so that whoever listens knows what may come.

use serde_json::{Value, json};
use store::ids::EventId;

macro_rules! events {
    ($($variant:ident = $name:literal, $about:literal;)+) => {
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

            /// In one sentence.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => $about),+ }
            }
        }
    };
}

events! {
    CallStarted = "call.started", "A call came in or was placed.";
    CallEnded = "call.ended", "A call is over.";
    RecordingReady = "recording.ready", "A recording can be heard.";
    VoicemailReceived = "voicemail.received", "A caller left a message.";
    NumberPurchased = "number.purchased", "A number was bought.";
    NumberReleased = "number.released", "A number was given back.";
    NumberChanged = "number.changed", "What a number does was changed.";
    HealthDegraded = "health.degraded", "A provider is slow, or fails now and then.";
    HealthDown = "health.down", "A provider does not serve.";
    HealthRecovered = "health.recovered", "A provider serves again.";
    BudgetWarned = "budget.warned", "A share of a budget is spent.";
    BudgetExceeded = "budget.exceeded", "A budget is spent.";
    EndpointDisabled = "webhook_endpoint.disabled", "Messages to an endpoint failed for too long; none are sent to it any more.";
    Test = "webhook_endpoint.test", "Somebody tries an endpoint out. It is told to that endpoint alone, whatever its filter.";
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
    pub fn new(kind: EventType, at: i64, data: Value) -> Self {
        Self { id: EventId::generate(), kind, at, data }
    }

    /// The message that tells it, but for the time as text, which the caller formats (RFC 3339).
    #[must_use]
    pub(crate) fn message(&self, timestamp: &str) -> Value {
        json!({ "type": self.kind.as_str(), "timestamp": timestamp, "data": self.data })
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
