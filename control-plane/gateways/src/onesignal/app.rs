//! What is asked of one app at OneSignal.

use super::{
    answer::{Created, Notification, created, words},
    new::NewNotification,
};
use crate::{
    ClientError, Gateway, GatewayError, Pace,
    http::{self, Asking, Failure, Repetition, is_id, position},
    pace::Lanes,
};
use engine::provider::{Secret, http::HttpOptions};
use reqwest::Method;
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use url::Url;

/// How OneSignal is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneSignalOptions {
    /// Where the API is: `https://api.onesignal.com` (the default), a proxy, the sandbox with its path.
    pub base_url: Url,
    /// How connections are made and kept.
    pub http: HttpOptions,
    /// Longest wait for a whole answer. Default 15 s: a creation is queued there and answered at once.
    pub answer: Duration,
    /// Longest answer that is read, in bytes. Default 1 MiB: 2,000 ids that are not valid are about 80 KiB.
    pub answer_bytes: usize,
    /// How fast each app creates notifications. Default without limits of our own.
    pub pace: Pace,
    /// Apps whose pace is remembered. Default 20,000; beyond it those that were idle are forgotten.
    pub apps: usize,
}

impl OneSignalOptions {
    /// The defaults with another address.
    #[must_use]
    pub fn at(base_url: Url) -> Self {
        Self {
            base_url,
            http: HttpOptions::default(),
            answer: Duration::from_secs(15),
            answer_bytes: 1024 * 1024,
            pace: Pace::default(),
            apps: 20_000,
        }
    }
}

impl Default for OneSignalOptions {
    #[expect(clippy::expect_used, reason = "the address is a constant")]
    fn default() -> Self {
        Self::at(Url::parse("https://api.onesignal.com").expect("a URL"))
    }
}

/// An app and what opens it. Its `Debug` shows no key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppCredentials {
    /// The app (a UUID).
    pub app_id: String,
    /// Its REST API key.
    pub api_key: Secret,
}

/// Connections and paces for all apps; clones share them.
#[derive(Clone, Debug)]
pub struct OneSignalClient {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: OneSignalOptions,
    http: reqwest::Client,
    lanes: Lanes,
}

impl OneSignalClient {
    /// Gets ready; nothing is sent yet.
    ///
    /// # Errors
    /// If the address is of no use, or the operating system gives no resolver.
    pub fn new(options: OneSignalOptions) -> Result<Self, ClientError> {
        let http = http::client(Gateway::OneSignal, &options.base_url, options.http)?;
        let lanes = Lanes::new(options.apps);
        Ok(Self { shared: Arc::new(Shared { options, http, lanes }) })
    }

    /// The app of these credentials.
    #[must_use]
    pub fn app(&self, credentials: AppCredentials) -> App {
        App { client: self.clone(), credentials }
    }

    /// As it was given.
    #[must_use]
    pub fn options(&self) -> &OneSignalOptions {
        &self.shared.options
    }
}

/// One app at OneSignal.
#[derive(Clone, Debug)]
pub struct App {
    client: OneSignalClient,
    credentials: AppCredentials,
}

impl App {
    /// Creates a notification, at most once for its attempt within 30 days ([`super::IDEMPOTENCY_KEPT`]): after
    /// [`crate::Class::Repeat`] the same is asked again.
    ///
    /// # Errors
    /// See [`GatewayError`]; [`GatewayError::NothingSent`] if it reaches nobody.
    pub async fn create(&self, new: &NewNotification) -> Result<Created, GatewayError> {
        const DOING: &str = "creating a notification";
        let body = new.body(&self.credentials.app_id).map_err(|reason| invalid(DOING, reason))?;
        let shared = &self.client.shared;
        let busy = |wait| GatewayError::Busy { gateway: Gateway::OneSignal, doing: DOING, wait };
        shared.lanes.turn(&self.credentials.api_key, &shared.options.pace).await.map_err(busy)?;
        let answer = self.ask(DOING, Method::POST, &["notifications"], Some(body)).await?;
        match created(&answer) {
            Ok(Ok(created)) => Ok(created),
            Ok(Err(problems)) => {
                let reason = self.asking().said(&problems.said());
                Err(GatewayError::NothingSent { gateway: Gateway::OneSignal, doing: DOING, reason })
            }
            Err(error) => Err(self.asking().misunderstood(DOING, Repetition::Keyed, error.to_string())),
        }
    }

    /// How a notification goes. OneSignal knows after about a minute, and tells it by itself to nobody.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn view(&self, id: &str) -> Result<Notification, GatewayError> {
        const DOING: &str = "looking at a notification";
        let answer = self.of(DOING, Method::GET, id).await?;
        let misunderstood = |error: crate::ShapeError| {
            self.asking().misunderstood(DOING, Repetition::Harmless, error.to_string())
        };
        Notification::read(&answer).map_err(misunderstood)
    }

    /// Takes back a notification that was to be sent later.
    ///
    /// # Errors
    /// See [`GatewayError`]; refused if it was sent.
    pub async fn cancel(&self, id: &str) -> Result<(), GatewayError> {
        const DOING: &str = "taking back a notification";
        let answer = self.of(DOING, Method::DELETE, id).await?;
        match answer.get("success").and_then(Value::as_bool) {
            Some(true) => Ok(()),
            Some(false) => {
                let reason = "it says that it did not".to_owned();
                Err(GatewayError::NothingSent { gateway: Gateway::OneSignal, doing: DOING, reason })
            }
            None => {
                let cause = "success is no boolean".to_owned();
                Err(self.asking().misunderstood(DOING, Repetition::Harmless, cause))
            }
        }
    }

    async fn of(&self, doing: &'static str, method: Method, id: &str) -> Result<Value, GatewayError> {
        if !is_id(id) {
            return Err(invalid(doing, "that is no id".to_owned()));
        }
        self.ask(doing, method, &["notifications", id], None).await
    }

    fn asking(&self) -> Asking<'_> {
        let options = self.client.options();
        Asking {
            gateway: Gateway::OneSignal,
            secret: &self.credentials.api_key,
            also: None,
            answer: options.answer,
            answer_bytes: options.answer_bytes,
            words,
        }
    }

    /// Asks once. Without a body the app stands in the query.
    async fn ask(
        &self,
        doing: &'static str,
        method: Method,
        parts: &[&str],
        body: Option<Value>,
    ) -> Result<Value, GatewayError> {
        let shared = &self.client.shared;
        let mut url = http::url(&shared.options.base_url, parts);
        let repetition = if body.is_some() { Repetition::Keyed } else { Repetition::Harmless };
        if body.is_none() {
            url.query_pairs_mut().append_pair("app_id", &self.credentials.app_id);
        }
        let key = &self.credentials.api_key;
        let mut request = shared
            .http
            .request(method, url)
            .header("authorization", format!("Key {}", key.reveal()))
            .header("accept", "application/json");
        if let Some(body) = &body {
            request = request.json(body);
        }
        let asking = self.asking();
        let answer = asking.send(request).await.map_err(|failure| {
            if let Failure::Refused(refusal) = &failure
                && refusal.status == 429
                && let Some(wait) = refusal.retry_after
            {
                shared.lanes.hold(key, wait);
            }
            asking.told(doing, repetition, failure)
        })?;
        serde_json::from_slice(&answer.body)
            .map_err(|error| asking.misunderstood(doing, repetition, position(&error)))
    }
}

fn invalid(doing: &'static str, reason: String) -> GatewayError {
    GatewayError::Invalid { gateway: Gateway::OneSignal, doing, reason }
}
