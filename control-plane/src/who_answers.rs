//! What a decision on a call needs of its tenant, and the decision.

use crate::settings::TenantSettings as Configured;
use jiff::Timestamp;
use routing::{Book, Decision, Failed, Inputs, hours::Hours};
use std::{collections::HashMap, error::Error};
use store::{
    Filter, StoreError, TenantStore,
    ids::{NumberId, QueueId},
    model::{
        assistant::Assistant,
        identity::{Membership, Role},
        number::{BusinessHours, Capabilities, Destination, Number, NumberStatus, Routing},
        queue::{Queue, QueueEntry, QueueEntryStatus},
        tenant::{Tenant, TenantSettings, TenantStatus},
    },
};
use tracing::warn;

/// A tenant's part of the store, which outlives a request.
pub(crate) type Part = dyn TenantStore;

/// Rows of a kind that are read.
const ROWS: u16 = 10_000;

/// One of a tenant's numbers, and what its calls can be led to.
pub(crate) struct WhoAnswers {
    pub(crate) status: TenantStatus,
    pub(crate) settings: TenantSettings,
    /// Its row; `None`: the configuration has it.
    pub(crate) id: Option<NumberId>,
    pub(crate) number: Number,
    pub(crate) book: Book,
}

impl WhoAnswers {
    /// What is known of the tenant's number `e164`; `None` if it is not the tenant's.
    pub(crate) async fn of_number(
        store: &Part,
        configured: &Configured,
        e164: &str,
    ) -> Result<Option<Self>, StoreError> {
        let stored = store.find::<Number>(e164).await?;
        let (id, number) = match stored {
            Some(row) => (Some(row.id), row.value),
            None if configured.numbers.iter().any(|number| number == e164) => (None, plain(e164)),
            None => match inactive(store, e164).await? {
                Some((id, number)) => (Some(id), number),
                None => return Ok(None),
            },
        };
        Self::of(store, Some(configured), id, number).await.map(Some)
    }

    /// What is known of the tenant's number, whose row is there.
    pub(crate) async fn of(
        store: &Part,
        configured: Option<&Configured>,
        id: Option<NumberId>,
        number: Number,
    ) -> Result<Self, StoreError> {
        let row = store.get::<Tenant>(store.id()).await?;
        let (status, settings) = row.map_or((TenantStatus::Active, TenantSettings::default()), |row| {
            (row.value.status, row.value.settings)
        });
        let book = book(store, configured, &settings).await?;
        Ok(Self { status, settings, id, number, book })
    }

    /// Decides who answers a call of `caller` that came in at `at` (unix µs), after what `failed`.
    pub(crate) fn decide(
        &self,
        caller: &str,
        at: i64,
        failed: &[Failed],
        waiting: &HashMap<QueueId, u32>,
    ) -> Decision {
        routing::decide(&Inputs {
            status: self.status,
            settings: &self.settings,
            number: &self.number,
            book: &self.book,
            waiting,
            caller,
            at: Timestamp::from_microsecond(at).unwrap_or(Timestamp::UNIX_EPOCH),
            failed,
        })
    }

    /// How many wait in the queues that the number leads to.
    pub(crate) async fn waiting(&self, store: &Part) -> Result<HashMap<QueueId, u32>, StoreError> {
        let mut waiting = HashMap::new();
        for destination in self.number.routing.during.iter().chain(&self.number.routing.after) {
            if let Destination::Queue { queue } = destination
                && !waiting.contains_key(queue)
            {
                waiting.insert(queue.clone(), callers_waiting(store, queue).await?);
            }
        }
        Ok(waiting)
    }
}

/// A number of the tenant's whose calls are not answered now. The carrier may still send them.
async fn inactive(store: &Part, e164: &str) -> Result<Option<(NumberId, Number)>, StoreError> {
    for status in [NumberStatus::Inactive, NumberStatus::Pending] {
        let rows = store.list::<Number>(&Filter::first(ROWS).with_status(status.as_str())).await?;
        if let Some(row) = rows.into_iter().find(|row| row.value.e164 == e164) {
            return Ok(Some((row.id, row.value)));
        }
    }
    Ok(None)
}

/// How many wait in a queue.
pub(crate) async fn callers_waiting(store: &Part, queue: &QueueId) -> Result<u32, StoreError> {
    let waiting = Filter::default().of(queue.as_str()).with_status(QueueEntryStatus::Waiting.as_str());
    Ok(u32::try_from(store.count::<QueueEntry>(&waiting).await?).unwrap_or(u32::MAX))
}

/// What the tenant has that can answer calls.
pub(crate) async fn book(
    store: &Part,
    configured: Option<&Configured>,
    settings: &TenantSettings,
) -> Result<Book, StoreError> {
    let all = Filter::first(ROWS);
    let numbers =
        store.list::<Number>(&Filter::first(ROWS).with_status(NumberStatus::Active.as_str())).await?;
    let mut hours = HashMap::new();
    for row in store.list::<BusinessHours>(&all).await? {
        match Hours::read(&row.value, &settings.time_zone) {
            Ok(read) => {
                hours.insert(row.id, read);
            }
            Err(faults) => {
                let fault = faults.first().map(|fault| fault as &dyn Error);
                warn!(tenant = %store.id(), hours = %row.id, error = fault, "stored hours cannot be read: they count as open");
            }
        }
    }
    let members = store.list::<Membership>(&all).await?;
    let own_numbers = configured.map(|configured| configured.numbers.clone()).unwrap_or_default();
    Ok(Book {
        numbers: numbers.into_iter().map(|row| row.value.e164).chain(own_numbers).collect(),
        assistants: store.list::<Assistant>(&all).await?.into_iter().map(|row| row.id).collect(),
        own_assistant: configured.is_some(),
        users: members
            .into_iter()
            .filter(|row| row.value.role <= Role::Operator)
            .map(|row| row.value.user)
            .collect(),
        queues: store.list::<Queue>(&all).await?.into_iter().map(|row| (row.id, row.value)).collect(),
        hours,
    })
}

/// A number of the configuration: the tenant's own assistant answers it at all times.
fn plain(e164: &str) -> Number {
    Number {
        e164: e164.to_owned(),
        carrier_sid: None,
        account: None,
        name: String::new(),
        status: NumberStatus::Active,
        primary: false,
        capabilities: Capabilities { voice: true, ..Capabilities::default() },
        greeting: None,
        voice: None,
        flow: None,
        routing: Routing::default(),
    }
}
