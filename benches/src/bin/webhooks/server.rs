//! `tandem serve` in a process of its own, on a database that was filled before.

use crate::{
    accounts::Account,
    seed::{NUMBERS_EACH, Target, seed},
};
use engine::provider::http::{HttpOptions, http_client};
use rand::{rng, seq::SliceRandom};
use std::{
    env, fmt, fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};
use store::Store;
use store_postgres::{PostgresOptions, PostgresStore, test_server};
use store_sqlite::{SqliteOptions, SqliteStore};
use tokio::time::sleep;
use vault::{KeyRing, Vault};

/// A server starts and ends within a second; a busy machine may need longer.
const PATIENCE: Duration = Duration::from_secs(60);

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

pub struct Server {
    pub targets: Vec<Target>,
    pub base_url: String,
    pub folder: PathBuf,
    command: Command,
    process: Option<Child>,
}

impl Server {
    /// A server with a tenant for each account, which is not started yet; `None` if there is no such database here.
    pub async fn found(database: Database, accounts: &[Account], carrier: &str) -> Option<Self> {
        // Beside the programs: on the disk, which a temporary folder need not be.
        let folder = programs().join("measured").join(store::new_id("server"));
        fs::create_dir_all(&folder).unwrap();
        let url = match database {
            Database::File => None,
            Database::Postgres => Some(test_server::durable_database().await?),
        };
        let began = Instant::now();
        let targets = fill(&folder, url.as_deref(), accounts).await;
        eprintln!("{database}: {} numbers in {:.1?}", targets.len(), began.elapsed());
        // Nobody else takes the port between now and the start, it is hoped.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = Command::new(programs().join("tandem"));
        command.arg("serve").stdout(Stdio::null()).current_dir(&folder);
        command.env("TANDEM_DATA_DIR", &folder).env("TANDEM_LISTEN", address.to_string());
        command.env("TANDEM__LOG__LEVEL", "error").env("TWILIO_BASE_URL", carrier);
        for service in ["DEEPGRAM", "ANTHROPIC", "ELEVENLABS"] {
            command.env(format!("{service}_BASE_URL"), carrier);
            command.env(format!("{service}_API_KEY"), "sandbox");
        }
        command.env("ELEVENLABS_VOICE_ID", "sandbox");
        if let Some(url) = url {
            command.env("TANDEM_STORE_URL", url);
        }
        Some(Self { targets, base_url: format!("http://{address}"), folder, command, process: None })
    }

    /// One number of each of so many tenants, in any order.
    pub fn some_tenants(&self, count: usize) -> Vec<Target> {
        let mut targets: Vec<_> = self.targets.iter().step_by(NUMBERS_EACH).cloned().collect();
        targets.shuffle(&mut rng());
        targets.truncate(count);
        targets
    }

    /// Starts it and waits until it is ready.
    pub async fn start(&mut self) {
        self.process = Some(self.command.spawn().expect("tandem is built beside this program"));
        let client = http_client(HttpOptions::default()).unwrap();
        let url = format!("{}/readyz", self.base_url);
        let began = Instant::now();
        while !client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
            assert!(began.elapsed() < PATIENCE, "a server does not start");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends it in order.
    pub async fn stop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        let pid = process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let began = Instant::now();
        while process.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < PATIENCE, "a server does not end");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // What it says does not matter: the measurement has failed.
            drop(process.kill().and_then(|()| process.wait()));
        }
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            eprintln!("{} stays behind: {error}", self.folder.display());
        }
    }
}

/// Where this program is, and the others.
pub fn programs() -> PathBuf {
    env::current_exe().unwrap().parent().unwrap().to_owned()
}

/// Fills a database through the product's own store.
async fn fill(folder: &Path, url: Option<&str>, accounts: &[Account]) -> Vec<Target> {
    let store: Arc<dyn Store> = match url {
        None => {
            let file = folder.join("tandem.db");
            Arc::new(SqliteStore::open(&file, SqliteOptions::default()).await.unwrap())
        }
        Some(url) => Arc::new(PostgresStore::open(url, PostgresOptions::default()).await.unwrap()),
    };
    let ring = KeyRing::read_or_create(&folder.join("secrets.key")).unwrap();
    let vault = Vault::new(Arc::clone(&store), ring);
    let targets = seed(&*store, &vault, accounts).await;
    store.close().await;
    if let Some(url) = url {
        test_server::settle(url).await;
    }
    targets
}
