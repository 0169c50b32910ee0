//! Gives the recipients of a batch their messages: a few at a time, never far ahead of what has been sent, so that pausing or ending
//! it still counts for the rest. That they have one is written together with it, so nobody gets two messages and nobody none.

use crate::{
    accept::{AcceptError, accept},
    lanes::Inner,
    outgoing::Lane,
};
use std::sync::Arc;
use store::{
    Filter, StoreError, Stored, TenantStore,
    ids::BatchId,
    model::{
        message::MessageStatus,
        outgoing::{Batch, BatchChunk, BatchStatus, ChunkStatus},
        work::{Claim, WorkKind},
    },
};
use tokio::time::timeout;
use tracing::error;

/// Recipients of a chunk: a row.
pub const CHUNK: usize = 100;
/// Recipients who get their messages in one unit of work while others come: SQLite serves one at a time, and they wait for its end.
const AT_ONCE: usize = 4;
/// The same while nobody else comes: each unit of work waits for the disk once.
const AT_ONCE_ALONE: usize = 25;
/// Messages of a batch that wait to be sent, at most.
pub const MESSAGES_AHEAD: i64 = 1_000;
/// Messages of a batch that quiet hours hold back, at most.
const HELD_AHEAD: i64 = 20_000;
/// Recipients of a batch before it is looked again how far it is: that takes the longer the larger the batch is.
const A_LOOK: usize = 200;
/// A batch that is ahead, or paused, is looked at again after so long, in µs.
const AGAIN_US: i64 = 500_000;
/// One that is paused.
const PAUSED_US: i64 = 15_000_000;
/// Batches that are taken at once: what is taken and waits is nobody else's. The one that has waited longest is next.
const BATCHES: u16 = 1;

/// Makes messages, until it is stopped.
pub(crate) async fn serve(inner: Arc<Inner>) {
    while !inner.is_draining() {
        let now = (inner.clock)();
        let until = now.saturating_add(inner.options.lease_us());
        let claims = inner.store.claim_work(WorkKind::Batch, now, until, BATCHES).await;
        let claims = claims.unwrap_or_else(|cause| {
            error!(
                error = &cause as &dyn std::error::Error,
                "batches cannot be taken: the store does not serve"
            );
            Vec::new()
        });
        let none = claims.is_empty();
        for claim in claims {
            let mut done = go_on(&inner, &claim).await;
            if matches!(done, Err(StoreError::Stale { .. })) {
                // Somebody paused it at this moment, or went on with it: it is looked at again as it is then.
                done = again(&inner, &claim).await;
            }
            if let Err(cause) = done {
                error!(tenant = %claim.tenant, batch = claim.object, error = &cause as &dyn std::error::Error, "a batch does not go on, and will later");
            }
        }
        if none {
            // Woken or not: it looks again.
            drop(timeout(inner.options.poll, inner.batches.notified()).await);
        }
    }
}

async fn again(inner: &Inner, claim: &Claim) -> Result<(), StoreError> {
    inner.store.tenant(&claim.tenant).retry_work(claim, (inner.clock)()).await.map(drop)
}

/// Some recipients of a batch.
async fn go_on(inner: &Inner, claim: &Claim) -> Result<(), StoreError> {
    let part = inner.store.tenant(&claim.tenant);
    let id = BatchId::known(claim.object.as_str());
    let now = (inner.clock)();
    let running =
        part.get::<Batch>(&id).await?.is_some_and(|batch| batch.value.status == BatchStatus::Running);
    // Of one that does not run there is only its work to be put away.
    let mut left = if running {
        let counts = part.batch_counts(&id).await?;
        room(counts.iter().map(|count| (count.status.as_str(), count.count)))
    } else {
        1
    };
    if left == 0 {
        part.retry_work(claim, now.saturating_add(AGAIN_US)).await?;
        return Ok(());
    }
    let mut held_at = now;
    while left > 0 {
        let now = (inner.clock)();
        if now.saturating_sub(held_at) > inner.options.lease_us() / 3 {
            held_at = now;
            if !part.extend_work(claim, now.saturating_add(inner.options.lease_us())).await? {
                break;
            }
        }
        let most = left.min(if part.others_come() { AT_ONCE } else { AT_ONCE_ALONE });
        left -= most;
        // A node that closes puts it back, so that another one goes on with it at once.
        let last = left == 0 || inner.is_draining();
        if !one_more(inner, &*part, claim, &id, (most, last)).await? {
            break;
        }
    }
    inner.wake(Lane::Bulk);
    Ok(())
}

/// At most so many recipients of a batch; false: there is no more to do now. `last`: it is put back then, to be looked at again.
async fn one_more(
    inner: &Inner,
    part: &(dyn TenantStore + 'static),
    claim: &Claim,
    id: &BatchId,
    (most, last): (usize, bool),
) -> Result<bool, StoreError> {
    let now = (inner.clock)();
    let Some(batch) = part.get::<Batch>(id).await? else {
        part.finish_work(claim).await?;
        return Ok(false);
    };
    match batch.value.status {
        BatchStatus::Running => {}
        BatchStatus::Paused => {
            part.retry_work(claim, now.saturating_add(PAUSED_US)).await?;
            return Ok(false);
        }
        BatchStatus::Canceled | BatchStatus::Done => {
            part.finish_work(claim).await?;
            return Ok(false);
        }
    }
    let first = Filter::first(1).of(id.as_str()).with_status(ChunkStatus::Waiting.as_str()).oldest_first();
    let chunk = part.list::<BatchChunk>(&first).await?.into_iter().next();
    expand(inner, part, claim, (batch, chunk), (most, last)).await
}

/// Recipients who may get their messages before it is looked again how far it is; 0: enough wait. Those that quiet hours hold back wait for so
/// long that others must not wait for them: where the next recipients are it may be day.
fn room<'c>(counts: impl Iterator<Item = (&'c str, i64)>) -> usize {
    let (mut waiting, mut held) = (0_i64, 0_i64);
    for (status, count) in counts {
        if status == MessageStatus::Held.as_str() {
            held = held.saturating_add(count);
        } else if [MessageStatus::Queued, MessageStatus::Sending, MessageStatus::Scheduled]
            .iter()
            .any(|known| known.as_str() == status)
        {
            waiting = waiting.saturating_add(count);
        }
    }
    let most = MESSAGES_AHEAD.saturating_sub(waiting).min(HELD_AHEAD.saturating_sub(held));
    usize::try_from(most).unwrap_or(0).min(A_LOOK)
}

/// Gives a chunk's next recipients their messages; without one, the batch is done. Whether there is more to do now.
async fn expand(
    inner: &Inner,
    part: &(dyn TenantStore + 'static),
    claim: &Claim,
    (batch, mut chunk): (Stored<Batch>, Option<Stored<BatchChunk>>),
    (most, last): (usize, bool),
) -> Result<bool, StoreError> {
    let now = (inner.clock)();
    let mut made = Vec::new();
    if let Some(chunk) = &mut chunk {
        let next = most.min(chunk.value.recipients.len());
        for recipient in chunk.value.recipients.drain(..next) {
            made.push(inner.channels.compose(part, &batch, &recipient).await?);
        }
    }
    let mut tx = part.begin_behind(&inner.actor, now).await?;
    let is_done = chunk.is_none();
    if let Some(Stored { id, version, value, .. }) = chunk {
        let count = u64::try_from(made.len()).unwrap_or(u64::MAX);
        for message in made {
            match accept(&mut *tx, message).await {
                Ok(_) => {}
                Err(AcceptError::Store(cause)) => return Err(cause),
                Err(cause @ AcceptError::NoText(_)) => {
                    return Err(StoreError::Invalid { what: "batch", why: cause.to_string() });
                }
            }
        }
        // Whoever has one stays in it.
        let status = if value.recipients.is_empty() { ChunkStatus::Done } else { ChunkStatus::Waiting };
        tx.update(&id, version, BatchChunk { status, ..value }).await?;
        let left = batch.value.left.saturating_sub(count);
        tx.update(&batch.id, batch.version, Batch { left, ..batch.value }).await?;
        if last {
            tx.retry_work(claim, now).await?;
        }
    } else {
        tx.update(&batch.id, batch.version, Batch { status: BatchStatus::Done, left: 0, ..batch.value })
            .await?;
        tx.finish_work(claim).await?;
    }
    tx.commit().await?;
    Ok(!is_done && !last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_sleep_do_not_hold_up_those_who_are_awake() {
        let room = |counts: &[(&'static str, i64)]| room(counts.iter().copied());
        assert_eq!(room(&[("held", 5_000), ("queued", 10), ("delivered", 90_000)]), A_LOOK);
        assert_eq!(room(&[("held", HELD_AHEAD)]), 0, "not all of a hundred thousand at once");
        assert_eq!(room(&[("queued", 600), ("sending", 300), ("scheduled", 100)]), 0);
        assert_eq!(room(&[("queued", 600), ("sending", 300), ("scheduled", 91)]), 9);
        assert_eq!(room(&[("queued", 600), ("sent", 90_000)]), A_LOOK);
    }
}
