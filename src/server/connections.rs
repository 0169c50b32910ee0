//! The doors: how many connections strangers may hold open, and how long they may dawdle.
//!
//! A connection that sends no request, or takes no answer, is closed; and never are so many open that the process
//! has no file descriptors left for the providers of live calls.

use crate::config::TrustedProxies;
use axum::Router;
use control_plane::ClientAddress;
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{
    fs,
    future::Future,
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Sleep, sleep},
};

/// Where proxies say from whom they have a request.
const FORWARDED: &str = "x-forwarded-for";

/// Limits of the listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConnectionLimits {
    /// Connections open at the same time, media streams included; further ones wait to be accepted. Default: half
    /// of the file descriptors that the process may have, at most 16,384. The other half is for providers, files
    /// and the database: strangers must not be able to use it up.
    pub(super) open: usize,
    /// Longest wait for a whole request head, also for the next one on a connection that is kept. Default 15 s: a
    /// carrier sends it at once.
    pub(super) head: Duration,
    /// Longest request head, in bytes. Default 32 KiB: the carrier's are below 4 KiB.
    pub(super) head_bytes: usize,
    /// Longest time for which the far side may take nothing of what is written. Default 30 s; media streams have a
    /// shorter limit of their own.
    pub(super) write: Duration,
    /// Wait before accepting goes on after the system refused. Default 200 ms: it is out of file descriptors.
    pub(super) accept_again: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            open: (descriptors() / 2).clamp(64, 16_384),
            head: Duration::from_secs(15),
            head_bytes: 32 * 1024,
            write: Duration::from_secs(30),
            accept_again: Duration::from_millis(200),
        }
    }
}

/// How many file descriptors the process may have; 1,024, the usual limit, where the system does not tell.
fn descriptors() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(1_024)
}

/// Accepts and serves connections for ever.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    proxies: Arc<TrustedProxies>,
) {
    let places = Arc::new(Semaphore::new(limits.open));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head).max_buf_size(limits.head_bytes);
    let service = TowerToHyperService::new(router);
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let (socket, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                if !is_of_one_connection(&error) {
                    tracing::error!(%error, "no connection can be accepted");
                    sleep(limits.accept_again).await;
                }
                continue;
            }
        };
        // Small messages must not wait for each other: a frame is 400 bytes and due now.
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "a socket keeps its delay");
        }
        let io = Guarded { socket, write_within: limits.write, stalled: None, _place: place };
        let (service, proxies) = (service.clone(), Arc::clone(&proxies));
        let service = service_fn(move |mut request: Request<Incoming>| {
            let lines = request.headers().get_all(FORWARDED).iter();
            let client = proxies.client(from.ip(), lines.map(|line| line.to_str().unwrap_or_default()));
            request.extensions_mut().insert(ClientAddress(client));
            service.call(request)
        });
        let connection = http.serve_connection(TokioIo::new(io), service).with_upgrades();
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection was given up");
            }
        });
    }
}

/// Whether it was only that one connection's fault.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

/// A socket that holds a place for as long as it is open, upgraded or not, and fails when the far side takes
/// nothing.
struct Guarded {
    socket: TcpStream,
    write_within: Duration,
    /// Runs while a write waits.
    stalled: Option<Pin<Box<Sleep>>>,
    _place: OwnedSemaphorePermit,
}

impl Guarded {
    /// What became of a write, or that it has waited for too long.
    fn watch<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let within = self.write_within;
        ready!(self.stalled.get_or_insert_with(|| Box::pin(sleep(within))).as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the far side takes nothing")))
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.watch(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, pieces);
        self.watch(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
