//! The events of an answer.

use super::AnthropicSettings;
use crate::{
    llm::{
        LlmEvent, StopReason, ToolCall, Usage,
        sse::SseEvent,
        transport::{AnswerParser, LONGEST_ARGUMENTS, MOST_CALLS, Progress, arguments, finished},
    },
    provider::{ErrorKind, ProviderError, Secret, http::ErrorBody, misunderstood, quoted},
};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Reads one answer.
#[derive(Debug)]
pub(super) struct Parser {
    provider: String,
    secret: Secret,
    /// By index: blocks do not interleave today, but they are numbered.
    blocks: BTreeMap<u64, Block>,
    stop_reason: Option<String>,
    usage: WireUsage,
    calls: usize,
    argument_bytes: usize,
    /// A call's arguments were not a JSON object: forgiven only if the length limit cut them.
    broken_call: bool,
}

/// A block that is being written.
#[derive(Debug)]
enum Block {
    Text,
    Tool {
        id: String,
        name: String,
        input: Map<String, Value>,
        json: String,
    },
    /// Thinking, and whatever else is not meant for the caller.
    Silent,
}

impl Parser {
    pub(super) fn new(settings: &AnthropicSettings) -> Self {
        Self {
            provider: settings.name.clone(),
            secret: settings.api_key.clone(),
            blocks: BTreeMap::new(),
            stop_reason: None,
            usage: WireUsage::default(),
            calls: 0,
            argument_bytes: 0,
            broken_call: false,
        }
    }

    fn error(&self, message: impl AsRef<str>, kind: ErrorKind) -> ProviderError {
        ProviderError::new(&self.provider, "answering", quoted(message.as_ref(), Some(&self.secret)), kind)
    }

    fn start_block(
        &mut self,
        index: u64,
        block: WireBlock,
        answer: &mut Vec<LlmEvent>,
    ) -> Result<(), ProviderError> {
        let block = match block.kind.as_deref() {
            Some("text") => {
                say(answer, block.text);
                Block::Text
            }
            Some("tool_use") => {
                self.calls += 1;
                Block::Tool {
                    id: block.id.unwrap_or_default(),
                    name: block.name.unwrap_or_default(),
                    input: block.input.unwrap_or_default(),
                    json: String::new(),
                }
            }
            Some(_) | None => Block::Silent,
        };
        if self.calls > MOST_CALLS {
            return Err(self.error("too many tool calls in one answer", ErrorKind::Transient));
        }
        self.blocks.insert(index, block);
        Ok(())
    }

    fn extend_block(
        &mut self,
        index: u64,
        delta: WireDelta,
        answer: &mut Vec<LlmEvent>,
    ) -> Result<(), ProviderError> {
        match (delta.kind.as_deref(), self.blocks.get_mut(&index)) {
            (Some("text_delta"), Some(Block::Text) | None) => say(answer, delta.text),
            (Some("input_json_delta"), Some(Block::Tool { json, .. })) => {
                let piece = delta.partial_json.unwrap_or_default();
                json.push_str(&piece);
                self.argument_bytes += piece.len();
                if self.argument_bytes > LONGEST_ARGUMENTS {
                    return Err(self.error("the arguments of a tool call are too long", ErrorKind::Transient));
                }
            }
            // Thinking, signatures, citations, and kinds that are yet to come.
            (_, _) => {}
        }
        Ok(())
    }

    fn stop_block(&mut self, index: u64, answer: &mut Vec<LlmEvent>) {
        match self.blocks.remove(&index) {
            Some(Block::Tool { id, name, input, json }) => {
                let arguments = if json.trim().is_empty() { Some(input) } else { arguments(&json) };
                match arguments {
                    Some(arguments) => answer.push(LlmEvent::ToolCall(ToolCall { id, name, arguments })),
                    None => self.broken_call = true,
                }
            }
            Some(Block::Text | Block::Silent) | None => {}
        }
    }

    fn finish(&self, answer: &mut Vec<LlmEvent>) -> Result<Progress, ProviderError> {
        let stop = match self.stop_reason.as_deref() {
            Some("end_turn" | "stop_sequence") => StopReason::EndTurn,
            Some("tool_use") => StopReason::ToolUse,
            Some("max_tokens" | "model_context_window_exceeded") => StopReason::MaxTokens,
            Some("refusal") => StopReason::Refusal,
            other => {
                tracing::warn!(
                    provider = self.provider,
                    stop_reason = other,
                    "answer ended for an unknown reason"
                );
                StopReason::EndTurn
            }
        };
        if self.broken_call && stop != StopReason::MaxTokens {
            return Err(
                self.error("the arguments of a tool call are not a JSON object", ErrorKind::Transient)
            );
        }
        answer.push(finished(stop, self.calls > 0, self.usage.total()));
        Ok(Progress::Complete)
    }
}

impl AnswerParser for Parser {
    fn read(&mut self, event: &SseEvent, answer: &mut Vec<LlmEvent>) -> Result<Progress, ProviderError> {
        // The event's name is the type of its data; an unknown one need not even be JSON.
        let known = [
            "",
            "message",
            "message_start",
            "content_block_start",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop",
            "error",
        ];
        if !known.contains(&event.name.as_str()) {
            return Ok(Progress::More);
        }
        let wire: WireEvent = serde_json::from_str(&event.data)
            .map_err(|cause| self.error(misunderstood(&cause), ErrorKind::Transient))?;
        match wire {
            WireEvent::MessageStart { message } => self.usage.update(message.usage),
            WireEvent::ContentBlockStart { index, content_block } => {
                self.start_block(index, content_block, answer)?
            }
            WireEvent::ContentBlockDelta { index, delta } => self.extend_block(index, delta, answer)?,
            WireEvent::ContentBlockStop { index } => self.stop_block(index, answer),
            WireEvent::MessageDelta { delta, usage } => {
                self.stop_reason = delta.stop_reason.or_else(|| self.stop_reason.take());
                self.usage.update(usage);
            }
            WireEvent::MessageStop => return self.finish(answer),
            WireEvent::Error(error) => {
                let body = ErrorBody::from_json(&Value::Object(error));
                return Err(self.error(&body.text, stream_error_kind(&body.name)));
            }
            WireEvent::Other => {}
        }
        Ok(Progress::More)
    }

    fn end(&mut self, _: &mut Vec<LlmEvent>) -> Result<(), ProviderError> {
        Err(self.error("the answer ended without its end mark", ErrorKind::Transient))
    }
}

/// What follows from an error that comes after the answer has begun.
fn stream_error_kind(name: &str) -> ErrorKind {
    match name {
        "rate_limit_error" => ErrorKind::RateLimited { after_ms: None },
        "authentication_error" | "billing_error" | "permission_error" => ErrorKind::Auth,
        "invalid_request_error" | "not_found_error" | "request_too_large" => ErrorKind::Rejected,
        _ => ErrorKind::Transient,
    }
}

fn say(answer: &mut Vec<LlmEvent>, text: Option<String>) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        answer.push(LlmEvent::Text(text));
    }
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum WireEvent {
    MessageStart {
        message: WireMessage,
    },
    ContentBlockStart {
        index: u64,
        content_block: WireBlock,
    },
    ContentBlockDelta {
        index: u64,
        delta: WireDelta,
    },
    ContentBlockStop {
        index: u64,
    },
    MessageDelta {
        delta: WireMessageDelta,
        usage: Option<WireUsage>,
    },
    MessageStop,
    Error(Map<String, Value>),
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct WireMessage {
    usage: Option<WireUsage>,
}

#[derive(Deserialize)]
struct WireBlock {
    #[serde(rename = "type")]
    kind: Option<String>,
    text: Option<String>,
    id: Option<String>,
    name: Option<String>,
    input: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct WireDelta {
    #[serde(rename = "type")]
    kind: Option<String>,
    text: Option<String>,
    partial_json: Option<String>,
}

#[derive(Deserialize)]
struct WireMessageDelta {
    stop_reason: Option<String>,
}

/// Cumulative: a later value replaces an earlier one.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct WireUsage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
}

impl WireUsage {
    fn update(&mut self, later: Option<Self>) {
        let later = later.unwrap_or_default();
        self.input_tokens = later.input_tokens.or(self.input_tokens);
        self.output_tokens = later.output_tokens.or(self.output_tokens);
        self.cache_creation_input_tokens =
            later.cache_creation_input_tokens.or(self.cache_creation_input_tokens);
        self.cache_read_input_tokens = later.cache_read_input_tokens.or(self.cache_read_input_tokens);
    }

    fn total(&self) -> Usage {
        let cached_tokens = self.cache_read_input_tokens.unwrap_or(0);
        let written = self.cache_creation_input_tokens.unwrap_or(0);
        Usage {
            input_tokens: self
                .input_tokens
                .unwrap_or(0)
                .saturating_add(cached_tokens)
                .saturating_add(written),
            cached_tokens,
            output_tokens: self.output_tokens.unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests;
