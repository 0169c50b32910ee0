//! Gives the recipients of a batch their messages: chunk by chunk, never far ahead of what has been sent, so that pausing or ending
//! it still counts for the rest. A chunk and its messages are written together, so nobody gets two messages and nobody none.

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

/// Recipients of a chunk: one unit of work, and SQLite serves one at a time. Whoever comes meanwhile waits for its end.
pub const CHUNK: usize = 20;
/// Messages of a batch that wait to be sent, at most.
pub const MESSAGES_AHEAD: i64 = 1_000;
/// Messages of a batch that quiet hours hold back, at most.
const HELD_AHEAD: i64 = 20_000;
/// A batch that is ahead, or paused, is looked at again after so long, in µs.
const AGAIN_US: i64 = 500_000;
/// One that is paused.
const PAUSED_US: i64 = 15_000_000;
/// Batches that are taken at once.
const BATCHES: u16 = 4;

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

/// One chunk of a batch.
async fn go_on(inner: &Inner, claim: &Claim) -> Result<(), StoreError> {
    let part = inner.store.tenant(&claim.tenant);
    let id = BatchId::known(claim.object.as_str());
    let now = (inner.clock)();
    let Some(batch) = part.get::<Batch>(&id).await? else {
        part.finish_work(claim).await?;
        return Ok(());
    };
    match batch.value.status {
        BatchStatus::Running => {}
        BatchStatus::Paused => {
            part.retry_work(claim, now.saturating_add(PAUSED_US)).await?;
            return Ok(());
        }
        BatchStatus::Canceled | BatchStatus::Done => {
            part.finish_work(claim).await?;
            return Ok(());
        }
    }
    let counts = part.batch_counts(&id).await?;
    if is_far_ahead(counts.iter().map(|count| (count.status.as_str(), count.count))) {
        part.retry_work(claim, now.saturating_add(AGAIN_US)).await?;
        return Ok(());
    }
    let first = Filter::first(1).of(id.as_str()).with_status(ChunkStatus::Waiting.as_str()).oldest_first();
    let chunk = part.list::<BatchChunk>(&first).await?.into_iter().next();
    expand(inner, &*part, claim, batch, chunk).await
}

/// Whether enough messages wait. Those that quiet hours hold back wait for so long that others must not wait for them: where the next
/// recipients are it may be day.
fn is_far_ahead<'c>(counts: impl Iterator<Item = (&'c str, i64)>) -> bool {
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
    waiting >= MESSAGES_AHEAD || held >= HELD_AHEAD
}

/// Gives a chunk's recipients their messages; without one, the batch is done.
async fn expand(
    inner: &Inner,
    part: &(dyn TenantStore + 'static),
    claim: &Claim,
    batch: Stored<Batch>,
    chunk: Option<Stored<BatchChunk>>,
) -> Result<(), StoreError> {
    let now = (inner.clock)();
    let mut made = Vec::new();
    if let Some(chunk) = &chunk {
        for recipient in &chunk.value.recipients {
            made.push(inner.channels.compose(part, &batch, recipient).await?);
        }
    }
    let mut tx = part.begin_behind(&inner.actor, now).await?;
    let is_done = chunk.is_none();
    if let Some(Stored { id, version, value, .. }) = chunk {
        let count = u64::try_from(value.recipients.len()).unwrap_or(u64::MAX);
        for message in made {
            match accept(&mut *tx, message).await {
                Ok(_) => {}
                Err(AcceptError::Store(cause)) => return Err(cause),
                Err(cause @ AcceptError::NoText(_)) => {
                    return Err(StoreError::Invalid { what: "batch", why: cause.to_string() });
                }
            }
        }
        // The recipients stay in their messages.
        let done = BatchChunk { status: ChunkStatus::Done, recipients: Vec::new(), ..value };
        tx.update(&id, version, done).await?;
        let left = batch.value.left.saturating_sub(count);
        tx.update(&batch.id, batch.version, Batch { left, ..batch.value }).await?;
        tx.retry_work(claim, now).await?;
    } else {
        tx.update(&batch.id, batch.version, Batch { status: BatchStatus::Done, left: 0, ..batch.value })
            .await?;
        tx.finish_work(claim).await?;
    }
    tx.commit().await?;
    if !is_done {
        inner.wake(Lane::Bulk);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_sleep_do_not_hold_up_those_who_are_awake() {
        let ahead = |counts: &[(&'static str, i64)]| is_far_ahead(counts.iter().copied());
        assert!(!ahead(&[("held", 5_000), ("queued", 10), ("delivered", 90_000)]));
        assert!(ahead(&[("held", HELD_AHEAD)]), "not all of a hundred thousand at once");
        assert!(ahead(&[("queued", 600), ("sending", 300), ("scheduled", 100)]));
        assert!(!ahead(&[("queued", 600), ("sent", 90_000)]));
    }
}
