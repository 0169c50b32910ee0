//! What a decision on a call needs of its tenant, and the decision.

use crate::directory::{StoredNumber, TenantView};
use jiff::Timestamp;
use routing::{Book, Decision, Failed, Inputs, Step};
use std::{collections::HashMap, sync::Arc};
use store::{
    Filter, StoreError, TenantStore,
    ids::QueueId,
    model::{
        number::Destination,
        queue::{QueueEntry, QueueEntryStatus},
        tenant::TenantSettings,
    },
};

/// A tenant's part of the store, which outlives a request.
pub(crate) type Part = dyn TenantStore;

/// One of a tenant's numbers, and what its calls can be led to.
pub(crate) struct WhoAnswers {
    tenant: Arc<TenantView>,
    pub(crate) number: Arc<StoredNumber>,
}

impl WhoAnswers {
    /// What is known of the tenant's number `e164`; `None` if it is not the tenant's.
    pub(crate) fn of_number(tenant: &Arc<TenantView>, e164: &str) -> Option<Self> {
        Some(Self::of(tenant, Arc::clone(tenant.numbers.get(e164)?)))
    }

    /// What is known of one of the tenant's numbers.
    pub(crate) fn of(tenant: &Arc<TenantView>, number: Arc<StoredNumber>) -> Self {
        Self { tenant: Arc::clone(tenant), number }
    }

    pub(crate) fn settings(&self) -> &TenantSettings {
        &self.tenant.tenant.settings
    }

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
            number: &self.number.number,
            book: self.book(),
            waiting,
            caller,
            at: Timestamp::from_microsecond(at).unwrap_or(Timestamp::UNIX_EPOCH),
            failed,
        })
    }

    /// The id of the assistant that a call of `caller` begins with now, if it does: what the call is stored with.
    pub(crate) fn first_assistant(&self, caller: &str, at: i64) -> &str {
        match self.decide(caller, at, &[], &HashMap::new()).now.step {
            Step::Assistant { assistant: Some(id) } => self.tenant.assistant_id(id.as_str()),
            Step::Assistant { assistant: None }
            | Step::Queue { .. }
            | Step::Ring { .. }
            | Step::Forward { .. }
            | Step::Voicemail { .. }
            | Step::Message { .. }
            | Step::Reject { .. } => self.tenant.default_assistant_id(),
        }
    }

    /// How many wait in the queues that the number leads to.
    pub(crate) async fn waiting(&self, store: &Part) -> Result<HashMap<QueueId, u32>, StoreError> {
        let mut waiting = HashMap::new();
        let routing = self.book().routing(&self.number.number);
        for destination in routing.during.iter().chain(&routing.after) {
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
pub(crate) async fn callers_waiting(store: &Part, queue: &QueueId) -> Result<u32, StoreError> {
    let waiting = Filter::default().of(queue.as_str()).with_status(QueueEntryStatus::Waiting.as_str());
    Ok(u32::try_from(store.count::<QueueEntry>(&waiting).await?).unwrap_or(u32::MAX))
}
