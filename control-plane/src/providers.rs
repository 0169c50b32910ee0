//! Outside services for calls: which there are, how they are reached, and their clients.
//!
//! Calls that ask the same service at the same address with the same key and model share one client, and with it its kept
//! connections; another key never rides on them. A client lives as long as somebody who uses it.

use engine::{
    llm::{
        LlmProvider,
        anthropic::{Anthropic, AnthropicAuth, AnthropicSettings},
        openai::{OpenAiChat, OpenAiChatSettings, TokenLimitField},
    },
    provider::{
        ProviderError, Secret,
        http::{HttpOptions, http_client},
    },
    stt::{
        SttProvider,
        deepgram::{Deepgram, DeepgramSettings},
    },
    tts::{
        TtsProvider, TtsSession, TtsSpec,
        elevenlabs::{ElevenLabs, ElevenLabsSettings},
        openai::{OpenAiSpeech, OpenAiSpeechSettings},
    },
};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};
use url::Url;

mod pool;

use pool::{ClientKey, Pool};

/// An outside service. Its name is also the kind of a tenant's account there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// Recognition.
    Deepgram,
    /// Language models.
    Anthropic,
    /// Language models and voices, also of any server that speaks the same protocol.
    Openai,
    /// Voices.
    Elevenlabs,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Deepgram, Self::Anthropic, Self::Openai, Self::Elevenlabs];

    /// As it is stored and configured.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deepgram => "deepgram",
            Self::Anthropic => "anthropic",
            Self::Openai => "openai",
            Self::Elevenlabs => "elevenlabs",
        }
    }
}

/// How a service is reached.
#[derive(Clone, Debug)]
pub struct Access {
    /// Its address.
    pub base_url: Url,
    /// A server of one's own may need none.
    pub api_key: Option<Secret>,
    /// In what it differs from others that speak its protocol.
    pub dialect: Dialect,
}

/// In what a server differs from others that speak the same protocol; unset, the client chooses by the address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Dialect {
    /// The version of Anthropic's API.
    pub version: Option<String>,
    /// How the key is sent to a server of Anthropic's API: `x-api-key` or `bearer`.
    pub auth: Option<String>,
    /// What the longest answer is called in a chat completion request: `max_tokens` or `max_completion_tokens`.
    pub max_tokens_field: Option<String>,
}

/// A service at its work: what it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The model.
    pub model: String,
    /// The voice, if it speaks and has one of its own; else the assistant's.
    pub voice: Option<String>,
}

/// The services that can do one kind of work.
#[derive(Clone, Debug, Default)]
pub struct Stage {
    /// All that can, and what they are asked for unless an assistant says otherwise.
    pub offers: BTreeMap<Service, Offer>,
    /// Those that are tried unless an assistant says otherwise, in that order.
    pub order: Vec<Service>,
}

/// The services of this installation, which serve every tenant that has no account of its own there.
#[derive(Clone, Debug)]
pub struct Services {
    /// Where every service is. A tenant's own account may be elsewhere.
    pub addresses: BTreeMap<Service, Url>,
    /// Those that may be used, and how.
    pub access: BTreeMap<Service, Access>,
    /// Recognition.
    pub stt: Stage,
    /// Language models.
    pub llm: Stage,
    /// Voices.
    pub tts: Stage,
    /// The clients in use.
    pub clients: Arc<Clients>,
}

/// A voice provider, and the voice it is asked for: a voice's id means nothing to another provider.
#[derive(Clone, Debug)]
pub struct Voice {
    /// Who speaks.
    pub provider: Arc<dyn TtsProvider>,
    /// `None`: the assistant's.
    pub voice: Option<String>,
}

impl Voice {
    /// A provider that always speaks with this voice.
    pub(crate) fn speaker(&self) -> Arc<dyn TtsProvider> {
        match &self.voice {
            None => Arc::clone(&self.provider),
            Some(voice) => Arc::new(WithVoice { inner: Arc::clone(&self.provider), voice: voice.clone() }),
        }
    }
}

#[derive(Debug)]
struct WithVoice {
    inner: Arc<dyn TtsProvider>,
    voice: String,
}

impl TtsProvider for WithVoice {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn connect(&self, spec: TtsSpec) -> BoxFuture<'static, Result<TtsSession, ProviderError>> {
        self.inner.connect(TtsSpec { voice: self.voice.clone(), ..spec })
    }
}

/// Who serves a call, each in the order in which they are tried.
#[derive(Clone, Debug, Default)]
pub struct Providers {
    /// Recognisers.
    pub stt: Vec<Arc<dyn SttProvider>>,
    /// Models.
    pub llm: Vec<Arc<dyn LlmProvider>>,
    /// Voices.
    pub tts: Vec<Voice>,
}

impl Providers {
    /// The kind of work that nobody does, if there is one.
    #[must_use]
    pub fn lacking(&self) -> Option<&'static str> {
        [
            (self.stt.is_empty(), "speech recognition"),
            (self.llm.is_empty(), "the language model"),
            (self.tts.is_empty(), "speech synthesis"),
        ]
        .into_iter()
        .find_map(|(lacking, what)| lacking.then_some(what))
    }
}

/// The clients of services that are in use.
#[derive(Debug, Default)]
pub struct Clients {
    stt: Pool<dyn SttProvider>,
    llm: Pool<dyn LlmProvider>,
    tts: Pool<dyn TtsProvider>,
}

impl Clients {
    /// A recogniser; `None` if the service is none.
    pub(crate) fn stt(&self, service: Service, access: &Access, model: &str) -> Option<Arc<dyn SttProvider>> {
        match service {
            Service::Deepgram => Some(self.stt.get_or_make(ClientKey::new(service, access, model), || {
                let (base_url, key) = (access.base_url.clone(), own_key(access));
                Arc::new(Deepgram::new(DeepgramSettings::new(base_url, key, model)))
            })),
            Service::Anthropic | Service::Openai | Service::Elevenlabs => None,
        }
    }

    /// A language model; `None` if the service is none.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub(crate) fn llm(
        &self,
        service: Service,
        access: &Access,
        model: &str,
    ) -> Result<Option<Arc<dyn LlmProvider>>, reqwest::Error> {
        let base_url = access.base_url.clone();
        let key = ClientKey::new(service, access, model);
        let made = match service {
            Service::Anthropic => self.llm.try_get_or_make(key, || {
                let client = http_client(HttpOptions::default())?;
                Ok(Arc::new(Anthropic::new(anthropic_settings(base_url, access, model), client)) as _)
            })?,
            Service::Openai => self.llm.try_get_or_make(key, || {
                let client = http_client(HttpOptions::default())?;
                Ok(Arc::new(OpenAiChat::new(openai_settings(base_url, access, model), client)) as _)
            })?,
            Service::Deepgram | Service::Elevenlabs => return Ok(None),
        };
        Ok(Some(made))
    }

    /// A voice; `None` if the service is none.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub(crate) fn tts(
        &self,
        service: Service,
        access: &Access,
        model: &str,
    ) -> Result<Option<Arc<dyn TtsProvider>>, reqwest::Error> {
        let base_url = access.base_url.clone();
        let key = ClientKey::new(service, access, model);
        let made = match service {
            Service::Elevenlabs => self.tts.get_or_make(key, || {
                Arc::new(ElevenLabs::new(ElevenLabsSettings::new(base_url, own_key(access), model)))
            }),
            Service::Openai => self.tts.try_get_or_make(key, || {
                let client = http_client(HttpOptions::default())?;
                let settings = OpenAiSpeechSettings::new(base_url, access.api_key.clone(), model);
                Ok(Arc::new(OpenAiSpeech::new(settings, client)) as _)
            })?,
            Service::Deepgram | Service::Anthropic => return Ok(None),
        };
        Ok(Some(made))
    }
}

/// A service of one's own may need no key.
fn own_key(access: &Access) -> Secret {
    access.api_key.clone().unwrap_or_else(|| Secret::new(""))
}

fn anthropic_settings(base_url: Url, access: &Access, model: &str) -> AnthropicSettings {
    let mut settings = AnthropicSettings::new(base_url, own_key(access), model);
    if let Some(version) = &access.dialect.version {
        settings.version.clone_from(version);
    }
    match access.dialect.auth.as_deref() {
        Some("bearer") => settings.auth = AnthropicAuth::Bearer,
        Some("x-api-key") => settings.auth = AnthropicAuth::ApiKeyHeader,
        Some(_) | None => {}
    }
    settings
}

fn openai_settings(base_url: Url, access: &Access, model: &str) -> OpenAiChatSettings {
    let mut settings = OpenAiChatSettings::new(base_url, access.api_key.clone(), model);
    match access.dialect.max_tokens_field.as_deref() {
        Some("max_tokens") => settings.token_limit = TokenLimitField::MaxTokens,
        Some("max_completion_tokens") => settings.token_limit = TokenLimitField::MaxCompletionTokens,
        Some(_) | None => {}
    }
    settings
}

/// One service that is to do one kind of work: what an assistant says of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Choice {
    /// Which.
    pub(crate) service: Service,
    /// `None`: what this installation asks it for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<String>,
    /// `None`: the assistant's, or the service's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) voice: Option<String>,
}

impl Services {
    /// Who serves the calls of an assistant: its choices of recognisers, models and voices (empty: what this installation
    /// tries), each through the accounts that `reached` gives. `voice` is for the first choice of voices.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub(crate) fn providers(
        &self,
        choices: [&[Choice]; 3],
        voice: Option<&str>,
        reached: impl Fn(Service) -> Vec<Access>,
    ) -> Result<Providers, reqwest::Error> {
        let clients = &self.clients;
        let mut providers = Providers::default();
        let [stt, llm, tts] = choices;
        for (choice, offer) in self.stt.chosen(stt) {
            for access in reached(choice.service) {
                providers.stt.extend(clients.stt(choice.service, &access, &offer.model));
            }
        }
        for (choice, offer) in self.llm.chosen(llm) {
            for access in reached(choice.service) {
                providers.llm.extend(clients.llm(choice.service, &access, &offer.model)?);
            }
        }
        for (place, (choice, offer)) in self.tts.chosen(tts).into_iter().enumerate() {
            let assistants = voice.filter(|_| place == 0).map(str::to_owned);
            let voice = choice.voice.or(assistants).or(offer.voice);
            for access in reached(choice.service) {
                let provider = clients.tts(choice.service, &access, &offer.model)?;
                providers.tts.extend(provider.map(|provider| Voice { provider, voice: voice.clone() }));
            }
        }
        Ok(providers)
    }

    /// Who serves where nothing but this installation's own configuration says so; `voice` is for the first voice.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn own_providers(&self, voice: Option<&str>) -> Result<Providers, reqwest::Error> {
        self.providers([&[], &[], &[]], voice, |service| {
            self.access.get(&service).cloned().into_iter().collect()
        })
    }
}

impl Stage {
    /// The choices with what they are asked for; those that cannot do this work are left out.
    fn chosen(&self, choices: &[Choice]) -> Vec<(Choice, Offer)> {
        let usual = || self.order.iter().map(|&service| Choice { service, model: None, voice: None });
        let choices: Vec<Choice> = if choices.is_empty() { usual().collect() } else { choices.to_vec() };
        choices
            .into_iter()
            .filter_map(|choice| {
                let offer = self.offers.get(&choice.service)?.clone();
                let model = choice.model.clone().unwrap_or(offer.model);
                Some((choice, Offer { model, ..offer }))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
