//! A carrier, a store and a provisioner on a folder of its own.

use engine::provider::Secret;
use fixtures::sandbox::{Sandbox, SandboxOptions, TwilioFault, TwilioRule};
use provisioning::{OwnAccount, Provisioner, ProvisionerOptions, Settings, State, WorkerOptions};
use serde_json::Value;
use std::{path::PathBuf, sync::Arc, time::Duration};
use store::{
    Store, Stored, TenantId,
    ids::JobId,
    model::{
        account::ProviderAccount,
        audit::Actor,
        tenant::{Tenant, TenantSettings, TenantStatus},
        work::{Job, JobStatus},
    },
};
use store_postgres::{PostgresOptions, PostgresStore, test_server::again};
use store_sqlite::{SqliteOptions, SqliteStore};
use twilio_rest::{AccountSid, Credentials, RetryOptions, TwilioClient, TwilioOptions};
use vault::{KeyRing, Place, Vault, new_key};

pub(crate) const ORGANIZATION: &str = "Example Inc";

/// A folder that goes with the test.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let path = std::env::temp_dir().join(store::new_id("tandem_provisioning"));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{} stays behind: {error}", self.0.display());
        }
    }
}

/// A store in the folder, or in the PostgreSQL database that belongs to it.
pub(crate) async fn open_store(folder: &Folder) -> Arc<dyn Store> {
    match again::url(&folder.0).await {
        Some(url) => Arc::new(PostgresStore::open(&url, PostgresOptions::default()).await.unwrap()),
        None => {
            let file = folder.0.join("tandem.db");
            Arc::new(SqliteStore::open(&file, SqliteOptions::default()).await.unwrap())
        }
    }
}

pub(crate) fn main_sid() -> AccountSid {
    format!("AC{}", "0".repeat(32)).parse().unwrap()
}

pub(crate) fn actor() -> Actor {
    Actor::system("test")
}

/// Leases are short, so that a dead worker's job is soon taken up.
pub(crate) fn worker() -> WorkerOptions {
    WorkerOptions {
        workers: 1,
        lease: Duration::from_millis(200),
        poll: Duration::from_millis(20),
        ..WorkerOptions::default()
    }
}

/// Waits are short, so that nothing has to be waited for.
fn twilio(base_url: &str) -> TwilioClient {
    let options = TwilioOptions {
        answer: Duration::from_secs(5),
        settle: Duration::from_millis(60),
        settle_poll: Duration::from_millis(20),
        retry: RetryOptions { first: Duration::from_millis(5), ..RetryOptions::default() },
        ..TwilioOptions::at(base_url.parse().unwrap())
    };
    TwilioClient::new(options).unwrap()
}

pub(crate) async fn provisioner(folder: &Folder, carrier: &str) -> Arc<Provisioner> {
    let store = open_store(folder).await;
    let ring = KeyRing::read_or_create(&folder.0.join("secrets.key")).unwrap();
    provisioner_on(store, ring, carrier)
}

pub(crate) fn provisioner_on(store: Arc<dyn Store>, ring: KeyRing, carrier: &str) -> Arc<Provisioner> {
    let vault = Arc::new(Vault::new(Arc::clone(&store), ring));
    let settings = Settings {
        base_url: "https://voice.example.test/".parse().unwrap(),
        product: "Tandem".to_owned(),
        outage_url: None,
        platform: Some(Credentials::AuthToken {
            account_sid: main_sid(),
            auth_token: Secret::new("sandbox"),
        }),
        configured: Default::default(),
        options: ProvisionerOptions::default(),
    };
    Arc::new(Provisioner::new(store, vault, twilio(carrier), settings))
}

/// All that a test works with.
pub(crate) struct Setup {
    pub(crate) sandbox: Sandbox,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) ring: KeyRing,
    pub(crate) provisioner: Arc<Provisioner>,
    _folder: Folder,
}

impl Setup {
    pub(crate) async fn new() -> Self {
        let sandbox = Sandbox::start(SandboxOptions::without_delay()).await.unwrap();
        let folder = Folder::new();
        let store = open_store(&folder).await;
        let ring = KeyRing::new(&[new_key().unwrap()]).unwrap();
        let provisioner = provisioner_on(Arc::clone(&store), ring.clone(), &sandbox.base_url());
        Self { sandbox, store, ring, provisioner, _folder: folder }
    }

    /// As a process that was started again has it: nothing is remembered but what is stored.
    pub(crate) fn restarted(&self) -> Arc<Provisioner> {
        provisioner_on(Arc::clone(&self.store), self.ring.clone(), &self.sandbox.base_url())
    }

    /// The next requests of this kind go wrong, after some that do not.
    pub(crate) fn fail(&self, resource: &str, method: &str, times: u32, fault: TwilioFault) {
        let rule = TwilioRule {
            resource: resource.to_owned(),
            method: Some(method.to_owned()),
            times: Some(times),
            fault: Some(fault),
            ..TwilioRule::default()
        };
        self.sandbox.knobs().change(|knobs| knobs.twilio_rest.rules = vec![rule]);
    }

    pub(crate) async fn job(&self, tenant: &TenantId, id: &JobId) -> Stored<Job> {
        self.store.tenant(tenant).get::<Job>(id).await.unwrap().unwrap()
    }

    /// The tenant's account that is in use.
    pub(crate) async fn account(&self, tenant: &TenantId) -> Stored<ProviderAccount> {
        self.provisioner.account_of(tenant, None).await.unwrap()
    }

    pub(crate) async fn secret(&self, tenant: &TenantId, name: &str) -> String {
        let account = self.account(tenant).await;
        let vault = Vault::new(Arc::clone(&self.store), self.ring.clone());
        let place = Place::provider_account(&account.id, name);
        vault.open(tenant, &place, &account.value.secrets[name].current).await.unwrap().reveal().to_owned()
    }

    pub(crate) async fn status(&self, tenant: &TenantId) -> TenantStatus {
        self.store.tenant(tenant).get::<Tenant>(tenant).await.unwrap().unwrap().value.status
    }
}

/// A tenant whose setting-up is ordered.
pub(crate) async fn order(
    store: &dyn Store,
    provisioner: &Provisioner,
    own: Option<&OwnAccount>,
) -> (TenantId, JobId) {
    let id = TenantId::generate();
    let mut tx = store.tenant(&id).begin(&actor(), 1).await.unwrap();
    let tenant = Tenant {
        name: ORGANIZATION.to_owned(),
        slug: id.as_str().replace('_', "-"),
        status: TenantStatus::Provisioning,
        settings: TenantSettings::default(),
    };
    tx.insert_as(id.clone(), tenant).await.unwrap();
    let job = provisioner.set_up(&mut *tx, ORGANIZATION, own, None).await.unwrap();
    tx.commit().await.unwrap();
    (id, job.id)
}

pub(crate) fn is_over(job: &Job) -> bool {
    matches!(job.status, JobStatus::Done | JobStatus::Undone | JobStatus::Failed)
}

/// Works until the job is over, through the waits that failures cost, which are skipped.
pub(crate) async fn finish(setup: &Setup, provisioner: &Provisioner, tenant: &TenantId, id: &JobId) -> Job {
    for _ in 0..200 {
        let job = setup.job(tenant, id).await;
        if is_over(&job.value) {
            return job.value;
        }
        if !provisioner.work(worker()).await.unwrap() {
            hurry(&*setup.store, tenant, id).await;
        }
    }
    panic!("the job never ends: {:?}", setup.job(tenant, id).await);
}

/// Makes a job due that waits after a failure, or for a dead worker's lease.
pub(crate) async fn hurry(store: &dyn Store, tenant: &TenantId, id: &JobId) {
    let mut tx = store.tenant(tenant).begin(&actor(), 1).await.unwrap();
    tx.schedule(store::model::work::WorkKind::Job, id.as_str(), 1).await.unwrap();
    tx.commit().await.unwrap();
}

/// Subaccounts that are not closed: SIDs.
pub(crate) fn subaccounts(world: &Value) -> Vec<String> {
    let main = main_sid();
    let accounts = world.as_object().unwrap().iter();
    accounts
        .filter(|(sid, all)| sid.as_str() != main.as_str() && all["account"]["status"] != "closed")
        .map(|(sid, _)| sid.clone())
        .collect()
}

/// How many things of a kind an account has.
pub(crate) fn count(world: &Value, account: &str, shelf: &str) -> usize {
    world[account][shelf].as_array().map_or(0, Vec::len)
}

pub(crate) fn state(job: &Job) -> State {
    State::read(job).unwrap().unwrap()
}
