//! A server with some tenants, each with an account at the carrier, a number and a key, and what is asked of it.

use benches::{
    served::{Database, Served},
    tenants::{self, CarrierAccount, buy_number, carrier_accounts},
};
use engine::provider::{
    Secret,
    http::{HttpOptions, http_client},
};
use identity::api_key::{self, NewKey};
use reqwest::Client;
use serde_json::Value;
use std::{error::Error, time::Duration};
use store::{
    Store, TenantId,
    ids::AccountId,
    model::{audit::Actor, identity::KeyMode},
};
use tokio::time::sleep;
use vault::Vault;

/// How long a server that is just being killed, or started, is asked again.
const TRIES: u32 = 150;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(200);

/// Why there is nothing to measure.
pub type Failure = Box<dyn Error + Send + Sync>;

pub struct House {
    pub served: Served,
    /// Of each tenant.
    keys: Vec<Secret>,
    client: Client,
}

impl House {
    /// `None`: there is no such database here.
    pub async fn found(database: Database, carrier: &str, tenants: usize) -> Result<Option<Self>, Failure> {
        let accounts = carrier_accounts(carrier, tenants).await?;
        for (place, account) in accounts.iter().enumerate() {
            buy_number(carrier, account, &number_of(place)).await?;
        }
        let found = Served::found(database, carrier, async |store, vault| {
            let mut keys = Vec::new();
            for (place, account) in accounts.iter().enumerate() {
                keys.push(fill(&**store, vault, place, account).await?);
            }
            Ok::<_, Failure>(keys)
        });
        let Some((served, keys)) = found.await? else { return Ok(None) };
        Ok(Some(Self { served, keys: keys?, client: http_client(HttpOptions::default())? }))
    }

    /// `None`: no answer came.
    pub async fn post(&self, tenant: usize, path: &str, body: &Value, key: &str) -> Option<(u16, Value)> {
        let request = self
            .client
            .post(format!("{}{path}", self.served.base_url))
            .bearer_auth(self.keys[tenant].reveal())
            .header("content-type", "application/json")
            .header("idempotency-key", key)
            .body(body.to_string());
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        Some((status, serde_json::from_str(&answer.text().await.ok()?).unwrap_or_default()))
    }

    /// Asks with the same key until there is an answer, and expects that it is accepted.
    pub async fn accepted(&self, tenant: usize, path: &str, body: &Value, key: &str) -> Value {
        for _ in 0..TRIES {
            match self.post(tenant, path, body, key).await {
                Some((202, made)) => return made,
                Some((status, said)) => panic!("{status} {said}"),
                None => sleep(PAUSE).await,
            }
        }
        panic!("there is no answer to {path}");
    }

    /// `None`: no answer came.
    pub async fn get(&self, tenant: usize, path: &str) -> Option<Value> {
        let url = format!("{}{path}", self.served.base_url);
        let request = self.client.get(url).bearer_auth(self.keys[tenant].reveal());
        serde_json::from_str(&request.send().await.ok()?.text().await.ok()?).ok()
    }
}

fn number_of(place: usize) -> String {
    format!("+1555010{place:02}")
}

async fn fill(
    store: &dyn Store,
    vault: &Vault,
    place: usize,
    account: &CarrierAccount,
) -> Result<Secret, Failure> {
    let id = TenantId::generate();
    let mut tx = store.platform().begin(&Actor::system("bench"), 1).await?;
    tx.insert_as(id.clone(), tenants::tenant(place)).await?;
    tx.commit().await?;
    let part = store.tenant(&id);
    let mut tx = part.begin(&Actor::system("bench"), 1).await?;
    let own = AccountId::generate();
    let row = tenants::account(&mut *tx, vault, &own, account).await?;
    tx.insert_as(own.clone(), row).await?;
    tx.insert(tenants::number(&number_of(place), &own, true)).await?;
    let new = NewKey { name: "bench".to_owned(), scopes: Vec::new(), mode: KeyMode::Live, expires_at: None };
    let (key, row) = api_key::first(new);
    tx.insert(row).await?;
    tx.commit().await?;
    Ok(key)
}
