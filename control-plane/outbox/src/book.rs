//! How the accounts of all tenants' channels fare, as this node knows it. What changes an account's standing is stored at once and
//! told, as an event and to the tenant's administrators; what only adds to a latency stays in memory until then.

use crate::{
    accept::{AcceptError, NewMessage, accept},
    channels::{Alert, Channels},
    convert::channel_to,
};
use deliveries::{Event, EventType, announce, payload::HealthTold};
use messaging::{
    Channel, FailureClass,
    dispatch::{AccountFact, Admission},
    health::{Change, Health, Standing},
};
use parking_lot::Mutex;
use std::{collections::HashMap, error::Error, time::Duration};
use store::{
    StoreError, Stored, TenantId, TenantStore,
    ids::ChannelHealthId,
    model::{audit::Actor, outgoing::ChannelHealth},
};
use tracing::error;

/// What another node has learned counts after so long, in µs.
const KNOWN_FOR_US: i64 = 5_000_000;
/// Two who store how an account fares at once are already unusual.
const TRIES: usize = 8;
/// Accounts that are remembered; those that are well go first.
const ACCOUNTS_MAX: usize = 50_000;

/// How accounts fare.
#[derive(Debug, Default)]
pub struct Book {
    accounts: Mutex<HashMap<(TenantId, String), Known>>,
}

#[derive(Debug)]
struct Known {
    health: Health,
    /// When the stored state was read, unix µs.
    read_at: i64,
}

/// How an account fares, for those who look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faring {
    /// How it stands.
    pub standing: Standing,
    /// Failures in a row.
    pub failures: u32,
    /// The class of the last one.
    pub class: Option<FailureClass>,
    /// Since when it stands so, unix µs.
    pub since: Option<i64>,
    /// When one message may try it again, unix µs.
    pub next_trial: Option<i64>,
}

/// What a message showed of an account.
#[derive(Clone, Debug)]
pub(crate) struct Fact {
    pub(crate) channel: Channel,
    pub(crate) account: String,
    pub(crate) trial: bool,
    pub(crate) fact: AccountFact,
    /// The country of the person's number, or nothing.
    pub(crate) country: String,
}

impl Book {
    /// Reads how accounts fare, unless that is known.
    ///
    /// # Errors
    /// When the database does not serve.
    pub async fn read(
        &self,
        part: &dyn TenantStore,
        accounts: impl IntoIterator<Item = String>,
        now: i64,
    ) -> Result<(), StoreError> {
        for account in accounts {
            let key = (part.id().clone(), account);
            let known = self.accounts.lock().get(&key).map(|known| known.read_at);
            if known.is_some_and(|at| now < at + KNOWN_FOR_US) {
                continue;
            }
            let stored = part.find::<ChannelHealth>(&key.1).await?;
            let state = stored.and_then(|row| serde_json::from_value::<Health>(row.value.state).ok());
            let mut accounts = self.accounts.lock();
            if accounts.len() >= ACCOUNTS_MAX {
                accounts.retain(|_, known| known.health.standing(now) != Standing::Healthy);
            }
            match (accounts.get_mut(&key), state) {
                // Another node knows of failures that this one has not seen, or of their end.
                (Some(known), Some(state)) if known.health.failures() != state.failures() => {
                    *known = Known { health: state, read_at: now };
                }
                (Some(known), _) => known.read_at = now,
                (None, state) => {
                    accounts.insert(key, Known { health: state.unwrap_or_default(), read_at: now });
                }
            }
        }
        Ok(())
    }

    /// Whether an account can be used, and whether it is slow to a country.
    #[must_use]
    pub fn admission(&self, tenant: &TenantId, account: &str, country: &str, now: i64) -> (Admission, bool) {
        let accounts = self.accounts.lock();
        match accounts.get(&(tenant.clone(), account.to_owned())) {
            None => (Admission::Admitted, false),
            Some(known) => (known.health.admission(now), known.health.is_slow(now, country)),
        }
    }

    /// How an account stands.
    #[must_use]
    pub fn standing(&self, tenant: &TenantId, account: &str, now: i64) -> Standing {
        let accounts = self.accounts.lock();
        accounts
            .get(&(tenant.clone(), account.to_owned()))
            .map_or(Standing::Healthy, |known| known.health.standing(now))
    }

    /// How an account fares.
    #[must_use]
    pub fn faring(&self, tenant: &TenantId, account: &str, now: i64) -> Faring {
        let accounts = self.accounts.lock();
        let known = accounts.get(&(tenant.clone(), account.to_owned()));
        let health = known.map(|known| &known.health);
        Faring {
            standing: health.map_or(Standing::Healthy, |health| health.standing(now)),
            failures: health.map_or(0, Health::failures),
            class: health.and_then(Health::class),
            since: health.and_then(Health::since),
            next_trial: health.and_then(Health::next_trial),
        }
    }

    /// Claims an account's trial; `false`: another message makes it.
    #[must_use]
    pub(crate) fn begin_trial(&self, tenant: &TenantId, account: &str, now: i64) -> bool {
        let mut accounts = self.accounts.lock();
        accounts
            .get_mut(&(tenant.clone(), account.to_owned()))
            .is_some_and(|known| known.health.begin_trial(now))
    }

    /// Somebody says that an account works again.
    ///
    /// # Errors
    /// When the database does not serve.
    pub async fn reset(
        &self,
        part: &dyn TenantStore,
        channel: Channel,
        account: &str,
        now: i64,
    ) -> Result<(), StoreError> {
        self.read(part, [account.to_owned()], now).await?;
        let changes = self.with(part.id(), account, |health| health.reset(now));
        self.keep(part, (channel, account), &changes, Vec::new(), now).await
    }

    /// Takes in what messages showed; whether somebody is written of it.
    pub(crate) async fn learn(
        &self,
        part: &(dyn TenantStore + 'static),
        channels: &dyn Channels,
        facts: Vec<Fact>,
        now: i64,
    ) -> Result<bool, StoreError> {
        let mut is_written = false;
        for Fact { channel, account, trial, fact, country } in facts {
            let (before, changes, after) = self.with(part.id(), &account, |health| {
                let before = (health.failures(), health.standing(now));
                match &fact {
                    // Somebody must pick up and listen: that says nothing of how fast messages are.
                    _ if channel == Channel::Voice => {}
                    AccountFact::Succeeded => health.taken(now, &country),
                    AccountFact::Delivered { after_us } => {
                        let after = Duration::from_micros(u64::try_from(*after_us).unwrap_or(0));
                        health.delivered(now, &country, after);
                    }
                    AccountFact::Failed { .. } | AccountFact::Answered => {}
                }
                let changes = health.learn(now, &fact, trial);
                (before, changes, (health.failures(), health.standing(now)))
            });
            if before != after || !changes.is_empty() {
                let mut letters = Vec::new();
                for change in &changes {
                    if let Some(alert) = alert(channel, &account, change) {
                        letters.extend(channels.alert(part, alert).await?);
                    }
                }
                is_written |= !letters.is_empty();
                let mut tries = 1..TRIES;
                loop {
                    match self.keep(part, (channel, &account), &changes, letters.clone(), now).await {
                        // Another message has just stored what it learned: what this one has to tell is told all the same.
                        Err(StoreError::Stale { .. } | StoreError::Conflict { .. })
                            if tries.next().is_some() => {}
                        done => break done?,
                    }
                }
            }
        }
        Ok(is_written)
    }

    fn with<R>(&self, tenant: &TenantId, account: &str, work: impl FnOnce(&mut Health) -> R) -> R {
        let mut accounts = self.accounts.lock();
        let known = accounts
            .entry((tenant.clone(), account.to_owned()))
            .or_insert(Known { health: Health::default(), read_at: 0 });
        work(&mut known.health)
    }

    /// Stores how an account fares, and tells what changed.
    async fn keep(
        &self,
        part: &dyn TenantStore,
        (channel, account): (Channel, &str),
        changes: &[Change],
        letters: Vec<NewMessage>,
        now: i64,
    ) -> Result<(), StoreError> {
        let (state, standing) = self.with(part.id(), account, |health| {
            (serde_json::to_value(&*health).unwrap_or_default(), health.standing(now))
        });
        let mut tx = part.begin(&Actor::system("outbox"), now).await?;
        let row = tx.find::<ChannelHealth>(account).await?;
        let value = ChannelHealth {
            channel: channel_to(channel),
            account: account.to_owned(),
            status: standing.as_str().to_owned(),
            state,
            alerted_at: row.as_ref().and_then(|row| row.value.alerted_at),
        };
        match row {
            Some(Stored { id, version, .. }) => drop(tx.update(&id, version, value).await?),
            None => {
                let new = tx.insert_new(ChannelHealthId::generate(), value).await?;
                new.map(drop).ok_or(StoreError::Stale { what: "channel health" })?;
            }
        }
        for change in changes {
            if let Some(event) = told(part.id(), channel, account, change, now) {
                announce(&mut *tx, event).await?;
            }
        }
        for letter in letters {
            match accept(&mut *tx, letter).await {
                Ok(_) => {}
                Err(AcceptError::Store(cause)) => return Err(cause),
                Err(cause @ AcceptError::NoText(_)) => {
                    error!(tenant = %part.id(), error = &cause as &dyn Error, "administrators are not written to");
                }
            }
        }
        tx.commit().await
    }
}

/// What administrators are written of, if it is that.
fn alert<'a>(channel: Channel, account: &'a str, change: &Change) -> Option<Alert<'a>> {
    match *change {
        Change::Alert { standing, failures, class } => {
            Some(Alert { channel, account, standing, failures, class })
        }
        Change::Standing { .. } => None,
    }
}

/// The event of a change: that an account fares worse is told when its administrators are to be alerted, that it is well again always.
fn told(tenant: &TenantId, channel: Channel, account: &str, change: &Change, now: i64) -> Option<Event> {
    let (kind, standing, before, message) = match change {
        Change::Standing { from, to: Standing::Healthy } => (
            EventType::HealthRecovered,
            Standing::Healthy,
            Some(from.as_str().to_owned()),
            format!("{channel} works again"),
        ),
        Change::Standing { .. } => return None,
        Change::Alert { standing, failures, class } => {
            let kind =
                if *standing == Standing::Down { EventType::HealthDown } else { EventType::HealthDegraded };
            let why = class.map_or("messages take long to arrive".to_owned(), |class| {
                format!("{failures} failures in a row, the last: {class}")
            });
            (kind, *standing, None, format!("{channel}: {why}"))
        }
    };
    let data = HealthTold {
        tenant_id: tenant.to_string(),
        provider: channel.as_str().to_owned(),
        subject: account.to_owned(),
        status: standing.as_str().to_owned(),
        before,
        message,
        critical: standing == Standing::Down,
        checked_at: deliveries::event::time(now),
    };
    Some(Event::new(kind, now, &data))
}
