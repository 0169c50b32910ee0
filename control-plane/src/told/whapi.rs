//! `POST /hooks/whapi/{account}?tenant=…`: messages that come in on WhatsApp, and what becomes of ours. There is no signature: what
//! counts is the secret header that was set together with the address.
//!
//! A status can be faster than the answer to the send that it is about. One of which no try is known yet is kept, and looked at again
//! some seconds later.

use super::{WEBHOOKS, not_believed, whole, without_nul};
use crate::{
    api::accounts::trial::WEBHOOK_HEADER,
    clock::now_us,
    directory::{Account, TenantView},
    inbox::{self, Inbound},
    messengers::{PHONE, WEBHOOK_SECRET, WHAPI, number::from_whapi},
    problem::Problem,
    shared::Shared,
};
use axum::{
    body::Body,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use gateways::whapi::{
    Content, Message,
    message::StatusChange,
    webhook::{Told, is_secret, read},
};
use messaging::{Failure, FailureClass, Status, dispatch::Report};
use outbox::{Outbox, Tidings};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{
    StoreError, TenantId, TenantStore,
    ids::{AccountId, InboundEventId},
    model::{
        audit::Actor,
        message::{Channel, Media},
        webhook::{InboundEvent, InboundStatus},
        work::WorkKind,
    },
};
use tracing::warn;

/// What is kept of statuses whose message is not known yet.
pub(super) const SOURCE: &str = "whapi.status";
/// A status of which no try is known is looked at again after so long, in µs.
const AGAIN_US: i64 = 1_000_000;
/// Contacts of a message that are named.
const CONTACTS: usize = 20;

/// Whose webhook it is.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Named {
    tenant: Option<String>,
}

/// A status, as it is kept until its message is known.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Waiting {
    account: String,
    id: String,
    word: String,
    error: Option<String>,
}

/// `POST /hooks/whapi/{account}`
pub(crate) async fn webhook(
    State(shared): State<Arc<Shared>>,
    Path(account): Path<String>,
    Query(named): Query<Named>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let (outcome, response) = match take(&shared, &account, &named, &headers, body).await {
        Ok(()) => ("ok", StatusCode::OK.into_response()),
        Err(problem) => ("refused", problem.into_response()),
    };
    metrics::counter!(WEBHOOKS, "source" => WHAPI, "outcome" => outcome).increment(1);
    response
}

async fn take(
    shared: &Shared,
    account: &str,
    named: &Named,
    headers: &HeaderMap,
    body: Body,
) -> Result<(), Problem> {
    let body = whole(shared, body).await?;
    let tenant = named.tenant.as_deref().and_then(|id| TenantId::parse(id).ok()).ok_or_else(not_believed)?;
    let view = shared.directory.tenant(&tenant).await.map_err(StoreError::from)?.ok_or_else(not_believed)?;
    let account = believed(&view, account, headers).ok_or_else(not_believed)?;
    let delivery = read(&body).map_err(|error| Problem::invalid(error.to_string()))?;
    for broken in &delivery.broken {
        warn!(%tenant, error = broken as &dyn std::error::Error, "a part of a webhook of Whapi's cannot be read");
    }
    let part = shared.store_of(&tenant);
    for told in &delivery.told {
        match told {
            Told::Message(message) => keep(shared, &*part, account, message).await?,
            Told::Status(change) => follow(shared, &*part, account, change).await?,
            Told::Health(state) => {
                warn!(%tenant, account = account.id.as_ref().map(AccountId::as_str), %state, "a channel at Whapi tells how it is");
            }
        }
    }
    Ok(())
}

/// The account whose secret the webhook shows.
fn believed<'v>(view: &'v TenantView, id: &str, headers: &HeaderMap) -> Option<&'v Account> {
    let is_it = |account: &&Account| {
        account.kind == WHAPI
            && account.is_active()
            && account.id.as_ref().is_some_and(|own| own.as_str() == id)
    };
    let account = view.accounts.iter().find(is_it)?;
    let secret = account.secrets.get(WEBHOOK_SECRET)?;
    let shown = headers.get(WEBHOOK_HEADER).map(|value| value.as_bytes());
    let of_current = is_secret(shown, &secret.current);
    let of_previous = secret.previous.as_ref().is_some_and(|previous| is_secret(shown, previous));
    (of_current || of_previous).then_some(account)
}

/// Keeps a message that somebody wrote. What we wrote ourselves, and what is written in groups, is nobody's message to the tenant.
async fn keep(
    shared: &Shared,
    part: &(dyn TenantStore + 'static),
    account: &Account,
    message: &Message,
) -> Result<(), StoreError> {
    if message.from_me {
        return Ok(());
    }
    let Some(address) = message.phone().and_then(from_whapi) else { return Ok(()) };
    let base = shared.messengers.whapi.options().base_url.as_str().trim_end_matches('/').to_owned();
    let Some((content, media)) = content(&message.content, &base) else { return Ok(()) };
    let inbound = Inbound {
        channel: Channel::Whatsapp,
        number: None,
        own_address: account.properties.get(PHONE).cloned().unwrap_or_else(|| account.sid.clone()),
        address,
        name: message.from_name.as_deref().map(without_nul),
        subject: None,
        content: without_nul(&content),
        media,
        provider: WHAPI,
        provider_id: without_nul(&message.id),
        provider_status: None,
        segments: None,
        conversation: None,
        automatic: false,
        keyword: None,
    };
    inbox::receive(part, &Actor::system(WHAPI), &inbound).await?;
    if !inbound.media.is_empty() {
        shared.told.wake();
    }
    Ok(())
}

/// What a message says, and its files; `None`: nothing that a person would read.
fn content(content: &Content, base: &str) -> Option<(String, Vec<Media>)> {
    let only = |text: String| Some((text, Vec::new()));
    match content {
        Content::Text { body, .. } => only(body.clone()),
        Content::Media(media) => {
            // The gateway keeps it under its id, for those who show the token.
            let kept = media.id.as_ref().map(|id| format!("{base}/media/{id}"));
            let file = kept.or(media.link.clone()).map(|url| Media {
                url: without_nul(&url),
                content_type: media.mime_type.as_deref().map(without_nul),
            });
            Some((media.caption.clone().unwrap_or_default(), file.into_iter().collect()))
        }
        Content::Location { latitude, longitude, name, address } => {
            let place = [name.as_deref(), address.as_deref()].into_iter().flatten();
            let place: Vec<&str> = place.collect();
            only(format!("{} ({latitude}, {longitude})", place.join(", ")).trim().to_owned())
        }
        Content::Contacts(contacts) => {
            let names = contacts.iter().take(CONTACTS).filter_map(|contact| contact.name.as_deref());
            only(names.collect::<Vec<_>>().join(", "))
        }
        Content::Reaction { emoji: Some(emoji), .. } => only(emoji.clone()),
        Content::Reaction { emoji: None, .. } => None,
        Content::Other { kind } if matches!(kind.as_str(), "action" | "system" | "unknown") => None,
        Content::Other { kind } => only(format!("[{kind}]")),
    }
}

/// Tells a message of ours how far it is; keeps what is told of one that is not known yet.
async fn follow(
    shared: &Shared,
    part: &(dyn TenantStore + 'static),
    account: &Account,
    change: &StatusChange,
) -> Result<(), StoreError> {
    let account = crate::sending::routes::id_of(account);
    let waiting = Waiting {
        account,
        id: without_nul(&change.id),
        word: without_nul(change.status.as_str()),
        error: change.errors.first().map(|error| without_nul(error)),
    };
    if tell(&shared.outbox, part.id(), &waiting).await? {
        return Ok(());
    }
    let event = InboundEvent {
        source: SOURCE.to_owned(),
        dedupe_key: format!("{}:{}:{}", waiting.account, waiting.id, waiting.word),
        raw: serde_json::to_string(&waiting).unwrap_or_default(),
        status: InboundStatus::Received,
        outcome: None,
    };
    let now = now_us();
    let id = InboundEventId::generate();
    let mut tx = part.begin(&Actor::system(WHAPI), now).await?;
    if tx.insert_new(id.clone(), event).await?.is_some() {
        tx.schedule(WorkKind::InboundEvent, id.as_str(), now.saturating_add(AGAIN_US)).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Tells a message of ours how far it is; false: it is not known.
pub(super) async fn tell(outbox: &Outbox, tenant: &TenantId, waiting: &Waiting) -> Result<bool, StoreError> {
    // A word that says nothing of how far it is.
    let Some(status) = Status::of_whapi(&waiting.word) else { return Ok(true) };
    let report = Report {
        status,
        failure: status.is_failure().then(|| Failure::new(FailureClass::Unreachable)),
        provider_id: Some(waiting.id.clone()),
    };
    let tidings = Tidings { report, word: waiting.word.clone(), error: waiting.error.clone() };
    outbox.told_by_id(tenant, &waiting.account, &waiting.id, &tidings).await
}
