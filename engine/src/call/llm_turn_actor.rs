//! The shell around [`Turns`]: takes facts from the call's inbox, owns the one timer, carries decisions out.

use crate::{
    call::{
        shared::{Shared, StreamCommand, SttCommand, TtsCommand},
        supervisor::SupervisorMsg,
        turn::{Ask, Input, Output, Turns},
    },
    llm::{LlmEvent, LlmRequest},
    ports::{CallEvent, ToolInvocation, ToolInvocationKey},
    provider::{AbortOnDrop, ErrorKind},
};
use ractor::ActorRef;
use std::sync::{Arc, atomic::Ordering};

/// Facts kept for a new decider while an answer is under way; then a snapshot is taken in the middle of it.
const REMEMBERED_MAX: usize = 2_048;

/// Runs until the call ends.
pub(super) async fn run(shared: Arc<Shared>, supervisor: ActorRef<SupervisorMsg>) {
    let mut shell = Shell { turns: shared.recall(), shared, supervisor };
    loop {
        let input = match shell.turns.poll_timeout() {
            Some(at) => {
                let timer = tokio::time::sleep_until(shell.shared.clock.instant(at));
                tokio::select! {
                    biased;
                    input = shell.shared.facts.recv() => input,
                    () = timer => Input::Timeout,
                }
            }
            None => shell.shared.facts.recv().await,
        };
        shell.handle(input);
        if shell.turns.is_ended() {
            return;
        }
    }
}

struct Shell {
    turns: Turns,
    shared: Arc<Shared>,
    supervisor: ActorRef<SupervisorMsg>,
}

impl Shell {
    fn handle(&mut self, input: Input) {
        let now = self.shared.clock.now();
        self.shared.remember(now, &input);
        self.turns.handle(input, now);
        while let Some(output) = self.turns.poll_output() {
            self.carry_out(output);
        }
        if self.turns.is_settled() || self.shared.remembered() > REMEMBERED_MAX {
            self.shared.checkpoint(&self.turns);
        }
    }

    fn carry_out(&self, output: Output) {
        let shared = &self.shared;
        match output {
            Output::AskModel { ask, attempt, request } => self.ask_model(ask, attempt, request),
            Output::CancelModel => shared.set_model(None),
            Output::Say { sentence, text } => shared.say(sentence, text),
            Output::Finish(epoch) => shared.finish(epoch),
            Output::Hold(epoch) => shared.command(&shared.stream, "stream", StreamCommand::Hold(epoch)),
            Output::Resume(epoch) => shared.command(&shared.stream, "stream", StreamCommand::Resume(epoch)),
            Output::Drop(epoch) => {
                shared.command(&shared.stream, "stream", StreamCommand::Drop(epoch));
                shared.command(&shared.tts, "tts", TtsCommand::Drop(epoch));
            }
            Output::FinalizeTranscript => shared.command(&shared.stt, "stt", SttCommand::Finalize),
            Output::RunTool { key, call, timeout } => {
                let plan = &shared.plan;
                let invocation = ToolInvocation {
                    tenant: plan.tenant.clone(),
                    call: plan.call.clone(),
                    assistant: plan.assistant.id.clone(),
                    key: key.clone(),
                    tool: call,
                    timeout,
                };
                let running = shared.ports.tools.run(invocation);
                self.run_tool(key, async move {
                    match tokio::time::timeout(timeout, running).await {
                        Ok(result) => result.map_err(|failure| failure.to_string()),
                        Err(_) => Err(format!("the tool did not answer within {} ms", timeout.as_millis())),
                    }
                });
            }
            Output::Transfer { key, to } => {
                let asked = shared.ports.control.transfer(&shared.plan.call, &to);
                self.run_tool(key, async move {
                    asked
                        .await
                        .map(|()| "the caller is being handed over".to_owned())
                        .map_err(|f| f.to_string())
                });
            }
            Output::Turn(record) => self.log(CallEvent::Turn(*record)),
            Output::Degraded { stage, cause } => {
                tracing::warn!(call = %shared.plan.call, stage, cause, "a stage was replaced or given up");
                self.log(CallEvent::Degraded { stage: stage.to_owned(), cause });
            }
            Output::End { reason, transfer_to } => {
                shared.set_ended(reason, transfer_to);
                if self.supervisor.cast(SupervisorMsg::Ended).is_err() {
                    tracing::debug!(call = %shared.plan.call, "the call ended after its supervisor");
                }
            }
        }
    }

    fn log(&self, event: CallEvent) {
        super::log(&self.shared, event);
    }

    fn ask_model(&self, ask: Ask, attempt: u32, request: LlmRequest) {
        let providers = &self.shared.plan.llm;
        let first = self.shared.model_provider.load(Ordering::Relaxed);
        let index = (first + attempt as usize) % providers.len().max(1);
        let Some(provider) = providers.get(index) else {
            self.shared.tell(Input::ModelFailed {
                ask,
                kind: ErrorKind::Auth,
                message: "no language model is configured".to_owned(),
            });
            return;
        };
        let stream = provider.stream(request);
        let shared = Arc::clone(&self.shared);
        let name = provider.name().to_owned();
        self.shared.set_model(Some(AbortOnDrop(tokio::spawn(async move {
            // All of it moves in here: its own task ends with it.
            let mut stream = stream;
            loop {
                let event = stream.events.recv().await;
                let (input, last) = match event {
                    Some(LlmEvent::Text(text)) => (Input::ModelText { ask, text }, false),
                    Some(LlmEvent::ToolCall(call)) => (Input::ModelTool { ask, call }, false),
                    Some(LlmEvent::Finished { stop, usage }) => {
                        shared.model_provider.store(index, Ordering::Relaxed);
                        (Input::ModelFinished { ask, stop, usage }, true)
                    }
                    Some(LlmEvent::Failed(error)) => {
                        (Input::ModelFailed { ask, kind: error.kind, message: error.to_string() }, true)
                    }
                    None => {
                        let message = format!("{name}: the answer broke off");
                        (Input::ModelFailed { ask, kind: ErrorKind::Transient, message }, true)
                    }
                };
                shared.tell_in_time(input).await;
                if last {
                    return;
                }
            }
        }))));
    }

    fn run_tool(
        &self,
        key: ToolInvocationKey,
        work: impl Future<Output = Result<String, String>> + Send + 'static,
    ) {
        let shared = Arc::clone(&self.shared);
        let of_task = key.clone();
        let task = tokio::spawn(async move {
            let result = work.await;
            shared.tell_in_time(Input::ToolResult { key: of_task.clone(), result }).await;
            shared.tool_done(&of_task);
        });
        self.shared.add_tool(key, AbortOnDrop(task));
    }
}
