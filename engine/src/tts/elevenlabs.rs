//! ElevenLabs over one websocket for a whole call (`multi-stream-input`): each sentence is a context of its own,
//! so that one can be dropped without a new connection. Audio comes as mu-law and goes to the line unchanged.

use crate::{
    provider::{
        AbortOnDrop, ConnectLimits, ProviderError, Secret,
        liveness::SocketTimers,
        websocket::{self, Endpoint},
    },
    tts::{TtsProvider, TtsSession, TtsSpec},
};
use futures_util::future::BoxFuture;
use session::Session;
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::http::HeaderName;
use url::Url;

mod alignment;
mod session;
mod wire;

/// Commands that may wait for the network: more than an answer has sentences under way.
const COMMANDS: usize = 32;

/// Pieces of audio that may wait for their reader: a sentence comes in some ten of them.
const EVENTS: usize = 64;

/// How ElevenLabs is reached and how it speaks.
#[derive(Clone, Debug)]
pub struct ElevenLabsSettings {
    /// The provider's name in logs and journals.
    pub name: String,
    /// `https://api.elevenlabs.io`, or a compatible server; `http` and `ws` are taken too.
    pub base_url: Url,
    /// The API key.
    pub api_key: Secret,
    /// Such as `eleven_flash_v2_5`.
    pub model: String,
    /// How the voice speaks; `None` leaves it to the voice.
    pub voice_settings: Option<VoiceSettings>,
    /// Send the language. Only models that can be told (flash and turbo, version 2.5) take it.
    pub send_language: bool,
    /// Time to open a session. Default 3 s.
    pub limits: ConnectLimits,
    /// A context that hears nothing is dropped by the service after this time, in s. Default 180, the longest it
    /// takes: our keep-alive is what holds a session, and what ends it is its owner.
    pub inactivity_timeout_s: u32,
    /// A keep-alive goes out after this long without a message. Default 10 s: the service's own limit may be
    /// 20 s whatever it was asked for.
    pub keep_alive: Duration,
    /// A websocket ping goes out this often. Default 5 s.
    pub ping_every: Duration,
    /// The session fails when nothing at all came in for this long. Default 12 s: two pings unanswered.
    pub pong_timeout: Duration,
    /// The session fails when one message needs longer to leave. Default 5 s.
    pub write_timeout: Duration,
    /// The session fails when the service does not close within this time after being asked. Default 10 s: it
    /// speaks what it was given first.
    pub close_timeout: Duration,
}

/// How a voice speaks.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct VoiceSettings {
    /// 0 to 1: from expressive to even.
    pub stability: f32,
    /// 0 to 1: how close to the original voice.
    pub similarity_boost: f32,
    /// Costs latency.
    pub use_speaker_boost: bool,
    /// 0.7 to 1.2; 1 is the voice's own.
    pub speed: f32,
}

impl ElevenLabsSettings {
    /// Settings with their defaults.
    #[must_use]
    pub fn new(base_url: Url, api_key: Secret, model: &str) -> Self {
        Self {
            name: "elevenlabs".to_owned(),
            base_url,
            api_key,
            model: model.to_owned(),
            voice_settings: None,
            send_language: model.ends_with("_v2_5"),
            limits: ConnectLimits::default(),
            inactivity_timeout_s: 180,
            keep_alive: Duration::from_secs(10),
            ping_every: Duration::from_secs(5),
            pong_timeout: Duration::from_secs(12),
            write_timeout: Duration::from_secs(5),
            close_timeout: Duration::from_secs(10),
        }
    }
}

/// The provider.
#[derive(Clone, Debug)]
pub struct ElevenLabs {
    settings: Arc<ElevenLabsSettings>,
}

impl ElevenLabs {
    /// A provider with these settings.
    #[must_use]
    pub fn new(settings: ElevenLabsSettings) -> Self {
        Self { settings: Arc::new(settings) }
    }
}

impl TtsProvider for ElevenLabs {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn connect(&self, spec: TtsSpec) -> BoxFuture<'static, Result<TtsSession, ProviderError>> {
        let settings = Arc::clone(&self.settings);
        Box::pin(async move {
            let endpoint = Endpoint {
                provider: settings.name.clone(),
                url: wire::session_url(&settings, &spec),
                auth: (HeaderName::from_static("xi-api-key"), settings.api_key.reveal().to_owned()),
                secret: settings.api_key.clone(),
                limit: settings.limits.connect,
            };
            let socket = endpoint.connect().await?;
            let (commands, command_receiver) = mpsc::channel(COMMANDS);
            let (event_sender, events) = mpsc::channel(EVENTS);
            let timers = SocketTimers {
                keep_alive: settings.keep_alive,
                ping_every: settings.ping_every,
                pong_timeout: settings.pong_timeout,
                write: settings.write_timeout,
                close: settings.close_timeout,
            };
            let session = Session::new(settings);
            let task = tokio::spawn(websocket::run(socket, session, command_receiver, event_sender, timers));
            Ok(TtsSession { commands, events, task: AbortOnDrop(task) })
        })
    }
}

#[cfg(test)]
mod tests;
