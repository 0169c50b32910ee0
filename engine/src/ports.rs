//! What the engine needs from the world above it, as small traits: whose call is this, run this tool, move
//! this call, keep this event. The control plane implements them.

use crate::{
    call::journal::JournalEntry,
    ids::{AssistantId, CallId, Epoch, TenantId},
    llm::{LlmProvider, Message, ToolCall, ToolSchema, Usage},
    provider::Secret,
    stt::SttProvider,
    tts::TtsProvider,
};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, sync::Arc, time::Duration};

/// What the carrier's `start` message claims; believed only after [`Admissions::admit`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamClaim {
    /// The carrier's account (`AC…`).
    pub account_sid: String,
    /// The carrier's call (`CA…`).
    pub call_sid: String,
    /// The carrier's stream (`MZ…`).
    pub stream_sid: String,
    /// The single-use token that our TwiML carried, if there was one.
    pub token: Option<Secret>,
}

/// Why a stream is not accepted. The wording is for the log; the carrier only sees a close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There was no token.
    #[error("the stream carries no token: it must come from our own TwiML")]
    TokenMissing,
    /// It was never handed out, has been used already, or belongs to another call.
    #[error("the stream's token is not one that waits for this call")]
    TokenUnknown,
    /// It was handed out too long ago.
    #[error("the stream's token has expired")]
    TokenExpired,
    /// The node does not take calls.
    #[error("the node is draining and takes no new calls")]
    Draining,
    /// The call could not be looked up.
    #[error("the call's plan could not be read")]
    Unavailable,
}

/// Decides whether a stream belongs to a call of ours.
pub trait Admissions: Send + Sync {
    /// Spends the claim's token and says what call it is.
    fn admit(&self, claim: StreamClaim) -> BoxFuture<'_, Result<CallPlan, Refusal>>;
}

/// Everything the engine needs to hold one call.
#[derive(Clone, Debug)]
pub struct CallPlan {
    /// The call.
    pub call: CallId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Who is calling, as the carrier gave it; not always a number.
    pub from: String,
    /// Which number was called.
    pub to: String,
    /// Who answers.
    pub assistant: Arc<Assistant>,
    /// Recognisers in the order in which they are tried; never empty.
    pub stt: Vec<Arc<dyn SttProvider>>,
    /// Models in the order in which they are tried; never empty.
    pub llm: Vec<Arc<dyn LlmProvider>>,
    /// Voices in the order in which they are tried; never empty.
    pub tts: Vec<Arc<dyn TtsProvider>>,
    /// Where the recording goes (a `.wav` file whose folder exists), or `None` for no recording.
    pub recording: Option<PathBuf>,
    /// The journal so far, if the call had a stream before on a node that is gone; else empty.
    pub journal: Vec<JournalEntry>,
}

/// The AI persona that answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Assistant {
    /// Its id.
    pub id: AssistantId,
    /// Instructions for the model.
    pub prompt: String,
    /// Said first; `None` waits for the caller.
    pub greeting: Option<String>,
    /// Said, in order, when the caller stays silent; then the call ends with [`Assistant::goodbye`].
    pub idle_prompts: Vec<String>,
    /// Said before the assistant hangs up for silence or time.
    pub goodbye: String,
    /// Said when no model answers and none will.
    pub apology: String,
    /// Said when a tool takes long.
    pub tool_filler: String,
    /// BCP 47.
    pub language: String,
    /// The voice's id at the provider.
    pub voice: String,
    /// Names and products for the recogniser.
    pub keyterms: Vec<String>,
    /// What it can do.
    pub tools: Vec<ToolSpec>,
    /// Longest answer of the model, in tokens.
    pub max_tokens: u32,
}

/// A tool of an assistant.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolSpec {
    /// As the model sees it.
    pub schema: ToolSchema,
    /// Who carries it out.
    pub kind: ToolKind,
    /// How long it may take.
    pub timeout: Duration,
    /// It only looks something up. Any other tool waits until the caller has heard what was said before it,
    /// so that an answer they cut short changes nothing.
    pub read_only: bool,
}

/// Who carries a tool out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolKind {
    /// The world above, through [`Tools`].
    Remote,
    /// The engine: say the goodbye, then hang up.
    EndCall,
    /// The engine: say it, then ask [`CallControl::transfer`].
    TransferCall,
}

/// Unique for one call of a tool in one call, and the same when it is sent again (`e5.0`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ToolInvocationKey(pub String);

/// A tool call on its way out. A tool may see the same `key` twice (after a restart) and must act once.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolInvocation {
    /// Whose call.
    pub tenant: TenantId,
    /// Which call.
    pub call: CallId,
    /// Which assistant's tool.
    pub assistant: AssistantId,
    /// Unique for this call of the tool.
    pub key: ToolInvocationKey,
    /// Name and arguments.
    pub tool: ToolCall,
    /// How long it may take.
    pub timeout: Duration,
}

/// Why a tool gave no result; the text goes to the model, so it is plain and holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ToolFailure(pub String);

/// Runs the tenant's tools.
pub trait Tools: Send + Sync {
    /// The result, as text for the model.
    fn run(&self, invocation: ToolInvocation) -> BoxFuture<'static, Result<String, ToolFailure>>;
}

/// Acts on the carrier's call.
pub trait CallControl: Send + Sync {
    /// Hands the caller to `to` (a number or a name the tenant knows) once the stream has ended.
    fn transfer(&self, call: &CallId, to: &str) -> BoxFuture<'static, Result<(), ToolFailure>>;
}

/// Keeps what happened. Must not block: the implementation queues, and says so when it cannot.
pub trait CallLog: Send + Sync {
    /// Keeps one event of a call.
    ///
    /// # Errors
    /// When the queue is full; the engine keeps journal entries and offers them again, and counts the rest.
    fn record(&self, call: &CallId, event: CallEvent) -> Result<(), LogFull>;
}

/// The log's queue is full; the event comes back.
#[derive(Debug)]
pub struct LogFull(pub Box<CallEvent>);

/// What happened in a call.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum CallEvent {
    /// A stream was accepted; a call may have several, one after the other.
    StreamStarted {
        /// The carrier's stream.
        stream_sid: String,
    },
    /// Inputs of the deciders, in order.
    Journal {
        /// Numbered without gaps over the call.
        entries: Vec<JournalEntry>,
    },
    /// A turn is over: the caller has heard what they will hear of it.
    Turn(TurnRecord),
    /// An actor or a provider was replaced, or the call goes on without it.
    Degraded {
        /// `stt`, `llm_turn`, `tts`, `recorder`.
        stage: String,
        /// What happened.
        cause: String,
    },
    /// The stream is gone but the call is not: the carrier is expected to come back.
    StreamLost,
    /// The call is over for the engine.
    Ended(CallSummary),
}

/// One exchange: what the caller said and what they heard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TurnRecord {
    /// From 1; 0 is the greeting.
    pub number: u32,
    /// The epoch of the answer.
    pub epoch: Epoch,
    /// What the caller said; empty for a greeting or an idle prompt.
    pub caller: String,
    /// What the caller heard of the answer.
    pub assistant: String,
    /// Whether the caller cut the answer short.
    pub interrupted: bool,
    /// Tools that were called and whose results were used.
    pub tools: Vec<ToolCall>,
    /// When what happened.
    pub waterfall: Waterfall,
    /// Tokens.
    pub usage: Usage,
}

/// When the stages of a turn were reached, in ms since the start of the call. A stage that was not reached
/// (or, for a greeting, does not exist) is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waterfall {
    /// Acoustic end of the caller's speech: voice activity's end, backdated by its hangover.
    pub speech_end_ms: Option<u64>,
    /// The last transcript that the turn used.
    pub stt_final_ms: Option<u64>,
    /// The turn was taken to be over and the model asked.
    pub endpoint_ms: Option<u64>,
    /// First token of the answer.
    pub llm_first_token_ms: Option<u64>,
    /// First clause handed to synthesis.
    pub first_sentence_ms: Option<u64>,
    /// First byte of audio from synthesis.
    pub tts_first_byte_ms: Option<u64>,
    /// First audio sent to the carrier.
    pub first_frame_sent_ms: Option<u64>,
    /// First mark that came back: the caller has heard it.
    pub mark_returned_ms: Option<u64>,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallSummary {
    /// Why.
    pub reason: EndReason,
    /// Length of the call as the engine saw it.
    pub duration_ms: u64,
    /// The conversation as the model would see it.
    pub context: Vec<Message>,
    /// Where a transfer is to go, if one was asked for.
    pub transfer_to: Option<String>,
    /// Whether a recording was written.
    pub recorded: bool,
    /// Length of the recording.
    pub recording_ms: u64,
}

/// Why a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The caller, or the carrier, hung up.
    CallerHungUp,
    /// The assistant ended it.
    AssistantEnded,
    /// The assistant, or somebody outside of the call, handed it over.
    Transferred,
    /// Somebody outside of the call ended it.
    OperatorEnded,
    /// The caller stayed silent.
    Silence,
    /// It reached its longest duration.
    MaxDuration,
    /// A stage failed and nothing could take over.
    Failed,
    /// The stream broke and did not come back.
    StreamLost,
    /// The node was shut down.
    Shutdown,
}

/// All ports together.
#[derive(Clone)]
pub struct Ports {
    /// See [`Admissions`].
    pub admissions: Arc<dyn Admissions>,
    /// See [`Tools`].
    pub tools: Arc<dyn Tools>,
    /// See [`CallControl`].
    pub control: Arc<dyn CallControl>,
    /// See [`CallLog`].
    pub log: Arc<dyn CallLog>,
}
