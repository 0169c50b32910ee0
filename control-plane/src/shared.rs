//! What the handlers and the ports share.

use crate::{
    api::{accounts::trial::Trial, rate::Limiter},
    carriers::Carriers,
    costs::Prices,
    directory::Directory,
    elsewhere::{Ears, Elsewhere, NotDone},
    files::Files,
    inbox::{media::Fetcher, reply::Replier},
    live::LiveCalls,
    messengers::Messengers,
    outbound::worker::CallWorker,
    ports::log::QueuedLog,
    privacy::worker::PrivacyWorker,
    provider_health::Monitor,
    recordings::{self, RecordingFormat, RecordingParts, Recordings},
    sending::Senders,
    settings::ControlPlaneOptions,
    streams::Streams,
    tokens::StreamTokens,
    told::worker::ToldWorker,
    vapi::place::Placer,
    webhooks::repeated::RepeatedAnswers,
    work::Workers,
};
use bus::Bus;
use deliveries::Worker;
use engine::{
    call::{
        listen::{ListenOptions, Listener},
        supervisor::CallGone,
        turn::Command,
    },
    engine::Engine,
    ids::{CallId, TenantId},
};
use identity::Identity;
use metrics_exporter_prometheus::PrometheusHandle;
use objects::{Links, ObjectStore};
use outbox::Outbox;
use parking_lot::Mutex;
use provisioning::Provisioner;
use routing::Urls;
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use store::{
    Call, CallStatus, Store, StoreError, TenantStore,
    model::{
        number::NumberOwner,
        work::{TenantHealth, WorkKind},
    },
};
use tokio::{sync::Notify, time::Instant};
use url::Url;
use vault::Vault;

/// Everything that outlives a request.
pub(crate) struct Shared {
    pub(crate) base_url: Url,
    pub(crate) urls: Urls,
    pub(crate) data_dir: PathBuf,
    /// The kind of work that no service of the configuration does.
    pub(crate) lacking: Option<&'static str>,
    pub(crate) limits: ControlPlaneOptions,
    pub(crate) directory: Arc<Directory>,
    pub(crate) tokens: Mutex<StreamTokens>,
    pub(crate) live: Arc<LiveCalls>,
    pub(crate) log: Arc<QueuedLog>,
    pub(crate) recordings: Recordings,
    /// Place calls, and note what they cost.
    pub(crate) calls: Workers,
    /// Where recordings stay.
    pub(crate) objects: Arc<dyn ObjectStore>,
    /// Links to those that are in a folder.
    pub(crate) links: Links,
    /// The carrier's API.
    pub(crate) carriers: Arc<dyn Carriers>,
    pub(crate) repeated: Mutex<RepeatedAnswers>,
    pub(crate) rate: Mutex<Limiter>,
    pub(crate) metrics: PrometheusHandle,
    /// When the database was last asked whether it can write, and what came of it.
    pub(crate) writable: tokio::sync::Mutex<Option<(Instant, bool)>>,
    draining: AtomicBool,
    /// Taken out again at the end: the engine holds our ports.
    engine: Mutex<Option<Engine>>,
    /// Reached through a tenant only.
    store: Arc<dyn Store>,
    /// Seals and opens stored credentials.
    pub(crate) vault: Arc<Vault>,
    /// Takes orders for the carrier.
    pub(crate) provisioner: Arc<Provisioner>,
    /// Asks the tenants' providers.
    pub(crate) monitor: Arc<Monitor>,
    /// Tries credentials before they are stored.
    pub(crate) trial: Arc<Trial>,
    /// Knows who is who.
    pub(crate) identity: Arc<Identity>,
    /// Tells customers' servers what happened.
    pub(crate) deliveries: Worker,
    /// Tells those who follow what happens.
    pub(crate) streams: Arc<Streams>,
    /// The other nodes.
    pub(crate) elsewhere: Elsewhere,
    /// Sends messages.
    pub(crate) outbox: Arc<Outbox>,
    /// For estimates.
    pub(crate) prices: Arc<Prices>,
    /// Do what follows from what gateways and shops told.
    pub(crate) told: Workers,
    /// Those who carry messages.
    pub(crate) messengers: Messengers,
    /// Files of messages.
    pub(crate) files: Files,
    /// Wakes whoever understands and answers what people write.
    pub(crate) replies: Arc<Notify>,
    /// Wakes whoever carries out requests about what is kept of people.
    pub(crate) privacy: Arc<Notify>,
}

/// What is reached outside of this program.
pub(crate) struct Outside {
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) objects: Arc<dyn ObjectStore>,
    pub(crate) links: Links,
    pub(crate) carriers: Arc<dyn Carriers>,
    pub(crate) http: reqwest::Client,
    pub(crate) deliveries: Worker,
    pub(crate) messengers: Messengers,
}

/// What is made before and shared.
pub(crate) struct Parts {
    pub(crate) directory: Arc<Directory>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) vault: Arc<Vault>,
    pub(crate) provisioner: Arc<Provisioner>,
    pub(crate) monitor: Arc<Monitor>,
    pub(crate) trial: Arc<Trial>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) outside: Outside,
}

impl Shared {
    pub(crate) fn new(settings: crate::settings::ControlPlaneSettings, parts: Parts) -> Self {
        let Parts { directory, store, vault, provisioner, monitor, trial, identity, outside } = parts;
        let Outside { bus, objects, links, carriers, http, deliveries, messengers } = outside;
        let limits = settings.limits;
        let live = Arc::new(LiveCalls::default());
        let log = Arc::new(QueuedLog::start(Arc::clone(&store), Arc::clone(&live), &limits));
        let recordings = Recordings::start(RecordingParts {
            settings: &settings.recording,
            data_dir: &settings.data_dir,
            store: &store,
            log: &log,
            objects: Arc::clone(&objects),
            carriers: Arc::clone(&carriers),
            limits: &limits,
        });
        let own_address = settings.base_url.as_str().trim_end_matches('/').to_owned();
        let prices = Arc::<Prices>::default();
        let files = Files {
            objects: Arc::clone(&objects),
            links: links.clone(),
            own_address: own_address.clone(),
            data_dir: settings.data_dir.clone(),
            link: limits.recording_link,
        };
        let senders = Senders {
            directory: Arc::clone(&directory),
            messengers: messengers.clone(),
            store: Arc::clone(&store),
            links: links.clone(),
            files: files.clone(),
            own_address: own_address.clone(),
            prices: Arc::clone(&prices),
        };
        let clock = Arc::new(crate::clock::now_us);
        let outbox = Arc::new(Outbox::start(Arc::clone(&store), Arc::new(senders), limits.outbox, clock));
        let worker = ToldWorker {
            store: Arc::clone(&store),
            directory: Arc::clone(&directory),
            outbox: Arc::clone(&outbox),
            fetcher: Fetcher { messengers: messengers.clone(), files: files.clone() },
            work: limits.work,
        };
        let told = Workers::start(&Arc::new(worker), WorkKind::InboundEvent, &store, limits.work);
        let worker = CallWorker {
            store: Arc::clone(&store),
            carriers: Arc::clone(&carriers),
            vapi: Placer { directory: Arc::clone(&directory), http },
            work: limits.work,
            own_address,
        };
        let streams = Streams::new(Arc::clone(&store), limits.streams);
        let elsewhere = Elsewhere::new(bus, limits.elsewhere, &*store, &streams);
        let calls = Workers::start(&Arc::new(worker), WorkKind::Call, &store, limits.work);
        Self {
            outbox,
            prices,
            told,
            files,
            messengers,
            replies: Arc::default(),
            privacy: Arc::default(),
            urls: Urls::new(settings.base_url.as_str()),
            base_url: settings.base_url,
            data_dir: settings.data_dir,
            lacking: settings.tenant.providers.lacking(),
            limits,
            directory,
            tokens: Mutex::new(StreamTokens::new(limits.stream_token_ttl, limits.stream_tokens)),
            log,
            recordings,
            calls,
            objects,
            links,
            carriers,
            live,
            repeated: Mutex::new(RepeatedAnswers::new(limits.repeated_answers)),
            rate: Mutex::new(Limiter::default()),
            metrics: settings.metrics,
            writable: tokio::sync::Mutex::new(None),
            draining: AtomicBool::new(false),
            engine: Mutex::new(None),
            store,
            vault,
            provisioner,
            monitor,
            trial,
            identity,
            deliveries,
            streams,
            elsewhere,
        }
    }

    /// Starts to understand and answer what people write.
    pub(crate) fn start_replies(self: &Arc<Self>) -> Workers {
        let worker = Arc::new(Replier { shared: Arc::downgrade(self) });
        let wake = Arc::clone(&self.replies);
        Workers::start_woken(wake, &worker, WorkKind::Reply, &self.store, self.limits.work)
    }

    /// Starts to carry out requests about what is kept of people.
    pub(crate) fn start_privacy(self: &Arc<Self>) -> Workers {
        let worker = Arc::new(PrivacyWorker { shared: Arc::downgrade(self) });
        let wake = Arc::clone(&self.privacy);
        Workers::start_woken(wake, &worker, WorkKind::Privacy, &self.store, self.limits.work)
    }

    /// Nothing of what was deleted is left in the files of the database, as far as nobody is in the way.
    pub(crate) async fn forget_traces(&self) -> Result<(), StoreError> {
        self.store.forget_traces().await
    }

    /// The tenant's part of the store.
    pub(crate) fn store(&self, tenant: &TenantId) -> Box<dyn TenantStore> {
        self.store.tenant(&store::TenantId::known(tenant.0.as_str()))
    }

    /// The tenant's part of the store.
    pub(crate) fn store_of(&self, tenant: &store::TenantId) -> Box<dyn TenantStore> {
        self.store.tenant(tenant)
    }

    /// How the providers of all tenants are, the worst first: for the platform.
    pub(crate) async fn health_of_all(&self, limit: u16) -> Result<Vec<TenantHealth>, StoreError> {
        self.store.health_of_all(limit).await
    }

    /// Whose active number this is.
    pub(crate) async fn number_owner(&self, e164: &str) -> Result<Option<NumberOwner>, StoreError> {
        self.store.number_owner(e164).await
    }

    pub(crate) async fn check_writable(&self, now: i64) -> Result<(), StoreError> {
        self.store.check_writable(now).await
    }

    pub(crate) async fn tidy_store(&self) -> Result<(), StoreError> {
        self.store.tidy().await
    }

    pub(crate) async fn close_store(&self) {
        self.store.close().await;
    }

    pub(crate) fn attach(&self, engine: Option<Engine>) {
        *self.engine.lock() = engine;
    }

    /// Orders something in a call that the engine here has.
    pub(crate) fn command(&self, call: &store::CallId, command: Command) -> Result<(), CallGone> {
        let engine = self.engine.lock().clone().ok_or(CallGone)?;
        let id = CallId::from(call.as_str());
        // Known before the stream ends, which it does at once.
        let to = if let Command::Transfer { to } = &command { Some(to.clone()) } else { None };
        if let Some(to) = &to {
            self.live.order_transfer(&id, Some(to));
        }
        let ordered = engine.command(&id, command);
        if to.is_some() && ordered.is_err() {
            self.live.order_transfer(&id, None);
        }
        ordered
    }

    /// Orders something in a live call, whichever node has it.
    pub(crate) async fn order(
        &self,
        tenant: &store::TenantId,
        call: &store::CallId,
        command: Command,
    ) -> Result<(), NotDone> {
        match self.command(call, command.clone()) {
            Ok(()) => Ok(()),
            Err(CallGone) => self.elsewhere.order(tenant, call, command).await,
        }
    }

    /// Listens in on a live call, whichever node has it.
    pub(crate) async fn hear(
        &self,
        tenant: &store::TenantId,
        call: &store::CallId,
        options: ListenOptions,
    ) -> Result<Ears, NotDone> {
        match self.listen(call, options) {
            Ok(listener) => Ok(Ears::Here(listener)),
            Err(CallGone) => self.elsewhere.listen(tenant, call, options.sides).await,
        }
    }

    /// Listens in on a call that the engine here has.
    pub(crate) fn listen(&self, call: &store::CallId, options: ListenOptions) -> Result<Listener, CallGone> {
        let engine = self.engine.lock().clone().ok_or(CallGone)?;
        engine.listen(&CallId::from(call.as_str()), options)
    }

    /// All of the store, for what is no tenant's.
    pub(crate) fn whole_store(&self) -> &dyn Store {
        &*self.store
    }

    /// The carrier says that the call is over: the engine need not wait for another stream of it.
    pub(crate) fn hung_up(&self, call: &store::CallId) {
        let engine = self.engine.lock().clone();
        if let Some(engine) = engine {
            engine.hung_up(&CallId::from(call.as_str()));
        }
    }

    /// A call has come so far. If it is over and the engine here does not have it any more, its recording is complete.
    pub(crate) fn status_moved(&self, call: &Call, to: CallStatus) {
        if to.is_final() && !self.live.has(&CallId::from(call.id.as_str())) {
            self.recordings.offer(call.tenant.clone(), call.id.clone());
        }
    }

    /// Whether the engine has this call. Without an engine to ask, what it told last is believed.
    pub(crate) fn engine_has(&self, call: &CallId) -> bool {
        self.engine.lock().as_ref().is_none_or(|engine| engine.is_live(call))
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
        self.streams.end_all();
    }

    /// Our own address with `path`, which begins with a slash.
    pub(crate) fn own_url(&self, path: &str) -> String {
        self.urls.of(path)
    }

    /// Where a call's recording is.
    pub(crate) fn recording_path(&self, tenant: &str, call: &str, format: RecordingFormat) -> PathBuf {
        recordings::path(&self.data_dir, tenant, call, format)
    }
}
