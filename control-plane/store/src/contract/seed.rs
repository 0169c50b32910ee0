//! Many tenants, to see what their number costs.

use super::{actor, samples};
use crate::{Store, TenantId, model::number::Number};

/// How many of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed {
    /// Tenants, each with one key.
    pub tenants: u32,
    /// Numbers of each tenant; the first is its primary one.
    pub numbers_each: u32,
}

/// What leads to one of the tenants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeded {
    /// The tenant.
    pub tenant: TenantId,
    /// The hash of its key.
    pub key_hash: String,
    /// Its first number.
    pub e164: String,
}

/// The number `number` of tenant `tenant`: no two are the same up to 10,000 tenants with 10 numbers.
fn e164(tenant: u32, number: u32) -> String {
    format!("+1555{tenant:05}{number:02}")
}

/// Adds tenants with keys and numbers, one unit of work each, and gives all of them.
pub async fn seed(store: &dyn Store, seed: Seed) -> Vec<Seeded> {
    let mut seeded = Vec::new();
    for tenant in 0..seed.tenants {
        let id = TenantId::generate();
        let mut tx = store.platform().begin(&actor(), 1).await.unwrap();
        tx.insert_as(id.clone(), samples::tenant_value(&format!("tenant-{tenant}"))).await.unwrap();
        tx.commit().await.unwrap();
        let key_hash = format!("hash-{tenant}");
        let mut tx = store.tenant(&id).begin(&actor(), 1).await.unwrap();
        tx.insert(samples::api_key(&key_hash)).await.unwrap();
        for number in 0..seed.numbers_each {
            let value = Number { primary: number == 0, ..samples::number(&e164(tenant, number)) };
            tx.insert(value).await.unwrap();
        }
        tx.commit().await.unwrap();
        seeded.push(Seeded { tenant: id, key_hash, e164: e164(tenant, 0) });
    }
    seeded
}
