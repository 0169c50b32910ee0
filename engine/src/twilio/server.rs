//! The Media Streams server: `GET /media-stream` is upgraded, and a stream becomes part of a call only with a valid
//! `start` and the single-use token that our TwiML carried.

use super::{
    media_stream::{self, Inbound, Start},
    socket::{AcceptedStream, Breach, CarrierSocket, Message, SocketError},
};
use crate::{
    engine::{AttachError, Engine},
    log_limit::LogLimit,
    ports::{Refusal, StreamClaim},
    provider::Secret,
};
use axum::{
    Router,
    extract::{State, WebSocketUpgrade, ws::WebSocket},
    response::Response,
    routing::get,
};

/// Read buffer of a socket, bytes. The default of 128 KiB is zeroed for every read: 4 KiB costs a third of the CPU
/// and a fifteenth of the memory.
const READ_BUFFER: usize = 4 * 1024;

/// Written messages are sent together once there are so many bytes, or at the flush after what was due. 4 KiB: three
/// messages of 100 ms.
const WRITE_BUFFER: usize = 4 * 1024;

/// Most bytes that wait to be written to a socket. Only answers to pings gather there, when the far side sends them
/// and reads nothing; everything else is flushed with what was due. Unlimited by default.
const WRITE_BUFFER_MAX: usize = 64 * 1024;

/// Parameter of `<Stream>` that carries the token.
pub const TOKEN_PARAMETER: &str = "token";

/// Why a socket does not become a stream.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("the first messages did not come within {0} ms")]
    Slow(u128),
    #[error("the socket was closed before its start")]
    Closed,
    #[error(transparent)]
    Socket(#[from] SocketError),
    #[error(transparent)]
    Wire(#[from] media_stream::WireError),
    #[error("{0} came before start")]
    BeforeStart(&'static str),
    #[error(transparent)]
    Refusal(#[from] Refusal),
    #[error(transparent)]
    Attach(#[from] AttachError),
}

/// The route `/media-stream`.
pub fn router(engine: Engine) -> Router {
    Router::new().route("/media-stream", get(upgrade)).with_state(engine)
}

async fn upgrade(State(engine): State<Engine>, upgrade: WebSocketUpgrade) -> Response {
    let message_max = engine.options().stream.message_max;
    upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(WRITE_BUFFER_MAX)
        .max_message_size(message_max)
        .max_frame_size(message_max)
        .on_upgrade(|socket| serve(engine, socket))
}

/// Takes the socket up to its acceptance; from there the call's supervisor owns it.
async fn serve(engine: Engine, socket: WebSocket) {
    let options = &engine.options().stream;
    let mut socket = CarrierSocket::new(socket, options.write);
    let within = options.start_within;
    let admitted = match tokio::time::timeout(within, handshake(&engine, &mut socket)).await {
        Ok(admitted) => admitted,
        Err(_) => Err(Refused::Slow(within.as_millis())),
    };
    let refused = match admitted {
        Ok((plan, start)) => {
            let stream = AcceptedStream { socket, sid: start.stream_sid };
            match engine.attach(plan, stream).await {
                Ok(()) => return,
                Err((error, stream)) => {
                    socket_refused(stream.map(|stream| stream.socket), &error.into()).await;
                    return;
                }
            }
        }
        Err(refused) => refused,
    };
    socket_refused(Some(socket), &refused).await;
}

async fn socket_refused(socket: Option<CarrierSocket>, refused: &Refused) {
    static LINES: LogLimit = LogLimit::new();
    metrics::counter!("tandem_streams_refused_total").increment(1);
    if let Some(left_out) = LINES.admit(tokio::time::Instant::now()) {
        tracing::warn!(%refused, left_out, "a media stream was refused");
    }
    if let Some(mut socket) = socket {
        // A stranger is not told what was wrong with its claim.
        let breach = match refused {
            Refused::Socket(error) => error.breach(),
            _ => None,
        };
        socket.close(Some(breach.unwrap_or_else(|| Breach::policy("stream refused")))).await;
    }
}

async fn handshake(
    engine: &Engine,
    socket: &mut CarrierSocket,
) -> Result<(crate::ports::CallPlan, Start), Refused> {
    loop {
        let text = match socket.next().await {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Control)) => continue,
            Some(Err(error)) => return Err(error.into()),
            None => return Err(Refused::Closed),
        };
        match media_stream::parse(&text)? {
            Inbound::Connected { .. } | Inbound::Unknown { .. } => {}
            Inbound::Start(start) => {
                let claim = StreamClaim {
                    account_sid: start.account_sid.clone(),
                    call_sid: start.call_sid.clone(),
                    stream_sid: start.stream_sid.as_str().to_owned(),
                    token: start.custom_parameters.get(TOKEN_PARAMETER).map(|token| Secret::new(token)),
                };
                return Ok((engine.admit(claim).await?, start));
            }
            Inbound::Media(_) => return Err(Refused::BeforeStart("media")),
            Inbound::Mark { .. } => return Err(Refused::BeforeStart("mark")),
            Inbound::Dtmf { .. } => return Err(Refused::BeforeStart("dtmf")),
            Inbound::Stop { .. } => return Err(Refused::BeforeStart("stop")),
        }
    }
}
