//! `kill -9` between any two steps of a recording: nothing is lost, and nothing is left where it does not belong.

use crate::{
    killing::{run_and_kill, soon_again},
    seed::stored,
    support::{Folder, Harness, ended, open_store, settings, until},
};
use control_plane::{
    ControlPlane,
    settings::{ControlPlaneSettings, RecordingPlace, S3Options},
};
use engine::{
    call::wav::{WavFormat, WavWriter},
    ports::EndReason,
    provider::Secret,
};
use fixtures::sandbox::{S3Setup, Sandbox, SandboxOptions};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use store::{
    Filter, TenantId,
    model::recording::{Recording, RecordingStatus},
};

/// Where the child's data and bucket are.
const FOLDER: &str = "TANDEM_TEST_KILLED_FOLDER";
const BUCKET: &str = "TANDEM_TEST_KILLED_BUCKET";
/// Recordings that are moved.
const CALLS: usize = 8;

fn in_bucket(settings: &mut ControlPlaneSettings, endpoint: &str) {
    let setup = S3Setup::default();
    let secret = Secret::new(&setup.secret_access_key);
    let endpoint = endpoint.parse().unwrap();
    let options = S3Options::at(endpoint, &setup.region, &setup.bucket, &setup.access_key_id, secret);
    settings.recording.place = RecordingPlace::S3(Box::new(options));
    soon_again(settings);
}

/// The process that is killed. As a test of its own it does nothing.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let (Ok(folder), Ok(bucket)) = (std::env::var(FOLDER), std::env::var(BUCKET)) else { return };
    // The folder is the parent's.
    let folder = std::mem::ManuallyDrop::new(Folder(PathBuf::from(folder)));
    let mut settings = settings(&folder).await;
    in_bucket(&mut settings, &bucket);
    let _plane = ControlPlane::open(settings).await.unwrap();
    std::future::pending::<()>().await;
}

fn files(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap();
    names.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_loses_no_recording_and_leaves_none_behind() {
    let sandbox = Sandbox::start(SandboxOptions::without_delay()).await.unwrap();
    sandbox.knobs().change(|knobs| knobs.s3.delay_ms = 10);
    let bucket = format!("{}/s3", sandbox.base_url());
    // Recorded while the bucket cannot be reached.
    let harness = Harness::with(|settings| in_bucket(settings, "http://127.0.0.1:9")).await;
    for number in 0..CALLS {
        let call = harness.streaming(&format!("CA{number}")).await;
        let path = harness.folder.0.join(format!("recordings/ten_1/{call}.wav"));
        let mut wav = WavWriter::resume(&path, WavFormat::CALL).unwrap();
        wav.append(&vec![i16::try_from(number).unwrap(); 16_000]).unwrap();
        harness.tell(&call, ended(EndReason::CallerHungUp));
        harness.call_when(&call, |shown| shown["status"] == "completed").await;
    }
    let (store, folder) = stored(harness).await;
    store.close().await;
    drop(store);
    let local = folder.0.join("recordings/ten_1");
    assert_eq!(files(&local).len(), CALLS);

    let mut kills = 0;
    while !files(&local).is_empty() {
        // Later and later, so that a slow machine gets through too.
        let after = Duration::from_millis(60 + 23 * kills);
        let variables = [(FOLDER, folder.0.as_os_str()), (BUCKET, bucket.as_ref())];
        run_and_kill("recordings_killed::child", &variables, after).await;
        kills += 1;
        assert!(kills < 200, "it never gets through");
    }
    // The last of them may have been killed before it noted that all is done.
    let mut settings = settings(&folder).await;
    in_bucket(&mut settings, &bucket);
    let plane = ControlPlane::open(settings).await.unwrap().control_plane;
    let store = open_store(&folder).await;
    let part = store.tenant(&TenantId::known("ten_1"));
    let kept = async || {
        let rows = part.list::<Recording>(&Filter::first(100)).await.unwrap();
        rows.iter().all(|row| row.value.status == RecordingStatus::Kept).then_some(rows)
    };
    let rows = until(kept, "an end of the moves").await;
    store.close().await;
    plane.close().await.unwrap();
    assert_eq!(rows.len(), CALLS);
    let objects = sandbox.s3();
    assert_eq!(objects.as_object().unwrap().len(), CALLS, "no more and no fewer");
    for row in rows {
        let object = &objects[row.value.location.as_deref().unwrap()];
        assert_eq!(object["sha256"], row.value.sha256.unwrap());
    }
}
