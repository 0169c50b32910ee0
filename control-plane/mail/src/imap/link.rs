//! The bytes between us and a server: with TLS or, on the own machine, without, and never more at once than was asked for.

use super::nesting::Nesting;
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

/// A connection that gives at most so many bytes until it is granted more. The library keeps an answer in memory until it has all of
/// it, whatever length the server announces.
#[derive(Debug)]
pub(super) struct Link {
    way: Way,
    left: usize,
    nesting: Nesting,
}

#[derive(Debug)]
enum Way {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Link {
    pub(super) fn plain(stream: TcpStream) -> Self {
        Self { way: Way::Plain(stream), left: 0, nesting: Nesting::default() }
    }

    pub(super) fn tls(stream: TlsStream<TcpStream>) -> Self {
        Self { way: Way::Tls(Box::new(stream)), left: 0, nesting: Nesting::default() }
    }

    /// From now on so many bytes may come.
    pub(super) fn grant(&mut self, bytes: usize) {
        self.left = bytes;
    }
}

impl AsyncRead for Link {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let link = self.get_mut();
        if link.left == 0 {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::FileTooLarge, "the answer is too long")));
        }
        let before = buf.filled().len();
        let outcome = match &mut link.way {
            Way::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Way::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
        };
        let came = buf.filled().get(before..).unwrap_or_default();
        link.left = link.left.saturating_sub(came.len());
        if !link.nesting.watch(came) {
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "lists within lists without end",
            )));
        }
        outcome
    }
}

impl AsyncWrite for Link {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().way {
            Way::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Way::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().way {
            Way::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Way::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().way {
            Way::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Way::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}
