//! Takes the words, addresses and files of messages. What counts of each stays: channel, direction, what became of it, when, and what it
//! cost.

use super::person::Part;
use crate::{files::UPLOADS, shared::Shared};
use objects::Key;
use std::error::Error;
use store::{
    Filter, StoreError, Stored, TenantId, TenantTx,
    ids::ConversationId,
    model::{
        message::{Conversation, Message, MessageStatus},
        outgoing::Attempt,
    },
};

/// Tries of a message that are read at once; a chain has some.
const ATTEMPTS: u16 = 200;

/// Deletes the files that came in with the messages; how many. Again is the same. What the tenant put here for messages may be other
/// messages' too, and stays.
pub(crate) async fn delete_files(
    shared: &Shared,
    tenant: &TenantId,
    rows: &[Stored<Message>],
) -> Result<u64, StoreError> {
    let mut deleted = 0;
    for media in rows.iter().flat_map(|row| &row.value.media) {
        let Some(key) = own_file(shared, tenant, &media.url).filter(|key| !is_upload(key)) else { continue };
        shared.objects.delete(&key).await.map_err(not_deleted)?;
        deleted += 1;
    }
    Ok(deleted)
}

/// Files that the tenant put here for the messages.
pub(super) fn uploads(shared: &Shared, tenant: &TenantId, rows: &[Stored<Message>]) -> Vec<String> {
    let media = rows.iter().flat_map(|row| &row.value.media);
    let keys = media.filter_map(|media| own_file(shared, tenant, &media.url));
    keys.filter(is_upload).map(|key| key.as_str().to_owned()).collect()
}

fn is_upload(key: &Key) -> bool {
    key.as_str().starts_with(UPLOADS)
}

pub(super) fn not_deleted(cause: impl Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unavailable { doing: "deleting a file", source: Box::new(cause) }
}

/// Where a file of the tenant's is whose address this program made: whoever writes a message may name any address as its file's.
pub(super) fn own_file(shared: &Shared, tenant: &TenantId, url: &str) -> Option<Key> {
    let key = shared.files.key(url)?;
    (key.as_str().split('/').nth(1) == Some(tenant.as_str())).then_some(key)
}

/// Leaves of a message only what counts, and nothing of its tries.
pub(crate) async fn blank(tx: &mut (dyn TenantTx + 'static), row: Stored<Message>) -> Result<(), StoreError> {
    loop {
        let filter = Filter::first(ATTEMPTS).of(row.id.as_str());
        let attempts = tx.documents(store::Table::Attempts, &filter).await?;
        if attempts.is_empty() {
            break;
        }
        for attempt in attempts {
            let attempt = Stored::<Attempt>::read(attempt)?;
            tx.delete::<Attempt>(&attempt.id, attempt.version).await?;
        }
    }
    let Stored { id, version, value, .. } = row;
    let status = match value.status {
        // Nobody sends it any more.
        MessageStatus::Scheduled | MessageStatus::Queued | MessageStatus::Held | MessageStatus::Sending => {
            MessageStatus::Canceled
        }
        other => other,
    };
    let left = Message {
        conversation: None,
        from_number: String::new(),
        to_number: String::new(),
        address: None,
        subject: None,
        content: String::new(),
        media: Vec::new(),
        status,
        provider_id: None,
        error: None,
        call: None,
        analysis: None,
        dispatch: None,
        erased: true,
        ..value
    };
    tx.update(&id, version, left).await?;
    Ok(())
}

/// Deletes a conversation in which nothing is any more; whether it did.
pub(crate) async fn delete_if_empty(
    part: &Part,
    tx: &mut (dyn TenantTx + 'static),
    id: &ConversationId,
) -> Result<bool, StoreError> {
    if !tx.documents(store::Table::Communications, &Filter::first(1).of(id.as_str())).await?.is_empty() {
        return Ok(false);
    }
    let Some(row) = part.get::<Conversation>(id).await? else { return Ok(false) };
    tx.delete::<Conversation>(id, row.version).await?;
    Ok(true)
}
