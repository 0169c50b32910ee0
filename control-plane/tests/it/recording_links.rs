//! Recordings where they stay: heard through the API and through links, each time noted, held and deleted.

use crate::{
    seed::stored,
    support::{Answer, Folder, Harness, ended},
};
use axum::{body::Body, http::Request};
use control_plane::settings::{RecordingPlace, S3Options};
use engine::{
    call::wav::{WavFormat, WavWriter},
    ids::CallId,
    ports::EndReason,
    provider::Secret,
};
use fixtures::sandbox::{S3Setup, Sandbox, SandboxOptions};
use serde_json::{Value, json};
use std::time::Duration;
use store::{TenantId, model::audit::AuditFilter};

const SID: &str = "CA00000000000000000000000000000001";

fn record(folder: &Folder, call: &CallId) {
    let path = folder.0.join(format!("recordings/ten_1/{call}.wav"));
    let mut wav = WavWriter::resume(&path, WavFormat::CALL).unwrap();
    wav.append(&vec![500; 16_000]).unwrap();
}

async fn recorded(harness: &Harness) -> (CallId, Value) {
    let call = harness.streaming(SID).await;
    record(&harness.folder, &call);
    harness.tell(&call, ended(EndReason::CallerHungUp));
    let row = row_when(harness, |row| row["status"] == "kept").await;
    (call, row)
}

async fn row_when(harness: &Harness, told: impl Fn(&Value) -> bool) -> Value {
    harness.shows("/v1/recordings", |rows| told(&rows["data"][0])).await["data"][0].clone()
}

/// What the audit log says was done.
async fn noted(harness: Harness) -> Vec<String> {
    let (store, _folder) = stored(harness).await;
    let filter = AuditFilter { limit: 100, ..AuditFilter::default() };
    let lines = store.tenant(&TenantId::known("ten_1")).audit_log(&filter).await.unwrap();
    lines.into_iter().map(|line| line.action).collect()
}

async fn change(harness: &Harness, method: &str, path: &str, body: Value) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {}", harness.key))
        .header("content-type", "application/json");
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    harness.send(request.body(body).unwrap()).await
}

fn bucket(sandbox: &Sandbox) -> S3Options {
    let setup = S3Setup::default();
    let endpoint = format!("{}/s3", sandbox.base_url()).parse().unwrap();
    let secret = Secret::new(&setup.secret_access_key);
    S3Options::at(endpoint, &setup.region, &setup.bucket, &setup.access_key_id, secret)
}

async fn fast() -> Harness {
    Harness::with(|settings| settings.limits.work.poll = Duration::from_millis(10)).await
}

#[tokio::test]
async fn a_link_is_followed_without_a_key_and_cannot_be_bent() {
    let harness = fast().await;
    let (call, row) = recorded(&harness).await;
    let id = row["id"].as_str().unwrap();
    let link = harness.get(&format!("/v1/recordings/{id}/url")).await.json();
    let url = link["url"].as_str().unwrap();
    let path = url.strip_prefix("https://voice.example.test").unwrap();
    let answer = harness.send(Request::get(path).body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status.as_u16(), &answer.body[..4]), (200, &b"RIFF"[..]));
    assert_eq!(answer.header("content-disposition"), format!("inline; filename=\"{call}.wav\""));
    let part = Request::get(path).header("range", "bytes=0-3").body(Body::empty()).unwrap();
    assert_eq!(&harness.send(part).await.body[..], b"RIFF");
    for bent in [
        path.replace(".wav?", ".ogg?"),
        path.replace("expires=1", "expires=2"),
        "/media/recordings".to_owned(),
    ] {
        let answer = harness.send(Request::get(&bent).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.problem(404), "not_found", "{bent}");
    }
    assert_eq!(row["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(harness.get(&format!("/v1/calls/{call}/recording")).await.status, 200);
    let noted = noted(harness).await;
    let times = |action: &str| noted.iter().filter(|noted| *noted == action).count();
    assert_eq!((times("recording.link"), times("recording.download"), times("recording.read")), (1, 2, 1));
}

#[tokio::test]
async fn what_is_held_is_not_deleted_and_what_is_deleted_is_gone() {
    let harness = fast().await;
    let (call, row) = recorded(&harness).await;
    let path = format!("/v1/recordings/{}", row["id"].as_str().unwrap());
    let held = change(&harness, "PATCH", &path, json!({ "legal_hold": true })).await;
    assert_eq!((held.status.as_u16(), &held.json()["legal_hold"]), (200, &json!(true)), "{}", held.text());
    assert_eq!(change(&harness, "DELETE", &path, Value::Null).await.problem(409), "conflict");
    change(&harness, "PATCH", &path, json!({ "legal_hold": false })).await;
    assert_eq!(change(&harness, "DELETE", &path, Value::Null).await.status, 202);
    row_when(&harness, |row| row["status"] == "deleted").await;
    assert!(!harness.folder.0.join(format!("recordings/ten_1/{call}.wav")).exists());
    let late = change(&harness, "PATCH", &path, json!({ "legal_hold": true })).await;
    assert_eq!(late.problem(409), "conflict", "nobody is to believe that it is kept");
    assert_eq!(harness.get(&format!("{path}/url")).await.problem(404), "no_recording");
    assert_eq!(harness.get(&format!("/v1/calls/{call}/recording")).await.problem(404), "no_recording");
}

#[tokio::test]
async fn in_a_bucket_a_recording_is_heard_all_the_same() {
    let sandbox = Sandbox::start(SandboxOptions::without_delay()).await.unwrap();
    let options = bucket(&sandbox);
    let harness = Harness::with(|settings| {
        settings.limits.work.poll = Duration::from_millis(10);
        settings.recording.place = RecordingPlace::S3(Box::new(options));
        settings.recording.opus = true;
        settings.recording.keep_wav = false;
    })
    .await;
    let (call, row) = recorded(&harness).await;
    let key = format!("recordings/ten_1/{call}.ogg");
    assert_eq!((&row["place"], &sandbox.s3()[&key]["encryption"]), (&json!("s3"), &json!("AES256")));
    assert!(!harness.folder.0.join(&key).exists(), "it is there and nowhere else");
    let shown = harness.get(&format!("/v1/calls/{call}")).await.json();
    assert_eq!(shown["recording"]["formats"], json!(["ogg"]));
    let answer = harness.get(&format!("/v1/calls/{call}/recording")).await;
    assert_eq!((answer.status.as_u16(), &answer.body[..4]), (200, &b"OggS"[..]));
    let link = harness.get(&format!("/v1/recordings/{}/url", row["id"].as_str().unwrap())).await.json();
    assert!(link["url"].as_str().unwrap().contains("X-Amz-Expires=900"), "{link}");
}

#[tokio::test]
async fn what_has_been_moved_is_not_made_again() {
    let sandbox = Sandbox::start(SandboxOptions::without_delay()).await.unwrap();
    let options = bucket(&sandbox);
    let harness = Harness::with(|settings| {
        settings.limits.work.poll = Duration::from_millis(10);
        settings.recording.place = RecordingPlace::S3(Box::new(options));
        settings.recording.opus = true;
    })
    .await;
    let kept = async |count: usize| {
        let are_all = |rows: &Value| rows["data"].as_array().unwrap().len() == count;
        harness.shows("/v1/recordings?status=kept", are_all).await;
    };
    for number in 1..=2 {
        let call = harness.streaming(&format!("CA{number}")).await;
        record(&harness.folder, &call);
        harness.tell(&call, ended(EndReason::CallerHungUp));
        kept(number * 2).await;
        // Calls are looked at one after the other: the first is looked at again before the second.
        let fields = crate::support::call_fields("CA1", "completed");
        let fields: Vec<_> = fields.into_iter().chain([("CallDuration", "61")]).collect();
        assert_eq!(harness.hook("/api/voice/status", &fields).await.status, 200);
    }
    let left = std::fs::read_dir(harness.folder.0.join("recordings/ten_1")).unwrap();
    assert_eq!(left.count(), 0, "all of it is in the bucket and nowhere else");
}
