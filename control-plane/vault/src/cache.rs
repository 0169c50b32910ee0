//! Data keys that were unwrapped lately. Bounded: what is not asked for is forgotten, and wiped from memory.

use crate::aead::Key;
use parking_lot::Mutex;
use std::{collections::HashMap, mem};
use store::{TenantId, ids::DataKeyId};

/// How many data keys are kept at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheOptions {
    /// Data keys kept unwrapped, at most. Default 4,096: about 1 MB, and the tenants that are busy at one time on one node; another
    /// one costs a query.
    pub data_keys: usize,
}

impl Default for CacheOptions {
    fn default() -> Self {
        Self { data_keys: 4_096 }
    }
}

/// Whose key, and which.
type Name = (TenantId, DataKeyId);

#[derive(Debug, Default)]
struct Generations {
    /// Asked for since the last change of generations.
    young: HashMap<Name, Key>,
    /// Asked for in the generation before.
    old: HashMap<Name, Key>,
}

/// Two generations: a key that is asked for is young, and the old are forgotten when there are too many young.
#[derive(Debug)]
pub(crate) struct Cache {
    each: usize,
    generations: Mutex<Generations>,
}

impl Cache {
    pub(crate) fn new(options: CacheOptions) -> Self {
        Self { each: (options.data_keys / 2).max(1), generations: Mutex::default() }
    }

    pub(crate) fn get(&self, tenant: &TenantId, id: &DataKeyId) -> Option<Key> {
        let name = (tenant.clone(), id.clone());
        let mut generations = self.generations.lock();
        if let Some(key) = generations.young.get(&name) {
            return Some(key.clone());
        }
        let key = generations.old.remove(&name)?;
        self.insert(&mut generations, name, key.clone());
        Some(key)
    }

    pub(crate) fn put(&self, tenant: &TenantId, id: &DataKeyId, key: Key) {
        self.insert(&mut self.generations.lock(), (tenant.clone(), id.clone()), key);
    }

    fn insert(&self, generations: &mut Generations, name: Name, key: Key) {
        if generations.young.len() >= self.each {
            generations.old = mem::take(&mut generations.young);
        }
        generations.young.insert(name, key);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

    use super::*;

    #[test]
    fn a_cache_never_holds_more_than_it_may_and_keeps_what_is_asked_for() {
        let cache = Cache::new(CacheOptions { data_keys: 8 });
        let tenant = TenantId::generate();
        let wanted = DataKeyId::generate();
        let key = Key::random().unwrap();
        cache.put(&tenant, &wanted, key.clone());
        for _ in 0..100 {
            cache.put(&tenant, &DataKeyId::generate(), Key::random().unwrap());
            assert_eq!(cache.get(&tenant, &wanted).unwrap().bytes(), key.bytes());
            let held = cache.generations.lock();
            assert!(held.young.len() + held.old.len() <= 8);
        }
    }

    #[test]
    fn a_key_is_kept_for_its_tenant_only() {
        let cache = Cache::new(CacheOptions::default());
        let id = DataKeyId::generate();
        cache.put(&TenantId::generate(), &id, Key::random().unwrap());
        assert!(cache.get(&TenantId::generate(), &id).is_none());
    }
}
