//! A server whose tenants take calls.

use crate::seed::{NUMBERS_EACH, Target, seed};
use benches::{
    served::{Database, Served},
    tenants::CarrierAccount,
};
use rand::{rng, seq::SliceRandom};
use std::time::Instant;

pub struct Server {
    pub targets: Vec<Target>,
    pub served: Served,
}

impl Server {
    /// A server with a tenant for each account, which is not started yet; `None` if there is no such database here.
    pub async fn found(database: Database, accounts: &[CarrierAccount], carrier: &str) -> Option<Self> {
        let began = Instant::now();
        let found =
            Served::found(database, carrier, async |store, vault| seed(&**store, vault, accounts).await);
        let (served, targets) = found.await.unwrap()?;
        eprintln!("{database}: {} numbers in {:.1?}", targets.len(), began.elapsed());
        Some(Self { targets, served })
    }

    /// One number of each of so many tenants, in any order.
    pub fn some_tenants(&self, count: usize) -> Vec<Target> {
        let mut targets: Vec<_> = self.targets.iter().step_by(NUMBERS_EACH).cloned().collect();
        targets.shuffle(&mut rng());
        targets.truncate(count);
        targets
    }
}
