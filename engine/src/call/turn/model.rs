//! What the model and the tools do for an answer: asking, retrying, speaking what comes, running tools when they may
//! run, and covering long waits.

use super::{
    Ask, Floor, Output, Turns,
    answer::{Answer, Model, Origin, Pending, ToolState, Tools},
};
use crate::{
    call::{
        endpointing::Utterance,
        playout::HeardEpoch,
        sentences::{SentenceOptions, Sentences},
        time::CallTime,
    },
    llm::{LlmRequest, StopReason, ToolCall, ToolRound, Usage},
    ports::{EndReason, ToolInvocationKey, ToolKind},
    provider::ErrorKind,
};
use std::time::Duration;

/// What the model is told when it calls a tool that the assistant does not have.
const NO_SUCH_TOOL: &str = "there is no such tool";

/// What it is told of a call beyond [`crate::options::TurnOptions::parallel_tools`].
const TOO_MANY_TOOLS: &str = "too many tools at once: this one was not run";

/// What it is told of a tool that was given up.
const NO_ANSWER: &str = "the tool gave no answer; whether it has done its work is not known";

impl Turns {
    /// Answers the caller.
    pub(super) fn reply(&mut self, utterance: Utterance) {
        for note in std::mem::take(&mut self.notes) {
            self.context.user(&note);
        }
        self.context.user(&utterance.text);
        let mut answer = self.new_answer(Origin::Reply(utterance));
        answer.waterfall.endpoint_ms = Some(self.now.as_ms());
        if self.muted {
            self.answer_done(answer, None);
        } else {
            self.begin_answer(answer);
        }
    }

    /// Asks the model, but not before it can be told what came of the tools that an answer left running that was cut: it
    /// would call them again, and what changes the world would happen twice.
    fn begin_answer(&mut self, mut answer: Answer) {
        let orphans = std::mem::take(&mut self.orphans);
        let (pending, others) = orphans.into_iter().partition(|tool| self.changes_world(&tool.call));
        self.orphans = others;
        let pending: Vec<Pending> = pending;
        if pending.is_empty() {
            self.ask_model(answer, 0);
            return;
        }
        let filler_at = Some(self.now.after(self.setup.options.filler_after));
        answer.model = Model::Tools(Tools { pending, awaits_heard: false, filler_at });
        answer.moved_at = self.now;
        self.floor = Floor::Assistant(Box::new(answer));
    }

    /// Asks the model for (the rest of) the answer and gives it the floor.
    fn ask_model(&mut self, mut answer: Answer, attempt: u32) {
        self.ask = Ask(self.ask.0 + 1);
        let mut context = self.context.clone();
        answer.commit(&mut context, None, false);
        let assistant = &self.setup.assistant;
        let request = LlmRequest {
            system: assistant.prompt.clone(),
            messages: context.request_messages(),
            tools: self.setup.assistant.tools.iter().map(|tool| tool.schema.clone()).collect(),
            may_call_tools: self.may_call_tools(&answer),
            max_tokens: assistant.max_tokens,
        };
        answer.model = Model::Asked { ask: self.ask, attempt, since: self.now };
        answer.asked_at = self.now;
        answer.said_when_asked = answer.sentences.len();
        answer.chunker = Sentences::new(SentenceOptions::default());
        self.emit(Output::AskModel { ask: self.ask, attempt, request });
        self.floor = Floor::Assistant(Box::new(answer));
    }

    /// Whether the answer has tool rounds left.
    fn may_call_tools(&self, answer: &Answer) -> bool {
        answer.tool_rounds() < self.setup.options.tool_rounds
    }

    /// Takes the answer off the floor if it waits for this request; the caller of this puts it back.
    fn take_asking(&mut self, ask: Ask) -> Option<Box<Answer>> {
        match &self.floor {
            Floor::Assistant(answer) if answer.model.ask() == Some(ask) => {}
            Floor::Assistant(_)
            | Floor::Waiting
            | Floor::Nobody { .. }
            | Floor::Caller { .. }
            | Floor::Detached { .. }
            | Floor::Ended => return None,
        }
        match std::mem::replace(&mut self.floor, Floor::Ended) {
            Floor::Assistant(answer) => Some(answer),
            Floor::Waiting
            | Floor::Nobody { .. }
            | Floor::Caller { .. }
            | Floor::Detached { .. }
            | Floor::Ended => None,
        }
    }

    pub(super) fn model_text(&mut self, ask: Ask, text: &str) {
        let Some(mut answer) = self.take_asking(ask) else { return };
        answer.model.progress(self.now);
        answer.waterfall.llm_first_token_ms.get_or_insert(self.now.as_ms());
        answer.written += text.len();
        if answer.written > self.setup.options.answer_bytes {
            self.stop_writing(answer);
            return;
        }
        answer.chunker.push(text);
        self.say_pieces(&mut answer);
        self.floor = Floor::Assistant(answer);
    }

    /// The model writes on and on: what there is of the answer is all of it.
    fn stop_writing(&mut self, mut answer: Box<Answer>) {
        let cause = format!("an answer is cut: it is longer than {} bytes", self.setup.options.answer_bytes);
        self.emit(Output::Degraded { stage: "llm", cause });
        self.emit(Output::CancelModel);
        answer.chunker.flush();
        self.say_pieces(&mut answer);
        if answer.is_empty() {
            self.retry(answer, "the model wrote nothing that can be said");
        } else {
            self.finish(answer);
        }
    }

    pub(super) fn model_tool(&mut self, ask: Ask, call: ToolCall) {
        let Some(mut answer) = self.take_asking(ask) else { return };
        answer.model.progress(self.now);
        answer.waterfall.llm_first_token_ms.get_or_insert(self.now.as_ms());
        if let Model::Streaming { calls, .. } = &mut answer.model {
            calls.push(call);
        }
        self.floor = Floor::Assistant(answer);
    }

    pub(super) fn model_finished(&mut self, ask: Ask, stop: StopReason, usage: Usage) {
        let Some(mut answer) = self.take_asking(ask) else { return };
        answer.usage.input_tokens += usage.input_tokens;
        answer.usage.cached_tokens += usage.cached_tokens;
        answer.usage.output_tokens += usage.output_tokens;
        answer.chunker.flush();
        self.say_pieces(&mut answer);
        let called = match &mut answer.model {
            Model::Streaming { calls, .. } => std::mem::take(calls),
            Model::Done | Model::Asked { .. } | Model::Paused { .. } | Model::Tools(_) => Vec::new(),
        };
        let calls = !called.is_empty() && stop != StopReason::Refusal;
        if calls && self.may_call_tools(&answer) {
            self.call_tools(answer, called);
        } else if calls && answer.sentences.len() == answer.said_when_asked {
            self.retry(answer, "the model called tools although it may not any more");
        } else if answer.is_empty() {
            self.retry(answer, "the model gave an empty answer");
        } else {
            self.finish(answer);
        }
    }

    /// The model has nothing more to add to this answer.
    fn finish(&mut self, mut answer: Box<Answer>) {
        answer.model = Model::Done;
        answer.moved_at = self.now;
        if answer.sentences.is_empty() {
            self.answer_done(*answer, None);
        } else {
            self.emit(Output::Finish(answer.epoch));
            self.floor = Floor::Assistant(answer);
        }
    }

    pub(super) fn model_failed(&mut self, ask: Ask, kind: ErrorKind, message: &str) {
        let Some(mut answer) = self.take_asking(ask) else { return };
        self.emit(Output::Degraded { stage: "llm", cause: format!("{message} ({kind:?})") });
        if answer.sentences.len() > answer.said_when_asked {
            // Part of it is spoken already: asking again would say it twice.
            answer.chunker.flush();
            self.say_pieces(&mut answer);
            self.finish(answer);
        } else {
            self.retry(answer, message);
        }
    }

    /// Asks again: at once the first time, and from then on not sooner than some time after the last try, so that a service
    /// which refuses everything for a moment has not used up all tries within it.
    fn retry(&mut self, mut answer: Box<Answer>, cause: &str) {
        let attempt = answer.model.attempt() + 1;
        if attempt < self.setup.options.attempts {
            let not_before = answer.asked_at.after(self.setup.options.ask_again_after);
            if attempt == 1 || not_before <= self.now {
                self.ask_model(*answer, attempt);
            } else {
                answer.model = Model::Paused { attempt, until: not_before };
                self.floor = Floor::Assistant(answer);
            }
            return;
        }
        self.emit(Output::Degraded { stage: "llm", cause: format!("given up: {cause}") });
        answer.closes_with = Some(EndReason::Failed);
        let apology = self.setup.assistant.apology.clone();
        self.say_all(&mut answer, &apology);
        self.finish(answer);
    }

    /// Says given text.
    pub(super) fn say_all(&mut self, answer: &mut Answer, text: &str) {
        answer.chunker = Sentences::new(SentenceOptions::default());
        answer.chunker.push(text);
        answer.chunker.flush();
        self.say_pieces(answer);
    }

    fn say_pieces(&mut self, answer: &mut Answer) {
        while let Some(piece) = answer.chunker.next_piece() {
            self.say(answer, &piece);
        }
    }

    fn call_tools(&mut self, mut answer: Box<Answer>, calls: Vec<ToolCall>) {
        let limit = self.setup.options.parallel_tools;
        let round = answer.tool_rounds();
        let unheard = !answer.sentences.is_empty();
        let refused = || ToolState::Finished { result: TOO_MANY_TOOLS.to_owned(), is_error: true };
        let pending = calls.into_iter().enumerate().map(|(index, call)| Pending {
            key: ToolInvocationKey(format!("{}.{round}.{index}", answer.epoch)),
            state: if index < limit { ToolState::Waiting } else { refused() },
            call,
        });
        let pending: Vec<Pending> = pending.collect();
        let waits = unheard && pending.iter().take(limit).any(|tool| self.changes_world(&tool.call));
        answer.model = Model::Tools(Tools { pending, awaits_heard: waits, filler_at: None });
        answer.moved_at = self.now;
        if waits {
            self.emit(Output::Finish(answer.epoch));
        }
        self.start_tools(answer);
    }

    /// Playback goes on after a hold, and so do the tools that waited for it.
    pub(super) fn start_waiting_tools(&mut self) {
        match std::mem::replace(&mut self.floor, Floor::Ended) {
            Floor::Assistant(answer) if matches!(answer.model, Model::Tools(_)) => self.start_tools(answer),
            other => self.floor = other,
        }
    }

    /// Starts what may start: everything once what was said before has been heard, else only what changes nothing.
    /// While the caller speaks over the answer nothing starts.
    fn start_tools(&mut self, mut answer: Box<Answer>) {
        let filler_at = self.now.after(self.setup.options.filler_after);
        let held = answer.is_held();
        let mut started = Vec::new();
        if let Model::Tools(tools) = &mut answer.model {
            for tool in &mut tools.pending {
                let may = !held && (!tools.awaits_heard || !self.changes_world(&tool.call));
                if tool.state == ToolState::Waiting && may {
                    tool.state = ToolState::Running { until: self.given_up_at(&tool.call) };
                    started.push((tool.key.clone(), tool.call.clone()));
                }
            }
            if !started.is_empty() {
                tools.filler_at.get_or_insert(filler_at);
            }
        }
        for (key, call) in started {
            self.start_tool(&mut answer, key, call);
        }
        self.tools_progress(answer);
    }

    /// When a tool that starts now has had its time.
    fn given_up_at(&self, call: &ToolCall) -> CallTime {
        let within = self.tool(&call.name).map_or(Duration::ZERO, |tool| tool.timeout);
        self.now.after(within + self.setup.options.tool_grace)
    }

    fn start_tool(&mut self, answer: &mut Answer, key: ToolInvocationKey, call: ToolCall) {
        let kind = self.tool(&call.name).map(|tool| (tool.kind, tool.timeout));
        match kind {
            None => answer.finish_tool(&key, Err(NO_SUCH_TOOL.to_owned())),
            Some((ToolKind::Remote, timeout)) => self.emit(Output::RunTool { key, call, timeout }),
            Some((ToolKind::EndCall, _)) => {
                answer.finish_tool(&key, Ok("the call ends now".to_owned()));
                answer.closes_with = Some(EndReason::AssistantEnded);
            }
            Some((ToolKind::TransferCall, _)) => {
                let to = call.arguments.get("to").and_then(serde_json::Value::as_str).unwrap_or_default();
                self.emit(Output::Transfer { key, to: to.to_owned() });
            }
        }
    }

    pub(super) fn tool_result(&mut self, key: &ToolInvocationKey, result: Result<String, String>) {
        if let Some(place) = self.orphans.iter().position(|tool| tool.key == *key) {
            let call = self.orphans.swap_remove(place).call;
            self.orphan_result(call, result);
            return;
        }
        let Floor::Assistant(answer) = &mut self.floor else { return };
        let Some(call) = answer.running_tool(key) else { return };
        let name = call.name.clone();
        let target = call.arguments.get("to").and_then(serde_json::Value::as_str).map(str::to_owned);
        let worked = result.is_ok();
        answer.finish_tool(key, result);
        if worked && self.tool(&name).is_some_and(|tool| tool.kind == ToolKind::TransferCall) {
            self.transfer_to = target;
            if let Floor::Assistant(answer) = &mut self.floor {
                answer.closes_with = Some(EndReason::Transferred);
            }
        }
        if let Floor::Assistant(answer) = std::mem::replace(&mut self.floor, Floor::Ended) {
            self.tools_progress(answer);
        }
    }

    /// A tool has answered whose answer was cut meanwhile. It has run, so the model is told with the next request: else
    /// it would run it again.
    fn orphan_result(&mut self, call: ToolCall, result: Result<String, String>) {
        let is_error = result.is_err();
        let round = ToolRound { call, result: result.unwrap_or_else(|error| error), is_error };
        self.context.tools("", vec![round]);
    }

    /// Goes on once all tools of the round have answered: call and results enter the answer together.
    fn tools_progress(&mut self, mut answer: Box<Answer>) {
        let Some(rounds) = answer.take_finished_rounds() else {
            self.floor = Floor::Assistant(answer);
            return;
        };
        answer.push_rounds(rounds);
        if answer.closes_with.is_none() {
            self.ask_model(*answer, 0);
            return;
        }
        if answer.closes_with == Some(EndReason::AssistantEnded) && answer.spoken(None).is_empty() {
            let text = self.setup.assistant.goodbye.clone();
            self.say_all(&mut answer, &text);
        }
        self.finish(answer);
    }

    pub(super) fn drained(&mut self, heard: &HeardEpoch) {
        if !matches!(&self.floor, Floor::Assistant(answer) if answer.epoch == heard.epoch) {
            return;
        }
        let Floor::Assistant(mut answer) = std::mem::replace(&mut self.floor, Floor::Ended) else { return };
        self.heard_at = self.now;
        match &mut answer.model {
            Model::Done => self.answer_done(*answer, Some(heard)),
            Model::Tools(tools) => {
                tools.awaits_heard = false;
                let next = self.next_epoch();
                answer.commit_heard(next);
                self.start_tools(answer);
            }
            Model::Paused { .. } | Model::Asked { .. } | Model::Streaming { .. } => {
                self.floor = Floor::Assistant(answer)
            }
        }
    }

    pub(super) fn model_timeout(&mut self) {
        let options = &self.setup.options;
        let (first_token, token_gap) = (options.first_token, options.token_gap);
        let Floor::Assistant(answer) = &mut self.floor else { return };
        if let Model::Paused { attempt, until } = answer.model {
            if until <= self.now
                && let Floor::Assistant(answer) = std::mem::replace(&mut self.floor, Floor::Ended)
            {
                self.ask_model(*answer, attempt);
            }
            return;
        }
        let failed = |ask: Ask, doing: &str, limit: Duration| {
            Some((ask, format!("{doing} for {} ms", limit.as_millis())))
        };
        let stalled = match &mut answer.model {
            Model::Asked { ask, since, .. } if since.after(first_token) <= self.now => {
                failed(*ask, "no first token", first_token)
            }
            Model::Streaming { ask, last, .. } if last.after(token_gap) <= self.now => {
                failed(*ask, "no further token", token_gap)
            }
            Model::Tools(tools) if tools.filler_at.is_some_and(|at| at <= self.now) => {
                tools.filler_at = None;
                self.filler();
                None
            }
            Model::Done
            | Model::Paused { .. }
            | Model::Asked { .. }
            | Model::Streaming { .. }
            | Model::Tools(_) => None,
        };
        if let Some((ask, message)) = stalled {
            self.emit(Output::CancelModel);
            self.model_failed(ask, ErrorKind::Transient, &message);
        }
        self.give_up_tools();
    }

    /// A tool whose answer never came, because whoever ran it is gone, must not hold the call.
    fn give_up_tools(&mut self) {
        let Floor::Assistant(answer) = &self.floor else { return };
        let Model::Tools(tools) = &answer.model else { return };
        let overdue =
            |tool: &&Pending| matches!(tool.state, ToolState::Running { until } if until <= self.now);
        let keys: Vec<_> = tools.running().filter(overdue).map(|tool| tool.key.clone()).collect();
        for key in keys {
            self.emit(Output::Degraded { stage: "tool", cause: format!("{} gave no answer", key.0) });
            self.tool_result(&key, Err(NO_ANSWER.to_owned()));
        }
    }

    fn filler(&mut self) {
        let text = self.setup.assistant.tool_filler.clone();
        let Floor::Assistant(mut answer) = std::mem::replace(&mut self.floor, Floor::Ended) else { return };
        let epoch_is_closed = matches!(&answer.model, Model::Tools(tools) if tools.awaits_heard);
        if !text.is_empty() && !epoch_is_closed {
            self.say(&mut answer, &text);
        }
        self.floor = Floor::Assistant(answer);
    }
}

impl Model {
    fn ask(&self) -> Option<Ask> {
        match self {
            Self::Asked { ask, .. } | Self::Streaming { ask, .. } => Some(*ask),
            Self::Done | Self::Paused { .. } | Self::Tools(_) => None,
        }
    }

    fn attempt(&self) -> u32 {
        match self {
            Self::Paused { attempt, .. } | Self::Asked { attempt, .. } | Self::Streaming { attempt, .. } => {
                *attempt
            }
            Self::Done | Self::Tools(_) => 0,
        }
    }

    /// A token came.
    fn progress(&mut self, now: CallTime) {
        match self {
            Self::Asked { ask, attempt, .. } => {
                *self = Self::Streaming { ask: *ask, attempt: *attempt, last: now, calls: Vec::new() };
            }
            Self::Streaming { last, .. } => *last = now,
            Self::Done | Self::Paused { .. } | Self::Tools(_) => {}
        }
    }
}

impl Answer {
    /// The call of a tool that is running.
    fn running_tool(&self, key: &ToolInvocationKey) -> Option<&ToolCall> {
        let Model::Tools(tools) = &self.model else { return None };
        tools.running().find(|tool| tool.key == *key).map(|tool| &tool.call)
    }

    fn finish_tool(&mut self, key: &ToolInvocationKey, result: Result<String, String>) {
        let Model::Tools(tools) = &mut self.model else { return };
        if let Some(tool) = tools.pending.iter_mut().find(|tool| tool.key == *key) {
            let is_error = result.is_err();
            tool.state = ToolState::Finished { result: result.unwrap_or_else(|error| error), is_error };
        }
    }

    /// The rounds, once every tool has answered.
    fn take_finished_rounds(&mut self) -> Option<Vec<ToolRound>> {
        let Model::Tools(tools) = &mut self.model else { return None };
        let finished = tools.pending.iter().all(|tool| matches!(tool.state, ToolState::Finished { .. }));
        if !finished {
            return None;
        }
        let rounds = tools.pending.drain(..).filter_map(|tool| match tool.state {
            ToolState::Finished { result, is_error } => Some(ToolRound { call: tool.call, result, is_error }),
            ToolState::Waiting | ToolState::Running { .. } => None,
        });
        Some(rounds.collect())
    }
}
