use super::*;
use crate::providers::{Providers, Stage};
use engine::{ids::AssistantId, ports::Assistant, provider::Secret};
use futures_util::future::join_all;
use std::{collections::BTreeMap, path::PathBuf, time::Duration};
use store::model::{
    audit::Actor,
    number::{Capabilities, Number, NumberStatus, Routing},
    tenant::{Tenant, TenantSettings as StoredSettings, TenantStatus},
};
use store_sqlite::{SqliteOptions, SqliteStore};
use vault::{KeyRing, new_key};

/// A directory on a database of its own, whose folder goes with it.
struct Fixture {
    directory: Arc<Directory>,
    store: Arc<dyn Store>,
    folder: PathBuf,
}

impl Fixture {
    async fn new(fresh_for: Duration) -> Self {
        let folder = std::env::temp_dir().join(store::new_id("tandem_directory"));
        std::fs::create_dir(&folder).unwrap();
        let store: Arc<dyn Store> =
            Arc::new(SqliteStore::open(&folder.join("tandem.db"), SqliteOptions::default()).await.unwrap());
        let ring = KeyRing::new(&[new_key().unwrap()]).unwrap();
        let directory = Directory::new(DirectoryParts {
            store: Arc::clone(&store),
            vault: Arc::new(Vault::new(Arc::clone(&store), ring)),
            services: services(),
            configured: configured(),
            options: DirectoryOptions { fresh_for, ..DirectoryOptions::default() },
        });
        Self { directory, store, folder }
    }

    async fn add_tenant(&self, slug: &str) -> TenantId {
        let id = TenantId::generate();
        let mut tx = self.store.platform().begin(&Actor::system("test"), 1).await.unwrap();
        let tenant = Tenant {
            name: slug.to_owned(),
            slug: slug.to_owned(),
            status: TenantStatus::Active,
            settings: StoredSettings::default(),
        };
        tx.insert_as(id.clone(), tenant).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    async fn add_number(&self, tenant: &TenantId, e164: &str) {
        let mut tx = self.store.tenant(tenant).begin(&Actor::system("test"), 1).await.unwrap();
        let number = Number {
            e164: e164.to_owned(),
            carrier_sid: None,
            account: None,
            name: String::new(),
            status: NumberStatus::Active,
            primary: false,
            capabilities: Capabilities::default(),
            greeting: None,
            voice: None,
            flow: None,
            routing: Routing::default(),
        };
        tx.insert(number).await.unwrap();
        tx.commit().await.unwrap();
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            eprintln!("{} stays behind: {error}", self.folder.display());
        }
    }
}

fn services() -> Services {
    Services {
        addresses: BTreeMap::new(),
        access: BTreeMap::new(),
        stt: Stage::default(),
        llm: Stage::default(),
        tts: Stage::default(),
        clients: Arc::default(),
    }
}

/// The tenant of a configuration that has nothing.
fn configured() -> TenantSettings {
    TenantSettings {
        id: "configured".into(),
        name: "Configured".to_owned(),
        twilio: crate::settings::TwilioAccount {
            account_sid: String::new(),
            auth_token: Secret::new(""),
            previous_auth_token: None,
            shared_keys: HashMap::new(),
        },
        numbers: Vec::new(),
        assistant: Arc::new(Assistant {
            id: AssistantId("asst_1".to_owned()),
            prompt: String::new(),
            greeting: None,
            idle_prompts: Vec::new(),
            goodbye: String::new(),
            apology: String::new(),
            tool_filler: String::new(),
            language: "en".to_owned(),
            voice: String::new(),
            keyterms: Vec::new(),
            tools: Vec::new(),
            max_tokens: 100,
        }),
        remote_tools: HashMap::new(),
        transfer_targets: HashMap::new(),
        providers: Providers::default(),
        record: true,
        texts: Default::default(),
    }
}

const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn requests_that_come_at_once_read_a_tenant_once() {
    let fixture = Fixture::new(HOUR).await;
    let id = fixture.add_tenant("a").await;
    let looks = (0..100).map(|_| fixture.directory.tenant(&id));
    let views: Vec<_> = join_all(looks).await.into_iter().map(|view| view.unwrap().unwrap()).collect();
    assert!(views.iter().all(|view| Arc::ptr_eq(view, &views[0])), "the others waited for the first");
    assert!(fixture.directory.flights.lock().values().all(|flight| flight.strong_count() == 0));
}

#[tokio::test]
async fn what_this_process_commits_counts_at_once() {
    let fixture = Fixture::new(HOUR).await;
    let id = fixture.add_tenant("a").await;
    assert!(fixture.directory.tenant(&id).await.unwrap().is_some());
    assert!(fixture.directory.by_number("+15550100").await.unwrap().is_none());
    fixture.add_number(&id, "+15550100").await;
    let view = fixture.directory.by_number("+15550100").await.unwrap().unwrap();
    assert_eq!(view.id.0, id.as_str());
    assert!(Arc::ptr_eq(&view, &fixture.directory.tenant(&id).await.unwrap().unwrap()));
}

#[tokio::test]
async fn a_view_whose_stamp_has_not_moved_is_kept() {
    let fixture = Fixture::new(Duration::ZERO).await;
    let id = fixture.add_tenant("a").await;
    let first = fixture.directory.tenant(&id).await.unwrap().unwrap();
    assert!(Arc::ptr_eq(&first, &fixture.directory.tenant(&id).await.unwrap().unwrap()));
    fixture.add_number(&id, "+15550100").await;
    assert!(!Arc::ptr_eq(&first, &fixture.directory.tenant(&id).await.unwrap().unwrap()));
}

#[tokio::test]
async fn nobody_is_found_where_there_is_nobody() {
    let fixture = Fixture::new(HOUR).await;
    let directory = &fixture.directory;
    assert!(directory.tenant(&TenantId::generate()).await.unwrap().is_none());
    assert!(directory.tenant(&TenantId::platform()).await.unwrap().is_none());
    let long = "9".repeat(10_000);
    for number in ["", "+", "+1", "15550100", "+1555010O", "client:somebody", &format!("+{long}")] {
        assert!(directory.by_number(number).await.unwrap().is_none(), "{number}");
        assert!(directory.by_account(number).await.unwrap().is_empty(), "{number}");
    }
    assert_eq!(directory.cache.lock().remembered(), 0, "what cannot be a number is not remembered");
    assert!(directory.by_number("+15550100").await.unwrap().is_none());
    assert!(directory.by_account(&format!("AC{}", "0".repeat(32))).await.unwrap().is_empty());
    assert_eq!(directory.cache.lock().remembered(), 2);
}

#[tokio::test]
async fn the_last_state_is_believed_for_a_while_when_the_database_is_gone() {
    let fixture = Fixture::new(Duration::ZERO).await;
    let id = fixture.add_tenant("a").await;
    fixture.add_number(&id, "+15550100").await;
    let view = fixture.directory.tenant(&id).await.unwrap().unwrap();
    fixture.store.close().await;
    assert!(Arc::ptr_eq(&view, &fixture.directory.tenant(&id).await.unwrap().unwrap()));
    assert!(fixture.directory.by_number("+15550100").await.unwrap().is_some());
    assert!(fixture.directory.by_number("+15550101").await.is_err());
    assert!(fixture.directory.tenant(&TenantId::generate()).await.is_err());
    tokio::time::pause();
    tokio::time::advance(fixture.directory.options.believed_for).await;
    assert!(fixture.directory.tenant(&id).await.is_err());
}
