//! The chunks of an answer, in any dialect.

use super::{OpenAiChatSettings, thinking::ThinkingFilter};
use crate::{
    llm::{
        LlmEvent, StopReason, ToolCall, Usage,
        sse::SseEvent,
        transport::{AnswerParser, LONGEST_ARGUMENTS, MOST_CALLS, Progress, arguments, finished},
    },
    provider::{ErrorKind, ProviderError, Secret, http::ErrorBody, misunderstood, quoted},
};
use serde::Deserialize;
use serde_json::Value;

/// Reads one answer.
#[derive(Debug)]
pub(super) struct Parser {
    provider: String,
    secret: Option<Secret>,
    thinking: ThinkingFilter,
    calls: Vec<Call>,
    argument_bytes: usize,
    stop: Option<StopReason>,
    refused: bool,
    usage: Usage,
}

/// A tool call that is being written.
#[derive(Debug)]
struct Call {
    index: usize,
    id: String,
    name: String,
    json: String,
}

impl Parser {
    pub(super) fn new(settings: &OpenAiChatSettings) -> Self {
        Self {
            provider: settings.name.clone(),
            secret: settings.api_key.clone(),
            thinking: ThinkingFilter::default(),
            calls: Vec::new(),
            argument_bytes: 0,
            stop: None,
            refused: false,
            usage: Usage::default(),
        }
    }

    fn error(&self, message: impl AsRef<str>, kind: ErrorKind) -> ProviderError {
        ProviderError::new(&self.provider, "answering", quoted(message.as_ref(), self.secret.as_ref()), kind)
    }

    fn extend(&mut self, delta: WireDelta, answer: &mut Vec<LlmEvent>) -> Result<(), ProviderError> {
        if let Some(content) = delta.content {
            let text = self.thinking.push(&spoken_text(content));
            say(answer, text);
        }
        if let Some(refusal) = delta.refusal.filter(|text| !text.is_empty()) {
            self.refused = true;
            answer.push(LlmEvent::Text(refusal));
        }
        for (position, piece) in delta.tool_calls.unwrap_or_default().into_iter().enumerate() {
            self.extend_call(position, piece)?;
        }
        Ok(())
    }

    fn extend_call(&mut self, position: usize, piece: WireCall) -> Result<(), ProviderError> {
        let index = piece.index.unwrap_or(position);
        let function = piece.function.unwrap_or_default();
        let json = match function.arguments {
            Some(Value::String(json)) => json,
            Some(Value::Null) | None => String::new(),
            Some(arguments) => arguments.to_string(),
        };
        self.argument_bytes += json.len();
        let id = piece.id.unwrap_or_default();
        let name = function.name.unwrap_or_default();
        match self.calls.iter_mut().rev().find(|call| call.index == index) {
            Some(call) if !call.is_over(&id, &name) => {
                if call.id.is_empty() {
                    call.id = id;
                }
                if call.name.is_empty() {
                    call.name = name;
                }
                call.json.push_str(&json);
            }
            Some(_) | None => self.calls.push(Call { index, id, name, json }),
        }
        if self.calls.len() > MOST_CALLS || self.argument_bytes > LONGEST_ARGUMENTS {
            return Err(self.error("too many or too long tool calls in one answer", ErrorKind::Transient));
        }
        Ok(())
    }

    /// The end mark was seen: `[DONE]`, or a reason and the response's end.
    fn finish(&mut self, answer: &mut Vec<LlmEvent>) -> Result<Progress, ProviderError> {
        say(answer, self.thinking.finish());
        let mut stop = self.stop.unwrap_or(StopReason::EndTurn);
        if self.refused {
            stop = StopReason::Refusal;
        }
        let mut called = false;
        for (position, call) in std::mem::take(&mut self.calls).into_iter().enumerate() {
            match arguments(&call.json) {
                Some(arguments) if !call.name.is_empty() => {
                    let id = if call.id.is_empty() { format!("call_{position}") } else { call.id };
                    called = true;
                    answer.push(LlmEvent::ToolCall(ToolCall { id, name: call.name, arguments }));
                }
                // The length limit cut it: it was not made.
                Some(_) | None if stop == StopReason::MaxTokens => {}
                Some(_) => return Err(self.error("a tool call without a name", ErrorKind::Transient)),
                None => {
                    let message = "the arguments of a tool call are not a JSON object";
                    return Err(self.error(message, ErrorKind::Transient));
                }
            }
        }
        answer.push(finished(stop, called, self.usage));
        Ok(Progress::Complete)
    }

    fn stop_reason(&self, name: &str) -> StopReason {
        match name {
            "stop" => StopReason::EndTurn,
            "tool_calls" | "function_call" => StopReason::ToolUse,
            "length" => StopReason::MaxTokens,
            "content_filter" => StopReason::Refusal,
            other => {
                tracing::warn!(
                    provider = self.provider,
                    finish_reason = other,
                    "answer ended for an unknown reason"
                );
                StopReason::EndTurn
            }
        }
    }
}

impl Call {
    /// Whether a piece with this id and name begins another call at the same place, as servers do that number
    /// none of their calls, or all of them 0.
    fn is_over(&self, id: &str, name: &str) -> bool {
        if id.is_empty() || self.id.is_empty() {
            !name.is_empty() && !self.json.is_empty() && arguments(&self.json).is_some()
        } else {
            id != self.id
        }
    }
}

impl AnswerParser for Parser {
    fn read(&mut self, event: &SseEvent, answer: &mut Vec<LlmEvent>) -> Result<Progress, ProviderError> {
        if event.data.trim() == "[DONE]" {
            return self.finish(answer);
        }
        let chunk: WireChunk = serde_json::from_str(&event.data)
            .map_err(|cause| self.error(misunderstood(&cause), ErrorKind::Transient))?;
        if let Some(error) = chunk.error.filter(|error| !error.is_null()) {
            let body = ErrorBody::from_json(&serde_json::json!({"error": error}));
            return Err(self.error(&body.text, stream_error_kind(&body.name)));
        }
        let groq = chunk.x_groq.and_then(|groq| groq.usage);
        if let Some(usage) = chunk.usage.or(groq) {
            self.usage = usage.total();
        }
        let first = |choice: &WireChoice| choice.index.unwrap_or(0) == 0;
        if let Some(choice) = chunk.choices.unwrap_or_default().into_iter().find(first) {
            if let Some(delta) = choice.delta {
                self.extend(delta, answer)?;
            }
            if let Some(reason) = choice.finish_reason.filter(|reason| !reason.is_empty()) {
                self.stop = Some(self.stop_reason(&reason));
            }
        }
        Ok(Progress::More)
    }

    fn end(&mut self, answer: &mut Vec<LlmEvent>) -> Result<(), ProviderError> {
        if self.stop.is_some() {
            return self.finish(answer).map(|_| ());
        }
        Err(self.error("the answer ended without its end mark", ErrorKind::Transient))
    }
}

/// What follows from an error that comes after the answer has begun.
fn stream_error_kind(name: &str) -> ErrorKind {
    match name {
        "rate_limit_exceeded" | "429" => ErrorKind::RateLimited { after_ms: None },
        "insufficient_quota" | "invalid_api_key" => ErrorKind::Auth,
        "invalid_request_error" | "model_not_found" | "context_length_exceeded" => ErrorKind::Rejected,
        _ => ErrorKind::Transient,
    }
}

/// The text of a content, which some servers give as a list of parts.
fn spoken_text(content: Value) -> String {
    match content {
        Value::String(text) => text,
        Value::Array(parts) => parts
            .iter()
            .filter(|part| part.get("type").and_then(Value::as_str) == Some("text"))
            .filter_map(|part| part.get("text").and_then(Value::as_str))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}

fn say(answer: &mut Vec<LlmEvent>, text: String) {
    if !text.is_empty() {
        answer.push(LlmEvent::Text(text));
    }
}

#[derive(Deserialize)]
struct WireChunk {
    choices: Option<Vec<WireChoice>>,
    usage: Option<WireUsage>,
    x_groq: Option<WireGroq>,
    /// An object or a string.
    error: Option<Value>,
}

#[derive(Deserialize)]
struct WireGroq {
    usage: Option<WireUsage>,
}

#[derive(Deserialize)]
struct WireChoice {
    index: Option<u64>,
    delta: Option<WireDelta>,
    finish_reason: Option<String>,
}

/// Thinking (`reasoning_content`, `reasoning`) is left out on purpose.
#[derive(Deserialize)]
struct WireDelta {
    content: Option<Value>,
    refusal: Option<String>,
    tool_calls: Option<Vec<WireCall>>,
}

#[derive(Deserialize)]
struct WireCall {
    index: Option<usize>,
    id: Option<String>,
    function: Option<WireFunction>,
}

#[derive(Default, Deserialize)]
struct WireFunction {
    name: Option<String>,
    /// A string that holds JSON, or the JSON itself.
    arguments: Option<Value>,
}

#[derive(Deserialize)]
struct WireUsage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    prompt_tokens_details: Option<WireDetails>,
}

#[derive(Deserialize)]
struct WireDetails {
    cached_tokens: Option<u64>,
}

impl WireUsage {
    fn total(&self) -> Usage {
        Usage {
            input_tokens: self.prompt_tokens.unwrap_or(0),
            cached_tokens: self
                .prompt_tokens_details
                .as_ref()
                .and_then(|details| details.cached_tokens)
                .unwrap_or(0),
            output_tokens: self.completion_tokens.unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests;
