//! Calls that Vapi holds for a tenant, beside our own: it is told by webhook how they go, and asked to place some.
//!
//! A webhook is believed if it shows the secret of the tenant's account there, in any of the three ways that Vapi has. What it
//! tells becomes a call like any other: status, transcript, cost. What Vapi asks is answered from the account's settings.

mod believe;
mod ingest;
mod message;
pub(crate) mod place;

use crate::{
    directory::{Account, TenantView},
    problem::{Code, Problem},
    shared::Shared,
};
use axum::{
    Json,
    body::{Body, to_bytes},
    extract::{Query, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use message::{Envelope, Message};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{error::Error, sync::Arc};
use store::TenantId;
use tokio::time::timeout;
use tracing::{error, warn};

/// The kind of such an account, whose sid is the organisation's id.
pub(crate) const KIND: &str = "vapi";
/// Longest body, in bytes: a report holds the whole transcript.
const BODY: usize = 4 * 1024 * 1024;
/// Webhooks of Vapi, by type and outcome.
const WEBHOOKS: &str = "tandem_vapi_webhooks_total";

/// For whom a webhook is, where its body does not say.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Named {
    tenant: Option<String>,
}

/// `POST /hooks/vapi`
pub(crate) async fn webhook(
    State(shared): State<Arc<Shared>>,
    Query(named): Query<Named>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match take(&shared, &named, &headers, body).await {
        Ok(answer) => Json(answer).into_response(),
        Err(problem) => {
            metrics::counter!(WEBHOOKS, "outcome" => "refused").increment(1);
            problem.into_response()
        }
    }
}

async fn take(
    shared: &Arc<Shared>,
    named: &Named,
    headers: &HeaderMap,
    body: Body,
) -> Result<Value, Problem> {
    let too_slow = |_| Problem::new(Code::TooSlow, "the body did not come in time");
    let body = timeout(shared.limits.webhook_deadline, to_bytes(body, BODY)).await.map_err(too_slow)?;
    let too_large =
        |_| Problem::new(Code::BodyTooLarge, format!("a body must come whole and have at most {BODY} bytes"));
    let body = body.map_err(too_large)?;
    let envelope: Envelope =
        serde_json::from_slice(&body).map_err(|_| Problem::invalid("the body is not a message of Vapi's"))?;
    let message = envelope.message;
    let (tenant, account) = believed(shared, named, &message, headers, &body).await?;
    metrics::counter!(WEBHOOKS, "outcome" => "ok").increment(1);
    let kept = ingest::keep(&*shared.store(&tenant.id), &message, &body).await;
    kept.map_err(|cause| {
        error!(error = &cause as &dyn Error, "what Vapi told is not stored");
        Problem::new(Code::StoreUnavailable, "the report could not be stored")
    })?;
    Ok(answer(&message, &account))
}

/// The tenant and the account whose secret the webhook shows.
async fn believed(
    shared: &Shared,
    named: &Named,
    message: &Message,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(Arc<TenantView>, Account), Problem> {
    let refused =
        || Problem::new(Code::InvalidSignature, "the webhook does not show the secret of an account here");
    let organisation = message.organisation();
    let mut tenants: Vec<TenantId> = Vec::new();
    if let Some(named) = named.tenant.as_deref() {
        tenants.push(TenantId::parse(named).map_err(|_| refused())?);
    } else if let Some(organisation) = organisation {
        let owners = shared.whole_store().account_owners(organisation).await?;
        tenants.extend(owners.into_iter().map(|owner| owner.tenant));
    }
    for id in tenants {
        let Some(view) = shared.directory.tenant(&id).await.map_err(store::StoreError::from)? else {
            continue;
        };
        let fits = |account: &&Account| {
            account.kind == KIND
                && account.is_active()
                && organisation.is_none_or(|organisation| account.sid == organisation)
                && believe::shows_secret(account, headers, body)
        };
        if let Some(account) = view.accounts.iter().find(fits) {
            let account = account.clone();
            return Ok((view, account));
        }
    }
    warn!("a webhook of Vapi's is not believed");
    Err(refused())
}

/// What Vapi wants to know; nothing, for most of what it tells.
fn answer(message: &Message, account: &Account) -> Value {
    match message.kind() {
        "assistant-request" => match account.properties.get("assistant_id") {
            Some(assistant) => json!({ "assistantId": assistant }),
            None => json!({ "error": "I'm sorry, nobody can take your call right now." }),
        },
        "tool-calls" => {
            let none = |id: String| json!({ "toolCallId": id, "error": "there is no such tool here" });
            json!({ "results": message.tool_calls().into_iter().map(none).collect::<Vec<_>>() })
        }
        "transfer-destination-request" | "handoff-destination-request" => {
            match account.properties.get("transfer_number") {
                Some(number) => json!({ "destination": { "type": "number", "number": number } }),
                None => json!({ "error": "nobody can be reached right now" }),
            }
        }
        "knowledge-base-request" => json!({ "documents": [] }),
        _ => json!({}),
    }
}
