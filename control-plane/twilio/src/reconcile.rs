//! What is done when nobody knows whether something was created.
//!
//! Twilio has no idempotency keys. When the answer to a creation is lost, its lists are asked until they show what was
//! created, or until long enough nothing was there ([`judge`] decides, without I/O). Only then is it tried again. The
//! `…_once` functions do all of it; the `find_…` functions are for whoever wrote down what was about to be created,
//! and was killed before the answer came.
//!
//! What tells our creation from others is the mark that it carries: the friendly name of a subaccount, application or
//! key, which must be nobody else's; the number that is bought; for a call its parties and its time, and what
//! [`CallWitness`] knows.

use crate::{
    Account, AccountDetails, AccountFilter, AccountSid, AccountStatus, Application, ApplicationSettings,
    Call, CallFilter, CallSid, IncomingNumber, Key, NewCall, NewKey, NumberFilter, NumberSettings,
    TwilioError,
};
use jiff::{SignedDuration, Timestamp};
use std::{collections::HashSet, future::Future, time::Duration};
use tokio::time::{Instant, sleep};

/// Creations of one thing, the first included. A second unknown outcome in a row is for a person to look at.
const TRIES: u32 = 2;

/// Entries of a list that are looked at.
const ENTRIES: usize = 10_000;

/// What became of a creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<T> {
    /// It was created; this is it.
    Done(T),
    /// It was not, and will not be: it may be tried again.
    NotDone,
    /// Nobody can tell.
    Unknown(Doubt),
}

/// Why nobody can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// Nothing is there yet, but it may still come.
    TooEarly,
    /// So many fit.
    Ambiguous(usize),
}

/// Something in a list that fits the mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate<T> {
    /// When it was made; `None` counts as late enough.
    pub created: Option<Timestamp>,
    /// What it is.
    pub value: T,
}

/// Decides what became of a creation that was sent at `sent` and given up `waited` ago. What is older than `sent` by
/// more than `skew` is not its outcome.
#[must_use]
pub fn judge<T>(
    found: Vec<Candidate<T>>,
    sent: Timestamp,
    waited: Duration,
    settle: Duration,
    skew: Duration,
) -> Verdict<T> {
    let earliest = earliest(sent, skew);
    let mut fitting: Vec<_> =
        found.into_iter().filter(|candidate| candidate.created.is_none_or(|at| at >= earliest)).collect();
    match (fitting.pop(), fitting.len()) {
        (Some(only), 0) => Verdict::Done(only.value),
        (Some(_), others) => Verdict::Unknown(Doubt::Ambiguous(others + 1)),
        (None, _) if waited >= settle => Verdict::NotDone,
        (None, _) => Verdict::Unknown(Doubt::TooEarly),
    }
}

/// What is older cannot be the outcome of a request that was sent at `sent`.
fn earliest(sent: Timestamp, skew: Duration) -> Timestamp {
    let skew = SignedDuration::try_from(skew).unwrap_or(SignedDuration::MAX);
    sent.checked_sub(skew).unwrap_or(Timestamp::MIN)
}

/// What our own records know of calls that fit: their webhooks may have come although the answer was lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallEvidence {
    /// A webhook of this call came with the token that only our call's addresses carry.
    pub ours: Option<CallSid>,
    /// These calls are known to be others.
    pub others: HashSet<CallSid>,
}

/// Looks into our own records.
pub trait CallWitness: Sync {
    /// What they know of these calls.
    fn evidence(&self, candidates: &[CallSid]) -> impl Future<Output = CallEvidence> + Send;
}

/// Nothing is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoWitness;

impl CallWitness for NoWitness {
    async fn evidence(&self, _candidates: &[CallSid]) -> CallEvidence {
        CallEvidence::default()
    }
}

/// Asks `find` until there is a verdict.
async fn settled<T, F, Fut>(account: &Account, sent: Timestamp, find: F) -> Result<Verdict<T>, TwilioError>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<Vec<Candidate<T>>, TwilioError>>,
{
    let options = account.client().options();
    let since = Instant::now();
    loop {
        // Before the list is asked: what it does not show was not there so long after the request at least.
        let waited = since.elapsed();
        match judge(find().await?, sent, waited, options.settle, options.clock_skew) {
            Verdict::Unknown(Doubt::TooEarly) => sleep(options.settle_poll).await,
            verdict => return Ok(verdict),
        }
    }
}

/// Creates, and where nobody knows whether it was done, finds out and tries once more if it was not.
async fn once<T, C, CFut, F, FFut>(create: C, find: F) -> Result<T, TwilioError>
where
    C: Fn() -> CFut,
    CFut: Future<Output = Result<T, TwilioError>>,
    F: Fn(Timestamp) -> FFut,
    FFut: Future<Output = Result<Verdict<T>, TwilioError>>,
{
    let mut tries = 0;
    loop {
        let sent = Timestamp::now();
        tries += 1;
        let (doing, cause) = match create().await {
            Err(TwilioError::UnknownOutcome { doing, cause }) => (doing, cause),
            outcome => return outcome,
        };
        tracing::warn!(doing, cause, "nobody knows whether Twilio did it; asking its lists");
        let cause = match find(sent).await {
            Ok(Verdict::Done(value)) => return Ok(value),
            Ok(Verdict::NotDone) if tries < TRIES => continue,
            Ok(Verdict::NotDone) => format!("{cause}; it was not done, {tries} times"),
            Ok(Verdict::Unknown(doubt)) => format!("{cause}; then {doubt:?}"),
            Err(error) => format!("{cause}; then {error}"),
        };
        return Err(TwilioError::UnknownOutcome { doing, cause });
    }
}

/// Places a call, once.
///
/// # Errors
/// See [`TwilioError`]; [`TwilioError::UnknownOutcome`] only if Twilio's lists do not tell either.
pub async fn create_call_once(
    account: &Account,
    call: &NewCall,
    witness: &impl CallWitness,
) -> Result<Call, TwilioError> {
    once(|| account.create_call(call), |sent| find_call(account, call, sent, witness)).await
}

/// What became of a call that was sent at `sent`. Takes [`crate::TwilioOptions::settle`] if there is none.
///
/// # Errors
/// If Twilio's lists cannot be read.
pub async fn find_call(
    account: &Account,
    call: &NewCall,
    sent: Timestamp,
    witness: &impl CallWitness,
) -> Result<Verdict<Call>, TwilioError> {
    // The list goes by the start, which a queued call does not have yet: it is not narrowed to a day.
    let filter =
        CallFilter { to: Some(call.to.clone()), from: Some(call.from.clone()), ..CallFilter::default() };
    settled(account, sent, || async {
        let mut calls = account.list_calls(&filter)?.first(ENTRIES).await?;
        calls.retain(|call| call.direction.as_deref() == Some("outbound-api"));
        let sids: Vec<_> = calls.iter().map(|call| call.sid.clone()).collect();
        let evidence = witness.evidence(&sids).await;
        if let Some(ours) = &evidence.ours {
            calls.retain(|call| call.sid == *ours);
        }
        calls.retain(|call| !evidence.others.contains(&call.sid));
        Ok(calls.into_iter().map(|value| Candidate { created: value.date_created, value }).collect())
    })
    .await
}

/// Buys a number, once.
///
/// # Errors
/// See [`TwilioError`]; [`TwilioError::UnknownOutcome`] only if Twilio's lists do not tell either.
pub async fn buy_number_once(
    account: &Account,
    phone_number: &str,
    settings: &NumberSettings,
) -> Result<IncomingNumber, TwilioError> {
    let find = |_| find_number(account, phone_number);
    once(|| account.buy_number(phone_number, settings), find).await
}

/// Whether the account has the number by now. It is there or it is not: nobody else can have bought it for us.
///
/// # Errors
/// If Twilio's lists cannot be read.
pub async fn find_number(
    account: &Account,
    phone_number: &str,
) -> Result<Verdict<IncomingNumber>, TwilioError> {
    let filter = NumberFilter { phone_number: Some(phone_number.to_owned()), ..NumberFilter::default() };
    settled(account, Timestamp::UNIX_EPOCH, || async {
        let mut numbers = account.list_numbers(&filter)?.first(ENTRIES).await?;
        numbers.retain(|number| number.phone_number == phone_number);
        Ok(numbers.into_iter().map(|value| Candidate { created: None, value }).collect())
    })
    .await
}

/// Makes a subaccount, once. `friendly_name` must be nobody else's: put our own id into it.
///
/// # Errors
/// See [`TwilioError`]; [`TwilioError::UnknownOutcome`] only if Twilio's lists do not tell either.
pub async fn create_subaccount_once(
    parent: &Account,
    friendly_name: &str,
) -> Result<AccountDetails, TwilioError> {
    let find = |sent| find_subaccount(parent, friendly_name, sent);
    once(|| parent.create_subaccount(friendly_name), find).await
}

/// What became of a subaccount that was sent at `sent`. Closed ones do not count.
///
/// # Errors
/// If Twilio's lists cannot be read.
pub async fn find_subaccount(
    parent: &Account,
    friendly_name: &str,
    sent: Timestamp,
) -> Result<Verdict<AccountDetails>, TwilioError> {
    let filter = AccountFilter { friendly_name: Some(friendly_name.to_owned()), status: None };
    settled(parent, sent, || async {
        let mut accounts = parent.list_accounts(&filter)?.first(ENTRIES).await?;
        let own: &AccountSid = parent.sid();
        accounts.retain(|account| {
            account.friendly_name == friendly_name
                && account.sid != *own
                && account.status != AccountStatus::Closed
        });
        Ok(accounts.into_iter().map(|value| Candidate { created: value.date_created, value }).collect())
    })
    .await
}

/// Makes an application, once. Its friendly name must be nobody else's in the account.
///
/// # Errors
/// See [`TwilioError`]; [`TwilioError::UnknownOutcome`] only if Twilio's lists do not tell either.
pub async fn create_application_once(
    account: &Account,
    settings: &ApplicationSettings,
) -> Result<Application, TwilioError> {
    let name = settings.friendly_name.as_deref().unwrap_or_default();
    if name.is_empty() {
        let reason = "an application needs a name by which it is found again".to_owned();
        return Err(TwilioError::Invalid { doing: "creating an application", reason });
    }
    once(|| account.create_application(settings), |sent| find_application(account, name, sent)).await
}

/// What became of an application that was sent at `sent`.
///
/// # Errors
/// If Twilio's lists cannot be read.
pub async fn find_application(
    account: &Account,
    friendly_name: &str,
    sent: Timestamp,
) -> Result<Verdict<Application>, TwilioError> {
    settled(account, sent, || async {
        let mut applications = account.list_applications(Some(friendly_name))?.first(ENTRIES).await?;
        applications.retain(|application| application.friendly_name == friendly_name);
        Ok(applications.into_iter().map(|value| Candidate { created: value.date_created, value }).collect())
    })
    .await
}

/// Makes an API key, once. A key whose secret was lost with the answer is of no use to anybody: it is deleted, and
/// another is made. `friendly_name` must be nobody else's in the account.
///
/// # Errors
/// See [`TwilioError`].
pub async fn create_key_once(account: &Account, friendly_name: &str) -> Result<NewKey, TwilioError> {
    let find = |sent| async move {
        discard_keys(account, friendly_name, sent).await?;
        Ok(Verdict::NotDone)
    };
    once(|| account.create_key(friendly_name), find).await
}

/// Deletes the keys of this name that were made since `sent` and whose secret nobody has; says how many. Waits until
/// none can come any more.
///
/// # Errors
/// If Twilio's lists cannot be read, or a key cannot be deleted.
pub async fn discard_keys(
    account: &Account,
    friendly_name: &str,
    sent: Timestamp,
) -> Result<usize, TwilioError> {
    let options = account.client().options();
    let earliest = earliest(sent, options.clock_skew);
    let since = Instant::now();
    loop {
        let waited = since.elapsed();
        let mut keys: Vec<Key> = account.list_keys()?.first(ENTRIES).await?;
        let is_late = |created: Option<Timestamp>| created.is_none_or(|at| at >= earliest);
        keys.retain(|key| key.friendly_name == friendly_name && is_late(key.date_created));
        for key in &keys {
            account.delete_key(&key.sid).await?;
        }
        if !keys.is_empty() || waited >= options.settle {
            return Ok(keys.len());
        }
        sleep(options.settle_poll).await;
    }
}

#[cfg(test)]
mod tests;
