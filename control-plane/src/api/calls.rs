//! `GET /v1/calls` and `GET /v1/calls/{id}`.

use super::{
    auth::Op,
    cursor, query,
    view::{CallDetail, CallPage, CallView, RecordingView},
};
use crate::{problem::Problem, recordings::RecordingFormat};
use axum::{Json, extract::RawQuery};
use store::Page;

/// The tenant's calls, newest first.
pub(crate) async fn list(op: Op, RawQuery(query): RawQuery) -> Result<Json<CallPage>, Problem> {
    let (filter, page) = query::read(query.as_deref().unwrap_or_default(), &op.limits)?;
    let length = usize::from(page.limit);
    // One more than is shown tells whether there is a next page.
    let mut calls = op.store.calls(&filter, &Page { limit: page.limit.saturating_add(1), ..page }).await?;
    let has_more = calls.len() > length;
    calls.truncate(length);
    let next_cursor = calls.last().filter(|_| has_more).map(cursor::after);
    Ok(Json(CallPage { calls: calls.into_iter().map(CallView::from).collect(), next_cursor }))
}

/// One call, with its transcript and what happened in it.
pub(crate) async fn read(op: Op) -> Result<Json<CallDetail>, Problem> {
    let call = op.call().await?;
    let turns = op.store.turns(&call.id).await?;
    let events = op.store.events(&call.id).await?;
    let mut formats = Vec::new();
    for format in RecordingFormat::ALL {
        if tokio::fs::try_exists(op.recording_path(&call, format)).await.unwrap_or(false) {
            formats.push(format.name());
        }
    }
    let recording = (!formats.is_empty()).then(|| RecordingView {
        url: format!("/v1/calls/{}/recording", call.id),
        duration_ms: call.recording_ms,
        formats,
    });
    Ok(Json(CallDetail {
        call: CallView::from(call),
        recording,
        turns: turns.into_iter().map(Into::into).collect(),
        events: events.into_iter().map(Into::into).collect(),
    }))
}
