//! The configuration: one TOML file, the environment over it, checked as a whole.
//!
//! A [`Config`] that [`Config::load`] returned holds only values that the rest of the program can use without
//! looking twice. What is wrong is reported with the file's line or the variable's name, and with what to
//! write instead; everything that is wrong with the values is reported at once. Every option, with its
//! default, stands in [`Config::example`]. Nothing here reads the environment: it is handed in.

use engine::provider::Secret;
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    path::{Path, PathBuf},
};

mod assistant;
mod bus;
mod call;
mod environment;
mod error;
mod file;
mod openid;
mod platform;
mod providers;
mod proxies;
mod recording;
mod secrets;
mod tenant;
mod validate;
mod webhooks;

#[cfg(test)]
mod tests;

pub use self::bus::Bus;
pub use assistant::{Assistant, Parameters, Tool, ToolKind};
pub use call::Call;
pub use error::{ConfigError, Origin, Problem, Problems};
pub use openid::OpenId;
pub use platform::{Platform, PlatformTwilio};
pub use providers::{
    Anthropic, AnthropicAuth, Deepgram, Elevenlabs, LlmName, Mail, MaxTokensField, Openai, Providers,
    SttName, TtsName, Voice,
};
pub use proxies::TrustedProxies;
pub use recording::{Recording, RecordingBucket};
pub use secrets::{KeysError, Secrets};
pub use tenant::{Tenant, Twilio};
pub use webhooks::Webhooks;

/// The environment, as the caller of [`Config::load`] collected it.
pub type Environment = BTreeMap<String, String>;

/// Everything that `tandem serve` can be told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where HTTP and the media WebSocket are served.
    pub listen: SocketAddr,
    /// The proxies before this server, which say from whom a request comes.
    pub trusted_proxies: TrustedProxies,
    /// Public address, without a trailing slash: what the carrier calls, and part of every signature.
    /// Unset: `http://` and [`Config::listen`].
    pub base_url: Option<String>,
    /// Database and recordings.
    pub data_dir: PathBuf,
    /// Where what is kept is kept.
    pub store: Store,
    /// How the nodes speak with each other.
    pub bus: Bus,
    /// What protects stored credentials.
    pub secrets: Secrets,
    /// The OpenID provider at which people can sign in.
    pub openid: OpenId,
    /// How customers' servers are told what happens.
    pub webhooks: Webhooks,
    /// Threads that serve calls; unset: one per core.
    pub worker_threads: Option<usize>,
    /// What is logged, and how.
    pub log: Log,
    /// What belongs to the platform, not to one tenant.
    pub platform: Platform,
    /// The tenant that is set up at the start.
    pub tenant: Tenant,
    /// What becomes of recordings.
    pub recording: Recording,
    /// Who answers that tenant's calls.
    pub assistant: Assistant,
    /// Outside services.
    pub providers: Providers,
    /// Which services serve a call, in the order in which they are tried.
    pub voice: Voice,
    /// Timers of a call.
    pub call: Call,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 8080)),
            trusted_proxies: TrustedProxies::default(),
            base_url: None,
            data_dir: PathBuf::from("data"),
            store: Store::default(),
            bus: Bus::default(),
            secrets: Secrets::default(),
            openid: OpenId::default(),
            webhooks: Webhooks::default(),
            worker_threads: None,
            log: Log::default(),
            platform: Platform::default(),
            tenant: Tenant::default(),
            recording: Recording::default(),
            assistant: Assistant::default(),
            providers: Providers::default(),
            voice: Voice::default(),
            call: Call::default(),
        }
    }
}

/// Where what is kept is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// A PostgreSQL database that several nodes may share, `postgres://user:password@host/database`. Unset: a file in
    /// [`Config::data_dir`].
    pub url: Option<Secret>,
}

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// A level, or a filter such as `info,engine=debug`.
    pub level: String,
    /// For people or for machines.
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text }
    }
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// A configuration file's text, and what to call it in messages.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Its path, as the user gave it.
    pub name: &'a str,
    /// Its text.
    pub text: &'a str,
}

impl Config {
    /// The fully commented example: every option with its default, unit and reason.
    #[must_use]
    pub const fn example() -> &'static str {
        include_str!("../deploy/tandem.example.toml")
    }

    /// The configuration of `file`, or the defaults without one, with `environment` over it.
    ///
    /// # Errors
    /// [`ConfigError::File`] and [`ConfigError::Variable`] for what cannot be understood (the first of it),
    /// [`ConfigError::Problems`] for values that cannot be used (all of them).
    pub fn load(file: Option<Source<'_>>, environment: &Environment) -> Result<Self, ConfigError> {
        let (config, table) = match file {
            Some(source) => file::parse(source)?,
            None => (Self::default(), toml::Table::new()),
        };
        let (mut config, overlaid) = environment::overlay(config, table, environment)?;
        config.normalise();
        let problems = validate::problems(&config);
        if problems.is_empty() {
            return Ok(config);
        }
        Err(ConfigError::Problems(Problems::locate(problems, file, &overlaid)))
    }

    /// [`Config::load`] of the file at `path`.
    ///
    /// # Errors
    /// [`ConfigError::Unreadable`] if there is no such file or it is not UTF-8; else as [`Config::load`].
    pub fn read(path: &Path, environment: &Environment) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        Self::load(Some(Source { name: &path.display().to_string(), text: &text }), environment)
    }

    /// What is missing before this configuration can answer calls of a real carrier: credentials, a voice, a
    /// public address. Empty when it is ready.
    #[must_use]
    pub fn missing_for_calls(&self) -> Vec<Problem> {
        validate::missing_for_calls(self)
    }

    /// The address that callers of this server use: [`Config::base_url`], or `http://` and
    /// [`Config::listen`].
    #[must_use]
    pub fn public_url(&self) -> String {
        self.base_url.clone().unwrap_or_else(|| format!("http://{}", self.listen))
    }

    /// The file of the embedded database.
    #[must_use]
    pub fn database_file(&self) -> PathBuf {
        self.data_dir.join("tandem.db")
    }

    /// Takes trailing slashes off base URLs, so that a path can be appended to any of them.
    fn normalise(&mut self) {
        let urls = [
            &mut self.providers.deepgram.base_url,
            &mut self.providers.anthropic.base_url,
            &mut self.providers.openai.base_url,
            &mut self.providers.elevenlabs.base_url,
            &mut self.tenant.twilio.base_url,
        ];
        for url in urls.into_iter().chain(self.base_url.as_mut()) {
            url.truncate(url.trim_end_matches('/').len());
        }
    }
}
