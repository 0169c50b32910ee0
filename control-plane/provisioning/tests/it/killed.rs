//! The process itself is killed (`SIGKILL`), after every request that reaches the carrier, and started again.

use crate::support::{
    Folder, actor, count, is_over, main_sid, open_store, order, provisioner, state, subaccounts, worker,
};
use fixtures::sandbox::{Sandbox, SandboxOptions, Service};
use provisioning::{Purchase, Worker};
use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use store::{
    Filter, Store, TenantId,
    ids::JobId,
    model::{
        account::ProviderAccount,
        work::{Job, JobStatus},
    },
};

/// What the process that is killed is told: the carrier's address, its folder.
const CARRIER: &str = "TANDEM_TEST_CARRIER";
const FOLDER: &str = "TANDEM_TEST_FOLDER";
/// Nothing here takes longer unless it hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// The process that is killed. Does nothing unless it is told to.
#[tokio::test]
async fn worker_process() {
    let (Ok(carrier), Ok(folder)) = (std::env::var(CARRIER), std::env::var(FOLDER)) else { return };
    let folder = std::mem::ManuallyDrop::new(Folder(folder.into()));
    let provisioner = provisioner(&folder, &carrier).await;
    let _worker = Worker::start(&provisioner, worker());
    std::future::pending::<()>().await;
}

fn spawn(folder: &Folder, carrier: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::worker_process", "--nocapture"])
        .env(CARRIER, carrier)
        .env(FOLDER, &folder.0)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Lets a worker process run until `enough`, then kills it.
async fn run_until(folder: &Folder, carrier: &str, enough: impl AsyncFn() -> bool) {
    let mut child = spawn(folder, carrier);
    let began = Instant::now();
    while !enough().await {
        assert!(began.elapsed() < LIMIT, "it never comes so far");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

async fn job(store: &dyn Store, tenant: &TenantId, id: &JobId) -> Job {
    store.tenant(tenant).get::<Job>(id).await.unwrap().unwrap().value
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_after_any_request_goes_on_when_it_is_started_again() {
    // A subaccount, an application, a key, a number, its webhooks; a kill after each request, and none in the end.
    for kill_after in 1..=5 {
        let sandbox = Sandbox::start(SandboxOptions::without_delay()).await.unwrap();
        // So long, that the kill comes before the answer every other time.
        sandbox.knobs().change(|knobs| knobs.twilio.delay_ms = 10);
        let (folder, carrier) = (Folder::new(), sandbox.base_url());
        let ours = provisioner(&folder, &carrier).await;
        let store = open_store(&folder).await;
        let (tenant, setting_up) = order(&*store, &ours, None).await;
        let is_done = async |id: &JobId| is_over(&job(&*store, &tenant, id).await);

        let before = sandbox.requests(Service::Twilio);
        run_until(&folder, &carrier, async || {
            sandbox.requests(Service::Twilio) >= before + kill_after || is_done(&setting_up).await
        })
        .await;
        run_until(&folder, &carrier, async || is_done(&setting_up).await).await;
        let done = job(&*store, &tenant, &setting_up).await;
        assert_eq!(done.status, JobStatus::Done, "{:?} {:?}", done.error, state(&done));

        let account = ours.account_of(&tenant, None).await.unwrap().id;
        let purchase =
            Purchase { account, e164: "+15555550111".to_owned(), name: String::new(), adopted: false };
        let mut tx = store.tenant(&tenant).begin(&actor(), 2).await.unwrap();
        let (_, buying) = ours.obtain(&mut *tx, &purchase).await.unwrap();
        tx.commit().await.unwrap();
        let before = sandbox.requests(Service::Twilio);
        run_until(&folder, &carrier, async || {
            sandbox.requests(Service::Twilio) >= before + kill_after || is_done(&buying.id).await
        })
        .await;
        run_until(&folder, &carrier, async || is_done(&buying.id).await).await;
        let done = job(&*store, &tenant, &buying.id).await;
        assert_eq!(done.status, JobStatus::Done, "{:?} {:?}", done.error, state(&done));

        let world = sandbox.twilio();
        let [sid] = &subaccounts(&world)[..] else { panic!("killed after {kill_after}: {world}") };
        assert_eq!(
            ["applications", "keys", "numbers"].map(|shelf| count(&world, sid, shelf)),
            [1, 1, 1],
            "killed after {kill_after}"
        );
        assert_eq!(count(&world, main_sid().as_str(), "numbers"), 1);
        let part = store.tenant(&tenant);
        let accounts = part.list::<ProviderAccount>(&Filter::first(10)).await.unwrap();
        assert_eq!(accounts.len(), 1);
    }
}
