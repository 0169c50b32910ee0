//! What the carrier tells and asks: believed only with its signature, answered with TwiML.

pub(crate) mod answered_by;
mod believe;
pub(crate) mod dial_status;
pub(crate) mod fallback;
pub(crate) mod gather;
pub(crate) mod incoming;
pub(crate) mod message;
pub(crate) mod message_call;
pub(crate) mod message_status;
pub(crate) mod ping;
pub(crate) mod queue;
pub(crate) mod recording_status;
pub(crate) mod repeated;
mod request;
mod route;
mod signature;
mod softphone;
pub(crate) mod status;
mod stream;
pub(crate) mod stream_ended;
pub(crate) mod voicemail;
pub(crate) mod whisper;

pub(crate) use request::Webhook;

use crate::{
    call_events,
    clock::now_us,
    problem::{Code, Problem},
    twiml::Twiml,
};
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use std::{error::Error, future::Future};
use store::{Call, CallFacts, CallId, CallStatus, Direction, NewCall, StoreError, ids::NumberId};
use tokio::time::timeout;
use tracing::error;

/// Webhooks that were served, by hook and outcome.
const WEBHOOKS: &str = "tandem_webhooks_total";

/// Who writes in the store what the carrier tells.
const CARRIER: &str = "carrier";

/// Why a webhook that is the carrier's could not be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HookError {
    /// What it says makes no sense here.
    #[error("the webhook cannot be served: {}", .0.detail)]
    Problem(Problem),
    /// The database did not serve.
    #[error("the webhook could not be served")]
    Store(#[from] StoreError),
    /// Too many calls wait for their stream.
    #[error("too many calls wait for their stream")]
    TooManyWaiting,
    /// The tenant has no assistant that can answer.
    #[error("the tenant has no assistant that can answer")]
    NobodyAnswers,
    /// It took too long.
    #[error("the webhook took too long")]
    TooLong,
}

impl From<Problem> for HookError {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// Answers a question of the carrier in time. The same question again (a call, and the carrier's token for the
/// repeated request) gets the same answer. If we are in trouble, the caller hears so.
async fn answer(
    hook: &'static str,
    webhook: &Webhook,
    work: impl Future<Output = Result<Twiml, HookError>>,
) -> Response {
    let repeated = webhook.repetition(hook);
    if let Some(key) = &repeated
        && let Some(twiml) = webhook.shared.repeated.lock().get(key)
    {
        metrics::counter!(WEBHOOKS, "hook" => hook, "outcome" => "repeated").increment(1);
        return twiml.into_response();
    }
    let deadline = webhook.received + webhook.shared.limits.webhook_deadline;
    let done = timeout(deadline.saturating_duration_since(tokio::time::Instant::now()), work)
        .await
        .unwrap_or(Err(HookError::TooLong));
    let (outcome, response) = match done {
        Ok(twiml) => {
            if let Some(key) = repeated {
                webhook.shared.repeated.lock().put(key, twiml.clone());
            }
            ("ok", twiml.into_response())
        }
        Err(HookError::Problem(problem)) => ("refused", problem.into_response()),
        Err(cause @ (HookError::TooManyWaiting | HookError::NobodyAnswers)) => {
            error!(hook, tenant = %webhook.tenant.id, error = &cause as &dyn Error, "a caller is asked to leave a message");
            let outcome = if matches!(cause, HookError::NobodyAnswers) { "nobody" } else { "full" };
            (outcome, webhook.leave_message().into_response())
        }
        Err(cause @ (HookError::Store(_) | HookError::TooLong)) => {
            error!(hook, error = &cause as &dyn Error, "a caller hears that we are in trouble");
            ("trouble", webhook.say(&webhook.tenant.texts.trouble).into_response())
        }
    };
    metrics::counter!(WEBHOOKS, "hook" => hook, "outcome" => outcome).increment(1);
    response
}

/// The call of ours that the address names. It learns the carrier's id from whoever comes first: this, or the answer to its
/// placing.
async fn placed(webhook: &Webhook) -> Result<Option<Call>, HookError> {
    let Some(id) = webhook.query("call").and_then(|id| CallId::parse(id).ok()) else { return Ok(None) };
    let sid = webhook.required("CallSid")?;
    let known = webhook.store.call(&id).await?.filter(|call| call.direction == Direction::Outbound);
    match known {
        Some(call) if call.carrier_sid.as_deref() == Some(sid) => Ok(Some(call)),
        Some(call) if call.carrier_sid.is_none() => {
            let facts = CallFacts { carrier_sid: Some(sid.to_owned()), ..CallFacts::default() };
            webhook.store.learn(&id, &facts).await?;
            Ok(webhook.store.call(&call.id).await?)
        }
        Some(_) | None => Ok(None),
    }
}

/// Answers a report of the carrier, which asks nothing and sends the report again if it is not taken.
fn reported(hook: &'static str, kept: Result<(), HookError>) -> Response {
    let (outcome, response) = match kept {
        Ok(()) => ("ok", StatusCode::OK.into_response()),
        Err(HookError::Problem(problem)) => ("refused", problem.into_response()),
        Err(
            cause @ (HookError::Store(_)
            | HookError::TooManyWaiting
            | HookError::NobodyAnswers
            | HookError::TooLong),
        ) => {
            error!(hook, error = &cause as &dyn Error, "a report of the carrier is not stored");
            let detail = "the report could not be stored";
            let problem = Problem::new(Code::StoreUnavailable, detail);
            ("trouble", problem.into_response())
        }
    };
    metrics::counter!(WEBHOOKS, "hook" => hook, "outcome" => outcome).increment(1);
    response
}

/// Whether it is about a call that came from a softphone.
fn is_softphones(webhook: &Webhook) -> bool {
    routing::softphone::caller(webhook.param("From").unwrap_or_default()).is_some()
}

/// The call that the webhook is about; it is stored if it is new.
async fn call_of(webhook: &Webhook, status: CallStatus) -> Result<Call, HookError> {
    let number = webhook.own_number().and_then(|e164| webhook.tenant.number(e164));
    call_on(webhook, status, number.map(|number| number.id.clone()), webhook.tenant.default_assistant_id())
        .await
}

/// The same, on one of the tenant's numbers, with the assistant that it begins with.
async fn call_on(
    webhook: &Webhook,
    status: CallStatus,
    number: Option<NumberId>,
    assistant: &str,
) -> Result<Call, HookError> {
    if let Some(call) = placed(webhook).await? {
        return Ok(call);
    }
    let direction = match webhook.param("Direction") {
        Some(direction) if direction.starts_with("outbound") => Direction::Outbound,
        Some(_) | None => Direction::Inbound,
    };
    let new = NewCall {
        id: CallId::new(),
        carrier_sid: Some(webhook.required("CallSid")?.to_owned()),
        number,
        parent: None,
        direction,
        from_number: webhook.param("From").unwrap_or_default().to_owned(),
        to_number: webhook.param("To").unwrap_or_default().to_owned(),
        assistant_id: assistant.to_owned(),
        status,
        outbound: None,
        created_at: now_us(),
    };
    Ok(call_events::ensure_call(&*webhook.store, new).await?)
}
