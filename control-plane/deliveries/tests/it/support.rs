//! A store in a folder of its own, a worker on it, a clock that is set, and receivers.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Response, StatusCode},
    routing::post,
};
use deliveries::{
    Event, EventType, Lookup, Sender, SenderOptions, SystemLookup, Worker, WorkerOptions,
    address::Reach,
    announce,
    endpoints::{self, NewEndpoint},
};
use engine::provider::{AbortOnDrop, Secret};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};
use store::{
    Filter, Store, Stored, TenantId,
    ids::EndpointId,
    model::{
        audit::Actor,
        tenant::{Tenant, TenantSettings, TenantStatus},
        webhook::{WebhookDelivery, WebhookEndpoint},
    },
};
use store_postgres::{PostgresOptions, PostgresStore, test_server::again};
use store_sqlite::{SqliteOptions, SqliteStore};
use tokio::{net::TcpListener, time::sleep};
use vault::{KeyRing, Vault, new_key};

pub(crate) const START: i64 = 1_780_000_000_000_000;
pub(crate) const SECOND: i64 = 1_000_000;

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{} stays behind: {error}", self.0.display());
        }
    }
}

/// A store in the folder, or in the PostgreSQL database that belongs to it.
async fn open_store(folder: &Path) -> Arc<dyn Store> {
    match again::url(folder).await {
        Some(url) => Arc::new(PostgresStore::open(&url, PostgresOptions::default()).await.unwrap()),
        None => {
            let file = folder.join("tandem.db");
            Arc::new(SqliteStore::open(&file, SqliteOptions::default()).await.unwrap())
        }
    }
}

pub(crate) struct House {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) vault: Arc<Vault>,
    now: Arc<AtomicI64>,
    _folder: Folder,
}

pub(crate) fn actor() -> Actor {
    Actor::system("test")
}

pub(crate) fn anywhere() -> SenderOptions {
    SenderOptions { reach: Reach::Anywhere, whole: Duration::from_secs(2), ..SenderOptions::default() }
}

pub(crate) fn quick() -> WorkerOptions {
    WorkerOptions { poll: Duration::from_millis(20), ..WorkerOptions::default() }
}

impl House {
    pub(crate) async fn new() -> Self {
        let path = std::env::temp_dir().join(store::new_id("tandem_deliveries"));
        std::fs::create_dir(&path).unwrap();
        let store = open_store(&path).await;
        let ring = KeyRing::new(&[new_key().unwrap()]).unwrap();
        let vault = Arc::new(Vault::new(Arc::clone(&store), ring));
        Self { store, vault, now: Arc::new(AtomicI64::new(START)), _folder: Folder(path) }
    }

    pub(crate) fn now(&self) -> i64 {
        self.now.load(Ordering::Relaxed)
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.now.fetch_add(seconds * SECOND, Ordering::Relaxed);
    }

    pub(crate) fn worker(&self, options: WorkerOptions) -> Worker {
        self.worker_with(options, anywhere(), Arc::new(SystemLookup))
    }

    pub(crate) fn worker_with(
        &self,
        options: WorkerOptions,
        sender: SenderOptions,
        lookup: Arc<dyn Lookup>,
    ) -> Worker {
        let now = Arc::clone(&self.now);
        let clock = Arc::new(move || now.load(Ordering::Relaxed));
        let sender = Sender::new(sender, lookup).unwrap();
        Worker::start(Arc::clone(&self.store), Arc::clone(&self.vault), sender, options, clock)
    }

    pub(crate) async fn tenant(&self, slug: &str) -> TenantId {
        let id = TenantId::generate();
        let tenant = Tenant {
            name: slug.to_owned(),
            slug: slug.to_owned(),
            status: TenantStatus::Active,
            settings: TenantSettings::default(),
        };
        let mut tx = self.store.platform().begin(&actor(), START).await.unwrap();
        tx.insert_as(id.clone(), tenant).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    pub(crate) async fn endpoint(
        &self,
        tenant: &TenantId,
        url: &str,
        events: &[&str],
    ) -> (EndpointId, Secret) {
        let new = NewEndpoint {
            url: url.to_owned(),
            name: "Ours".to_owned(),
            events: events.iter().map(|event| (*event).to_owned()).collect(),
        };
        let mut tx = self.store.tenant(tenant).begin(&actor(), self.now()).await.unwrap();
        let (endpoint, secret) = endpoints::add(&self.vault, &mut *tx, new).await.unwrap();
        tx.commit().await.unwrap();
        (endpoint.id, secret)
    }

    pub(crate) async fn happens(&self, tenant: &TenantId, kind: EventType) -> Event {
        let event = Event::new(kind, self.now(), &json!({ "call_id": "call_1" }));
        let mut tx = self.store.tenant(tenant).begin(&actor(), self.now()).await.unwrap();
        announce(&mut *tx, event.clone()).await.unwrap();
        tx.commit().await.unwrap();
        event
    }

    pub(crate) async fn deliveries(&self, tenant: &TenantId) -> Vec<Stored<WebhookDelivery>> {
        self.store.tenant(tenant).list::<WebhookDelivery>(&Filter::first(1_000).oldest_first()).await.unwrap()
    }

    pub(crate) async fn endpoint_when(
        &self,
        tenant: &TenantId,
        id: &EndpointId,
        as_it_should: impl Fn(&WebhookEndpoint) -> bool,
    ) {
        let give_up = Instant::now() + Duration::from_secs(30);
        loop {
            let endpoint = self.stored_endpoint(tenant, id).await.value;
            if as_it_should(&endpoint) {
                return;
            }
            assert!(Instant::now() < give_up, "it never is: {endpoint:?}");
            sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) async fn stored_endpoint(
        &self,
        tenant: &TenantId,
        id: &EndpointId,
    ) -> Stored<WebhookEndpoint> {
        self.store.tenant(tenant).get::<WebhookEndpoint>(id).await.unwrap().unwrap()
    }

    /// Waits until the tenant's messages are as they should be.
    pub(crate) async fn deliveries_when(
        &self,
        tenant: &TenantId,
        as_they_should: impl Fn(&[Stored<WebhookDelivery>]) -> bool,
    ) -> Vec<Stored<WebhookDelivery>> {
        let give_up = Instant::now() + Duration::from_secs(30);
        loop {
            let deliveries = self.deliveries(tenant).await;
            if as_they_should(&deliveries) {
                return deliveries;
            }
            assert!(Instant::now() < give_up, "they never are: {deliveries:?}");
            sleep(Duration::from_millis(5)).await;
        }
    }
}

/// A message as it came.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Message {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Whether it is signed with the secret: what a receiver computes.
    pub(crate) fn is_signed_with(&self, secret: &Secret) -> bool {
        let timestamp = self.header("webhook-timestamp").parse().unwrap();
        let own = deliveries::signature::sign(
            self.header("webhook-id"),
            timestamp,
            &self.body,
            std::slice::from_ref(secret),
        );
        self.header("webhook-signature").split(' ').any(|signature| signature == own.as_ref().unwrap())
    }
}

type Behaviour = Arc<dyn Fn(usize) -> Answer + Send + Sync>;

/// What a receiver does with a message.
pub(crate) enum Answer {
    Status(u16),
    RetryAfter(u16, &'static str),
    Redirect(String),
    Never,
    Endless,
}

/// A customer's server.
pub(crate) struct Receiver {
    pub(crate) url: String,
    came: Arc<Mutex<Vec<Message>>>,
    _server: AbortOnDrop,
}

#[derive(Clone)]
struct Served {
    came: Arc<Mutex<Vec<Message>>>,
    behaviour: Behaviour,
}

impl Receiver {
    pub(crate) async fn start(behaviour: impl Fn(usize) -> Answer + Send + Sync + 'static) -> Self {
        let came = Arc::new(Mutex::new(Vec::new()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let served = Served { came: Arc::clone(&came), behaviour: Arc::new(behaviour) };
        let router = Router::new().route("/hook", post(hook)).with_state(served);
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, came, _server: AbortOnDrop(server) }
    }

    pub(crate) async fn that_takes() -> Self {
        Self::start(|_| Answer::Status(204)).await
    }

    pub(crate) fn came(&self) -> Vec<Message> {
        self.came.lock().clone()
    }

    pub(crate) async fn when(&self, count: usize) -> Vec<Message> {
        let give_up = Instant::now() + Duration::from_secs(30);
        while self.came().len() < count {
            assert!(Instant::now() < give_up, "only {} came", self.came().len());
            sleep(Duration::from_millis(5)).await;
        }
        self.came()
    }
}

async fn hook(State(served): State<Served>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let count = {
        let mut came = served.came.lock();
        came.push(Message { headers, body });
        came.len()
    };
    let answer = |status: u16| Response::builder().status(StatusCode::from_u16(status).unwrap());
    match (served.behaviour)(count) {
        Answer::Status(status) => answer(status).body(Body::from("thanks")).unwrap(),
        Answer::RetryAfter(status, wait) => {
            answer(status).header("retry-after", wait).body(Body::empty()).unwrap()
        }
        Answer::Redirect(to) => answer(307).header("location", to).body(Body::empty()).unwrap(),
        Answer::Never => std::future::pending().await,
        Answer::Endless => {
            let chunk = || Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 4_096]));
            answer(200).body(Body::from_stream(futures_util::stream::repeat_with(chunk))).unwrap()
        }
    }
}
