//! The carrier has found out who answered a call that we placed. What is done about a machine is done afterwards.

use super::{CARRIER, HookError, WEBHOOKS, Webhook, call_of};
use crate::{
    clock::now_us,
    outbound::worker::schedule,
    problem::{Code, Problem},
};
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use std::error::Error;
use store::{CallFacts, CallStatus, model::audit::Actor};
use tracing::error;

pub(crate) async fn answered_by(webhook: Webhook) -> Response {
    let (outcome, response) = match keep(&webhook).await {
        Ok(()) => ("ok", StatusCode::OK.into_response()),
        Err(HookError::Problem(problem)) => ("refused", problem.into_response()),
        Err(cause) => {
            error!(error = &cause as &dyn Error, "who answered a call is not stored");
            let detail = "the report could not be stored";
            ("trouble", Problem::new(Code::StoreUnavailable, detail).into_response())
        }
    };
    metrics::counter!(WEBHOOKS, "hook" => "answered_by", "outcome" => outcome).increment(1);
    response
}

async fn keep(webhook: &Webhook) -> Result<(), HookError> {
    let who = webhook.required("AnsweredBy")?.to_owned();
    let call = call_of(webhook, CallStatus::InProgress).await?;
    let now = now_us();
    let mut tx = webhook.store.begin(&Actor::system(CARRIER), now).await?;
    tx.learn(&call.id, &CallFacts { answered_by: Some(who), ..CallFacts::default() }).await?;
    schedule(&mut *tx, &call.id, now).await?;
    tx.commit().await?;
    webhook.shared.calls.wake();
    Ok(())
}
