//! A mail server for tests: Exim takes and delivers mail, Dovecot serves the mailboxes. Both run in a temporary folder, as an
//! unprivileged user, on free ports of this machine, touch nothing of the system's own mail, and go with the process that started
//! them, however that ends.
//!
//! The programs come from the system (`deploy/test-servers` installs them). Where there are none a test is left out and says so,
//! unless `TANDEM_TEST_MAIL=required`.
//!
//! Mail goes nowhere else. What is special about recipients, all in [`DOMAIN`]:
//!
//! | recipient | what happens |
//! |---|---|
//! | a mailbox of [`MailServer::mailbox`], also with `+…` | delivered |
//! | `refused@` | 550 5.1.1 at `RCPT` |
//! | `later@` | 450 4.2.0 at `RCPT` |
//! | any other | accepted, and a bounce comes back to the sender |

mod config;

use crate::{ImapAccount, Login, Security, Server};
use engine::provider::Secret;
use std::{
    fs, io,
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

/// What must be set, and to what, for tests to fail where there is no mail server.
const REQUIRED: (&str, &str) = ("TANDEM_TEST_MAIL", "required");
/// Both start within a second; a busy machine may need longer.
const STARTS_WITHIN: Duration = Duration::from_secs(60);
/// Times that other ports are tried: somebody may take a free one in between.
const TRIES: u32 = 5;
const EXIM: &str = "/usr/sbin/exim4";
const DOVECOT: &str = "/usr/sbin/dovecot";
const OPENSSL: &str = "/usr/bin/openssl";

/// The domain of all mailboxes.
pub const DOMAIN: &str = "tandem.test";
/// The password of all of them.
pub const PASSWORD: &str = "right-password";

/// Runs both until its own standard input ends, which is when the test process does. Files of the folder may still be
/// written while the servers end, so removing is repeated.
const KEEPER: &str = r#"
"$1" -C "$3/exim.conf" -bdf -q1m >"$3/log/exim.out" 2>&1 </dev/null &
exim=$!
"$2" -F -c "$3/dovecot.conf" >"$3/log/dovecot.out" 2>&1 </dev/null &
dovecot=$!
read -r _
kill -TERM $exim $dovecot
wait
for _ in 1 2 3 4 5; do rm -rf "$3" && break; sleep 1; done
"#;

/// What else the server does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailServerOptions {
    /// Where access tokens are asked about, such as `http://127.0.0.1:8080/google/tokeninfo`; without it nobody logs in with one. The
    /// answer has to be 200 with an `email`.
    pub tokeninfo: Option<String>,
}

/// A running server.
#[derive(Debug)]
pub struct MailServer {
    folder: PathBuf,
    ports: Ports,
    user: Option<(u32, u32)>,
    keeper: Child,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ports {
    smtp: u16,
    smtps: u16,
    imap: u16,
    imaps: u16,
}

/// A mailbox of a [`MailServer`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestMailbox {
    /// Its address, by which one logs in.
    pub address: String,
    /// Its folder.
    folder: PathBuf,
}

impl TestMailbox {
    /// How its owner logs in.
    #[must_use]
    pub fn login(&self) -> Login {
        Login::Password { user: self.address.clone(), password: Secret::new(PASSWORD) }
    }

    /// The files of the mails in its inbox; their names end with `:2,S` once they are flagged as read.
    ///
    /// # Panics
    /// When the folder cannot be read.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        let of = |part: &str| fs::read_dir(self.folder.join(part)).into_iter().flatten();
        of("new").chain(of("cur")).map(|entry| entry.unwrap().path()).collect()
    }
}

impl MailServer {
    /// Starts both; `None` where they are not installed, which has been said then.
    ///
    /// # Panics
    /// When they are not installed and `TANDEM_TEST_MAIL=required`, or they are and do not serve.
    pub async fn start(options: MailServerOptions) -> Option<Self> {
        if let Some(missing) =
            [EXIM, DOVECOT, OPENSSL].into_iter().find(|program| !Path::new(program).exists())
        {
            assert!(
                std::env::var(REQUIRED.0).as_deref() != Ok(REQUIRED.1),
                "{}={} and there is no mail server: no {missing}",
                REQUIRED.0,
                REQUIRED.1
            );
            eprintln!("left out, there is no mail server: no {missing} (deploy/test-servers installs it)");
            return None;
        }
        let starting = tokio::task::spawn_blocking(move || {
            let mut last = String::new();
            for _ in 0..TRIES {
                match start(&options) {
                    Ok(server) => return server,
                    Err(error) => last = error,
                }
            }
            panic!("the mail server does not start: {last}")
        });
        Some(starting.await.unwrap())
    }

    /// A new mailbox, whose address begins with `name`.
    ///
    /// # Panics
    /// When its folder cannot be made.
    #[must_use]
    pub fn mailbox(&self, name: &str) -> TestMailbox {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let address = format!("{name}{}@{DOMAIN}", COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = self.folder.join("mail").join(&address);
        make_folder(&folder, self.user).unwrap();
        TestMailbox { address, folder }
    }

    /// Where mail is sent to.
    #[must_use]
    pub fn smtp(&self, security: Security) -> Server {
        let port = if security == Security::Tls { self.ports.smtps } else { self.ports.smtp };
        Server { host: "localhost".to_owned(), port, security }
    }

    /// Where mailboxes are.
    #[must_use]
    pub fn imap(&self, security: Security) -> Server {
        let port = if security == Security::Tls { self.ports.imaps } else { self.ports.imap };
        Server { host: "localhost".to_owned(), port, security }
    }

    /// A mailbox's inbox, with its password.
    #[must_use]
    pub fn account(&self, mailbox: &TestMailbox, security: Security) -> ImapAccount {
        ImapAccount {
            label: "test".to_owned(),
            server: self.imap(security),
            login: mailbox.login(),
            folder: "INBOX".to_owned(),
        }
    }

    /// Its certificate, to be trusted, PEM.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn certificate(&self) -> String {
        fs::read_to_string(self.folder.join("cert.pem")).unwrap()
    }

    /// Has Dovecot number a mailbox's mails anew, as after a restore.
    ///
    /// # Panics
    /// When it cannot.
    pub fn renumber(&self, mailbox: &TestMailbox) {
        for name in [
            "dovecot-uidlist",
            "dovecot-uidvalidity",
            "dovecot.index",
            "dovecot.index.log",
            "dovecot.index.cache",
        ] {
            match fs::remove_file(mailbox.folder.join(name)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => panic!("{name}: {error}"),
            }
        }
        // The new numbering begins with the present second; it must not be the one of before.
        let list = "3 V4000000000 N1 G0123456789abcdef0123456789abcdef\n";
        let path = mailbox.folder.join("dovecot-uidlist");
        fs::write(&path, list).unwrap();
        if let Some((uid, gid)) = self.user {
            chown(&path, Some(uid), Some(gid)).unwrap();
        }
    }

    /// What both have to say, for a test that failed.
    #[must_use]
    pub fn log(&self) -> String {
        log(&self.folder)
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        // Ends the keeper, and with it the servers.
        drop(self.keeper.stdin.take());
        if let Err(error) = self.keeper.wait() {
            eprintln!("the mail server's keeper: {error}");
        }
    }
}

fn log(folder: &Path) -> String {
    let files = fs::read_dir(folder.join("log")).into_iter().flatten().flatten();
    files.map(|file| fs::read_to_string(file.path()).unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

fn start(options: &MailServerOptions) -> Result<MailServer, String> {
    let user = server_user()?;
    let name = format!("tandem_mail_{}_{:08x}", std::process::id(), rand::random::<u32>());
    let folder = std::env::temp_dir().join(&name);
    let failed = |what: &str, error: io::Error| format!("{what}: {error}");
    for part in ["", "mail", "spool", "run", "log"] {
        make_folder(&folder.join(part), user).map_err(|error| failed("a temporary folder", error))?;
    }
    make_certificate(&folder, user)?;
    let ports = Ports { smtp: free_port()?, smtps: free_port()?, imap: free_port()?, imaps: free_port()? };
    let names = config::Names {
        folder: &folder,
        greeting: &name,
        user: &user_name(user)?,
        group: &group_name(user)?,
        ports,
        options,
    };
    for (file, text) in [
        ("exim.conf", config::exim(&names)),
        ("dovecot.conf", config::dovecot(&names)),
        ("oauth2.conf", config::oauth2(&names)),
    ] {
        fs::write(folder.join(file), text).map_err(|error| failed(file, error))?;
    }
    let keeper = command("/bin/sh", user)
        .current_dir(&folder)
        .args(["-c", KEEPER, "keeper", EXIM, DOVECOT])
        .arg(&folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed("the servers", error))?;
    let mut server = MailServer { folder, ports, user, keeper };
    server.wait_until_it_serves(&name)?;
    Ok(server)
}

impl MailServer {
    fn wait_until_it_serves(&mut self, name: &str) -> Result<(), String> {
        let began = Instant::now();
        while began.elapsed() < STARTS_WITHIN {
            if greets(self.ports.smtp, name) && greets(self.ports.imap, name) {
                return Ok(());
            }
            // A port that somebody else took meanwhile.
            let said = self.log();
            if said.contains("in use") {
                return Err(said);
            }
            thread::sleep(Duration::from_millis(20));
        }
        Err(self.log())
    }
}

/// Whether it is this server that listens there.
fn greets(port: u16, name: &str) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) else { return false };
    let mut line = String::new();
    stream.set_read_timeout(Some(Duration::from_secs(5))).is_ok()
        && BufReader::new(stream).read_line(&mut line).is_ok()
        && line.contains(name)
}

fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| error.to_string())?;
    listener.local_addr().map(|address| address.port()).map_err(|error| error.to_string())
}

fn make_folder(path: &Path, user: Option<(u32, u32)>) -> io::Result<()> {
    fs::create_dir_all(path)?;
    user.map_or(Ok(()), |(uid, gid)| chown(path, Some(uid), Some(gid)))
}

fn make_certificate(folder: &Path, user: Option<(u32, u32)>) -> Result<(), String> {
    let made = command(OPENSSL, user)
        .current_dir(folder)
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-keyout", "key.pem", "-out", "cert.pem", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .env("HOME", folder)
        .output()
        .map_err(|error| format!("openssl: {error}"))?;
    if made.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&made.stderr).into_owned()) }
}

fn command(program: &str, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command
}

/// As whom both run: `None` for the user of the tests, unless that is root.
fn server_user() -> Result<Option<(u32, u32)>, String> {
    let (uid, _) = own_ids()?;
    if uid != 0 {
        return Ok(None);
    }
    let found = passwd()?.into_iter().find(|(name, ..)| name == "Debian-exim");
    found
        .map(|(_, uid, gid)| Some((uid, gid)))
        .ok_or_else(|| "there is no user Debian-exim to run it as".to_owned())
}

fn user_name(user: Option<(u32, u32)>) -> Result<String, String> {
    let (uid, _) = user.map_or_else(own_ids, Ok)?;
    let found = passwd()?.into_iter().find(|(_, known, _)| *known == uid);
    found.map(|(name, ..)| name).ok_or_else(|| format!("the user {uid} has no name"))
}

fn group_name(user: Option<(u32, u32)>) -> Result<String, String> {
    let (_, gid) = user.map_or_else(own_ids, Ok)?;
    let groups = fs::read_to_string("/etc/group").map_err(|error| error.to_string())?;
    let mut lines = groups.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let found = lines.find(|fields| fields.get(2) == Some(&gid.to_string().as_str()));
    let name = found.and_then(|fields| fields.first().map(|name| (*name).to_owned()));
    name.ok_or_else(|| format!("the group {gid} has no name"))
}

fn own_ids() -> Result<(u32, u32), String> {
    let status = fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
    let id = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    id("Uid:").zip(id("Gid:")).ok_or_else(|| "no ids in /proc/self/status".to_owned())
}

fn passwd() -> Result<Vec<(String, u32, u32)>, String> {
    let users = fs::read_to_string("/etc/passwd").map_err(|error| error.to_string())?;
    let user = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        let mut ids = fields.skip(1);
        Some((name, ids.next()?.parse().ok()?, ids.next()?.parse().ok()?))
    };
    Ok(users.lines().filter_map(user).collect())
}
