//! Notifications to be sent, and what they are on the wire.

use super::idempotency_key;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, time::Duration};

/// Subscriptions in one notification (the API's limit).
const SUBSCRIPTIONS_MAX: usize = 2_000;
/// Largest `data` as JSON, in bytes (the API's limit).
const DATA_MAX: usize = 2_048;
/// The language that must be there (the API's rule).
const MUST: &str = "en";

/// To whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Users, by the ids that we gave them. One app is one namespace: put the tenant into them.
    ExternalIds(Vec<String>),
    /// Devices, by OneSignal's ids; at most 2,000.
    Subscriptions(Vec<String>),
}

/// A notification to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct NewNotification {
    /// Our attempt's id, of which the idempotency key is made.
    pub attempt: String,
    /// To whom.
    pub to: Audience,
    /// Titles by language (`en`, `es`); may be empty. Where a device's language is missing, `en` is shown.
    pub headings: BTreeMap<String, String>,
    /// Texts by language; `en` must be there.
    pub contents: BTreeMap<String, String>,
    /// Goes to the app with it; at most 2,048 bytes as JSON.
    pub data: Map<String, Value>,
    /// What is opened by a tap.
    pub url: Option<String>,
    /// How long OneSignal tries; `None`: 3 days, OneSignal's default.
    pub ttl: Option<Duration>,
    /// Wakes a sleeping device up.
    pub urgent: bool,
    /// A later one with the same id replaces it on the device.
    pub collapse_id: Option<String>,
    /// When, in unix µs; `None`: at once.
    pub send_after: Option<i64>,
}

impl NewNotification {
    /// A notification with an English text, to be sent at once.
    #[must_use]
    pub fn new(attempt: &str, to: Audience, text: &str) -> Self {
        Self {
            attempt: attempt.to_owned(),
            to,
            headings: BTreeMap::new(),
            contents: [(MUST.to_owned(), text.to_owned())].into(),
            data: Map::new(),
            url: None,
            ttl: None,
            urgent: false,
            collapse_id: None,
            send_after: None,
        }
    }

    /// What is sent.
    pub(super) fn body(&self, app_id: &str) -> Result<Value, String> {
        if self.attempt.is_empty() {
            return Err("without an attempt there is no idempotency key".to_owned());
        }
        if self.contents.get(MUST).is_none_or(|text| text.trim().is_empty()) {
            return Err("there is no English text".to_owned());
        }
        let mut body = json!({
            "app_id": app_id,
            "target_channel": "push",
            "contents": self.contents,
            "idempotency_key": idempotency_key(&self.attempt).to_string(),
        });
        match &self.to {
            Audience::ExternalIds(ids) | Audience::Subscriptions(ids) if ids.is_empty() => {
                return Err("it is for nobody".to_owned());
            }
            Audience::ExternalIds(ids) => body["include_aliases"] = json!({"external_id": ids}),
            Audience::Subscriptions(ids) if ids.len() > SUBSCRIPTIONS_MAX => {
                return Err(format!("it is for more than {SUBSCRIPTIONS_MAX} subscriptions"));
            }
            Audience::Subscriptions(ids) => body["include_subscription_ids"] = json!(ids),
        }
        if !self.headings.is_empty() {
            body["headings"] = json!(self.headings);
        }
        if !self.data.is_empty() {
            let data = Value::Object(self.data.clone());
            if data.to_string().len() > DATA_MAX {
                return Err(format!("its data have more than {DATA_MAX} bytes"));
            }
            body["data"] = data;
        }
        if let Some(url) = &self.url {
            body["url"] = url.as_str().into();
        }
        if let Some(ttl) = self.ttl {
            body["ttl"] = ttl.as_secs().into();
        }
        if self.urgent {
            body["priority"] = 10.into();
        }
        if let Some(id) = &self.collapse_id {
            body["collapse_id"] = id.as_str().into();
        }
        if let Some(at) = self.send_after {
            let at = Timestamp::from_microsecond(at)
                .map_err(|_| "it is for no moment of the calendar".to_owned())?;
            body["send_after"] = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into();
        }
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new() -> NewNotification {
        NewNotification::new("att_1", Audience::ExternalIds(vec!["ten_1:usr_1".to_owned()]), "Call back")
    }

    #[test]
    fn a_notification_is_what_the_api_documents() {
        let new = NewNotification {
            ttl: Some(Duration::from_secs(3_600)),
            urgent: true,
            collapse_id: Some("call-1".to_owned()),
            send_after: Some(1_795_233_600_000_000),
            ..new()
        };
        let expected = json!({
            "app_id": "app", "target_channel": "push", "include_aliases": {"external_id": ["ten_1:usr_1"]},
            "contents": {"en": "Call back"}, "idempotency_key": idempotency_key("att_1").to_string(), "ttl": 3600,
            "priority": 10, "collapse_id": "call-1", "send_after": "2026-11-21T04:00:00Z",
        });
        assert_eq!(new.body("app").unwrap(), expected);
    }

    #[test]
    fn what_the_api_would_refuse_is_not_sent() {
        let refused = |change: fn(&mut NewNotification)| {
            let mut new = new();
            change(&mut new);
            new.body("app").is_err()
        };
        assert!(refused(|new| new.attempt.clear()));
        assert!(refused(|new| new.contents.clear()));
        assert!(refused(|new| new.to = Audience::ExternalIds(Vec::new())));
        assert!(refused(|new| new.to = Audience::Subscriptions(vec![String::new(); 2_001])));
        assert!(refused(|new| new.data = [("a".to_owned(), "a".repeat(2_041).into())].into_iter().collect()));
        assert!(
            !refused(|new| new.data = [("a".to_owned(), "a".repeat(2_040).into())].into_iter().collect())
        );
        assert!(refused(|new| new.send_after = Some(i64::MAX)));
    }
}
