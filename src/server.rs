//! The product as a running server: control plane and engine behind one listener, and their orderly end.

use crate::{
    config::{Config, TrustedProxies},
    wiring::{self, WiringError},
};
use axum::Router;
use connections::ConnectionLimits;
use control_plane::{Background, CloseError, ControlPlane, OpenError};
use engine::{engine::Engine, provider::Secret, twilio};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::{
    io,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};

mod connections;

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken, or not ours.
    #[error("failed to listen on {address}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The configuration cannot be turned into running parts.
    #[error(transparent)]
    Wiring(#[from] WiringError),
    /// The control plane does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// A running server.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its engine.
    pub engine: Engine,
    /// The key for `/v1`, on the very first start.
    pub first_key: Option<Secret>,
    control_plane: ControlPlane,
    stop: Arc<Notify>,
    task: JoinHandle<()>,
}

/// Why a server did not end in order.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    /// Not everything was stored.
    #[error(transparent)]
    Close(#[from] CloseError),
    /// The listener's task was cut.
    #[error("the listener's task was cut")]
    Task(#[from] tokio::task::JoinError),
}

impl Server {
    /// Starts serving. Without `base_url` in the configuration the public address is the one that is listened on.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(mut config: Config) -> Result<Self, StartError> {
        let listen_error = |source| StartError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(listen_error)?;
        let address = listener.local_addr().map_err(listen_error)?;
        config.listen = address;
        let settings = wiring::control_plane(&config, metrics_handle())?;
        let opened = ControlPlane::open(settings).await?;
        let control_plane = opened.control_plane;
        let engine = Engine::new(wiring::engine_options(&config), control_plane.ports());
        control_plane.attach(engine.clone());
        let router = control_plane.router().merge(twilio::server::router(engine.clone()));
        let stop = Arc::new(Notify::new());
        let proxies = Arc::new(config.trusted_proxies);
        let task = tokio::spawn(serve(listener, router, proxies, Arc::clone(&stop)));
        Ok(Self { address, engine, first_key: opened.first_key, control_plane, stop, task })
    }

    /// The part of the work that no request waits for; it ends when what this gives is dropped.
    #[must_use]
    pub fn background(&self) -> Background {
        self.control_plane.background()
    }

    /// Takes no new calls, lets the live ones end for up to `patience`, and stores everything.
    ///
    /// # Errors
    /// When something could not be stored, or the listener was cut.
    pub async fn stop(self, patience: Duration) -> Result<(), StopError> {
        self.control_plane.drain();
        self.engine.drain(patience).await;
        self.stop.notify_one();
        self.control_plane.close().await?;
        self.task.await?;
        Ok(())
    }
}

async fn serve(listener: TcpListener, router: Router, proxies: Arc<TrustedProxies>, stop: Arc<Notify>) {
    tokio::select! {
        () = connections::serve(listener, router, ConnectionLimits::default(), proxies) => {}
        () = stop.notified() => {}
    }
}

/// The process's one recorder of metrics; installed at the first use.
fn metrics_handle() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    let install = || {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another recorder of metrics is installed: /metrics stays empty");
        }
        handle
    };
    HANDLE.get_or_init(install).clone()
}
