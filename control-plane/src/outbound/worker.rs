//! Places calls, deals with machines that answer, and has what a call cost noted when it is over.

use super::plan::{self, OnVoicemail, Plan, Step};
use crate::{
    carriers::Carriers,
    clock::now_us,
    costs::{self, CostError},
    sending::hours,
    vapi::place::{Placer, VapiError, VapiPlan},
    work::{WorkOptions, Worker, micros},
};
use jiff::Timestamp;
use messaging::dispatch::Quiet;
use quick_xml::escape::escape;
use std::{collections::HashSet, sync::Arc, time::Duration};
use store::{
    Call, CallFacts, CallId, CallMove, CallStatus, Event, Record, Store, StoreError, TenantStore, TenantTx,
    model::{
        audit::Actor,
        tenant::{Tenant, TenantStatus},
        work::{Claim, WorkKind},
    },
};
use tracing::{info, warn};
use twilio_rest::{
    Account, CallSid, CallUpdate, DetectionMode, MachineDetection, Method, NewCall, RetryClass, TwilioError,
    reconcile::{CallEvidence, CallWitness, Verdict, create_call_once, find_call},
};

/// What the worker does stands under this name in the audit log and in the call's events.
const ACTOR: &str = "calls";
/// The carrier's voice for a message where the tenant names none.
const VOICE: &str = "Polly.Amy";
/// How long after the end of a call the carrier is asked again for its price, in s: it knows after minutes to hours.
const PRICE_AFTER_S: [i64; 4] = [10 * 60, 3_600, 6 * 3_600, 24 * 3_600];

/// How long after a request was given up Vapi's list shows what came of it, in µs.
const VAPI_SETTLE: i64 = 15 * 1_000_000;

/// A tenant's part of the store.
type Part = dyn TenantStore;

/// Where the carrier asks and tells, below our own address.
pub(crate) const ANSWERED: &str = "/api/voice/incoming";
pub(crate) const STATUS: &str = "/api/voice/status";
pub(crate) const FALLBACK: &str = "/api/voice/fallback";
pub(crate) const ANSWERED_BY: &str = "/hooks/twilio/answered-by";

pub(crate) struct CallWorker {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) carriers: Arc<dyn Carriers>,
    pub(crate) vapi: Placer,
    pub(crate) work: WorkOptions,
    /// Our own address, without a slash at its end.
    pub(crate) own_address: String,
}

/// Why a call does not get on now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error("the database did not serve")]
    Store(#[from] StoreError),
    #[error("the carrier did not do it")]
    Carrier(#[from] TwilioError),
    #[error("the plan of the call cannot be read")]
    Plan(#[from] serde_json::Error),
    #[error("Vapi did not do it")]
    Vapi(#[from] VapiError),
    #[error("what the call cost cannot be noted")]
    Cost(#[from] CostError),
}

impl Worker for CallWorker {
    type Error = CallError;

    async fn work(&self, claim: &Claim) -> Result<(), CallError> {
        let store = self.store.tenant(&claim.tenant);
        let id = CallId::known(claim.object.as_str());
        match self.advance(&*store, claim, &id).await {
            // Somebody else has taken it on meanwhile.
            Err(CallError::Store(StoreError::Stale { .. })) => Ok(()),
            Err(cause) => {
                store.retry_work(claim, self.work.retry_at(now_us(), claim.attempts)).await?;
                Err(cause)
            }
            Ok(()) => Ok(()),
        }
    }
}

impl CallWorker {
    async fn advance(&self, store: &Part, claim: &Claim, id: &CallId) -> Result<(), CallError> {
        let Some(call) = store.call(id).await? else {
            store.finish_work(claim).await?;
            return Ok(());
        };
        let plan = Plan::of(&call)?;
        match (plan::next(&call, plan.as_ref()), plan) {
            (Step::Place, Some(plan)) => self.place(store, claim, &call, plan).await,
            (Step::FindOut(sent_at), Some(plan)) => self.find_out(store, claim, &call, plan, sent_at).await,
            (Step::HangUp, Some(plan)) => {
                let (account, sid) = self.at_carrier(store, &call).await?;
                account.hang_up(&sid).await?;
                self.handled(store, claim, &call, plan).await
            }
            (Step::LeaveMessage, Some(plan)) => self.leave_message(store, claim, &call, plan).await,
            (Step::Settle, _) => self.settle(store, claim, call).await,
            (Step::Place | Step::FindOut(_) | Step::HangUp | Step::LeaveMessage, None)
            | (Step::Nothing, _) => {
                if self.hand_over(store, claim, &call).await? {
                    return Ok(());
                }
                store.finish_work(claim).await?;
                Ok(())
            }
        }
    }

    async fn place(&self, store: &Part, claim: &Claim, call: &Call, plan: Plan) -> Result<(), CallError> {
        let now = now_us();
        let tenant = store.get::<Tenant>(store.id()).await?;
        let Some(tenant) = tenant.filter(|tenant| tenant.value.status == TenantStatus::Active) else {
            return self.fail(store, claim, call, "the tenant is not served").await;
        };
        let settings = tenant.value.settings;
        let due = plan.not_before.max(allowed_from(&settings, &call.to_number, now));
        if due > now {
            let later = Plan { not_before: due, ..plan };
            let mut tx = begin(store).await?;
            tx.learn(&call.id, &facts(&later)?).await?;
            tx.retry_work(claim, due).await?;
            return Ok(tx.commit().await?);
        }
        if costs::is_spent(store, &settings.time_zone, now).await? {
            return self.fail(store, claim, call, "a budget is used up").await;
        }
        if let Some(vapi) = plan.vapi.clone() {
            return self.place_at_vapi(store, claim, call, plan, &vapi).await;
        }
        let Some(account) = self.carriers.of(store.id(), Some(call)).await? else {
            return self.fail(store, claim, call, "the tenant has no account at the carrier").await;
        };
        let sent = Plan { sent_at: Some(now), ..plan };
        if !announce(store, call, &sent).await? {
            store.retry_work(claim, now).await?;
            return Ok(());
        }
        let witness = Witness { store: self.store.tenant(store.id()), call: call.id.clone() };
        match create_call_once(&account, &self.new_call(call, &sent), &witness).await {
            Ok(placed) => self.placed(store, claim, call, placed.sid.as_str()).await,
            // What came of it is found out by the next attempt.
            Err(cause @ TwilioError::UnknownOutcome { .. }) => Err(cause.into()),
            Err(cause) => match cause.retry_class() {
                RetryClass::Never | RetryClass::Reconcile => {
                    let code = cause.code().map(|code| format!(" (code {code})")).unwrap_or_default();
                    self.fail(store, claim, call, &format!("{cause}{code}")).await
                }
                _ => {
                    // It was not done, and nobody needs to find out.
                    let again = Plan { sent_at: None, ..sent };
                    store.learn(&call.id, &facts(&again)?).await?;
                    Err(cause.into())
                }
            },
        }
    }

    async fn find_out(
        &self,
        store: &Part,
        claim: &Claim,
        call: &Call,
        plan: Plan,
        sent_at: i64,
    ) -> Result<(), CallError> {
        if plan.vapi.is_some() {
            return self.find_at_vapi(store, claim, call, plan, sent_at).await;
        }
        let Some(account) = self.carriers.of(store.id(), Some(call)).await? else {
            return self.fail(store, claim, call, "the tenant has no account at the carrier").await;
        };
        let sent = Timestamp::from_microsecond(sent_at).unwrap_or(Timestamp::UNIX_EPOCH);
        let witness = Witness { store: self.store.tenant(store.id()), call: call.id.clone() };
        match find_call(&account, &self.new_call(call, &plan), sent, &witness).await? {
            Verdict::Done(placed) => self.placed(store, claim, call, placed.sid.as_str()).await,
            Verdict::NotDone => {
                let again = Plan { sent_at: None, ..plan };
                let mut tx = begin(store).await?;
                tx.learn(&call.id, &facts(&again)?).await?;
                tx.retry_work(claim, now_us()).await?;
                Ok(tx.commit().await?)
            }
            Verdict::Unknown(doubt) => {
                warn!(call = %call.id, ?doubt, "nobody knows whether a call was placed");
                self.fail(store, claim, call, "nobody knows whether it was placed: it is not tried again")
                    .await
            }
        }
    }

    async fn place_at_vapi(
        &self,
        store: &Part,
        claim: &Claim,
        call: &Call,
        plan: Plan,
        vapi: &VapiPlan,
    ) -> Result<(), CallError> {
        let now = now_us();
        let sent = Plan { sent_at: Some(now), ..plan };
        if !announce(store, call, &sent).await? {
            store.retry_work(claim, now).await?;
            return Ok(());
        }
        match self.vapi.place(store.id(), call, vapi).await {
            Ok(id) => self.placed(store, claim, call, &id).await,
            Err(VapiError::Refused(why)) => {
                self.fail(store, claim, call, &format!("Vapi refused: {why}")).await
            }
            Err(cause @ VapiError::Unknown(_)) => Err(cause.into()),
            Err(cause @ (VapiError::NotDone(_) | VapiError::Store(_))) => {
                store.learn(&call.id, &facts(&Plan { sent_at: None, ..sent })?).await?;
                Err(cause.into())
            }
        }
    }

    async fn find_at_vapi(
        &self,
        store: &Part,
        claim: &Claim,
        call: &Call,
        plan: Plan,
        sent_at: i64,
    ) -> Result<(), CallError> {
        match self.vapi.find(store.id(), call, sent_at).await? {
            Some(id) => self.placed(store, claim, call, &id).await,
            // Its list may not show it yet.
            None if now_us() < sent_at.saturating_add(VAPI_SETTLE) => {
                store.retry_work(claim, sent_at.saturating_add(VAPI_SETTLE)).await?;
                Ok(())
            }
            None => {
                let mut tx = begin(store).await?;
                tx.learn(&call.id, &facts(&Plan { sent_at: None, ..plan })?).await?;
                tx.retry_work(claim, now_us()).await?;
                Ok(tx.commit().await?)
            }
        }
    }

    async fn placed(&self, store: &Part, claim: &Claim, call: &Call, sid: &str) -> Result<(), CallError> {
        info!(call = %call.id, call_sid = %sid, "a call is placed");
        let mut tx = begin(store).await?;
        let facts = CallFacts { carrier_sid: Some(sid.to_owned()), ..CallFacts::default() };
        tx.learn(&call.id, &facts).await?;
        // The carrier may have told of it already.
        tx.move_call(&call.id, CallMove { to: CallStatus::Initiated, ..still(CallStatus::Queued) }).await?;
        tx.finish_work(claim).await?;
        Ok(tx.commit().await?)
    }

    async fn fail(&self, store: &Part, claim: &Claim, call: &Call, why: &str) -> Result<(), CallError> {
        warn!(call = %call.id, why, "a call is not placed");
        let now = now_us();
        let mut tx = begin(store).await?;
        tx.learn(&call.id, &CallFacts { error: Some(why.to_owned()), ..CallFacts::default() }).await?;
        let step = CallMove { to: CallStatus::Failed, ended_at: Some(now), ..still(call.status) };
        if tx.move_call(&call.id, step).await? {
            crate::call_events::tell_end(&mut *tx, call, step).await?;
        }
        let data = serde_json::json!({ "error": why }).to_string();
        let event = Event { at: now, kind: "not_placed".to_owned(), data };
        tx.append(&[Record::Event { call: call.id.clone(), event }]).await?;
        tx.finish_work(claim).await?;
        Ok(tx.commit().await?)
    }

    /// Says the message to the machine. It is noted before it is done: a message that is not left is better than one that
    /// is left twice, or said to somebody who has picked up since.
    async fn leave_message(
        &self,
        store: &Part,
        claim: &Claim,
        call: &Call,
        plan: Plan,
    ) -> Result<(), CallError> {
        let Some(OnVoicemail::LeaveMessage { message }) = plan.voicemail.clone() else {
            return self.handled(store, claim, call, plan).await;
        };
        let voice = store.get::<Tenant>(store.id()).await?.and_then(|tenant| tenant.value.settings.voice);
        let voice = voice.as_deref().unwrap_or(VOICE);
        let (account, sid) = self.at_carrier(store, call).await?;
        let noted = Plan { machine_handled: true, ..plan };
        store.learn(&call.id, &facts(&noted)?).await?;
        let (voice, message) = (escape(voice), escape(&message));
        let twiml = format!("<Response><Say voice=\"{voice}\">{message}</Say><Hangup/></Response>");
        let update = CallUpdate { twiml: Some(twiml), ..CallUpdate::default() };
        match account.update_call(&sid, &update).await {
            Err(cause) if matches!(cause.retry_class(), RetryClass::Soon { .. }) => {
                // It was not done.
                store.learn(&call.id, &facts(&Plan { machine_handled: false, ..noted })?).await?;
                Err(cause.into())
            }
            Err(cause) => {
                warn!(call = %call.id, %cause, "a message may not have been left");
                store.finish_work(claim).await?;
                Ok(())
            }
            Ok(_) => {
                store.finish_work(claim).await?;
                Ok(())
            }
        }
    }

    async fn handled(&self, store: &Part, claim: &Claim, call: &Call, plan: Plan) -> Result<(), CallError> {
        let mut tx = begin(store).await?;
        tx.learn(&call.id, &facts(&Plan { machine_handled: true, ..plan })?).await?;
        tx.finish_work(claim).await?;
        Ok(tx.commit().await?)
    }

    /// Notes what the call cost, and asks the carrier later for its price until it has one.
    async fn settle(&self, store: &Part, claim: &Claim, mut call: Call) -> Result<(), CallError> {
        let is_late = claim.attempts > 1;
        if is_late && call.price_micros.is_none() && call.carrier_sid.is_some() {
            self.ask_price(store, &mut call).await?;
        }
        costs::settle(&*self.store, store, &call).await?;
        let waits_for_price = call.price_micros.is_none()
            && call.carrier_sid.is_some()
            && call.carrier_duration_s.unwrap_or(0) > 0;
        let wait = usize::try_from(claim.attempts - 1).ok().and_then(|attempt| PRICE_AFTER_S.get(attempt));
        match wait.filter(|_| waits_for_price) {
            Some(wait_s) => store.retry_work(claim, now_us().saturating_add(wait_s * 1_000_000)).await?,
            None => store.finish_work(claim).await?,
        };
        Ok(())
    }

    async fn ask_price(&self, store: &Part, call: &mut Call) -> Result<(), CallError> {
        let Ok((account, sid)) = self.at_carrier(store, call).await else { return Ok(()) };
        let told = account.fetch_call(&sid).await?;
        let Some(micros) = told.price.and_then(|price| price.micros()) else { return Ok(()) };
        // The carrier writes what is charged as a negative amount.
        let price = (micros.saturating_neg(), told.price_unit.unwrap_or_else(|| "USD".to_owned()));
        store.learn(&call.id, &CallFacts { price: Some(price.clone()), ..CallFacts::default() }).await?;
        (call.price_micros, call.price_unit) = (Some(price.0), Some(price.1));
        Ok(())
    }

    pub(super) async fn at_carrier(
        &self,
        store: &Part,
        call: &Call,
    ) -> Result<(Account, CallSid), CallError> {
        let missing =
            |reason: &str| TwilioError::Invalid { doing: "acting on a call", reason: reason.to_owned() };
        let sid = call.carrier_sid.as_deref().and_then(|sid| sid.parse().ok());
        let sid = sid.ok_or_else(|| missing("it has no id at the carrier"))?;
        let account = self.carriers.of(store.id(), Some(call)).await?;
        Ok((account.ok_or_else(|| missing("the tenant has no account"))?, sid))
    }

    /// The call as the carrier is asked for it. Every address says which call it is about, and the carrier signs it.
    fn new_call(&self, call: &Call, plan: &Plan) -> NewCall {
        let own = |path: &str| Some(format!("{}{path}?call={}", self.own_address, call.id));
        let detection = plan.voicemail.as_ref().map(|voicemail| {
            let mode = match voicemail {
                OnVoicemail::LeaveMessage { .. } => DetectionMode::DetectMessageEnd,
                OnVoicemail::HangUp | OnVoicemail::Assistant => DetectionMode::Enable,
            };
            // In the background: whoever has picked up is not kept waiting.
            MachineDetection::new(mode, own(ANSWERED_BY))
        });
        NewCall {
            to: call.to_number.clone(),
            from: call.from_number.clone(),
            url: own(ANSWERED),
            method: Some(Method::Post),
            fallback_url: own(FALLBACK),
            status_callback: own(STATUS),
            status_callback_event: ["initiated", "ringing", "answered", "completed"]
                .map(str::to_owned)
                .to_vec(),
            status_callback_method: Some(Method::Post),
            timeout: Some(plan.ring_s),
            machine_detection: detection,
            ..NewCall::default()
        }
    }
}

/// When the number may be called, from `now` on, unix µs.
pub(crate) fn allowed_from(settings: &store::model::tenant::TenantSettings, number: &str, now: i64) -> i64 {
    let Some(hours) = &settings.quiet_hours else { return now };
    match hours::quiet_at(hours, None, Some(number), &settings.time_zone, now) {
        Quiet::Open => now,
        Quiet::ClosedUntil(at) => at,
    }
}

/// A call is to be looked after from `due_at` on.
pub(crate) async fn schedule(
    tx: &mut (dyn TenantTx + 'static),
    call: &CallId,
    due_at: i64,
) -> Result<(), StoreError> {
    tx.schedule(WorkKind::Call, call.as_str(), due_at).await
}

/// How long after its end a call is settled first, in µs: its last turn may still be on its way to the store.
pub(crate) fn settled_after() -> i64 {
    micros(Duration::from_secs(5))
}

async fn begin(store: &Part) -> Result<Box<dyn TenantTx>, StoreError> {
    store.begin(&Actor::system(ACTOR), now_us()).await
}

/// Notes that the call is about to be sent, before it is: whoever is killed then finds out before anything is sent again. False if
/// somebody has called it off meanwhile, which is done in the same row.
async fn announce(store: &Part, call: &Call, sent: &Plan) -> Result<bool, CallError> {
    let mut tx = begin(store).await?;
    let is_planned = tx.move_call(&call.id, still(CallStatus::Queued)).await?;
    if is_planned {
        tx.learn(&call.id, &facts(sent)?).await?;
        tx.commit().await?;
    }
    Ok(is_planned)
}

fn facts(plan: &Plan) -> Result<CallFacts, serde_json::Error> {
    Ok(CallFacts { outbound: Some(plan.text()?), ..CallFacts::default() })
}

/// No step yet.
const fn still(status: CallStatus) -> CallMove {
    CallMove { from: status, to: status, answered_at: None, ended_at: None, carrier_duration_s: None }
}

/// What our own records know of calls at the carrier.
struct Witness {
    store: Box<dyn TenantStore>,
    call: CallId,
}

impl CallWitness for Witness {
    async fn evidence(&self, candidates: &[CallSid]) -> CallEvidence {
        let (mut ours, mut others) = (None, HashSet::new());
        for sid in candidates {
            match self.store.call_by_carrier_sid(sid.as_str()).await {
                Ok(Some(call)) if call.id == self.call => ours = Some(sid.clone()),
                Ok(Some(_)) => {
                    others.insert(sid.clone());
                }
                // What cannot be looked up proves nothing.
                Ok(None) | Err(_) => {}
            }
        }
        CallEvidence { ours, others }
    }
}

#[cfg(test)]
mod tests;
