//! A worker is stopped between any two awaits, and another one goes on.

use crate::support::{Setup, actor, count, finish, hurry, is_over, order, subaccounts, worker};
use provisioning::Provisioner;
use std::{future::poll_fn, task::Poll};
use store::{
    TenantId,
    ids::JobId,
    model::{tenant::TenantStatus, work::JobStatus},
};

/// Awaits that are let through between two places at which a worker is stopped: a prime, so that over all steps and places
/// every kind of await is met.
const STRIDE: u32 = 3;
/// More awaits than the whole has.
const AWAITS: u32 = 100_000;

/// Works until the job is over, or `awaits` were met; says whether it is over. What is under way then is dropped, as in a process that
/// dies.
async fn work_for(
    setup: &Setup,
    provisioner: &Provisioner,
    tenant: &TenantId,
    job: &JobId,
    awaits: u32,
) -> bool {
    let mut met = 0;
    let mut all = std::pin::pin!(async {
        while !is_over(&setup.job(tenant, job).await.value) {
            if !provisioner.work(worker()).await.unwrap() {
                hurry(&*setup.store, tenant, job).await;
            }
        }
    });
    poll_fn(|context| {
        met += 1;
        if met > awaits {
            return Poll::Ready(false);
        }
        all.as_mut().poll(context).map(|()| true)
    })
    .await
}

#[tokio::test]
async fn a_worker_that_dies_anywhere_loses_nothing_and_makes_nothing_twice() {
    let mut awaits = 1;
    let mut deaths = 0;
    loop {
        let setup = Setup::new().await;
        let (tenant, job) = order(&*setup.store, &setup.provisioner, None).await;
        let survived = work_for(&setup, &setup.provisioner, &tenant, &job, awaits).await;
        hurry(&*setup.store, &tenant, &job).await;
        let done = finish(&setup, &setup.restarted(), &tenant, &job).await;
        assert_eq!(done.status, JobStatus::Done, "after {awaits}: {:?}", done.error);
        let world = setup.sandbox.twilio();
        let [sid] = &subaccounts(&world)[..] else { panic!("after {awaits}: {world}") };
        assert_eq!(
            (count(&world, sid, "applications"), count(&world, sid, "keys")),
            (1, 1),
            "after {awaits}"
        );
        assert_eq!(world[sid]["account"]["auth_token"], setup.secret(&tenant, "auth_token").await.as_str());
        let account = setup.account(&tenant).await.value;
        assert_eq!(account.properties["api_key_sid"], world[sid]["keys"][0]["sid"].as_str().unwrap());
        assert_eq!(setup.status(&tenant).await, TenantStatus::Active);
        if survived {
            break;
        }
        deaths += 1;
        awaits += STRIDE;
    }
    assert!(deaths > 10, "it died in many places: {deaths}");
}

#[tokio::test]
async fn an_undoing_worker_that_dies_anywhere_leaves_nothing_behind() {
    let mut awaits = 1;
    loop {
        let setup = Setup::new().await;
        let (tenant, job) = order(&*setup.store, &setup.provisioner, None).await;
        // Set up in part, and cancelled in the middle of something.
        work_for(&setup, &setup.provisioner, &tenant, &job, awaits * 3).await;
        let mut tx = setup.store.tenant(&tenant).begin(&actor(), 2).await.unwrap();
        setup.provisioner.cancel(&mut *tx, &job).await.unwrap();
        tx.commit().await.unwrap();
        let survived = work_for(&setup, &setup.provisioner, &tenant, &job, awaits).await;
        hurry(&*setup.store, &tenant, &job).await;
        let done = finish(&setup, &setup.restarted(), &tenant, &job).await;
        assert_eq!(done.status, JobStatus::Undone, "after {awaits}: {:?}", done.error);
        let world = setup.sandbox.twilio();
        assert!(subaccounts(&world).is_empty(), "after {awaits}: {world}");
        assert_eq!(setup.status(&tenant).await, TenantStatus::Closed);
        if survived || awaits > AWAITS {
            break;
        }
        awaits += STRIDE;
    }
}
