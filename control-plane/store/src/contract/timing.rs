//! What a question before the tenant is known costs, with few tenants and with many. Figures for people, not a test.

use super::seed::{Seed, Seeded, seed};
use crate::Store;
use std::time::{Duration, Instant};

/// How often each question is asked.
const ROUNDS: usize = 2_000;

/// Prints percentiles of looking up whose number and whose key it is in a store with `tenants` tenants of three numbers each.
/// The store must be empty.
#[expect(clippy::print_stdout, reason = "it serves a program that prints")]
pub async fn time_lookups(store: &dyn Store, tenants: u32) {
    let began = Instant::now();
    let seeded = seed(store, Seed { tenants, numbers_each: 3 }).await;
    println!("{tenants} tenants, {} numbers, written in {:.1} s", tenants * 3, began.elapsed().as_secs_f32());
    let mut numbers = Vec::with_capacity(ROUNDS);
    let mut keys = Vec::with_capacity(ROUNDS);
    // Strides through all tenants, so that no question is asked twice in a row.
    for round in 0..ROUNDS {
        let Seeded { tenant, key_hash, e164 } = &seeded[round * 7_919 % seeded.len()];
        let asked = Instant::now();
        let owner = store.number_owner(e164).await.unwrap().unwrap();
        numbers.push(asked.elapsed());
        assert_eq!(owner.tenant, *tenant);
        let asked = Instant::now();
        let owner = store.key_owner(key_hash).await.unwrap().unwrap();
        keys.push(asked.elapsed());
        assert_eq!(owner.tenant, *tenant);
    }
    for (what, mut times) in [("number", numbers), ("key", keys)] {
        times.sort_unstable();
        let at = |share: usize| times.get(ROUNDS * share / 100).copied().unwrap_or(Duration::ZERO);
        println!("  whose {what} it is: p50 {:?}, p99 {:?}", at(50), at(99));
    }
}
