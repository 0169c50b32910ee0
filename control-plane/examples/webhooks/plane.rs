//! A control plane on a database of its own, served on a free port of the loopback.

use crate::seed::{Target, seed};
use control_plane::{
    ControlPlane,
    providers::{Access, Dialect, Offer, Service, Services, Stage},
    settings::{
        CarrierTexts, ControlPlaneOptions, ControlPlaneSettings, RecordingSettings, SignInSettings,
        StoreSettings, TenantSettings, TwilioAccount, TwilioOptions,
    },
};
use engine::{ids::AssistantId, ports::Assistant, provider::Secret};
use metrics_exporter_prometheus::PrometheusBuilder;
use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Instant};
use store::Store;
use store_postgres::{PostgresOptions, PostgresStore};
use store_sqlite::{SqliteOptions, SqliteStore};
use tokio::{net::TcpListener, task::JoinHandle};
use url::Url;
use vault::{KeyRing, Vault};

pub struct Plane {
    pub base_url: String,
    pub targets: Vec<Target>,
    plane: ControlPlane,
    server: JoinHandle<()>,
    folder: PathBuf,
}

impl Plane {
    /// A control plane with so many tenants.
    pub async fn open(tenants: u32) -> Self {
        let folder = env_temp().join(store::new_id("tandem_webhooks"));
        std::fs::create_dir_all(&folder).unwrap();
        let store_settings = match std::env::var("TANDEM_TEST_STORE").as_deref() {
            Ok("postgres") => {
                let url =
                    store_postgres::test_server::database().await.expect("PostgreSQL's programs are there");
                StoreSettings::Postgres { url: Secret::new(&url) }
            }
            _ => StoreSettings::Embedded,
        };
        let keys = KeyRing::read_or_create(&folder.join("secrets.key")).unwrap();
        let began = Instant::now();
        let targets = {
            let store: Arc<dyn Store> = match &store_settings {
                StoreSettings::Embedded => Arc::new(
                    SqliteStore::open(&folder.join("tandem.db"), SqliteOptions::default()).await.unwrap(),
                ),
                StoreSettings::Postgres { url } => {
                    Arc::new(PostgresStore::open(url.reveal(), PostgresOptions::default()).await.unwrap())
                }
            };
            let vault = Vault::new(Arc::clone(&store), keys.clone());
            let targets = seed(&*store, &vault, tenants).await;
            store.close().await;
            targets
        };
        eprintln!("{tenants} tenants with {} numbers in {:.1?}", targets.len(), began.elapsed());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let settings = settings(&base_url, &folder, store_settings, keys);
        let plane = ControlPlane::open(settings).await.unwrap().control_plane;
        let router = plane.router();
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { base_url, targets, plane, server, folder }
    }

    pub async fn close(self) {
        self.server.abort();
        self.plane.close().await.unwrap();
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

/// Where the databases are: the working folder's disk, not a file system in memory.
fn env_temp() -> PathBuf {
    std::env::var_os("TANDEM_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from)
}

/// Services that are there and never asked: no stream is opened.
fn services() -> Services {
    let address = Url::parse("http://127.0.0.1:9").unwrap();
    let access = Access { base_url: address.clone(), api_key: None, dialect: Dialect::default() };
    let stage = |service: Service| Stage {
        offers: [(service, Offer { model: "model".to_owned(), voice: Some("voice".to_owned()) })].into(),
        order: vec![service],
    };
    Services {
        addresses: Service::ALL.map(|service| (service, address.clone())).into(),
        access: Service::ALL.map(|service| (service, access.clone())).into(),
        stt: stage(Service::Deepgram),
        llm: stage(Service::Anthropic),
        tts: stage(Service::Elevenlabs),
        clients: Arc::default(),
    }
}

fn settings(
    base_url: &str,
    folder: &std::path::Path,
    store: StoreSettings,
    keys: KeyRing,
) -> ControlPlaneSettings {
    let services = services();
    ControlPlaneSettings {
        base_url: Url::parse(base_url).unwrap(),
        data_dir: folder.to_owned(),
        recording: RecordingSettings::default(),
        store,
        keys,
        sign_in: SignInSettings::default(),
        platform_account: None,
        outage_url: None,
        twilio: nowhere(),
        tenant: TenantSettings {
            id: "default".into(),
            name: "Default".to_owned(),
            twilio: TwilioAccount {
                account_sid: String::new(),
                auth_token: Secret::new(""),
                previous_auth_token: None,
                shared_keys: HashMap::new(),
            },
            numbers: Vec::new(),
            assistant: Arc::new(assistant()),
            remote_tools: HashMap::new(),
            transfer_targets: HashMap::new(),
            providers: services.own_providers(None).unwrap(),
            record: false,
            texts: CarrierTexts::default(),
        },
        services,
        metrics: PrometheusBuilder::new().build_recorder().handle(),
        limits: ControlPlaneOptions { stream_tokens: 1_000_000, ..ControlPlaneOptions::default() },
    }
}

/// Twilio's API, which nobody asks.
fn nowhere() -> TwilioOptions {
    TwilioOptions::at(Url::parse("http://127.0.0.1:9").unwrap())
}

fn assistant() -> Assistant {
    Assistant {
        id: AssistantId("asst_default".to_owned()),
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
    }
}
