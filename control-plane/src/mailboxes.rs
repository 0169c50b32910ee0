//! Tenants' mailboxes: each active account of kind `imap` is read by one node, which holds it by a lease. A node that is killed loses its
//! leases, and another reads on from where the last mail was kept.
//!
//! - `keep` takes a mail in: a message in its conversation, a bounce for the message that came back.
//! - `files` keeps what was attached.
//! - Whether a mailbox can be read stands in its [`Mailbox`] row. When somebody must connect it again the providers' health is looked at
//!   at once, which tells those who must act.

pub(crate) mod files;
mod keep;
mod mark;

pub(crate) use mark::Mark;

use crate::{
    clock::now_us,
    directory::Account,
    mail_servers::{AccountFault, IMAP, MailServers, Said, secrets_of},
    shared::Shared,
};
use engine::provider::{AbortOnDrop, Secret};
use keep::Keeper;
use mail::{Poller, PollerState, SetupError};
use mark::Seen;
use std::{collections::BTreeMap, error::Error, sync::Arc, time::Duration};
use store::{
    StoreError,
    ids::AccountId,
    model::{
        inbox::{Mailbox, MailboxStatus},
        tenant::TenantStatus,
        work::{Claim, WorkKind},
    },
};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};
use tracing::{error, warn};

/// Mailboxes that a node takes at once: others take some too.
const TAKEN: usize = 16;

/// How mailboxes are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailboxOptions {
    /// How long a mailbox is held at first and with every prolongation. Default 60 s: what a crash costs at most.
    pub lease: Duration,
    /// How often it is looked whether there are mailboxes that nobody holds, and whether an account was changed. Default 5 s.
    pub look: Duration,
    /// Mailboxes of this node at the same time. Default 500: each is one connection.
    pub most: usize,
    /// When an account that cannot be used is looked at again. Default 60 s.
    pub retry: Duration,
    /// When it is looked again whether a tenant that is suspended is served. Default 5 min.
    pub not_served: Duration,
}

impl Default for MailboxOptions {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(60),
            look: Duration::from_secs(5),
            most: 500,
            retry: Duration::from_secs(60),
            not_served: Duration::from_mins(5),
        }
    }
}

/// Reads mailboxes for ever.
pub(crate) fn start(shared: &Arc<Shared>) -> AbortOnDrop {
    let shared = Arc::clone(shared);
    AbortOnDrop(tokio::spawn(async move {
        let options = shared.limits.mailboxes;
        let mut held = JoinSet::new();
        loop {
            while held.try_join_next().is_some() {}
            let free = options.most.saturating_sub(held.len()).min(TAKEN);
            let limit = u16::try_from(free).unwrap_or(u16::MAX);
            let now = now_us();
            let claimed = match limit {
                0 => Ok(Vec::new()),
                _ => {
                    let until = now.saturating_add(micros(options.lease));
                    shared.whole_store().claim_work(WorkKind::Mailbox, now, until, limit).await
                }
            };
            match claimed {
                Ok(claims) => {
                    for claim in claims {
                        held.spawn(hold(Arc::clone(&shared), claim));
                    }
                }
                Err(cause) => warn!(error = &cause as &dyn Error, "mailboxes cannot be claimed"),
            }
            sleep(options.look).await;
        }
    }))
}

/// Why a mailbox is let go.
enum Left {
    /// There is no such mailbox to be read any more.
    Gone,
    /// Its tenant is not served now, and may be again: nobody else would have it read then.
    NotServed,
    /// Its account is another now.
    Changed,
    /// Another node has it.
    Lost,
    /// It cannot be used as it is.
    Unusable,
}

async fn hold(shared: Arc<Shared>, claim: Claim) {
    let options = shared.limits.mailboxes;
    let part = shared.store_of(&claim.tenant);
    let later = |wait| now_us().saturating_add(micros(wait));
    let done = match read(&shared, &claim).await {
        Ok(Left::Gone) => part.finish_work(&claim).await,
        Ok(Left::NotServed) => part.retry_work(&claim, later(options.not_served)).await,
        Ok(Left::Changed) => part.retry_work(&claim, now_us()).await,
        Ok(Left::Lost) => Ok(true),
        Ok(Left::Unusable) => part.retry_work(&claim, later(options.retry)).await,
        Err(cause) => {
            error!(tenant = %claim.tenant, mailbox = claim.object, error = &cause as &dyn Error, "a mailbox is let go");
            part.retry_work(&claim, later(options.retry)).await
        }
    };
    if let Err(cause) = done {
        warn!(tenant = %claim.tenant, mailbox = claim.object, error = &cause as &dyn Error, "a mailbox is held until its lease ends");
    }
}

/// What an account says, to see whether it is still the same.
#[derive(PartialEq)]
struct Known {
    properties: BTreeMap<String, String>,
    secrets: BTreeMap<String, Secret>,
}

impl Known {
    fn of(account: &Account) -> Self {
        Self { properties: account.properties.clone(), secrets: secrets_of(account) }
    }

    fn setup(
        &self,
        servers: &MailServers,
        label: &str,
    ) -> Result<crate::mail_servers::Fetching, AccountFault> {
        let said = Said { properties: &self.properties, secrets: &self.secrets };
        servers.fetching(said, label.to_owned())
    }
}

/// The account, if it is to be read; otherwise why not.
async fn account(shared: &Shared, claim: &Claim) -> Result<Result<Known, Left>, StoreError> {
    let view = shared.directory.tenant(&claim.tenant).await.map_err(StoreError::from)?;
    let Some(view) = view else { return Ok(Err(Left::Gone)) };
    let of_it = |account: &&Account| {
        account.id.as_ref().is_some_and(|id| id.as_str() == claim.object)
            && account.kind == IMAP
            && account.is_active()
    };
    Ok(match (view.accounts.iter().find(of_it), view.tenant.status) {
        (None, _) | (_, TenantStatus::Closed) => Err(Left::Gone),
        (Some(account), TenantStatus::Active) => Ok(Known::of(account)),
        (Some(_), TenantStatus::Provisioning | TenantStatus::Suspended) => Err(Left::NotServed),
    })
}

/// Reads a mailbox until something changes.
async fn read(shared: &Arc<Shared>, claim: &Claim) -> Result<Left, StoreError> {
    let options = shared.limits.mailboxes;
    let known = match account(shared, claim).await? {
        Ok(known) => known,
        Err(left) => return Ok(left),
    };
    let id = AccountId::known(claim.object.as_str());
    let unusable = async |why: String| {
        let seen = Seen { status: MailboxStatus::ReconnectNeeded, error: Some(why), polled_at: None };
        tell(shared, claim, &id, &seen, true).await
    };
    let fetching = match known.setup(&shared.messengers.mail, &claim.object) {
        Ok(fetching) => fetching,
        Err(fault) => {
            unusable(fault.to_string()).await?;
            return Ok(Left::Unusable);
        }
    };
    let keeper = Keeper::new(shared, claim.tenant.clone(), id.clone(), fetching.address);
    let poller: Result<Poller, SetupError> =
        Poller::start(fetching.account, Arc::new(keeper), shared.messengers.mail.fetch_options());
    let poller = match poller {
        Ok(poller) => poller,
        Err(fault) => {
            unusable(fault.to_string()).await?;
            return Ok(Left::Unusable);
        }
    };
    let left = watch(shared, claim, &known, &poller, &id, options).await;
    poller.stop().await;
    left
}

async fn watch(
    shared: &Shared,
    claim: &Claim,
    known: &Known,
    poller: &Poller,
    id: &AccountId,
    options: MailboxOptions,
) -> Result<Left, StoreError> {
    let part = shared.store_of(&claim.tenant);
    let mut state = poller.state();
    let mut told: Option<Seen> = None;
    let mut look = interval(options.look.min(options.lease / 3));
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            changed = state.changed() => {
                if changed.is_err() {
                    return Ok(Left::Changed);
                }
                let Some(seen) = seen(&state.borrow_and_update()) else { continue };
                if told.as_ref() != Some(&seen) {
                    let turned = told.as_ref().map(|told| told.status) != Some(seen.status);
                    tell(shared, claim, id, &seen, turned).await?;
                    told = Some(seen);
                }
            }
            _ = look.tick() => {
                let until = now_us().saturating_add(micros(options.lease));
                if !part.extend_work(claim, until).await? {
                    return Ok(Left::Lost);
                }
                match account(shared, claim).await? {
                    Err(left) => return Ok(left),
                    Ok(now) if now != *known => return Ok(Left::Changed),
                    Ok(_) => {}
                }
            }
        }
    }
}

/// What a mailbox's row says of a state; `None`: nothing is known yet.
fn seen(state: &PollerState) -> Option<Seen> {
    let polled_at = state.last_poll.map(|poll| poll.at);
    match &state.trouble {
        None if polled_at.is_none() => None,
        None => Some(Seen { status: MailboxStatus::Connected, error: None, polled_at }),
        Some(trouble) => {
            let status =
                if trouble.needs_owner() { MailboxStatus::ReconnectNeeded } else { MailboxStatus::Failing };
            Some(Seen { status, error: Some(trouble.to_string()), polled_at })
        }
    }
}

/// Stores how a mailbox is; those who must act are told when it `turned` to that.
async fn tell(
    shared: &Shared,
    claim: &Claim,
    id: &AccountId,
    seen: &Seen,
    turned: bool,
) -> Result<(), StoreError> {
    let part = shared.store_of(&claim.tenant);
    let before = part.find::<Mailbox>(id.as_str()).await?.map(|row| row.value.status);
    seen.store(&*part, id).await?;
    let needs = turned && seen.status == MailboxStatus::ReconnectNeeded && before != Some(seen.status);
    if needs && let Err(cause) = shared.monitor.check(&claim.tenant, true).await {
        warn!(tenant = %claim.tenant, error = &cause as &dyn Error, "the mailbox's health could not be looked at");
    }
    Ok(())
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
