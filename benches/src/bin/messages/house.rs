//! `tandem serve` in a process of its own, with two tenants that were put into its database before.

use engine::provider::{
    Secret,
    http::{HttpOptions, http_client},
};
use identity::api_key::{self, NewKey};
use reqwest::Client;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    env, fmt, fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};
use store::{
    Store, TenantId,
    ids::AccountId,
    model::{
        account::{AccountMode, AccountStatus, Credential, ProviderAccount},
        audit::Actor,
        identity::KeyMode,
        number::{Capabilities, Number, NumberStatus, Routing},
        tenant::{Tenant, TenantSettings, TenantStatus},
    },
};
use store_postgres::{PostgresOptions, PostgresStore, test_server};
use store_sqlite::{SqliteOptions, SqliteStore};
use tokio::time::sleep;
use vault::{KeyRing, Place, Vault};

/// A server starts within a second; a busy machine may need longer.
const PATIENCE: Duration = Duration::from_secs(60);
/// The carrier account that the sandbox has from the beginning.
const ACCOUNT: &str = "AC00000000000000000000000000000000";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    File,
    Postgres,
}

impl Database {
    pub const ALL: [Self; 2] = [Self::File, Self::Postgres];
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}

pub struct House {
    pub base_url: String,
    /// The keys of the two tenants.
    pub keys: Vec<Secret>,
    pub client: Client,
    folder: PathBuf,
    command: Command,
    process: Option<Child>,
}

impl House {
    pub async fn build(database: Database, carrier: &str) -> Option<Self> {
        // Beside the programs: on the disk, which a temporary folder need not be.
        let folder = programs().join("measured").join(store::new_id("house"));
        fs::create_dir_all(&folder).unwrap();
        let url = match database {
            Database::File => None,
            Database::Postgres => Some(test_server::durable_database().await?),
        };
        let keys = fill(&folder, url.as_deref()).await;
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = Command::new(programs().join("tandem"));
        command.arg("serve").stdout(Stdio::null()).current_dir(&folder);
        command.env("TANDEM_DATA_DIR", &folder).env("TANDEM_LISTEN", address.to_string());
        command.env("TANDEM_BASE_URL", format!("http://{address}"));
        command.env("TANDEM__LOG__LEVEL", "error").env("TWILIO_BASE_URL", carrier);
        for service in ["DEEPGRAM", "ANTHROPIC", "ELEVENLABS"] {
            command.env(format!("{service}_BASE_URL"), carrier);
            command.env(format!("{service}_API_KEY"), "sandbox");
        }
        command.env("ELEVENLABS_VOICE_ID", "sandbox");
        if let Some(url) = url {
            command.env("TANDEM_STORE_URL", url);
        }
        let client = http_client(HttpOptions::default()).unwrap();
        Some(Self { base_url: format!("http://{address}"), keys, client, folder, command, process: None })
    }

    pub async fn start(&mut self) {
        self.process = Some(self.command.spawn().expect("tandem is built beside this program"));
        let url = format!("{}/readyz", self.base_url);
        let began = Instant::now();
        while !self.client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
            assert!(began.elapsed() < PATIENCE, "the server does not start");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Nothing is written to the end, nothing is said.
    pub fn kill_9(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    pub async fn post(&self, tenant: usize, path: &str, body: &Value, key: &str) -> Option<(u16, Value)> {
        let request = self
            .client
            .post(format!("{}{path}", self.base_url))
            .bearer_auth(self.keys[tenant].reveal())
            .header("content-type", "application/json")
            .header("idempotency-key", key)
            .body(body.to_string());
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        Some((status, serde_json::from_str(&answer.text().await.ok()?).unwrap_or_default()))
    }

    pub async fn get(&self, tenant: usize, path: &str) -> Option<Value> {
        let request =
            self.client.get(format!("{}{path}", self.base_url)).bearer_auth(self.keys[tenant].reveal());
        serde_json::from_str(&request.send().await.ok()?.text().await.ok()?).ok()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.kill_9();
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            eprintln!("{} stays behind: {error}", self.folder.display());
        }
    }
}

fn programs() -> PathBuf {
    env::current_exe().unwrap().parent().unwrap().to_owned()
}

/// Two tenants, each with the carrier's account, a number and a key.
async fn fill(folder: &Path, url: Option<&str>) -> Vec<Secret> {
    let store: Arc<dyn Store> = match url {
        None => {
            Arc::new(SqliteStore::open(&folder.join("tandem.db"), SqliteOptions::default()).await.unwrap())
        }
        Some(url) => Arc::new(PostgresStore::open(url, PostgresOptions::default()).await.unwrap()),
    };
    let ring = KeyRing::read_or_create(&folder.join("secrets.key")).unwrap();
    let vault = Vault::new(Arc::clone(&store), ring);
    let mut keys = Vec::new();
    for place in 0..2 {
        let id = TenantId::generate();
        let mut tx = store.platform().begin(&Actor::system("bench"), 1).await.unwrap();
        let row = Tenant {
            name: format!("Tenant {place}"),
            slug: format!("tenant-{place}"),
            status: TenantStatus::Active,
            settings: TenantSettings::default(),
        };
        tx.insert_as(id.clone(), row).await.unwrap();
        tx.commit().await.unwrap();
        let part = store.tenant(&id);
        let mut tx = part.begin(&Actor::system("bench"), 1).await.unwrap();
        let account = AccountId::generate();
        let token = Place::provider_account(&account, "auth_token");
        let current = vault.seal_in(&mut *tx, &token, &Secret::new("sandbox")).await.unwrap();
        let row = ProviderAccount {
            kind: "twilio".to_owned(),
            mode: AccountMode::Own,
            sid: ACCOUNT.to_owned(),
            name: "Main".to_owned(),
            secrets: BTreeMap::from([("auth_token".to_owned(), Credential { current, previous: None })]),
            properties: BTreeMap::new(),
            roles: Vec::new(),
            priority: 0,
            status: AccountStatus::Active,
        };
        tx.insert_as(account.clone(), row).await.unwrap();
        let number = Number {
            e164: format!("+1555010{place}"),
            carrier_sid: None,
            account: Some(account),
            name: "Main".to_owned(),
            status: NumberStatus::Active,
            primary: true,
            capabilities: Capabilities { voice: true, sms: true, mms: false },
            greeting: None,
            voice: None,
            flow: None,
            routing: Routing::default(),
        };
        tx.insert(number).await.unwrap();
        let new =
            NewKey { name: "bench".to_owned(), scopes: Vec::new(), mode: KeyMode::Live, expires_at: None };
        let (key, row) = api_key::first(new);
        tx.insert(row).await.unwrap();
        tx.commit().await.unwrap();
        keys.push(key);
    }
    store.close().await;
    keys
}
