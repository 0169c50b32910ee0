//! Chat completions as OpenAI and many compatible servers stream them, with tools.
//!
//! What servers leave out, repeat or spell differently is taken as it comes; only an answer without an end mark
//! is a failure. What a model thinks is not part of its answer.

use super::{
    LlmProvider, LlmRequest, LlmStream,
    transport::{self, warm_up},
};
use crate::provider::{
    ConnectLimits, Secret,
    http::{Exchange, openai_endpoint},
};
use reqwest::{Client, RequestBuilder};
use serde_json::{Map, Value};
use std::{sync::Arc, time::Duration};
use url::Url;

mod answer;
mod request;
mod thinking;

/// The name of the request's length limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenLimitField {
    /// `max_completion_tokens`: OpenAI's reasoning models refuse the other.
    MaxCompletionTokens,
    /// `max_tokens`: many compatible servers know only this.
    MaxTokens,
}

/// How the API is reached and what it is asked for.
#[derive(Clone, Debug)]
pub struct OpenAiChatSettings {
    /// The provider's name in logs and journals.
    pub name: String,
    /// Up to and with the API's version, such as `https://api.groq.com/openai/v1`; without a path, `/v1` is meant.
    pub base_url: Url,
    /// The API key; a server of one's own may need none.
    pub api_key: Option<Secret>,
    /// The model's name.
    pub model: String,
    /// The name of the length limit.
    pub token_limit: TokenLimitField,
    /// Ask for the number of tokens at the end of the stream; a server that refuses the field can be spared it.
    pub include_usage: bool,
    /// More fields of the request, such as `reasoning_effort`; they win over our own.
    pub extra: Map<String, Value>,
    /// Time to the response's headers. Default 10 s: a server of one's own may have to load its model, and the
    /// turn's own watchdog gives up sooner if another provider is there.
    pub limits: ConnectLimits,
    /// Longest silence within an answer. Default 10 s: a model that reasons for longer does not suit a call.
    pub idle_timeout: Duration,
}

impl OpenAiChatSettings {
    /// Settings with their defaults, which depend on whether `base_url` is OpenAI itself.
    #[must_use]
    pub fn new(base_url: Url, api_key: Option<Secret>, model: &str) -> Self {
        let is_openai = base_url.host_str().is_some_and(|host| host.ends_with("openai.com"));
        let token_limit =
            if is_openai { TokenLimitField::MaxCompletionTokens } else { TokenLimitField::MaxTokens };
        Self {
            name: "openai".to_owned(),
            base_url,
            api_key,
            model: model.to_owned(),
            token_limit,
            include_usage: true,
            extra: Map::new(),
            limits: ConnectLimits { connect: Duration::from_secs(10) },
            idle_timeout: Duration::from_secs(10),
        }
    }
}

/// The provider.
#[derive(Clone, Debug)]
pub struct OpenAiChat {
    settings: Arc<OpenAiChatSettings>,
    client: Client,
}

impl OpenAiChat {
    /// A provider with these settings, over the client that all providers share.
    #[must_use]
    pub fn new(settings: OpenAiChatSettings, client: Client) -> Self {
        Self { settings: Arc::new(settings), client }
    }

    fn exchange(&self, doing: &'static str) -> Exchange {
        let settings = &self.settings;
        Exchange {
            provider: settings.name.clone(),
            doing,
            secret: settings.api_key.clone(),
            headers: settings.limits.connect,
            idle: settings.idle_timeout,
        }
    }

    fn authenticated(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.settings.api_key {
            Some(key) => request.bearer_auth(key.reveal()),
            None => request,
        }
    }
}

impl LlmProvider for OpenAiChat {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn stream(&self, request: LlmRequest) -> LlmStream {
        let url = openai_endpoint(&self.settings.base_url, "chat/completions");
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
