//! A message as a phone call: Twilio rings, speaks the message twice and asks for a key. Creating a call has no key at Twilio: a try of
//! which nobody knows what came is looked for among the account's calls before anything is dialled again.
//!
//! - [`script`]: what is heard next, and what the end of a call says of the message.
//! - [`phrases`]: what is said around the message, in its language.

pub(crate) mod phrases;
pub(crate) mod script;

use super::{Senders, routes, twilio};
use crate::{clock::now_us, costs, directory::Account, directory::TenantView};
use messaging::{
    Channel, Failure, FailureClass, Status,
    dispatch::{Answer, Outcome, Recovery, Report},
};
use outbox::{Parcel, Question, Route, Sent};
use store::{
    StoreError, TenantStore,
    ids::AttemptId,
    model::{outgoing::Attempt, tenant::Tenant},
};
use tracing::warn;
use twilio_rest::{
    Account as Client, Call, CallFilter, CallSid, CallStatus, DetectionMode, MachineDetection, Method,
    NewCall, TwilioError,
};

/// Asked for what is heard; the try follows.
pub(crate) const SPOKEN: &str = "/hooks/twilio/message-call";
/// Told how the call goes.
pub(crate) const CALL_TOLD: &str = "/hooks/twilio/message-call-status";
/// Told who answered.
pub(crate) const ANSWERED_BY: &str = "/hooks/twilio/message-call-answered-by";

/// How long it rings, in s: before most voicemails answer by themselves, after most people would.
const RING_S: u32 = 30;
/// Longest call, in s: a text of the longest size, twice.
const CALL_S: u32 = 600;
/// Calls to one number that are looked at.
const LOOKED_AT: usize = 200;
/// Twilio's clock and ours may differ by so much, in µs.
const SKEW_US: i64 = 60_000_000;
/// Calls that we place have this direction at Twilio.
const PLACED: &str = "outbound-api";

/// The way out of an account that places calls: from the tenant's numbers that can.
pub(super) fn route(view: &TenantView, account: &Account) -> Option<Route> {
    if !routes::is_for(account, "voice") {
        return None;
    }
    let senders = routes::numbers(view, account, |number| {
        let can = number.capabilities;
        // What the carrier has not been asked about yet is not known.
        can.voice || !(can.sms || can.mms)
    });
    Some(Route {
        channel: Channel::Voice,
        account: routes::id_of(account),
        provider: routes::TWILIO,
        capable: !senders.is_empty(),
        senders,
        tier: routes::tier(account),
        priority: account.priority,
        windowed: false,
        recovery: Recovery::Ask,
        per_second: None,
    })
}

/// Has Twilio ring.
pub(super) async fn send(senders: &Senders, account: &Account, parcel: &Parcel) -> Sent {
    let Some(client) = twilio::client(senders, account) else { return super::no_account() };
    match is_spent(senders, parcel).await {
        Ok(false) => {}
        Ok(true) => {
            let failure = Failure::new(FailureClass::NotCarried).with_code("budget");
            let error = Some("a budget is used up".to_owned());
            return Sent { error, ..Sent::of(Outcome::Refused { failure }) };
        }
        Err(cause) => {
            let failure = Failure::new(FailureClass::Temporary);
            return Sent { error: Some(cause), ..Sent::of(Outcome::Refused { failure }) };
        }
    }
    match client.create_call(&new_call(&senders.own_address, parcel)).await {
        Ok(call) => Sent {
            word: Some(call.status.as_str().to_owned()),
            ..Sent::of(Outcome::Accepted { provider_id: call.sid.to_string() })
        },
        Err(cause) => twilio::not_sent(&cause),
    }
}

/// Whether a budget of the tenant's forbids calls, as it does for other calls.
async fn is_spent(senders: &Senders, parcel: &Parcel) -> Result<bool, String> {
    let part = senders.store.tenant(&parcel.tenant);
    let zone = part.get::<Tenant>(part.id()).await.map_err(|cause| cause.to_string())?;
    let zone = zone.map(|tenant| tenant.value.settings.time_zone).unwrap_or_default();
    costs::is_spent(&*part, &zone, now_us()).await.map_err(|cause| cause.to_string())
}

/// Every address names the try, and Twilio signs it.
fn new_call(own_address: &str, parcel: &Parcel) -> NewCall {
    let own = |path: &str| Some(format!("{own_address}{path}?attempt={}", parcel.attempt));
    NewCall {
        to: parcel.address.clone(),
        from: parcel.sender.clone(),
        url: own(SPOKEN),
        method: Some(Method::Post),
        status_callback: own(CALL_TOLD),
        status_callback_event: ["initiated", "answered", "completed"].map(str::to_owned).to_vec(),
        status_callback_method: Some(Method::Post),
        timeout: Some(RING_S),
        time_limit: Some(CALL_S),
        // In the background: whoever has picked up is not kept waiting.
        machine_detection: Some(MachineDetection::new(DetectionMode::DetectMessageEnd, own(ANSWERED_BY))),
        ..NewCall::default()
    }
}

/// What came of a call, whose id is known or which is looked for among the account's.
pub(super) async fn ask(senders: &Senders, account: &Account, question: &Question) -> Answer {
    let Some(client) = twilio::client(senders, account) else { return Answer::CannotSay };
    let part = senders.store.tenant(&question.parcel.tenant);
    let sid = question.provider_id.as_deref().and_then(|sid| sid.parse::<CallSid>().ok());
    let found = match sid {
        Some(sid) => client.fetch_call(&sid).await.map(Some).map_err(Fault::from),
        None => find(&client, &*part, question).await,
    };
    let reported = match found {
        Ok(Some(call)) => {
            report(&*part, &question.parcel.attempt, &call).await.map(Some).map_err(Fault::from)
        }
        Ok(None) => Ok(None),
        Err(cause) => Err(cause),
    };
    match reported {
        Ok(Some(report)) => Answer::Found { report },
        Ok(None) => Answer::NotThere,
        Err(cause) => {
            warn!(
                tenant = %question.parcel.tenant, error = &cause as &dyn std::error::Error,
                "it could not be found out what came of a call"
            );
            Answer::CannotSay
        }
    }
}

/// Why nobody can say.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("Twilio does not say")]
    Carrier(#[from] TwilioError),
    #[error("the database does not say")]
    Store(#[from] StoreError),
    #[error("{0} calls fit")]
    Ambiguous(usize),
}

/// The call of a try: with its parties, not older than it, and known to be no other's.
async fn find(
    client: &Client,
    part: &(dyn TenantStore + 'static),
    question: &Question,
) -> Result<Option<Call>, Fault> {
    let Question { parcel, begun_at, others, .. } = question;
    let filter = CallFilter {
        to: Some(parcel.address.clone()),
        from: Some(parcel.sender.clone()),
        ..CallFilter::default()
    };
    let mut fitting = Vec::new();
    for call in client.list_calls(&filter)?.first(LOOKED_AT).await? {
        let sid = call.sid.to_string();
        let is_late = call
            .date_created
            .is_none_or(|created| created.as_microsecond().saturating_add(SKEW_US) >= *begun_at);
        if call.direction.as_deref() != Some(PLACED) || !is_late || others.contains(&sid) {
            continue;
        }
        if let Some(row) = part.find::<Attempt>(&format!("{}:{sid}", parcel.route.account)).await? {
            if row.id == parcel.attempt {
                return Ok(Some(call));
            }
            continue;
        }
        // An assistant's call, which was planned as one.
        if part.call_by_carrier_sid(&sid).await?.is_some_and(|known| known.outbound.is_some()) {
            continue;
        }
        fitting.push(call);
    }
    match (fitting.pop(), fitting.len()) {
        (only, 0) => Ok(only),
        (_, others) => Err(Fault::Ambiguous(others + 1)),
    }
}

/// What a call says of the message, with what was told of it before.
async fn report(
    part: &(dyn TenantStore + 'static),
    attempt: &AttemptId,
    call: &Call,
) -> Result<Report, StoreError> {
    let told = part.get::<Attempt>(attempt).await?.map(|row| row.value.told).unwrap_or_default();
    let words: Vec<&str> = told.iter().map(|told| told.status.as_str()).collect();
    let (status, failure) = match call.status {
        CallStatus::Completed
        | CallStatus::Busy
        | CallStatus::Failed
        | CallStatus::NoAnswer
        | CallStatus::Canceled => script::ended(call.status.as_str(), &words),
        _ => (Status::Sent, None),
    };
    Ok(Report { status, failure, provider_id: Some(call.sid.to_string()) })
}

#[cfg(test)]
mod tests;
