//! The supervisor of a call: starts the children, replaces the ones that may be replaced, takes in a new stream
//! when the old one was lost, and closes the call's books.
//!
//! What a child's death means is decided by [`RestartPolicy`]; what the end of a stream means by `llm_turn`.

use crate::{
    call::{
        child,
        journal::{Decider, Journal},
        listen::Tap,
        llm_turn_actor, playout, recorder_actor, replay,
        restart::{Cause, Decision, RestartOptions, RestartPolicy, Role},
        shared::{Clock, RecorderCommand, Shared, StreamCommand, SttCommand},
        stream_actor, stt_actor, tts_actor,
        turn::{Command, Input, Turns},
    },
    ids::CallId,
    options::EngineOptions,
    ports::{CallEvent, CallPlan, CallSummary, EndReason, Ports},
    twilio::socket::AcceptedStream,
};
use futures_util::future::BoxFuture;
use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// To the supervisor.
pub enum SupervisorMsg {
    /// A new socket of this call.
    Attach(Box<AcceptedStream>),
    /// `llm_turn` has ended the call.
    Ended,
    /// The carrier says that the caller has hung up.
    HungUp,
    /// Somebody outside of the call orders something.
    Command(Command),
    /// Somebody listens in.
    Listen(Tap),
    /// The node stops.
    Shutdown,
    /// Hand the journal to the log.
    FlushJournal,
    /// Start this child again.
    Restart(Role),
    /// What this phase waits for has had its time.
    Overdue(Phase),
}

type OnEnd = Box<dyn Fn(&CallId) + Send + Sync>;

/// A live call, as the engine knows it.
#[derive(Clone)]
pub struct CallHandle {
    supervisor: Option<ActorRef<SupervisorMsg>>,
    vacancy: Arc<AtomicBool>,
}

impl CallHandle {
    /// A call that is being started.
    #[must_use]
    pub fn starting() -> Self {
        Self { supervisor: None, vacancy: Arc::new(AtomicBool::new(false)) }
    }

    /// It is up.
    pub fn started(&mut self, started: Started) {
        self.supervisor = Some(started.supervisor);
        self.vacancy = started.vacancy;
    }

    /// Takes the place of the stream, if it is vacant.
    #[must_use]
    pub fn take_vacancy(&self) -> bool {
        self.vacancy.swap(false, Ordering::AcqRel)
    }

    /// Tells the supervisor.
    ///
    /// # Errors
    /// When the call has ended or is not up yet; the message is lost.
    pub fn send(&self, message: SupervisorMsg) -> Result<(), CallGone> {
        let supervisor = self.supervisor.as_ref().ok_or(CallGone)?;
        supervisor.cast(message).map_err(|_| CallGone)
    }
}

/// The call has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the call has ended")]
pub struct CallGone;

/// A call that has been started.
pub struct Started {
    supervisor: ActorRef<SupervisorMsg>,
    vacancy: Arc<AtomicBool>,
}

struct CallSupervisor;

struct Arguments {
    shared: Arc<Shared>,
    stream: AcceptedStream,
    vacancy: Arc<AtomicBool>,
    place: Place,
}

/// The call's place among the live calls; given back whatever becomes of the supervisor.
struct Place {
    call: CallId,
    on_end: OnEnd,
}

impl Drop for Place {
    fn drop(&mut self) {
        (self.on_end)(&self.call);
    }
}

struct State {
    shared: Arc<Shared>,
    children: HashMap<ActorId, Role>,
    policy: RestartPolicy,
    vacancy: Arc<AtomicBool>,
    _place: Place,
    phase: Phase,
    /// A new recorder is about to be started: it has blocks to write even if the call ends meanwhile.
    recorder_due: bool,
    /// The call's end is in its log.
    closed: bool,
}

/// How far the call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It goes on.
    Live,
    /// Decided to end: the stream closes, then the recorder.
    Closing,
    /// The recorder finishes its file.
    Finishing,
}

/// Starts a call with its first stream here.
///
/// # Errors
/// When an actor cannot be started; says why.
pub(crate) async fn start(
    plan: CallPlan,
    stream: AcceptedStream,
    options: Arc<EngineOptions>,
    ports: Ports,
    on_end: OnEnd,
) -> Result<Started, String> {
    let place = Place { call: plan.call.clone(), on_end };
    let turns = Turns::new(
        options.turn.clone(),
        options.endpointing.clone(),
        options.context,
        Arc::clone(&plan.assistant),
    );
    let resumed = replay::resume(turns, &plan.journal, options.playout);
    let clock = Clock::new(resumed.until);
    let journal = Journal::new(resumed.next_seq, options.call.journal_entries);
    let call = plan.call.clone();
    let shared = Arc::new(Shared::new(plan, options, ports, resumed.turns, clock, journal));
    let is_over = resumed.ended.is_some();
    if let Some((reason, transfer_to)) = resumed.ended {
        shared.set_ended(reason, transfer_to);
    }
    for fact in resumed.facts {
        shared.tell(fact);
    }
    let vacancy = Arc::new(AtomicBool::new(false));
    let arguments = Arguments { shared, stream, vacancy: Arc::clone(&vacancy), place };
    let (supervisor, _) = Actor::spawn(Some(format!("{call}/supervisor")), CallSupervisor, arguments)
        .await
        .map_err(|error| error.to_string())?;
    if is_over && supervisor.cast(SupervisorMsg::Ended).is_err() {
        tracing::debug!(%call, "a call that was over has ended again");
    }
    Ok(Started { supervisor, vacancy })
}

impl Actor for CallSupervisor {
    type Msg = SupervisorMsg;
    type State = State;
    type Arguments = Arguments;

    async fn pre_start(
        &self,
        me: ActorRef<SupervisorMsg>,
        arguments: Arguments,
    ) -> Result<State, ActorProcessingErr> {
        let Arguments { shared, stream, vacancy, place } = arguments;
        let every = shared.options.call.journal_every;
        let mut state = State {
            policy: RestartPolicy::new(RestartOptions::default()),
            children: HashMap::new(),
            phase: Phase::Live,
            recorder_due: false,
            closed: false,
            shared,
            vacancy,
            _place: place,
        };
        for role in [Role::LlmTurn, Role::Tts, Role::Stt, Role::Recorder] {
            state.start_child(&me, role).await?;
        }
        state.start_stream(&me, stream).await?;
        me.send_interval(every, || SupervisorMsg::FlushJournal);
        Ok(state)
    }

    async fn handle(
        &self,
        me: ActorRef<SupervisorMsg>,
        message: SupervisorMsg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            SupervisorMsg::Attach(stream) => {
                state.start_stream(&me, *stream).await?;
                state.shared.tell(Input::StreamBack);
            }
            SupervisorMsg::Ended if state.phase == Phase::Live => state.close(&me, Phase::Closing),
            SupervisorMsg::Ended => {}
            SupervisorMsg::HungUp => state.shared.tell(Input::HungUp { heard: None }),
            SupervisorMsg::Command(command) => state.shared.tell(Input::Command { command }),
            SupervisorMsg::Listen(tap) => state.shared.taps.add(tap),
            SupervisorMsg::Shutdown => state.shared.tell(Input::Shutdown),
            SupervisorMsg::FlushJournal => state.flush_journal(),
            SupervisorMsg::Restart(role) if state.phase == Phase::Live => {
                state.start_child(&me, role).await?
            }
            // The call closes meanwhile; only the recorder has something left to do then.
            SupervisorMsg::Restart(role) if role == Role::Recorder => state.start_child(&me, role).await?,
            SupervisorMsg::Restart(_) => {}
            SupervisorMsg::Overdue(phase) if phase != state.phase => {}
            SupervisorMsg::Overdue(Phase::Closing) => state.close(&me, Phase::Finishing),
            SupervisorMsg::Overdue(Phase::Live | Phase::Finishing) => me.stop(None),
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        me: ActorRef<SupervisorMsg>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorFailed(who, error) => {
                state.child_gone(&me, who.get_id(), Some(error.to_string()))
            }
            SupervisionEvent::ActorTerminated(who, _, reason) => state.child_gone(&me, who.get_id(), reason),
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {}
        }
        Ok(())
    }

    async fn post_stop(
        &self,
        _: ActorRef<SupervisorMsg>,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        state.close_books();
        Ok(())
    }
}

impl State {
    async fn start_child(
        &mut self,
        me: &ActorRef<SupervisorMsg>,
        role: Role,
    ) -> Result<(), ActorProcessingErr> {
        let shared = Arc::clone(&self.shared);
        let body: BoxFuture<'static, ()> = match role {
            Role::LlmTurn => Box::pin(llm_turn_actor::run(shared, me.clone())),
            Role::Tts => Box::pin(tts_actor::run(shared)),
            Role::Stt => Box::pin(stt_actor::run(shared)),
            Role::Recorder => {
                self.recorder_due = false;
                Box::pin(recorder_actor::run(shared))
            }
            Role::Stream => return Ok(()),
        };
        self.adopt(me, role, body).await
    }

    async fn start_stream(
        &mut self,
        me: &ActorRef<SupervisorMsg>,
        stream: AcceptedStream,
    ) -> Result<(), ActorProcessingErr> {
        super::log(&self.shared, CallEvent::StreamStarted { stream_sid: stream.sid.as_str().to_owned() });
        let body = Box::pin(stream_actor::run(Arc::clone(&self.shared), stream));
        self.adopt(me, Role::Stream, body).await
    }

    async fn adopt(
        &mut self,
        me: &ActorRef<SupervisorMsg>,
        role: Role,
        body: BoxFuture<'static, ()>,
    ) -> Result<(), ActorProcessingErr> {
        let name = format!("{}/{role}", self.shared.plan.call);
        let child: ActorCell = child::start(name, body, me.get_cell()).await?;
        self.children.insert(child.get_id(), role);
        Ok(())
    }

    /// A child is gone. `cause` is empty when its loop ended by itself.
    fn child_gone(&mut self, me: &ActorRef<SupervisorMsg>, who: ActorId, cause: Option<String>) {
        let Some(role) = self.children.remove(&who) else { return };
        match (self.phase, role) {
            (Phase::Live, Role::Stream) => self.stream_gone(cause),
            (Phase::Live, _) | (Phase::Closing, Role::Recorder) => match cause {
                Some(cause) => self.replace(me, role, &cause),
                None => {
                    tracing::debug!(call = %self.shared.plan.call, %role, "a call's actor has done its work")
                }
            },
            (Phase::Closing, Role::Stream) => self.close(me, Phase::Finishing),
            (Phase::Finishing, Role::Recorder) => me.stop(None),
            (Phase::Closing | Phase::Finishing, _) => {}
        }
    }

    fn stream_gone(&mut self, cause: Option<String>) {
        if let Some(cause) = cause {
            // What the caller has heard was reported when the actor's state was dropped.
            tracing::error!(call = %self.shared.plan.call, cause, "the stream's actor failed");
            self.shared.lose_stream();
        }
        if self.shared.take_stream_lost() {
            super::log(&self.shared, CallEvent::StreamLost);
            self.vacancy.store(true, Ordering::Release);
        }
    }

    fn replace(&mut self, me: &ActorRef<SupervisorMsg>, role: Role, cause: &str) {
        let call = &self.shared.plan.call;
        metrics::counter!("tandem_actors_lost_total", "role" => role.name()).increment(1);
        let decision = self.policy.child_died(role, Cause::Failed, self.shared.clock.now());
        tracing::warn!(%call, %role, cause, ?decision, "a call's actor is gone");
        super::log(
            &self.shared,
            CallEvent::Degraded { stage: role.name().to_owned(), cause: cause.to_owned() },
        );
        self.recorder_due |= role == Role::Recorder && matches!(decision, Decision::Restart { .. });
        match decision {
            Decision::Restart { after } if after.is_zero() => {
                if me.cast(SupervisorMsg::Restart(role)).is_err() {
                    tracing::debug!(%call, "the call ended before its actor could be replaced");
                }
            }
            Decision::Restart { after } => {
                me.send_after(after, move || SupervisorMsg::Restart(role));
            }
            Decision::Degrade | Decision::Detach | Decision::Ignore => {}
            Decision::EndCall => {
                self.shared.set_ended(EndReason::Failed, None);
                self.close(me, Phase::Closing);
            }
        }
    }

    fn close(&mut self, me: &ActorRef<SupervisorMsg>, to: Phase) {
        self.phase = to;
        let has = |role| self.children.values().any(|child| *child == role);
        if to == Phase::Closing {
            self.flush_journal();
            self.shared.command(&self.shared.stt, "stt", SttCommand::Close);
            if has(Role::Stream) {
                self.shared.command(&self.shared.stream, "stream", StreamCommand::Close);
                me.send_after(self.shared.options.stream.write, || SupervisorMsg::Overdue(Phase::Closing));
                return;
            }
            self.phase = Phase::Finishing;
        }
        if has(Role::Recorder) || self.recorder_due {
            self.shared.command(&self.shared.recorder, "recorder", RecorderCommand::Finish);
            me.send_after(self.shared.options.recorder.finish, || SupervisorMsg::Overdue(Phase::Finishing));
        } else {
            me.stop(None);
        }
    }

    fn flush_journal(&self) {
        self.shared.journal.flush(&self.shared.plan.call, &*self.shared.ports.log);
    }

    fn close_books(&mut self) {
        self.flush_journal();
        let shared = &self.shared;
        let (reason, transfer_to) = shared.ended().unwrap_or((EndReason::Failed, None));
        let recorded = *shared.recorded.lock();
        let summary = CallSummary {
            reason,
            duration_ms: shared.clock.now().as_ms(),
            context: shared.context(),
            transfer_to,
            recorded: recorded.is_some(),
            recording_ms: recorded.unwrap_or_default() / crate::call::time::SAMPLES_PER_MS,
        };
        super::log(shared, CallEvent::Ended(summary));
        self.closed = true;
    }
}

impl Drop for State {
    /// Also when the supervisor was killed or has panicked: then the call is not over, but lost to this engine. Its
    /// place is freed, so that a new stream can take it up from the journal.
    fn drop(&mut self) {
        let shared = &self.shared;
        shared.stop_work();
        if !self.closed {
            tracing::error!(call = %shared.plan.call, "the call's supervisor is gone");
            metrics::counter!("tandem_actors_lost_total", "role" => "supervisor").increment(1);
            // What was heard is counted up to the newest entry.
            shared.journal.note(shared.clock.now(), Decider::Playout, &playout::Input::Poll);
            self.flush_journal();
        }
        if !self.closed {
            super::log(shared, CallEvent::StreamLost);
        }
    }
}
