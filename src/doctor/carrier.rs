//! A tenant at the carrier: credentials, account, balance, numbers with their webhooks, and whether signatures are believed.

use super::{Findings, Patient, auth_token, outside};
use engine::provider::Secret;
use fixtures::carrier::sign;
use reqwest::StatusCode;
use std::{collections::HashMap, time::Duration};
use store::{
    Filter, StoreError, Stored, TenantId,
    model::{
        account::{AccountMode, AccountStatus, ProviderAccount},
        number::{Number, NumberStatus},
    },
};
use twilio_rest::{Account, IncomingNumber, NumberFilter};
use url::form_urlencoded;

/// Rows that are read at once.
const PAGE: u16 = 200;
/// Numbers of one account that are compared.
const NUMBERS: usize = 10_000;
/// Below this a balance is worth a word, in the account's currency, in millionths.
const LOW_BALANCE_MICROS: i64 = 10_000_000;
/// Longest wait for our own answer.
const LIMIT: Duration = Duration::from_secs(10);

pub(super) async fn check(patient: &Patient, tenant: &TenantId, findings: &mut Findings) {
    if let Err(error) = accounts(patient, tenant, findings).await {
        super::house::store_failed(findings, &error);
    }
}

async fn accounts(patient: &Patient, tenant: &TenantId, findings: &mut Findings) -> Result<(), StoreError> {
    let part = patient.store.tenant(tenant);
    let rows = part.list::<ProviderAccount>(&Filter::first(PAGE).of("twilio").oldest_first()).await?;
    let rows: Vec<_> = rows.into_iter().filter(|row| row.value.status != AccountStatus::Closed).collect();
    if rows.is_empty() {
        findings.warning(
            "credentials",
            "Twilio not configured (per-company system)",
            "no call comes in or goes out",
            "set the tenant up: POST /v1/tenants/{tenant_id}/provisioning, with its own account or a subaccount",
        );
    }
    for row in rows {
        let account = match patient.provisioner.carrier_account(tenant, &row).await {
            Ok(account) => account,
            Err(error) => {
                findings.failed(
                    "credentials",
                    format!("those of {} cannot be used: {error}", row.value.sid),
                    "every webhook of this account is refused",
                    "set the account's auth token anew",
                );
                continue;
            }
        };
        if !is_open(&account, &row, findings).await {
            continue;
        }
        if row.value.mode == AccountMode::Own {
            balance(&account, &row, findings).await;
        }
        let numbers = part.list::<Number>(&Filter::first(PAGE).of(row.id.as_str())).await?;
        let active: Vec<_> =
            numbers.into_iter().filter(|number| number.value.status == NumberStatus::Active).collect();
        webhooks(patient, tenant, &account, &active, findings).await;
        if let (Some(token), Some(number)) = (auth_token(patient, tenant, &row).await, active.first()) {
            signature(patient, &row.value.sid, &number.value.e164, &token, findings).await;
        }
    }
    Ok(())
}

/// Whether the carrier takes the credentials, for an account that is active.
async fn is_open(account: &Account, row: &Stored<ProviderAccount>, findings: &mut Findings) -> bool {
    let sid = &row.value.sid;
    match account.fetch_account().await {
        Ok(found) if found.status == twilio_rest::AccountStatus::Active => {
            findings.ok("credentials", format!("Twilio takes those of {sid}, and the account is active"));
            if found.kind.as_deref() == Some("Trial") {
                findings.warning(
                    "account",
                    format!("{sid} is a trial account"),
                    "callers hear the carrier's own announcement first, and only verified numbers can be called",
                    "upgrade the account in the Twilio console",
                );
            }
            true
        }
        Ok(found) => {
            findings.failed(
                "account",
                format!("{sid} is {}", found.status),
                "the carrier refuses its calls",
                "suspended: pay or ask Twilio's support; closed: set the tenant up with another account",
            );
            false
        }
        Err(error) if error.is_unauthorized() => {
            findings.failed(
                "credentials",
                format!("Twilio does not take the auth token of {sid}"),
                "calls fail, and every webhook of the account is refused",
                "copy the primary auth token from the Twilio console: it is another account's, or was made anew there",
            );
            false
        }
        Err(error) => {
            findings.failed(
                "credentials",
                format!("nothing is known of {sid}: {}", outside::cause(&error)),
                "no call can be placed, transferred or ended",
                "try again; https://status.twilio.com says whether it is Twilio's",
            );
            false
        }
    }
}

async fn balance(account: &Account, row: &Stored<ProviderAccount>, findings: &mut Findings) {
    const WHY: &str = "an account without money is suspended, and its calls are refused";
    const MEND: &str = "top the account up in the Twilio console, or switch its auto-recharge on";
    let sid = &row.value.sid;
    match account.fetch_balance().await {
        Ok(found) => {
            let shown = format!("{sid} has {} {}", found.balance.as_str(), found.currency);
            match found.balance.micros() {
                Some(micros) if micros <= 0 => findings.failed("balance", shown, WHY, MEND),
                Some(micros) if micros < LOW_BALANCE_MICROS => findings.warning("balance", shown, WHY, MEND),
                _ => findings.ok("balance", shown),
            }
        }
        Err(error) => {
            findings.warning("balance", format!("{sid}: {}", outside::cause(&error)), WHY, "try again")
        }
    }
}

/// The numbers as the carrier has them against ours.
async fn webhooks(
    patient: &Patient,
    tenant: &TenantId,
    account: &Account,
    active: &[Stored<Number>],
    findings: &mut Findings,
) {
    let listed = match account.list_numbers(&NumberFilter::default()) {
        Ok(pages) => pages.first(NUMBERS).await,
        Err(error) => Err(error),
    };
    let there: HashMap<String, IncomingNumber> = match listed {
        Ok(numbers) => numbers.into_iter().map(|number| (number.phone_number.clone(), number)).collect(),
        Err(error) => {
            let mend = "try again";
            return findings.failed(
                "numbers",
                outside::cause(&error),
                "nothing is known of the numbers' webhooks",
                mend,
            );
        }
    };
    if active.is_empty() {
        findings.warning(
            "numbers",
            format!("no number of {} is active here; the account has {}", account.sid(), there.len()),
            "nobody can call",
            "buy or adopt one: POST /v1/numbers/order",
        );
    }
    for number in active {
        let e164 = &number.value.e164;
        let Some(found) = there.get(e164) else {
            findings.failed(
                "numbers",
                format!("{e164} is not in the account {}", account.sid()),
                "its calls do not come here",
                "release it here, or move it to this account in the Twilio console",
            );
            continue;
        };
        if !found.capabilities.voice {
            findings.failed(
                "capabilities",
                format!("{e164} takes no calls"),
                "nobody can call it",
                "order another number",
            );
        }
        let differences = patient.provisioner.addresses().differences(found);
        if differences.is_empty() {
            findings.ok("webhooks", format!("{e164} leads here"));
            continue;
        }
        let named: Vec<_> = differences
            .iter()
            .map(|difference| {
                format!("{} is {:?}, not {:?}", difference.setting, difference.there, difference.ours)
            })
            .collect();
        if patient.fix {
            let known = Number { carrier_sid: Some(found.sid.to_string()), ..number.value.clone() };
            if patient.provisioner.configure(tenant, &known).await.is_ok() {
                findings.fixed("webhooks", format!("{e164} leads here now; before, {}", named.join(", ")));
                continue;
            }
        }
        findings.failed(
            "webhooks",
            format!("{e164}: {}", named.join(", ")),
            "its calls or messages go elsewhere, or the end of calls is not noticed",
            "run `tandem doctor --fix`, or POST /v1/numbers/{id}/carrier",
        );
    }
}

/// Signs as the carrier does, and asks through the public address: a good signature must be believed, a wrong one not.
async fn signature(patient: &Patient, sid: &str, e164: &str, token: &Secret, findings: &mut Findings) {
    const WHY: &str =
        "webhooks are believed by their signature, which is made over the address that was called";
    let Some(public) = &patient.config.base_url else { return };
    let url = format!("{public}/hooks/twilio/ping");
    let fields = [("AccountSid", sid), ("To", e164), ("From", e164), ("Direction", "inbound")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let good = post(patient, &url, &fields, &sign(token.reveal(), &url, &fields)).await;
    let wrong = post(patient, &url, &fields, &sign("wrong", &url, &fields)).await;
    match (good, wrong) {
        (Ok(StatusCode::NO_CONTENT), Ok(StatusCode::FORBIDDEN)) => {
            findings.ok("signature", "a good signature is believed through the public address, a wrong one is not");
        }
        (Ok(StatusCode::NO_CONTENT), Ok(StatusCode::NO_CONTENT)) => findings.warning(
            "signature",
            "a wrong signature is believed too",
            "the tenant's webhook mode is off or observe: anybody can pretend to be the carrier",
            "set the tenant's webhook_mode to enforce",
        ),
        (Ok(StatusCode::FORBIDDEN), _) => findings.failed(
            "signature",
            "a good signature is not believed",
            WHY,
            "base_url must be exactly what the carrier calls, and the server must have started with it; a token that was just \
             exchanged takes a minute",
        ),
        (Ok(status), _) => {
            findings.failed("signature", format!("{url} answers {status}"), WHY, "let the proxy lead base_url to this server");
        }
        (Err(cause), _) => findings.failed("signature", cause, WHY, "see the finding on the address"),
    }
}

async fn post(
    patient: &Patient,
    url: &str,
    fields: &[(String, String)],
    signature: &str,
) -> Result<StatusCode, String> {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = patient
        .http
        .post(url)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-twilio-signature", signature)
        .body(body);
    let asked = tokio::time::timeout(LIMIT, request.send()).await;
    let response = asked.map_err(|_| format!("{url} does not answer within {} s", LIMIT.as_secs()))?;
    response.map(|response| response.status()).map_err(|error| outside::cause(&error))
}
