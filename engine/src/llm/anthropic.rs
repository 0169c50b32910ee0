//! Anthropic's Messages API, streamed, with tools.
//!
//! No sampling parameters are sent: the newer versions of the API refuse them. What a model thinks is not part
//! of its answer.

use super::{
    LlmProvider, LlmRequest, LlmStream,
    transport::{self, warm_up},
};
use crate::provider::{
    ConnectLimits, Secret,
    http::{Exchange, versioned},
};
use reqwest::{Client, RequestBuilder, header::HeaderValue};
use serde_json::{Map, Value};
use std::{sync::Arc, time::Duration};
use url::Url;

mod answer;
mod request;

/// How the key is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnthropicAuth {
    /// `x-api-key: …`, as compatible servers want it.
    ApiKeyHeader,
    /// `Authorization: Bearer …`, as Anthropic wants it now.
    Bearer,
}

/// How the API is reached and what it is asked for.
#[derive(Clone, Debug)]
pub struct AnthropicSettings {
    /// The provider's name in logs and journals.
    pub name: String,
    /// `https://api.anthropic.com`, or a compatible server.
    pub base_url: Url,
    /// The API key.
    pub api_key: Secret,
    /// The model's name.
    pub model: String,
    /// The API's version, sent as `anthropic-version`.
    pub version: String,
    /// How the key is sent.
    pub auth: AnthropicAuth,
    /// Mark instructions and tools as worth keeping in the service's cache between turns.
    pub prompt_caching: bool,
    /// More fields of the request, such as `thinking`; they win over our own.
    pub extra: Map<String, Value>,
    /// Time to the response's headers. Default 10 s: a service under load makes a request wait, and the turn's own
    /// watchdog gives up sooner if another provider is there.
    pub limits: ConnectLimits,
    /// Longest silence within an answer. Default 10 s: the service pings more often.
    pub idle_timeout: Duration,
}

impl AnthropicSettings {
    /// Settings with their defaults, which depend on whether `base_url` is Anthropic itself.
    #[must_use]
    pub fn new(base_url: Url, api_key: Secret, model: &str) -> Self {
        let is_anthropic = base_url.host_str().is_some_and(|host| host.ends_with("anthropic.com"));
        let (version, auth) = if is_anthropic {
            ("2026-10-21", AnthropicAuth::Bearer)
        } else {
            ("2023-06-01", AnthropicAuth::ApiKeyHeader)
        };
        Self {
            name: "anthropic".to_owned(),
            base_url,
            api_key,
            model: model.to_owned(),
            version: version.to_owned(),
            auth,
            prompt_caching: true,
            extra: Map::new(),
            limits: ConnectLimits { connect: Duration::from_secs(10) },
            idle_timeout: Duration::from_secs(10),
        }
    }
}

/// The provider.
#[derive(Clone, Debug)]
pub struct Anthropic {
    settings: Arc<AnthropicSettings>,
    client: Client,
}

impl Anthropic {
    /// A provider with these settings, over the client that all providers share.
    #[must_use]
    pub fn new(settings: AnthropicSettings, client: Client) -> Self {
        Self { settings: Arc::new(settings), client }
    }

    fn exchange(&self, doing: &'static str) -> Exchange {
        let settings = &self.settings;
        Exchange {
            provider: settings.name.clone(),
            doing,
            secret: Some(settings.api_key.clone()),
            headers: settings.limits.connect,
            idle: settings.idle_timeout,
        }
    }

    fn authenticated(&self, request: RequestBuilder) -> RequestBuilder {
        let key = self.settings.api_key.reveal();
        let request = request.header("anthropic-version", &self.settings.version);
        match self.settings.auth {
            AnthropicAuth::ApiKeyHeader => match HeaderValue::from_str(key) {
                Ok(mut value) => {
                    // Kept out of the HTTP library's own traces.
                    value.set_sensitive(true);
                    request.header("x-api-key", value)
                }
                // The request fails with the reason when it is sent.
                Err(_) => request.header("x-api-key", key),
            },
            AnthropicAuth::Bearer => request.bearer_auth(key),
        }
    }
}

impl LlmProvider for Anthropic {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn stream(&self, request: LlmRequest) -> LlmStream {
        let url = versioned(&self.settings.base_url, "messages");
        let body = request::body(&self.settings, &request);
        let post = self.authenticated(self.client.post(url)).json(&body);
        transport::start(self.exchange("answering"), post, answer::Parser::new(&self.settings))
    }

    fn warm_up(&self) {
        // The base address costs nothing and needs no key.
        warm_up(self.exchange("warming up"), self.client.head(self.settings.base_url.clone()));
    }
}

#[cfg(test)]
mod tests;
