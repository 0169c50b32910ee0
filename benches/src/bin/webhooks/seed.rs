//! Tenants, each with an account, three numbers and an assistant: the tenants' rows in one unit of work, the rest in one for
//! each.

use crate::accounts::Account;
use engine::provider::Secret;
use futures_util::{StreamExt, stream};
use serde_json::json;
use std::collections::BTreeMap;
use store::{
    Store, TenantId,
    ids::AccountId,
    model::{
        account::{AccountMode, AccountStatus, Credential, ProviderAccount},
        assistant::Assistant,
        audit::Actor,
        number::{Capabilities, Number, NumberStatus, Routing},
        tenant::{RecordingSettings, Tenant, TenantSettings, TenantStatus},
    },
};
use vault::{Place, Vault};

/// Numbers of each tenant.
pub const NUMBERS_EACH: usize = 3;
/// Units of work at the same time; SQLite does one after the other.
const AT_ONCE: usize = 8;

/// A number, and what reaches it.
#[derive(Clone)]
pub struct Target {
    pub account_sid: String,
    pub auth_token: String,
    pub number: String,
}

/// Adds a tenant for each account, and gives their numbers, tenant by tenant.
pub async fn seed(store: &dyn Store, vault: &Vault, accounts: &[Account]) -> Vec<Target> {
    let ids: Vec<_> = accounts.iter().map(|_| TenantId::generate()).collect();
    let mut tx = store.platform().begin(&Actor::system("bench"), 1).await.unwrap();
    for (number, id) in ids.iter().enumerate() {
        // A recording of every call would measure the disk.
        let recording = RecordingSettings { enabled: false, ..RecordingSettings::default() };
        let row = Tenant {
            name: format!("Tenant {number}"),
            slug: format!("tenant-{number}"),
            status: TenantStatus::Active,
            settings: TenantSettings { recording, ..TenantSettings::default() },
        };
        tx.insert_as(id.clone(), row).await.unwrap();
    }
    tx.commit().await.unwrap();
    let filled = stream::iter(ids.iter().zip(accounts).enumerate())
        .map(|(number, (id, account))| fill(store, vault, id, account, number))
        .buffered(AT_ONCE);
    filled.concat().await
}

async fn fill(
    store: &dyn Store,
    vault: &Vault,
    tenant: &TenantId,
    account: &Account,
    place: usize,
) -> Vec<Target> {
    let mut tx = store.tenant(tenant).begin(&Actor::system("bench"), 1).await.unwrap();
    let id = AccountId::generate();
    let token = Place::provider_account(&id, "auth_token");
    let current = vault.seal_in(&mut *tx, &token, &Secret::new(&account.auth_token)).await.unwrap();
    let row = ProviderAccount {
        kind: "twilio".to_owned(),
        mode: AccountMode::Own,
        sid: account.sid.clone(),
        name: "Main".to_owned(),
        secrets: BTreeMap::from([("auth_token".to_owned(), Credential { current, previous: None })]),
        properties: BTreeMap::new(),
        roles: Vec::new(),
        priority: 0,
        status: AccountStatus::Active,
    };
    tx.insert_as(id.clone(), row).await.unwrap();
    let config = json!({ "prompt": "You answer the telephone. ".repeat(40), "greeting": "Hello!" });
    tx.insert(Assistant { name: "Front desk".to_owned(), config }).await.unwrap();
    let mut targets = Vec::new();
    for number in 0..NUMBERS_EACH {
        let e164 = format!("+1555{place:06}{number}");
        tx.insert(self::number(&e164, &id, number == 0)).await.unwrap();
        let Account { sid, auth_token } = account.clone();
        targets.push(Target { account_sid: sid, auth_token, number: e164 });
    }
    tx.commit().await.unwrap();
    targets
}

fn number(e164: &str, account: &AccountId, primary: bool) -> Number {
    Number {
        e164: e164.to_owned(),
        carrier_sid: None,
        account: Some(account.clone()),
        name: "Main".to_owned(),
        status: NumberStatus::Active,
        primary,
        capabilities: Capabilities { voice: true, sms: false, mms: false },
        greeting: None,
        voice: None,
        flow: None,
        routing: Routing::default(),
    }
}
