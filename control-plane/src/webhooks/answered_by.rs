//! The carrier has found out who answered a call that we placed. What is done about a machine is done afterwards.

use super::{CARRIER, HookError, Webhook, call_of, reported};
use crate::{clock::now_us, outbound::worker::schedule};
use axum::response::Response;
use store::{CallFacts, CallStatus, model::audit::Actor};

pub(crate) async fn answered_by(webhook: Webhook) -> Response {
    reported("answered_by", keep(&webhook).await)
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
