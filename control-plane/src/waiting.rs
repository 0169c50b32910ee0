//! Callers in queues, as rows: who waits, who was taken by whom, who has left. Whatever is told twice or out of order, who has
//! left does not come back, and a caller is taken by one person only: whoever changes the row first has the caller.

use crate::clock::now_us;
use store::{
    Call, Filter, StoreError, Stored, TenantStore, TenantTx,
    ids::{CallId, QueueEntryId, QueueId, UserId},
    model::{
        audit::Actor,
        queue::{QueueEntry, QueueEntryStatus},
    },
};

/// A tenant's part of the store.
type Part = dyn TenantStore;

/// Two reports about one caller at once are already unusual.
const ATTEMPTS: usize = 8;
/// Callers who are looked at when somebody takes the next one: so many may be taken by others in the same moment.
const LOOKED_AT: u16 = 50;
/// Who moves callers in the audit log.
const CARRIER: &str = "carrier";

/// Those who wait in a queue, the longest waiting first.
pub(crate) async fn in_line(store: &Part, queue: &QueueId) -> Result<Vec<Stored<QueueEntry>>, StoreError> {
    let waiting = QueueEntryStatus::Waiting.as_str();
    store.list(&Filter::first(LOOKED_AT).of(queue.as_str()).with_status(waiting).oldest_first()).await
}

/// Takes the first of `line` who still waits, for `user`, in this unit of work; `None` if none does. Somebody else who does so in the
/// same moment takes another one, or is told that it was changed ([`StoreError::Stale`]) and can try again.
pub(crate) async fn take(
    tx: &mut (dyn TenantTx + 'static),
    line: &[Stored<QueueEntry>],
    user: &UserId,
) -> Result<Option<Stored<QueueEntry>>, StoreError> {
    for known in line {
        let Some(row) = tx.get::<QueueEntry>(&known.id).await? else { continue };
        if row.value.status != QueueEntryStatus::Waiting {
            continue;
        }
        let taken = QueueEntry {
            status: QueueEntryStatus::Offered,
            left_at: Some(tx.now()),
            taken_by: Some(user.clone()),
            awaits_carrier: true,
            ..row.value
        };
        return tx.update(&row.id, row.version, taken).await.map(Some);
    }
    Ok(None)
}

/// A softphone has dialled the queue, and this caller is about to be put through: `leg` is the softphone's call.
pub(crate) async fn offered(
    store: &Part,
    call: &CallId,
    user: Option<&UserId>,
    leg: Option<&str>,
) -> Result<(), StoreError> {
    change(store, call, |known| {
        let known = known.filter(|known| known.status == QueueEntryStatus::Waiting)?;
        Some(QueueEntry {
            status: QueueEntryStatus::Offered,
            left_at: Some(now_us()),
            taken_by: user.cloned(),
            taken_on: leg.map(str::to_owned),
            ..known.clone()
        })
    })
    .await
    .map(drop)
}

/// The call of the caller whom the softphone's call `leg` took out of the queue, one of the last of it.
pub(crate) async fn taken_on(store: &Part, queue: &str, leg: &str) -> Result<Option<CallId>, StoreError> {
    let last = store.list::<QueueEntry>(&Filter::first(LOOKED_AT).of(queue)).await?;
    let entry = last.into_iter().find(|row| row.value.taken_on.as_deref() == Some(leg));
    Ok(entry.map(|row| row.value.call))
}

/// A caller whom somebody took waits again where they stood: nobody answered, or the carrier could not hand them over.
pub(crate) async fn give_back(store: &Part, call: &CallId) -> Result<Option<QueueEntry>, StoreError> {
    change(store, call, |known| {
        let known = known.filter(|known| known.status == QueueEntryStatus::Offered)?;
        Some(QueueEntry {
            status: QueueEntryStatus::Waiting,
            left_at: None,
            taken_by: None,
            awaits_carrier: false,
            ..known.clone()
        })
    })
    .await
}

/// A caller waits from now on. `failed` is what had failed before, as it stands in our addresses.
pub(crate) async fn enter(
    store: &Part,
    call: &Call,
    queue: &QueueId,
    failed: String,
) -> Result<(), StoreError> {
    let entry = QueueEntry {
        queue: queue.clone(),
        call: call.id.clone(),
        status: QueueEntryStatus::Waiting,
        left_at: None,
        taken_by: None,
        taken_on: None,
        failed,
        awaits_carrier: false,
    };
    change(store, &call.id, |known| match known {
        // The carrier asked again: the caller waits there already.
        Some(known) if known.queue == *queue && known.status == QueueEntryStatus::Waiting => None,
        Some(_) | None => Some(entry.clone()),
    })
    .await
    .map(drop)
}

/// The call is over: whoever still waited has left.
pub(crate) async fn hung_up(store: &Part, call: &CallId) -> Result<(), StoreError> {
    advance(store, call, QueueEntryStatus::Left).await.map(drop)
}

/// Moves a caller on, if that is a step forward, and gives the entry as it is then.
pub(crate) async fn advance(
    store: &Part,
    call: &CallId,
    to: QueueEntryStatus,
) -> Result<Option<QueueEntry>, StoreError> {
    change(store, call, |known| {
        let known = known?;
        let is_forward = match known.status {
            QueueEntryStatus::Waiting => to != QueueEntryStatus::Waiting,
            QueueEntryStatus::Offered => {
                matches!(to, QueueEntryStatus::Connected | QueueEntryStatus::Left)
            }
            QueueEntryStatus::Connected | QueueEntryStatus::Left => false,
        };
        is_forward.then(|| QueueEntry {
            status: to,
            left_at: known.left_at.or_else(|| Some(now_us())),
            ..known.clone()
        })
    })
    .await
}

/// Changes a call's entry, which nobody else changes in between, and gives it as it is then.
pub(crate) async fn change(
    store: &Part,
    call: &CallId,
    decide: impl Fn(Option<&QueueEntry>) -> Option<QueueEntry>,
) -> Result<Option<QueueEntry>, StoreError> {
    for _ in 0..ATTEMPTS {
        let known = store.find::<QueueEntry>(call.as_str()).await?;
        let Some(new) = decide(known.as_ref().map(|row| &row.value)) else {
            return Ok(known.map(|row| row.value));
        };
        let mut tx = store.begin(&Actor::system(CARRIER), now_us()).await?;
        let written = match known {
            Some(row) => match tx.update(&row.id, row.version, new).await {
                Ok(row) => Some(row.value),
                Err(StoreError::Stale { .. }) => continue,
                Err(cause) => return Err(cause),
            },
            None => tx.insert_new(QueueEntryId::generate(), new).await?.map(|row| row.value),
        };
        if let Some(entry) = written {
            tx.commit().await?;
            return Ok(Some(entry));
        }
    }
    Err(StoreError::Unavailable {
        doing: "moving a caller in a queue",
        source: "it was moved by others all the time".into(),
    })
}
