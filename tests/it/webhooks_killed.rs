//! `kill -9` of the real program between a webhook and what is stored of it, or its answer: the carrier asks again, or asks the
//! address for when that fails, and in the end nothing is lost and nothing is there twice.

use crate::support::Folder;
use fixtures::carrier::sign;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};
use url::form_urlencoded::Serializer;

const ACCOUNT: &str = "AC00000000000000000000000000000000";
const TOKEN: &str = "sandbox";
const NUMBER: &str = "+15550100";
/// Nothing that is waited for takes a tenth of this.
const PATIENCE: Duration = Duration::from_secs(60);
/// Calls that come in while the server is killed again and again.
const CALLS: usize = 10;

/// The program with its data; what it is told to keep stays when it is killed.
struct House {
    folder: Folder,
    listen: SocketAddr,
}

/// A running server.
struct Server {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Server {
    /// Nothing is written to the end, nothing is said.
    fn kill_9(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed by its test.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl House {
    fn new() -> Self {
        let listen = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let folder = Folder::new();
        let config = format!(
            "listen = \"{listen}\"\nbase_url = \"http://{listen}\"\ndata_dir = {:?}\n[tenant]\nid = \"shop\"\n\
             [tenant.twilio]\naccount_sid = \"{ACCOUNT}\"\nauth_token = \"{TOKEN}\"\nnumbers = [\"{NUMBER}\"]\n\
             base_url = \"http://127.0.0.1:1\"\n[webhooks]\nallow_own_network = true\n",
            folder.path().join("data"),
        );
        std::fs::write(folder.path().join("tandem.toml"), config).unwrap();
        Self { folder, listen }
    }

    fn serve(&self) -> Server {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tandem"))
            .env_clear()
            .stdin(Stdio::null())
            .args(["serve", "--config"])
            .arg(self.folder.path().join("tandem.toml"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let server = Server { child, lines: receiver };
        let began = Instant::now();
        while self.ask("GET", "/healthz", &[], b"").is_none_or(|(status, _)| status != 200) {
            assert!(began.elapsed() < PATIENCE, "the server does not start");
            thread::sleep(Duration::from_millis(10));
        }
        server
    }

    /// `None`: no answer, or not a whole one.
    fn ask(&self, method: &str, path: &str, headers: &[String], body: &[u8]) -> Option<(u16, Vec<u8>)> {
        let mut socket = TcpStream::connect(self.listen).ok()?;
        socket.set_read_timeout(Some(PATIENCE)).ok()?;
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n",
            self.listen
        );
        socket.write_all(head.as_bytes()).ok()?;
        socket.write_all(body).ok()?;
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).ok()?;
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let body = answer.split_off(end + 4);
        let told = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        told.is_none_or(|length: usize| length == body.len()).then_some((status, body))
    }

    fn json(&self, method: &str, path: &str, key: &str, body: Option<&Value>) -> Value {
        let mut headers = vec![format!("Authorization: Bearer {key}")];
        headers.extend(body.map(|_| "Content-Type: application/json".to_owned()));
        let text = body.map_or_else(String::new, Value::to_string);
        let (status, answer) = self.ask(method, path, &headers, text.as_bytes()).expect("it answers");
        assert!((200..300).contains(&status), "{path}: {status} {}", String::from_utf8_lossy(&answer));
        serde_json::from_slice(&unchunked(&answer))
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&answer)))
    }
}

/// A body with the lengths of its chunks taken out; one without them as it is.
fn unchunked(body: &[u8]) -> Vec<u8> {
    if body.first().is_some_and(|first| matches!(first, b'{' | b'[' | b'<')) {
        return body.to_vec();
    }
    let (mut rest, mut whole) = (body, Vec::new());
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        whole.extend_from_slice(&rest[end + 2..end + 2 + length]);
        rest = &rest[end + 4 + length..];
    }
    whole
}

/// What the carrier tells or asks: sent again as it is until it is answered.
#[derive(Clone, Debug)]
struct Webhook {
    path: String,
    fields: Vec<(String, String)>,
    /// The carrier marks what it sends again.
    token: String,
}

impl Webhook {
    fn of(call: &str, path: &str, more: &[(&str, &str)]) -> Self {
        let mut fields = vec![
            ("AccountSid", ACCOUNT),
            ("CallSid", call),
            ("From", "+15550123"),
            ("To", NUMBER),
            ("Direction", "inbound"),
        ];
        fields.extend(more);
        let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { path: path.to_owned(), fields, token: format!("{call}{path}") }
    }

    /// Whether it was taken: no answer and an answer that says so are tried again.
    fn send(&self, house: &House) -> bool {
        let url = format!("http://{}{}", house.listen, self.path);
        let headers = [
            "Content-Type: application/x-www-form-urlencoded".to_owned(),
            format!("X-Twilio-Signature: {}", sign(TOKEN, &url, &self.fields)),
            format!("I-Twilio-Idempotency-Token: {}", self.token),
        ];
        let body = Serializer::new(String::new()).extend_pairs(&self.fields).finish();
        match house.ask("POST", &self.path, &headers, body.as_bytes()) {
            Some((status, answer)) => {
                assert!(
                    matches!(status, 200 | 500..),
                    "{self:?}: {status} {}",
                    String::from_utf8_lossy(&answer)
                );
                status == 200
            }
            None => false,
        }
    }
}

fn call_sid(number: usize) -> String {
    format!("CA{number:032}")
}

fn recording_sid(number: usize) -> String {
    format!("RE{number:032}")
}

/// All that the carrier has to say of a call in which the caller leaves a message, in order.
fn told_of(number: usize) -> Vec<Webhook> {
    let (call, recording) = (call_sid(number), recording_sid(number));
    let recorded = [("RecordingSid", recording.as_str()), ("RecordingDuration", "7")];
    let transcribed = [
        ("RecordingSid", recording.as_str()),
        ("TranscriptionStatus", "completed"),
        ("TranscriptionText", "Please call back."),
    ];
    let stored =
        [("RecordingSid", recording.as_str()), ("RecordingStatus", "completed"), ("RecordingDuration", "7")];
    vec![
        Webhook::of(&call, "/api/voice/incoming", &[("CallStatus", "ringing")]),
        // What the carrier asks when the one before it is not answered.
        Webhook::of(&call, "/api/voice/fallback", &[("CallStatus", "ringing"), ("ErrorCode", "11200")]),
        Webhook::of(&call, "/api/voice/emergency-recording", &recorded),
        Webhook::of(&call, "/api/voice/transcription-complete", &transcribed),
        Webhook::of(&call, "/api/voice/recording-status", &stored),
        Webhook::of(&call, "/api/voice/status", &[("CallStatus", "completed"), ("CallDuration", "61")]),
    ]
}

/// A customer's server: keeps what it is told, by the message's id.
fn customer() -> (String, Arc<Mutex<BTreeMap<String, Value>>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let told: Arc<Mutex<BTreeMap<String, Value>>> = Arc::default();
    let keeps = Arc::clone(&told);
    thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            // A message whose sender was killed is sent again.
            drop(take(socket, &keeps));
        }
    });
    (url, told)
}

fn take(mut socket: TcpStream, told: &Mutex<BTreeMap<String, Value>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(socket.try_clone()?);
    let (mut id, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
        let (name, value) = line.trim_end().split_once(": ").unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "webhook-id" => id = value.to_owned(),
            "content-length" => length = value.parse().unwrap_or(0),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    if let Ok(message) = serde_json::from_slice(&body) {
        told.lock().unwrap().insert(id, message);
    }
    socket.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
}

/// Sends them all at once, and kills the server while it is at it; gives those that were not taken.
fn send_and_kill(
    house: &Arc<House>,
    server: Server,
    webhooks: Vec<Webhook>,
    after: Duration,
) -> Vec<Webhook> {
    let senders: Vec<_> = webhooks
        .into_iter()
        .map(|webhook| {
            let house = Arc::clone(house);
            thread::spawn(move || (webhook.send(&house), webhook))
        })
        .collect();
    // Not waiting for anything: the point in time is what is varied.
    thread::sleep(after);
    server.kill_9();
    let sent = senders.into_iter().map(|sender| sender.join().unwrap());
    sent.filter(|(taken, _)| !taken).map(|(_, webhook)| webhook).collect()
}

#[test]
fn a_server_that_is_killed_between_a_webhook_and_its_answer_loses_nothing_and_does_nothing_twice() {
    let house = Arc::new(House::new());
    let (url, told) = customer();
    let mut server = house.serve();
    let until = Instant::now() + PATIENCE;
    let mut shown = false;
    let key = loop {
        let line = server.lines.recv_timeout(until - Instant::now()).expect("the key is shown");
        if shown && !line.trim().is_empty() {
            break line.trim().to_owned();
        }
        shown = shown || line.starts_with("The API key");
    };
    let form = json!({ "url": url, "name": "Shop", "events": ["call.*", "voicemail.*"] });
    house.json("POST", "/v1/webhook-endpoints", &key, Some(&form));

    let mut unanswered: Vec<Webhook> = Vec::new();
    let mut lost = 0;
    for number in 0..CALLS {
        // Those of two calls at once, with what the servers before this one did not answer.
        let mut webhooks = std::mem::take(&mut unanswered);
        webhooks.extend(told_of(number));
        let after = Duration::from_micros(500 + 1_700 * u64::try_from(number).unwrap());
        unanswered = send_and_kill(&house, server, webhooks, after);
        lost += unanswered.len();
        server = house.serve();
    }
    assert!(lost > 0, "the server was never killed in time");
    // The carrier sends again what was not taken, and some that was.
    for webhook in unanswered.iter().cloned().chain((0..CALLS).flat_map(told_of)) {
        let began = Instant::now();
        while !webhook.send(&house) {
            assert!(began.elapsed() < PATIENCE, "{webhook:?} is never taken");
        }
    }

    let calls = house.json("GET", "/v1/calls?limit=100", &key, None);
    let calls = calls["data"].as_array().unwrap();
    let sids: BTreeSet<_> =
        calls.iter().map(|call| call["carrier_call_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!((calls.len(), sids), (CALLS, (0..CALLS).map(call_sid).collect()), "each call is there once");
    for call in calls {
        assert_eq!(call["status"], "completed", "{call}");
    }
    let voicemails = house.json("GET", "/v1/voicemails?limit=100", &key, None);
    let voicemails = voicemails["data"].as_array().unwrap();
    assert_eq!(voicemails.len(), CALLS, "each message is there once");
    for voicemail in voicemails {
        assert_eq!(
            (&voicemail["duration_s"], &voicemail["transcript"]),
            (&json!(7), &json!("Please call back."))
        );
    }
    let recordings = house.json("GET", "/v1/recordings?limit=100", &key, None);
    assert_eq!(recordings["data"].as_array().unwrap().len(), CALLS, "each recording is there once");

    // Each is told, and as one event, however often it was sent.
    let all = 3 * CALLS;
    let began = Instant::now();
    while told.lock().unwrap().len() < all {
        assert!(began.elapsed() < PATIENCE, "only {} are told", told.lock().unwrap().len());
        thread::sleep(Duration::from_millis(20));
    }
    let mut kinds: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for message in told.lock().unwrap().values() {
        let calls = kinds.entry(message["type"].as_str().unwrap().to_owned()).or_default();
        assert!(
            calls.insert(message["data"]["call_id"].as_str().unwrap().to_owned()),
            "told twice: {message}"
        );
    }
    let counts: Vec<_> = kinds.iter().map(|(kind, calls)| (kind.as_str(), calls.len())).collect();
    assert_eq!(counts, [("call.ended", CALLS), ("call.started", CALLS), ("voicemail.received", CALLS)]);
    drop(server);
}
