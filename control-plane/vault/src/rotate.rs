//! Changes keys: of the data keys (a new key-encryption key), and the data keys themselves.
//!
//! Both go tenant by tenant and row by row, each row in a unit of work of its own, and skip what is done: cut off at any point, they
//! are started again and go on. Neither deletes a data key: a secret that somebody sealed with the old one meanwhile opens all the
//! same, and the next time takes it along.

use crate::{
    KekId, Vault, VaultError,
    aead::Key,
    holders::{HoldsSecrets, exchange},
    vault::{ACTIVE, actor, now_us, open_with, seal_with},
};
use std::collections::{BTreeMap, HashMap};
use store::{
    Filter, Store, StoreError, Stored, TenantId,
    ids::{DataKeyId, Id as _, JobId},
    model::{
        account::{DataKey, DataKeyStatus, ProviderAccount},
        assistant::Assistant,
        identity::User,
        tenant::Tenant,
        webhook::WebhookEndpoint,
        work::{Job, JobStatus},
    },
};

/// Rows read at a time: a few hundred kilobytes.
pub(crate) const PAGE: u16 = 200;
/// A row that others change all the time is left for the next time after so many tries.
const TRIES: u32 = 8;
/// The job that remembers when data keys began to be renewed.
const RENEWAL: &str = "renew_data_keys";

/// Whether anything is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It is.
    Apply,
    /// It is only counted.
    DryRun,
}

/// What became of wrapping the data keys anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewrapped {
    /// Tenants that were looked at, the platform among them.
    pub tenants: u64,
    /// Data keys that are (or, of a dry run, would be) wrapped with the active key now.
    pub rewrapped: u64,
    /// Data keys that were already.
    pub unchanged: u64,
    /// Data keys that stay as they are because this node was not given what wraps them.
    pub unknown: BTreeMap<KekId, u64>,
    /// Data keys that do not open: their rows were changed or moved.
    pub damaged: u64,
}

/// What became of new data keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Renewed {
    /// Whether this went on with what was cut off before.
    pub continued: bool,
    /// Tenants that were looked at, the platform among them.
    pub tenants: u64,
    /// Tenants that have (or, of a dry run, would have) a new data key.
    pub data_keys: u64,
    /// Secrets that are (or would be) sealed anew.
    pub resealed: u64,
    /// Secrets that do not open, or were changed by others all the time: they stay as they are.
    pub left: u64,
}

impl Vault {
    /// Wraps all data keys with the ring's active key.
    ///
    /// # Errors
    /// When the store does not serve; what does not open is counted and left.
    pub async fn rewrap(&self, mode: Mode) -> Result<Rewrapped, VaultError> {
        let mut done = Rewrapped::default();
        let mut tenants = Tenants::default();
        while let Some(tenant) = tenants.next(&*self.store).await? {
            done.tenants += 1;
            let part = self.store.tenant(&tenant);
            let mut filter = Filter::first(PAGE).oldest_first();
            loop {
                let page = part.list::<DataKey>(&filter).await?;
                let Some(last) = page.last() else { break };
                filter = filter.after(last.id.as_str());
                for stored in page {
                    self.rewrap_one(&tenant, stored, mode, &mut done).await?;
                }
            }
        }
        Ok(done)
    }

    async fn rewrap_one(
        &self,
        tenant: &TenantId,
        stored: Stored<DataKey>,
        mode: Mode,
        done: &mut Rewrapped,
    ) -> Result<(), VaultError> {
        let row = &stored.value;
        if row.wrapped_with == self.ring.active().as_str() {
            done.unchanged += 1;
            return Ok(());
        }
        let key = match self.ring.unwrap(tenant, &stored.id, row) {
            Ok(key) => key,
            Err(VaultError::UnknownKek { kek, .. }) => {
                *done.unknown.entry(kek).or_default() += 1;
                return Ok(());
            }
            Err(VaultError::DamagedDataKey { data_key }) => {
                tracing::warn!(%tenant, %data_key, "the data key was changed or moved and does not open");
                done.damaged += 1;
                return Ok(());
            }
            Err(other) => return Err(other),
        };
        if mode == Mode::Apply {
            let row = self.ring.wrap(tenant, &stored.id, &key, row.status)?;
            let mut tx = self.store.tenant(tenant).begin(&actor(), now_us()).await?;
            match tx.update(&stored.id, stored.version, row).await {
                Ok(_) => tx.commit().await?,
                // Another one wrapped it at the same time, or retired it: the next time sees to it.
                Err(StoreError::Stale { .. }) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        done.rewrapped += 1;
        Ok(())
    }

    /// Gives every tenant a new data key and seals all its secrets with it.
    ///
    /// When it began is remembered in the store until it is done, so that a second start after the first was cut off gives no
    /// tenant another new key.
    ///
    /// # Errors
    /// When the store does not serve, or a data key that is still needed does not open.
    pub async fn renew_data_keys(&self, mode: Mode) -> Result<Renewed, VaultError> {
        let (began, continued) = self.renewal_began(mode).await?;
        let mut done = Renewed { continued, ..Renewed::default() };
        let mut tenants = Tenants::default();
        while let Some(tenant) = tenants.next(&*self.store).await? {
            done.tenants += 1;
            self.renew(&tenant, began, mode, &mut done).await?;
        }
        if mode == Mode::Apply {
            self.renewal_ended().await?;
        }
        Ok(done)
    }

    /// Since when data keys are being renewed, and whether that was before now.
    async fn renewal_began(&self, mode: Mode) -> Result<(i64, bool), VaultError> {
        let now = now_us();
        let platform = self.store.platform();
        if mode == Mode::DryRun {
            let running = platform.find::<Job>(RENEWAL).await?.and_then(|job| since(&job.value));
            return Ok((running.unwrap_or(now), running.is_some()));
        }
        let mut tx = platform.begin(&actor(), now).await?;
        let known = tx.find::<Job>(RENEWAL).await?;
        if let Some(began) = known.as_ref().and_then(|job| since(&job.value)) {
            return Ok((began, true));
        }
        let job = Job {
            kind: RENEWAL.to_owned(),
            key: Some(RENEWAL.to_owned()),
            subject: None,
            status: JobStatus::Running,
            step: "reseal".to_owned(),
            state: serde_json::json!({ "since": now }),
            attempts: 0,
            error: None,
        };
        match known {
            Some(known) => tx.update(&known.id, known.version, job).await?,
            None => tx.insert_as(JobId::generate(), job).await?,
        };
        tx.commit().await?;
        Ok((now, false))
    }

    async fn renewal_ended(&self) -> Result<(), VaultError> {
        let mut tx = self.store.platform().begin(&actor(), now_us()).await?;
        if let Some(job) = tx.find::<Job>(RENEWAL).await? {
            tx.update(&job.id, job.version, Job { status: JobStatus::Done, ..job.value }).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    async fn renew(
        &self,
        tenant: &TenantId,
        began: i64,
        mode: Mode,
        done: &mut Renewed,
    ) -> Result<(), VaultError> {
        let part = self.store.tenant(tenant);
        let Some(active) = part.find::<DataKey>(ACTIVE).await? else { return Ok(()) };
        let is_new = active.created_at >= began;
        let to = match (is_new, mode) {
            (true, _) => Some((active.id.clone(), self.data_key(tenant, &active.id).await?)),
            (false, Mode::DryRun) => None,
            (false, Mode::Apply) => Some(self.replace(tenant, active).await?),
        };
        done.data_keys += u64::from(!is_new);
        let to = to.as_ref();
        self.reseal_all::<ProviderAccount>(tenant, to, mode, done).await?;
        self.reseal_all::<WebhookEndpoint>(tenant, to, mode, done).await?;
        self.reseal_all::<Assistant>(tenant, to, mode, done).await?;
        self.reseal_all::<User>(tenant, to, mode, done).await?;
        self.reseal_all::<Job>(tenant, to, mode, done).await
    }

    /// A new data key in the place of the one that seals, which is kept for what it has sealed.
    async fn replace(&self, tenant: &TenantId, old: Stored<DataKey>) -> Result<(DataKeyId, Key), VaultError> {
        let (id, key) = (DataKeyId::generate(), Key::random()?);
        let row = self.ring.wrap(tenant, &id, &key, DataKeyStatus::Active)?;
        let mut tx = self.store.tenant(tenant).begin(&actor(), now_us()).await?;
        let retired = DataKey { status: DataKeyStatus::Retired, ..old.value };
        match tx.update(&old.id, old.version, retired).await {
            Ok(_) => {}
            // Another one renews it at the same time.
            Err(StoreError::Stale { .. }) => {
                drop(tx);
                return self.active_key(tenant).await;
            }
            Err(error) => return Err(error.into()),
        }
        tx.insert_as(id.clone(), row).await?;
        tx.commit().await?;
        Ok((id, key))
    }

    /// Seals the secrets of all resources of a kind with the data key `to`; `None`: one that would be made.
    async fn reseal_all<T: HoldsSecrets>(
        &self,
        tenant: &TenantId,
        to: Option<&(DataKeyId, Key)>,
        mode: Mode,
        done: &mut Renewed,
    ) -> Result<(), VaultError> {
        let part = self.store.tenant(tenant);
        let mut filter = Filter::first(PAGE).oldest_first();
        loop {
            let page = part.list::<T>(&filter).await?;
            let Some(last) = page.last() else { return Ok(()) };
            filter = filter.after(last.id.as_str());
            for stored in &page {
                let secrets = stored.value.secrets(&stored.id);
                let old =
                    secrets.iter().filter(|(_, sealed)| to.is_none_or(|(id, _)| *id != sealed.sealed_with));
                let old = old.count() as u64;
                match (mode, to) {
                    (Mode::Apply, Some(to)) if old > 0 => {
                        let resealed = self.reseal::<T>(tenant, &stored.id, to).await?;
                        done.resealed += resealed;
                        done.left += old.saturating_sub(resealed);
                    }
                    (Mode::Apply | Mode::DryRun, _) => done.resealed += old,
                }
            }
        }
    }

    /// Seals the secrets of one resource with the data key `to`, and says how many.
    async fn reseal<T: HoldsSecrets>(
        &self,
        tenant: &TenantId,
        id: &T::Id,
        (to, key): &(DataKeyId, Key),
    ) -> Result<u64, VaultError> {
        let part = self.store.tenant(tenant);
        for _ in 0..TRIES {
            let Some(stored) = part.get::<T>(id).await? else { return Ok(0) };
            let mut exchanged = HashMap::new();
            for (place, sealed) in stored.value.secrets(&stored.id) {
                if sealed.sealed_with == *to {
                    continue;
                }
                match self.open(tenant, &place, &sealed).await {
                    Ok(secret) => {
                        exchanged.insert(sealed.sealed, seal_with(tenant, to, key, &place, &secret)?);
                    }
                    Err(error @ VaultError::Store(_)) => return Err(error),
                    Err(error) => tracing::warn!(%tenant, %error, "a secret is left as it is"),
                }
            }
            let count = exchanged.len() as u64;
            if count == 0 {
                return Ok(0);
            }
            let value = exchange(&stored.value, &exchanged)?;
            let mut tx = part.begin(&actor(), now_us()).await?;
            match tx.update(id, stored.version, value).await {
                Ok(_) => {
                    tx.commit().await?;
                    return Ok(count);
                }
                Err(StoreError::Stale { .. } | StoreError::Missing { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        tracing::warn!(%tenant, id = %id, "others change the resource all the time; its secrets are left as they are");
        Ok(0)
    }

    /// Whether a secret opens.
    pub(crate) async fn opens(
        &self,
        tenant: &TenantId,
        place: &crate::Place,
        sealed: &store::model::account::Sealed,
    ) -> Result<bool, VaultError> {
        match self.data_key(tenant, &sealed.sealed_with).await {
            Ok(key) => Ok(open_with(tenant, &key, place, sealed).is_ok()),
            Err(error @ VaultError::Store(_)) => Err(error),
            Err(_) => Ok(false),
        }
    }
}

/// When a renewal that is not over began.
fn since(job: &Job) -> Option<i64> {
    if job.status == JobStatus::Running { job.state.get("since")?.as_i64() } else { None }
}

/// All tenants, the platform among them, page by page.
#[derive(Default)]
pub(crate) struct Tenants {
    page: Vec<TenantId>,
    after: Option<TenantId>,
}

impl Tenants {
    pub(crate) async fn next(&mut self, store: &dyn Store) -> Result<Option<TenantId>, StoreError> {
        if self.page.is_empty() {
            let mut filter = Filter::first(PAGE).oldest_first();
            filter.after = self.after.as_ref().map(|id| id.as_str().to_owned());
            let tenants = store.platform().list::<Tenant>(&filter).await?;
            self.page = tenants.into_iter().rev().map(|tenant| tenant.id).collect();
        }
        let next = self.page.pop();
        if next.is_some() {
            self.after.clone_from(&next);
        }
        Ok(next)
    }
}
