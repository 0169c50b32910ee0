//! The shell around synthesis: text in, audio to the ledger.
//!
//! The session is opened before the first sentence is ready. Up to [`crate::tts::SENTENCES_AHEAD`] sentences are
//! synthesised at once; the ledger puts their audio in order. When a session is lost, or gives no audio for its
//! text, the ledger says which words it still lacks, and a new session, of the next provider if need be, speaks
//! those.

use crate::{
    call::{
        playout,
        progress::Watchdog,
        shared::{Shared, TtsCommand},
        turn::{Input, Stage},
    },
    ids::{Epoch, SentenceId},
    options::TtsOptions,
    provider::ProviderError,
    tts::{TtsCommand as ToProvider, TtsEvent, TtsSession, TtsSpec},
};
use futures_util::future::BoxFuture;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// Runs until the call ends.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut voice = Voice::new(shared);
    voice.recover();
    loop {
        voice.work();
        let woken = voice.wake().await;
        voice.handle(woken);
        if voice.given_up {
            // The decision owner ends the call; a new actor could do no better.
            std::future::pending::<()>().await;
        }
    }
}

/// The connection to the provider.
enum Session {
    /// None, and none is wanted before this time.
    None { not_before: Instant },
    /// Being opened.
    Opening(BoxFuture<'static, Result<TtsSession, ProviderError>>),
    /// Open.
    Open { session: TtsSession, used: Instant },
}

struct Voice {
    shared: Arc<Shared>,
    spec: TtsSpec,
    session: Session,
    /// Index into the plan's providers.
    provider: usize,
    /// In a row, without a whole sentence in between.
    failures: u32,
    /// The newest epoch whose first audio was reported.
    first_audio: Option<Epoch>,
    watchdog: Watchdog,
    given_up: bool,
}

enum Woken {
    Command(TtsCommand),
    Opened(Result<TtsSession, ProviderError>),
    Event(Option<TtsEvent>),
    Passed,
    Timer,
}

impl Voice {
    fn new(shared: Arc<Shared>) -> Self {
        let assistant = &shared.plan.assistant;
        Self {
            spec: TtsSpec { voice: assistant.voice.clone(), language: assistant.language.clone() },
            session: Session::None { not_before: Instant::now() },
            provider: 0,
            failures: 0,
            first_audio: None,
            watchdog: Watchdog::new(shared.options.tts.no_audio),
            given_up: false,
            shared,
        }
    }

    fn options(&self) -> &TtsOptions {
        &self.shared.options.tts
    }

    /// After a crash: sentences may be owed whose audio was on its way.
    fn recover(&mut self) {
        let mut speech = self.shared.speech.lock();
        if speech.under_way() {
            speech.ask_ledger();
        }
    }

    fn pass(&self, input: playout::Input) {
        self.shared.speech.lock().pass(input);
    }

    /// Opens what is wanted and hands the session what it may have.
    fn work(&mut self) {
        if let Session::None { not_before } = self.session
            && not_before <= Instant::now()
        {
            self.open();
        }
        if self.shared.speech.lock().awaits_ledger() {
            return;
        }
        let Session::Open { session, used } = &mut self.session else { return };
        while let Ok(permit) = session.commands.try_reserve() {
            let Some((sentence, text)) = self.shared.speech.lock().next() else { break };
            *used = Instant::now();
            self.watchdog.work(self.shared.clock.now());
            permit.send(ToProvider::Speak { sentence, text });
        }
    }

    fn open(&mut self) {
        let providers = &self.shared.plan.tts;
        let Some(provider) = providers.get(self.provider % providers.len().max(1)) else {
            self.give_up();
            return;
        };
        let opening = provider.connect(self.spec.clone());
        let within = self.options().connect;
        let name = provider.name().to_owned();
        self.session = Session::Opening(Box::pin(async move {
            match tokio::time::timeout(within, opening).await {
                Ok(opened) => opened,
                Err(_) => Err(ProviderError::timed_out(&name, "connecting", within)),
            }
        }));
    }

    async fn wake(&mut self) -> Woken {
        let shared = Arc::clone(&self.shared);
        let next = shared.speech.lock().next_out();
        let flowing = next.is_none();
        let deadline = self.deadline();
        let session = &mut self.session;
        let event = async {
            match session {
                Session::Opening(opening) => Woken::Opened(opening.await),
                // Audio waits with the provider while the ledger has enough.
                Session::Open { session, .. } if flowing => Woken::Event(session.events.recv().await),
                Session::Open { .. } | Session::None { .. } => std::future::pending().await,
            }
        };
        let pass = async {
            match next {
                Some(input) => {
                    shared.playable.push(input).await;
                    Woken::Passed
                }
                None => std::future::pending().await,
            }
        };
        let timer = async {
            match deadline {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            command = shared.tts.recv() => Woken::Command(command),
            passed = pass => passed,
            event = event => event,
            () = timer => Woken::Timer,
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let watchdog = self.watchdog.poll_timeout().map(|at| self.shared.clock.instant(at));
        let session = match &self.session {
            Session::None { not_before } => Some(*not_before),
            Session::Open { used, .. } if !self.shared.speech.lock().under_way() => {
                Some(*used + self.options().idle_close)
            }
            Session::Open { .. } | Session::Opening(_) => None,
        };
        [watchdog, session].into_iter().flatten().min()
    }

    fn handle(&mut self, woken: Woken) {
        match woken {
            Woken::Command(command) => self.command(command),
            Woken::Passed => self.shared.speech.lock().passed(),
            Woken::Opened(Ok(session)) => self.session = Session::Open { session, used: Instant::now() },
            Woken::Opened(Err(error)) => self.failed(&error.to_string(), error.kind.is_retryable()),
            Woken::Event(Some(event)) => self.event(event),
            Woken::Event(None) => self.failed("the session ended", true),
            Woken::Timer => self.timer(),
        }
    }

    fn command(&mut self, command: TtsCommand) {
        match command {
            TtsCommand::Work => {}
            TtsCommand::Drop(epoch) => {
                let cancelled = self.shared.speech.lock().drop_until(epoch);
                if let Session::Open { session, .. } = &self.session {
                    for sentence in cancelled {
                        if session.commands.try_send(ToProvider::Cancel(sentence)).is_err() {
                            tracing::debug!(%sentence, "synthesis runs on: the session takes no command");
                        }
                    }
                }
                if !self.shared.speech.lock().under_way() {
                    self.watchdog.rest();
                }
            }
            TtsCommand::Resynthesise(points) => {
                let complete = self.shared.speech.lock().resume(&points);
                for sentence in complete {
                    self.pass(playout::Input::SentenceDone { sentence });
                }
            }
        }
    }

    fn event(&mut self, event: TtsEvent) {
        let now = self.shared.clock.now();
        match event {
            TtsEvent::Audio { sentence, audio, words } => {
                if !self.expects(sentence) {
                    return;
                }
                self.watchdog.progress(now);
                if self.first_audio.is_none_or(|epoch| epoch < sentence.epoch) {
                    self.first_audio = Some(sentence.epoch);
                    self.shared.tell(Input::FirstAudio { epoch: sentence.epoch });
                }
                self.pass(playout::Input::Audio { sentence, audio, words });
            }
            TtsEvent::Done { sentence } => {
                if !self.expects(sentence) {
                    return;
                }
                // A whole sentence, not some audio: a service that breaks off every time must lose its place.
                self.failures = 0;
                self.shared.speech.lock().done(sentence);
                self.watchdog.progress(now);
                if !self.shared.speech.lock().under_way() {
                    self.watchdog.rest();
                }
                self.pass(playout::Input::SentenceDone { sentence });
            }
            TtsEvent::Failed { sentence: Some(sentence), error } => {
                if self.expects(sentence) {
                    self.failed(&error.to_string(), error.kind.is_retryable());
                }
            }
            TtsEvent::Failed { sentence: None, error } => {
                self.failed(&error.to_string(), error.kind.is_retryable())
            }
        }
    }

    fn expects(&self, sentence: SentenceId) -> bool {
        let speech = self.shared.speech.lock();
        !speech.awaits_ledger() && speech.expects(sentence)
    }

    fn timer(&mut self) {
        if self.watchdog.has_stalled(self.shared.clock.now()) {
            self.failed("text went in and no audio came", true);
            return;
        }
        let idle_close = self.options().idle_close;
        if let Session::Open { session, used } = &self.session
            && *used + idle_close <= Instant::now()
            && !self.shared.speech.lock().under_way()
        {
            if session.commands.try_send(ToProvider::Close).is_err() {
                tracing::debug!("an idle synthesis session is closed without a goodbye");
            }
            self.session = Session::None { not_before: Instant::now() };
        }
    }

    /// The session is of no use any more.
    fn failed(&mut self, cause: &str, retryable: bool) {
        let options = &self.shared.options.tts;
        let (per_provider, limit) = (options.failures_per_provider, options.failures);
        let name = self.shared.plan.tts.get(self.provider % self.shared.plan.tts.len().max(1));
        let name = name.map_or("none", |provider| provider.name()).to_owned();
        super::degraded(&self.shared, "tts", format!("{name}: {cause}"));
        self.failures += 1;
        self.watchdog.rest();
        if !retryable || self.failures.is_multiple_of(per_provider) {
            self.provider += 1;
        }
        if self.failures >= limit {
            self.give_up();
            return;
        }
        let pause =
            if self.failures == 1 { Duration::ZERO } else { Duration::from_millis(100) * self.failures };
        self.session = Session::None { not_before: Instant::now() + pause };
        let mut speech = self.shared.speech.lock();
        if speech.under_way() {
            speech.ask_ledger();
        }
    }

    fn give_up(&mut self) {
        self.given_up = true;
        self.shared.tell(Input::StageFailed { stage: Stage::Tts });
    }
}
