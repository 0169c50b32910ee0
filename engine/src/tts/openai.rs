//! Speech as OpenAI and compatible servers make it: one request per sentence, PCM in the response's body,
//! converted for the telephone line here. There is no alignment.

use crate::{
    ids::SentenceId,
    provider::{
        AbortOnDrop, ConnectLimits, ErrorKind, ProviderError, Secret,
        http::{Exchange, openai_endpoint},
    },
    tts::{TtsCommand, TtsEvent, TtsProvider, TtsSession, TtsSpec},
};
use audio_dsp::chain::PcmToUlaw;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use reqwest::Client;
use serde_json::{Map, Value, json};
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::sync::mpsc;
use url::Url;

/// Commands that may wait: more than an answer has sentences under way.
const COMMANDS: usize = 32;

/// Pieces of audio that may wait for their reader: beyond that the response is held back.
const EVENTS: usize = 64;

/// Sentences that may wait for their request: a whole long answer. One more fails.
const SENTENCES_WAITING: usize = 64;

/// How the API is reached and how it speaks.
#[derive(Clone, Debug)]
pub struct OpenAiSpeechSettings {
    /// The provider's name in logs and journals.
    pub name: String,
    /// Up to and with the API's version; without a path, `/v1` is meant.
    pub base_url: Url,
    /// The API key; a server of one's own may need none.
    pub api_key: Option<Secret>,
    /// Such as `gpt-4o-mini-tts`.
    pub model: String,
    /// Rate of the PCM that comes back, in Hz. Default 24,000, OpenAI's; some compatible servers give 16,000.
    pub sample_rate: u32,
    /// More fields of the request, such as `instructions` or `speed`; they win over our own.
    pub extra: Map<String, Value>,
    /// Time to the response's headers. Default 5 s: the caller waits in silence.
    pub limits: ConnectLimits,
    /// Longest silence within a response. Default 5 s: audio comes faster than it is spoken, or it is of no use.
    pub idle_timeout: Duration,
}

impl OpenAiSpeechSettings {
    /// Settings with their defaults.
    #[must_use]
    pub fn new(base_url: Url, api_key: Option<Secret>, model: &str) -> Self {
        Self {
            name: "openai-speech".to_owned(),
            base_url,
            api_key,
            model: model.to_owned(),
            sample_rate: 24_000,
            extra: Map::new(),
            limits: ConnectLimits { connect: Duration::from_secs(5) },
            idle_timeout: Duration::from_secs(5),
        }
    }
}

/// The provider.
#[derive(Clone, Debug)]
pub struct OpenAiSpeech {
    settings: Arc<OpenAiSpeechSettings>,
    client: Client,
}

impl OpenAiSpeech {
    /// A provider with these settings, over the client that all providers share.
    #[must_use]
    pub fn new(settings: OpenAiSpeechSettings, client: Client) -> Self {
        Self { settings: Arc::new(settings), client }
    }
}

impl TtsProvider for OpenAiSpeech {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn connect(&self, spec: TtsSpec) -> BoxFuture<'static, Result<TtsSession, ProviderError>> {
        let settings = Arc::clone(&self.settings);
        let client = self.client.clone();
        Box::pin(async move {
            let exchange = Exchange {
                provider: settings.name.clone(),
                doing: "speaking",
                secret: settings.api_key.clone(),
                headers: settings.limits.connect,
                idle: settings.idle_timeout,
            };
            // A session with a rate that nobody can convert would fail on each sentence: it does not open.
            PcmToUlaw::new(settings.sample_rate)
                .map_err(|error| exchange.error(error.to_string(), ErrorKind::Rejected))?;
            let (commands, command_receiver) = mpsc::channel(COMMANDS);
            let (events, event_receiver) = mpsc::channel(EVENTS);
            let speaker = Arc::new(Speaker { settings, client, exchange, voice: spec.voice, events });
            let task = tokio::spawn(run(speaker, command_receiver));
            Ok(TtsSession { commands, events: event_receiver, task: AbortOnDrop(task) })
        })
    }
}

/// Takes commands while one sentence at a time is spoken.
async fn run(speaker: Arc<Speaker>, mut commands: mpsc::Receiver<TtsCommand>) {
    let mut waiting: VecDeque<(SentenceId, String)> = VecDeque::new();
    let mut current: Option<(SentenceId, BoxFuture<'static, ()>)> = None;
    let mut open = true;
    loop {
        if current.is_none() {
            current = waiting.pop_front().map(|(sentence, text)| {
                let speaking: BoxFuture<'static, ()> = Box::pin(Arc::clone(&speaker).speak(sentence, text));
                (sentence, speaking)
            });
        }
        if current.is_none() && !open {
            return;
        }
        let speaking = async {
            match &mut current {
                Some((_, speaking)) => speaking.await,
                None => std::future::pending().await,
            }
        };
        let command = tokio::select! {
            () = speaking => {
                current = None;
                continue;
            }
            command = commands.recv(), if open => command,
        };
        match command {
            Some(TtsCommand::Speak { sentence, text }) if waiting.len() < SENTENCES_WAITING => {
                waiting.push_back((sentence, text));
            }
            Some(TtsCommand::Speak { sentence, .. }) => {
                let error = speaker.exchange.error("too many sentences wait", ErrorKind::Transient);
                speaker.tell(TtsEvent::Failed { sentence: Some(sentence), error }).await;
            }
            Some(TtsCommand::Cancel(sentence)) => {
                waiting.retain(|(known, _)| *known != sentence);
                // Dropping the request closes its connection.
                current.take_if(|(known, _)| *known == sentence);
            }
            Some(TtsCommand::Close) | None => open = false,
        }
    }
}

/// What all sentences of a session share.
struct Speaker {
    settings: Arc<OpenAiSpeechSettings>,
    client: Client,
    exchange: Exchange,
    voice: String,
    events: mpsc::Sender<TtsEvent>,
}

impl Speaker {
    async fn speak(self: Arc<Self>, sentence: SentenceId, text: String) {
        let event = match self.stream(sentence, &text).await {
            Ok(()) => TtsEvent::Done { sentence },
            Err(error) => TtsEvent::Failed { sentence: Some(sentence), error },
        };
        self.tell(event).await;
    }

    async fn stream(&self, sentence: SentenceId, text: &str) -> Result<(), ProviderError> {
        let mut converter = PcmToUlaw::new(self.settings.sample_rate)
            .map_err(|error| self.exchange.error(error.to_string(), ErrorKind::Rejected))?;
        let mut response = self.exchange.send(self.request(text)).await?;
        let mut spoke = false;
        loop {
            let mut audio = Vec::new();
            let pcm = self.exchange.chunk(&mut response).await?;
            match &pcm {
                Some(pcm) => {
                    spoke |= converter.process_le_bytes(pcm, &mut audio) > 0;
                }
                None if !spoke => {
                    let message = "the sentence came back without audio";
                    return Err(self.exchange.error(message, ErrorKind::Transient));
                }
                None => {
                    converter.flush(&mut audio);
                }
            }
            if !audio.is_empty() {
                let audio = Bytes::from(audio);
                self.tell(TtsEvent::Audio { sentence, audio, words: Vec::new() }).await;
            }
            if pcm.is_none() {
                return Ok(());
            }
        }
    }

    fn request(&self, text: &str) -> reqwest::RequestBuilder {
        let settings = &self.settings;
        let mut body = Map::new();
        body.insert("model".to_owned(), json!(settings.model));
        body.insert("input".to_owned(), json!(text));
        body.insert("voice".to_owned(), json!(self.voice));
        body.insert("response_format".to_owned(), json!("pcm"));
        body.extend(settings.extra.clone());
        let post = self.client.post(openai_endpoint(&settings.base_url, "audio/speech")).json(&body);
        match &settings.api_key {
            Some(key) => post.bearer_auth(key.reveal()),
            None => post,
        }
    }

    async fn tell(&self, event: TtsEvent) {
        if self.events.send(event).await.is_err() {
            tracing::trace!(provider = self.settings.name, "nobody listens to the synthesiser any more");
        }
    }
}

#[cfg(test)]
mod tests;
