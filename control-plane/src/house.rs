//! A store in a folder of its own, with one tenant, for the tests of this crate.

use std::{path::PathBuf, sync::Arc};
use store::{
    Store, TenantId, TenantStore,
    model::{
        audit::Actor,
        tenant::{Tenant, TenantSettings, TenantStatus},
    },
};
use store_sqlite::{SqliteOptions, SqliteStore};

/// A store and its tenant. The folder goes with it.
pub(crate) struct House {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) tenant: TenantId,
    folder: PathBuf,
}

impl Drop for House {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

impl House {
    pub(crate) async fn new() -> Self {
        let folder = std::env::temp_dir().join(store::new_id("tandem_house"));
        std::fs::create_dir(&folder).unwrap();
        let store = SqliteStore::open(&folder.join("tandem.db"), SqliteOptions::default()).await.unwrap();
        let tenant = TenantId::generate();
        let row = Tenant {
            name: "One".to_owned(),
            slug: "one".to_owned(),
            status: TenantStatus::Active,
            settings: TenantSettings::default(),
        };
        let mut tx = store.platform().begin(&Actor::system("test"), 1).await.unwrap();
        tx.insert_as(tenant.clone(), row).await.unwrap();
        tx.commit().await.unwrap();
        Self { store: Arc::new(store), tenant, folder }
    }

    /// The tenant's part of the store.
    pub(crate) fn part(&self) -> Box<dyn TenantStore> {
        self.store.tenant(&self.tenant)
    }
}
