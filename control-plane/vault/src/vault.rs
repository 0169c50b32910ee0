//! Seals and opens a tenant's secrets, and makes its first data key.

use crate::{
    KeyRing, Place, VaultError,
    aead::Key,
    cache::{Cache, CacheOptions},
};
use engine::provider::Secret;
use std::{
    fmt, str,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use store::{
    Store, StoreError, TenantId, TenantTx,
    ids::DataKeyId,
    model::{
        account::{DataKey, DataKeyStatus, Sealed},
        audit::Actor,
    },
};

/// Lookup key of the data key that seals.
pub(crate) const ACTIVE: &str = "active";

/// Seals and opens secrets. One for each process, shared.
pub struct Vault {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) ring: KeyRing,
    cache: Cache,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("ring", &self.ring).finish_non_exhaustive()
    }
}

impl Vault {
    /// A vault on `store` with the keys of `ring`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, ring: KeyRing) -> Self {
        Self::with_options(store, ring, CacheOptions::default())
    }

    /// As [`Self::new`], with a cache of another size.
    #[must_use]
    pub fn with_options(store: Arc<dyn Store>, ring: KeyRing, cache: CacheOptions) -> Self {
        Self { store, ring, cache: Cache::new(cache) }
    }

    /// Which keys it wraps and opens with.
    #[must_use]
    pub fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// Makes sure that this node's keys are those of the installation: the platform's own data key opens, and is made if there is
    /// none. To be called once at the start, so that a wrong key is found before a secret is sealed with it.
    ///
    /// # Errors
    /// [`VaultError::UnknownKek`] when the database belongs to another key.
    pub async fn check(&self) -> Result<(), VaultError> {
        self.active_key(&TenantId::platform()).await.map(drop)
    }

    /// Seals a secret of `tenant` for `place`.
    ///
    /// The tenant's row must be there. Makes the tenant's data key if it has none, in a unit of work of its own: where one is open
    /// already, use [`Self::seal_in`].
    ///
    /// # Errors
    /// [`VaultError`].
    pub async fn seal(
        &self,
        tenant: &TenantId,
        place: &Place,
        secret: &Secret,
    ) -> Result<Sealed, VaultError> {
        let (id, key) = self.active_key(tenant).await?;
        seal_with(tenant, &id, &key, place, secret)
    }

    /// As [`Self::seal`], within a unit of work of the tenant: a data key that is made for it counts with the rest or not at all.
    ///
    /// # Errors
    /// [`VaultError`].
    pub async fn seal_in(
        &self,
        tx: &mut dyn TenantTx,
        place: &Place,
        secret: &Secret,
    ) -> Result<Sealed, VaultError> {
        let tenant = tx.tenant().clone();
        if let Some(stored) = tx.find::<DataKey>(ACTIVE).await? {
            let key = self.unwrap(&tenant, &stored.id, &stored.value)?;
            return seal_with(&tenant, &stored.id, &key, place, secret);
        }
        let (id, key) = (DataKeyId::generate(), Key::random()?);
        let row = self.ring.wrap(&tenant, &id, &key, DataKeyStatus::Active)?;
        if tx.insert_new(id.clone(), row).await?.is_some() {
            return seal_with(&tenant, &id, &key, place, secret);
        }
        // Another one made it at the same time.
        let stored = tx.find::<DataKey>(ACTIVE).await?.ok_or(StoreError::Missing { what: "data_key" })?;
        let key = self.unwrap(&tenant, &stored.id, &stored.value)?;
        seal_with(&tenant, &stored.id, &key, place, secret)
    }

    /// Opens a secret of `tenant` that was sealed for `place`.
    ///
    /// # Errors
    /// [`VaultError::DoesNotOpen`] for what was changed or moved.
    pub async fn open(
        &self,
        tenant: &TenantId,
        place: &Place,
        sealed: &Sealed,
    ) -> Result<Secret, VaultError> {
        let key = self.data_key(tenant, &sealed.sealed_with).await?;
        open_with(tenant, &key, place, sealed)
    }

    /// A data key by its id.
    pub(crate) async fn data_key(&self, tenant: &TenantId, id: &DataKeyId) -> Result<Key, VaultError> {
        if let Some(key) = self.cache.get(tenant, id) {
            return Ok(key);
        }
        let stored = self.store.tenant(tenant).get::<DataKey>(id).await?;
        let stored = stored.ok_or_else(|| VaultError::UnknownDataKey { data_key: id.clone() })?;
        self.unwrap(tenant, id, &stored.value)
    }

    /// The data key that seals. It is looked up every time, so that one that another node has made counts at once.
    pub(crate) async fn active_key(&self, tenant: &TenantId) -> Result<(DataKeyId, Key), VaultError> {
        let part = self.store.tenant(tenant);
        if let Some(stored) = part.find::<DataKey>(ACTIVE).await? {
            return Ok((stored.id.clone(), self.unwrap(tenant, &stored.id, &stored.value)?));
        }
        let (id, key) = (DataKeyId::generate(), Key::random()?);
        let row = self.ring.wrap(tenant, &id, &key, DataKeyStatus::Active)?;
        let mut tx = part.begin(&actor(), now_us()).await?;
        if tx.insert_new(id.clone(), row).await?.is_some() {
            tx.commit().await?;
            self.cache.put(tenant, &id, key.clone());
            return Ok((id, key));
        }
        // Another one, perhaps on another node, made it at the same time.
        drop(tx);
        let stored = part.find::<DataKey>(ACTIVE).await?.ok_or(StoreError::Missing { what: "data_key" })?;
        Ok((stored.id.clone(), self.unwrap(tenant, &stored.id, &stored.value)?))
    }

    fn unwrap(&self, tenant: &TenantId, id: &DataKeyId, row: &DataKey) -> Result<Key, VaultError> {
        if let Some(key) = self.cache.get(tenant, id) {
            return Ok(key);
        }
        let key = self.ring.unwrap(tenant, id, row)?;
        self.cache.put(tenant, id, key.clone());
        Ok(key)
    }
}

pub(crate) fn seal_with(
    tenant: &TenantId,
    id: &DataKeyId,
    key: &Key,
    place: &Place,
    secret: &Secret,
) -> Result<Sealed, VaultError> {
    let sealed = key.seal(&place.bind(tenant, id), secret.reveal().as_bytes())?;
    Ok(Sealed { sealed_with: id.clone(), sealed })
}

pub(crate) fn open_with(
    tenant: &TenantId,
    key: &Key,
    place: &Place,
    sealed: &Sealed,
) -> Result<Secret, VaultError> {
    key.open(&place.bind(tenant, &sealed.sealed_with), &sealed.sealed)
        .and_then(|plain| str::from_utf8(&plain).ok().map(Secret::new))
        .ok_or_else(|| VaultError::DoesNotOpen { place: place.clone() })
}

/// Who makes data keys and seals anew.
pub(crate) fn actor() -> Actor {
    Actor::system("vault")
}

/// Unix microseconds, now.
pub(crate) fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
