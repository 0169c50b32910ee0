//! Does what follows from what was told, after it was answered: once, because what follows is written together with that it is done.

use super::{rules, rules::PrivacyWish, shopify, whapi};
use crate::{
    clock::now_us,
    directory::Directory,
    inbox::media::{self, Fetched, Fetcher},
    keys::sha256_hex,
    privacy::state::Asked,
    work::{WorkOptions, Worker},
};
use outbox::{AcceptError, NewMessage, Outbox};
use serde_json::Value;
use std::sync::Arc;
use store::{
    Store, StoreError, Stored, TenantStore,
    ids::{InboundEventId, JobId, MessageId},
    model::{
        audit::{Actor, ActorKind},
        webhook::{InboundEvent, InboundStatus},
        work::Claim,
    },
};

/// What follows is written under this name in the audit log.
const SELF: &str = "webhooks";
/// A status whose message is not known after so many looks, about a minute, is of a message that is not ours.
const LOOKS: i64 = 6;

/// Does what follows from what was told.
pub(crate) struct ToldWorker {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) fetcher: Fetcher,
    pub(crate) work: WorkOptions,
}

/// What follows from something that was told.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one is made for each thing that is told, and goes at once")]
pub(super) enum Follows {
    /// This, and nothing more.
    Done { status: InboundStatus, outcome: String, messages: Vec<NewMessage>, privacy: Option<PrivacyWish> },
    /// It cannot be said yet.
    Later,
}

impl Follows {
    /// Nothing follows.
    pub(super) fn nothing(status: InboundStatus, outcome: impl Into<String>) -> Self {
        Self::Done { status, outcome: outcome.into(), messages: Vec::new(), privacy: None }
    }
}

impl Worker for ToldWorker {
    type Error = StoreError;

    async fn work(&self, claim: &Claim) -> Result<(), StoreError> {
        let part = self.store.tenant(&claim.tenant);
        let id = InboundEventId::known(claim.object.as_str());
        let Some(event) = part.get::<InboundEvent>(&id).await? else {
            part.finish_work(claim).await?;
            return Ok(());
        };
        let done = match self.follows(&*part, &event.value, claim).await {
            Ok(Follows::Later) => {
                part.retry_work(claim, self.work.retry_at(now_us(), claim.attempts)).await?;
                return Ok(());
            }
            Ok(done) => self.write(&*part, claim, event, done).await,
            Err(cause) => Err(cause),
        };
        if let Err(cause) = done {
            part.retry_work(claim, self.work.retry_at(now_us(), claim.attempts)).await?;
            return Err(cause);
        }
        Ok(())
    }
}

impl ToldWorker {
    async fn follows(
        &self,
        part: &(dyn TenantStore + 'static),
        event: &InboundEvent,
        claim: &Claim,
    ) -> Result<Follows, StoreError> {
        let unreadable = || Follows::nothing(InboundStatus::Failed, "it cannot be read");
        match event.source.as_str() {
            whapi::SOURCE => {
                let Ok(waiting) = serde_json::from_str(&event.raw) else { return Ok(unreadable()) };
                let known = whapi::tell(&self.outbox, part.id(), &waiting).await?;
                Ok(match known {
                    true => Follows::nothing(InboundStatus::Processed, "its message is known"),
                    false if claim.attempts < LOOKS => Follows::Later,
                    false => Follows::nothing(InboundStatus::Ignored, "it is of no message that we sent"),
                })
            }
            media::SOURCE => {
                let Some(view) = self.directory.tenant(part.id()).await.map_err(StoreError::from)? else {
                    return Ok(Follows::nothing(InboundStatus::Ignored, "the tenant is not served"));
                };
                let message = MessageId::known(event.raw.as_str());
                Ok(match self.fetcher.fetch(part, &view, &message, claim.attempts).await? {
                    Fetched::Done(outcome) => Follows::nothing(InboundStatus::Processed, outcome),
                    Fetched::Later => Follows::Later,
                })
            }
            shopify::SOURCE => {
                let Ok(told) = serde_json::from_str::<Value>(&event.raw) else { return Ok(unreadable()) };
                let Some(view) = self.directory.tenant(part.id()).await.map_err(StoreError::from)? else {
                    return Ok(Follows::nothing(InboundStatus::Ignored, "the tenant is not served"));
                };
                rules::follow(part, &view, &event.dedupe_key, &told).await
            }
            _ => Ok(Follows::nothing(InboundStatus::Ignored, "nobody acts on it")),
        }
    }

    /// Writes what follows, together with that it is done. What was told is not kept any longer: it is about people.
    async fn write(
        &self,
        part: &(dyn TenantStore + 'static),
        claim: &Claim,
        event: Stored<InboundEvent>,
        follows: Follows,
    ) -> Result<(), StoreError> {
        let Follows::Done { status, outcome, messages, privacy } = follows else { return Ok(()) };
        let Stored { id, version, value, .. } = event;
        let key = format!("{}:{}", value.source, value.dedupe_key);
        let mut tx = part.begin(&Actor::system(SELF), now_us()).await?;
        let raw = sha256_hex(value.raw.as_bytes());
        tx.update(&id, version, InboundEvent { raw, status, outcome: Some(outcome), ..value }).await?;
        match privacy {
            Some(PrivacyWish::Person(kind, subject)) => {
                let asked = Asked {
                    kind: ActorKind::System,
                    id: shopify::SOURCE.to_owned(),
                    reason: "the shop asked for it".to_owned(),
                    at: tx.now(),
                };
                crate::privacy::ask(&mut *tx, kind, Some(key), subject, asked).await?;
            }
            Some(PrivacyWish::Shop(job)) => {
                tx.insert_new(JobId::generate(), job).await?;
            }
            None => {}
        }
        let mut lanes = Vec::new();
        for message in messages {
            match accept(&mut *tx, message).await {
                Ok(lane) => lanes.push(lane),
                Err(AcceptError::Store(cause)) => return Err(cause),
                Err(cause @ AcceptError::NoText(_)) => {
                    return Err(StoreError::Invalid { what: "message", why: cause.to_string() });
                }
            }
        }
        tx.finish_work(claim).await?;
        tx.commit().await?;
        for lane in lanes {
            self.outbox.wake(lane);
        }
        Ok(())
    }
}

async fn accept(
    tx: &mut (dyn store::TenantTx + 'static),
    message: NewMessage,
) -> Result<outbox::Lane, AcceptError> {
    let accepted = outbox::accept(tx, message).await?;
    let details = serde_json::json!({ "by": "shop" });
    tx.note("message.send", accepted.id.as_str(), &details).await?;
    Ok(accepted.lane)
}
