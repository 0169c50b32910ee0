//! `GET /v1/calls/{id}/recording`: the WAV or Ogg file, whole or in part; the WAV file also while it is being written.

use super::{
    calls::{call_of, recording_path},
    media::{Media, asked_range, send, send_object, unreadable},
    need::RecordingsRead,
    op::Op,
    path::PathId,
    recording_format::Choice,
};
use crate::{
    problem::Problem,
    recordings::{RecordingFormat, row},
    shared::Shared,
};
use axum::{
    extract::RawQuery,
    http::{HeaderMap, header},
    response::Response,
};
use bytes::Bytes;
use futures_util::{Stream, stream};
use objects::Key;
use serde_json::json;
use std::{
    io::{self, SeekFrom},
    sync::Arc,
};
use store::{
    Call, CallId,
    model::recording::{Recording, RecordingStatus},
};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt},
};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Bytes read at once.
const PIECE: usize = 64 * 1024;

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default().routes(routes!(read_recording))
}

/// Reads a call's recording, whole or in part; the WAV file also while it grows.
#[utoipa::path(
    get, path = "/v1/calls/{id}/recording", tag = "Calls", security(("bearer" = ["recordings:read"])),
    params(
        ("id" = String, Path, description = "`call_…`"),
        ("format" = Option<String>, Query, description = "`wav` or `ogg`; without it the `Accept` header decides",
            pattern = "^(wav|ogg)$"),
        ("Range" = Option<String>, Header, description = "Which part of it, such as `bytes=0-99999`"),
    ),
    responses(
        (status = 200, description = "The recording", content(
            (Vec<u8> = "audio/wav"), (Vec<u8> = "audio/ogg"))),
        (status = 206, description = "The part that was asked for", content(
            (Vec<u8> = "audio/wav"), (Vec<u8> = "audio/ogg"))),
    ),
)]
async fn read_recording(
    op: Op<RecordingsRead>,
    PathId(id): PathId<CallId>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let choice = Choice::read(query.as_deref().unwrap_or_default(), accept)?;
    let call = call_of(&op, &id).await?;
    let mut others = Vec::new();
    for format in choice.in_order() {
        if !choice.takes(format) {
            if is_there(&op, &call, format).await? {
                others.push(format);
            }
            continue;
        }
        let answer = match from_file(&op, &call, format, &headers).await? {
            Some(answer) => Some(answer),
            None => from_objects(&op, &call, format, &headers).await?,
        };
        if let Some(answer) = answer {
            note_access(&op, call.id.as_str(), "recording.read", format, &headers).await?;
            return Ok(answer);
        }
    }
    Err(choice.nothing(&others))
}

/// Whether the recording can be read in this format.
pub(super) async fn is_there<N>(op: &Op<N>, call: &Call, format: RecordingFormat) -> Result<bool, Problem> {
    if tokio::fs::try_exists(recording_path(op, call, format)).await.unwrap_or(false) {
        return Ok(true);
    }
    let row = op.store.get::<Recording>(&row::own_id(&call.id, format)).await?;
    Ok(row.is_some_and(|row| is_stored(&row.value)))
}

/// Whether it is where it stays.
pub(super) fn is_stored(recording: &Recording) -> bool {
    matches!(recording.status, RecordingStatus::Stored | RecordingStatus::Kept)
}

/// From the file of a call that is live, or whose recording is not stored yet.
async fn from_file<N>(
    op: &Op<N>,
    call: &Call,
    format: RecordingFormat,
    headers: &HeaderMap,
) -> Result<Option<Response>, Problem> {
    let mut file = match File::open(recording_path(op, call, format)).await {
        Ok(file) => file,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(unreadable(&cause)),
    };
    // A live call's file grows; what is there now is what is sent.
    let length = file.metadata().await.map_err(|cause| unreadable(&cause))?.len();
    let range = asked_range(headers, length)?;
    let sent = range.clone().unwrap_or(0..length);
    file.seek(SeekFrom::Start(sent.start)).await.map_err(|cause| unreadable(&cause))?;
    let media = Media { length, media_type: format.media_type(), disposition: None };
    Ok(Some(send(&media, range, pieces(file, sent.end - sent.start))))
}

/// From where recordings stay.
async fn from_objects<N>(
    op: &Op<N>,
    call: &Call,
    format: RecordingFormat,
    headers: &HeaderMap,
) -> Result<Option<Response>, Problem> {
    let Some(row) = op.store.get::<Recording>(&row::own_id(&call.id, format)).await? else { return Ok(None) };
    let Some(key) = stored_key(&row.value) else { return Ok(None) };
    send_object(&*op.shared.objects, &key, headers, format.media_type(), None).await
}

/// Where a recording is kept, if it is.
pub(crate) fn stored_key(recording: &Recording) -> Option<Key> {
    if !is_stored(recording) {
        return None;
    }
    recording.location.as_deref()?.parse().ok()
}

/// Every access is noted before a byte is sent.
async fn note_access<N>(
    op: &Op<N>,
    object: &str,
    action: &str,
    format: RecordingFormat,
    headers: &HeaderMap,
) -> Result<(), Problem> {
    let range = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let details = json!({ "format": format.name(), "range": range });
    let mut tx = op.begin().await?;
    tx.note(action, object, &details).await?;
    tx.commit().await?;
    Ok(())
}

/// `left` bytes of the file, in pieces.
fn pieces(file: File, left: u64) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold((file, left), async |(mut file, left)| {
        if left == 0 {
            return Ok(None);
        }
        let wanted = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
        let mut piece = vec![0; wanted];
        let read = file.read(&mut piece).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        piece.truncate(read);
        // At most what was wanted, so it is never more than what is left.
        let left = left.saturating_sub(read as u64);
        Ok(Some((Bytes::from(piece), (file, left))))
    })
}
