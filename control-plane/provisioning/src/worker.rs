//! Carries jobs out: claims one, does one step of it, and stores what came of it with the claim's end. A worker that dies leaves the
//! claim, and the next one goes on from what is stored.

use crate::{
    ProvisionError, Provisioner,
    admission::ADMISSION,
    carry_out::{close_number, close_tenant, outcome_of},
    saga::{Action, Follow, Outcome},
    state::{State, Subject},
};
use engine::provider::AbortOnDrop;
use std::{
    error::Error,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use store::{
    Filter, StoreError, Stored, TenantStore,
    ids::JobId,
    model::{
        audit::Actor,
        number::Number,
        work::{Claim, Job, WorkKind},
    },
};
use tokio::{
    sync::futures::Notified,
    time::{MissedTickBehavior, interval, sleep},
};

/// What a worker does stands under this name in the audit log.
pub(crate) const SELF: &str = "provisioning";
/// Numbers of a tenant that are put out of use with it, in one unit of work.
const NUMBERS: u16 = 1_000;

/// How jobs are carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerOptions {
    /// Jobs at the same time. Default 4: each waits for the carrier most of the time.
    pub workers: usize,
    /// How long a job is held without a sign of life. Default 30 s: so long it rests after a crash.
    pub lease: Duration,
    /// How often is looked for jobs that nobody announced: those of other nodes, and those whose wait is over. Default 1 s.
    pub poll: Duration,
    /// How long a job rests that is another part's. Default 5 s.
    pub foreign: Duration,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            workers: 4,
            lease: Duration::from_secs(30),
            poll: Duration::from_secs(1),
            foreign: Duration::from_secs(5),
        }
    }
}

/// Carries out the jobs of a [`Provisioner`] until it is dropped.
#[derive(Debug)]
pub struct Worker {
    _tasks: Vec<AbortOnDrop>,
}

impl Worker {
    /// Begins.
    #[must_use]
    pub fn start(provisioner: &Arc<Provisioner>, options: WorkerOptions) -> Self {
        let tasks = (0..options.workers.max(1)).map(|_| {
            let provisioner = Arc::clone(provisioner);
            AbortOnDrop(tokio::spawn(async move { provisioner.carry_on(options).await }))
        });
        Self { _tasks: tasks.collect() }
    }
}

impl Provisioner {
    async fn carry_on(&self, options: WorkerOptions) {
        loop {
            let mut woken = std::pin::pin!(self.orders.notified());
            Notified::enable(woken.as_mut());
            match self.work(options).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::warn!(error = chain(&error), "a job could not be carried on"),
            }
            tokio::select! {
                () = woken => {}
                () = sleep(options.poll) => {}
            }
        }
    }

    /// Takes one job that is due and does one step of it; false if there was none.
    ///
    /// # Errors
    /// When the store does not serve. What the carrier does not do is noted in the job.
    pub async fn work(&self, options: WorkerOptions) -> Result<bool, ProvisionError> {
        let now = now_us();
        let claims = self.store.claim_work(WorkKind::Job, now, now + micros(options.lease), 1).await?;
        let Some(claim) = claims.into_iter().next() else { return Ok(false) };
        let part = self.store.tenant(&claim.tenant);
        let alive = async {
            let mut beats = interval(options.lease / 3);
            beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
            beats.tick().await;
            loop {
                beats.tick().await;
                match part.extend_work(&claim, now_us() + micros(options.lease)).await {
                    Ok(true) => {}
                    // Another one holds it, or the order was changed: what is being done does not count any more.
                    Ok(false) => return,
                    Err(error) => {
                        tracing::warn!(error = chain(&error), "a job's lease could not be extended")
                    }
                }
            }
        };
        // Both go on by themselves: the step may hold the one connection that the sign of life waits for.
        tokio::select! {
            done = self.step(&*part, &claim, options) => match done {
                // Somebody else is at it, or has given another order meanwhile.
                Err(ProvisionError::Store(StoreError::Stale { .. })) => Ok(true),
                done => done.map(|()| true),
            },
            () = alive => Ok(true),
        }
    }

    async fn step(
        &self,
        part: &(dyn TenantStore + 'static),
        claim: &Claim,
        options: WorkerOptions,
    ) -> Result<(), ProvisionError> {
        let Some(mut job) = part.get::<Job>(&JobId::known(claim.object.as_str())).await? else {
            part.finish_work(claim).await?;
            return Ok(());
        };
        if job.value.kind == ADMISSION {
            return self.carry_admission_out(claim, job).await;
        }
        let Some(mut state) = State::read(&job.value)? else {
            tracing::debug!(kind = job.value.kind, "the job is another part's");
            part.retry_work(claim, now_us() + micros(options.foreign)).await?;
            return Ok(());
        };
        let action = state.saga.next();
        if action == Action::Nothing {
            part.finish_work(claim).await?;
            return Ok(());
        }
        if matches!(action, Action::Create(_)) {
            let announced_at = now_us();
            state.saga.announce(announced_at);
            let mut tx = part.begin(&Actor::system(SELF), announced_at).await?;
            job = tx.update(&job.id, job.version, state.write(job.value.error)?).await?;
            tx.commit().await?;
            if now_us() - announced_at > micros(options.lease) {
                // This process stood still; another one may have the job by now.
                return Ok(());
            }
        }
        let (outcome, effect, error) = match self.carry_out(&claim.tenant, &state, action).await {
            Ok((outcome, effect)) => (outcome, Some(effect), None),
            Err(error) => (outcome_of(&error), None, Some(chain(&error))),
        };
        let mut kept = state.clone();
        let (outcome, error) =
            match self.keep_all(part, claim, &job, &mut kept, (action, outcome, effect), error).await {
                Ok(()) => return Ok(()),
                Err(ProvisionError::Store(
                    error @ (StoreError::Stale { .. } | StoreError::Unavailable { .. }),
                )) => {
                    return Err(error.into());
                }
                // The rows do not take it. What may have been created is looked for again, the rest is for a person.
                Err(error) => {
                    let is_known = matches!(action, Action::Do(_) | Action::Undo(_) | Action::Close);
                    (if is_known { Outcome::Refused } else { Outcome::Unknown }, chain(&error))
                }
            };
        self.keep_all(part, claim, &job, &mut state, (action, outcome, None), Some(error)).await
    }

    /// Stores progress, what was learned and the claim's end: all or nothing.
    async fn keep_all(
        &self,
        part: &(dyn TenantStore + 'static),
        claim: &Claim,
        job: &Stored<Job>,
        state: &mut State,
        (action, outcome, effect): (Action, Outcome, Option<crate::carry_out::Effect>),
        error: Option<String>,
    ) -> Result<(), ProvisionError> {
        let follow = state.saga.handle(action, outcome);
        let is_undone = action == Action::Close;
        let numbers = match &state.subject {
            Subject::Tenant(facts) if is_undone => {
                part.list::<Number>(&Filter::first(NUMBERS).of(facts.account.as_str())).await?
            }
            Subject::Tenant(_) | Subject::Number(_) => Vec::new(),
        };
        let now = now_us();
        let mut tx = part.begin(&Actor::system(SELF), now).await?;
        if let Some(effect) = effect {
            self.keep(&mut *tx, state, action, effect).await?;
        }
        match &state.subject {
            Subject::Tenant(facts) if is_undone => close_tenant(&mut *tx, facts, numbers).await?,
            Subject::Number(facts) if is_undone => close_number(&mut *tx, facts).await?,
            Subject::Tenant(_) | Subject::Number(_) => {}
        }
        if let Some(error) = &error {
            tracing::warn!(tenant = %claim.tenant, job = %job.id, step = ?action, ?outcome, error, "a job's step was not done");
        }
        // What went wrong before stays to be seen until the next step is done.
        let error =
            error.or_else(|| job.value.error.clone().filter(|_| is_undone || outcome != Outcome::Done));
        tx.update(&job.id, job.version, state.write(error)?).await?;
        match follow {
            Follow::Now => tx.retry_work(claim, now).await?,
            Follow::After(wait) => tx.retry_work(claim, now + micros(wait)).await?,
            Follow::Never => tx.finish_work(claim).await?,
        }
        tx.commit().await?;
        Ok(())
    }
}

/// An error and what caused it, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

pub(crate) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Unix microseconds, now.
pub(crate) fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    micros(since)
}
