//! A mailbox's row: how far it was read, which is stored with the mail, and whether it can be read.

use crate::clock::now_us;
use mail::Position;
use store::{
    StoreError, Stored, TenantStore, TenantTx,
    ids::{AccountId, MailboxId},
    model::{
        audit::Actor,
        inbox::{Mailbox, MailboxStatus},
    },
};

/// Who writes in the store what a mailbox tells.
pub(super) const ACTOR: &str = "mailboxes";
/// The mail and the state of a mailbox can be written at the same moment.
const TRIES: usize = 8;

/// How far a mailbox was read.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    pub(super) account: AccountId,
    pub(super) position: Position,
}

/// Whether a mailbox can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) status: MailboxStatus,
    pub(super) error: Option<String>,
    pub(super) polled_at: Option<i64>,
}

impl Mark {
    /// Sets it in a unit of work; false if another has just made the row.
    pub(crate) async fn set(&self, tx: &mut (dyn TenantTx + 'static)) -> Result<bool, StoreError> {
        let Position { uid_validity, last_uid } = self.position;
        change(tx, &self.account, |row| Mailbox { uid_validity, last_uid, ..row }).await
    }

    /// Sets it by itself.
    pub(crate) async fn store(&self, store: &dyn TenantStore, actor: &Actor) -> Result<(), StoreError> {
        let Position { uid_validity, last_uid } = self.position;
        alone(store, actor, &self.account, |row| Mailbox { uid_validity, last_uid, ..row }).await
    }
}

impl Seen {
    pub(super) async fn store(&self, store: &dyn TenantStore, account: &AccountId) -> Result<(), StoreError> {
        alone(store, &Actor::system(ACTOR), account, |row| Mailbox {
            status: self.status,
            error: self.error.clone(),
            polled_at: self.polled_at.or(row.polled_at),
            ..row
        })
        .await
    }
}

async fn alone(
    store: &dyn TenantStore,
    actor: &Actor,
    account: &AccountId,
    changed: impl Fn(Mailbox) -> Mailbox,
) -> Result<(), StoreError> {
    for _ in 0..TRIES {
        let mut tx = store.begin(actor, now_us()).await?;
        let done = match change(&mut *tx, account, &changed).await {
            Ok(true) => tx.commit().await,
            Ok(false) => continue,
            Err(cause) => Err(cause),
        };
        match done {
            Err(StoreError::Stale { .. } | StoreError::Conflict { .. }) => {}
            done => return done,
        }
    }
    Err(StoreError::Unavailable {
        doing: "keeping how far a mailbox was read",
        source: "it was changed by others all the time".into(),
    })
}

/// Changes the row, or makes it; false if another has just made it.
async fn change(
    tx: &mut (dyn TenantTx + 'static),
    account: &AccountId,
    changed: impl Fn(Mailbox) -> Mailbox,
) -> Result<bool, StoreError> {
    match tx.find::<Mailbox>(account.as_str()).await? {
        Some(Stored { id, version, value, .. }) => {
            tx.update(&id, version, changed(value)).await?;
            Ok(true)
        }
        None => {
            let new = Mailbox {
                account: account.clone(),
                status: MailboxStatus::Connected,
                uid_validity: 0,
                last_uid: 0,
                polled_at: None,
                error: None,
            };
            Ok(tx.insert_new(MailboxId::generate(), changed(new)).await?.is_some())
        }
    }
}
