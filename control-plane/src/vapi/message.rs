//! Vapi's messages, as far as anything is done with them. Everything is optional: the vendor's page and library disagree.

use pricing::money;
use serde::Deserialize;
use serde_json::Value;
use store::{CallId, CallStatus, Direction};

/// A webhook's body.
#[derive(Debug, Deserialize)]
pub(super) struct Envelope {
    pub(super) message: Message,
}

/// A message, as it came.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Message(Value);

impl Message {
    fn text(&self, pointer: &str) -> Option<&str> {
        self.0.pointer(pointer)?.as_str().filter(|text| !text.is_empty())
    }

    /// What it is; `transcript[transcriptType="final"]` is a transcript.
    pub(super) fn kind(&self) -> &str {
        self.text("/type").unwrap_or_default().split('[').next().unwrap_or_default()
    }

    /// Whose account it is of.
    pub(super) fn organisation(&self) -> Option<&str> {
        ["/call/orgId", "/assistant/orgId", "/phoneNumber/orgId"]
            .into_iter()
            .find_map(|pointer| self.text(pointer))
    }

    /// Vapi's id of the call.
    pub(super) fn call(&self) -> Option<&str> {
        self.text("/call/id")
    }

    /// Our own id of the call, which stands in those that were placed for us.
    pub(super) fn placed(&self) -> Option<CallId> {
        self.text("/call/metadata/tandem_call").and_then(|id| CallId::parse(id).ok())
    }

    pub(super) fn direction(&self) -> Direction {
        match self.text("/call/type") {
            Some("outboundPhoneCall") => Direction::Outbound,
            Some(_) | None => Direction::Inbound,
        }
    }

    /// The other side's number; empty if it has none, as on the web.
    pub(super) fn customer(&self) -> &str {
        ["/customer/number", "/call/customer/number"]
            .into_iter()
            .find_map(|pointer| self.text(pointer))
            .unwrap_or_default()
    }

    /// Our number.
    pub(super) fn own_number(&self) -> &str {
        ["/phoneNumber/number", "/call/phoneNumber/number"]
            .into_iter()
            .find_map(|pointer| self.text(pointer))
            .unwrap_or_default()
    }

    /// Who answers, as Vapi names it.
    pub(super) fn assistant(&self) -> String {
        let id = self.text("/call/assistantId").or_else(|| self.text("/assistant/id"));
        format!("vapi:{}", id.unwrap_or("assistant"))
    }

    /// How far the call has come.
    pub(super) fn status(&self) -> Option<CallStatus> {
        match self.text("/status")? {
            "scheduled" | "queued" => Some(CallStatus::Queued),
            "ringing" => Some(CallStatus::Ringing),
            "in-progress" | "forwarding" => Some(CallStatus::InProgress),
            "ended" => Some(CallStatus::Completed),
            _ => None,
        }
    }

    pub(super) fn ended_reason(&self) -> &str {
        self.text("/endedReason").unwrap_or("ended")
    }

    /// When it began and ended, unix µs.
    pub(super) fn span(&self) -> Option<(i64, i64)> {
        let time = |pointer| Some(self.text(pointer)?.parse::<jiff::Timestamp>().ok()?.as_microsecond());
        Some((time("/startedAt")?, time("/endedAt")?))
    }

    /// What Vapi charges, in millionths of a dollar. The number is read as it is written, not through binary fractions.
    pub(super) fn cost_micros(&self) -> Option<i64> {
        let Value::Number(number) = self.0.pointer("/cost")? else { return None };
        let text = number.to_string();
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, "0"));
        let fraction: String = fraction.chars().take(6).collect();
        money::parse_decimal(&format!("{whole}.{fraction}"))
    }

    /// What was said, side by side: the caller, then the assistant's answer.
    pub(super) fn turns(&self) -> Vec<(String, String)> {
        let mut turns: Vec<(String, String)> = Vec::new();
        let said = self.0.pointer("/artifact/messages").and_then(Value::as_array).into_iter().flatten();
        for message in said {
            let text = |name| message.get(name).and_then(Value::as_str).unwrap_or_default();
            let spoken = if text("message").is_empty() { text("content") } else { text("message") };
            match text("role") {
                "user" => turns.push((spoken.to_owned(), String::new())),
                "bot" | "assistant" => match turns.last_mut() {
                    Some((_, answer)) if answer.is_empty() => answer.push_str(spoken),
                    Some((_, answer)) => {
                        answer.push(' ');
                        answer.push_str(spoken);
                    }
                    None => turns.push((String::new(), spoken.to_owned())),
                },
                _ => {}
            }
        }
        turns
    }

    /// Ids of the tool calls that are to be answered, in whichever of its forms they came.
    pub(super) fn tool_calls(&self) -> Vec<String> {
        let lists = ["/toolCallList", "/toolCalls", "/toolWithToolCallList"];
        let calls = lists.into_iter().find_map(|pointer| self.0.pointer(pointer)?.as_array());
        let id = |call: &Value| {
            let id = call.get("id").or_else(|| call.pointer("/toolCall/id"))?;
            id.as_str().map(str::to_owned)
        };
        calls.into_iter().flatten().filter_map(id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn message(value: Value) -> Message {
        serde_json::from_value::<Envelope>(json!({ "message": value })).unwrap().message
    }

    #[test]
    fn a_report_says_what_was_said_and_what_it_cost() {
        let report = message(json!({
            "type": "end-of-call-report", "cost": 0.1234567,
            "startedAt": "2026-11-21T10:00:00.000Z", "endedAt": "2026-11-21T10:01:00.000Z",
            "artifact": {"messages": [
                {"role": "system", "message": "Be kind."}, {"role": "bot", "message": "Hello."},
                {"role": "user", "message": "Hi."}, {"role": "bot", "message": "How can"},
                {"role": "bot", "message": "I help?"}, {"role": "user", "message": "Bye."},
            ]},
        }));
        let said = [("", "Hello."), ("Hi.", "How can I help?"), ("Bye.", "")];
        assert_eq!(report.turns(), said.map(|(one, other)| (one.to_owned(), other.to_owned())));
        assert_eq!(report.cost_micros(), Some(123_456));
        assert_eq!(report.span().map(|(from, until)| until - from), Some(60_000_000));
        assert_eq!(message(json!({ "cost": 2 })).cost_micros(), Some(2_000_000));
        assert_eq!(message(json!({ "cost": 1e-7 })).cost_micros(), None);
    }

    #[test]
    fn tool_calls_are_found_in_each_of_their_forms() {
        for body in [
            json!({"toolCallList": [{"id": "a", "type": "function", "function": {"name": "x"}}]}),
            json!({"toolCallList": [{"id": "a", "name": "x", "parameters": {}}]}),
            json!({"toolWithToolCallList": [{"name": "x", "toolCall": {"id": "a"}}]}),
        ] {
            assert_eq!(message(body).tool_calls(), ["a"]);
        }
    }

    proptest! {
        #[test]
        fn no_message_makes_reading_it_panic(text in "\\PC{0,30}", number in any::<f64>()) {
            let odd = message(json!({
                "type": text, "cost": number, "startedAt": text, "endedAt": text, "call": {"id": number},
                "artifact": {"messages": [text, {"role": "user", "message": number}]}, "toolCallList": text,
            }));
            drop((odd.turns(), odd.span(), odd.tool_calls()));
            prop_assert!(odd.call().is_none() && odd.kind().len() <= text.len());
            prop_assert!(odd.cost_micros().is_none_or(|micros| micros != i64::MIN));
        }
    }
}
