//! Outside services: where they are, with what key and model, and in what order they are tried.

use control_plane::providers::Service;
use engine::provider::Secret;
use serde::Deserialize;
use std::path::PathBuf;

/// Outside services.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Providers {
    /// Speech recognition.
    pub deepgram: Deepgram,
    /// Language model.
    pub anthropic: Anthropic,
    /// Language model and speech, or any server that speaks the same protocol.
    pub openai: Openai,
    /// Speech.
    pub elevenlabs: Elevenlabs,
    /// WhatsApp.
    pub whapi: Whapi,
    /// Push.
    pub onesignal: Onesignal,
    /// Mail servers.
    pub mail: Mail,
}

/// Speech recognition by Deepgram.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Deepgram {
    /// Address of the API.
    pub base_url: String,
    /// Unset: the service is not used, unless `base_url` points elsewhere.
    pub api_key: Option<Secret>,
    /// The recognition model.
    pub model: String,
}

const DEEPGRAM: &str = "https://api.deepgram.com";

impl Default for Deepgram {
    fn default() -> Self {
        Self { base_url: DEEPGRAM.to_owned(), api_key: None, model: "nova-3".to_owned() }
    }
}

/// Language models by Anthropic, or a server that speaks the same protocol.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Anthropic {
    /// Address of the API.
    pub base_url: String,
    /// Unset: the service is not used, unless `base_url` points elsewhere.
    pub api_key: Option<Secret>,
    /// The language model.
    pub model: String,
    /// The API's version; unset: the client chooses by address.
    pub version: Option<String>,
    /// How the key is sent; unset: the client chooses by address.
    pub auth: Option<AnthropicAuth>,
}

const ANTHROPIC: &str = "https://api.anthropic.com";

impl Default for Anthropic {
    fn default() -> Self {
        Self {
            base_url: ANTHROPIC.to_owned(),
            api_key: None,
            model: "claude-haiku-5-5".to_owned(),
            version: None,
            auth: None,
        }
    }
}

/// How the key is sent to a server of the Messages API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum AnthropicAuth {
    /// `x-api-key: <key>`.
    #[serde(rename = "x-api-key")]
    XApiKey,
    /// `authorization: Bearer <key>`.
    #[serde(rename = "bearer")]
    Bearer,
}

/// Language models and speech by OpenAI, or a server that speaks the same protocol.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Openai {
    /// Address of the API, up to and without `/chat/completions`.
    pub base_url: String,
    /// Unset: the service is not used, unless `base_url` points elsewhere.
    pub api_key: Option<Secret>,
    /// The language model.
    pub model: String,
    /// What the longest answer is called in a request; unset: the client chooses by address.
    pub max_tokens_field: Option<MaxTokensField>,
    /// The speech model.
    pub speech_model: String,
    /// The voice of the speech model.
    pub speech_voice: String,
}

const OPENAI: &str = "https://api.openai.com/v1";

impl Default for Openai {
    fn default() -> Self {
        Self {
            base_url: OPENAI.to_owned(),
            api_key: None,
            model: "gpt-5.4-mini".to_owned(),
            max_tokens_field: None,
            speech_model: "gpt-4o-mini-tts".to_owned(),
            speech_voice: "alloy".to_owned(),
        }
    }
}

/// What the longest answer is called in a chat completion request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaxTokensField {
    /// OpenAI's own name since 2024.
    MaxCompletionTokens,
    /// The older name, which many compatible servers require.
    MaxTokens,
}

/// Speech by ElevenLabs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Elevenlabs {
    /// Address of the API.
    pub base_url: String,
    /// Unset: the service is not used, unless `base_url` points elsewhere.
    pub api_key: Option<Secret>,
    /// The voice's id.
    pub voice: Option<String>,
    /// The speech model.
    pub model: String,
}

const ELEVENLABS: &str = "https://api.elevenlabs.io";

impl Default for Elevenlabs {
    fn default() -> Self {
        Self {
            base_url: ELEVENLABS.to_owned(),
            api_key: None,
            voice: None,
            model: "eleven_flash_v2_5".to_owned(),
        }
    }
}

/// WhatsApp by Whapi.Cloud. Its tokens are tenants' own accounts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Whapi {
    /// Address of the API.
    pub base_url: String,
}

impl Default for Whapi {
    fn default() -> Self {
        Self { base_url: "https://gate.whapi.cloud".to_owned() }
    }
}

/// Push by OneSignal. Its apps are tenants' own accounts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Onesignal {
    /// Address of the API.
    pub base_url: String,
}

impl Default for Onesignal {
    fn default() -> Self {
        Self { base_url: "https://api.onesignal.com".to_owned() }
    }
}

/// Mail servers, which are tenants' own accounts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mail {
    /// Where access tokens are for mailboxes that are connected with OAuth2.
    pub token_url: String,
    /// A file with certificates that are trusted besides the public web's, PEM. Unset: none.
    pub certificates: Option<PathBuf>,
    /// Whether tenants' mail servers may be in this server's own network.
    pub allow_own_network: bool,
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            token_url: "https://oauth2.googleapis.com/token".to_owned(),
            certificates: None,
            allow_own_network: false,
        }
    }
}

/// Which services serve a call, each list in the order in which they are tried.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Voice {
    /// Who listens.
    pub stt: Vec<SttName>,
    /// Who thinks.
    pub llm: Vec<LlmName>,
    /// Who speaks.
    pub tts: Vec<TtsName>,
}

impl Default for Voice {
    fn default() -> Self {
        Self {
            stt: vec![SttName::Deepgram],
            llm: vec![LlmName::Anthropic, LlmName::Openai],
            tts: vec![TtsName::Elevenlabs],
        }
    }
}

/// A service that recognises speech.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SttName {
    /// `[providers.deepgram]`.
    Deepgram,
}

/// A service that answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LlmName {
    /// `[providers.anthropic]`.
    Anthropic,
    /// `[providers.openai]`.
    Openai,
}

/// A service that speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TtsName {
    /// `[providers.elevenlabs]`.
    Elevenlabs,
    /// `[providers.openai]`.
    Openai,
}

impl SttName {
    /// The service that it names.
    pub(crate) const fn service(self) -> Service {
        match self {
            Self::Deepgram => Service::Deepgram,
        }
    }
}

impl LlmName {
    /// The service that it names.
    pub(crate) const fn service(self) -> Service {
        match self {
            Self::Anthropic => Service::Anthropic,
            Self::Openai => Service::Openai,
        }
    }
}

impl TtsName {
    /// The service that it names.
    pub(crate) const fn service(self) -> Service {
        match self {
            Self::Elevenlabs => Service::Elevenlabs,
            Self::Openai => Service::Openai,
        }
    }
}

impl super::Config {
    /// Whether a service can be used: it has a key, or its address is not the vendor's (a server of one's own may need
    /// none).
    #[must_use]
    pub fn is_usable(&self, service: Service) -> bool {
        let Providers { deepgram, anthropic, openai, elevenlabs, .. } = &self.providers;
        match service {
            Service::Deepgram => deepgram.api_key.is_some() || deepgram.base_url != DEEPGRAM,
            Service::Anthropic => anthropic.api_key.is_some() || anthropic.base_url != ANTHROPIC,
            Service::Openai => openai.api_key.is_some() || openai.base_url != OPENAI,
            Service::Elevenlabs => elevenlabs.api_key.is_some() || elevenlabs.base_url != ELEVENLABS,
        }
    }

    /// The recognisers of `voice.stt` that [can be used](Self::is_usable), in order.
    #[must_use]
    pub fn usable_stt(&self) -> Vec<SttName> {
        usable(&self.voice.stt, |name| self.is_usable(name.service()))
    }

    /// The models of `voice.llm` that [can be used](Self::is_usable), in order.
    #[must_use]
    pub fn usable_llm(&self) -> Vec<LlmName> {
        usable(&self.voice.llm, |name| self.is_usable(name.service()))
    }

    /// The voices of `voice.tts` that [can be used](Self::is_usable), in order.
    #[must_use]
    pub fn usable_tts(&self) -> Vec<TtsName> {
        usable(&self.voice.tts, |name| self.is_usable(name.service()))
    }

    /// The voice that `provider` is asked for: `assistant.voice` at the first provider of `voice.tts`, and
    /// the provider's own voice at the others, because a voice's id means nothing elsewhere.
    #[must_use]
    pub fn voice_of(&self, provider: TtsName) -> Option<&str> {
        let own = match provider {
            TtsName::Elevenlabs => self.providers.elevenlabs.voice.as_deref(),
            TtsName::Openai => Some(self.providers.openai.speech_voice.as_str()),
        };
        if self.voice.tts.first() == Some(&provider) { self.assistant.voice.as_deref().or(own) } else { own }
    }
}

fn usable<T: Copy>(names: &[T], can: impl Fn(T) -> bool) -> Vec<T> {
    names.iter().copied().filter(|&name| can(name)).collect()
}
