//! The least that a server of Media Streams can do: answer the voice webhook, accept the stream, and send
//! every frame back. No speech recognition, no pacing, no recording, no supervision. What it costs, every
//! such server pays to the sockets, the framing and the JSON; what Tandem costs beyond it is Tandem's own.
//!
//! It believes everybody (no signature, no token), so it belongs on loopback.

use axum::{
    Router,
    extract::{
        WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{any, post},
    serve::ListenerExt,
};
use serde::Deserialize;
use std::{borrow::Cow, io};
use tokio::net::TcpListener;

/// Read buffer of a socket, in bytes. The default of 128 KiB is zeroed for each read, which costs three times
/// the CPU of everything else together; a frame is below 400 bytes.
const READ_BUFFER: usize = 4_096;

/// Largest message taken, in bytes. A frame of 20 ms is below 400.
const MAX_MESSAGE: usize = 64 * 1_024;

/// Serves on `listener` until the process ends.
///
/// # Errors
/// None in practice: failures to accept are waited out.
pub async fn serve(listener: TcpListener) -> io::Result<()> {
    let listener = listener.tap_io(|socket| {
        // Without it a frame may wait for the acknowledgement of the one before; the figures then speak of
        // that.
        if let Err(error) = socket.set_nodelay(true) {
            eprintln!("failed to set TCP_NODELAY: {error}");
        }
    });
    axum::serve(listener, routes()).await
}

/// The paths under which a load generator looks for a server.
fn routes() -> Router {
    Router::new()
        .route("/api/voice/incoming", post(incoming))
        .route("/hooks/twilio/voice", post(incoming))
        .route("/api/twilio/voice", post(incoming))
        .route("/api/voice/status", post(async || StatusCode::NO_CONTENT))
        .route("/media-stream", any(media_stream))
}

/// TwiML that connects the call to the stream on the host that was asked.
async fn incoming(headers: HeaderMap) -> Response {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    // What goes into an attribute must be a host and a port and nothing else.
    let is_plain =
        |host: &&str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-[]".contains(&byte));
    let Some(host) = host.filter(is_plain) else { return StatusCode::BAD_REQUEST.into_response() };
    let twiml = format!("<Response><Connect><Stream url=\"ws://{host}/media-stream\"/></Connect></Response>");
    ([(header::CONTENT_TYPE, "text/xml")], twiml).into_response()
}

async fn media_stream(upgrade: WebSocketUpgrade) -> Response {
    upgrade.read_buffer_size(READ_BUFFER).write_buffer_size(0).max_message_size(MAX_MESSAGE).on_upgrade(echo)
}

/// What is read of a message; the rest is skipped.
#[derive(Deserialize)]
struct Inbound<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow, rename = "streamSid", default)]
    stream_sid: Cow<'a, str>,
    #[serde(borrow)]
    media: Option<Media<'a>>,
}

#[derive(Deserialize)]
struct Media<'a> {
    // Not `&str`: JSON may write the `/` of base64 as `\/`.
    #[serde(borrow)]
    payload: Cow<'a, str>,
}

/// Sends every frame back until the stream ends; a message that is not understood is skipped.
async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        let Message::Text(text) = message else { continue };
        let Ok(inbound) = serde_json::from_str::<Inbound<'_>>(&text) else { continue };
        match (&*inbound.event, inbound.media) {
            ("media", Some(media)) => {
                let reply = reply(&inbound.stream_sid, &media.payload);
                if socket.send(Message::Text(reply.into())).await.is_err() {
                    return;
                }
            }
            ("stop", _) => return,
            _ => {}
        }
    }
}

/// Exactly the fields that a carrier accepts. Neither text needs escaping: a stream's id and base64 hold no
/// quotes, and what does is not echoed.
fn reply(stream_sid: &str, payload: &str) -> String {
    let plain =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
    let (stream_sid, payload) =
        if plain(stream_sid) && plain(payload) { (stream_sid, payload) } else { ("", "") };
    format!("{{\"event\":\"media\",\"streamSid\":\"{stream_sid}\",\"media\":{{\"payload\":\"{payload}\"}}}}")
}
