//! The carrier's websocket: text messages in and out, every write bounded in time, every refusal with a close code.

use super::media_stream::StreamSid;
use axum::extract::ws::{CloseFrame, Message as Frame, Utf8Bytes, WebSocket, close_code};
use bytes::Bytes;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use std::{error::Error as _, pin::pin, time::Duration};
use tokio_tungstenite::tungstenite;

/// Once we have closed, what the far side still sends is read and thrown away for so long: closing a socket with
/// unread data resets it, and the far side may never see why. 1 s: longer than a round trip.
const LINGER: Duration = Duration::from_secs(1);

/// Longest reason of a close, bytes (RFC 6455: a control frame has 125, the code takes 2).
const REASON_BYTES_MAX: usize = 123;

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
    /// We have closed it.
    #[error("the socket was closed by us")]
    Closed,
    /// We wrote something that is not UTF-8: a defect of ours.
    #[error("a message of ours is not UTF-8")]
    NotUtf8,
}

/// Why a far side that broke the protocol is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// RFC 6455, 7.4.1.
    pub code: u16,
    /// For people; cut to what a close frame holds.
    pub reason: String,
}

impl Breach {
    /// It said something that the Media Streams protocol does not have, or may not say it.
    #[must_use]
    pub fn policy(reason: impl Into<String>) -> Self {
        Self { code: close_code::POLICY, reason: reason.into() }
    }
}

impl SocketError {
    /// The far side's breach of the protocol; `None` if the connection failed.
    #[must_use]
    pub fn breach(&self) -> Option<Breach> {
        let (code, reason) = match self {
            Self::Binary => (close_code::UNSUPPORTED, "the protocol has no binary messages"),
            Self::Socket(error) => match error.source()?.downcast_ref::<tungstenite::Error>()? {
                tungstenite::Error::Capacity(_) => (close_code::SIZE, "the message is too long"),
                tungstenite::Error::Utf8(_) => (close_code::INVALID, "the text is not UTF-8"),
                tungstenite::Error::Protocol(_) => (close_code::PROTOCOL, "not a WebSocket frame"),
                _ => return None,
            },
            Self::WriteTimeout(_) | Self::Closed | Self::NotUtf8 => return None,
        };
        Some(Breach { code, reason: reason.to_owned() })
    }
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
    /// Gone once it was closed.
    inner: Option<WebSocket>,
    write_within: Duration,
}

impl CarrierSocket {
    /// Wraps an accepted socket; every write must be done within `write_within`.
    #[must_use]
    pub const fn new(inner: WebSocket, write_within: Duration) -> Self {
        Self { inner: Some(inner), write_within }
    }

    /// The next message; `None` once the far side has closed. Cancel-safe.
    pub async fn next(&mut self) -> Option<Result<Message, SocketError>> {
        match self.inner.as_mut()?.next().await? {
            Ok(Frame::Text(text)) => Some(Ok(Message::Text(text))),
            Ok(Frame::Ping(_) | Frame::Pong(_)) => Some(Ok(Message::Control)),
            Ok(Frame::Binary(_)) => Some(Err(SocketError::Binary)),
            Ok(Frame::Close(_)) => None,
            Err(error) => Some(Err(SocketError::Socket(error))),
        }
    }

    /// Writes one text message; it may wait for [`Self::flush`].
    ///
    /// # Errors
    /// When the socket fails or takes nothing for the whole time.
    pub async fn write(&mut self, message: Bytes) -> Result<(), SocketError> {
        let text = Utf8Bytes::try_from(message).map_err(|_| SocketError::NotUtf8)?;
        let inner = self.inner.as_mut().ok_or(SocketError::Closed)?;
        in_time(inner.feed(Frame::Text(text)), self.write_within).await
    }

    /// Sends everything that was written.
    ///
    /// # Errors
    /// As for [`Self::write`].
    pub async fn flush(&mut self) -> Result<(), SocketError> {
        let inner = self.inner.as_mut().ok_or(SocketError::Closed)?;
        in_time(inner.flush(), self.write_within).await
    }

    /// Closes in order: the carrier goes on with what follows the stream in its instructions. The far side is told
    /// its breach of the protocol, if there was one.
    pub async fn close(&mut self, breach: Option<Breach>) {
        let Some(mut socket) = self.inner.take() else { return };
        let Breach { code, mut reason } =
            breach.unwrap_or(Breach { code: close_code::NORMAL, reason: String::new() });
        reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
        let close = socket.send(Frame::Close(Some(CloseFrame { code, reason: reason.into() })));
        if !matches!(tokio::time::timeout(self.write_within, close).await, Ok(Ok(()))) {
            tracing::debug!("the carrier's socket was gone before it was closed");
            return;
        }
        tokio::spawn(tokio::time::timeout(
            LINGER,
            async move { while let Some(Ok(_)) = socket.next().await {} },
        ));
    }
}

/// A write that the socket takes at once costs no timer.
async fn in_time(
    write: impl Future<Output = Result<(), axum::Error>>,
    within: Duration,
) -> Result<(), SocketError> {
    let mut write = pin!(write);
    if let Some(written) = write.as_mut().now_or_never() {
        return written.map_err(SocketError::Socket);
    }
    match tokio::time::timeout(within, write).await {
        Ok(written) => written.map_err(SocketError::Socket),
        Err(_) => Err(SocketError::WriteTimeout(within.as_millis())),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_write_that_the_far_side_does_not_take_is_given_up() {
        let stuck = in_time(std::future::pending(), Duration::from_secs(5)).await;
        assert!(matches!(stuck, Err(SocketError::WriteTimeout(5_000))), "{stuck:?}");
    }
}
