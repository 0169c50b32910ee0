//! Tenants, each with an account, three numbers and an assistant: the tenants' rows in one unit of work, the rest in one for
//! each.

use engine::provider::Secret;
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
        tenant::{Tenant, TenantSettings, TenantStatus},
    },
};
use vault::{Place, Vault};

const NUMBERS_EACH: u32 = 3;

/// A number, and what reaches it.
#[derive(Clone, Debug)]
pub struct Target {
    pub account_sid: String,
    pub auth_token: String,
    pub number: String,
}

/// Adds the tenants and gives their numbers, tenant by tenant.
pub async fn seed(store: &dyn Store, vault: &Vault, tenants: u32) -> Vec<Target> {
    let actor = Actor::system("bench");
    let ids: Vec<_> = (0..tenants).map(|_| TenantId::generate()).collect();
    let mut tx = store.platform().begin(&actor, 1).await.unwrap();
    for (number, id) in ids.iter().enumerate() {
        let row = Tenant {
            name: format!("Tenant {number}"),
            slug: format!("tenant-{number}"),
            status: TenantStatus::Active,
            settings: TenantSettings::default(),
        };
        tx.insert_as(id.clone(), row).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut targets = Vec::new();
    for (number, id) in (0_u32..).zip(&ids) {
        targets.extend(fill(store, vault, id, number).await);
    }
    targets
}

async fn fill(store: &dyn Store, vault: &Vault, id: &TenantId, tenant: u32) -> Vec<Target> {
    let (account_sid, auth_token) = (format!("AC{tenant:032}"), format!("token-{tenant}"));
    let mut tx = store.tenant(id).begin(&Actor::system("bench"), 1).await.unwrap();
    let account = AccountId::generate();
    let place = Place::provider_account(&account, "auth_token");
    let current = vault.seal_in(&mut *tx, &place, &Secret::new(&auth_token)).await.unwrap();
    let row = ProviderAccount {
        kind: "twilio".to_owned(),
        mode: AccountMode::Own,
        sid: account_sid.clone(),
        name: "Main".to_owned(),
        secrets: BTreeMap::from([("auth_token".to_owned(), Credential { current, previous: None })]),
        properties: BTreeMap::new(),
        roles: Vec::new(),
        priority: 0,
        status: AccountStatus::Active,
    };
    tx.insert_as(account.clone(), row).await.unwrap();
    let config = json!({ "prompt": "You answer the telephone. ".repeat(40), "greeting": "Hello!" });
    tx.insert(Assistant { name: "Front desk".to_owned(), config }).await.unwrap();
    let mut targets = Vec::new();
    for number in 0..NUMBERS_EACH {
        let e164 = format!("+1555{tenant:06}{number}");
        tx.insert(self::number(&e164, &account, number == 0)).await.unwrap();
        let (account_sid, auth_token) = (account_sid.clone(), auth_token.clone());
        targets.push(Target { account_sid, auth_token, number: e164 });
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
