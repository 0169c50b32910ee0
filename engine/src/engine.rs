//! The calls of a node: which are live, how a stream gets into one, and how all of them end.

use crate::{
    call::{
        listen::{self, ListenOptions, Listener},
        supervisor::{self, CallGone, CallHandle, SupervisorMsg},
        turn::Command,
    },
    ids::CallId,
    options::EngineOptions,
    ports::{CallPlan, Ports, Refusal, StreamClaim},
    twilio::socket::AcceptedStream,
};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// Why an admitted stream does not get into its call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttachError {
    /// The call's stream is alive.
    #[error("the call has a live stream already")]
    AlreadyStreaming,
    /// The node has as many calls as it may have.
    #[error("the node bears no further call")]
    Full,
    /// The call's actors could not be started.
    #[error("the call could not be started: {0}")]
    Start(String),
    /// The call ended in this moment.
    #[error("the call has just ended")]
    Ended,
}

struct Inner {
    options: Arc<EngineOptions>,
    ports: Ports,
    calls: Mutex<HashMap<CallId, CallHandle>>,
    draining: AtomicBool,
}

/// The engine. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

impl Engine {
    /// An engine without calls.
    #[must_use]
    pub fn new(options: EngineOptions, ports: Ports) -> Self {
        let inner = Inner {
            options: Arc::new(options),
            ports,
            calls: Mutex::new(HashMap::new()),
            draining: AtomicBool::new(false),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Its limits.
    #[must_use]
    pub fn options(&self) -> &EngineOptions {
        &self.inner.options
    }

    /// Spends a stream's token.
    ///
    /// # Errors
    /// When the stream does not belong to a call of ours, or the node is draining.
    pub async fn admit(&self, claim: StreamClaim) -> Result<CallPlan, Refusal> {
        if self.inner.draining.load(Ordering::Relaxed) {
            return Err(Refusal::Draining);
        }
        self.inner.ports.admissions.admit(claim).await
    }

    /// Puts a stream into its call, which is started if it is not live.
    ///
    /// # Errors
    /// When the call has a live stream, or cannot be started; the stream comes back if it was not used up.
    pub async fn attach(
        &self,
        plan: CallPlan,
        stream: AcceptedStream,
    ) -> Result<(), (AttachError, Option<AcceptedStream>)> {
        let call = plan.call.clone();
        let handle = {
            let mut calls = self.inner.calls.lock();
            match calls.get(&call) {
                Some(handle) if !handle.take_vacancy() => {
                    return Err((AttachError::AlreadyStreaming, Some(stream)));
                }
                Some(handle) => Some(handle.clone()),
                None if calls.len() >= self.inner.options.call.calls => {
                    return Err((AttachError::Full, Some(stream)));
                }
                None => {
                    // The place is taken before anything is awaited: a second socket must not get in between.
                    calls.insert(call.clone(), CallHandle::starting());
                    None
                }
            }
        };
        match handle {
            Some(handle) => match handle.send(SupervisorMsg::Attach(Box::new(stream))) {
                Ok(()) => Ok(()),
                Err(_) => Err((AttachError::Ended, None)),
            },
            None => self.start(plan, stream).await,
        }
    }

    async fn start(
        &self,
        plan: CallPlan,
        stream: AcceptedStream,
    ) -> Result<(), (AttachError, Option<AcceptedStream>)> {
        let call = plan.call.clone();
        let engine = self.clone();
        let on_end = move |call: &CallId| {
            engine.inner.calls.lock().remove(call);
            engine.gauge();
        };
        let options = Arc::clone(&self.inner.options);
        match supervisor::start(plan, stream, options, self.inner.ports.clone(), Box::new(on_end)).await {
            Ok(supervisor) => {
                if let Some(handle) = self.inner.calls.lock().get_mut(&call) {
                    handle.started(supervisor);
                }
                self.gauge();
                Ok(())
            }
            Err(error) => {
                self.inner.calls.lock().remove(&call);
                Err((AttachError::Start(error), None))
            }
        }
    }

    fn gauge(&self) {
        let live = self.inner.calls.lock().len();
        metrics::gauge!("tandem_calls_live").set(live as f64);
    }

    /// The carrier says that a call is over: it ends here too, if it waits for a new stream.
    pub fn hung_up(&self, call: &CallId) {
        self.tell(call, || SupervisorMsg::HungUp);
    }

    /// Orders something in a live call; its decider carries it out.
    ///
    /// # Errors
    /// When the call is not live here.
    pub fn command(&self, call: &CallId, command: Command) -> Result<(), CallGone> {
        self.handle(call)?.send(SupervisorMsg::Command(command))
    }

    /// Listens in on a live call.
    ///
    /// # Errors
    /// When the call is not live here.
    pub fn listen(&self, call: &CallId, options: ListenOptions) -> Result<Listener, CallGone> {
        let (listener, tap) = listen::listener(options);
        self.handle(call)?.send(SupervisorMsg::Listen(tap))?;
        Ok(listener)
    }

    fn handle(&self, call: &CallId) -> Result<CallHandle, CallGone> {
        self.inner.calls.lock().get(call).cloned().ok_or(CallGone)
    }

    fn tell(&self, call: &CallId, message: impl FnOnce() -> SupervisorMsg) {
        let handle = self.inner.calls.lock().get(call).cloned();
        if let Some(handle) = handle
            && handle.send(message()).is_err()
        {
            tracing::debug!(%call, "the call ended before it could be told");
        }
    }

    /// Calls that are live.
    #[must_use]
    pub fn live_calls(&self) -> usize {
        self.inner.calls.lock().len()
    }

    /// Whether this call is live here.
    #[must_use]
    pub fn is_live(&self, call: &CallId) -> bool {
        self.inner.calls.lock().contains_key(call)
    }

    /// Takes no further streams, waits up to `patience` for the calls to end by themselves, then ends the rest.
    pub async fn drain(&self, patience: Duration) {
        self.inner.draining.store(true, Ordering::Relaxed);
        if tokio::time::timeout(patience, self.empty()).await.is_ok() {
            return;
        }
        let calls: Vec<CallId> = self.inner.calls.lock().keys().cloned().collect();
        for call in &calls {
            self.tell(call, || SupervisorMsg::Shutdown);
        }
        let finish = self.inner.options.recorder.finish + Duration::from_secs(2);
        if tokio::time::timeout(finish, self.empty()).await.is_err() {
            tracing::error!(calls = self.live_calls(), "calls did not end in time and are cut");
        }
    }

    async fn empty(&self) {
        let mut check = tokio::time::interval(Duration::from_millis(50));
        while self.live_calls() > 0 {
            check.tick().await;
        }
    }
}
