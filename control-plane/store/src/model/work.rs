//! Work that goes on in the background, and the health of those it needs.

use super::{resource, words};
use crate::ids::{HealthId, JobId, TenantId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A piece of background work that outlives the process: a saga, or anything that is tried until it succeeds.
/// `parent` is what it is about, `lookup` its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// What is to be done, such as `provision_tenant`.
    pub kind: String,
    /// There is one job with this key; `None`: there may be many.
    pub key: Option<String>,
    /// What it is about.
    pub subject: Option<String>,
    /// How far it has come.
    pub status: JobStatus,
    /// The step that is next, or was reached.
    pub step: String,
    /// All that its steps need and found out, a JSON object. No secrets.
    pub state: serde_json::Value,
    /// How often the current step was tried.
    pub attempts: u32,
    /// Why it failed last.
    pub error: Option<String>,
}
resource!(Job, JobId, Jobs);

/// How far a job has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobStatus {
    /// It goes on.
    Running,
    /// It is done.
    Done,
    /// What it did is being undone.
    Undoing,
    /// It was undone.
    Undone,
    /// It needs a person.
    Failed,
}
words!(JobStatus, "job status", {
    Running => "running", Done => "done", Undoing => "undoing", Undone => "undone", Failed => "failed",
});

/// Kinds of work that wait for their time. A worker claims from one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WorkKind {
    /// A [`Job`].
    Job,
    /// A [`WebhookDelivery`](crate::model::webhook::WebhookDelivery).
    Delivery,
    /// A [`Recording`](crate::model::recording::Recording) that is to be moved or deleted.
    Recording,
    /// An [`InboundEvent`](crate::model::webhook::InboundEvent) that is to be acted on.
    InboundEvent,
    /// A call that is to be placed.
    Call,
    /// A [`Message`](crate::model::message::Message) that must not wait for others.
    CriticalMessage,
    /// A message that somebody waits for.
    Message,
    /// A message of a batch.
    BulkMessage,
    /// A [`Batch`](crate::model::outgoing::Batch) whose recipients get messages.
    Batch,
    /// A message that came in and is to be understood and answered.
    Reply,
    /// A [`Conversation`](crate::model::message::Conversation) whose operator may be gone, or whose answer may be late.
    Conversation,
    /// A mailbox, by its account: whoever holds it reads it.
    Mailbox,
    /// Exports what is kept of a person, or erases it.
    Privacy,
}
words!(WorkKind, "kind of work", {
    Job => "job", Delivery => "delivery", Recording => "recording", InboundEvent => "inbound_event", Call => "call",
    CriticalMessage => "critical_message", Message => "message", BulkMessage => "bulk_message", Batch => "batch",
    Reply => "reply", Conversation => "conversation", Mailbox => "mailbox", Privacy => "privacy",
});

/// Something to work on, held by one worker until its lease ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What kind.
    pub kind: WorkKind,
    /// Whose.
    pub tenant: TenantId,
    /// Which; what is to be done stands there.
    pub object: String,
    /// Who holds it: only this lease can finish it or put it back.
    pub lease: String,
    /// How often it was claimed, this time included.
    pub attempts: i64,
}

/// What is known of a provider's health. `lookup` is the subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// What it is about: an account's id, or a service's name.
    pub subject: String,
    /// How it is.
    pub status: HealthStatus,
    /// In words.
    pub message: String,
    /// Whether somebody must act.
    pub critical: bool,
    /// Failures since the last success.
    pub failures: u32,
    /// When it was looked at last.
    pub checked_at: i64,
    /// How long the last answer took, in ms.
    pub latency_ms: Option<i64>,
    /// What else is known, such as `credential_source`.
    #[serde(default)]
    pub details: BTreeMap<String, String>,
    /// When somebody was last told that they must act.
    #[serde(default)]
    pub alerted_at: Option<i64>,
    /// When it is to be looked at again. [`Store::health_due`](crate::Store::health_due) goes by it.
    #[serde(default)]
    pub due_at: i64,
}
resource!(Health, HealthId, Health);

/// How a provider of a tenant is, as those who run the platform see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantHealth {
    /// Whose provider it is.
    pub tenant: TenantId,
    /// How it is.
    pub health: Health,
}

/// How a provider is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HealthStatus {
    /// As it should.
    Healthy,
    /// Slow, or failing now and then.
    Degraded,
    /// Not at all.
    Down,
    /// Not set up.
    NotConfigured,
}
words!(HealthStatus, "health status", {
    Healthy => "healthy", Degraded => "degraded", Down => "down", NotConfigured => "not_configured",
});
