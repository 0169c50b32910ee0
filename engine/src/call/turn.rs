//! Turn-taking: the only decision owner of a call, as a pure state machine.
//!
//! No sockets, no clock, no tasks: facts come in with their time, decisions are drained with
//! [`Turns::poll_output`], and [`Turns::poll_timeout`] says when it wants to be woken. Replaying the same inputs
//! gives the same decisions, bit for bit.
//!
//! Who has the floor is one enum (`Floor`): nobody, the caller, the assistant, or the call is over. Everything that
//! belongs to an answer (its epoch, its sentences, the state of its model, a hold) lives in the `Answer` that
//! has the floor, and goes with it.
//!
//! `answer` holds what an answer is and how it enters the context, `model` what the model and the tools do,
//! `floor` how the floor changes hands, `barge_in` what happens when the caller speaks over the assistant, and
//! `ending` timers, silence, the loss of the stream and the end.

use crate::{
    call::{
        context::{Context, ContextLimits},
        endpointing::{
            Decision, Endpointing, EndpointingInput, EndpointingOptions, TranscriptFact, Utterance,
        },
        playout::HeardEpoch,
        time::CallTime,
    },
    ids::{Epoch, SentenceId},
    llm::{LlmRequest, Message, StopReason, ToolCall, Usage},
    options::TurnOptions,
    ports::{Assistant, EndReason, ToolInvocationKey, ToolKind, TurnRecord},
    provider::ErrorKind,
};
use answer::Answer;
pub use command::Command;
use serde::{Deserialize, Serialize};
use std::{collections::VecDeque, sync::Arc, time::Duration};

mod answer;
mod barge_in;
mod command;
mod ending;
mod floor;
mod model;
#[cfg(test)]
mod tests;

/// Numbers the requests to the model over the whole call; answers to an older one are dropped at the door.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ask(pub u32);

/// A fact, reported by another actor or by the shell's own tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "fact")]
pub enum Input {
    /// The first stream is up.
    Begin,
    /// The caller's voice began, acoustically at `onset`.
    VoiceStarted {
        /// Backdated.
        onset: CallTime,
    },
    /// It has gone on without a break for the barge-in time.
    VoiceSustained {
        /// Backdated.
        onset: CallTime,
    },
    /// It ended, acoustically at `end`.
    VoiceEnded {
        /// Backdated.
        end: CallTime,
    },
    /// Words.
    Transcript(TranscriptFact),
    /// The recogniser heard no further word for its longer limit.
    UtteranceEnd,
    /// A key of the keypad.
    Keypad {
        /// `0-9`, `*`, `#`, `A-D`.
        digit: char,
    },
    /// A piece of the model's text.
    ModelText {
        /// The request it answers.
        ask: Ask,
        /// The piece.
        text: String,
    },
    /// A complete tool call of the model.
    ModelTool {
        /// The request it answers.
        ask: Ask,
        /// The call.
        call: ToolCall,
    },
    /// The model is done.
    ModelFinished {
        /// The request it answers.
        ask: Ask,
        /// Why.
        stop: StopReason,
        /// What it cost.
        usage: Usage,
    },
    /// The model, or the way to it, failed.
    ModelFailed {
        /// The request it answers.
        ask: Ask,
        /// What follows from it.
        kind: ErrorKind,
        /// What was said of it.
        message: String,
    },
    /// A tool, or a transfer, answered.
    ToolResult {
        /// Which call of it.
        key: ToolInvocationKey,
        /// Its text, or what went wrong.
        result: Result<String, String>,
    },
    /// Synthesis gave the first audio of an epoch.
    FirstAudio {
        /// Which.
        epoch: Epoch,
    },
    /// The first audio of an epoch left for the carrier.
    PlaybackStarted {
        /// Which.
        epoch: Epoch,
    },
    /// The first mark of an epoch came back.
    MarkReturned {
        /// Which.
        epoch: Epoch,
    },
    /// Playback of an epoch stands still; this is what was heard of it.
    Held(HeardEpoch),
    /// All of an epoch was played; what was heard of it, which is everything unless the carrier's marks stayed
    /// away.
    Drained(HeardEpoch),
    /// A stage has given up: it, its fallbacks, all of it.
    StageFailed {
        /// Which.
        stage: Stage,
    },
    /// The socket broke.
    StreamLost {
        /// What was heard of the epoch that was playing, if one was.
        heard: Option<HeardEpoch>,
    },
    /// A new socket of the same call is up.
    StreamBack,
    /// The caller is gone.
    HungUp {
        /// What was heard of the epoch that was playing, if one was.
        heard: Option<HeardEpoch>,
    },
    /// Somebody outside of the call orders something.
    Command {
        /// What.
        command: Command,
    },
    /// The node stops.
    Shutdown,
    /// The timer that [`Turns::poll_timeout`] asked for.
    Timeout,
}

/// Stages that can give up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Speech recognition.
    Stt,
    /// Synthesis.
    Tts,
}

/// A decision. The shells carry it out.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Ask the model; `attempt` counts from 0 and picks the provider, starting with the one that answered last.
    AskModel {
        /// Numbers the request.
        ask: Ask,
        /// Picks the provider.
        attempt: u32,
        /// What to ask.
        request: LlmRequest,
    },
    /// Stop the request that is under way.
    CancelModel,
    /// Synthesise a sentence and play it after what is queued.
    Say {
        /// Its place.
        sentence: SentenceId,
        /// What to say.
        text: Arc<str>,
    },
    /// No further sentence of the epoch will come.
    Finish(Epoch),
    /// Stop playback now, keep what is not heard.
    Hold(Epoch),
    /// Go on with what was held.
    Resume(Epoch),
    /// Stop playback and synthesis of this and all older epochs for good; report what was heard.
    Drop(Epoch),
    /// Ask the recogniser for what it has.
    FinalizeTranscript,
    /// Run a tool through the port.
    RunTool {
        /// Unique for this call of the tool.
        key: ToolInvocationKey,
        /// Name and arguments.
        call: ToolCall,
        /// How long it may take.
        timeout: Duration,
    },
    /// Ask for the transfer through the port.
    Transfer {
        /// As for a tool.
        key: ToolInvocationKey,
        /// Where to.
        to: String,
    },
    /// A turn is over.
    Turn(Box<TurnRecord>),
    /// The call goes on with less; for the log.
    Degraded {
        /// The stage.
        stage: &'static str,
        /// What happened.
        cause: String,
    },
    /// End the call.
    End {
        /// Why.
        reason: EndReason,
        /// Where it was transferred to.
        transfer_to: Option<String>,
    },
}

/// Who has the floor.
#[derive(Clone, Debug)]
enum Floor {
    /// Before [`Input::Begin`].
    Waiting,
    /// Nobody speaks.
    Nobody {
        /// When somebody spoke last.
        since: CallTime,
    },
    /// The caller speaks, or has just spoken.
    Caller {
        /// An utterance whose answer was withdrawn because the caller went on.
        carry: Option<Utterance>,
        /// An answer that was cut, waiting for the report of what was heard.
        cut: Option<Box<Cut>>,
    },
    /// The assistant thinks or speaks.
    Assistant(Box<Answer>),
    /// The socket is gone; what was not heard of the answer that was playing.
    Detached {
        /// Give up then.
        until: CallTime,
        /// To be said when the caller is back.
        unheard: Vec<Arc<str>>,
        /// To be answered when the caller is back.
        unanswered: Option<Utterance>,
    },
    /// Over.
    Ended,
}

/// An answer that was cut and whose heard part is not known yet.
#[derive(Clone, Debug)]
struct Cut {
    answer: Answer,
    /// Then the answer enters the context with what is known.
    until: CallTime,
    /// What the caller said in the meantime, complete.
    next: Option<Utterance>,
}

/// Keypad digits that are being entered.
#[derive(Clone, Debug, Default, PartialEq)]
struct Keypad {
    digits: String,
    until: Option<CallTime>,
}

/// What the decider was made with.
#[derive(Clone, Debug)]
struct Setup {
    options: TurnOptions,
    assistant: Arc<Assistant>,
}

/// The turn-taking of one call.
#[derive(Clone, Debug)]
pub struct Turns {
    setup: Arc<Setup>,
    floor: Floor,
    endpointing: Endpointing,
    context: Context,
    keypad: Keypad,
    /// Of the newest answer; the next one gets the epoch after it.
    epoch: Epoch,
    /// Of the newest request.
    ask: Ask,
    /// Of the next turn.
    number: u32,
    /// How often the silence was broken with a prompt since the caller's last word.
    prompts: usize,
    /// Tools that run on although their answer was cut.
    orphans: Vec<answer::Pending>,
    /// The assistant answers nothing for now.
    muted: bool,
    /// What is to be said as soon as nobody speaks.
    announcements: VecDeque<Arc<str>>,
    /// What the assistant is to know before it answers next.
    notes: VecDeque<String>,
    /// Where the caller is handed to.
    transfer_to: Option<String>,
    /// When anybody was last heard: the longest silence counts from here.
    heard_at: CallTime,
    now: CallTime,
    out: VecDeque<Output>,
}

impl Turns {
    /// A call that has not begun.
    #[must_use]
    pub fn new(
        options: TurnOptions,
        endpointing: EndpointingOptions,
        context: ContextLimits,
        assistant: Arc<Assistant>,
    ) -> Self {
        Self {
            setup: Arc::new(Setup { options, assistant }),
            floor: Floor::Waiting,
            endpointing: Endpointing::new(endpointing),
            context: Context::new(context),
            keypad: Keypad::default(),
            epoch: Epoch(0),
            ask: Ask(0),
            number: 0,
            prompts: 0,
            orphans: Vec::new(),
            muted: false,
            announcements: VecDeque::new(),
            notes: VecDeque::new(),
            transfer_to: None,
            heard_at: CallTime::ZERO,
            now: CallTime::ZERO,
            out: VecDeque::new(),
        }
    }

    /// Takes in one fact. A fact about an older epoch or request changes nothing.
    pub fn handle(&mut self, input: Input, now: CallTime) {
        self.now = self.now.max(now);
        if self.is_ended() {
            return;
        }
        match input {
            Input::Begin => self.begin(),
            Input::VoiceStarted { onset } => self.voice_started(onset),
            Input::VoiceSustained { .. } => self.voice_sustained(),
            Input::VoiceEnded { end } => self.voice_ended(end),
            Input::Transcript(fact) => self.transcript(fact),
            Input::UtteranceEnd => self.endpoint(EndpointingInput::UtteranceEnd),
            Input::Keypad { digit } => self.keypad_digit(digit),
            Input::ModelText { ask, text } => self.model_text(ask, &text),
            Input::ModelTool { ask, call } => self.model_tool(ask, call),
            Input::ModelFinished { ask, stop, usage } => self.model_finished(ask, stop, usage),
            Input::ModelFailed { ask, kind, message } => self.model_failed(ask, kind, &message),
            Input::ToolResult { key, result } => self.tool_result(&key, result),
            Input::FirstAudio { epoch } => self.first_audio(epoch),
            Input::PlaybackStarted { epoch } => self.playback_started(epoch),
            Input::MarkReturned { epoch } => self.mark_returned(epoch),
            Input::Held(heard) => self.held(&heard),
            Input::Drained(heard) => self.drained(&heard),
            Input::StageFailed { stage } => self.stage_failed(stage),
            Input::StreamLost { heard } => self.stream_lost(heard.as_ref()),
            Input::StreamBack => self.stream_back(),
            Input::HungUp { heard } => self.close(heard.as_ref(), EndReason::CallerHungUp),
            Input::Command { command } => self.command(command),
            Input::Shutdown => self.close(None, EndReason::Shutdown),
            Input::Timeout => self.timeout(),
        }
        self.settle();
        self.check_invariants();
    }

    /// The next decision, oldest first.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When [`Input::Timeout`] is wanted, if nothing else happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<CallTime> {
        let options = &self.setup.options;
        let own = match &self.floor {
            Floor::Waiting | Floor::Ended => return None,
            Floor::Nobody { .. } if self.muted => None,
            Floor::Nobody { since, .. } => Some(since.after(options.idle_after)),
            Floor::Caller { cut, .. } => cut.as_ref().map(|cut| cut.until),
            Floor::Assistant(answer) => answer.poll_timeout(options),
            Floor::Detached { until, .. } => return Some(*until),
        };
        let call = if self.is_closing() {
            CallTime::ZERO.after(options.max_duration + options.max_duration_grace)
        } else {
            CallTime::ZERO.after(options.max_duration)
        };
        let silence = match &self.floor {
            // Nobody is asked anything.
            Floor::Nobody { .. } | Floor::Caller { .. } if self.muted => None,
            Floor::Nobody { .. } | Floor::Caller { .. } => Some(self.heard_at.after(options.max_silence)),
            Floor::Waiting | Floor::Assistant(_) | Floor::Detached { .. } | Floor::Ended => None,
        };
        [own, Some(call), silence, self.keypad.until, self.endpointing.poll_timeout()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Whether the call is over.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        matches!(self.floor, Floor::Ended)
    }

    /// Whether the stream is gone, and the call waits for another.
    pub(crate) const fn is_detached(&self) -> bool {
        matches!(self.floor, Floor::Detached { .. })
    }

    /// Whether nothing is under way: no answer, no utterance. A good moment for a snapshot.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        matches!(self.floor, Floor::Nobody { .. } | Floor::Ended) && !self.endpointing.is_open()
    }

    /// The epoch of the newest answer.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The conversation as the caller heard it.
    #[must_use]
    pub fn context(&self) -> &[Message] {
        self.context.messages()
    }

    /// Tells the endpointing a fact and carries out what it decides.
    fn endpoint(&mut self, input: EndpointingInput) {
        let mut decision = self.endpointing.handle(input, self.now);
        while let Some(due) = decision {
            match due {
                Decision::Finalize => self.emit(Output::FinalizeTranscript),
                Decision::Complete(utterance) => self.utterance(utterance),
                Decision::NoWords => self.no_words(),
            }
            decision = self.endpointing.handle(EndpointingInput::Timeout, self.now);
        }
    }

    fn is_closing(&self) -> bool {
        matches!(&self.floor, Floor::Assistant(answer) if answer.closes_with.is_some())
    }

    fn emit(&mut self, output: Output) {
        self.out.push_back(output);
    }

    fn tool(&self, name: &str) -> Option<&crate::ports::ToolSpec> {
        self.setup.assistant.tools.iter().find(|tool| tool.schema.name == name)
    }

    fn changes_world(&self, call: &ToolCall) -> bool {
        self.tool(&call.name).is_none_or(|tool| tool.kind != ToolKind::Remote || !tool.read_only)
    }

    fn check_invariants(&self) {
        match &self.floor {
            Floor::Assistant(answer) => {
                debug_assert!(answer.epoch <= self.epoch, "an answer from the future: {}", answer.epoch);
                answer.check_invariants();
            }
            Floor::Ended => debug_assert!(self.poll_timeout().is_none()),
            Floor::Waiting | Floor::Nobody { .. } | Floor::Caller { .. } | Floor::Detached { .. } => {}
        }
    }
}
