//! The WAV file of a call that is over becomes Ogg/Opus, and no other.

use crate::support::{Answer, Folder, Harness, call_fields, ended, settings};
use axum::{body::Body, http::Request};
use control_plane::ControlPlane;
use engine::{
    call::wav::{WavFormat, WavWriter},
    ids::CallId,
    ports::EndReason,
};
use serde_json::{Value, json};

const SID: &str = "CA00000000000000000000000000000001";

fn record(folder: &Folder, call: &CallId, seconds: usize) {
    let path = folder.0.join(format!("recordings/ten_1/{call}.wav"));
    let mut wav = WavWriter::resume(&path, WavFormat::CALL).unwrap();
    wav.append(&vec![500; seconds * 16_000]).unwrap();
}

fn formats(shown: &Value) -> Value {
    shown["recording"]["formats"].clone()
}

async fn read_as(harness: &Harness, call: &CallId, accept: &str) -> Answer {
    let request = Request::get(format!("/v1/calls/{call}/recording"))
        .header("authorization", format!("Bearer {}", harness.key))
        .header("accept", accept);
    harness.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_call_that_is_over_is_heard_as_wav_or_as_ogg() {
    let harness = Harness::with(|settings| settings.recording.opus = true).await;
    let call = harness.streaming(SID).await;
    record(&harness.folder, &call, 2);
    assert_eq!(read_as(&harness, &call, "audio/ogg").await.problem(406), "not_acceptable");
    let named = format!("/v1/calls/{call}/recording?format=ogg");
    assert_eq!(harness.get(&named).await.problem(404), "no_recording");

    harness.tell(&call, ended(EndReason::CallerHungUp));
    harness.call_when(&call, |shown| formats(shown) == json!(["wav", "ogg"])).await;
    for (answer, media_type, magic) in [
        (read_as(&harness, &call, "*/*").await, "audio/wav", b"RIFF"),
        (read_as(&harness, &call, "audio/ogg").await, "audio/ogg", b"OggS"),
        (harness.get(&named).await, "audio/ogg", b"OggS"),
    ] {
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, media_type));
        assert_eq!((answer.header("vary"), &answer.body[..4]), ("accept", &magic[..]));
    }
    let request = Request::get(&named)
        .header("authorization", format!("Bearer {}", harness.key))
        .header("range", "bytes=28-35");
    let part = harness.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!((part.status.as_u16(), &part.body[..]), (206, &b"OpusHead"[..]));
    assert_eq!(read_as(&harness, &call, "text/html").await.problem(406), "not_acceptable");
}

#[tokio::test]
async fn without_its_wav_file_a_recording_is_still_there() {
    let harness = Harness::with(|settings| {
        settings.recording.opus = true;
        settings.recording.keep_wav = false;
    })
    .await;
    let call = harness.streaming(SID).await;
    record(&harness.folder, &call, 1);
    harness.tell(&call, ended(EndReason::Transferred));
    harness.call_when(&call, |shown| formats(shown) == json!(["ogg"])).await;
    let answer = harness.get(&format!("/v1/calls/{call}/recording")).await;
    assert_eq!(answer.header("content-type"), "audio/ogg");
    assert_eq!(read_as(&harness, &call, "audio/wav").await.problem(406), "not_acceptable");
}

#[tokio::test]
async fn a_call_that_may_come_back_is_converted_only_when_the_carrier_says_that_it_is_over() {
    let harness = Harness::with(|settings| settings.recording.opus = true).await;
    let (call, other) = (harness.streaming(SID).await, harness.streaming("CA2").await);
    record(&harness.folder, &call, 1);
    record(&harness.folder, &other, 1);
    harness.tell(&call, ended(EndReason::StreamLost));
    harness.tell(&other, ended(EndReason::AssistantEnded));
    // They are looked at one after the other, so the first was passed over.
    harness.call_when(&other, |shown| formats(shown) == json!(["wav", "ogg"])).await;
    harness.call_when(&call, |shown| formats(shown) == json!(["wav"])).await;

    let answer = harness.hook("/api/voice/status", &call_fields(SID, "completed")).await;
    assert_eq!(answer.status.as_u16(), 200);
    harness.call_when(&call, |shown| formats(shown) == json!(["wav", "ogg"])).await;
}

#[tokio::test]
async fn what_was_left_unfinished_is_taken_up_by_the_next_start() {
    let harness = Harness::new().await;
    let (over, live) = (harness.streaming(SID).await, harness.streaming("CA2").await);
    record(&harness.folder, &over, 1);
    record(&harness.folder, &live, 1);
    harness.tell(&over, ended(EndReason::CallerHungUp));
    harness.call_when(&over, |shown| shown["status"] == "completed").await;
    harness.call_when(&over, |shown| formats(shown) == json!(["wav"])).await;
    let folder = &harness.folder.0;
    let part = folder.join(format!("recordings/ten_1/{over}.ogg.part"));
    std::fs::write(&part, b"of a process that was killed").unwrap();
    // Nobody knows the call of this one, and this is no folder of a tenant.
    std::fs::copy(
        folder.join(format!("recordings/ten_1/{over}.wav")),
        folder.join("recordings/ten_1/else.wav"),
    )
    .unwrap();
    std::fs::write(folder.join("recordings/file"), b"").unwrap();

    let mut settings = settings(&harness.folder).await;
    settings.recording.opus = true;
    let again = ControlPlane::open(settings).await.unwrap().control_plane;
    let harness = Harness { router: again.router(), plane: again, ..harness };
    harness.call_when(&over, |shown| formats(shown) == json!(["wav", "ogg"])).await;
    assert!(!part.exists());
    assert_eq!(formats(&harness.get(&format!("/v1/calls/{live}")).await.json()), json!(["wav"]));
    assert!(!harness.folder.0.join("recordings/ten_1/else.ogg").exists());
    harness.plane.close().await.unwrap();
}

#[tokio::test]
async fn a_full_queue_loses_no_recording() {
    let harness = Harness::with(|settings| {
        settings.recording.opus = true;
        settings.limits.conversion_queue = 1;
    })
    .await;
    let mut calls = Vec::new();
    for number in 0..6 {
        let call = harness.streaming(&format!("CA{number}")).await;
        record(&harness.folder, &call, 1);
        calls.push(call);
    }
    for call in &calls {
        harness.tell(call, ended(EndReason::CallerHungUp));
    }
    for call in &calls {
        harness.call_when(call, |shown| formats(shown) == json!(["wav", "ogg"])).await;
    }
}
