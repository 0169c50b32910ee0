//! Carries out what was taken from one tenant: a step of every message in one unit of work, then the calls, all at once, then a step
//! of those that have come back, until nothing is left to be done outside.

use crate::{
    book::Fact,
    channels::{Parcel, Question, Sent},
    convert::channel_to,
    effects::{Errand, Event, Scene, Stepped, step},
    lanes::Inner,
    outgoing::Lane,
    told::schedule,
};
use deliveries::{EventType, announce};
use futures_util::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use messaging::dispatch::Outcome;
use serde_json::json;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use store::{
    StoreError, Stored, TenantId, TenantStore,
    ids::MessageId,
    model::{
        message::{Conversation, Message, MessageStatus},
        outgoing::{Batch, BatchStatus},
        work::Claim,
    },
};
use tokio::time::{sleep, timeout};
use tracing::{error, warn};

/// Calls that come back within so long of each other are written down together.
const GATHER: Duration = Duration::from_millis(4);
/// So many at most.
const GATHERED: usize = 64;
/// Steps of messages of batches in one unit of work while others come, who wait for its end; a step takes about 1 ms.
const BULK_STEPS: usize = 2;
/// The same while nobody else comes: each unit of work waits for the disk once.
const BULK_STEPS_ALONE: usize = 16;
/// Messages to one address that are looked at to tell a lost one from others.
const OTHERS: u16 = 100;
/// Nothing is held for longer than so long, in µs: no call and its repetitions take a quarter of an hour.
const HELD_US: i64 = 15 * 60 * 1_000_000;
/// Two who change one message at once are already unusual.
const TRIES: usize = 12;
/// Waits before a step is stored again when the database does not serve.
const UNSERVED: [Duration; 5] = [
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(800),
    Duration::from_secs(3),
    Duration::from_secs(8),
];
/// A paused batch is looked at again after so long, in µs.
const PAUSED_US: i64 = 15_000_000;
/// Messages by what became of a step.
const STEPS: &str = "tandem_messages_total";

/// A call that came back: whose it was, and what came of it.
type Returned = (usize, Event);

/// Works on what was taken; whatever cannot be finished is given out again when its lease ends.
pub(crate) async fn carry_out(inner: &Arc<Inner>, lane: Lane, tenant: &TenantId, claims: Vec<Claim>) {
    if let Err(cause) = work(inner, lane, tenant, claims).await {
        error!(%tenant, error = &cause as &dyn std::error::Error, "messages could not be sent, and will be later");
    }
}

async fn work(
    inner: &Arc<Inner>,
    lane: Lane,
    tenant: &TenantId,
    claims: Vec<Claim>,
) -> Result<(), StoreError> {
    let part = inner.store.tenant(tenant);
    let Some(setup) = inner.channels.setup(tenant).await? else {
        // A tenant that is suspended or gone: later.
        for claim in &claims {
            part.retry_work(claim, (inner.clock)().saturating_add(inner.options.not_served_us())).await?;
        }
        return Ok(());
    };
    let accounts: HashSet<String> = setup.routes.iter().map(|route| route.account.clone()).collect();
    inner.book.read(&*part, accounts, (inner.clock)()).await?;
    let paused = match lane {
        Lane::Bulk => paused(&*part, &claims).await?,
        Lane::Critical | Lane::Transactional => HashMap::new(),
    };
    let mut calls: FuturesUnordered<BoxFuture<'_, Returned>> = FuturesUnordered::new();
    let mut due: Vec<(usize, Vec<Event>)> = Vec::new();
    for (index, claim) in claims.iter().enumerate() {
        match paused.get(&claim.object) {
            None => due.push((index, vec![Event::Taken])),
            Some(BatchStatus::Canceled) => due.push((index, vec![Event::Taken, Event::Canceled])),
            Some(_) => {
                part.retry_work(claim, (inner.clock)().saturating_add(PAUSED_US)).await?;
            }
        }
    }
    let mut held = Held::new(claims.len(), (inner.clock)());
    let mut outcome = Ok(());
    loop {
        let mut returned: Vec<Returned> = Vec::new();
        let mut waiting: Vec<usize> = due.iter().map(|(index, _)| *index).collect();
        let mut left = &due[..];
        while !left.is_empty() {
            let at_once = match lane {
                Lane::Bulk if part.others_come() => BULK_STEPS,
                Lane::Bulk => BULK_STEPS_ALONE,
                Lane::Critical | Lane::Transactional => left.len(),
            };
            let (some, later) = left.split_at(at_once.min(left.len()));
            left = later;
            held.keep(inner, &*part, &claims, &waiting).await;
            let scene = Scene { tenant, setup: &setup, book: &inner.book, now: (inner.clock)() };
            let mut stepping = std::pin::pin!(steps(inner, &*part, (lane, scene), &claims, some));
            // What is on its way goes on meanwhile: it has places at the provider that others wait for.
            let stepped = loop {
                tokio::select! {
                    stepped = &mut stepping => break stepped,
                    Some(more) = calls.next(), if !calls.is_empty() => returned.push(more),
                }
            };
            waiting.drain(..some.len());
            match stepped {
                Ok(errands) => {
                    for (index, errand) in errands {
                        held.called(index);
                        calls.push(run(inner, &*part, lane, index, errand));
                    }
                }
                // What others of them are doing is known here alone: it is waited for all the same.
                Err(cause) => outcome = Err(cause),
            }
        }
        while returned.is_empty() {
            held.keep(inner, &*part, &claims, &[]).await;
            match timeout(inner.options.lease / 3, calls.next()).await {
                Ok(Some(first)) => returned.push(first),
                Ok(None) => return outcome,
                // A mail server may read a message for minutes before it answers.
                Err(_) => held.is_old(),
            }
        }
        gather(&mut returned, &mut calls).await;
        due = held.returned(returned);
    }
}

/// For which of what was taken something is on its way, and since when all of that is held.
struct Held {
    /// Calls that are on their way, by claim.
    calls: Vec<u32>,
    taken_at: i64,
    held_at: i64,
}

impl Held {
    fn new(claims: usize, now: i64) -> Self {
        Self { calls: vec![0; claims], taken_at: now, held_at: now }
    }

    /// A call of this one begins.
    fn called(&mut self, index: usize) {
        if let Some(calls) = self.calls.get_mut(index) {
            *calls += 1;
        }
    }

    /// What has come back, by claim.
    fn returned(&mut self, returned: Vec<Returned>) -> Vec<(usize, Vec<Event>)> {
        let mut due: Vec<(usize, Vec<Event>)> = Vec::new();
        for (index, event) in returned {
            if let Some(calls) = self.calls.get_mut(index) {
                *calls = calls.saturating_sub(1);
            }
            match due.iter_mut().find(|(known, _)| *known == index) {
                Some((_, events)) => events.push(event),
                None => due.push((index, vec![event])),
            }
        }
        due
    }

    /// It is to be held for longer at the next opportunity.
    fn is_old(&mut self) {
        self.held_at = i64::MIN;
    }

    /// Holds for longer what is on its way or waits for its step, once a third of the lease is over: nobody else may make the same call.
    /// What could be neither stepped nor called is left, so that it is given out again.
    async fn keep(
        &mut self,
        inner: &Inner,
        part: &(dyn TenantStore + 'static),
        claims: &[Claim],
        waiting: &[usize],
    ) {
        let now = (inner.clock)();
        let is_old = now.saturating_sub(self.held_at) > inner.options.lease_us() / 3;
        if !is_old || now.saturating_sub(self.taken_at) >= HELD_US {
            return;
        }
        self.held_at = now;
        let is_at_work =
            |index: &usize| self.calls.get(*index).is_some_and(|calls| *calls > 0) || waiting.contains(index);
        let claims = claims.iter().enumerate().filter(|(index, _)| is_at_work(index));
        hold(inner, part, claims.map(|(_, claim)| claim), now).await;
    }
}

async fn hold<'c>(
    inner: &Inner,
    part: &(dyn TenantStore + 'static),
    claims: impl Iterator<Item = &'c Claim>,
    now: i64,
) {
    for claim in claims {
        let until = now.saturating_add(inner.options.lease_us());
        if let Err(cause) = part.extend_work(claim, until).await {
            warn!(
                error = &cause as &dyn std::error::Error,
                "messages that are on their way could not be held for longer"
            );
            return;
        }
    }
}

/// Adds what comes back within a moment.
async fn gather(returned: &mut Vec<Returned>, calls: &mut FuturesUnordered<BoxFuture<'_, Returned>>) {
    while returned.len() < GATHERED {
        match timeout(GATHER, calls.next()).await {
            Ok(Some(more)) => returned.push(more),
            Ok(None) | Err(_) => break,
        }
    }
}

/// Steps of several messages in one unit of work; if one of them cannot be made, each in its own. What came of a call is not known by
/// anybody else, so it is written as often as it takes.
async fn steps(
    inner: &Inner,
    part: &(dyn TenantStore + 'static),
    scene: (Lane, Scene<'_>),
    claims: &[Claim],
    due: &[(usize, Vec<Event>)],
) -> Result<Vec<(usize, Errand)>, StoreError> {
    match served(inner, part, scene, claims, due).await {
        Ok(errands) => return Ok(errands),
        // The database does not serve: nor would it for each of them.
        Err(cause) if cause.is_retryable() => return Err(cause),
        Err(_) => {}
    }
    let mut errands = Vec::new();
    for one in due {
        match alone(inner, part, scene, claims, one).await {
            Ok(some) => errands.extend(some),
            // It is found out by whoever takes it next; the others go on.
            Err(cause) => error!(
                tenant = %part.id(), error = &cause as &dyn std::error::Error,
                "what came of a message could not be stored"
            ),
        }
    }
    Ok(errands)
}

/// The step of one message, which others change at the same time.
async fn alone(
    inner: &Inner,
    part: &(dyn TenantStore + 'static),
    scene: (Lane, Scene<'_>),
    claims: &[Claim],
    one: &(usize, Vec<Event>),
) -> Result<Vec<(usize, Errand)>, StoreError> {
    for _ in 0..TRIES {
        match served(inner, part, scene, claims, std::slice::from_ref(one)).await {
            Err(StoreError::Stale { .. } | StoreError::Conflict { .. } | StoreError::Taken { .. }) => {}
            other => return other,
        }
    }
    // What came of its calls is found out by whoever takes it next.
    warn!("a message was changed by others all the time while it was sent");
    Ok(Vec::new())
}

/// A unit of work that is tried again while the database does not serve.
async fn served(
    inner: &Inner,
    part: &(dyn TenantStore + 'static),
    scene: (Lane, Scene<'_>),
    claims: &[Claim],
    due: &[(usize, Vec<Event>)],
) -> Result<Vec<(usize, Errand)>, StoreError> {
    for wait in UNSERVED {
        match together(inner, part, scene, claims, due).await {
            Err(cause) if cause.is_retryable() => {
                warn!(
                    error = &cause as &dyn std::error::Error,
                    "a step of messages is not stored, and tried again"
                );
                sleep(wait).await;
            }
            other => return other,
        }
    }
    together(inner, part, scene, claims, due).await
}

async fn together(
    inner: &Inner,
    part: &(dyn TenantStore + 'static),
    (lane, scene): (Lane, Scene<'_>),
    claims: &[Claim],
    due: &[(usize, Vec<Event>)],
) -> Result<Vec<(usize, Errand)>, StoreError> {
    let mut tx = match lane {
        Lane::Bulk => part.begin_behind(&inner.actor, scene.now).await?,
        Lane::Critical | Lane::Transactional => part.begin(&inner.actor, scene.now).await?,
    };
    let (mut errands, mut facts): (Vec<(usize, Errand)>, Vec<Fact>) = (Vec::new(), Vec::new());
    for (index, events) in due {
        let Some(claim) = claims.get(*index) else { continue };
        let id = MessageId::known(claim.object.as_str());
        let Some(mut stepped) = step(&mut *tx, scene, &id, events.clone(), true).await? else {
            tx.finish_work_if_held(claim).await?;
            continue;
        };
        tell(&mut *tx, &stepped, scene.now).await?;
        report_alerts(scene.tenant, &stepped);
        if stepped.errands.is_empty() && stepped.outgoing.dispatch.trying().is_empty() {
            // Whoever told something of it meanwhile may have taken the lease: what came of its calls is known here alone, and counts;
            // who holds it then finds nothing to do.
            match stepped.outgoing.dispatch.wake_at() {
                Some(at) => schedule(&mut *tx, &stepped, stepped.outgoing.lane, at).await?,
                None => drop(tx.finish_work_if_held(claim).await?),
            }
        }
        facts.append(&mut stepped.facts);
        errands.extend(stepped.errands.into_iter().map(|errand| (*index, errand)));
    }
    tx.commit().await?;
    inner.learn(part, facts, scene.now).await;
    Ok(errands)
}

/// Says what became of a message, if that is another than before.
pub(crate) async fn tell(
    tx: &mut (dyn store::TenantTx + 'static),
    stepped: &Stepped,
    now: i64,
) -> Result<(), StoreError> {
    if !stepped.moved {
        return Ok(());
    }
    let message = &stepped.message;
    metrics::counter!(STEPS, "channel" => message.value.channel.as_str(), "status" => message.value.status.as_str())
        .increment(1);
    let kind = match message.value.status {
        MessageStatus::Sent => EventType::MessageSent,
        MessageStatus::Delivered | MessageStatus::Read => EventType::MessageDelivered,
        MessageStatus::Failed
        | MessageStatus::Undelivered
        | MessageStatus::Bounced
        | MessageStatus::Canceled => EventType::MessageFailed,
        MessageStatus::Received
        | MessageStatus::Scheduled
        | MessageStatus::Queued
        | MessageStatus::Held
        | MessageStatus::Sending => return Ok(()),
    };
    announce(tx, deliveries::Event::new(kind, now, &told(message))).await
}

/// What is told of a message.
pub(crate) fn told(message: &Stored<Message>) -> deliveries::payload::MessageTold {
    let value = &message.value;
    deliveries::payload::MessageTold {
        message_id: message.id.to_string(),
        conversation_id: value.conversation.as_ref().map(ToString::to_string),
        channel: value.channel.as_str().to_owned(),
        direction: value.direction.as_str().to_owned(),
        address: value.address.clone().unwrap_or_default(),
        status: value.status.as_str().to_owned(),
        provider: value.provider.clone(),
        provider_id: value.provider_id.clone(),
        error: value.error.clone(),
    }
}

/// Runs an errand; it always comes back.
fn run<'a>(
    inner: &'a Inner,
    part: &'a (dyn TenantStore + 'static),
    lane: Lane,
    index: usize,
    errand: Errand,
) -> BoxFuture<'a, Returned> {
    Box::pin(async move {
        match errand {
            Errand::Send { number, parcel, trial, placed } => {
                let sent = match is_overtaken(part, &parcel).await {
                    false => send(inner, lane, &parcel, trial, placed).await,
                    true => Sent::of(Outcome::Deferred { until: (inner.clock)() }),
                };
                (index, Event::Sent { number, sent })
            }
            Errand::Ask { number, ask, mut question } => {
                question.others = others(part, &question).await;
                (index, Event::Answered { number, ask, answer: inner.channels.ask(&question).await })
            }
        }
    })
}

/// Whether control of the conversation has changed hands since the try was written: the unit of work has compared the two, but others
/// of its handful and what it learned of accounts may have kept the call waiting. The step that takes the outcome in cancels it.
async fn is_overtaken(part: &(dyn TenantStore + 'static), parcel: &Parcel) -> bool {
    let (Some(fence), Some(conversation)) = (parcel.fence, &parcel.conversation) else { return false };
    match part.get::<Conversation>(conversation).await {
        Ok(row) => row.is_none_or(|row| row.value.epoch > fence),
        Err(cause) => {
            warn!(
                error = &cause as &dyn std::error::Error,
                "whether somebody has taken a conversation over could not be looked at once more"
            );
            false
        }
    }
}

async fn send(inner: &Inner, lane: Lane, parcel: &Parcel, trial: bool, placed: bool) -> Sent {
    let now = (inner.clock)();
    let account = &parcel.route.account;
    if trial && !inner.book.begin_trial(&parcel.tenant, account, now) {
        return Sent::of(Outcome::NotAdmitted);
    }
    if let Some(per_second) = parcel.route.per_second {
        let sender = format!("{} {} {}", parcel.tenant, account, parcel.sender);
        let turn = inner.pace.lock().take(&sender, per_second, lane, placed, now);
        if let Err(until) = turn {
            return Sent::of(Outcome::Deferred { until });
        }
    }
    inner.channels.send(parcel).await
}

/// The provider's ids of other messages to the same address: a lost one is none of them.
async fn others(part: &(dyn TenantStore + 'static), question: &Question) -> Vec<String> {
    let rows = part.messages_with(&question.parcel.address, false, OTHERS).await.unwrap_or_else(|cause| {
        warn!(error = &cause as &dyn std::error::Error, "messages to an address could not be listed");
        Vec::new()
    });
    let read = rows.into_iter().filter_map(|row| Stored::<Message>::read(row).ok());
    read.filter(|row| row.id != question.parcel.message).filter_map(|row| row.value.provider_id).collect()
}

/// Messages of batches that do not go on, by their ids.
async fn paused(
    part: &(dyn TenantStore + 'static),
    claims: &[Claim],
) -> Result<HashMap<String, BatchStatus>, StoreError> {
    let mut batches = HashMap::new();
    let mut paused = HashMap::new();
    // Messages of one batch come in a row.
    for claim in claims {
        let Some(message) = part.get::<Message>(&MessageId::known(claim.object.as_str())).await? else {
            continue;
        };
        let Some(batch) = message.value.batch else { continue };
        let status = match batches.get(&batch) {
            Some(status) => *status,
            None => {
                let status =
                    part.get::<Batch>(&batch).await?.map_or(BatchStatus::Done, |row| row.value.status);
                batches.insert(batch.clone(), status);
                status
            }
        };
        if matches!(status, BatchStatus::Paused | BatchStatus::Canceled) {
            paused.insert(claim.object.clone(), status);
        }
    }
    Ok(paused)
}

/// What a log line may say of alerts.
pub(crate) fn report_alerts(tenant: &TenantId, stepped: &Stepped) {
    for (channel, account, failure) in &stepped.alerts {
        let shown = json!({ "channel": channel_to(*channel), "account": account, "failure": failure });
        warn!(%tenant, message = stepped.message.id.as_str(), %shown, "a provider refused a message for a reason that somebody must look at");
    }
}
