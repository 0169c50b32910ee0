//! What the tenants of a measured server have: accounts at the stand-in carrier, so that its questions how they are get true answers,
//! and the rows of its database.

use engine::provider::{
    Secret,
    http::{HttpOptions, http_client},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use std::collections::BTreeMap;
use store::{
    TenantTx,
    ids::AccountId,
    model::{
        account::{AccountMode, AccountStatus, Credential, ProviderAccount},
        number::{Capabilities, Number, NumberStatus, Routing},
        tenant::{RecordingSettings, Tenant, TenantSettings, TenantStatus},
    },
};
use vault::{Place, Vault, VaultError};

/// Requests to the carrier at the same time.
const AT_ONCE: usize = 8;

/// An account at the carrier.
#[derive(Clone, Deserialize)]
pub struct CarrierAccount {
    /// Its id there.
    pub sid: String,
    /// What its requests are signed with; of a stand-in, and no secret.
    pub auth_token: String,
}

/// So many new accounts at the stand-in at `carrier`.
///
/// # Errors
/// If it cannot be asked.
pub async fn carrier_accounts(carrier: &str, count: usize) -> Result<Vec<CarrierAccount>, reqwest::Error> {
    let client = http_client(HttpOptions::default())?;
    let url = format!("{carrier}/2010-04-01/Accounts.json");
    let made = stream::iter(0..count).map(|number| {
        let request = client
            .post(&url)
            .basic_auth("AC00000000000000000000000000000000", Some("sandbox"))
            .form(&[("FriendlyName", format!("Tenant {number}"))]);
        async { request.send().await?.error_for_status()?.json::<CarrierAccount>().await }
    });
    made.buffer_unordered(AT_ONCE).try_collect().await
}

/// Gives an account at `carrier` a number, from which it may send then.
///
/// # Errors
/// If the carrier refuses, or cannot be asked.
pub async fn buy_number(carrier: &str, of: &CarrierAccount, e164: &str) -> Result<(), reqwest::Error> {
    let url = format!("{carrier}/2010-04-01/Accounts/{}/IncomingPhoneNumbers.json", of.sid);
    let request = http_client(HttpOptions::default())?.post(url).basic_auth(&of.sid, Some(&of.auth_token));
    request.form(&[("PhoneNumber", e164)]).send().await?.error_for_status().map(drop)
}

/// A tenant whose calls are not recorded: a recording of every call would measure the disk.
#[must_use]
pub fn tenant(place: usize) -> Tenant {
    let recording = RecordingSettings { enabled: false, ..RecordingSettings::default() };
    Tenant {
        name: format!("Tenant {place}"),
        slug: format!("tenant-{place}"),
        status: TenantStatus::Active,
        settings: TenantSettings { recording, ..TenantSettings::default() },
    }
}

/// A tenant's account, with its secret sealed, as part of `tx`.
///
/// # Errors
/// If the secret cannot be sealed.
pub async fn account(
    tx: &mut (dyn TenantTx + 'static),
    vault: &Vault,
    id: &AccountId,
    of: &CarrierAccount,
) -> Result<ProviderAccount, VaultError> {
    let place = Place::provider_account(id, "auth_token");
    let current = vault.seal_in(tx, &place, &Secret::new(&of.auth_token)).await?;
    Ok(ProviderAccount {
        kind: "twilio".to_owned(),
        mode: AccountMode::Own,
        sid: of.sid.clone(),
        name: "Main".to_owned(),
        secrets: BTreeMap::from([("auth_token".to_owned(), Credential { current, previous: None })]),
        properties: BTreeMap::new(),
        roles: Vec::new(),
        priority: 0,
        status: AccountStatus::Active,
    })
}

/// A number of an account, for calls and text messages.
#[must_use]
pub fn number(e164: &str, account: &AccountId, primary: bool) -> Number {
    Number {
        e164: e164.to_owned(),
        carrier_sid: None,
        account: Some(account.clone()),
        name: "Main".to_owned(),
        status: NumberStatus::Active,
        primary,
        capabilities: Capabilities { voice: true, sms: true, mms: false },
        greeting: None,
        voice: None,
        flow: None,
        routing: Routing::default(),
    }
}
