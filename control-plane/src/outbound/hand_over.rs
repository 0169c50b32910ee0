//! A caller whom somebody took out of a queue is led out of it: the carrier is told to ask what to do with the call. That can be done
//! again, so whoever is killed in between, or hears no answer, only does it again until the carrier has asked.

use super::worker::{CallError, CallWorker};
use crate::{clock::now_us, waiting, webhooks::queue::TAKEN, work::micros};
use serde_json::json;
use std::time::Duration;
use store::{
    Call, CallId, Event, Record, StoreError, TenantStore,
    model::{
        queue::{QueueEntry, QueueEntryStatus},
        work::Claim,
    },
};
use tracing::{info, warn};
use twilio_rest::{CallUpdate, Method, TwilioError};

/// The carrier asks at once; so long after it was told, it has lost the request.
const ASKS_WITHIN: Duration = Duration::from_secs(5);
/// So often the carrier is told before the caller waits again.
const ATTEMPTS: i64 = 5;
/// The call is not in a state for it: it is over.
const NOT_IN_PROGRESS: u32 = 21220;

type Part = dyn TenantStore;

impl CallWorker {
    /// Leads the caller out, if somebody took them and the carrier has not asked yet; false if there is nothing to do.
    pub(super) async fn hand_over(
        &self,
        store: &Part,
        claim: &Claim,
        call: &Call,
    ) -> Result<bool, CallError> {
        let Some(entry) = taken(store, &call.id).await? else { return Ok(false) };
        if claim.attempts > ATTEMPTS {
            warn!(call = %call.id, "a caller who was taken out of a queue waits again: the carrier does not ask");
            return self.keep_waiting(store, claim, call).await;
        }
        let user = entry.taken_by.as_ref().map_or("", |user| user.as_str());
        let (account, sid) = match self.at_carrier(store, call).await {
            Ok(found) => found,
            Err(CallError::Carrier(TwilioError::Invalid { .. })) => {
                return self.keep_waiting(store, claim, call).await;
            }
            Err(cause) => return Err(cause),
        };
        let update = CallUpdate {
            url: Some(format!("{}{TAKEN}", self.own_address)),
            method: Some(Method::Post),
            ..CallUpdate::default()
        };
        match account.update_call(&sid, &update).await {
            Ok(_) => info!(call = %call.id, user, "a caller is led out of a queue"),
            Err(cause) if cause.is_gone() || cause.code() == Some(NOT_IN_PROGRESS) => {
                info!(call = %call.id, "a caller who was taken out of a queue has hung up");
                waiting::hung_up(store, &call.id).await?;
                let data = json!({ "result": "hangup" }).to_string();
                let event = Event { at: now_us(), kind: "queue_ended".to_owned(), data };
                store.append(&[Record::Event { call: call.id.clone(), event }]).await?;
            }
            Err(cause) => return Err(cause.into()),
        }
        // If the carrier does not ask, it is told again.
        store.retry_work(claim, now_us().saturating_add(micros(ASKS_WITHIN))).await?;
        Ok(true)
    }

    async fn keep_waiting(&self, store: &Part, claim: &Claim, call: &Call) -> Result<bool, CallError> {
        waiting::give_back(store, &call.id).await?;
        store.finish_work(claim).await?;
        Ok(true)
    }
}

/// The caller's entry, while somebody has taken them and the carrier has not asked yet.
async fn taken(store: &Part, call: &CallId) -> Result<Option<QueueEntry>, StoreError> {
    let entry = store.find::<QueueEntry>(call.as_str()).await?.map(|row| row.value);
    Ok(entry.filter(|entry| entry.status == QueueEntryStatus::Offered && entry.awaits_carrier))
}
