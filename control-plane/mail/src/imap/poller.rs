//! The loop: connect, fetch what is new, listen, and again; after a failure wait and connect once more.

use super::{
    Fetched, ImapAccount, ImapOptions, Inbox, Phase, PollDone, PollerState, Position, Trouble,
    decide::{self, Next, Plan},
    session::{Door, Heard, Session},
};
use crate::{
    net::SetupError,
    parse::{Received, parse},
};
use bytes::Bytes;
use engine::provider::AbortOnDrop;
use jiff::Timestamp;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
    time::{sleep, timeout},
};

/// Fetches one mailbox until it is stopped or dropped.
#[derive(Debug)]
pub struct Poller {
    shared: Arc<Shared>,
    task: AbortOnDrop,
}

struct Shared {
    door: Door,
    label: String,
    folder: String,
    inbox: Arc<dyn Inbox>,
    options: ImapOptions,
    state: watch::Sender<PollerState>,
    poke: Notify,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.door)
    }
}

impl Poller {
    /// Starts fetching.
    ///
    /// # Errors
    /// If the settings cannot be meant so; the server is not asked yet.
    pub fn start(
        account: ImapAccount,
        inbox: Arc<dyn Inbox>,
        options: ImapOptions,
    ) -> Result<Self, SetupError> {
        let (label, folder) = (account.label.clone(), account.folder.clone());
        let door = Door::new(account, &options)?;
        let state = PollerState {
            phase: Phase::Working,
            last_poll: None,
            trouble: None,
            failures: 0,
            polls: 0,
            kept: 0,
        };
        let state = watch::Sender::new(state);
        let shared = Arc::new(Shared { door, label, folder, inbox, options, state, poke: Notify::new() });
        let task = AbortOnDrop(tokio::spawn(run(shared.clone())));
        Ok(Self { shared, task })
    }

    /// Connects, logs in and opens the folder, and nothing else.
    ///
    /// # Errors
    /// If the settings cannot be meant so; what the server says to them is what comes back.
    pub async fn check(
        account: ImapAccount,
        options: &ImapOptions,
    ) -> Result<Result<(), Trouble>, SetupError> {
        let folder = account.folder.clone();
        let door = Door::new(account, options)?;
        let tried = async {
            let mut session = door.open(options).await?;
            session.select(&folder).await.map(drop)
        };
        Ok(tried.await)
    }

    /// The mailbox's health, now and as it changes.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<PollerState> {
        self.shared.state.subscribe()
    }

    /// Polls at once, also while it waits after a failure.
    pub fn poll_now(&self) {
        self.shared.poke.notify_one();
    }

    /// Ends it; whatever it was doing is given up. A mail that was being kept comes again.
    pub async fn stop(mut self) {
        self.task.0.abort();
        if let Err(error) = (&mut self.task.0).await
            && error.is_panic()
        {
            tracing::error!("a mailbox's poller had panicked");
        }
    }
}

async fn run(shared: Arc<Shared>) {
    loop {
        // On a task of its own: a library that panics at what a server sends must not end the mailbox.
        let mut connection = JoinSet::new();
        connection.spawn(serve(shared.clone()));
        let trouble = match connection.join_next().await {
            Some(Ok(trouble)) => trouble,
            Some(Err(_)) | None => Trouble::Inside,
        };
        let failures = shared.state.borrow().failures.saturating_add(1);
        let next = decide::next(&shared.options, &trouble, failures, rand::random());
        let (phase, wait) = match next {
            Next::Wait(wait) => (Phase::Waiting { until: now() + micros(wait) }, Some(wait)),
            Next::Owner(wait) => (Phase::ReconnectNeeded { until: Some(now() + micros(wait)) }, Some(wait)),
            Next::OwnerOnly => (Phase::ReconnectNeeded { until: None }, None),
        };
        tracing::warn!(mailbox = shared.label, %trouble, failures, ?wait, "mailbox not fetched");
        shared.state.send_modify(|state| {
            state.phase = phase;
            state.failures = failures;
            state.trouble = Some(trouble);
        });
        match wait {
            Some(wait) => {
                tokio::select! {
                    () = sleep(wait) => {}
                    () = shared.poke.notified() => {}
                }
            }
            None => shared.poke.notified().await,
        }
        shared.phase(Phase::Working);
    }
}

/// Connects, polls and listens until something goes wrong, and says what.
async fn serve(shared: Arc<Shared>) -> Trouble {
    let mut session = match shared.door.open(&shared.options).await {
        Ok(session) => session,
        Err(trouble) => return trouble,
    };
    loop {
        let outcome = shared.poll(&mut session).await;
        let more = match outcome {
            Ok(more) => more,
            Err(trouble) => return trouble,
        };
        if !more && let Err(trouble) = shared.wait(&mut session).await {
            return trouble;
        }
        shared.phase(Phase::Working);
    }
}

impl Shared {
    fn phase(&self, phase: Phase) {
        self.state.send_modify(|state| state.phase = phase);
    }

    /// Fetches what is new; says whether there is more.
    async fn poll(&self, session: &mut Session) -> Result<bool, Trouble> {
        let began = std::time::Instant::now();
        // Anew at every poll: only this tells whether the numbering is still the same, and shows mail to servers that wait for it.
        let folder = session.select(&self.folder).await?;
        let uid_validity = folder.uid_validity.ok_or(Trouble::Protocol)?;
        let known = self.inbox.position().await?;
        let plan = decide::plan(known, uid_validity);
        let since = decide::since(now(), self.options.unread_days);
        let unread = session.search(&plan.search(&since)).await?;
        let new = match plan.search_new() {
            Some(command) => session.search(&command).await?,
            None => Vec::new(),
        };
        let wanted = decide::wanted(plan, unread, new);
        // The mark of a first poll is set behind what was there when it began.
        let behind = folder.uid_next.map(|next| next.saturating_sub(1)).or_else(|| wanted.last().copied());
        let more = matches!(plan, Plan::After(_)) && wanted.len() > self.options.batch;
        let limit = if matches!(plan, Plan::After(_)) { self.options.batch } else { usize::MAX };
        let mut kept = 0;
        for uid in wanted.into_iter().take(limit) {
            let moves = plan.moves(uid).then_some(Position { uid_validity, last_uid: uid });
            if self.one(session, uid_validity, uid, moves).await? {
                kept += 1;
            }
        }
        if matches!(plan, Plan::First | Plan::Renumbered) {
            let position = Position { uid_validity, last_uid: behind.unwrap_or_default() };
            self.inbox.advance(position).await?;
        }
        let done = PollDone { at: now(), kept };
        self.state.send_modify(|state| {
            state.last_poll = Some(done);
            state.trouble = None;
            state.failures = 0;
            state.polls += 1;
            state.kept = state.kept.saturating_add(u64::try_from(kept).unwrap_or(u64::MAX));
        });
        tracing::info!(mailbox = self.label, kept, took_ms = began.elapsed().as_millis(), "poll complete");
        Ok(more)
    }

    /// One mail: fetched, kept, and then flagged as read; `false` if it is gone.
    async fn one(
        &self,
        session: &mut Session,
        uid_validity: u32,
        uid: u32,
        position: Option<Position>,
    ) -> Result<bool, Trouble> {
        let Some(envelope) = session.envelope(uid).await? else { return Ok(false) };
        let headers_only = envelope.bytes > self.options.mail_bytes;
        let Some(raw) = session.mail(uid, headers_only, self.options.mail_bytes).await? else {
            return Ok(false);
        };
        let mail = self.read(raw.clone()).await;
        let fetched = Fetched {
            uid_validity,
            uid,
            position,
            received_at: envelope.received_at,
            bytes: envelope.bytes,
            headers_only,
            raw,
            mail,
        };
        self.inbox.keep(fetched).await?;
        session.seen(uid).await?;
        Ok(true)
    }

    /// Reads a mail on a thread of its own: it can take some time, and a library that panics at it does so there.
    async fn read(&self, raw: Bytes) -> Option<Received> {
        let limits = self.options.parse;
        let reading = tokio::task::spawn_blocking(move || parse(&raw, &limits));
        reading.await.unwrap_or_else(|_| {
            tracing::error!("a mail cannot be read: the parser failed inside");
            None
        })
    }

    /// Until something is new, it is time for the next poll, or somebody asks for one.
    async fn wait(&self, session: &mut Session) -> Result<(), Trouble> {
        let idle = session.can_idle();
        self.phase(Phase::Listening { idle });
        let every = self.options.poll_every;
        if !idle {
            if timeout(every, self.poke.notified()).await.is_ok() {
                tracing::debug!("a poll was asked for");
            }
            return Ok(());
        }
        if session.listen(every, &self.poke).await? == Heard::News {
            tracing::debug!("there may be new mail");
        }
        Ok(())
    }
}

fn now() -> i64 {
    Timestamp::now().as_microsecond()
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
