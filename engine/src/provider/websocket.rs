//! Websockets as all providers use them: a bounded connect with small buffers, and one task that runs a session
//! around a synchronous [`Protocol`].
//!
//! Whatever ends a session without our having asked for it is an error, and the last event.

use super::{
    ErrorKind, ProviderError, Secret,
    http::{ErrorBody, classify},
    liveness::{Due, Liveness, SocketTimers},
    quoted, tls,
};
use futures_util::{FutureExt, SinkExt, StreamExt};
use std::{collections::VecDeque, time::Duration};
use tokio::{net::TcpStream, sync::mpsc, time::Instant};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config,
    tungstenite::{
        self, Message, Utf8Bytes,
        client::IntoClientRequest,
        http::{HeaderName, HeaderValue},
        protocol::{WebSocketConfig, frame::coding::CloseCode},
    },
};
use url::Url;

/// A socket to a provider.
pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Read buffer, in bytes. The library's default of 128 KiB is zeroed for each read: three times the CPU and
/// fifteen times the memory for messages as short as ours.
const READ_BUFFER: usize = 4096;

/// Longest message that is taken, in bytes: a minute of mu-law in base64 is a sixth of it.
const LONGEST_MESSAGE: usize = 4 * 1024 * 1024;

/// Events that may wait for the reader before commands wait too.
const EVENTS_WAITING: usize = 64;

/// Where to connect, and with which credential; without `Debug`, which would print it.
pub(crate) struct Endpoint {
    pub(crate) provider: String,
    /// `http`, `https`, `ws` or `wss`.
    pub(crate) url: Url,
    /// The header that authenticates, and its value.
    pub(crate) auth: (HeaderName, String),
    pub(crate) secret: Secret,
    /// TCP, TLS and upgrade together.
    pub(crate) limit: Duration,
}

impl Endpoint {
    fn error(&self, message: impl AsRef<str>, kind: ErrorKind) -> ProviderError {
        ProviderError::new(&self.provider, "connecting", quoted(message.as_ref(), Some(&self.secret)), kind)
    }

    /// Opens the socket.
    pub(crate) async fn connect(mut self) -> Result<Socket, ProviderError> {
        let scheme = match self.url.scheme() {
            "http" | "ws" => "ws",
            "https" | "wss" => "wss",
            other => return Err(self.error(format!("cannot speak {other}"), ErrorKind::Rejected)),
        };
        if self.url.set_scheme(scheme).is_err() {
            return Err(self.error("the base URL has no host", ErrorKind::Rejected));
        }
        match tokio::time::timeout(self.limit, self.open()).await {
            Ok(opened) => opened,
            Err(_) => Err(self.error(format!("not open within {:?}", self.limit), ErrorKind::Transient)),
        }
    }

    async fn open(&self) -> Result<Socket, ProviderError> {
        let Some(host) = self.url.host_str() else {
            return Err(self.error("the base URL has no host", ErrorKind::Rejected));
        };
        let port = self.url.port_or_known_default().unwrap_or(443);
        // An IPv6 address is written in brackets in a URL and without them for the resolver.
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let stream = TcpStream::connect((host, port))
            .await
            .map_err(|error| self.error(error.to_string(), ErrorKind::Transient))?;
        stream.set_nodelay(true).map_err(|error| self.error(error.to_string(), ErrorKind::Transient))?;

        let mut request =
            self.url.as_str().into_client_request().map_err(|error| self.refused_upgrade(error))?;
        let mut value = HeaderValue::from_str(&self.auth.1).map_err(|_| {
            self.error("the credential holds a character that no header can carry", ErrorKind::Auth)
        })?;
        value.set_sensitive(true);
        request.headers_mut().insert(self.auth.0.clone(), value);

        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_message_size(Some(LONGEST_MESSAGE))
            .max_frame_size(Some(LONGEST_MESSAGE));
        let connector = Connector::Rustls(tls::client_config());
        let (socket, _response) =
            client_async_tls_with_config(request, stream, Some(config), Some(connector))
                .await
                .map_err(|error| self.refused_upgrade(error))?;
        Ok(socket)
    }

    fn refused_upgrade(&self, error: tungstenite::Error) -> ProviderError {
        let tungstenite::Error::Http(response) = error else {
            return self.error(error.to_string(), ErrorKind::Transient);
        };
        let told = ErrorBody::parse(response.body().as_deref().unwrap_or_default());
        let kind = classify(response.status(), response.headers(), &told.name);
        let request_id = ["dg-request-id", "request-id"]
            .iter()
            .find_map(|name| response.headers().get(*name)?.to_str().ok())
            .map(|id| format!(" (request {id})"))
            .unwrap_or_default();
        self.error(format!("HTTP {}{request_id}: {}", response.status().as_u16(), told.text), kind)
    }
}

/// How a socket ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With a close frame.
    Closed { code: u16, reason: String },
    /// Without one.
    Gone(String),
}

impl Ending {
    /// The error it stands for, unless it is an orderly close that we had asked for.
    pub(crate) fn error(self, provider: &str, secret: &Secret, asked_for: bool) -> Result<(), ProviderError> {
        let (message, kind) = match self {
            Self::Closed { code: 1000, .. } if asked_for => return Ok(()),
            Self::Closed { code, reason } => (
                format!("the service closed with {code} {}", quoted(&reason, Some(secret))),
                close_kind(code),
            ),
            Self::Gone(message) => (message, ErrorKind::Transient),
        };
        Err(ProviderError::new(provider, "running the session", message.trim_end(), kind))
    }
}

/// A close that blames what we sent will come again; any other is worth a new session.
const fn close_kind(code: u16) -> ErrorKind {
    match code {
        1002 | 1003 | 1007..=1010 => ErrorKind::Rejected,
        _ => ErrorKind::Transient,
    }
}

/// A message on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) message: Message,
    /// Whether it puts the next keep-alive off.
    pub(crate) feeds: bool,
}

/// What a protocol wants done.
#[derive(Debug)]
pub(crate) struct Output<E> {
    pub(crate) frames: VecDeque<Frame>,
    pub(crate) events: VecDeque<E>,
    /// We have asked for the end: no more commands are taken.
    pub(crate) closing: bool,
}

impl<E> Default for Output<E> {
    fn default() -> Self {
        Self { frames: VecDeque::new(), events: VecDeque::new(), closing: false }
    }
}

impl<E> Output<E> {
    /// Sends text that keeps the session alive.
    pub(crate) fn text(&mut self, text: impl Into<Utf8Bytes>) {
        self.frames.push_back(Frame { message: Message::Text(text.into()), feeds: true });
    }
}

/// A provider's protocol, without the socket.
pub(crate) trait Protocol: Send + 'static {
    type Command: Send + 'static;
    type Event: Send + 'static;

    fn provider(&self) -> &str;

    /// Takes a command; `None` means that nobody can send any more.
    fn command(&mut self, command: Option<Self::Command>, output: &mut Output<Self::Event>);

    /// Takes a text message; an error ends the session.
    fn text(&mut self, text: &str, output: &mut Output<Self::Event>) -> Result<(), ProviderError>;

    /// What keeps an unused session open.
    fn keep_alive(&self) -> Utf8Bytes;

    /// The socket ended; an error is told to the reader as the last event.
    fn ended(&mut self, ending: Ending, output: &mut Output<Self::Event>) -> Result<(), ProviderError>;

    /// The last event of a failed session.
    fn failure(error: ProviderError) -> Self::Event;
}

/// Runs a session to its end. A reader that takes no events holds the socket back, but not the commands.
pub(crate) async fn run<P: Protocol>(
    socket: Socket,
    mut protocol: P,
    mut commands: mpsc::Receiver<P::Command>,
    events: mpsc::Sender<P::Event>,
    timers: SocketTimers,
) {
    let mut output = Output::default();
    let ended = drive(socket, &mut protocol, &mut commands, &events, timers, &mut output).await;
    if let Err(error) = ended {
        output.events.push_back(P::failure(error));
    }
    for event in output.events {
        if events.send(event).await.is_err() {
            return;
        }
    }
}

/// Runs until the socket ends; the socket is closed when this returns.
async fn drive<P: Protocol>(
    mut socket: Socket,
    protocol: &mut P,
    commands: &mut mpsc::Receiver<P::Command>,
    events: &mpsc::Sender<P::Event>,
    timers: SocketTimers,
    output: &mut Output<P::Event>,
) -> Result<(), ProviderError> {
    let mut liveness = Liveness::new(timers, Instant::now());
    loop {
        while let Some(frame) = output.frames.pop_front() {
            if let Err(cause) = write(&mut socket, frame.message, timers.write).await {
                let ending = last_words(&mut socket, protocol, output, cause)?;
                return protocol.ended(ending, output);
            }
            if frame.feeds {
                liveness.fed(Instant::now());
            }
        }
        if output.closing {
            liveness.closing(Instant::now());
        }
        tokio::select! {
            permit = events.reserve(), if !output.events.is_empty() => {
                let Ok(permit) = permit else { return Ok(()) };
                if let Some(event) = output.events.pop_front() {
                    permit.send(event);
                }
                // While events waited, nothing was read: that silence is ours.
                liveness.heard(Instant::now());
            }
            command = commands.recv(), if !output.closing && output.events.len() < EVENTS_WAITING => {
                protocol.command(command, output);
            }
            message = socket.next(), if output.events.is_empty() => {
                liveness.heard(Instant::now());
                let ending = match message {
                    Some(Ok(Message::Text(text))) => {
                        protocol.text(text.as_str(), output)?;
                        continue;
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                    Some(Ok(Message::Binary(_))) => {
                        let message = "a binary message, which the protocol has not";
                        let kind = ErrorKind::Transient;
                        return Err(ProviderError::new(protocol.provider(), "reading", message, kind));
                    }
                    Some(Ok(Message::Close(frame))) => {
                        // The close is answered; whether that arrives changes nothing for us.
                        drop(tokio::time::timeout(timers.write, socket.flush()).await);
                        frame.map_or_else(
                            || Ending::Closed { code: CloseCode::Status.into(), reason: String::new() },
                            |frame| Ending::Closed { code: frame.code.into(), reason: frame.reason.to_string() },
                        )
                    }
                    Some(Err(error)) => Ending::Gone(error.to_string()),
                    None => Ending::Gone("the connection ended without a close".to_owned()),
                };
                return protocol.ended(ending, output);
            }
            () = tokio::time::sleep_until(liveness.deadline()) => {
                let now = Instant::now();
                match liveness.due(now) {
                    None => {}
                    Some(Due::KeepAlive) => output.text(protocol.keep_alive()),
                    Some(Due::Ping) => {
                        let ping = Message::Ping(bytes::Bytes::new());
                        output.frames.push_back(Frame { message: ping, feeds: false });
                        liveness.pinged(now);
                    }
                    // Only a socket that is being read can be blamed for its silence.
                    Some(Due::Dead) if !output.events.is_empty() => liveness.heard(now),
                    Some(Due::Dead) => {
                        let gone = Ending::Gone(format!("nothing came for {:?}", timers.pong_timeout));
                        return protocol.ended(gone, output);
                    }
                    Some(Due::CloseOverdue) => {
                        let gone = Ending::Gone(format!("not closed within {:?}", timers.close));
                        return protocol.ended(gone, output);
                    }
                }
            }
        }
    }
}

async fn write(socket: &mut Socket, message: Message, limit: Duration) -> Result<(), String> {
    match tokio::time::timeout(limit, socket.send(message)).await {
        Ok(sent) => sent.map_err(|error| error.to_string()),
        Err(_) => Err(format!("the network took nothing for {limit:?}")),
    }
}

/// What the other side said before it stopped listening: its reason says more than our failed write.
fn last_words<P: Protocol>(
    socket: &mut Socket,
    protocol: &mut P,
    output: &mut Output<P::Event>,
    cause: String,
) -> Result<Ending, ProviderError> {
    // A few messages: a server that goes on talking has not said its last.
    for _ in 0..EVENTS_WAITING {
        let Some(Some(Ok(message))) = socket.next().now_or_never() else { break };
        match message {
            Message::Text(text) => protocol.text(text.as_str(), output)?,
            Message::Close(Some(frame)) => {
                return Ok(Ending::Closed { code: frame.code.into(), reason: frame.reason.to_string() });
            }
            Message::Close(None)
            | Message::Binary(_)
            | Message::Ping(_)
            | Message::Pong(_)
            | Message::Frame(_) => {}
        }
    }
    Ok(Ending::Gone(cause))
}
