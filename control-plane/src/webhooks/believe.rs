//! Whose webhook it is, and whether it is believed.
//!
//! The tenant follows from the number that was called, or that calls, and from the account that the carrier names: both
//! must be the same tenant's. The signature must be made with a token of that very account, the current one or the one
//! before it; no other account's token counts, the platform's least of all. What the tenant has set decides what follows
//! from a signature that is not good.

use super::signature::{SignedBody, SignedRequest, verify};
use crate::{
    directory::{Directory, SigningKeys, TenantView, is_e164},
    keys::random_token,
};
use engine::{log_limit::LogLimit, provider::Secret};
use std::sync::{Arc, LazyLock};
use store::{StoreError, model::tenant::WebhookMode};
use tokio::time::Instant;
use tracing::warn;

/// Webhooks that were served although their signature was not good, by reason.
const OBSERVED: &str = "tandem_webhooks_observed_total";

/// Webhooks that nobody may sign are checked all the same, with keys that nobody has: time must not tell whether there is
/// such an account.
static NOBODYS: LazyLock<SigningKeys> = LazyLock::new(|| SigningKeys {
    tokens: vec![Secret::new(&random_token()), Secret::new(&random_token())],
    ..SigningKeys::default()
});

/// A request as it came, before anybody believes it.
pub(super) struct Received<'a> {
    /// Its parameters.
    pub(super) fields: &'a [(String, String)],
    /// The addresses that it may have called, as the carrier knows them.
    pub(super) urls: &'a [String],
    pub(super) body: SignedBody<'a>,
    pub(super) signature: Option<&'a str>,
    /// `X-Twilio-Webhooks-Signature-Settings`.
    pub(super) settings: Option<&'a str>,
}

/// Why a webhook is not believed; the one who sent it does not learn it.
#[derive(Debug)]
pub(super) enum Disbelief {
    /// The reason, for the log.
    Refused(&'static str),
    /// It could not be found out whose it is.
    Unavailable(StoreError),
}

/// The tenant whose webhook it is.
pub(super) async fn believe(
    directory: &Directory,
    received: &Received<'_>,
) -> Result<Arc<TenantView>, Disbelief> {
    let account = single(received.fields, "AccountSid").unwrap_or_default();
    let (tenants, stranger) = candidates(directory, account, received.fields).await?;
    let mut reason = stranger;
    let mut lenient = None;
    if tenants.is_empty() {
        // Nobody has these keys; only the time that it takes matters.
        std::hint::black_box(check(received, &NOBODYS).is_ok());
    }
    for tenant in tenants {
        let Some(keys) = tenant.twilio_account(account).map(|account| &account.signing) else { continue };
        match check(received, keys) {
            Ok(()) => return Ok(tenant),
            Err(why) => reason = why,
        }
        if tenant.webhook_mode() != WebhookMode::Enforce {
            lenient.get_or_insert((tenant, reason));
        }
    }
    let Some((tenant, why)) = lenient else { return Err(Disbelief::Refused(reason)) };
    if tenant.webhook_mode() == WebhookMode::Observe {
        observe(&tenant, why);
    }
    Ok(tenant)
}

/// The tenants that the webhook may be of, and why it is none's if there are none.
async fn candidates(
    directory: &Directory,
    account: &str,
    fields: &[(String, String)],
) -> Result<(Vec<Arc<TenantView>>, &'static str), Disbelief> {
    let unavailable = |cause: crate::directory::LoadError| Disbelief::Unavailable(cause.into());
    if let Some(number) = own_number(fields)
        && let Some(owner) = directory.by_number(number).await.map_err(unavailable)?
    {
        return Ok(match owner.twilio_account(account) {
            Some(_) => (vec![owner], "no_account"),
            None => (Vec::new(), "account_of_another"),
        });
    }
    let owners = directory.by_account(account).await.map_err(unavailable)?;
    Ok((owners, "unknown_account"))
}

/// The number of ours in the call: the one that was called, or that calls. A leg that we dial has none, since it may show
/// the caller's number; nor has a call from a softphone, whose `To` is whoever is called.
pub(super) fn own_number(fields: &[(String, String)]) -> Option<&str> {
    let from = single(fields, "From").unwrap_or_default();
    let name = match single(fields, "Direction").unwrap_or_default() {
        "outbound-dial" => return None,
        _ if from.starts_with("client:") || from.starts_with("sip:") => return None,
        direction if direction.starts_with("outbound") => "From",
        _ => "To",
    };
    single(fields, name).filter(|number| is_e164(number))
}

/// Checks the signature, or says why it is not good.
fn check(received: &Received<'_>, keys: &SigningKeys) -> Result<(), &'static str> {
    let signature = received.signature.unwrap_or_default();
    let believed = received.urls.iter().any(|url| {
        let request = SignedRequest { url, body: received.body, signature, settings: received.settings };
        verify(keys, request).is_ok()
    });
    match (believed, received.signature) {
        (true, Some(_)) => Ok(()),
        (_, None) => Err("no_signature"),
        (false, Some(_)) => Err("bad_signature"),
    }
}

/// Counts and notes that a webhook is served whose signature is not good.
fn observe(tenant: &TenantView, reason: &'static str) {
    static LINES: LogLimit = LogLimit::new();
    metrics::counter!(OBSERVED, "reason" => reason).increment(1);
    if let Some(left_out) = LINES.admit(Instant::now()) {
        warn!(tenant = %tenant.id, reason, left_out, "a webhook is served although its signature is not good");
    }
}

/// The parameter's value; `None` if it is missing, or given twice with different values.
pub(super) fn single<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let mut values = fields.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}
