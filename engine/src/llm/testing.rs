//! What came of an answer, for the tests of the providers' parsers.

use super::{
    LlmEvent, StopReason, Usage,
    sse::SseDecoder,
    transport::{AnswerParser, Progress},
};
use crate::provider::ProviderError;
use serde_json::{Value, json};

/// What an answer came to.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Of the events, in order.
    pub(crate) names: Vec<String>,
    pub(crate) text: String,
    /// With the arguments under the name that the API has for them.
    pub(crate) calls: Vec<Value>,
    pub(crate) finished: Option<(StopReason, Usage)>,
    pub(crate) error: Option<ProviderError>,
}

/// Reads a response that arrives in `pieces`, until the parser says that it is complete or fails.
pub(crate) fn outcome(mut parser: impl AnswerParser, arguments: &str, pieces: &[Vec<u8>]) -> Outcome {
    let mut decoder = SseDecoder::default();
    let mut events = Vec::new();
    for piece in pieces {
        decoder.feed(piece, &mut events).unwrap();
    }
    let mut outcome =
        Outcome { names: events.iter().map(|event| event.name.clone()).collect(), ..Outcome::default() };
    let mut answer = Vec::new();
    let mut complete = false;
    for event in &events {
        match parser.read(event, &mut answer) {
            Ok(Progress::More) => {}
            Ok(Progress::Complete) => complete = true,
            Err(error) => outcome.error = Some(error),
        }
        if complete || outcome.error.is_some() {
            break;
        }
    }
    if !complete && outcome.error.is_none() {
        outcome.error = parser.end(&mut answer).err();
    }
    for event in answer {
        match event {
            LlmEvent::Text(text) => outcome.text.push_str(&text),
            LlmEvent::ToolCall(call) => {
                outcome.calls.push(json!({"id": call.id, "name": call.name, arguments: call.arguments}));
            }
            LlmEvent::Finished { stop, usage } => outcome.finished = Some((stop, usage)),
            LlmEvent::Failed(error) => outcome.error = Some(error),
        }
    }
    outcome
}
