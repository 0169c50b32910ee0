//! `GET /v1/calls/{id}/journal`: every input of the call's deciders, one JSON object a line, in order.

use super::auth::Op;
use crate::problem::Problem;
use axum::{
    body::Body,
    http::header,
    response::{IntoResponse, Response},
};
use futures_util::{Stream, stream};
use serde_json::value::RawValue;
use std::error::Error;
use store::CallId;
use tracing::error;

pub(crate) async fn journal(op: Op) -> Result<Response, Problem> {
    let call = op.call().await?;
    let body = Body::from_stream(lines(op, call.id));
    let headers =
        [(header::CONTENT_TYPE, "application/x-ndjson"), (header::CACHE_CONTROL, "private, no-store")];
    Ok((headers, body).into_response())
}

/// A journal may be long: it is read from the store as fast as it is taken.
fn lines(op: Op, call: CallId) -> impl Stream<Item = Result<String, Box<dyn Error + Send + Sync>>> {
    stream::try_unfold((op, call, 0_i64), async |(op, call, from_seq)| {
        let chunks = op
            .store
            .journal(&call, from_seq, op.limits.journal_chunks)
            .await
            .inspect_err(|cause| error!(%call, error = cause as &dyn Error, "a journal broke off"))?;
        let Some(last) = chunks.last() else { return Ok(None) };
        let next_seq = last.first_seq + 1;
        let mut lines = String::new();
        for chunk in &chunks {
            for entry in serde_json::from_str::<Vec<&RawValue>>(&chunk.entries)? {
                lines.push_str(entry.get());
                lines.push('\n');
            }
        }
        Ok(Some((lines, (op, call, next_seq))))
    })
}
