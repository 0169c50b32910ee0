//! The shell around recognition: caller audio in, facts to `llm_turn`.
//!
//! The audio that no transcript covers yet is kept by the call, not by this actor: a new session, or a new actor, is
//! given it again at once, so that nothing the caller says is lost. A session is replaced when it fails, when it
//! ends without having been asked to, and when the caller speaks and no word comes.

use crate::{
    call::{
        endpointing::TranscriptFact,
        progress::Watchdog,
        shared::{Shared, SttCommand},
        time::CallTime,
        turn::{Input, Stage},
    },
    provider::ProviderError,
    stt::{SttCommand as ToProvider, SttEvent, SttSession, SttSpec, Transcript},
};
use bytes::BytesMut;
use futures_util::future::BoxFuture;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// Runs until the call ends.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut ear = Ear::new(shared);
    loop {
        ear.work();
        let woken = ear.wake().await;
        ear.handle(woken);
        if ear.given_up {
            // The decision owner ends the call; a new actor could do no better.
            std::future::pending::<()>().await;
        }
    }
}

/// The connection to the provider.
enum Session {
    /// None; open one at this time.
    None { not_before: Instant },
    /// Being opened.
    Opening(BoxFuture<'static, Result<SttSession, ProviderError>>),
    /// Open.
    Open(Open),
}

struct Open {
    session: SttSession,
    clock: SessionClock,
    /// Call position of the next sample to send.
    next: u64,
    finalize: bool,
    /// Whether anything has come of it.
    answered: bool,
}

/// Where the audio of a session lies in the call: sessions count what they were sent, and gaps are not sent.
#[derive(Debug, Default)]
struct SessionClock {
    sent: u64,
    /// Session sample and the call position it has, where the two begin to run side by side again.
    anchors: Vec<(u64, u64)>,
}

impl SessionClock {
    /// `samples` from call position `position` on are sent.
    fn sent(&mut self, position: u64, samples: u64) {
        let continues =
            self.anchors.last().is_some_and(|&(session, call)| call + (self.sent - session) == position);
        if !continues {
            self.anchors.push((self.sent, position));
        }
        self.sent += samples;
    }

    /// Call position of a session time; no session has heard more than it was sent.
    fn position(&self, session_ms: u64) -> u64 {
        let at = session_ms.saturating_mul(crate::call::time::SAMPLES_PER_MS).min(self.sent);
        let anchor = self.anchors.iter().rev().find(|(session, _)| *session <= at).or(self.anchors.first());
        anchor.map_or(at, |(session, call)| call + at.saturating_sub(*session))
    }
}

struct Ear {
    shared: Arc<Shared>,
    session: Session,
    provider: usize,
    failures: u32,
    stalls: u32,
    watchdog: Watchdog,
    buffer: BytesMut,
    given_up: bool,
}

enum Woken {
    Audio,
    Command(SttCommand),
    Opened(Result<SttSession, ProviderError>),
    Event(Option<Result<SttEvent, ProviderError>>),
    Timer,
}

impl Ear {
    fn new(shared: Arc<Shared>) -> Self {
        Self {
            session: Session::None { not_before: Instant::now() },
            provider: 0,
            failures: 0,
            stalls: 0,
            watchdog: Watchdog::new(shared.options.stt.no_words),
            buffer: BytesMut::new(),
            given_up: false,
            shared,
        }
    }

    fn work(&mut self) {
        if let Session::None { not_before } = self.session
            && not_before <= Instant::now()
        {
            self.open();
        }
    }

    fn open(&mut self) {
        let options = &self.shared.options.stt;
        let assistant = &self.shared.plan.assistant;
        let providers = &self.shared.plan.stt;
        let Some(provider) = providers.get(self.provider % providers.len().max(1)) else {
            self.give_up();
            return;
        };
        let opening = provider.connect(SttSpec {
            language: assistant.language.clone(),
            keyterms: assistant.keyterms.clone(),
            endpointing_ms: options.endpointing_ms,
            utterance_end_ms: options.utterance_end_ms,
        });
        let (name, within) = (provider.name().to_owned(), options.connect);
        self.session = Session::Opening(Box::pin(async move {
            match tokio::time::timeout(within, opening).await {
                Ok(opened) => opened,
                Err(_) => Err(ProviderError::timed_out(&name, "connecting", within)),
            }
        }));
    }

    async fn wake(&mut self) -> Woken {
        let shared = Arc::clone(&self.shared);
        let deadline = self.deadline();
        let open = matches!(self.session, Session::Open(_));
        let session = &mut self.session;
        let event = async {
            match session {
                Session::Opening(opening) => Woken::Opened(opening.await),
                Session::Open(open) => Woken::Event(open.session.events.recv().await),
                Session::None { .. } => std::future::pending().await,
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
            event = event => event,
            command = shared.stt.recv(), if open => Woken::Command(command),
            () = shared.caller_audio.ready() => Woken::Audio,
            () = timer => Woken::Timer,
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let watchdog = self.watchdog.poll_timeout().map(|at| self.shared.clock.instant(at));
        let session = match &self.session {
            Session::None { not_before } => Some(*not_before),
            Session::Opening(_) | Session::Open(_) => None,
        };
        [watchdog, session].into_iter().flatten().min()
    }

    fn handle(&mut self, woken: Woken) {
        match woken {
            Woken::Audio => self.audio(),
            Woken::Command(SttCommand::Finalize) => {
                if let Session::Open(open) = &mut self.session {
                    open.finalize = true;
                }
                self.audio();
            }
            Woken::Command(SttCommand::Close) => self.close(),
            Woken::Opened(Ok(session)) => {
                let next = self.shared.heard_audio.lock().start();
                let clock = SessionClock::default();
                self.session = Session::Open(Open { session, clock, next, finalize: false, answered: false });
                self.audio();
            }
            Woken::Opened(Err(error)) => self.failed(&error.to_string(), error.kind.is_retryable()),
            Woken::Event(Some(Ok(event))) => self.event(event),
            Woken::Event(Some(Err(error))) => self.failed(&error.to_string(), error.kind.is_retryable()),
            Woken::Event(None) => self.failed("the session ended without having been asked to", true),
            Woken::Timer => {
                if self.watchdog.has_stalled(self.shared.clock.now()) {
                    self.stalled();
                }
            }
        }
    }

    /// Takes what the stream has queued into the call's memory and sends what the session has not had.
    fn audio(&mut self) {
        let mut ring = self.shared.heard_audio.lock();
        while let Some(frame) = self.shared.caller_audio.pop() {
            let forgotten = ring.push(frame.position, frame.audio());
            let unsent = match &self.session {
                Session::Open(open) => ring.start().saturating_sub(open.next).min(forgotten),
                Session::Opening(_) | Session::None { .. } => forgotten,
            };
            if unsent > 0 {
                // Recognition was away for longer than the ring is long: no session will hear this.
                metrics::counter!("tandem_stt_samples_lost_total").increment(unsent);
            }
            if frame.voiced {
                self.watchdog.work(self.shared.clock.now());
            }
        }
        let Session::Open(open) = &mut self.session else { return };
        let Ok(permit) = open.session.commands.try_reserve() else {
            // The network takes nothing: the audio stays in the ring, and the watchdog runs.
            return;
        };
        open.next = open.next.max(ring.start());
        let position = open.next;
        let samples = ring.copy_from(position, &mut self.buffer);
        if samples > 0 {
            open.clock.sent(position, samples);
            open.next = ring.end();
            permit.send(ToProvider::Audio(self.buffer.split().freeze()));
        }
        drop(ring);
        if open.finalize && open.session.commands.try_send(ToProvider::Finalize).is_ok() {
            open.finalize = false;
        }
    }

    fn event(&mut self, event: SttEvent) {
        self.watchdog.progress(self.shared.clock.now());
        if let Session::Open(open) = &mut self.session {
            open.answered = true;
        }
        match event {
            SttEvent::Transcript(transcript) => self.transcript(transcript),
            SttEvent::UtteranceEnd { .. } => self.shared.tell(Input::UtteranceEnd),
            SttEvent::SpeechStarted { .. } => {}
        }
    }

    fn transcript(&mut self, transcript: Transcript) {
        let Session::Open(open) = &self.session else { return };
        let end = open.clock.position(transcript.end_ms);
        if transcript.is_final {
            // What a final covers will not be asked for again.
            self.shared.heard_audio.lock().forget_before(end);
        }
        if !transcript.text.trim().is_empty() {
            // A final, not some words: a service that breaks off before each must lose its place.
            if transcript.is_final {
                self.failures = 0;
            }
            self.watchdog.rest();
        }
        let worth_telling =
            !transcript.text.is_empty() || transcript.speech_final || transcript.from_finalize;
        if worth_telling {
            self.shared.tell(Input::Transcript(TranscriptFact {
                text: transcript.text,
                is_final: transcript.is_final,
                speech_final: transcript.speech_final,
                from_finalize: transcript.from_finalize,
                audio_end: CallTime(end * 125),
            }));
        }
    }

    fn failed(&mut self, cause: &str, retryable: bool) {
        let options = &self.shared.options.stt;
        let providers = &self.shared.plan.stt;
        let name = providers.get(self.provider % providers.len().max(1));
        let name = name.map_or("none", |provider| provider.name()).to_owned();
        let (per_provider, limit, backoff) =
            (options.failures_per_provider, options.failures, options.backoff);
        super::degraded(&self.shared, "stt", format!("{name}: {cause}"));
        self.failures += 1;
        self.watchdog.rest();
        if !retryable || self.failures.is_multiple_of(per_provider) {
            self.provider += 1;
        }
        if self.failures >= limit {
            self.give_up();
            return;
        }
        let pause = match self.failures {
            1 => Duration::ZERO,
            more => (backoff * 2_u32.saturating_pow(more - 2)).min(Duration::from_secs(2)),
        };
        self.session = Session::None { not_before: Instant::now() + pause };
    }

    /// The caller speaks and the recogniser is silent. One that never said anything is dead; one that did may be
    /// right, and what we took for voice is noise: it is replaced, but never given up for this alone.
    fn stalled(&mut self) {
        if !matches!(&self.session, Session::Open(open) if open.answered) {
            self.failed("the caller speaks and nothing ever came", true);
            return;
        }
        let failures = std::mem::take(&mut self.failures);
        self.failed("the caller speaks and nothing comes", true);
        self.stalls += 1;
        self.failures = failures;
        if self.stalls.is_multiple_of(self.shared.options.stt.failures_per_provider) {
            self.provider += 1;
        }
    }

    /// Ends the session in order, beside the call's end: that waits for nobody.
    fn close(&mut self) {
        self.given_up = true;
        let none = Session::None { not_before: Instant::now() };
        let Session::Open(Open { session: SttSession { commands, mut events, task }, .. }) =
            std::mem::replace(&mut self.session, none)
        else {
            return;
        };
        if commands.try_send(ToProvider::Close).is_err() {
            tracing::debug!("a recognition session is closed without a goodbye");
            return;
        }
        let within = self.shared.options.stt.goodbye;
        tokio::spawn(async move {
            let closed = async { while events.recv().await.is_some() {} };
            if tokio::time::timeout(within, closed).await.is_err() {
                tracing::debug!("a recognition session did not close in time and is cut");
            }
            drop(task);
        });
    }

    fn give_up(&mut self) {
        self.given_up = true;
        self.shared.tell(Input::StageFailed { stage: Stage::Stt });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever times a recogniser names, they lie in what it was sent.
        #[test]
        fn a_session_time_lies_in_the_audio_that_was_sent(
            pieces in prop::collection::vec((0_u64..50_000, 1_u64..2_000), 1..20),
            ms in prop_oneof![0_u64..10_000, Just(u64::MAX), Just(u64::MAX / 8)],
        ) {
            let mut clock = SessionClock::default();
            let (mut end, mut first) = (0, None);
            for (gap, samples) in pieces {
                clock.sent(end + gap, samples);
                first.get_or_insert(end + gap);
                end += gap + samples;
            }
            let position = clock.position(ms);
            prop_assert!((first.unwrap()..=end).contains(&position), "{position} of {end}");
        }
    }
}
