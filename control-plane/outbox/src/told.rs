//! Takes in what is told of a message from outside of its lane: by a provider, or by whoever takes it back.

use crate::{
    carry_out::{report_alerts, tell},
    effects::{Event, Scene, Stepped, step},
    lanes::Outbox,
    outgoing::{Lane, Outgoing},
};
use messaging::dispatch::Report;
use std::collections::HashSet;
use store::{
    StoreError, Stored, TenantId, TenantStore, TenantTx,
    ids::{AttemptId, MessageId},
    model::{
        message::{Channel, Message},
        outgoing::Attempt,
    },
};

/// Two who tell something of one message at once are already unusual.
const TRIES: usize = 12;

/// What a provider told of a try.
#[derive(Clone, Debug)]
pub struct Tidings {
    /// What it means.
    pub report: Report,
    /// The provider's own word.
    pub word: String,
    /// Why not, in words.
    pub error: Option<String>,
}

impl Outbox {
    /// Takes in what a provider told of a try; false: there is no such try of this tenant's.
    ///
    /// # Errors
    /// When the database does not serve: the provider tells it again.
    pub async fn told(
        &self,
        tenant: &TenantId,
        attempt: &AttemptId,
        tidings: &Tidings,
    ) -> Result<bool, StoreError> {
        let part = self.inner.store.tenant(tenant);
        let Some(row) = part.get::<Attempt>(attempt).await? else { return Ok(false) };
        let Attempt { message, number, channel, .. } = row.value;
        let event = Event::Told {
            number,
            report: tidings.report.clone(),
            word: tidings.word.clone(),
            error: tidings.error.clone(),
        };
        // Nobody waits for what is told of one of many. Of any other the next step may depend on it, and in a call somebody holds the line.
        let behind = channel != Channel::Voice
            && part.get::<Message>(&message).await?.is_some_and(|row| row.value.batch.is_some());
        self.tell_it(&*part, &message, event, behind).await.map(|told| told.is_some())
    }

    /// As [`told`](Self::told), of a try that is known by the provider's id.
    ///
    /// # Errors
    /// When the database does not serve.
    pub async fn told_by_id(
        &self,
        tenant: &TenantId,
        account: &str,
        provider_id: &str,
        tidings: &Tidings,
    ) -> Result<bool, StoreError> {
        let part = self.inner.store.tenant(tenant);
        match part.find::<Attempt>(&format!("{account}:{provider_id}")).await? {
            Some(Stored { id, .. }) => self.told(tenant, &id, tidings).await,
            None => Ok(false),
        }
    }

    /// Takes a message back, as far as that still can be: the message as it is then, or nothing if there is none that is sent.
    ///
    /// # Errors
    /// When the database does not serve.
    pub async fn cancel(
        &self,
        tenant: &TenantId,
        message: &MessageId,
    ) -> Result<Option<Stored<Message>>, StoreError> {
        let part = self.inner.store.tenant(tenant);
        self.tell_it(&*part, message, Event::Canceled, false).await
    }

    async fn tell_it(
        &self,
        part: &(dyn TenantStore + 'static),
        message: &MessageId,
        event: Event,
        behind: bool,
    ) -> Result<Option<Stored<Message>>, StoreError> {
        let inner = &self.inner;
        let Some(setup) = inner.channels.setup(part.id()).await? else { return Ok(None) };
        // What is learned of an account adds to what is known of it, also by a node that has just begun.
        let accounts: HashSet<String> = setup.routes.iter().map(|route| route.account.clone()).collect();
        inner.book.read(part, accounts, (inner.clock)()).await?;
        for _ in 0..TRIES {
            let now = (inner.clock)();
            let scene = Scene { tenant: part.id(), setup: &setup, book: &inner.book, now };
            let mut tx = match behind {
                true => part.begin_behind(&inner.actor, now).await?,
                false => part.begin(&inner.actor, now).await?,
            };
            let stepped = match step(&mut *tx, scene, message, vec![event.clone()], false).await {
                Ok(Some(stepped)) => stepped,
                Ok(None) => return Ok(None),
                // Its lane has just written it.
                Err(StoreError::Stale { .. }) => continue,
                Err(cause) => return Err(cause),
            };
            tell(&mut *tx, &stepped, now).await?;
            report_alerts(part.id(), &stepped);
            let lane = stepped.outgoing.lane;
            let woken = wake(&mut *tx, &stepped).await?;
            match tx.commit().await {
                Ok(()) => {}
                Err(StoreError::Stale { .. } | StoreError::Conflict { .. }) => continue,
                Err(cause) => return Err(cause),
            }
            let Stepped { facts, message, .. } = stepped;
            inner.learn(part, facts, now).await;
            if woken {
                inner.wake(lane);
            }
            return Ok(Some(message));
        }
        Err(StoreError::Unavailable {
            doing: "keeping what was told of a message",
            source: "it was changed by others all the time".into(),
        })
    }
}

/// Lets the lane look at the message when it wants to be looked at; whether that is now. While its lane waits for a provider the lane
/// does so by itself.
async fn wake(tx: &mut (dyn TenantTx + 'static), stepped: &Stepped) -> Result<bool, StoreError> {
    let Outgoing { dispatch, lane, .. } = &stepped.outgoing;
    if !dispatch.trying().is_empty() {
        return Ok(false);
    }
    match dispatch.wake_at() {
        Some(at) => {
            schedule(tx, stepped, *lane, at).await?;
            Ok(at <= tx.now())
        }
        None => {
            tx.unschedule(lane.work(), stepped.message.id.as_str()).await?;
            Ok(false)
        }
    }
}

/// Puts a message before its lane, whoever holds it.
pub(crate) async fn schedule(
    tx: &mut (dyn TenantTx + 'static),
    stepped: &Stepped,
    lane: Lane,
    at: i64,
) -> Result<(), StoreError> {
    let id = stepped.message.id.as_str();
    match &stepped.message.value.conversation {
        Some(conversation) => tx.schedule_in_order(lane.work(), id, at, conversation.as_str()).await,
        None => tx.schedule(lane.work(), id, at).await,
    }
}
