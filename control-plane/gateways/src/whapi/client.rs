//! Sends requests to Whapi, once each.

use super::{Channel, WhapiOptions};
use crate::{
    ClientError, Gateway, GatewayError, Pace,
    http::{self, Answer, Asking, Failure, Repetition, position},
    pace::Lanes,
    value,
};
use engine::provider::Secret;
use reqwest::Method;
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use url::Url;

/// Connections and paces for all channels; clones share them.
#[derive(Clone, Debug)]
pub struct WhapiClient {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: WhapiOptions,
    http: reqwest::Client,
    lanes: Lanes,
}

/// One request.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) doing: &'static str,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) body: Option<Value>,
    pub(super) repetition: Repetition,
    pub(super) token: &'a Secret,
    /// A secret in the body.
    pub(super) also: Option<&'a Secret>,
    pub(super) answer: Duration,
    pub(super) answer_bytes: usize,
}

impl WhapiClient {
    /// Gets ready; nothing is sent yet.
    ///
    /// # Errors
    /// If the address is of no use, or the operating system gives no resolver.
    pub fn new(options: WhapiOptions) -> Result<Self, ClientError> {
        let http = http::client(Gateway::Whapi, &options.base_url, options.http)?;
        let lanes = Lanes::new(options.channels);
        Ok(Self { shared: Arc::new(Shared { options, http, lanes }) })
    }

    /// The channel of a token.
    #[must_use]
    pub fn channel(&self, token: Secret) -> Channel {
        Channel::new(self.clone(), token)
    }

    /// As it was given.
    #[must_use]
    pub fn options(&self) -> &WhapiOptions {
        &self.shared.options
    }

    /// Waits for the channel's turn to send.
    pub(super) async fn turn(
        &self,
        doing: &'static str,
        token: &Secret,
        pace: &Pace,
    ) -> Result<(), GatewayError> {
        let busy = |wait| GatewayError::Busy { gateway: Gateway::Whapi, doing, wait };
        self.shared.lanes.turn(token, pace).await.map_err(busy)
    }

    /// The answer, once Whapi has done what was asked.
    pub(super) async fn send(&self, request: Request<'_>) -> Result<Answer, GatewayError> {
        let asking = request.asking();
        let mut sent = self
            .shared
            .http
            .request(request.method.clone(), request.url.clone())
            .bearer_auth(request.token.reveal())
            .header("accept", "application/json");
        if let Some(body) = &request.body {
            sent = sent.json(body);
        }
        asking.send(sent).await.map_err(|failure| {
            if let Failure::Refused(refusal) = &failure
                && refusal.status == 429
                && let Some(wait) = refusal.retry_after
            {
                self.shared.lanes.hold(request.token, wait);
            }
            asking.told(request.doing, request.repetition, failure)
        })
    }

    /// The answer as JSON.
    pub(super) async fn ask(&self, request: Request<'_>) -> Result<Value, GatewayError> {
        let (doing, repetition, token) = (request.doing, request.repetition, request.token);
        let answer = self.send(request).await?;
        serde_json::from_slice(&answer.body)
            .map_err(|error| asking(token).misunderstood(doing, repetition, position(&error)))
    }
}

impl Request<'_> {
    fn asking(&self) -> Asking<'_> {
        Asking { also: self.also, answer: self.answer, answer_bytes: self.answer_bytes, ..asking(self.token) }
    }
}

/// For telling what happened.
pub(super) fn asking(secret: &Secret) -> Asking<'_> {
    Asking { gateway: Gateway::Whapi, secret, also: None, answer: Duration::ZERO, answer_bytes: 0, words }
}

/// The words of `{"error": {"code", "message", "details"}}`.
fn words(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let error = body.get("error")?;
    if let Some(words) = error.as_str() {
        return Some(words.to_owned());
    }
    let parts = [value::text(error, "message"), value::text(error, "details")];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(": "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_errors_words_are_found_in_whatever_shape() {
        let told = |body: &str| words(body.as_bytes());
        let full = r#"{"error":{"code":404,"message":"not found","details":"specified contact"}}"#;
        assert_eq!(told(full).as_deref(), Some("not found: specified contact"));
        assert_eq!(told(r#"{"error":"no"}"#).as_deref(), Some("no"));
        assert_eq!((told("<html>"), told("[]"), told(r#"{"error":7}"#)), (None, None, None));
    }

    proptest! {
        #[test]
        fn no_body_of_an_error_is_a_panic(body: Vec<u8>) {
            words(&body);
        }
    }
}
