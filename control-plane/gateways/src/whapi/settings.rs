//! What is set up at a channel: where it tells, and with which secret.

use crate::value::{entries, object, text};
use engine::provider::Secret;
use serde_json::{Map, Value, json};
use url::Url;

/// What is told.
const EVENTS: [&str; 3] = ["messages", "statuses", "channel"];

/// A webhook to be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookSettings {
    /// Where it is told: HTTPS, with a path that nobody guesses.
    pub url: Url,
    /// The header that holds the secret.
    pub header: String,
    /// Its value.
    pub secret: Secret,
}

impl WebhookSettings {
    /// What is sent: messages, statuses and the channel's own, each as `POST` with its body.
    pub(super) fn body(&self) -> Result<Value, String> {
        let is_token = |c: u8| c.is_ascii_alphanumeric() || c == b'-';
        if self.header.is_empty() || !self.header.bytes().all(is_token) {
            return Err("the header's name has more than letters, digits and hyphens".to_owned());
        }
        let secret = self.secret.reveal();
        if secret.is_empty() || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("the secret cannot be a header".to_owned());
        }
        let headers: Map<String, Value> = [(self.header.clone(), secret.into())].into_iter().collect();
        let events = EVENTS.map(|kind| json!({"type": kind, "method": "post"}));
        Ok(
            json!({"webhooks": [{"url": self.url.as_str(), "mode": "body", "headers": headers, "events": events}]}),
        )
    }
}

/// A webhook as it is set. Values of headers are not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Where it is told.
    pub url: String,
    /// `body`, `path` or `method`.
    pub mode: Option<String>,
    /// Names of its custom headers.
    pub headers: Vec<String>,
    /// What is told.
    pub events: Vec<String>,
}

impl Webhook {
    pub(super) fn read_all(settings: &Value) -> Vec<Self> {
        let read = |webhook: &Value| {
            let headers = webhook.get("headers").and_then(object);
            Some(Self {
                url: text(webhook, "url")?,
                mode: text(webhook, "mode"),
                headers: headers.map(|headers| headers.keys().cloned().collect()).unwrap_or_default(),
                events: entries(webhook, "events").iter().filter_map(|event| text(event, "type")).collect(),
            })
        };
        entries(settings, "webhooks").iter().filter_map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_is_no_header_is_not_set() {
        let settings = |header: &str, secret: &str| WebhookSettings {
            url: Url::parse("https://example.test/hooks/whapi/abc").unwrap(),
            header: header.to_owned(),
            secret: Secret::new(secret),
        };
        assert!(settings("X-Tandem-Secret", "abc").body().is_ok());
        for (header, secret) in
            [("", "abc"), ("a b", "abc"), ("a:", "abc"), ("X-A", ""), ("X-A", "a\nb"), ("X-A", "é")]
        {
            assert!(settings(header, secret).body().is_err(), "{header:?} {secret:?}");
        }
    }

    #[test]
    fn a_webhooks_secret_is_not_kept() {
        let given = json!({"webhooks": [{"url": "https://a.test", "headers": {"X-A": "secret"}, "events": [{"type": "messages"}]}, 7]});
        let read = Webhook::read_all(&given);
        assert_eq!(
            (read.len(), &read[0].headers, &read[0].events),
            (1, &vec!["X-A".to_owned()], &vec!["messages".to_owned()])
        );
        assert!(!format!("{read:?}").contains("secret"));
    }
}
