//! Says that something happened, in the unit of work in which it happens: it is told if and only if that counts. It is written down
//! for those who follow (`GET /v1/events`); who else is to be told is found out afterwards, by the worker.

use crate::event::{Event, EventType};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{
    Filter, StoreError, Table, TenantTx,
    ids::{EventId, JobId},
    model::{
        inbox::TenantEvent,
        work::{Job, JobStatus, WorkKind},
    },
};

/// The kind of job that tells an event to those who want to be told.
pub(crate) const JOB: &str = "announce";

/// An event, as the job keeps it.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    id: EventId,
    kind: String,
    at: i64,
    data: Value,
}

/// Tells an event to those who follow the tenant and to all of its endpoints that want it, once the unit of work counts. It costs one
/// row; one more and its work where there is an endpoint, which is told of what happens after it was made. An event with this id that
/// was told before is not told again.
///
/// # Errors
/// See [`StoreError`].
pub async fn announce(tx: &mut dyn TenantTx, event: Event) -> Result<(), StoreError> {
    let told = TenantEvent {
        event: event.id.clone(),
        kind: event.kind.as_str().to_owned(),
        at: event.at,
        data: event.data.clone(),
    };
    if tx.insert_new(EventId::generate(), told).await?.is_none() {
        return Ok(());
    }
    let is_heard = !tx.documents(Table::WebhookEndpoints, &Filter::first(1)).await?.is_empty();
    if !is_heard && !event.kind.is_platforms_too() {
        return Ok(());
    }
    let kept = Kept { id: event.id, kind: event.kind.as_str().to_owned(), at: event.at, data: event.data };
    let state = serde_json::to_value(kept)
        .map_err(|error| StoreError::Invalid { what: "event", why: error.to_string() })?;
    let job = Job {
        kind: JOB.to_owned(),
        key: None,
        subject: None,
        status: JobStatus::Running,
        step: String::new(),
        state,
        attempts: 0,
        error: None,
    };
    let now = tx.now();
    let id = JobId::generate();
    tx.insert_as(id.clone(), job).await?;
    tx.schedule(WorkKind::Delivery, id.as_str(), now).await
}

/// The event that a job tells; `None`: one that this version does not know.
pub(crate) fn event_of(job: &Job) -> Option<Event> {
    let kept = Kept::deserialize(&job.state).ok()?;
    let kind = EventType::ALL.iter().copied().find(|kind| kind.as_str() == kept.kind)?;
    Some(Event { id: kept.id, kind, at: kept.at, data: kept.data })
}
