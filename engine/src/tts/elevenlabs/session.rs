//! What is said when in a session, and what the answers mean; without a socket.

use super::{
    ElevenLabsSettings,
    alignment::WordClock,
    wire::{self, Incoming, Unreadable},
};
use crate::{
    ids::SentenceId,
    provider::{
        ErrorKind, ProviderError, misunderstood, quoted,
        websocket::{Ending, Output, Protocol},
    },
    tts::{TtsCommand, TtsEvent},
};
use bytes::Bytes;
use std::sync::Arc;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// One session's protocol.
pub(super) struct Session {
    settings: Arc<ElevenLabsSettings>,
    /// Sentences under way. What comes for any other context was cancelled, or is over, and is dropped.
    sentences: Vec<Sentence>,
    asked_to_close: bool,
}

struct Sentence {
    id: SentenceId,
    context: String,
    words: WordClock,
}

impl Session {
    pub(super) const fn new(settings: Arc<ElevenLabsSettings>) -> Self {
        Self { settings, sentences: Vec::new(), asked_to_close: false }
    }

    fn error(&self, doing: &'static str, message: impl AsRef<str>, kind: ErrorKind) -> ProviderError {
        let message = quoted(message.as_ref(), Some(&self.settings.api_key));
        ProviderError::new(&self.settings.name, doing, message, kind)
    }

    fn speak(&mut self, id: SentenceId, text: &str, output: &mut Output<TtsEvent>) {
        let context = id.to_string();
        let text = text.trim();
        let frames = [
            wire::open_context(&context, self.settings.voice_settings.as_ref()),
            wire::speak(&context, text),
            wire::flush(&context),
            wire::close_context(&context),
        ];
        for frame in frames {
            output.text(frame.to_string());
        }
        self.sentences.push(Sentence { id, context, words: WordClock::new(text) });
    }

    fn take(&mut self, context: &str) -> Option<Sentence> {
        let place = self.sentences.iter().position(|sentence| sentence.context == context)?;
        Some(self.sentences.remove(place))
    }

    fn piece(
        &mut self,
        context: &str,
        audio: Vec<u8>,
        alignment: &[wire::TimedText],
        events: &mut Output<TtsEvent>,
    ) {
        let Some(sentence) = self.sentences.iter_mut().find(|sentence| sentence.context == context) else {
            return;
        };
        let words = sentence.words.piece(audio.len(), alignment);
        if !audio.is_empty() {
            let (sentence, audio) = (sentence.id, Bytes::from(audio));
            events.events.push_back(TtsEvent::Audio { sentence, audio, words });
        }
    }

    fn finish(&mut self, context: &str) -> Option<TtsEvent> {
        let sentence = self.take(context)?;
        if sentence.words.has_audio() {
            return Some(TtsEvent::Done { sentence: sentence.id });
        }
        let error = self.error("speaking", "the sentence came back without audio", ErrorKind::Transient);
        Some(TtsEvent::Failed { sentence: Some(sentence.id), error })
    }
}

impl Protocol for Session {
    type Command = TtsCommand;
    type Event = TtsEvent;

    fn provider(&self) -> &str {
        &self.settings.name
    }

    fn command(&mut self, command: Option<TtsCommand>, output: &mut Output<TtsEvent>) {
        match command {
            Some(TtsCommand::Speak { sentence, text }) => self.speak(sentence, &text, output),
            // The context is closed already as far as the service is concerned: what is left of it is dropped
            // here, and closing it twice could end the session.
            Some(TtsCommand::Cancel(sentence)) => self.sentences.retain(|known| known.id != sentence),
            Some(TtsCommand::Close) | None => {
                self.asked_to_close = true;
                output.closing = true;
                output.text(Utf8Bytes::from_static(wire::CLOSE_SOCKET));
            }
        }
    }

    fn text(&mut self, text: &str, output: &mut Output<TtsEvent>) -> Result<(), ProviderError> {
        let incoming = wire::parse(text).map_err(|cause| {
            let message = match &cause {
                Unreadable::Json(cause) => misunderstood(cause),
                Unreadable::Audio(_) => cause.to_string(),
            };
            self.error("reading", message, ErrorKind::Transient)
        })?;
        match incoming {
            Incoming::Piece { context, audio, alignment, is_final } => {
                self.piece(&context, audio, &alignment, output);
                if is_final {
                    output.events.extend(self.finish(&context));
                }
            }
            Incoming::Error { context, name, message, kind } => {
                let error = self.error("speaking", format!("{name}: {message}"), kind);
                match context {
                    None => return Err(error),
                    // Of a context that is over nobody wants to know.
                    Some(context) => output.events.extend(
                        self.take(&context).map(|known| TtsEvent::Failed { sentence: Some(known.id), error }),
                    ),
                }
            }
            Incoming::Ignored => {}
        }
        Ok(())
    }

    fn keep_alive(&self) -> Utf8Bytes {
        Utf8Bytes::from_static(wire::KEEP_ALIVE)
    }

    fn ended(&mut self, ending: Ending, output: &mut Output<TtsEvent>) -> Result<(), ProviderError> {
        ending.error(&self.settings.name, &self.settings.api_key, self.asked_to_close)?;
        for sentence in std::mem::take(&mut self.sentences) {
            let error = self.error("speaking", "the session ended before the sentence", ErrorKind::Transient);
            output.events.push_back(TtsEvent::Failed { sentence: Some(sentence.id), error });
        }
        Ok(())
    }

    fn failure(error: ProviderError) -> TtsEvent {
        TtsEvent::Failed { sentence: None, error }
    }
}
