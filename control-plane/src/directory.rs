//! Whose call it is and everything that answering it needs of that tenant, at hand in memory.
//!
//! - A view ([`TenantView`]) is one state of a tenant: its settings, accounts with opened credentials, numbers, assistants
//!   with their providers. It never changes; a newer state is another view.
//! - A view is believed for [`DirectoryOptions::fresh_for`], and then as long as the store, asked once for all tenants, has not
//!   told of a change by another process. Where it cannot tell, the view is compared with the tenant's stamp, and read again if
//!   that has moved. What this process commits counts at once.
//! - Views are bounded in number and bytes, the least recently used go first. Of each tenant one request at a time reads,
//!   the others wait for it. What nobody has is remembered for as short a time, in a bounded table: strangers can fill it,
//!   and nothing else.
//!
//! While the database does not serve, the last view is believed for [`DirectoryOptions::believed_for`].

mod accounts;
mod bootstrap;
mod cache;
mod load;
mod options;
mod view;

pub(crate) use accounts::{Account, SigningKeys};
pub use bootstrap::BootstrapError;
pub(crate) use bootstrap::{put_configured_tenant, put_number, put_row};
pub(crate) use load::LoadError;
pub use options::DirectoryOptions;
pub(crate) use view::{Answerer, Answering, StoredNumber, TenantView};

use crate::{providers::Services, settings::TenantSettings};
use cache::{Cache, Found};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    error::Error,
    sync::{Arc, Weak},
};
use store::{Change, Store, StoreError, TenantId};
use tokio::time::{Instant, timeout};
use tracing::warn;
use vault::Vault;

#[cfg(test)]
pub(crate) use view::tests as testing;

/// Looks for a tenant's view, by outcome.
const LOOKUPS: &str = "tandem_directory_lookups_total";
/// Views that are kept, as a gauge.
const TENANTS: &str = "tandem_directory_tenants";
/// What they take, in bytes, as a gauge.
const BYTES: &str = "tandem_directory_bytes";

/// The tenants, by what a request knows of them.
pub(crate) struct Directory {
    store: Arc<dyn Store>,
    vault: Arc<Vault>,
    services: Services,
    /// The tenant of the configuration: what that says is added to what is stored.
    configured: TenantSettings,
    options: DirectoryOptions,
    cache: Mutex<Cache>,
    /// Whoever asks the store what others have changed; the rest wait for it.
    catching_up: tokio::sync::Mutex<()>,
    /// Tenants that somebody reads.
    flights: Mutex<HashMap<TenantId, Weak<tokio::sync::Mutex<()>>>>,
}

/// What a directory is made of.
pub(crate) struct DirectoryParts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) vault: Arc<Vault>,
    pub(crate) services: Services,
    pub(crate) configured: TenantSettings,
    pub(crate) options: DirectoryOptions,
}

impl Directory {
    /// A directory that hears of what this process commits.
    pub(crate) fn new(parts: DirectoryParts) -> Arc<Self> {
        let DirectoryParts { store, vault, services, configured, options } = parts;
        let directory = Arc::new(Self {
            store,
            vault,
            services,
            configured,
            options,
            cache: Mutex::new(Cache::new(options)),
            catching_up: tokio::sync::Mutex::new(()),
            flights: Mutex::new(HashMap::new()),
        });
        let listener = Arc::downgrade(&directory);
        directory.store.on_change(Arc::new(move |change| {
            if let Some(directory) = listener.upgrade() {
                match change {
                    Change::Of(tenant) => directory.cache.lock().forget(tenant),
                    Change::Told(_) => {}
                    Change::Any => directory.cache.lock().doubt(),
                }
            }
        }));
        directory
    }

    /// Hears what other processes have changed, unless somebody just did; the time up to which all of it is known. Where it cannot
    /// be heard, what is remembered is believed for a short time as ever.
    async fn catch_up(&self) -> Instant {
        let asked = Instant::now();
        let _turn = self.catching_up.lock().await;
        let is_settled = |cache: &Cache| cache.has_heard(asked) || cache.is_deaf(asked);
        if is_settled(&self.cache.lock()) {
            return asked;
        }
        let until = Instant::now();
        match timeout(self.options.hearing, self.store.catch_up()).await {
            Ok(Ok(())) => self.cache.lock().heard(until),
            Ok(Err(cause)) => {
                self.cache.lock().deaf(Instant::now());
                warn!(error = &cause as &dyn Error, "what other processes change is not heard of");
            }
            Err(_) => {
                self.cache.lock().deaf(Instant::now());
                warn!("what other processes change is not heard of: the database does not answer");
            }
        }
        until
    }

    /// A tenant by its id. The platform is none.
    ///
    /// # Errors
    /// When the database does not serve and no view is young enough, or a stored row cannot be read.
    pub(crate) async fn tenant(&self, id: &TenantId) -> Result<Option<Arc<TenantView>>, LoadError> {
        if *id == TenantId::platform() {
            return Ok(None);
        }
        if let Found::Fresh(view) = self.cache.lock().find(id, Instant::now()) {
            metrics::counter!(LOOKUPS, "outcome" => "hit").increment(1);
            return Ok(Some(view));
        }
        let now = self.catch_up().await;
        if let Found::Fresh(view) = self.cache.lock().find(id, now) {
            metrics::counter!(LOOKUPS, "outcome" => "heard").increment(1);
            return Ok(Some(view));
        }
        let flight = self.flight(id);
        let _turn = flight.lock().await;
        let old = match self.cache.lock().find(id, now.max(Instant::now())) {
            Found::Fresh(view) => {
                metrics::counter!(LOOKUPS, "outcome" => "waited").increment(1);
                return Ok(Some(view));
            }
            Found::Old { view, stamp, checked } => Some((view, stamp, checked)),
            Found::Nothing => None,
        };
        let read = match &old {
            Some((view, stamp, _)) => self.check(id, view, *stamp).await,
            None => self.load(id).await,
        };
        match (read, old) {
            (Err(cause), Some((view, _, checked))) if checked.elapsed() < self.options.believed_for => {
                metrics::counter!(LOOKUPS, "outcome" => "stale").increment(1);
                warn!(tenant = %id, error = &cause as &dyn Error, "a tenant cannot be read again: its last state is believed");
                Ok(Some(view))
            }
            (Err(cause), _) => {
                metrics::counter!(LOOKUPS, "outcome" => "failed").increment(1);
                Err(cause)
            }
            (Ok(view), _) => Ok(view),
        }
    }

    /// Whose active number this is.
    ///
    /// # Errors
    /// See [`Self::tenant`].
    pub(crate) async fn by_number(&self, e164: &str) -> Result<Option<Arc<TenantView>>, LoadError> {
        if !is_e164(e164) {
            return Ok(None);
        }
        let mut known = self.cache.lock().number(e164, Instant::now());
        if known.is_none() {
            let now = self.catch_up().await;
            known = self.cache.lock().number(e164, now);
        }
        match known {
            Some(None) => return Ok(None),
            Some(Some(tenant)) => {
                // The view, not the index, says whether the number is still its.
                if let Some(view) = self.tenant(&tenant).await?.filter(|view| view.number(e164).is_some()) {
                    return Ok(Some(view));
                }
            }
            None => {}
        }
        let generation = self.cache.lock().generation();
        let owner = match self.store.number_owner(e164).await {
            Ok(owner) => owner.map(|owner| owner.tenant),
            Err(cause) => {
                let kept = self.cache.lock().owner_among_views(|view| view.number(e164).is_some());
                return self.tenant(&kept.ok_or(cause)?).await;
            }
        };
        self.cache.lock().put_number(e164, owner.clone(), generation, Instant::now());
        let Some(owner) = owner else { return Ok(None) };
        Ok(self.tenant(&owner).await?.filter(|view| view.number(e164).is_some()))
    }

    /// Who has set up the carrier's account with this sid: nothing keeps two tenants from doing so.
    ///
    /// # Errors
    /// See [`Self::tenant`].
    pub(crate) async fn by_account(&self, sid: &str) -> Result<Vec<Arc<TenantView>>, LoadError> {
        if !is_account_sid(sid) {
            return Ok(Vec::new());
        }
        let mut known = self.cache.lock().account(sid, Instant::now());
        if known.is_none() {
            let now = self.catch_up().await;
            known = self.cache.lock().account(sid, now);
        }
        let owners = match known {
            Some(owners) => owners,
            None => {
                let generation = self.cache.lock().generation();
                match self.store.account_owners(sid).await {
                    Ok(owners) => {
                        let owners: Vec<_> = owners.into_iter().map(|owner| owner.tenant).collect();
                        self.cache.lock().put_account(sid, owners.clone(), generation, Instant::now());
                        owners
                    }
                    Err(cause) => {
                        let kept =
                            self.cache.lock().owner_among_views(|view| view.twilio_account(sid).is_some());
                        vec![kept.ok_or(cause)?]
                    }
                }
            }
        };
        let mut views = Vec::new();
        for owner in owners {
            views.extend(self.tenant(&owner).await?.filter(|view| view.twilio_account(sid).is_some()));
        }
        Ok(views)
    }

    /// Shows how much is kept.
    pub(crate) fn measure(&self) {
        let (tenants, bytes) = self.cache.lock().size();
        metrics::gauge!(TENANTS).set(u32::try_from(tenants).unwrap_or(u32::MAX));
        metrics::gauge!(BYTES).set(bytes as f64);
    }

    /// The view if the tenant's stamp is still the same, else a new one.
    async fn check(
        &self,
        id: &TenantId,
        view: &Arc<TenantView>,
        stamp: store::Stamp,
    ) -> Result<Option<Arc<TenantView>>, LoadError> {
        if self.store.tenant(id).stamp().await? == Some(stamp) {
            metrics::counter!(LOOKUPS, "outcome" => "checked").increment(1);
            self.cache.lock().confirm(id, Instant::now());
            return Ok(Some(Arc::clone(view)));
        }
        self.load(id).await
    }

    async fn load(&self, id: &TenantId) -> Result<Option<Arc<TenantView>>, LoadError> {
        let generation = self.cache.lock().generation();
        let Some((view, stamp)) = load::load(self, id).await? else {
            self.cache.lock().forget(id);
            metrics::counter!(LOOKUPS, "outcome" => "unknown").increment(1);
            return Ok(None);
        };
        metrics::counter!(LOOKUPS, "outcome" => "loaded").increment(1);
        let view = Arc::new(view);
        self.cache.lock().put(id.clone(), Arc::clone(&view), stamp, generation, Instant::now());
        Ok(Some(view))
    }

    /// The turn of those who read a tenant; it is there as long as one of them is.
    fn flight(&self, id: &TenantId) -> Arc<tokio::sync::Mutex<()>> {
        let mut flights = self.flights.lock();
        if let Some(flight) = flights.get(id).and_then(Weak::upgrade) {
            return flight;
        }
        flights.retain(|_, flight| flight.strong_count() > 0);
        let flight = Arc::new(tokio::sync::Mutex::new(()));
        flights.insert(id.clone(), Arc::downgrade(&flight));
        flight
    }
}

/// Whether it can be a number at all: what cannot is not looked up.
pub(crate) fn is_e164(number: &str) -> bool {
    number
        .strip_prefix('+')
        .is_some_and(|digits| (3..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether it can be an account at all: `AC` and 32 hexadecimal digits.
fn is_account_sid(sid: &str) -> bool {
    sid.strip_prefix("AC").is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|b| b.is_ascii_hexdigit()))
}

impl From<LoadError> for StoreError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Store(error) => error,
            other @ LoadError::Client(_) => {
                Self::Unavailable { doing: "reading a tenant", source: Box::new(other) }
            }
        }
    }
}

#[cfg(test)]
mod tests;
