//! Stopped between any two steps, a recording is neither lost nor left behind anywhere.

use super::*;
use crate::work::Workers;
use engine::provider::Secret;
use fixtures::sandbox::{Callee, S3Setup, Sandbox, SandboxOptions};
use futures_util::{FutureExt, future::BoxFuture};
use jiff::Timestamp;
use objects::{Link, Object, ObjectFuture, ObjectInfo, S3, S3Options};
use std::{
    ops::Range,
    sync::atomic::{AtomicU32, Ordering},
};
use store::{
    Call, CallId, CallStatus, Direction, NewCall,
    model::{
        account::AccountStatus,
        tenant::{TenantSettings, TenantStatus},
    },
};
use store_sqlite::SqliteStore;
use twilio_rest::{Account, Credentials, NewCall as PlacedCall, TwilioClient, TwilioOptions};
use url::Url;

/// Lets so many things happen outside, and then nothing ever again: the process was killed.
#[derive(Debug, Default)]
struct Fuse(AtomicU32);

impl Fuse {
    fn new(effects: u32) -> Arc<Self> {
        Arc::new(Self(AtomicU32::new(effects)))
    }

    fn is_burnt(&self) -> bool {
        self.0.load(Ordering::SeqCst) == 0
    }

    /// Before: nothing happens any more. After: nobody learns that it has happened.
    async fn before(&self) {
        if self.is_burnt() {
            std::future::pending::<()>().await;
        }
    }

    async fn after(&self) {
        if self.0.fetch_sub(1, Ordering::SeqCst) == 1 {
            std::future::pending::<()>().await;
        }
    }
}

/// An object store behind a fuse.
#[derive(Debug)]
struct Fused {
    inner: Arc<S3>,
    fuse: Arc<Fuse>,
}

impl ObjectStore for Fused {
    fn kind(&self) -> PlaceKind {
        self.inner.kind()
    }
    fn put<'a>(&'a self, key: &'a Key, file: &'a LocalFile) -> ObjectFuture<'a, ()> {
        async move {
            self.fuse.before().await;
            self.inner.put(key, file).await?;
            self.fuse.after().await;
            Ok(())
        }
        .boxed()
    }
    fn get<'a>(&'a self, key: &'a Key, range: Option<Range<u64>>) -> ObjectFuture<'a, Object> {
        self.inner.get(key, range)
    }
    fn head<'a>(&'a self, key: &'a Key) -> ObjectFuture<'a, Option<ObjectInfo>> {
        self.inner.head(key)
    }
    fn delete<'a>(&'a self, key: &'a Key) -> ObjectFuture<'a, ()> {
        async move {
            self.fuse.before().await;
            self.inner.delete(key).await?;
            self.fuse.after().await;
            Ok(())
        }
        .boxed()
    }
    fn signed_url(&self, key: &Key, link: &Link, now: Timestamp) -> Result<Url, ObjectError> {
        self.inner.signed_url(key, link, now)
    }
}

/// The sandbox's account; asking for it counts as something that happens, so that a stop can come right after.
struct Sandboxed {
    account: Account,
    fuse: Arc<Fuse>,
}

impl Carriers for Sandboxed {
    fn of<'a>(
        &'a self,
        _: &'a TenantId,
        _: Option<&'a Call>,
    ) -> BoxFuture<'a, Result<Option<Account>, StoreError>> {
        async {
            self.fuse.before().await;
            self.fuse.after().await;
            Ok(Some(self.account.clone()))
        }
        .boxed()
    }
}

struct World {
    sandbox: Sandbox,
    store: Arc<dyn Store>,
    tenant: TenantId,
    account: Account,
    s3: Arc<S3>,
    folder: PathBuf,
}

impl World {
    async fn new() -> Self {
        static FOLDERS: AtomicU32 = AtomicU32::new(0);
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("tandem-mover-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let store = SqliteStore::open(&folder.join("test.db"), Default::default()).await.unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        let tenant = TenantId::known("ten_a");
        let sandbox = Sandbox::start(SandboxOptions::without_delay()).await.unwrap();
        let setup = S3Setup::default();
        let endpoint = format!("{}/s3", sandbox.base_url()).parse().unwrap();
        let secret = Secret::new(&setup.secret_access_key);
        let options = S3Options::at(endpoint, &setup.region, &setup.bucket, &setup.access_key_id, secret);
        let client = TwilioClient::new(TwilioOptions::at(sandbox.base_url().parse().unwrap())).unwrap();
        let credentials = Credentials::AuthToken {
            account_sid: format!("AC{}", "0".repeat(32)).parse().unwrap(),
            auth_token: Secret::new("sandbox"),
        };
        let world = Self {
            account: client.account(credentials),
            s3: Arc::new(S3::new(options).unwrap()),
            sandbox,
            store,
            tenant,
            folder,
        };
        let row = Tenant {
            name: "A".to_owned(),
            slug: "a".to_owned(),
            status: TenantStatus::Active,
            settings: TenantSettings::default(),
        };
        let mut tx = world.store.platform().begin(&Actor::system("test"), 1).await.unwrap();
        tx.insert_as(world.tenant.clone(), row).await.unwrap();
        tx.commit().await.unwrap();
        let account = ProviderAccount {
            kind: "twilio".to_owned(),
            mode: AccountMode::Subaccount,
            sid: world.account.sid().to_string(),
            name: "Twilio".to_owned(),
            secrets: Default::default(),
            properties: Default::default(),
            roles: Vec::new(),
            priority: 0,
            status: AccountStatus::Active,
        };
        let mut tx = world.part().begin(&Actor::system("test"), 1).await.unwrap();
        tx.insert(account).await.unwrap();
        tx.commit().await.unwrap();
        world
    }

    fn part(&self) -> Box<Part> {
        self.store.tenant(&self.tenant)
    }

    async fn call(&self, carrier_sid: &str) -> CallId {
        let new = NewCall {
            id: CallId::generate(),
            carrier_sid: Some(carrier_sid.to_owned()),
            number: None,
            parent: None,
            direction: Direction::Inbound,
            from_number: "+15550100".to_owned(),
            to_number: "+15550199".to_owned(),
            assistant_id: "asst".to_owned(),
            status: CallStatus::Completed,
            outbound: None,
            created_at: now_us(),
        };
        self.part().ensure_call(new).await.unwrap().id
    }

    async fn put(&self, id: &RecordingId, recording: Recording) {
        let mut tx = self.part().begin(&Actor::system("test"), now_us()).await.unwrap();
        tx.insert_as(id.clone(), recording).await.unwrap();
        schedule(&mut *tx, id).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn row(&self, id: &RecordingId) -> Stored<Recording> {
        self.part().get::<Recording>(id).await.unwrap().unwrap()
    }

    /// Our recording of a call, made and converted.
    async fn own(&self) -> (RecordingId, PathBuf) {
        let call = self.call("CA1").await;
        let file = path(&self.folder, self.tenant.as_str(), call.as_str(), RecordingFormat::Ogg);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, b"OggS and audio").unwrap();
        let id = row::own_id(&call, RecordingFormat::Ogg);
        self.put(&id, row::own(&call, RecordingFormat::Ogg, Some(1_000))).await;
        (id, file)
    }

    /// A recording that the sandbox's carrier has made of a call.
    async fn carriers(&self) -> (RecordingId, RecordingSid) {
        self.sandbox.knobs().change(|knobs| knobs.twilio_rest.callee = Callee::default());
        let placed = PlacedCall {
            to: "+15550142".to_owned(),
            from: "+15550100".to_owned(),
            twiml: Some("<Response><Pause length=\"1\"/></Response>".to_owned()),
            record: Some(true),
            ..PlacedCall::default()
        };
        let call = self.account.create_call(&placed).await.unwrap();
        let sid = self.recorded().await;
        let id = RecordingId::generate();
        let of_call = self.call(call.sid.as_str()).await;
        self.put(&id, row::carriers(&of_call, sid.as_str())).await;
        (id, sid)
    }

    async fn recorded(&self) -> RecordingSid {
        for _ in 0..4_000 {
            let all = self.account.list_recordings(&Default::default()).unwrap().first(1).await.unwrap();
            if let Some(one) =
                all.into_iter().find(|one| one.status == twilio_rest::RecordingStatus::Completed)
            {
                return one.sid;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("nothing was recorded");
    }

    /// The row once it is as it should be, which a worker brings about.
    async fn row_when(&self, id: &RecordingId, as_it_should: impl Fn(&Recording) -> bool) -> Recording {
        for _ in 0..4_000 {
            let row = self.row(id).await.value;
            if as_it_should(&row) {
                return row;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("it never is: {:?}", self.row(id).await.value);
    }

    /// Leases are short, so that a killed worker's work comes back soon.
    fn mover(&self, fuse: &Arc<Fuse>) -> Arc<Mover> {
        Arc::new(Mover {
            store: Arc::clone(&self.store),
            objects: Arc::new(Fused { inner: Arc::clone(&self.s3), fuse: Arc::clone(fuse) }),
            carriers: Arc::new(Sandboxed { account: self.account.clone(), fuse: Arc::clone(fuse) }),
            data_dir: self.folder.clone(),
            work: WorkOptions {
                concurrent: 1,
                lease: Duration::from_millis(300),
                poll: Duration::from_millis(5),
                retry_first: Duration::from_millis(5),
                retry_longest: Duration::from_millis(20),
            },
            delete_at_carrier: true,
            hold_recheck: Duration::from_secs(3_600),
        })
    }

    /// Works until the fuse burns through, and then no more; says whether it has.
    async fn work_until(&self, id: &RecordingId, fuse: &Arc<Fuse>, done: RecordingStatus) -> bool {
        let mover = self.mover(fuse);
        let workers = Workers::start(&mover, WorkKind::Recording, &self.store, mover.work);
        for _ in 0..4_000 {
            if fuse.is_burnt() {
                drop(workers);
                return true;
            }
            if self.row(id).await.value.status == done {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("it does not get on: {:?}", self.row(id).await.value);
    }

    /// Kills the worker after the first effect, then after the second and so on, until one of them gets through.
    async fn killed_again_and_again(&self, id: &RecordingId, done: RecordingStatus) -> u32 {
        let mut kills = 0;
        while self.work_until(id, &Fuse::new(kills % 3 + 1), done).await {
            kills += 1;
            assert!(kills < 100, "it never gets through");
        }
        kills
    }

    fn objects(&self) -> Vec<String> {
        self.sandbox.s3().as_object().unwrap().keys().cloned().collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // Left behind is only what the system clears away by itself.
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

#[tokio::test]
async fn our_recording_is_stored_and_then_removed_here_however_often_the_worker_is_killed() {
    let world = World::new().await;
    let (id, file) = world.own().await;
    let kills = world.killed_again_and_again(&id, RecordingStatus::Kept).await;
    assert!(kills > 0);
    let row = world.row(&id).await.value;
    assert_eq!(world.objects(), [row.location.clone().unwrap()]);
    assert_eq!(world.sandbox.s3()[row.location.as_deref().unwrap()]["sha256"], row.sha256.unwrap());
    assert_eq!((row.place, row.bytes, file.exists()), (RecordingPlace::S3, Some(14), false));
}

#[tokio::test]
async fn the_carriers_recording_is_stored_and_then_deleted_there_however_often_the_worker_is_killed() {
    let world = World::new().await;
    let (id, sid) = world.carriers().await;
    let kills = world.killed_again_and_again(&id, RecordingStatus::Kept).await;
    assert!(kills > 1, "{kills}");
    let row = world.row(&id).await.value;
    assert_eq!(world.objects(), [row.location.clone().unwrap()]);
    assert!(row.bytes.unwrap() >= 44, "at least a header");
    assert!(world.account.fetch_recording(&sid).await.unwrap_err().is_gone());
    let tenant_folder = folder(&world.folder).join("ten_a");
    assert_eq!(std::fs::read_dir(tenant_folder).unwrap().count(), 0, "nothing is left behind");
}

#[tokio::test]
async fn what_is_in_the_tenants_own_account_stays_there_unless_the_tenant_wants_it_deleted() {
    let world = World::new().await;
    let (part, sid) = (world.part(), world.account.sid().to_string());
    let account = part.find::<ProviderAccount>(&sid).await.unwrap().unwrap();
    let mut tx = part.begin(&Actor::system("test"), 1).await.unwrap();
    let own = ProviderAccount { mode: AccountMode::Own, ..account.value };
    tx.update(&account.id, account.version, own).await.unwrap();
    tx.commit().await.unwrap();
    let (id, sid) = world.carriers().await;
    assert!(!world.work_until(&id, &Fuse::new(u32::MAX), RecordingStatus::Stored).await);
    let mover = world.mover(&Fuse::new(u32::MAX));
    let row = world.row(&id).await.value;
    let mut settings = settings(&*part).await.unwrap();
    assert!(!mover.deletes_at_carrier(&*part, &row, &settings).await.unwrap());
    world.account.fetch_recording(&sid).await.expect("it is still there");
    settings.delete_at_carrier = Some(true);
    assert!(mover.deletes_at_carrier(&*part, &row, &settings).await.unwrap());
}

#[tokio::test]
async fn a_recording_is_deleted_everywhere_however_often_the_worker_is_killed() {
    let world = World::new().await;
    let (id, _) = world.carriers().await;
    assert!(!world.work_until(&id, &Fuse::new(u32::MAX), RecordingStatus::Kept).await);
    let row = world.row(&id).await;
    let mut tx = world.part().begin(&Actor::system("test"), now_us()).await.unwrap();
    let deleting = Recording { status: RecordingStatus::Deleting, ..row.value };
    tx.update(&id, row.version, deleting).await.unwrap();
    schedule(&mut *tx, &id).await.unwrap();
    tx.commit().await.unwrap();
    let kills = world.killed_again_and_again(&id, RecordingStatus::Deleted).await;
    assert!(kills > 0);
    assert_eq!(world.objects(), [""; 0]);
}

#[tokio::test]
async fn what_is_gone_at_the_carrier_before_it_was_fetched_is_lost_and_says_so() {
    let world = World::new().await;
    let (id, sid) = world.carriers().await;
    world.account.delete_recording(&sid).await.unwrap();
    assert!(!world.work_until(&id, &Fuse::new(u32::MAX), RecordingStatus::Failed).await);
    assert_eq!(world.row(&id).await.value.error.as_deref(), Some("the carrier does not have it any more"));
    assert_eq!(world.objects(), [""; 0]);
}

#[tokio::test]
async fn while_the_object_store_fails_nothing_is_removed_and_the_row_says_why() {
    let world = World::new().await;
    let (id, file) = world.own().await;
    let fault = fixtures::sandbox::Fault::Status { status: 503, retry_after_ms: None };
    world.sandbox.knobs().change(|knobs| knobs.s3.fault = Some(fault));
    let mover = world.mover(&Fuse::new(u32::MAX));
    let workers = Workers::start(&mover, WorkKind::Recording, &world.store, mover.work);
    let row = world.row_when(&id, |row| row.error.is_some()).await;
    assert_eq!(row.status, RecordingStatus::Pending);
    assert!(row.error.unwrap().contains("503") && file.exists());
    world.sandbox.knobs().change(|knobs| knobs.s3.fault = None);
    assert_eq!(world.row_when(&id, |row| row.status == RecordingStatus::Kept).await.error, None);
    drop(workers);
}

#[tokio::test]
async fn retention_deletes_what_is_over_and_a_hold_keeps_it() {
    let world = World::new().await;
    let (id, _) = world.own().await;
    assert!(!world.work_until(&id, &Fuse::new(u32::MAX), RecordingStatus::Kept).await);
    let row = world.row(&id).await;
    assert_eq!(row.value.delete_after, None);
    let change = async |days: Option<u32>, legal_hold: bool| {
        let part = world.store.platform();
        let tenant = part.get::<Tenant>(&world.tenant).await.unwrap().unwrap();
        let mut value = tenant.value;
        value.settings.recording.retention_days = days;
        value.settings.recording.legal_hold = legal_hold;
        let mut tx = part.begin(&Actor::system("test"), now_us()).await.unwrap();
        tx.update(&world.tenant, tenant.version, value).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = world.part().begin(&Actor::system("test"), now_us()).await.unwrap();
        tx.schedule(WorkKind::Recording, RETENTION, now_us()).await.unwrap();
        tx.commit().await.unwrap();
    };
    let mover = world.mover(&Fuse::new(u32::MAX));
    let _workers = Workers::start(&mover, WorkKind::Recording, &world.store, mover.work);
    // The call began just now, so that no days at all are over at once.
    change(Some(0), true).await;
    let row = world.row_when(&id, |row| row.delete_after.is_some()).await;
    assert_eq!(row.status, RecordingStatus::Kept);
    assert_eq!(world.objects().len(), 1);
    change(Some(0), false).await;
    world.row_when(&id, |row| row.status == RecordingStatus::Deleted).await;
    assert_eq!(world.objects(), [""; 0]);
}
