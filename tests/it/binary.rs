//! The real program, as somebody runs it: separate processes, real time, real signals.

use crate::support::Folder;
use fixtures::{
    call::Fixture,
    carrier::{Carrier, CarrierEvent, CarrierOptions, CarrierReport, Ended},
    wav::Wav,
};
use serde_json::Value;
use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};
use tandem::rehearsal::CallDetail;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Nothing that is waited for here takes a tenth of this.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a kill may cost of the recording, ms: a block of 1 s, and the 200 ms for which it waits for late frames, and a
/// write to the disk.
const BLOCK_MS: u64 = 1_400;

/// Words that are said again because the journal's last second, which would prove them heard, went with the node.
const REPEATED_WORDS: usize = 6;

const ACCOUNT: &str = "AC00000000000000000000000000000000";

/// The program, with nothing of this process's own settings.
fn tandem() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
    command.env_clear().stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    tandem().args(arguments).output().unwrap()
}

/// A process that ends with its test.
struct Process(Child);

impl Process {
    /// Starts it and returns the lines of its standard output as they come.
    fn start(command: &mut Command) -> (Self, mpsc::Receiver<String>) {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        (Self(child), receiver)
    }

    fn terminate(mut self) -> ExitStatus {
        let kill = format!("kill -TERM {}", self.0.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        self.0.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn line_with(lines: &mpsc::Receiver<String>, wanted: impl Fn(&str) -> bool) -> String {
    let until = Instant::now() + PATIENCE;
    loop {
        let line = lines.recv_timeout(until - Instant::now()).expect("the process says what is waited for");
        if wanted(&line) {
            return line;
        }
    }
}

fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// The sandbox and a server, as processes of their own.
struct Installation {
    folder: Folder,
    _sandbox: Process,
    variables: Vec<(String, String)>,
    listen: SocketAddr,
    /// What the carrier calls.
    public: String,
}

impl Installation {
    fn new(listen: SocketAddr, public: SocketAddr, fixture: &Fixture) -> Self {
        let folder = Folder::new();
        let sandbox_listen = free_address();
        let (sandbox, lines) =
            Process::start(tandem().args(["sandbox", "--listen", &sandbox_listen.to_string()]));
        let mut variables = Vec::new();
        let last = "ELEVENLABS_VOICE_ID";
        loop {
            let line = line_with(&lines, |line| line.starts_with("export "));
            let (name, value) = line.strip_prefix("export ").unwrap().split_once('=').unwrap();
            variables.push((name.to_owned(), value.to_owned()));
            if name == last {
                break;
            }
        }
        let config = format!(
            "listen = \"{listen}\"\nbase_url = \"http://{public}\"\ndata_dir = {:?}\n\
             [tenant]\nid = \"shop\"\n[tenant.twilio]\naccount_sid = \"{ACCOUNT}\"\nauth_token = \"sandbox\"\n\
             numbers = [\"+15550100\"]\n[assistant]\ngreeting = {:?}\n\
             [[assistant.tools]]\nname = \"end_call\"\nkind = \"end_call\"\n",
            folder.path().join("data"),
            fixture.assistant.greeting,
        );
        std::fs::write(folder.path().join("tandem.toml"), config).unwrap();
        Self { folder, _sandbox: sandbox, variables, listen, public: format!("http://{public}") }
    }

    fn serve(&self) -> (Process, mpsc::Receiver<String>) {
        let mut command = tandem();
        command.args(["serve", "--config"]).arg(self.folder.path().join("tandem.toml"));
        let started = Process::start(command.envs(self.variables.iter().map(|(name, value)| (name, value))));
        let until = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(self.listen).is_err() {
            assert!(Instant::now() < until, "the server does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        started
    }

    fn webhook(&self) -> String {
        format!("{}/api/voice/incoming", self.public)
    }

    fn recording(&self, call: &str) -> PathBuf {
        self.folder.path().join("data/recordings/shop").join(format!("{call}.wav"))
    }
}

/// A GET over HTTP/1.0: status and body.
fn get(address: SocketAddr, path: &str, key: Option<&str>) -> (u16, Vec<u8>) {
    use std::io::Write as _;
    let mut socket = std::net::TcpStream::connect(address).unwrap();
    let key = key.map(|key| format!("Authorization: Bearer {key}\r\n")).unwrap_or_default();
    write!(socket, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{key}\r\n").unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let mut body = answer.split_off(end + 4);
    if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        body = unchunked(&body);
    }
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body)
}

fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = body.windows(2).position(|window| window == b"\r\n") {
        let length = usize::from_str_radix(std::str::from_utf8(&body[..end]).unwrap(), 16).unwrap();
        whole.extend_from_slice(&body[end + 2..end + 2 + length]);
        body = &body[end + 4 + length..];
    }
    whole
}

fn json(address: SocketAddr, path: &str, key: &str) -> Value {
    let (status, body) = get(address, path, Some(key));
    assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
    serde_json::from_slice(&body).unwrap()
}

fn the_key(lines: &mpsc::Receiver<String>) -> String {
    line_with(lines, |line| line.starts_with("The API key"));
    line_with(lines, |line| !line.trim().is_empty()).trim().to_owned()
}

/// The only call, once its end is stored.
fn the_call(address: SocketAddr, key: &str) -> CallDetail {
    let until = Instant::now() + PATIENCE;
    loop {
        let page = json(address, "/v1/calls", key);
        let id = page["data"][0]["id"].as_str().unwrap().to_owned();
        let detail: CallDetail =
            serde_json::from_value(json(address, &format!("/v1/calls/{id}"), key)).unwrap();
        if detail.end_reason.is_some() {
            return detail;
        }
        assert!(Instant::now() < until, "the call does not end: {detail:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn the_demo_prints_one_json_object_and_nothing_else() {
    let folder = Folder::new();
    let keep = folder.path().to_str().unwrap();
    let output = run(&["demo", "--fast", "--json", "--keep", keep]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stderr, b"", "{}", String::from_utf8_lossy(&output.stderr));
    let object: serde_json::Map<String, Value> = serde_json::from_slice(&output.stdout).unwrap();
    let mut keys: Vec<&str> = object.keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["latency", "recording", "turns"]);
    assert_eq!(object["turns"].as_array().unwrap().len(), 3);
    assert!(Path::new(object["recording"].as_str().unwrap()).is_file());
}

#[test]
fn a_recorded_call_that_is_not_there_is_a_mistake_of_the_command_line() {
    let output = run(&["demo", "--fast", "--fixture", "no-such-call"]);
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), b"".as_slice()));
    let message = String::from_utf8(output.stderr).unwrap();
    for name in Fixture::names() {
        assert!(message.contains(&name), "{name} is not named: {message}");
    }
}

#[test]
fn serve_sandbox_and_call_work_together_as_processes() {
    let fixture = Fixture::named("greeting-and-goodbye").unwrap();
    let listen = free_address();
    let installation = Installation::new(listen, listen, &fixture);
    let (server, lines) = installation.serve();
    let key = the_key(&lines);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(get(listen, path, None).0, 200, "{path}");
    }
    for wrong in [None, Some("tk_wrong")] {
        assert_eq!(get(listen, "/v1/calls", wrong).0, 401, "{wrong:?}");
    }

    let output = run(&["call", "--fixture", &fixture.name, "--to", &installation.webhook(), "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["exchanges"].as_array().unwrap().len(), 2, "{report}");

    let call = the_call(listen, &key);
    assert_eq!((call.end_reason.as_deref(), call.turns.len()), (Some("assistant_ended"), 3));
    let (status, wav) = get(listen, &format!("/v1/calls/{}/recording", call.id), Some(&key));
    assert_eq!(status, 200);
    assert_eq!(wav, std::fs::read(installation.recording(&call.id)).unwrap());
    assert_eq!(Wav::parse(&wav).unwrap().channels.len(), 2);
    assert_eq!(get(listen, &format!("/v1/calls/{}/recording", call.id), None).0, 401);

    let metrics = String::from_utf8(get(listen, "/metrics", None).1).unwrap();
    let frames = metrics.lines().find_map(|line| line.strip_prefix("tandem_stream_frames_total "));
    assert!(frames.unwrap().parse::<u64>().unwrap() > 300, "{metrics}");

    assert_eq!(server.terminate().code(), Some(0));
    let rest: Vec<String> = lines.iter().collect();
    assert!(!rest.iter().any(|line| line.contains(&key)), "the key is shown again: {rest:?}");
    let (server, lines) = installation.serve();
    json(listen, "/v1/calls", &key);
    assert_eq!(server.terminate().code(), Some(0));
    assert!(lines.iter().all(|line| !line.contains("API key")), "the second start shows a key");
}

/// Stands in front of the server as a load balancer does: a request that the server has not answered when it goes away
/// is given to the next one, a socket that breaks is broken for both sides.
async fn load_balancer(public: SocketAddr, server: SocketAddr) {
    let listener = tokio::net::TcpListener::bind(public).await.unwrap();
    loop {
        let (outside, _) = listener.accept().await.unwrap();
        outside.set_nodelay(true).unwrap();
        // How a connection ends does not matter: both sides are closed with it.
        tokio::spawn(async move { balance(outside, server).await.ok() });
    }
}

async fn balance(mut outside: TcpStream, server: SocketAddr) -> std::io::Result<()> {
    let mut unanswered = Vec::new();
    let (mut from_outside, mut from_inside) = ([0; 16_384], [0; 16_384]);
    loop {
        let Ok(mut inside) = TcpStream::connect(server).await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        inside.set_nodelay(true)?;
        let mut alive = inside.write_all(&unanswered).await.is_ok();
        while alive {
            tokio::select! {
                read = outside.read(&mut from_outside) => {
                    let Some(bytes) = from_outside.get(..read?).filter(|bytes| !bytes.is_empty()) else { return Ok(()) };
                    unanswered.extend_from_slice(bytes);
                    alive = inside.write_all(bytes).await.is_ok();
                }
                read = inside.read(&mut from_inside) => match read {
                    Ok(length @ 1..) => {
                        outside.write_all(&from_inside[..length]).await?;
                        if unanswered.windows(9).any(|word| word.eq_ignore_ascii_case(b"websocket")) {
                            return tokio::io::copy_bidirectional(&mut outside, &mut inside).await.map(drop);
                        }
                        unanswered.clear();
                    }
                    Ok(0) | Err(_) => alive = false,
                },
            }
        }
    }
}

/// How loud each 20 ms are.
fn levels(audio: &[i16]) -> Vec<u16> {
    let peak = |window: &[i16]| window.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or_default();
    audio.chunks(160).map(peak).collect()
}

/// The share of sounding 20 ms of one side that sound on the other too, give or take two frames.
fn agreement(one: &[i16], other: &[i16]) -> f64 {
    const SOUNDING: u16 = 1_500;
    let (one, other) = (levels(one), levels(other));
    let sounds = |at: usize| {
        let around = at.saturating_sub(2)..(at + 3).min(other.len());
        other.get(around).unwrap_or_default().iter().any(|&level| level >= SOUNDING / 2)
    };
    let sounding: Vec<usize> = (0..one.len()).filter(|&at| one[at] >= SOUNDING).collect();
    let agreed = sounding.iter().filter(|&&at| sounds(at)).count();
    agreed as f64 / sounding.len().max(1) as f64
}

/// The server is killed in the middle of an answer and started again on the same data.
#[test]
fn invariant_8_a_killed_node_costs_one_reconnect_and_at_most_a_second_of_the_recording() {
    let fixture = Fixture::named("long-answer").unwrap();
    let (listen, public) = (free_address(), free_address());
    let installation = Installation::new(listen, public, &fixture);
    let (mut server, lines) = installation.serve();
    let key = the_key(&lines);

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.spawn(load_balancer(public, listen));
    let mut options = CarrierOptions::new(installation.webhook(), ACCOUNT, "sandbox");
    options.from = "+15550199".to_owned();
    options.to = "+15550100".to_owned();
    options.keep_audio = true;
    let (started, clock) = mpsc::channel();
    let call = runtime.spawn(async move {
        let carrier = Carrier::new(options).unwrap();
        let observer = move |event| {
            if matches!(event, CarrierEvent::StreamStarted { .. }) {
                // Nobody listens for the second one.
                started.send(Instant::now()).ok();
            }
        };
        carrier.run(&Fixture::named("long-answer").unwrap(), observer).await.unwrap()
    });
    // Some seconds into the long answer.
    let zero = clock.recv_timeout(PATIENCE).unwrap();
    std::thread::sleep(Duration::from_secs(14).saturating_sub(zero.elapsed()));
    let page = json(listen, "/v1/calls", &key);
    let id = page["data"][0]["id"].as_str().unwrap().to_owned();
    server.0.kill().unwrap();
    let killed_ms = zero.elapsed().as_millis() as u64;
    server.0.wait().unwrap();
    let cut = Wav::parse(&std::fs::read(installation.recording(&id)).unwrap()).unwrap();
    let (_server, _lines) = installation.serve();
    let report: CarrierReport = runtime.block_on(call).unwrap();
    let detail = the_call(listen, &key);
    let degraded = detail.events.iter().any(|event| event.kind == "degraded");
    assert!(!degraded, "{:?}", detail.events);

    // The recording as the kill left it.
    let recorded_ms = cut.channels[0].len() as u64 / 8;
    let lost_ms = killed_ms.saturating_sub(recorded_ms);
    assert!(lost_ms <= BLOCK_MS, "{lost_ms} ms of the recording are lost");
    let heard = report.audio.as_ref().unwrap();
    let decode =
        |audio: &[u8]| -> Vec<i16> { audio.iter().map(|&code| fixtures::mulaw::decode(code)).collect() };
    let length = cut.channels[0].len();
    for (side, real) in [(0, decode(&heard.caller)), (1, decode(&heard.assistant))] {
        let (recorded, real) = (&cut.channels[side], &real[..length]);
        let (true_, whole) = (agreement(recorded, real), agreement(real, recorded));
        assert!(
            true_ > 0.98 && whole > 0.98,
            "side {side}: {true_} of it sounded, {whole} of what sounded is in it"
        );
    }

    // The call goes on where it was.
    let verbs = &report.verbs;
    assert_eq!((report.stream_sids.len(), &report.ended), (2, &Ended::CallerHungUp), "{verbs:?}");
    assert_eq!(verbs.as_slice(), ["Connect", "Connect"]);
    assert_eq!(detail.end_reason.as_deref(), Some("caller_hung_up"));
    assert_eq!(detail.turns.len(), 4, "greeting, answer, its rest, farewell: {:#?}", detail.turns);
    let reply = &fixture.scenario.rules.iter().max_by_key(|rule| rule.reply.len()).unwrap().reply;
    let said: Vec<&str> =
        detail.turns[1..3].iter().flat_map(|turn| turn.assistant.split_whitespace()).collect();
    let whole: Vec<&str> = reply.split_whitespace().collect();
    let off = said.len().abs_diff(whole.len());
    assert!(off <= REPEATED_WORDS && said.ends_with(&whole[whole.len() / 2..]), "{off} words off: {said:?}");
    let silence =
        report.answers_ms.windows(2).map(|pair| (pair[0].1, pair[1].0)).find(|&(_, next)| next > killed_ms);
    let (until_ms, from_ms) = silence.unwrap();
    assert!(from_ms - until_ms < 5_000, "nothing was heard from {until_ms} to {from_ms} ms");
    let whole = Wav::parse(&std::fs::read(installation.recording(&id)).unwrap()).unwrap();
    let kept_ms = whole.channels[0].len() as u64 / 8;
    assert!(kept_ms + 5_000 > report.duration_ms, "{kept_ms} ms of {} are recorded", report.duration_ms);
}

/// `head`, or any reader that has seen enough, is not a failure, and a disk that is full is one with a reason.
#[test]
fn a_reader_that_is_gone_is_no_failure_and_a_full_disk_is_told() {
    let folder = Folder::new();
    let program = env!("CARGO_BIN_EXE_tandem");
    let shell = |script: String| {
        let path = std::env::var("PATH").unwrap();
        Command::new("bash").env_clear().env("PATH", path).args(["-c", &script]).output().unwrap()
    };
    let keep = folder.path().join("gone");
    let output = shell(format!(
        "'{program}' demo --fast --json --keep '{}' | true; exit ${{PIPESTATUS[0]}}",
        keep.display()
    ));
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let keep = folder.path().join("full");
    let output = shell(format!("'{program}' demo --fast --json --keep '{}' > /dev/full", keep.display()));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), told.contains("standard output")), (Some(2), true), "{told}");
}

#[test]
fn a_place_that_cannot_be_written_to_is_named_before_anything_is_done() {
    let output = run(&["demo", "--fast", "--keep", "/dev/null/demo"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), told.contains("/dev/null/demo")), (Some(2), true), "{told}");
    let load = [
        "load",
        "--calls",
        "1",
        "--fixture",
        "load",
        "--to",
        "http://127.0.0.1:1/",
        "--report",
        "/dev/null/a.html",
    ];
    let output = run(&load);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), told.contains("/dev/null/a.html")), (Some(2), true), "{told}");
    assert_eq!(output.stdout, b"", "it has called although there is no place for its report");
}
