//! What a decision on a call needs of its tenant, and the decision.

use crate::directory::TenantView;
use jiff::Timestamp;
use routing::{Book, Decision, Failed, Inputs};
use std::{collections::HashMap, sync::Arc};
use store::{
    Filter, StoreError, TenantStore,
    ids::QueueId,
    model::{
        number::{Destination, Number, NumberStatus},
        queue::{QueueEntry, QueueEntryStatus},
        tenant::TenantSettings,
    },
};

/// A tenant's part of the store, which outlives a request.
pub(crate) type Part = dyn TenantStore;

/// Numbers that are looked through for one that is not active.
const NUMBERS: u16 = 10_000;

/// One of a tenant's numbers, and what its calls can be led to.
pub(crate) struct WhoAnswers {
    tenant: Arc<TenantView>,
    pub(crate) number: Number,
}

impl WhoAnswers {
    /// The tenant's number, whose row is there.
    pub(crate) fn of(tenant: &Arc<TenantView>, number: Number) -> Self {
        Self { tenant: Arc::clone(tenant), number }
    }

    /// The tenant's number `e164`; `None` if it is not the tenant's. Calls to numbers that are not active may still come.
    pub(crate) async fn of_number(
        tenant: &Arc<TenantView>,
        store: &Part,
        e164: &str,
    ) -> Result<Option<Self>, StoreError> {
        if let Some(active) = tenant.number(e164) {
            return Ok(Some(Self::of(tenant, active.number.clone())));
        }
        for status in [NumberStatus::Inactive, NumberStatus::Pending] {
            let rows = store.list::<Number>(&Filter::first(NUMBERS).with_status(status.as_str())).await?;
            if let Some(row) = rows.into_iter().find(|row| row.value.e164 == e164) {
                return Ok(Some(Self::of(tenant, row.value)));
            }
        }
        Ok(None)
    }

    /// How the tenant wants to be served.
    pub(crate) fn settings(&self) -> &TenantSettings {
        &self.tenant.tenant.settings
    }

    /// What the tenant has.
    pub(crate) fn book(&self) -> &Book {
        &self.tenant.book
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
            status: self.tenant.tenant.status,
            settings: self.settings(),
            number: &self.number,
            book: self.book(),
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

/// How many wait in a queue.
async fn callers_waiting(store: &Part, queue: &QueueId) -> Result<u32, StoreError> {
    let waiting = Filter::default().of(queue.as_str()).with_status(QueueEntryStatus::Waiting.as_str());
    Ok(u32::try_from(store.count::<QueueEntry>(&waiting).await?).unwrap_or(u32::MAX))
}
