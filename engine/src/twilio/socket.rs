//! The carrier's websocket: text messages in and out, every write bounded in time, every refusal with a close code.

use super::media_stream::StreamSid;
use axum::extract::ws::{CloseFrame, Message as Frame, Utf8Bytes, WebSocket, close_code};
use bytes::Bytes;
use futures_util::StreamExt as _;
use std::time::Duration;

/// Why a socket cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Reading or writing failed; a message over the size limit is one of the reasons.
    #[error("the socket failed")]
    Socket(#[source] axum::Error),
    /// The carrier only sends text.
    #[error("the carrier sent a binary message; the protocol has none")]
    Binary,
    /// The far side takes nothing.
    #[error("a write took longer than {0} ms")]
    WriteTimeout(u128),
    /// We wrote something that is not UTF-8: a defect of ours.
    #[error("a message of ours is not UTF-8")]
    NotUtf8,
}

/// What came in.
#[derive(Debug)]
pub enum Message {
    /// A message.
    Text(Utf8Bytes),
    /// A ping or pong; it only shows that the far side lives.
    Control,
}

/// One socket.
#[derive(Debug)]
pub struct CarrierSocket {
    inner: WebSocket,
    write_within: Duration,
}

impl CarrierSocket {
    /// Wraps an accepted socket; every write must be done within `write_within`.
    #[must_use]
    pub const fn new(inner: WebSocket, write_within: Duration) -> Self {
        Self { inner, write_within }
    }

    /// The next message; `None` once the far side has closed. Cancel-safe.
    pub async fn next(&mut self) -> Option<Result<Message, SocketError>> {
        match self.inner.next().await? {
            Ok(Frame::Text(text)) => Some(Ok(Message::Text(text))),
            Ok(Frame::Ping(_) | Frame::Pong(_)) => Some(Ok(Message::Control)),
            Ok(Frame::Binary(_)) => Some(Err(SocketError::Binary)),
            Ok(Frame::Close(_)) => None,
            Err(error) => Some(Err(SocketError::Socket(error))),
        }
    }

    /// Sends one text message.
    ///
    /// # Errors
    /// When the socket fails or takes nothing for the whole time.
    pub async fn send(&mut self, message: Bytes) -> Result<(), SocketError> {
        let text = Utf8Bytes::try_from(message).map_err(|_| SocketError::NotUtf8)?;
        match tokio::time::timeout(self.write_within, self.inner.send(Frame::Text(text))).await {
            Ok(sent) => sent.map_err(SocketError::Socket),
            Err(_) => Err(SocketError::WriteTimeout(self.write_within.as_millis())),
        }
    }

    /// Closes in order: the carrier goes on with what follows the stream in its instructions. `refused` says that
    /// the far side broke the protocol.
    pub async fn close(&mut self, refused: Option<&str>) {
        let code = if refused.is_some() { close_code::POLICY } else { close_code::NORMAL };
        let reason = Utf8Bytes::from(refused.unwrap_or_default());
        let close = self.inner.send(Frame::Close(Some(CloseFrame { code, reason })));
        if !matches!(tokio::time::timeout(self.write_within, close).await, Ok(Ok(()))) {
            tracing::debug!("the carrier's socket was gone before it was closed");
        }
    }
}

/// A socket whose stream has been accepted.
#[derive(Debug)]
pub struct AcceptedStream {
    /// The socket.
    pub socket: CarrierSocket,
    /// The stream's identifier: messages that name another are refused.
    pub sid: StreamSid,
}
