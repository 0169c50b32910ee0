//! Tenants, each with an account, three numbers and an assistant: the tenants' rows in one unit of work, the rest in one for
//! each.

use benches::tenants::{self, CarrierAccount};
use futures_util::{StreamExt, stream};
use serde_json::json;
use store::{
    Store, TenantId,
    ids::AccountId,
    model::{assistant::Assistant, audit::Actor},
};
use vault::Vault;

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
pub async fn seed(store: &dyn Store, vault: &Vault, accounts: &[CarrierAccount]) -> Vec<Target> {
    let ids: Vec<_> = accounts.iter().map(|_| TenantId::generate()).collect();
    let mut tx = store.platform().begin(&Actor::system("bench"), 1).await.unwrap();
    for (place, id) in ids.iter().enumerate() {
        tx.insert_as(id.clone(), tenants::tenant(place)).await.unwrap();
    }
    tx.commit().await.unwrap();
    let filled = stream::iter(ids.iter().zip(accounts).enumerate())
        .map(|(place, (id, account))| fill(store, vault, id, account, place))
        .buffered(AT_ONCE);
    filled.concat().await
}

async fn fill(
    store: &dyn Store,
    vault: &Vault,
    tenant: &TenantId,
    account: &CarrierAccount,
    place: usize,
) -> Vec<Target> {
    let mut tx = store.tenant(tenant).begin(&Actor::system("bench"), 1).await.unwrap();
    let id = AccountId::generate();
    let row = tenants::account(&mut *tx, vault, &id, account).await.unwrap();
    tx.insert_as(id.clone(), row).await.unwrap();
    let config = json!({ "prompt": "You answer the telephone. ".repeat(40), "greeting": "Hello!" });
    tx.insert(Assistant { name: "Front desk".to_owned(), config }).await.unwrap();
    let mut targets = Vec::new();
    for number in 0..NUMBERS_EACH {
        let e164 = format!("+1555{place:06}{number}");
        tx.insert(tenants::number(&e164, &id, number == 0)).await.unwrap();
        let CarrierAccount { sid, auth_token } = account.clone();
        targets.push(Target { account_sid: sid, auth_token, number: e164 });
    }
    tx.commit().await.unwrap();
    targets
}
