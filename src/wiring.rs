//! From a configuration to running parts: provider clients, the assistant, the control plane's settings and the
//! engine's limits.

use crate::config::{AnthropicAuth, Config, KeysError, LlmName, MaxTokensField, SttName, ToolKind, TtsName};
use control_plane::settings::{
    CarrierTexts, ControlPlaneOptions, ControlPlaneSettings, RecordingSettings, RemoteTool, StoreSettings,
    TenantSettings, TwilioAccount,
};
use engine::{
    ids::{AssistantId, TenantId},
    llm::{
        LlmProvider, ToolSchema,
        anthropic::{self, Anthropic, AnthropicSettings},
        openai::{OpenAiChat, OpenAiChatSettings, TokenLimitField},
    },
    options::EngineOptions,
    ports::{Assistant, ToolKind as EngineToolKind, ToolSpec},
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
use metrics_exporter_prometheus::PrometheusHandle;
use std::{collections::HashMap, sync::Arc, time::Duration};
use twilio_rest::{Credentials, TwilioOptions};
use url::Url;

/// Why the parts cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum WiringError {
    /// An address of a checked configuration is no URL.
    #[error("{key} is not an address: {value}")]
    Address {
        /// The option.
        key: &'static str,
        /// What it says.
        value: String,
        /// Why.
        #[source]
        source: url::ParseError,
    },
    /// The keys that protect stored credentials cannot be had.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// No HTTP client can be made.
    #[error("failed to set up the HTTP client")]
    Client(#[from] reqwest::Error),
    /// A stage of the call has no service that can be used.
    #[error(
        "no service for {stage} can be used: set a key in [providers], or point its base_url at your own server"
    )]
    NoProvider {
        /// Which stage.
        stage: &'static str,
    },
}

/// The engine's limits as the tenant has tuned them.
#[must_use]
pub fn engine_options(config: &Config) -> EngineOptions {
    let call = &config.call;
    let mut options = EngineOptions::default();
    options.turn.max_duration = Duration::from_secs(call.max_duration_s);
    options.turn.idle_after = Duration::from_millis(call.idle_after_ms);
    options.turn.max_silence = Duration::from_secs(call.max_silence_s);
    options.turn.filler_after = Duration::from_millis(call.tool_filler_ms);
    options.stt.endpointing_ms = u32::try_from(call.endpointing_ms).unwrap_or(u32::MAX);
    options.stt.utterance_end_ms = u32::try_from(call.utterance_end_ms).unwrap_or(u32::MAX);
    options.vad.sustained_ms = u32::try_from(call.barge_in_ms).unwrap_or(u32::MAX);
    options
}

/// What the control plane is opened with.
///
/// # Errors
/// See [`WiringError`].
pub fn control_plane(
    config: &Config,
    metrics: PrometheusHandle,
) -> Result<ControlPlaneSettings, WiringError> {
    let tenant = &config.tenant;
    let client = http_client(HttpOptions::default())?;
    Ok(ControlPlaneSettings {
        base_url: address("base_url", &config.public_url())?,
        data_dir: config.data_dir.clone(),
        store: match &config.store.url {
            Some(url) => StoreSettings::Postgres { url: url.clone() },
            None => StoreSettings::Embedded,
        },
        keys: config.key_ring()?,
        carrier_api: carrier_api(config)?,
        platform_account: platform_account(config),
        metrics,
        limits: ControlPlaneOptions::default(),
        recording: RecordingSettings { opus: config.recording.opus, keep_wav: config.recording.keep_wav },
        tenant: TenantSettings {
            id: TenantId::from(tenant.id.as_str()),
            name: tenant.name.clone(),
            twilio: TwilioAccount {
                account_sid: tenant.twilio.account_sid.clone().unwrap_or_default(),
                auth_token: tenant.twilio.auth_token.clone().unwrap_or_else(|| Secret::new("")),
                previous_auth_token: tenant.twilio.previous_auth_token.clone(),
                shared_keys: HashMap::new(),
            },
            numbers: tenant.twilio.numbers.clone(),
            assistant: Arc::new(assistant(config)),
            remote_tools: remote_tools(config)?,
            transfer_targets: tenant.transfer_targets.clone().into_iter().collect(),
            stt: stt(config)?,
            llm: llm(config, &client)?,
            tts: tts(config, &client)?,
            record: tenant.record,
            texts: CarrierTexts::default(),
        },
    })
}

/// How the carrier's API is reached.
///
/// # Errors
/// See [`WiringError`].
pub fn carrier_api(config: &Config) -> Result<TwilioOptions, WiringError> {
    Ok(TwilioOptions::at(address("tenant.twilio.base_url", &config.tenant.twilio.base_url)?))
}

/// The account in which subaccounts are made.
#[must_use]
pub fn platform_account(config: &Config) -> Option<Credentials> {
    let twilio = &config.platform.twilio;
    let account_sid = twilio.account_sid.as_deref()?.parse().ok()?;
    Some(Credentials::AuthToken { account_sid, auth_token: twilio.auth_token.clone()? })
}

fn assistant(config: &Config) -> Assistant {
    let assistant = &config.assistant;
    let tools = assistant.tools.iter().map(|tool| ToolSpec {
        schema: ToolSchema {
            name: tool.name.clone(),
            description: tool.description().to_owned(),
            parameters: config.parameters_of(tool),
        },
        kind: match tool.kind {
            ToolKind::Http => EngineToolKind::Remote,
            ToolKind::EndCall => EngineToolKind::EndCall,
            ToolKind::TransferCall => EngineToolKind::TransferCall,
        },
        timeout: Duration::from_millis(tool.timeout_ms),
        read_only: tool.read_only,
    });
    Assistant {
        id: AssistantId(format!("asst_{}", config.tenant.id)),
        prompt: assistant.prompt.clone(),
        greeting: Some(assistant.greeting.clone()).filter(|greeting| !greeting.trim().is_empty()),
        idle_prompts: assistant.idle_prompts.clone(),
        goodbye: assistant.goodbye.clone(),
        apology: assistant.apology.clone(),
        tool_filler: assistant.tool_filler.clone(),
        language: assistant.language.clone(),
        voice: String::new(),
        keyterms: assistant.keyterms.clone(),
        tools: tools.collect(),
        max_tokens: assistant.max_tokens,
    }
}

fn remote_tools(config: &Config) -> Result<HashMap<String, RemoteTool>, WiringError> {
    let mut remote = HashMap::new();
    for tool in config.assistant.tools.iter().filter(|tool| tool.kind == ToolKind::Http) {
        let url = address("assistant.tools.url", tool.url.as_deref().unwrap_or_default())?;
        let signing_secret = tool.signing_secret.clone().unwrap_or_else(|| Secret::new(""));
        remote.insert(tool.name.clone(), RemoteTool { url, signing_secret });
    }
    Ok(remote)
}

fn stt(config: &Config) -> Result<Vec<Arc<dyn SttProvider>>, WiringError> {
    let mut providers: Vec<Arc<dyn SttProvider>> = Vec::new();
    for name in config.usable_stt() {
        match name {
            SttName::Deepgram => {
                let deepgram = &config.providers.deepgram;
                let base_url = address("providers.deepgram.base_url", &deepgram.base_url)?;
                let settings =
                    DeepgramSettings::new(base_url, key(deepgram.api_key.as_ref()), &deepgram.model);
                providers.push(Arc::new(Deepgram::new(settings)));
            }
        }
    }
    some(providers, "speech recognition")
}

fn llm(config: &Config, client: &reqwest::Client) -> Result<Vec<Arc<dyn LlmProvider>>, WiringError> {
    let mut providers: Vec<Arc<dyn LlmProvider>> = Vec::new();
    for name in config.usable_llm() {
        match name {
            LlmName::Anthropic => {
                let own = &config.providers.anthropic;
                let base_url = address("providers.anthropic.base_url", &own.base_url)?;
                let mut settings = AnthropicSettings::new(base_url, key(own.api_key.as_ref()), &own.model);
                if let Some(version) = &own.version {
                    settings.version.clone_from(version);
                }
                match own.auth {
                    Some(AnthropicAuth::Bearer) => settings.auth = anthropic::AnthropicAuth::Bearer,
                    Some(AnthropicAuth::XApiKey) => settings.auth = anthropic::AnthropicAuth::ApiKeyHeader,
                    None => {}
                }
                providers.push(Arc::new(Anthropic::new(settings, client.clone())));
            }
            LlmName::Openai => {
                let own = &config.providers.openai;
                let base_url = address("providers.openai.base_url", &own.base_url)?;
                let mut settings = OpenAiChatSettings::new(base_url, own.api_key.clone(), &own.model);
                match own.max_tokens_field {
                    Some(MaxTokensField::MaxTokens) => settings.token_limit = TokenLimitField::MaxTokens,
                    Some(MaxTokensField::MaxCompletionTokens) => {
                        settings.token_limit = TokenLimitField::MaxCompletionTokens;
                    }
                    None => {}
                }
                providers.push(Arc::new(OpenAiChat::new(settings, client.clone())));
            }
        }
    }
    some(providers, "the language model")
}

fn tts(config: &Config, client: &reqwest::Client) -> Result<Vec<Arc<dyn TtsProvider>>, WiringError> {
    let mut providers: Vec<Arc<dyn TtsProvider>> = Vec::new();
    for name in config.usable_tts() {
        let inner: Arc<dyn TtsProvider> = match name {
            TtsName::Elevenlabs => {
                let own = &config.providers.elevenlabs;
                let base_url = address("providers.elevenlabs.base_url", &own.base_url)?;
                let settings = ElevenLabsSettings::new(base_url, key(own.api_key.as_ref()), &own.model);
                Arc::new(ElevenLabs::new(settings))
            }
            TtsName::Openai => {
                let own = &config.providers.openai;
                let base_url = address("providers.openai.base_url", &own.base_url)?;
                let settings = OpenAiSpeechSettings::new(base_url, own.api_key.clone(), &own.speech_model);
                Arc::new(OpenAiSpeech::new(settings, client.clone()))
            }
        };
        let voice = config.voice_of(name).unwrap_or_default().to_owned();
        providers.push(Arc::new(WithVoice { inner, voice }));
    }
    some(providers, "speech synthesis")
}

/// A provider that always speaks with a voice of its own: a voice's id means nothing to another provider.
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

/// A service of one's own may need no key.
fn key(key: Option<&Secret>) -> Secret {
    key.cloned().unwrap_or_else(|| Secret::new(""))
}

fn some<T>(providers: Vec<T>, stage: &'static str) -> Result<Vec<T>, WiringError> {
    if providers.is_empty() { Err(WiringError::NoProvider { stage }) } else { Ok(providers) }
}

fn address(key: &'static str, value: &str) -> Result<Url, WiringError> {
    Url::parse(value).map_err(|source| WiringError::Address { key, value: value.to_owned(), source })
}
