//! From a configuration to running parts: provider clients, the assistant, the control plane's settings and the
//! engine's limits.

use crate::config::{self, AnthropicAuth, Config, KeysError, MaxTokensField, Recording, ToolKind};
use control_plane::{
    mail_servers::MailOptions,
    messengers::MessengerOptions,
    providers::{Access, Dialect, Offer, Service, Services, Stage},
    settings::{
        BusSettings, CarrierTexts, ChosenBy, ControlPlaneOptions, ControlPlaneSettings, Encryption,
        RecordingPlace, RecordingSettings, RemoteTool, S3Options, SignInSettings, StoreSettings,
        TenantSettings, TwilioAccount,
    },
};
use deliveries::{SenderOptions, address::Reach};
use engine::{
    ids::{AssistantId, TenantId},
    llm::ToolSchema,
    options::EngineOptions,
    ports::{Assistant, ToolSpec},
    provider::Secret,
};
use gateways::{onesignal::OneSignalOptions, whapi::WhapiOptions};
use identity::openid::OpenIdProvider;
use metrics_exporter_prometheus::PrometheusHandle;
use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
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
    /// The file with mail servers' certificates cannot be read.
    #[error("providers.mail.certificates: {} cannot be read", path.display())]
    Certificates {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// No HTTP client can be made.
    #[error("failed to set up the HTTP client")]
    Client(#[from] reqwest::Error),
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
    let services = services(config)?;
    let providers = services.own_providers(config.assistant.voice.as_deref())?;
    Ok(ControlPlaneSettings {
        base_url: public_url(config)?,
        data_dir: config.data_dir.clone(),
        store: match &config.store.url {
            Some(url) => StoreSettings::Postgres { url: url.clone() },
            None => StoreSettings::Embedded,
        },
        bus: match &config.bus.url {
            Some(url) => BusSettings::Nats { url: url.clone() },
            None => BusSettings::Local,
        },
        keys: config.key_ring()?,
        platform_account: platform_account(config),
        outage_url: outage_url(config)?,
        twilio: carrier_api(config)?,
        messengers: messengers(config)?,
        sign_in: sign_in(config)?,
        services,
        metrics,
        limits: ControlPlaneOptions {
            delivery: SenderOptions {
                reach: if config.webhooks.allow_own_network { Reach::Anywhere } else { Reach::Public },
                ..SenderOptions::default()
            },
            ..ControlPlaneOptions::default()
        },
        recording: RecordingSettings {
            opus: config.recording.opus,
            keep_wav: config.recording.keep_wav,
            place: recording_place(&config.recording)?,
            delete_at_carrier: config.recording.delete_at_carrier,
            link_secret: config.recording.link_secret.clone(),
        },
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
            providers,
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

/// How those are reached that carry messages besides Twilio.
///
/// # Errors
/// See [`WiringError`].
pub fn messengers(config: &Config) -> Result<MessengerOptions, WiringError> {
    let providers = &config.providers;
    let whapi = address("providers.whapi.base_url", &providers.whapi.base_url)?;
    let onesignal = address("providers.onesignal.base_url", &providers.onesignal.base_url)?;
    Ok(MessengerOptions {
        whapi: WhapiOptions::at(whapi),
        onesignal: OneSignalOptions::at(onesignal),
        mail: mail(config)?,
    })
}

/// How tenants' mail servers are reached.
///
/// # Errors
/// See [`WiringError`].
pub fn mail(config: &Config) -> Result<MailOptions, WiringError> {
    let mail = &config.providers.mail;
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path)
            .map_err(|source| WiringError::Certificates { path: path.clone(), source })
    };
    Ok(MailOptions {
        token_url: address("providers.mail.token_url", &mail.token_url)?,
        certificates: mail.certificates.as_ref().map(read).transpose()?,
        reach: if mail.allow_own_network { Reach::Anywhere } else { Reach::Public },
        ..MailOptions::default()
    })
}

/// Where this server is reached.
///
/// # Errors
/// See [`WiringError`].
pub fn public_url(config: &Config) -> Result<Url, WiringError> {
    address("base_url", &config.public_url())
}

/// Where callers are sent when nothing of this installation runs.
///
/// # Errors
/// When the address of the configuration is none.
pub fn outage_url(config: &Config) -> Result<Option<Url>, WiringError> {
    config.platform.outage_url.as_deref().map(|url| address("platform.outage_url", url)).transpose()
}

/// Where each service is reached.
///
/// # Errors
/// When an address of the configuration is none.
pub fn service_addresses(config: &Config) -> Result<BTreeMap<Service, Url>, WiringError> {
    Ok(services(config)?.addresses)
}

/// The account whose credentials stand in the configuration, by its tenant and SID.
#[must_use]
pub fn configured_account(config: &Config) -> HashMap<(store::TenantId, String), Credentials> {
    let twilio = &config.tenant.twilio;
    let configured =
        twilio.account_sid.as_deref().zip(twilio.auth_token.clone()).and_then(|(sid, auth_token)| {
            let account_sid = sid.parse().ok()?;
            let key = (store::TenantId::known(config.tenant.id.as_str()), sid.to_owned());
            Some((key, Credentials::AuthToken { account_sid, auth_token }))
        });
    configured.into_iter().collect()
}

/// The account in which subaccounts are made.
#[must_use]
pub fn platform_account(config: &Config) -> Option<Credentials> {
    let twilio = &config.platform.twilio;
    let account_sid = twilio.account_sid.as_deref()?.parse().ok()?;
    Some(Credentials::AuthToken { account_sid, auth_token: twilio.auth_token.clone()? })
}

fn sign_in(config: &Config) -> Result<SignInSettings, WiringError> {
    let openid = &config.openid;
    let given = (&openid.issuer, &openid.client_id, &openid.client_secret);
    let (Some(issuer), Some(client_id), Some(client_secret)) = given else {
        return Ok(SignInSettings::default());
    };
    let redirect = format!("{}/v1/auth/oidc/{}/callback", config.public_url(), openid.name);
    let provider = OpenIdProvider {
        name: openid.name.clone(),
        issuer: address("openid.issuer", issuer)?,
        client_id: client_id.clone(),
        client_secret: client_secret.clone(),
        redirect: address("base_url", &redirect)?,
        email_hosts: openid.email_hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
    };
    Ok(SignInSettings { openid: vec![provider], ..SignInSettings::default() })
}

fn assistant(config: &Config) -> Assistant {
    let assistant = &config.assistant;
    let tools = assistant.tools.iter().map(|tool| ToolSpec {
        schema: ToolSchema {
            name: tool.name.clone(),
            description: tool.description().to_owned(),
            parameters: config.parameters_of(tool),
        },
        kind: tool.kind.engine(),
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
        remote
            .insert(tool.name.clone(), RemoteTool { url, signing_secret, chosen_by: ChosenBy::Installation });
    }
    Ok(remote)
}

/// The services, how they are reached and what they are asked for. One can be used when it has a key, or when its address
/// is not the vendor's (a server of one's own may need none).
pub(crate) fn services(config: &Config) -> Result<Services, WiringError> {
    let own = &config.providers;
    let addresses = [
        (Service::Deepgram, address("providers.deepgram.base_url", &own.deepgram.base_url)?),
        (Service::Anthropic, address("providers.anthropic.base_url", &own.anthropic.base_url)?),
        (Service::Openai, address("providers.openai.base_url", &own.openai.base_url)?),
        (Service::Elevenlabs, address("providers.elevenlabs.base_url", &own.elevenlabs.base_url)?),
    ];
    let access =
        addresses.iter().filter(|(service, _)| config.is_usable(*service)).map(|(service, base_url)| {
            let (api_key, dialect) = match service {
                Service::Deepgram => (&own.deepgram.api_key, Dialect::default()),
                Service::Anthropic => (&own.anthropic.api_key, anthropic_dialect(&own.anthropic)),
                Service::Openai => (&own.openai.api_key, openai_dialect(&own.openai)),
                Service::Elevenlabs => (&own.elevenlabs.api_key, Dialect::default()),
            };
            (*service, Access { base_url: base_url.clone(), api_key: api_key.clone(), dialect })
        });
    let offer =
        |model: &str, voice: Option<&str>| Offer { model: model.to_owned(), voice: voice.map(str::to_owned) };
    Ok(Services {
        clients: Arc::default(),
        access: access.collect(),
        stt: Stage {
            offers: [(Service::Deepgram, offer(&own.deepgram.model, None))].into(),
            order: config.voice.stt.iter().map(|name| name.service()).collect(),
        },
        llm: Stage {
            offers: [
                (Service::Anthropic, offer(&own.anthropic.model, None)),
                (Service::Openai, offer(&own.openai.model, None)),
            ]
            .into(),
            order: config.voice.llm.iter().map(|name| name.service()).collect(),
        },
        tts: Stage {
            offers: [
                (
                    Service::Elevenlabs,
                    offer(&own.elevenlabs.model, Some(own.elevenlabs.voice.as_deref().unwrap_or_default())),
                ),
                (Service::Openai, offer(&own.openai.speech_model, Some(&own.openai.speech_voice))),
            ]
            .into(),
            order: config.voice.tts.iter().map(|name| name.service()).collect(),
        },
        addresses: addresses.into(),
    })
}

fn anthropic_dialect(own: &config::Anthropic) -> Dialect {
    let auth = own.auth.map(|auth| match auth {
        AnthropicAuth::Bearer => "bearer".to_owned(),
        AnthropicAuth::XApiKey => "x-api-key".to_owned(),
    });
    Dialect { version: own.version.clone(), auth, ..Dialect::default() }
}

fn openai_dialect(own: &config::Openai) -> Dialect {
    let max_tokens_field = own.max_tokens_field.map(|field| match field {
        MaxTokensField::MaxTokens => "max_tokens".to_owned(),
        MaxTokensField::MaxCompletionTokens => "max_completion_tokens".to_owned(),
    });
    Dialect { max_tokens_field, ..Dialect::default() }
}

/// Where recordings stay.
fn recording_place(recording: &Recording) -> Result<RecordingPlace, WiringError> {
    let s3 = &recording.s3;
    let Some(bucket) = &s3.bucket else { return Ok(RecordingPlace::Folder(recording.folder.clone())) };
    let key_id = s3.access_key_id.clone().unwrap_or_default();
    let secret = s3.secret_access_key.clone().unwrap_or_else(|| Secret::new(""));
    let amazon = format!("https://s3.{}.amazonaws.com", s3.region);
    let endpoint = address("recording.s3.endpoint", s3.endpoint.as_deref().unwrap_or(&amazon))?;
    let public = s3.public_endpoint.as_deref();
    let public_endpoint = public.map(|text| address("recording.s3.public_endpoint", text)).transpose()?;
    Ok(RecordingPlace::S3(Box::new(S3Options {
        public_endpoint,
        // Amazon has the bucket before the host, compatible servers in the path.
        path_style: s3.endpoint.is_some(),
        session_token: s3.session_token.clone(),
        encryption: if s3.encrypt { Encryption::Aes256 } else { Encryption::OfBucket },
        ..S3Options::at(endpoint, &s3.region, bucket, &key_id, secret)
    })))
}

fn address(key: &'static str, value: &str) -> Result<Url, WiringError> {
    Url::parse(value).map_err(|source| WiringError::Address { key, value: value.to_owned(), source })
}
