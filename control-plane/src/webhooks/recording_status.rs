//! The carrier has recorded something: it is fetched later, by whoever moves recordings. A recording is one row by the
//! carrier's id, however often it is told of.

use super::{CARRIER, HookError, Webhook, call_of, is_softphones, reported, softphone};
use crate::clock::now_us;
use axum::response::Response;
use store::{
    CallStatus,
    ids::RecordingId,
    model::{
        audit::Actor,
        recording::{Recording, RecordingPlace, RecordingSource, RecordingStatus},
        work::WorkKind,
    },
};

pub(crate) async fn recording_status(webhook: Webhook) -> Response {
    reported("recording_status", keep(&webhook).await)
}

async fn keep(webhook: &Webhook) -> Result<(), HookError> {
    let sid = webhook.required("RecordingSid")?;
    // `in-progress` promises one, `absent` says that there is none.
    if webhook.required("RecordingStatus")? != "completed" {
        return Ok(());
    }
    let call = if is_softphones(webhook) {
        match softphone::call_of_leg(webhook).await? {
            Some(call) => call,
            None => return Ok(()),
        }
    } else {
        call_of(webhook, CallStatus::InProgress).await?
    };
    let seconds: Option<i64> = webhook.param("RecordingDuration").and_then(|text| text.parse().ok());
    let recording = Recording {
        call: call.id,
        source: RecordingSource::Carrier,
        carrier_sid: Some(sid.to_owned()),
        status: RecordingStatus::Pending,
        location: None,
        place: RecordingPlace::File,
        media_type: "audio/wav".to_owned(),
        channels: if webhook.param("RecordingChannels") == Some("2") { 2 } else { 1 },
        duration_ms: seconds.filter(|seconds| *seconds >= 0).map(|seconds| seconds.saturating_mul(1_000)),
        bytes: None,
        sha256: None,
        legal_hold: false,
        delete_after: None,
        error: None,
    };
    let now = now_us();
    let mut tx = webhook.store.begin(&Actor::system(CARRIER), now).await?;
    if let Some(row) = tx.insert_new(RecordingId::generate(), recording).await? {
        tx.schedule(WorkKind::Recording, row.id.as_str(), now).await?;
        tx.commit().await?;
    }
    Ok(())
}
