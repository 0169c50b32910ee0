//! `GET /v1/calls/{id}/recording`: the WAV or Ogg file, whole or in part; the WAV file also while it is being written.

use super::{
    calls::{call_of, recording_path},
    need::RecordingsRead,
    op::Op,
    path::PathId,
    range::{Part, part},
    recording_format::Choice,
};
use crate::{
    problem::{Code, Problem},
    recordings::RecordingFormat,
    shared::Shared,
};
use axum::{
    body::Body,
    extract::RawQuery,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{Stream, stream};
use std::{
    error::Error,
    io::{self, SeekFrom},
    sync::Arc,
};
use store::{Call, CallId};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt},
};
use tracing::error;
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
    let (mut file, format) = open(&op, &call, &choice).await?;
    // A live call's file grows; what is there now is what is sent.
    let len = file.metadata().await.map_err(|cause| unreadable(&cause))?.len();
    let asked = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let (status, range) = match part(asked, len) {
        Part::Whole => (StatusCode::OK, 0..len),
        Part::Bytes(range) => (StatusCode::PARTIAL_CONTENT, range),
        Part::Unsatisfiable => {
            let detail = format!("the recording has {len} bytes");
            return Err(Problem::new(Code::RangeNotSatisfiable, detail));
        }
    };
    file.seek(SeekFrom::Start(range.start)).await.map_err(|cause| unreadable(&cause))?;
    let mut response = Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, format.media_type())
        .header(header::VARY, "accept")
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::CACHE_CONTROL, "private, no-store")
        .header(header::CONTENT_LENGTH, range.end - range.start);
    if status == StatusCode::PARTIAL_CONTENT {
        response =
            response.header(header::CONTENT_RANGE, format!("bytes {}-{}/{len}", range.start, range.end - 1));
    }
    let body = Body::from_stream(pieces(file, range.end - range.start));
    Ok(response.body(body).unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response()))
}

/// The recording in the first of the formats that will do in which it is there.
async fn open<N>(op: &Op<N>, call: &Call, choice: &Choice) -> Result<(File, RecordingFormat), Problem> {
    let mut others = Vec::new();
    for format in choice.in_order() {
        match File::open(recording_path(op, call, format)).await {
            Ok(file) if choice.takes(format) => return Ok((file, format)),
            Ok(_) => others.push(format),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
            Err(cause) => return Err(unreadable(&cause)),
        }
    }
    Err(choice.nothing(&others))
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

fn unreadable(cause: &io::Error) -> Problem {
    error!(error = cause as &dyn Error, "a recording cannot be read");
    Problem::new(Code::Internal, "the recording cannot be read")
}
