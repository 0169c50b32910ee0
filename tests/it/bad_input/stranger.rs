//! A client that says what it likes: raw sockets, raw requests, and tokens taken from real TwiML.

use bytes::Bytes;
use engine::provider::http::{HttpOptions, http_client};
use fixtures::carrier::{CarrierOptions, sign};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};
use tandem::rehearsal::Rehearsal;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        Message,
        protocol::frame::{
            Frame,
            coding::{Data, OpCode},
        },
    },
};

/// Nothing that the server owes anybody takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct Stranger<'a> {
    pub(super) rehearsal: &'a Rehearsal,
    pub(super) carrier: CarrierOptions,
    pub(super) http: reqwest::Client,
}

/// What our TwiML gave for one call.
#[derive(Clone)]
pub(super) struct Ticket {
    pub(super) call_sid: String,
    pub(super) token: String,
}

/// A call's identifier that nobody has had yet.
pub(super) fn new_call_sid() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("CA{:032}", NEXT.fetch_add(1, Ordering::Relaxed))
}

impl<'a> Stranger<'a> {
    pub(super) fn new(rehearsal: &'a Rehearsal) -> Self {
        let http = http_client(HttpOptions::default()).unwrap();
        Self { rehearsal, carrier: rehearsal.carrier_options(), http }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.rehearsal.server.address)
    }

    /// What the carrier says when somebody calls.
    pub(super) fn call_parameters(&self, call_sid: &str) -> Vec<(String, String)> {
        [
            ("AccountSid", self.carrier.account_sid.as_str()),
            ("CallSid", call_sid),
            ("CallStatus", "ringing"),
            ("Direction", "inbound"),
            ("From", &self.carrier.from),
            ("To", &self.carrier.to),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    pub(super) async fn post(
        &self,
        url: &str,
        parameters: &[(String, String)],
        signature: Option<&str>,
    ) -> reqwest::Response {
        let mut request = self.http.post(url).form(parameters);
        if let Some(signature) = signature {
            request = request.header("x-twilio-signature", signature);
        }
        request.send().await.unwrap()
    }

    /// A call as the carrier announces it.
    pub(super) async fn ticket(&self, call_sid: &str) -> Ticket {
        let (url, parameters) = (&self.carrier.webhook_url, self.call_parameters(call_sid));
        let signature = sign(&self.carrier.auth_token, url, &parameters);
        let twiml = self.post(url, &parameters, Some(&signature)).await.text().await.unwrap();
        let token = twiml.split_once("name=\"token\" value=\"").unwrap().1.split('"').next().unwrap();
        Ticket { call_sid: call_sid.to_owned(), token: token.to_owned() }
    }

    pub(super) async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.rehearsal.server.address).await.unwrap()
    }

    pub(super) async fn socket(&self) -> Socket {
        let url = format!("ws://{}/media-stream", self.rehearsal.server.address);
        Socket { inner: client_async(url, self.tcp().await).await.unwrap().0, sid: String::new() }
    }

    pub(super) fn start(&self, ticket: &Ticket, sid: &str) -> Value {
        json!({
            "event": "start",
            "sequenceNumber": "1",
            "streamSid": sid,
            "start": {
                "accountSid": self.carrier.account_sid,
                "callSid": ticket.call_sid,
                "streamSid": sid,
                "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                "customParameters": {"token": ticket.token},
            },
        })
    }

    /// A stream that begins as it should, up to the first audio of the greeting.
    pub(super) async fn stream(&self, ticket: &Ticket) -> Socket {
        let mut socket = self.socket().await;
        socket.sid = ticket.call_sid.replacen("CA", "MZ", 1);
        socket.say(json!({"event": "connected", "protocol": "Call", "version": "1.0.0"})).await;
        let start = self.start(ticket, &socket.sid);
        socket.say(start).await;
        socket.next_event("media").await;
        socket
    }

    pub(super) async fn new_stream(&self) -> Socket {
        self.stream(&self.ticket(&new_call_sid()).await).await
    }

    /// Calls whose stream was lost wait for it to come back; then they end too.
    pub(super) async fn all_calls_end(&self) {
        let end = async {
            while self.rehearsal.server.engine.live_calls() > 0 {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(Duration::from_secs(300), end).await.unwrap();
    }

    /// The value of a metric: of the whole process, so other tests may move it too.
    pub(super) async fn metric(&self, name: &str) -> u64 {
        let text = self.http.get(self.url("/metrics")).send().await.unwrap().text().await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0, |value| value.parse().unwrap())
    }
}

pub(super) struct Socket {
    pub(super) inner: WebSocketStream<TcpStream>,
    pub(super) sid: String,
}

/// How a socket was closed by the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Closed {
    pub(super) code: u16,
    pub(super) reason: String,
}

impl Socket {
    pub(super) async fn say(&mut self, message: Value) {
        self.send(Message::text(message.to_string())).await;
    }

    /// Sends; a server that has hung up already is not this one's affair.
    pub(super) async fn send(&mut self, message: Message) {
        drop(self.inner.send(message).await);
    }

    /// Silence of the caller's: 20 ms, as the `chunk`th.
    pub(super) fn media(&self, chunk: u64) -> Value {
        self.media_at(chunk, (chunk.saturating_sub(1)) * 20)
    }

    pub(super) fn media_at(&self, chunk: u64, timestamp_ms: u64) -> Value {
        json!({
            "event": "media",
            "sequenceNumber": (chunk + 1).to_string(),
            "streamSid": self.sid,
            "media": {
                "track": "inbound",
                "chunk": chunk.to_string(),
                "timestamp": timestamp_ms.to_string(),
                "payload": silence(),
            },
        })
    }

    /// Waits for an event of the server's.
    pub(super) async fn next_event(&mut self, wanted: &str) -> Value {
        let found = async {
            loop {
                let message = self.inner.next().await.expect("the socket is open").unwrap();
                let Message::Text(text) = message else { continue };
                let message: Value = serde_json::from_str(&text).unwrap();
                if message["event"] == wanted {
                    return message;
                }
            }
        };
        timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("no {wanted}"))
    }

    /// How the server closes; what it says before is not looked at.
    pub(super) async fn closed(&mut self) -> Closed {
        self.closed_within(PATIENCE).await
    }

    pub(super) async fn closed_within(&mut self, patience: Duration) -> Closed {
        let close = async {
            loop {
                match self.inner.next().await {
                    Some(Ok(Message::Close(Some(frame)))) => {
                        return Closed { code: frame.code.into(), reason: frame.reason.to_string() };
                    }
                    Some(Ok(_)) => {}
                    other => panic!("the socket ended without a close: {other:?}"),
                }
            }
        };
        timeout(patience, close).await.expect("the server closes")
    }

    /// The stream is served: what is said to it comes to the call.
    pub(super) async fn is_alive(&mut self) -> bool {
        let listening = async {
            loop {
                match self.inner.next().await {
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                    Some(Ok(_)) => {}
                }
            }
        };
        timeout(Duration::from_millis(500), listening).await.is_err()
    }

    /// Hangs up as the carrier does.
    pub(super) async fn stop(mut self) -> Closed {
        let stop = json!({"event": "stop", "sequenceNumber": "9", "streamSid": self.sid, "stop": {}});
        self.say(stop).await;
        self.closed().await
    }
}

/// 20 ms of mu-law silence in base64.
pub(super) fn silence() -> String {
    format!("{}/w==", "/".repeat(212))
}

/// A text frame with bytes that are no text.
pub(super) fn not_utf8() -> Message {
    Message::Frame(Frame::message(
        Bytes::from_static(b"{\"event\":\"\xff\xfe\"}"),
        OpCode::Data(Data::Text),
        true,
    ))
}
