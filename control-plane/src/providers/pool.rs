//! Clients that are in use, each once. A pool keeps none alive: it holds as many as there are users.

use super::{Access, Dialect, Service};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    convert::Infallible,
    fmt,
    sync::{Arc, Weak},
};

/// What clients have in common that are the same.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct ClientKey {
    service: Service,
    base_url: String,
    /// SHA-256, so that the pool holds no key longer than its client does.
    api_key: Option<[u8; 32]>,
    dialect: Dialect,
    model: String,
}

impl ClientKey {
    pub(super) fn new(service: Service, access: &Access, model: &str) -> Self {
        Self {
            service,
            base_url: access.base_url.to_string(),
            api_key: access.api_key.as_ref().map(|key| Sha256::digest(key.reveal().as_bytes()).into()),
            dialect: access.dialect.clone(),
            model: model.to_owned(),
        }
    }
}

/// Clients by what they have in common.
pub(super) struct Pool<P: ?Sized> {
    clients: Mutex<Entries<P>>,
}

struct Entries<P: ?Sized> {
    by_key: HashMap<ClientKey, Weak<P>>,
    /// Those that nobody uses any more are forgotten when there are so many.
    swept_at: usize,
}

/// Fewer than so many are not worth a sweep.
const SWEPT_AT_LEAST: usize = 64;

impl<P: ?Sized> Pool<P> {
    pub(super) fn get_or_make(&self, key: ClientKey, make: impl FnOnce() -> Arc<P>) -> Arc<P> {
        match self.try_get_or_make(key, || Ok::<_, Infallible>(make())) {
            Ok(client) => client,
            Err(never) => match never {},
        }
    }

    pub(super) fn try_get_or_make<E>(
        &self,
        key: ClientKey,
        make: impl FnOnce() -> Result<Arc<P>, E>,
    ) -> Result<Arc<P>, E> {
        let mut clients = self.clients.lock();
        if let Some(client) = clients.by_key.get(&key).and_then(Weak::upgrade) {
            return Ok(client);
        }
        let client = make()?;
        if clients.by_key.len() >= clients.swept_at {
            clients.by_key.retain(|_, client| client.strong_count() > 0);
            clients.swept_at = (clients.by_key.len() * 2).max(SWEPT_AT_LEAST);
        }
        clients.by_key.insert(key, Arc::downgrade(&client));
        Ok(client)
    }
}

impl<P: ?Sized> Default for Pool<P> {
    fn default() -> Self {
        Self { clients: Mutex::new(Entries { by_key: HashMap::new(), swept_at: SWEPT_AT_LEAST }) }
    }
}

impl<P: ?Sized> fmt::Debug for Pool<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool({})", self.clients.lock().by_key.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::provider::Secret;

    fn key(service: Service, address: &str, api_key: &str, model: &str) -> ClientKey {
        let access = Access {
            base_url: address.parse().unwrap(),
            api_key: Some(Secret::new(api_key)),
            dialect: Dialect::default(),
        };
        ClientKey::new(service, &access, model)
    }

    #[test]
    fn the_same_service_with_the_same_key_has_one_client_and_another_key_its_own() {
        let pool = Pool::<str>::default();
        let at = |address, api_key| {
            pool.get_or_make(key(Service::Openai, address, api_key, "m"), || Arc::from("client"))
        };
        let first = at("https://a.example", "one");
        assert!(Arc::ptr_eq(&first, &at("https://a.example", "one")));
        assert!(!Arc::ptr_eq(&first, &at("https://a.example", "two")));
        assert!(!Arc::ptr_eq(&first, &at("https://b.example", "one")));
    }

    #[test]
    fn what_nobody_uses_is_forgotten() {
        let pool = Pool::<str>::default();
        for number in 0..1_000 {
            pool.get_or_make(key(Service::Openai, "https://a.example", &number.to_string(), "m"), || {
                Arc::from("client")
            });
        }
        assert!(pool.clients.lock().by_key.len() <= SWEPT_AT_LEAST);
    }
}
