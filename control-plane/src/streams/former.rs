//! The names that the systems before this one gave to what happens, for those who still know these only. Calls and everything else
//! that is not here keep their names.

use deliveries::EventType;
use serde_json::Value;

/// A kind of event on the channel `sms`, and its former names. Where there are two, both were told of the same thing.
const SMS: [(EventType, &[&str]); 8] = [
    (EventType::MessageReceived, &["sms_received"]),
    (EventType::MessageSent, &["sms_sent"]),
    (EventType::MessageDelivered, &["sms_status_update"]),
    (EventType::MessageFailed, &["sms_delivery_failed"]),
    (EventType::ConversationTakenOver, &["human_control_started"]),
    (EventType::ConversationReleased, &["human_control_ended"]),
    (EventType::ConversationQueued, &["customer_sms_during_human_control", "customer_message_received"]),
    (EventType::CallSuggested, &["sms_suggests_call"]),
];

/// The former names of an event; none: it keeps its name.
pub(super) fn former_names(kind: &str, data: &Value) -> &'static [&'static str] {
    if data.get("channel").and_then(Value::as_str) != Some("sms") {
        return &[];
    }
    SMS.iter().find(|(known, _)| known.as_str() == kind).map_or(&[], |(_, names)| *names)
}

/// Whether something was called so.
pub(crate) fn is_former_name(text: &str) -> bool {
    SMS.iter().any(|(_, names)| names.contains(&text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_sms_is_told_by_its_former_name() {
        let told = |kind: &str| former_names(kind, &json!({ "channel": "sms" })).to_vec();
        for (kind, names) in [
            ("message.received", vec!["sms_received"]),
            ("message.sent", vec!["sms_sent"]),
            ("message.delivered", vec!["sms_status_update"]),
            ("message.failed", vec!["sms_delivery_failed"]),
            ("conversation.taken_over", vec!["human_control_started"]),
            ("conversation.released", vec!["human_control_ended"]),
            ("conversation.queued", vec!["customer_sms_during_human_control", "customer_message_received"]),
            ("conversation.call_suggested", vec!["sms_suggests_call"]),
        ] {
            assert_eq!(told(kind), names, "{kind}");
            assert!(names.iter().all(|name| is_former_name(name)));
        }
    }

    #[test]
    fn calls_and_other_channels_keep_their_names() {
        assert!(former_names("call.started", &json!({ "channel": "sms" })).is_empty());
        assert!(former_names("message.received", &json!({ "channel": "email" })).is_empty());
        assert!(former_names("message.received", &json!({})).is_empty());
        assert!(!is_former_name("message.received"));
    }
}
