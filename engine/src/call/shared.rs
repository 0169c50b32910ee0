//! What the actors of one call have in common: its plan, its clock, the bounded queues between them, and what a
//! new actor needs to go on where a dead one stopped.

use crate::{
    call::{
        inbox::Inbox,
        journal::{Decider, Journal},
        listen::Taps,
        playout::{self, ResumePoint},
        replay_ring::ReplayRing,
        speech::Speech,
        stt_feed::SttFeed,
        time::{CallTime, SAMPLES_PER_MS},
        turn::{Input, Turns},
        wav::WavWriter,
    },
    ids::{Epoch, SentenceId},
    options::EngineOptions,
    ports::{CallPlan, EndReason, Ports, ToolInvocationKey},
    provider::AbortOnDrop,
};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};
use tokio::time::Instant;

/// To the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamCommand {
    /// Stop playback, keep what is not heard, report what is.
    Hold(Epoch),
    /// Go on with what was held.
    Resume(Epoch),
    /// Stop playback of this and older epochs for good, report what was heard.
    Drop(Epoch),
    /// Close the socket: the carrier goes on with its instructions.
    Close,
}

/// To synthesis.
#[derive(Clone, Debug)]
pub(crate) enum TtsCommand {
    /// There is more in [`Shared::speech`].
    Work,
    /// Forget this and older epochs.
    Drop(Epoch),
    /// What the ledger lacks after the synthesiser was lost.
    Resynthesise(Vec<ResumePoint>),
}

/// To recognition; audio goes through [`SttFeed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SttCommand {
    /// Ask for what is known so far.
    Finalize,
    /// The call is over: end the session in order.
    Close,
}

/// To the recorder.
#[derive(Debug)]
pub(crate) enum RecorderCommand {
    /// Interleaved stereo samples, caller left.
    Block {
        /// Call position of the first.
        start: u64,
        /// Pairs of samples.
        stereo: Vec<i16>,
    },
    /// The call is over.
    Finish,
}

/// The call's clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
    /// Call time at `started`: not zero when the call began on another node.
    offset: CallTime,
}

impl Clock {
    pub(crate) fn new(offset: CallTime) -> Self {
        Self { started: Instant::now(), offset }
    }

    pub(crate) fn now(&self) -> CallTime {
        self.offset.after(self.started.elapsed())
    }

    /// When it will be `at`.
    pub(crate) fn instant(&self, at: CallTime) -> Instant {
        self.started + at.since(self.offset)
    }
}

/// The decider as of the last quiet moment, and what it was told since.
struct TurnMemory {
    snapshot: Turns,
    since: Vec<(CallTime, Input)>,
}

/// Shared by all actors of a call.
pub(crate) struct Shared {
    pub(crate) plan: CallPlan,
    pub(crate) options: Arc<EngineOptions>,
    pub(crate) ports: Ports,
    pub(crate) clock: Clock,
    pub(crate) journal: Journal,
    /// Facts for the decision owner.
    pub(crate) facts: Inbox<Input>,
    pub(crate) stream: Inbox<StreamCommand>,
    /// From synthesis to the ledger, in order.
    pub(crate) playable: Inbox<playout::Input>,
    pub(crate) tts: Inbox<TtsCommand>,
    pub(crate) stt: Inbox<SttCommand>,
    /// From the stream to recognition.
    pub(crate) caller_audio: SttFeed,
    /// What recognition has taken and no transcript covers yet.
    pub(crate) heard_audio: Mutex<ReplayRing>,
    pub(crate) recorder: Inbox<RecorderCommand>,
    /// Who listens in.
    pub(crate) taps: Taps,
    /// What synthesis still owes; see `tts_actor`.
    pub(crate) speech: Mutex<Speech>,
    turns: Mutex<TurnMemory>,
    /// The request to the model that is under way.
    model: Mutex<Option<AbortOnDrop>>,
    /// The model's provider that gave the newest whole answer: the call stays with it, so that one that is down costs
    /// its time only once.
    pub(crate) model_provider: AtomicUsize,
    /// Tools and transfers that are under way.
    tools: Mutex<HashMap<ToolInvocationKey, AbortOnDrop>>,
    /// The newest stream broke, and the supervisor has not noticed yet.
    stream_lost: AtomicBool,
    ended: Mutex<Option<(EndReason, Option<String>)>>,
    /// The recording's file. The threads that write to it take turns here, also when a new `recorder` begins while
    /// the last block of the old one is still being written.
    pub(crate) recording: Arc<Mutex<Option<WavWriter>>>,
    /// Length of the recording, samples, once it is finished.
    pub(crate) recorded: Mutex<Option<u64>>,
}

impl Shared {
    pub(crate) fn new(
        plan: CallPlan,
        options: Arc<EngineOptions>,
        ports: Ports,
        turns: Turns,
        clock: Clock,
        journal: Journal,
    ) -> Self {
        let call = &options.call;
        let replay_samples = usize::try_from(options.stt.replay_ms * SAMPLES_PER_MS).unwrap_or(usize::MAX);
        Self {
            facts: Inbox::new(call.inbox),
            stream: Inbox::new(call.commands),
            playable: Inbox::new(options.stream.audio),
            tts: Inbox::new(options.tts.queue),
            stt: Inbox::new(call.commands),
            caller_audio: SttFeed::new(&options.stt),
            heard_audio: Mutex::new(ReplayRing::new(replay_samples)),
            recorder: Inbox::new(options.recorder.queue),
            taps: Taps::default(),
            speech: Mutex::default(),
            turns: Mutex::new(TurnMemory { snapshot: turns, since: Vec::new() }),
            model: Mutex::new(None),
            model_provider: AtomicUsize::new(0),
            tools: Mutex::new(HashMap::new()),
            stream_lost: AtomicBool::new(false),
            ended: Mutex::new(None),
            recording: Arc::default(),
            recorded: Mutex::new(None),
            plan,
            options,
            ports,
            clock,
            journal,
        }
    }

    /// A fact for the decision owner, from where it cannot wait. A full inbox means that the call's decider has
    /// stood still for hundreds of facts; the fact is counted and given up.
    pub(crate) fn tell(&self, fact: Input) {
        if self.facts.try_push(fact).is_err() {
            metrics::counter!("tandem_facts_dropped_total").increment(1);
        }
    }

    /// A fact from where it can wait: a model that writes faster than its text is taken. Half of the inbox is left to those
    /// that cannot; what they would lose is the end of an answer, or of the call.
    pub(crate) async fn tell_in_time(&self, fact: Input) {
        self.facts.push_leaving(self.facts.capacity() / 2, fact).await;
    }

    /// A command from where it cannot wait; see [`Self::tell`].
    pub(crate) fn command<T>(&self, inbox: &Inbox<T>, queue: &'static str, command: T) {
        if inbox.try_push(command).is_err() {
            metrics::counter!("tandem_commands_dropped_total", "queue" => queue).increment(1);
            tracing::error!(call = %self.plan.call, queue, "a command was dropped: its queue is full");
        }
    }

    /// A sentence to be synthesised and played. It goes to what synthesis owes, which has room for a whole answer: one that
    /// comes at once has more sentences than any queue of commands.
    pub(crate) fn say(&self, id: SentenceId, text: Arc<str>) {
        {
            let mut speech = self.speech.lock();
            speech.say(id, Arc::clone(&text));
            speech.pass(playout::Input::Sentence { id, text });
        }
        self.wake_tts();
    }

    /// No further sentence of the epoch will come.
    pub(crate) fn finish(&self, epoch: Epoch) {
        self.speech.lock().pass(playout::Input::Finish { epoch });
        self.wake_tts();
    }

    /// Synthesis looks at what it owes after every command: one that waits for it will do, and the places are for those that
    /// say more than this.
    fn wake_tts(&self) {
        if self.tts.depth() == 0 && self.tts.try_push(TtsCommand::Work).is_err() {
            tracing::trace!(call = %self.plan.call, "synthesis is awake");
        }
    }

    /// Notes a fact before the decider is told, so that a new decider can be told again.
    pub(crate) fn remember(&self, at: CallTime, input: &Input) {
        self.journal.note(at, Decider::Turn, input);
        self.turns.lock().since.push((at, input.clone()));
    }

    /// A quiet moment: the decider as it is now is where a new one would begin.
    pub(crate) fn checkpoint(&self, turns: &Turns) {
        let mut memory = self.turns.lock();
        memory.snapshot = turns.clone();
        memory.since.clear();
    }

    /// A decider that has been told everything, and whose decisions have been carried out already.
    pub(crate) fn recall(&self) -> Turns {
        let memory = self.turns.lock();
        let mut turns = memory.snapshot.clone();
        for (at, input) in &memory.since {
            turns.handle(input.clone(), *at);
            while turns.poll_output().is_some() {}
        }
        turns
    }

    /// Facts that a new decider would have to be told.
    pub(crate) fn remembered(&self) -> usize {
        self.turns.lock().since.len()
    }

    /// Replaces the request to the model that is under way; the old one is cancelled.
    pub(crate) fn set_model(&self, task: Option<AbortOnDrop>) {
        *self.model.lock() = task;
    }

    pub(crate) fn add_tool(&self, key: ToolInvocationKey, task: AbortOnDrop) {
        self.tools.lock().insert(key, task);
    }

    /// The last thing that the task of a tool does.
    pub(crate) fn tool_done(&self, key: &ToolInvocationKey) {
        self.tools.lock().remove(key);
    }

    /// The stream broke: the carrier may come back with another.
    pub(crate) fn lose_stream(&self) {
        self.stream_lost.store(true, Ordering::Release);
    }

    /// Whether the stream that has just ended was broken.
    pub(crate) fn take_stream_lost(&self) -> bool {
        self.stream_lost.swap(false, Ordering::AcqRel)
    }

    /// Cancels the model's and the tools' tasks, which hold on to all of this.
    pub(crate) fn stop_work(&self) {
        self.set_model(None);
        self.tools.lock().clear();
    }

    /// The first end of a call is the one that counts.
    pub(crate) fn set_ended(&self, reason: EndReason, transfer_to: Option<String>) {
        self.ended.lock().get_or_insert((reason, transfer_to));
    }

    pub(crate) fn ended(&self) -> Option<(EndReason, Option<String>)> {
        self.ended.lock().clone()
    }

    /// What the model would see of the conversation.
    pub(crate) fn context(&self) -> Vec<crate::llm::Message> {
        self.recall().context().to_vec()
    }
}
