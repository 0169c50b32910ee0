//! One streamed request: the task that sends it, decodes its events and hands the answer on.

use super::{
    LlmEvent, LlmStream, StopReason, Usage,
    sse::{SseDecoder, SseEvent},
};
use crate::provider::{AbortOnDrop, ErrorKind, ProviderError, http::Exchange};
use reqwest::{RequestBuilder, Response};
use std::time::Duration;
use tokio::sync::mpsc;

/// Pieces of an answer that may wait for their reader: some seconds of a fast model.
const EVENTS: usize = 64;

/// After an answer the connection is read to the end of the response, so that the next request can use it, but
/// not for longer than this: a new connection costs less.
const DRAIN: Duration = Duration::from_secs(2);

/// Reads a provider's events.
pub(super) trait AnswerParser: Send + 'static {
    /// Takes one event and appends what it says.
    fn read(&mut self, event: &SseEvent, answer: &mut Vec<LlmEvent>) -> Result<Progress, ProviderError>;

    /// The response ended without [`Progress::Complete`].
    fn end(&mut self, answer: &mut Vec<LlmEvent>) -> Result<(), ProviderError>;
}

/// Whether an answer goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    More,
    /// [`LlmEvent::Finished`] was given.
    Complete,
}

/// Starts the request. Dropping the stream aborts it and closes its connection (of HTTP/2, its stream).
pub(super) fn start(exchange: Exchange, request: RequestBuilder, parser: impl AnswerParser) -> LlmStream {
    let (sender, events) = mpsc::channel(EVENTS);
    let task = tokio::spawn(async move {
        if let Err(error) = run(&exchange, request, parser, &sender).await {
            // Nobody is left to tell when the reader is gone.
            drop(sender.send(LlmEvent::Failed(error)).await);
        }
    });
    LlmStream { events, task: AbortOnDrop(task) }
}

async fn run(
    exchange: &Exchange,
    request: RequestBuilder,
    mut parser: impl AnswerParser,
    sender: &mpsc::Sender<LlmEvent>,
) -> Result<(), ProviderError> {
    let mut response = exchange.send(request).await?;
    let mut decoder = SseDecoder::default();
    let mut events = Vec::new();
    let mut answer = Vec::new();
    while let Some(bytes) = exchange.chunk(&mut response).await? {
        let fed = decoder.feed(&bytes, &mut events);
        let mut progress = Ok(Progress::More);
        for event in events.drain(..) {
            progress = parser.read(&event, &mut answer);
            if !matches!(progress, Ok(Progress::More)) {
                break;
            }
        }
        if matches!(progress, Ok(Progress::Complete)) {
            tokio::spawn(drain(response));
            deliver(sender, &mut answer).await;
            return Ok(());
        }
        if !deliver(sender, &mut answer).await {
            return Ok(());
        }
        progress?;
        fed.map_err(|error| exchange.error(error.to_string(), ErrorKind::Transient))?;
    }
    let ended = parser.end(&mut answer);
    deliver(sender, &mut answer).await;
    ended
}

/// Hands pieces to the reader; false when there is none any more.
async fn deliver(sender: &mpsc::Sender<LlmEvent>, answer: &mut Vec<LlmEvent>) -> bool {
    for event in answer.drain(..) {
        if sender.send(event).await.is_err() {
            return false;
        }
    }
    true
}

async fn drain(mut response: Response) {
    let to_the_end = async { while let Ok(Some(_)) = response.chunk().await {} };
    // A response that does not end costs its connection, nothing else.
    drop(tokio::time::timeout(DRAIN, to_the_end).await);
}

/// Opens a connection for later requests, by a request that has no effect.
pub(super) fn warm_up(exchange: Exchange, request: RequestBuilder) {
    tokio::spawn(async move {
        match exchange.send(request).await {
            Ok(_) => tracing::debug!(provider = exchange.provider, "connection open"),
            // Any answer, also a refusal, shows that the connection is there.
            Err(error) => tracing::debug!(provider = exchange.provider, %error, "warmed up"),
        }
    });
}

/// The last event of an answer. A complete answer that called tools waits for their results, whatever its
/// provider calls that.
pub(super) fn finished(stop: StopReason, called_tools: bool, usage: Usage) -> LlmEvent {
    let stop = match (stop, called_tools) {
        (StopReason::EndTurn, true) => StopReason::ToolUse,
        (StopReason::ToolUse, false) => StopReason::EndTurn,
        (stop, _) => stop,
    };
    LlmEvent::Finished { stop, usage }
}

/// A tool call's arguments; nothing at all means none.
pub(super) fn arguments(json: &str) -> Option<serde_json::Map<String, serde_json::Value>> {
    if json.trim().is_empty() { Some(serde_json::Map::new()) } else { serde_json::from_str(json).ok() }
}

/// Longest text of one answer's tool arguments together, in bytes.
pub(super) const LONGEST_ARGUMENTS: usize = 256 * 1024;

/// Most tool calls of one answer.
pub(super) const MOST_CALLS: usize = 32;
