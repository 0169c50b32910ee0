//! `GET /v1/calls/{id}/journal`: every input of the call's deciders, one JSON object a line, in order.

use super::{calls::call_of, need::CallsRead, op::Op, path::PathId};
use crate::{problem::Problem, shared::Shared};
use axum::{
    body::Body,
    http::header,
    response::{IntoResponse, Response},
};
use futures_util::{Stream, stream};
use serde_json::value::RawValue;
use std::{error::Error, sync::Arc};
use store::CallId;
use tracing::error;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default().routes(routes!(read_journal))
}

/// Reads a call's journal: every input of its deciders, one JSON object a line, in order.
#[utoipa::path(
    get, path = "/v1/calls/{id}/journal", tag = "Calls", security(("bearer" = ["calls:read"])),
    params(("id" = String, Path, description = "`call_…`")),
    responses((status = 200, description = "The journal", body = String, content_type = "application/x-ndjson")),
)]
async fn read_journal(op: Op<CallsRead>, PathId(id): PathId<CallId>) -> Result<Response, Problem> {
    let call = call_of(&op, &id).await?;
    let body = Body::from_stream(lines(op, call.id));
    let headers =
        [(header::CONTENT_TYPE, "application/x-ndjson"), (header::CACHE_CONTROL, "private, no-store")];
    Ok((headers, body).into_response())
}

/// A journal may be long: it is read from the store as fast as it is taken.
fn lines(
    op: Op<CallsRead>,
    call: CallId,
) -> impl Stream<Item = Result<String, Box<dyn Error + Send + Sync>>> {
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
