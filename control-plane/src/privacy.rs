//! What is kept of a person: exported or erased on request, as jobs that go on after a crash and end with a receipt.
//!
//! - [`ask`]: makes a request, whoever asks: the API, or a shop.
//! - [`person`]: who is meant, and all that is theirs; [`needles`]: what tells of them in what is kept of others.
//! - [`worker`]: takes the requests up and leads them from step to step. Each step changes a little at a time, together with how far
//!   the request has come, and everything that it does can be done again.
//! - [`erase`], [`messages`] and [`sweep`]: what an erasure does; [`export`] and [`zip`]: the file that an export makes.
//!
//! An erasure waits until the person's calls are over and messages to them are not just being handed to a provider; messages that nobody
//! has yet are taken back. What counts (when, how long, by which channel, at what price) stays, without the person.

pub(crate) mod erase;
pub(crate) mod export;
pub(crate) mod messages;
pub(crate) mod needles;
pub(crate) mod person;
pub(crate) mod state;
mod sweep;
pub(crate) mod worker;
mod zip;

use crate::clock::now_us;
use serde_json::json;
use state::{Asked, State, Subject};
use store::{
    StoreError, Stored, TenantTx,
    ids::JobId,
    model::work::{Job, JobStatus, WorkKind},
};

/// The job of an export.
pub(crate) const EXPORT: &str = "export_person";
/// The job of an erasure.
pub(crate) const ERASURE: &str = "erase_person";
/// What is done here stands under this name in the audit log.
pub(crate) const ACTOR: &str = "privacy";

/// Makes a request; `None`: one with this key was made before.
///
/// # Errors
/// When the database does not serve.
pub(crate) async fn ask(
    tx: &mut (dyn TenantTx + 'static),
    kind: &str,
    key: Option<String>,
    subject: Subject,
    asked: Asked,
) -> Result<Option<Stored<Job>>, StoreError> {
    let (by, action) = (subject.named_by(), if kind == EXPORT { "privacy.export" } else { "privacy.erase" });
    let state = State { asked, subject, ..State::default() };
    let job = Job {
        kind: kind.to_owned(),
        key,
        subject: None,
        status: JobStatus::Running,
        step: worker::FIRST.to_owned(),
        state: state.written()?,
        attempts: 0,
        error: None,
    };
    let Some(row) = tx.insert_new(JobId::generate(), job).await? else { return Ok(None) };
    tx.note(action, row.id.as_str(), &json!({ "by": by })).await?;
    tx.schedule(WorkKind::Privacy, row.id.as_str(), now_us()).await?;
    Ok(Some(row))
}

/// Whether a job is a request of somebody about a person.
pub(crate) fn is_request(job: &Job) -> bool {
    job.kind == EXPORT || job.kind == ERASURE
}
