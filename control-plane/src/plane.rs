//! Opens the control plane, and closes it without losing anything.

use crate::{
    api::accounts::trial::Trial,
    carriers::DirectoryCarriers,
    clock::now_us,
    directory::{BootstrapError, Directory, DirectoryParts, put_configured_tenant},
    mailboxes,
    messengers::Messengers,
    ports::{admissions::TokenAdmissions, control::CarrierControl, tools::HttpTools},
    provider_health::{Monitor, Watch},
    recordings::{self, LinksError, MEDIA, RecordingLog},
    routes,
    settings::{BusSettings, ControlPlaneOptions, ControlPlaneSettings, StoreSettings},
    shared::{Outside, Parts, Shared},
    sign_in, upkeep,
    work::Workers,
};
use axum::Router;
use bus::{Bus, BusError, LocalBus, NatsBus};
use deliveries::{Sender, SystemLookup, Worker as DeliveryWorker};
use engine::{
    engine::Engine,
    ids::TenantId,
    ports::Ports,
    provider::{AbortOnDrop, Secret},
};
use identity::{
    api_key::{self, NewKey},
    openid::OpenIdError,
};
use objects::{Links, ObjectError};
use provisioning::{Provisioner, ProvisionerOptions, Worker, WorkerOptions};
use std::{collections::HashMap, fmt, io, path::PathBuf, sync::Arc};
use store::{
    Filter, Store, StoreError,
    model::{
        audit::Actor,
        identity::{ApiKey, KeyMode},
    },
};
use store_postgres::PostgresStore;
use store_sqlite::SqliteStore;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::warn;
use twilio_rest::{ClientError, Credentials, TwilioClient};
use vault::{Vault, VaultError};

/// What the control plane does by itself stands under this name in the audit log.
const SELF: &str = "control_plane";
/// The product's name, as tenants' subaccounts have it.
const PRODUCT: &str = "Tandem";
/// Sessions that are over and are deleted at once: few, because SQLite serves one writer.
const SESSIONS_FORGOTTEN: u16 = 50;
/// Calls that wait for their stream, as a gauge.
const AWAITED: &str = "tandem_streams_awaited";

/// The control plane of this process.
pub struct ControlPlane {
    shared: Arc<Shared>,
    tools: Arc<HttpTools>,
    _housekeeping: AbortOnDrop,
}

/// Work that no request waits for; ends when this is dropped.
#[derive(Debug)]
pub struct Background {
    _provisioning: Worker,
    _monitoring: AbortOnDrop,
    _upkeep: AbortOnDrop,
    _replies: Workers,
    _privacy: Workers,
    _mailboxes: AbortOnDrop,
}

/// A control plane that has just been opened.
#[derive(Debug)]
pub struct Opened {
    /// It.
    pub control_plane: ControlPlane,
    /// The tenant's first key for `/v1`, if it had none. It is kept nowhere: whoever opens must show it now.
    pub first_key: Option<Secret>,
}

/// Why the control plane does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The settings cannot be used.
    #[error("the settings cannot be used: {0}")]
    Settings(&'static str),
    /// The data folder cannot be made.
    #[error("the data folder {} cannot be made", path.display())]
    DataDir {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The database does not open.
    #[error("the database does not open")]
    Store(#[from] StoreError),
    /// The keys that protect stored credentials are not those of this database.
    #[error("the keys that protect stored credentials do not fit this database")]
    Vault(#[from] VaultError),
    /// The place where recordings stay cannot be used.
    #[error("the place where recordings stay cannot be used")]
    Objects(#[from] ObjectError),
    /// The secret that signs links cannot be used.
    #[error("the secret that signs links to recordings cannot be used")]
    Links(#[from] LinksError),
    /// The client for the carrier's API cannot be made.
    #[error("the client for the carrier's API cannot be made")]
    Carrier(#[from] ClientError),
    /// The client of somebody who carries messages cannot be made.
    #[error("the client of a gateway for messages cannot be made")]
    Gateway(#[from] gateways::ClientError),
    /// The tenant of the settings cannot be made known.
    #[error(transparent)]
    Tenant(#[from] BootstrapError),
    /// The HTTP client of the tools, or of customers' webhooks, cannot be made.
    #[error("the client for the tenants' servers cannot be made")]
    Client(#[from] reqwest::Error),
    /// The bus to other nodes cannot be used.
    #[error("the bus to other nodes cannot be used")]
    Bus(#[from] BusError),
    /// The OpenID providers cannot be used.
    #[error("the OpenID providers cannot be used")]
    OpenId(#[from] OpenIdError),
}

/// What happened in calls could not be stored before the end.
#[derive(Debug, thiserror::Error)]
#[error("not everything that happened in calls could be stored before the end")]
pub struct CloseError;

impl ControlPlane {
    /// Opens the store, in the data folder unless the settings name a server, and brings its schema up to date.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open(settings: ControlPlaneSettings) -> Result<Opened, OpenError> {
        if let Some(fault) = fault(&settings) {
            return Err(OpenError::Settings(fault));
        }
        if settings.base_url.scheme() == "http" {
            warn!(base_url = %settings.base_url, "the public address has no TLS: a real carrier will not stream to it");
        }
        if !settings.tenant.has_account() {
            warn!("no carrier account is configured: only the stored accounts' webhooks are believed");
        }
        if let Some(lacking) = settings.tenant.providers.lacking() {
            warn!(
                lacking,
                "no service of the configuration does this work: only tenants with provider accounts of their own are answered by an assistant"
            );
        }
        let path = settings.data_dir.clone();
        tokio::fs::create_dir_all(&path).await.map_err(|source| OpenError::DataDir { path, source })?;
        let store = open_store(&settings).await?;
        let vault = Arc::new(Vault::new(Arc::clone(&store), settings.keys.clone()));
        vault.check().await?;
        let twilio = TwilioClient::new(settings.twilio.clone())?;
        let provisioner = Arc::new(Provisioner::new(
            Arc::clone(&store),
            Arc::clone(&vault),
            twilio.clone(),
            provisioning::Settings {
                base_url: settings.base_url.clone(),
                product: PRODUCT.to_owned(),
                outage_url: settings.outage_url.clone(),
                platform: settings.platform_account.clone(),
                configured: configured_accounts(&settings),
                options: ProvisionerOptions::default(),
            },
        ));
        let addresses = settings.services.addresses.clone();
        let messengers = Messengers::new(twilio.clone(), settings.messengers.clone())?;
        let trial = Arc::new(Trial::new(messengers.clone(), addresses, settings.limits.credentials_trial)?);
        let monitor = Arc::new(Monitor::new(
            Arc::clone(&store),
            Arc::clone(&vault),
            Arc::clone(&provisioner),
            Arc::clone(&trial),
            Watch::default(),
        ));
        let tenant = settings.tenant.id.clone();
        put_configured_tenant(&*store, &settings.tenant).await?;
        let directory = Directory::new(DirectoryParts {
            store: Arc::clone(&store),
            vault: Arc::clone(&vault),
            services: settings.services.clone(),
            configured: settings.tenant.clone(),
            options: settings.limits.directory,
        });
        // It is at hand from the first call on, also if the database does not serve then.
        directory.tenant(&store::TenantId::known(tenant.0.as_str())).await.map_err(StoreError::from)?;
        let tools =
            Arc::new(HttpTools::new(Arc::clone(&directory), &settings.limits, Arc::new(SystemLookup))?);
        let identity = Arc::new(sign_in::identity(&settings, &store, &vault)?);
        let deliveries = deliveries(&settings.limits, &store, &vault)?;
        let bus = open_bus(&settings).await?;
        let outside = outside(&settings, &directory, (deliveries, bus), messengers)?;
        let shared = Arc::new(Shared::new(
            settings,
            Parts { directory, store, vault, provisioner, monitor, trial, identity, outside },
        ));
        tools.attach(&shared);
        let housekeeping = AbortOnDrop(tokio::spawn(keep_house(Arc::clone(&shared))));
        let control_plane = Self { shared, tools, _housekeeping: housekeeping };
        let keys = control_plane.shared.store(&tenant).count::<ApiKey>(&Filter::default()).await?;
        let first_key =
            if keys == 0 { Some(control_plane.issue_key(&tenant, "first key").await?) } else { None };
        Ok(Opened { control_plane, first_key })
    }

    /// Makes another key for `/v1`. It is kept nowhere: whoever asks must show it now.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn issue_key(&self, tenant: &TenantId, name: &str) -> Result<Secret, StoreError> {
        let new = NewKey { name: name.to_owned(), scopes: Vec::new(), mode: KeyMode::Live, expires_at: None };
        let (key, new) = api_key::first(new);
        let mut tx = self.shared.store(tenant).begin(&Actor::system(SELF), now_us()).await?;
        tx.insert(new).await?;
        tx.commit().await?;
        Ok(key)
    }

    /// Tells `engine`, which was made with [`ControlPlane::ports`], from now on when the carrier says that a call is
    /// over.
    pub fn attach(&self, engine: Engine) {
        self.shared.attach(Some(engine));
    }

    /// Carries out orders for the carrier, watches the tenants' providers, reads their mailboxes and looks after what nobody tells until
    /// what it gives is dropped: the part of a server's work that no request waits for.
    #[must_use]
    pub fn background(&self) -> Background {
        Background {
            _provisioning: Worker::start(&self.shared.provisioner, WorkerOptions::default()),
            _monitoring: self.shared.monitor.start(),
            _upkeep: upkeep::start(&self.shared),
            _replies: self.shared.start_replies(),
            _privacy: self.shared.start_privacy(),
            _mailboxes: mailboxes::start(&self.shared),
        }
    }

    /// What seals and opens stored credentials.
    #[must_use]
    pub fn vault(&self) -> Arc<Vault> {
        Arc::clone(&self.shared.vault)
    }

    /// What the engine needs.
    #[must_use]
    pub fn ports(&self) -> Ports {
        Ports {
            admissions: Arc::new(TokenAdmissions(Arc::clone(&self.shared))),
            tools: Arc::clone(&self.tools) as _,
            control: Arc::new(CarrierControl(Arc::clone(&self.shared))),
            log: Arc::new(RecordingLog(Arc::clone(&self.shared))),
        }
    }

    /// The HTTP routes, but for the engine's own `/media-stream`.
    pub fn router(&self) -> Router {
        routes::router(Arc::clone(&self.shared))
    }

    /// Takes no new calls from now on, and says so to those who ask whether it is ready. Calls that the engine
    /// has go on.
    pub fn drain(&self) {
        self.shared.drain();
    }

    /// Stores what is still queued and lets go of the database. The engine must have ended its calls.
    ///
    /// # Errors
    /// When not everything could be stored in [`log_close`](crate::settings::ControlPlaneOptions::log_close).
    pub async fn close(self) -> Result<(), CloseError> {
        self.shared.drain();
        self.shared.attach(None);
        self.shared.recordings.stop();
        self.shared.calls.stop();
        self.shared.told.stop();
        self.shared.outbox.drain(self.shared.limits.deliveries_drain).await;
        self.shared.deliveries.drain(self.shared.limits.deliveries_drain).await;
        let flushed = self.shared.log.flush(self.shared.limits.log_close).await;
        self.shared.close_store().await;
        flushed.map_err(|_| CloseError)
    }
}

impl fmt::Debug for ControlPlane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlPlane")
            .field("base_url", &self.shared.base_url.as_str())
            .finish_non_exhaustive()
    }
}

/// The accounts of the configuration's own tenant.
fn configured_accounts(settings: &ControlPlaneSettings) -> HashMap<(store::TenantId, String), Credentials> {
    let twilio = &settings.tenant.twilio;
    let account_sid = twilio.account_sid.parse().ok().filter(|_| settings.tenant.has_account());
    let credentials = account_sid
        .map(|account_sid| Credentials::AuthToken { account_sid, auth_token: twilio.auth_token.clone() });
    let tenant = store::TenantId::known(settings.tenant.id.0.as_str());
    let key = (tenant, twilio.account_sid.clone());
    credentials.map(|credentials| (key, credentials)).into_iter().collect()
}

/// Starts to tell customers' servers what happens.
fn deliveries(
    limits: &ControlPlaneOptions,
    store: &Arc<dyn Store>,
    vault: &Arc<Vault>,
) -> Result<DeliveryWorker, reqwest::Error> {
    let sender = Sender::new(limits.delivery, Arc::new(SystemLookup))?;
    Ok(DeliveryWorker::start(
        Arc::clone(store),
        Arc::clone(vault),
        sender,
        limits.deliveries,
        Arc::new(now_us),
    ))
}

/// What is reached outside of this program.
fn outside(
    settings: &ControlPlaneSettings,
    directory: &Arc<Directory>,
    (deliveries, bus): (DeliveryWorker, Arc<dyn Bus>),
    messengers: Messengers,
) -> Result<Outside, OpenError> {
    let recording = &settings.recording;
    let secret = match &recording.link_secret {
        Some(secret) => secret.clone(),
        None => recordings::link_secret(&settings.data_dir)?,
    };
    let mut base = settings.base_url.clone();
    base.set_path(&format!("{}{MEDIA}", base.path().trim_end_matches('/')));
    let links = Links::new(base, secret)?;
    Ok(Outside {
        objects: recordings::objects(recording, &settings.data_dir, links.clone())?,
        links,
        bus,
        deliveries,
        http: engine::provider::http::http_client(Default::default())?,
        carriers: Arc::new(DirectoryCarriers {
            client: messengers.twilio.clone(),
            directory: Arc::clone(directory),
        }),
        messengers,
    })
}

async fn open_bus(settings: &ControlPlaneSettings) -> Result<Arc<dyn Bus>, BusError> {
    Ok(match &settings.bus {
        BusSettings::Local => Arc::new(LocalBus::default()),
        BusSettings::Nats { url } => Arc::new(NatsBus::connect(url, settings.limits.nats).await?),
    })
}

async fn open_store(settings: &ControlPlaneSettings) -> Result<Arc<dyn Store>, StoreError> {
    Ok(match &settings.store {
        StoreSettings::Embedded => {
            let path = settings.data_dir.join("tandem.db");
            Arc::new(SqliteStore::open(&path, settings.limits.sqlite).await?)
        }
        StoreSettings::Postgres { url } => {
            Arc::new(PostgresStore::open(url.reveal(), settings.limits.postgres).await?)
        }
    })
}

fn fault(settings: &ControlPlaneSettings) -> Option<&'static str> {
    let url = &settings.base_url;
    if !matches!(url.scheme(), "https" | "http") || !url.has_host() {
        return Some("the public address must begin with https:// or http:// and name a host");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Some("the public address must have neither a query nor a fragment");
    }
    let limits = &settings.limits;
    if limits.directory.tenants == 0 || limits.directory.lookups == 0 || limits.directory.rows == 0 {
        return Some("the directory must hold at least one tenant, number and row");
    }
    if limits.log_queue <= limits.log_reserve
        || limits.log_batch == 0
        || limits.page_max == 0
        || limits.conversion_queue == 0
    {
        return Some(
            "the log's queue must be longer than its reserve, and no other queue, batch or page empty",
        );
    }
    settings.tenant.fault()
}

async fn keep_house(shared: Arc<Shared>) {
    let mut ticks = interval(shared.limits.housekeeping);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now = Instant::now();
        let awaited = {
            let mut tokens = shared.tokens.lock();
            tokens.sweep(now);
            tokens.len()
        };
        metrics::gauge!(AWAITED).set(u32::try_from(awaited).unwrap_or(u32::MAX));
        shared.rate.lock().sweep(now);
        shared.live.sweep(now, shared.limits.ended_calls_kept);
        shared.log.measure();
        shared.directory.measure();
        shared.metrics.run_upkeep();
        if let Err(error) = shared.tidy_store().await {
            warn!(error = &error as &dyn std::error::Error, "the database could not be tidied");
        }
        if let Err(error) = shared.identity.forget_sessions(SESSIONS_FORGOTTEN, now_us()).await {
            warn!(error = &error as &dyn std::error::Error, "sessions that are over could not be deleted");
        }
    }
}
