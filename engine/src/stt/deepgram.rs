//! Deepgram's live transcription, `listen` version 1.
//!
//! A session that ends in any other way than by our asking and a close with 1000 ends with an error
//! (`docs/adr/0002-own-deepgram-client.md`). The caller batches audio: 20 to 250 ms a message.

use crate::{
    provider::{
        AbortOnDrop, ConnectLimits, ErrorKind, ProviderError, Secret,
        liveness::SocketTimers,
        misunderstood, quoted,
        websocket::{self, Ending, Endpoint, Frame, Output, Protocol},
    },
    stt::{SttCommand, SttEvent, SttProvider, SttSession, SttSpec},
};
use futures_util::future::BoxFuture;
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes, http::header::AUTHORIZATION};
use url::Url;
use wire::Incoming;

mod wire;

/// Audio messages that may wait for the network: at 100 ms each 3.2 s, beyond which the session is as good as
/// broken.
const COMMANDS: usize = 32;

/// Transcripts that may wait for their reader: at three interims a second many seconds' worth.
const EVENTS: usize = 64;

/// How Deepgram is reached and what it is asked for.
#[derive(Clone, Debug)]
pub struct DeepgramSettings {
    /// The provider's name in logs and journals.
    pub name: String,
    /// `https://api.deepgram.com`, or a compatible server; `http` and `ws` are taken too.
    pub base_url: Url,
    /// The API key.
    pub api_key: Secret,
    /// Such as `nova-3`.
    pub model: String,
    /// Write numbers, dates and the like as one would. Costs the finals a little time.
    pub smart_format: bool,
    /// Write spoken numbers as digits, so that a dictated number can be looked up.
    pub numerals: bool,
    /// Ask Deepgram not to train on the audio.
    pub opt_out_of_training: bool,
    /// Time to open a session. Default 3 s.
    pub limits: ConnectLimits,
    /// A `KeepAlive` goes out after this long without audio. Default 4 s: Deepgram closes after 10 s, and one of
    /// them may get lost with a connection that breaks.
    pub keep_alive: Duration,
    /// A websocket ping goes out this often. Default 5 s.
    pub ping_every: Duration,
    /// The session fails when nothing at all came in for this long. Default 12 s: two pings unanswered.
    pub pong_timeout: Duration,
    /// The session fails when one message needs longer to leave. Default 5 s.
    pub write_timeout: Duration,
    /// The session fails when Deepgram does not close within this time after being asked. Default 5 s.
    pub close_timeout: Duration,
}

impl DeepgramSettings {
    /// Settings with their defaults.
    #[must_use]
    pub fn new(base_url: Url, api_key: Secret, model: &str) -> Self {
        Self {
            name: "deepgram".to_owned(),
            base_url,
            api_key,
            model: model.to_owned(),
            smart_format: true,
            numerals: false,
            opt_out_of_training: false,
            limits: ConnectLimits::default(),
            keep_alive: Duration::from_secs(4),
            ping_every: Duration::from_secs(5),
            pong_timeout: Duration::from_secs(12),
            write_timeout: Duration::from_secs(5),
            close_timeout: Duration::from_secs(5),
        }
    }
}

/// The provider.
#[derive(Clone, Debug)]
pub struct Deepgram {
    settings: Arc<DeepgramSettings>,
}

impl Deepgram {
    /// A provider with these settings.
    #[must_use]
    pub fn new(settings: DeepgramSettings) -> Self {
        Self { settings: Arc::new(settings) }
    }
}

impl SttProvider for Deepgram {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn connect(&self, spec: SttSpec) -> BoxFuture<'static, Result<SttSession, ProviderError>> {
        let settings = Arc::clone(&self.settings);
        Box::pin(async move {
            let endpoint = Endpoint {
                provider: settings.name.clone(),
                url: wire::listen_url(&settings, &spec),
                auth: (AUTHORIZATION, format!("Token {}", settings.api_key.reveal())),
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
            let session = Session { settings, asked_to_close: false };
            let task = tokio::spawn(websocket::run(socket, session, command_receiver, event_sender, timers));
            Ok(SttSession { commands, events, task: AbortOnDrop(task) })
        })
    }
}

/// One session's protocol.
struct Session {
    settings: Arc<DeepgramSettings>,
    asked_to_close: bool,
}

impl Protocol for Session {
    type Command = SttCommand;
    type Event = Result<SttEvent, ProviderError>;

    fn provider(&self) -> &str {
        &self.settings.name
    }

    fn command(&mut self, command: Option<SttCommand>, output: &mut Output<Self::Event>) {
        match command {
            // An empty message would end the stream.
            Some(SttCommand::Audio(audio)) if audio.is_empty() => {}
            Some(SttCommand::Audio(audio)) => {
                output.frames.push_back(Frame { message: Message::Binary(audio), feeds: true });
            }
            Some(SttCommand::Finalize) => {
                let message = Message::Text(Utf8Bytes::from_static(wire::FINALIZE));
                output.frames.push_back(Frame { message, feeds: false });
            }
            Some(SttCommand::Close) | None => {
                self.asked_to_close = true;
                output.closing = true;
                output.text(Utf8Bytes::from_static(wire::CLOSE_STREAM));
            }
        }
    }

    fn text(&mut self, text: &str, output: &mut Output<Self::Event>) -> Result<(), ProviderError> {
        let error =
            |message| ProviderError::new(&self.settings.name, "reading", message, ErrorKind::Transient);
        match wire::parse(text).map_err(|cause| error(misunderstood(&cause)))? {
            Incoming::Event { channel: 0, event } => output.events.push_back(Ok(event)),
            // A session is mono: a second channel is none of ours.
            Incoming::Event { .. } | Incoming::Ignored => {}
            Incoming::Summary { billed_seconds } => {
                tracing::debug!(provider = self.settings.name, billed_seconds, "transcription ended");
            }
            Incoming::Complaint(text) => {
                let text = quoted(&text, Some(&self.settings.api_key));
                tracing::warn!(
                    provider = self.settings.name,
                    text,
                    "the recogniser did not accept a message"
                );
            }
        }
        Ok(())
    }

    fn keep_alive(&self) -> Utf8Bytes {
        Utf8Bytes::from_static(wire::KEEP_ALIVE)
    }

    fn ended(&mut self, ending: Ending, _: &mut Output<Self::Event>) -> Result<(), ProviderError> {
        ending.error(&self.settings.name, &self.settings.api_key, self.asked_to_close)
    }

    fn failure(error: ProviderError) -> Self::Event {
        Err(error)
    }
}

#[cfg(test)]
mod tests;
