//! `kill -9` between any two steps of an erasure: it goes on with the next start, and nothing is left.

use super::{
    traces::{dump, in_files},
    world::{self, PHONE, WORDS, call, now, quiet, written},
};
use crate::{
    killing::{run_and_kill, soon_again},
    support::{Folder, Harness, open_store, settings},
};
use control_plane::ControlPlane;
use serde_json::json;
use std::{path::PathBuf, time::Duration};
use store::{
    TenantId,
    ids::JobId,
    model::{
        message::Channel,
        work::{Job, JobStatus},
    },
};

/// Where the child's data is.
const FOLDER: &str = "TANDEM_TEST_ERASURE_FOLDER";
const CALLS: u32 = 12;
const MESSAGES: usize = 400;

/// The process that is killed. As a test of its own it does nothing.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    // The folder is the parent's.
    let folder = std::mem::ManuallyDrop::new(Folder(PathBuf::from(folder)));
    let mut settings = settings(&folder).await;
    soon_again(&mut settings);
    let plane = ControlPlane::open(settings).await.unwrap().control_plane;
    let _background = plane.background();
    std::future::pending::<()>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_erasure_goes_on_and_leaves_nothing() {
    let harness = Harness::with(soon_again).await;
    quiet(&harness).await;
    let store = open_store(&harness.folder).await;
    let part = store.tenant(&TenantId::known("ten_1"));
    for _ in 0..CALLS {
        call(&*part, &harness.folder.0, PHONE, WORDS, now()).await;
    }
    for _ in 0..MESSAGES {
        written(&*part, None, Channel::Sms, PHONE, WORDS, now()).await;
    }
    let asked =
        harness.post_json("/v1/privacy/erasures", &json!({ "phone": PHONE, "reason": "asked" })).await;
    assert_eq!(asked.status, 202, "{}", asked.text());
    let id = JobId::known(asked.json()["id"].as_str().unwrap());
    let Harness { plane, router, folder, .. } = harness;
    drop(router);
    plane.close().await.unwrap();
    let (mut kills, mut steps) = (0_u64, Vec::new());
    let job = loop {
        let job = part.get::<Job>(&id).await.unwrap().unwrap().value;
        if job.status == JobStatus::Done {
            break job;
        }
        steps.push(job.step.clone());
        // Later and later, so that a slow machine gets through too.
        let after = Duration::from_millis(150 + 37 * kills);
        run_and_kill("privacy::killed::child", &[(FOLDER, folder.0.as_os_str())], after).await;
        kills += 1;
        assert!(kills < 100, "it never gets through: {steps:?}");
    };
    assert_eq!(job.state["counts"]["calls"], CALLS, "{}", job.state);
    assert_eq!(job.state["counts"]["messages"], MESSAGES, "{}", job.state);
    // A start finds the files in the folder, and makes rows of its own for them.
    assert!(job.state["counts"]["recordings"].as_u64().unwrap() >= u64::from(CALLS), "{}", job.state);
    store.forget_traces().await.unwrap();
    for line in dump(&folder).await {
        assert!(!line.contains(world::DIGITS) && !line.contains(WORDS), "{line}");
    }
    assert_eq!(in_files(&folder.0, &[world::DIGITS, WORDS]), Vec::<String>::new(), "after {kills} kills");
    store.close().await;
}
