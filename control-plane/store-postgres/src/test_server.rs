//! A PostgreSQL server for tests: one for each test process, shared by its tests, a database of its own for each of them.
//!
//! The server's programs come from the system (`deploy/test-servers` installs them). It listens on a socket in a temporary
//! folder only, and goes with the process that started it, however that ends. Where there are no such programs a test is
//! left out and says so, unless `TANDEM_TEST_POSTGRES=required`.
//!
//! [`again`] lets a test program run all of its tests on PostgreSQL that otherwise run on SQLite.

pub mod again;

use crate::{PostgresOptions, PostgresStore};
use sqlx::{Connection as _, Executor as _, PgConnection};
use std::{
    fs, io,
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};
use store::new_id;

/// What must be set, and to what, for tests to fail where there is no PostgreSQL.
const REQUIRED: (&str, &str) = ("TANDEM_TEST_POSTGRES", "required");
const NO_PROGRAMS: &str = "no initdb in /usr/lib/postgresql/*/bin (deploy/test-servers installs it)";
/// A server starts within a second; a busy machine may need longer.
const STARTS_WITHIN: Duration = Duration::from_secs(60);
/// A database with the present schema, copied for each test.
const TEMPLATE: &str = "tandem_template";

/// Runs the server until its own standard input ends, which is when the test process does.
const KEEPER: &str = r#"
"$1/postgres" -D "$2/data" -c listen_addresses= -c unix_socket_directories="$2" -c max_connections=300 $3 \
    >"$2/log" 2>&1 </dev/null &
read -r _
kill -INT $!
wait
rm -rf "$2"
"#;
/// What is lost with the server does not matter to a test.
const QUICK: &str = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off";
/// As a server is set up for what must not be lost.
const DURABLE: &str = "-c fsync=on -c synchronous_commit=on -c full_page_writes=on";

struct Server {
    folder: PathBuf,
    /// Its standard input is what keeps the server alive.
    _keeper: Child,
}

/// The URL of a database with the present schema and nothing in it; `None` where there is no PostgreSQL, which has been
/// said then.
///
/// # Panics
/// When there is none and `TANDEM_TEST_POSTGRES=required`, or the server is there and does not serve.
pub async fn database() -> Option<String> {
    static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
    match SERVER.get_or_init(|| start(QUICK)) {
        Ok(server) => Some(server.database().await),
        Err(reason) => left_out(reason),
    }
}

/// The same on a server that waits for the disk before it answers, for measurements.
///
/// # Panics
/// See [`database`].
pub async fn durable_database() -> Option<String> {
    static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
    match SERVER.get_or_init(|| start(DURABLE)) {
        Ok(server) => Some(server.database().await),
        Err(reason) => left_out(reason),
    }
}

/// Brings a database that was just filled into the state in which a server keeps it: with statistics, and all of it on the
/// disk.
///
/// # Panics
/// When the server does not serve.
pub async fn settle(url: &str) {
    let mut owner = PgConnection::connect(url).await.unwrap();
    owner.execute("vacuum analyze").await.unwrap();
    owner.execute("checkpoint").await.unwrap();
    owner.close().await.unwrap();
}

/// Says that there is no PostgreSQL.
fn left_out(reason: &str) -> Option<String> {
    assert!(
        std::env::var(REQUIRED.0).as_deref() != Ok(REQUIRED.1),
        "{}={} and there is no PostgreSQL: {reason}",
        REQUIRED.0,
        REQUIRED.1
    );
    eprintln!("left out, there is no PostgreSQL: {reason}");
    None
}

impl Server {
    fn url(&self, database: &str) -> String {
        format!("postgres://owner@localhost/{database}?host={}", self.folder.display())
    }

    async fn database(&self) -> String {
        let name = new_id("test");
        let mut owner = PgConnection::connect(&self.url("postgres")).await.unwrap();
        let create = format!("create database {name} template {TEMPLATE} strategy file_copy");
        owner.execute(sqlx::AssertSqlSafe(create)).await.unwrap();
        owner.close().await.unwrap();
        self.url(&name)
    }

    /// On a thread of its own, because the tests' runtimes come and go.
    fn make_template(&self) -> Result<(), String> {
        let (admin, template) = (self.url("postgres"), self.url(TEMPLATE));
        let made = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut owner = PgConnection::connect(&admin).await.map_err(|error| error.to_string())?;
                let create = format!("create database {TEMPLATE}");
                owner.execute(sqlx::AssertSqlSafe(create)).await.map_err(|error| error.to_string())?;
                let store = PostgresStore::open(&template, PostgresOptions::default()).await;
                store
                    .map_err(|error| format!("{error}: {:?}", std::error::Error::source(&error)))?
                    .close_pools()
                    .await;
                Ok(())
            })
        });
        made.join().map_err(|_| "making the template panicked".to_owned())?
    }
}

fn start(settings: &str) -> Result<Server, String> {
    let programs = programs().ok_or(NO_PROGRAMS)?;
    let folder = std::env::temp_dir().join(new_id("tandem_pg"));
    let failed = |what: &str, error: io::Error| format!("{what}: {error}");
    fs::create_dir(&folder).map_err(|error| failed("a temporary folder", error))?;
    // The server refuses to run as root.
    let user = server_user()?;
    if let Some((uid, gid)) = user {
        chown(&folder, Some(uid), Some(gid)).map_err(|error| failed("giving the folder away", error))?;
    }
    let made = command(&programs.join("initdb"), user)
        .current_dir(&folder)
        .args(["-U", "owner", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D", "data"])
        .output()
        .map_err(|error| failed("initdb", error))?;
    if !made.status.success() {
        return Err(format!("initdb: {}", String::from_utf8_lossy(&made.stderr)));
    }
    let keeper = command(Path::new("/bin/sh"), user)
        .current_dir(&folder)
        .args(["-c", KEEPER, "keeper"])
        .arg(&programs)
        .arg(&folder)
        .arg(settings)
        .stdin(Stdio::piped())
        // It outlives the tests for as long as it takes to remove the folder: whoever reads what they print need not wait for that.
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed("the server", error))?;
    let server = Server { folder, _keeper: keeper };
    server.wait_until_it_serves(&programs)?;
    server.make_template()?;
    Ok(server)
}

impl Server {
    fn wait_until_it_serves(&self, programs: &Path) -> Result<(), String> {
        let began = Instant::now();
        while began.elapsed() < STARTS_WITHIN {
            let ready = Command::new(programs.join("pg_isready"))
                .args(["-q", "-h"])
                .arg(&self.folder)
                .status()
                .map_err(|error| format!("pg_isready: {error}"))?;
            if ready.success() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(20));
        }
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        Err(format!("the server does not start: {log}"))
    }
}

fn command(program: &Path, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command
}

/// Where the server's programs are; the newest version of several.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    versions
        .filter_map(|version| {
            let path = version.ok()?.path();
            let number: u32 = path.file_name()?.to_str()?.parse().ok()?;
            let programs = path.join("bin");
            programs.join("initdb").exists().then_some((number, programs))
        })
        .max()
        .map(|(_, programs)| programs)
}

/// As whom the server runs: `None` for the user of the tests, unless that is root.
fn server_user() -> Result<Option<(u32, u32)>, String> {
    let status = fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
    let is_root = status.lines().any(|line| line.starts_with("Uid:\t0\t"));
    if !is_root {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").map_err(|error| error.to_string())?;
    let ids = users.lines().find_map(|line| {
        let mut fields = line.strip_prefix("postgres:")?.split(':').skip(1);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    });
    ids.map(Some).ok_or_else(|| "there is no user postgres to run it as".to_owned())
}
