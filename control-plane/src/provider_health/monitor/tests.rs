//! Whose providers are asked.

use super::*;
use crate::messengers::{MessengerOptions, Messengers};
use provisioning::{ProvisionerOptions, Settings};
use std::path::PathBuf;
use store::model::{
    tenant::{TenantSettings, TenantStatus},
    work::HealthStatus,
};
use store_sqlite::{SqliteOptions, SqliteStore};
use twilio_rest::{TwilioClient, TwilioOptions};
use vault::{KeyRing, Vault, new_key};

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{} stays behind: {error}", self.0.display());
        }
    }
}

async fn tenant(store: &dyn Store, slug: &str, status: TenantStatus) -> TenantId {
    let id = TenantId::generate();
    let row =
        Tenant { name: slug.to_owned(), slug: slug.to_owned(), status, settings: TenantSettings::default() };
    let mut tx = store.platform().begin(&Actor::system("test"), 1).await.unwrap();
    tx.insert_as(id.clone(), row).await.unwrap();
    tx.commit().await.unwrap();
    id
}

async fn rows(store: &dyn Store, tenant: &TenantId) -> Vec<Stored<Health>> {
    store.tenant(tenant).list::<Health>(&Filter::first(10)).await.unwrap()
}

#[tokio::test]
async fn a_round_asks_every_tenant_that_is_served_and_due_and_no_other() {
    let folder = Folder(std::env::temp_dir().join(store::new_id("tandem_monitor")));
    std::fs::create_dir(&folder.0).unwrap();
    let file = folder.0.join("tandem.db");
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&file, SqliteOptions::default()).await.unwrap());
    let vault = Arc::new(Vault::new(Arc::clone(&store), KeyRing::new(&[new_key().unwrap()]).unwrap()));
    let nowhere = TwilioClient::new(TwilioOptions::at("http://127.0.0.1:9".parse().unwrap())).unwrap();
    let settings = Settings {
        outage_url: None,
        base_url: "https://voice.example.test/".parse().unwrap(),
        product: "Tandem".to_owned(),
        platform: None,
        configured: Default::default(),
        options: ProvisionerOptions::default(),
    };
    let messengers = Messengers::new(nowhere.clone(), MessengerOptions::default()).unwrap();
    let trial = Arc::new(Trial::new(messengers, BTreeMap::new(), Duration::from_secs(1)).unwrap());
    let provisioner = Arc::new(Provisioner::new(Arc::clone(&store), Arc::clone(&vault), nowhere, settings));
    let watch = Watch { pace: Duration::ZERO, ..Watch::default() };
    let monitor = Monitor::new(Arc::clone(&store), vault, provisioner, trial, watch);

    // More than are looked up at once.
    let mut served = Vec::new();
    for number in 0..=PAGE {
        served.push(tenant(&*store, &format!("tenant-{number}"), TenantStatus::Active).await);
    }
    let suspended = tenant(&*store, "suspended", TenantStatus::Suspended).await;
    monitor.round().await.unwrap();
    for id in &served {
        let [row] = &rows(&*store, id).await[..] else { panic!("{id} was not asked") };
        assert_eq!((row.value.status, row.version), (HealthStatus::NotConfigured, 1));
    }
    assert_eq!(rows(&*store, &suspended).await, []);

    let [row] = &rows(&*store, &served[7]).await[..] else { panic!("it was asked") };
    let due = Health { due_at: 1, ..row.value.clone() };
    let mut tx = store.tenant(&served[7]).begin(&Actor::system("test"), 1).await.unwrap();
    tx.update::<Health>(&row.id, row.version, due).await.unwrap();
    tx.commit().await.unwrap();
    monitor.round().await.unwrap();
    let mut versions = Vec::new();
    for id in &served {
        versions.push(rows(&*store, id).await[0].version);
    }
    assert_eq!(versions[7], 3, "it was due");
    assert_eq!(versions.iter().filter(|version| **version == 1).count(), usize::from(PAGE), "no other was");
}
