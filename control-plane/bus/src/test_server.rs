//! A NATS server for tests: one for each that asks, on a port of its own, which goes with the process that started it, however that
//! ends. The program comes from the system (`deploy/test-servers` installs it). Where there is none a test is left out and says so,
//! unless `TANDEM_TEST_NATS=required`.

use std::{
    io,
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// What must be set, and to what, for tests to fail where there is no NATS.
const REQUIRED: (&str, &str) = ("TANDEM_TEST_NATS", "required");
const PROGRAM: &str = "/usr/sbin/nats-server";
/// A server starts at once; a busy machine may need longer.
const STARTS_WITHIN: Duration = Duration::from_secs(60);
/// How long until one looks again.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Another process may have taken the free port meanwhile.
const TRIES: usize = 5;

/// Runs the server until its own standard input ends, which is when the test process does or the server is stopped.
const KEEPER: &str = r#"
"$1" -a 127.0.0.1 -p "$2" >/dev/null 2>&1 </dev/null &
read -r _
kill -KILL $!
wait
"#;

/// A server. Dropping it kills it.
#[derive(Debug)]
pub struct NatsServer {
    port: u16,
    keeper: Child,
}

/// A server that serves; `None` where there is none, which has been said then.
///
/// # Panics
/// When there is none and `TANDEM_TEST_NATS=required`, or it does not start.
#[must_use]
pub fn start() -> Option<NatsServer> {
    if !Path::new(PROGRAM).exists() {
        let reason = format!("no {PROGRAM} (deploy/test-servers installs it)");
        let is_required = std::env::var(REQUIRED.0).as_deref() == Ok(REQUIRED.1);
        assert!(!is_required, "{}={} and there is no NATS: {reason}", REQUIRED.0, REQUIRED.1);
        eprintln!("left out, there is no NATS: {reason}");
        return None;
    }
    let started = (0..TRIES).find_map(|_| NatsServer::at(free_port().unwrap()));
    Some(started.expect("the NATS server does not start"))
}

/// Whether something comes about in time. The server is a process of its own and tells nobody, so one looks now and then.
fn until(mut look: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    while !look() {
        if began.elapsed() > STARTS_WITHIN {
            return false;
        }
        thread::sleep(LOOK_EVERY);
    }
    true
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

impl NatsServer {
    fn at(port: u16) -> Option<Self> {
        let keeper = Command::new("/bin/sh")
            .args(["-c", KEEPER, "keeper", PROGRAM, &port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { port, keeper };
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        until(|| TcpStream::connect(address).is_ok()).then_some(server)
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Kills it and starts another at the same address.
    #[must_use]
    pub fn again(self) -> Self {
        let port = self.port;
        drop(self);
        assert!(until(|| TcpListener::bind(("127.0.0.1", port)).is_ok()), "the port stays taken");
        Self::at(port).expect("the NATS server does not start again")
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        if let Err(error) = self.keeper.wait() {
            eprintln!("the NATS server stays behind: {error}");
        }
    }
}
