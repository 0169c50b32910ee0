//! Bytes of a recording as HTTP wants them: whole or the part that was asked for, streamed.

use super::range::{Part, part};
use crate::problem::{Code, Problem};
use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::Stream;
use objects::{Key, ObjectError, ObjectStore};
use std::{error::Error, ops::Range};
use tracing::error;

/// What is sent.
pub(crate) struct Media<'a> {
    /// How long the whole of it is, in bytes.
    pub(crate) length: u64,
    pub(crate) media_type: &'a str,
    /// `Content-Disposition`.
    pub(crate) disposition: Option<String>,
}

/// Which bytes of something so long are asked for.
pub(crate) fn asked_range(headers: &HeaderMap, length: u64) -> Result<Option<Range<u64>>, Problem> {
    let asked = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    match part(asked, length) {
        Part::Whole => Ok(None),
        Part::Bytes(range) => Ok(Some(range)),
        Part::Unsatisfiable => {
            Err(Problem::new(Code::RangeNotSatisfiable, format!("the recording has {length} bytes")))
        }
    }
}

/// The answer with these bytes; `None`: all of them.
pub(crate) fn send<E: Into<Box<dyn Error + Send + Sync>>>(
    media: &Media<'_>,
    range: Option<Range<u64>>,
    body: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
) -> Response {
    let whole = 0..media.length;
    let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let sent = range.unwrap_or(whole);
    let mut response = Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, media.media_type)
        .header(header::VARY, "accept")
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::CACHE_CONTROL, "private, no-store")
        .header(header::CONTENT_LENGTH, sent.end - sent.start);
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {}-{}/{}", sent.start, sent.end - 1, media.length);
        response = response.header(header::CONTENT_RANGE, range);
    }
    if let Some(disposition) = &media.disposition {
        response = response.header(header::CONTENT_DISPOSITION, disposition);
    }
    let body = Body::from_stream(body);
    response.body(body).unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// An object, whole or in part; `None` if it is not there.
pub(crate) async fn send_object(
    objects: &dyn ObjectStore,
    key: &Key,
    headers: &HeaderMap,
    media_type: &str,
    disposition: Option<String>,
) -> Result<Option<Response>, Problem> {
    let Some(info) = objects.head(key).await.map_err(|cause| unreadable(&cause))? else { return Ok(None) };
    let range = asked_range(headers, info.length)?;
    let object = match objects.get(key, range.clone()).await {
        Ok(object) => object,
        Err(ObjectError::Missing) => return Ok(None),
        Err(cause) => return Err(unreadable(&cause)),
    };
    Ok(Some(send(&Media { length: info.length, media_type, disposition }, range, object.body)))
}

/// Somewhere between here and where it is kept something is wrong.
pub(crate) fn unreadable(cause: &(dyn Error + 'static)) -> Problem {
    error!(error = cause, "a recording cannot be read");
    Problem::new(Code::ProviderUnavailable, "the recording cannot be read now")
}
