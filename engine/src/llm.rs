//! Language models: what a turn needs of a provider, and the providers.

use crate::provider::{AbortOnDrop, ProviderError};
use serde::{Deserialize, Serialize};
use std::fmt::Debug;
use tokio::sync::mpsc;

pub mod anthropic;
mod conversation;
pub mod openai;
pub mod sse;
#[cfg(test)]
mod testing;
mod transport;

/// A provider of streamed answers.
pub trait LlmProvider: Debug + Send + Sync {
    /// Its name in logs, journals and the waterfall.
    fn name(&self) -> &str;

    /// Starts an answer at once. Dropping the stream cancels the request.
    fn stream(&self, request: LlmRequest) -> LlmStream;

    /// Opens a connection ahead of the first request, while the phone rings. Needs a tokio runtime, as
    /// [`LlmProvider::stream`] does.
    fn warm_up(&self);
}

/// An answer that is being written. Dropping it cancels the request.
#[derive(Debug)]
pub struct LlmStream {
    /// Bounded: a slow reader holds the provider's connection back. The last event is
    /// [`LlmEvent::Finished`] or [`LlmEvent::Failed`]; an end without either is a failure.
    pub events: mpsc::Receiver<LlmEvent>,
    /// Runs the request.
    pub task: AbortOnDrop,
}

/// What the model is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct LlmRequest {
    /// The assistant's instructions.
    pub system: String,
    /// The conversation, oldest first; begins with a user message.
    pub messages: Vec<Message>,
    /// Its tools. They are told even when none may be called: the conversation holds calls of them, which a service may
    /// refuse to read without.
    pub tools: Vec<ToolSchema>,
    /// Whether it may call any.
    pub may_call_tools: bool,
    /// Longest answer, in tokens.
    pub max_tokens: u32,
}

/// One entry of the conversation, independent of the provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "role")]
pub enum Message {
    /// What the caller said.
    User {
        /// Their words.
        text: String,
    },
    /// What the caller heard the assistant say.
    Assistant {
        /// The words heard.
        text: String,
    },
    /// Tool calls with their results: they enter the conversation together or not at all.
    Tools {
        /// What was said before the calls in the same answer; may be empty.
        text: String,
        /// At least one.
        rounds: Vec<ToolRound>,
    },
}

/// A tool call and its result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolRound {
    /// The call.
    pub call: ToolCall,
    /// Its result, as text for the model.
    pub result: String,
    /// Whether the tool failed.
    pub is_error: bool,
}

/// A call of a tool, complete.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The provider's id for it.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// Its arguments, always a JSON object.
    pub arguments: serde_json::Map<String, serde_json::Value>,
}

/// A tool as the model sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolSchema {
    /// `^[a-zA-Z0-9_-]{1,64}$`, the stricter of the providers' rules.
    pub name: String,
    /// When to use it.
    pub description: String,
    /// JSON Schema of the arguments, an object schema.
    pub parameters: serde_json::Value,
}

/// A piece of the answer.
#[derive(Clone, Debug, PartialEq)]
pub enum LlmEvent {
    /// Text to be spoken.
    Text(String),
    /// A complete tool call.
    ToolCall(ToolCall),
    /// The answer is complete.
    Finished {
        /// Why it ended.
        stop: StopReason,
        /// What it cost.
        usage: Usage,
    },
    /// The answer broke off.
    Failed(ProviderError),
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// Complete.
    EndTurn,
    /// It waits for tool results: given whenever the answer is complete and called a tool.
    ToolUse,
    /// The length limit cut it.
    MaxTokens,
    /// The model declined.
    Refusal,
}

/// Tokens spent on one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Read, cached ones included.
    pub input_tokens: u64,
    /// Of those, read from the provider's cache.
    pub cached_tokens: u64,
    /// Written.
    pub output_tokens: u64,
}
