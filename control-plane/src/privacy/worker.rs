//! Leads a request about a person from step to step.

use super::{ACTOR, ERASURE, erase::Eraser, export, state::State};
use crate::{
    clock::now_us,
    shared::Shared,
    work::{Worker, micros},
};
use std::{
    sync::{Arc, Weak},
    time::Duration,
};
use store::{
    StoreError, Stored, TenantStore, TenantTx,
    ids::JobId,
    model::{
        audit::Actor,
        work::{Claim, Job, JobStatus},
    },
};

/// The step that every request begins with.
pub(crate) const FIRST: &str = "find";

/// What comes after a portion of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// More of the same.
    Again,
    /// The next step.
    Step(&'static str),
    /// The same step after a while: something has to end first.
    Wait(&'static str, Duration),
    /// Nothing, or only the end of the file that was made.
    Done,
}

/// A request at work.
pub(super) struct Run<'a> {
    pub(super) shared: &'a Arc<Shared>,
    pub(super) part: &'a (dyn TenantStore + 'static),
    pub(super) id: JobId,
    version: i64,
    job: Job,
    pub(super) state: State,
}

impl Run<'_> {
    pub(super) fn step(&self) -> &str {
        &self.job.step
    }

    /// Begins a portion.
    pub(super) async fn begin(&self) -> Result<Box<dyn TenantTx>, StoreError> {
        self.part.begin(&Actor::system(ACTOR), now_us()).await
    }

    /// Makes a portion count, together with how far the request has come.
    pub(super) async fn save(&mut self, mut tx: Box<dyn TenantTx>) -> Result<(), StoreError> {
        self.job.state = self.state.written()?;
        let row = tx.update(&self.id, self.version, self.job.clone()).await?;
        tx.commit().await?;
        self.version = row.version;
        Ok(())
    }

    async fn go_to(&mut self, step: &str) -> Result<(), StoreError> {
        step.clone_into(&mut self.job.step);
        self.state.waits_for = None;
        self.state.place = (0, String::new());
        let tx = self.begin().await?;
        self.save(tx).await
    }

    async fn waits_for(&mut self, what: &str) -> Result<(), StoreError> {
        if self.state.waits_for.as_deref() == Some(what) {
            return Ok(());
        }
        self.state.waits_for = Some(what.to_owned());
        let tx = self.begin().await?;
        self.save(tx).await
    }

    async fn end(&mut self) -> Result<(), StoreError> {
        self.job.status = JobStatus::Done;
        "end".clone_into(&mut self.job.step);
        self.state.waits_for = None;
        self.state.ended_at = Some(now_us());
        if self.job.kind == ERASURE {
            self.state.forget();
        }
        let mut tx = self.begin().await?;
        let action = if self.job.kind == ERASURE { "privacy.erased" } else { "privacy.exported" };
        let receipt = serde_json::json!({ "counts": self.state.counts, "kept": self.state.kept });
        tx.note(action, self.id.as_str(), &receipt).await?;
        self.save(tx).await
    }
}

/// Carries requests out.
pub(crate) struct PrivacyWorker {
    /// The worker must not keep alive what keeps it.
    pub(crate) shared: Weak<Shared>,
}

impl Worker for PrivacyWorker {
    type Error = StoreError;

    async fn work(&self, claim: &Claim) -> Result<(), StoreError> {
        // The process ends: another takes it up.
        let Some(shared) = self.shared.upgrade() else { return Ok(()) };
        let part = shared.store_of(&claim.tenant);
        let id = JobId::known(claim.object.as_str());
        let Some(Stored { version, value: job, .. }) = part.get::<Job>(&id).await? else {
            part.finish_work(claim).await?;
            return Ok(());
        };
        let state = State::read(&job)?;
        let mut run = Run { shared: &shared, part: &*part, id, version, job, state };
        if run.job.status != JobStatus::Running {
            export::end_file(&mut run).await?;
            part.finish_work(claim).await?;
            return Ok(());
        }
        match go_on(&mut run).await {
            Ok(Some(wait)) => {
                part.retry_work(claim, now_us().saturating_add(micros(wait))).await?;
                Ok(())
            }
            Ok(None) => {
                match &run.state.file {
                    Some(file) => part.retry_work(claim, file.until).await?,
                    None => part.finish_work(claim).await?,
                };
                Ok(())
            }
            Err(cause) => {
                part.retry_work(claim, shared.limits.work.retry_at(now_us(), claim.attempts)).await?;
                // Somebody changed at this moment what was about to go.
                if matches!(cause, StoreError::Stale { .. }) { Ok(()) } else { Err(cause) }
            }
        }
    }
}

/// Goes on until it is done (`None`) or has to wait.
async fn go_on(run: &mut Run<'_>) -> Result<Option<Duration>, StoreError> {
    loop {
        let next = match run.job.kind.as_str() {
            ERASURE => Eraser { run: &mut *run }.portion().await?,
            _ => export::portion(run).await?,
        };
        match next {
            Next::Again => {}
            Next::Step(step) => run.go_to(step).await?,
            Next::Wait(what, wait) => {
                run.waits_for(what).await?;
                return Ok(Some(wait));
            }
            Next::Done => {
                run.end().await?;
                if run.job.kind == ERASURE {
                    run.shared.forget_traces().await?;
                }
                return Ok(None);
            }
        }
    }
}
