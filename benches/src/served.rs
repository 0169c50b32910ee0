//! `tandem serve` in a process of its own, on a database of its own that was filled before, with stand-ins for all outside services.

use engine::provider::http::{HttpOptions, http_client};
use std::{
    env, fmt, fs, io,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};
use store::{Store, StoreError};
use store_postgres::{PostgresOptions, PostgresStore, test_server};
use store_sqlite::{SqliteOptions, SqliteStore};
use tokio::time::sleep;
use vault::{KeyRing, Vault};

/// A server starts and ends within a second; a busy machine may need longer.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(20);

/// On what a server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// A file.
    Sqlite,
    /// A server of this program's own.
    Postgres,
}

impl Database {
    /// Each.
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}

/// Why there is no server to measure.
#[derive(Debug, thiserror::Error)]
pub enum ServedError {
    /// A file, a port or a process.
    #[error("failed {doing}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key of its secrets.
    #[error(transparent)]
    Keys(#[from] vault::KeyFileError),
    /// The client by which it is asked whether it is ready.
    #[error("failed to set up the HTTP client")]
    Http(#[source] reqwest::Error),
    /// It is given up.
    #[error("the server has not {0} within {PATIENCE:?}")]
    Late(&'static str),
}

fn failed(doing: &'static str) -> impl FnOnce(io::Error) -> ServedError {
    move |source| ServedError::System { doing, source }
}

/// A server, which may run.
#[derive(Debug)]
pub struct Served {
    /// Where it is.
    pub base_url: String,
    /// What it keeps; deleted with this.
    pub folder: PathBuf,
    command: Command,
    process: Option<Child>,
}

impl Served {
    /// A server that is not started yet, and what `fill` made of its database; `None` if there is no such database here. `carrier` is
    /// where all outside services are.
    ///
    /// # Errors
    /// See [`ServedError`].
    pub async fn found<T>(
        database: Database,
        carrier: &str,
        fill: impl AsyncFnOnce(&Arc<dyn Store>, &Vault) -> T,
    ) -> Result<Option<(Self, T)>, ServedError> {
        // Beside the programs: on the disk, which a temporary folder need not be.
        let folder = programs()?.join("measured").join(store::new_id("server"));
        fs::create_dir_all(&folder).map_err(failed("to make a folder"))?;
        let url = match database {
            Database::Sqlite => None,
            Database::Postgres => match test_server::durable_database().await {
                Some(url) => Some(url),
                None => return Ok(None),
            },
        };
        let store: Arc<dyn Store> = match &url {
            None => Arc::new(SqliteStore::open(&folder.join("tandem.db"), SqliteOptions::default()).await?),
            Some(url) => Arc::new(PostgresStore::open(url, PostgresOptions::default()).await?),
        };
        let ring = KeyRing::read_or_create(&folder.join("secrets.key"))?;
        let filled = fill(&store, &Vault::new(Arc::clone(&store), ring)).await;
        store.close().await;
        if let Some(url) = &url {
            test_server::settle(url).await;
        }
        // Nobody else takes the port between now and the start, it is hoped.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = port.map_err(failed("to find a port"))?;
        let base_url = format!("http://{address}");
        let mut command = Command::new(programs()?.join("tandem"));
        command.arg("serve").stdout(Stdio::null()).current_dir(&folder);
        command.env("TANDEM_DATA_DIR", &folder).env("TANDEM_LISTEN", address.to_string());
        command.env("TANDEM_BASE_URL", &base_url);
        command.env("TANDEM__LOG__LEVEL", "error").env("TWILIO_BASE_URL", carrier);
        for service in ["DEEPGRAM", "ANTHROPIC", "ELEVENLABS"] {
            command.env(format!("{service}_BASE_URL"), carrier);
            command.env(format!("{service}_API_KEY"), "sandbox");
        }
        command.env("ELEVENLABS_VOICE_ID", "sandbox");
        if let Some(url) = url {
            command.env("TANDEM_STORE_URL", url);
        }
        Ok(Some((Self { base_url, folder, command, process: None }, filled)))
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Errors
    /// If the program is not beside this one, or the server does not get ready.
    pub async fn start(&mut self) -> Result<(), ServedError> {
        self.process = Some(
            self.command.spawn().map_err(failed("to start tandem, which is built beside this program"))?,
        );
        let client = http_client(HttpOptions::default()).map_err(ServedError::Http)?;
        let url = format!("{}/readyz", self.base_url);
        let began = Instant::now();
        while !client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
            if began.elapsed() > PATIENCE {
                return Err(ServedError::Late("started"));
            }
            sleep(LOOK).await;
        }
        Ok(())
    }

    /// Ends it in order.
    ///
    /// # Errors
    /// If it does not end.
    pub async fn stop(&mut self) -> Result<(), ServedError> {
        self.signal("-TERM")?;
        let Some(process) = &mut self.process else { return Ok(()) };
        let began = Instant::now();
        while process.try_wait().map_err(failed("to see whether the server has ended"))?.is_none() {
            if began.elapsed() > PATIENCE {
                return Err(ServedError::Late("ended"));
            }
            sleep(LOOK).await;
        }
        self.process = None;
        Ok(())
    }

    /// Lets it stand still where it is, so that another one has the machine for itself.
    ///
    /// # Errors
    /// If it cannot be told.
    pub fn stand_still(&self) -> Result<(), ServedError> {
        self.signal("-STOP")
    }

    /// Lets it go on after it stood still.
    ///
    /// # Errors
    /// If it cannot be told.
    pub fn go_on(&self) -> Result<(), ServedError> {
        self.signal("-CONT")
    }

    fn signal(&self, signal: &str) -> Result<(), ServedError> {
        let Some(process) = &self.process else { return Ok(()) };
        let kill = Command::new("kill").args([signal, &process.id().to_string()]).status();
        kill.map(drop).map_err(failed("to send the server a signal"))
    }

    /// Ends it as a failure of the machine would: nothing is written to the end, nothing is said.
    ///
    /// # Errors
    /// If there is no ending it.
    pub fn kill_9(&mut self) -> Result<(), ServedError> {
        let Some(mut process) = self.process.take() else { return Ok(()) };
        process.kill().and_then(|()| process.wait()).map(drop).map_err(failed("to kill the server"))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Err(error) = self.kill_9() {
            eprintln!("{error}");
        }
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            eprintln!("{} stays behind: {error}", self.folder.display());
        }
    }
}

/// Where this program is, and the others.
///
/// # Errors
/// If the operating system does not say.
pub fn programs() -> Result<PathBuf, ServedError> {
    let own = env::current_exe().map_err(failed("to find out where this program is"))?;
    Ok(own.parent().map(PathBuf::from).unwrap_or_default())
}
