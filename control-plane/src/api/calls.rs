//! `GET /v1/calls` and `GET /v1/calls/{id}`.

use super::{
    journal,
    need::CallsRead,
    op::Op,
    page::{List, Page, PageParams, foreign_cursor},
    path::PathId,
    recording, schema,
    view::{CallDetail, CallView, RecordingView},
};
use crate::{problem::Problem, recordings::RecordingFormat, shared::Shared};
use axum::Json;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use std::{path::PathBuf, sync::Arc};
use store::{Call, CallFilter, CallId, CallStatus, Direction, ids::NumberId};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(list_calls))
        .routes(routes!(read_call))
        .routes(routes!(read_transcript))
        .merge(journal::routes())
        .merge(recording::routes())
}

/// Which calls to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CallParams {
    /// With this status; `live`: that are not over.
    #[param(value_type = Option<String>, pattern = "^(live|queued|initiated|ringing|in_progress|completed|busy|no_answer|failed|canceled)$")]
    status: Option<Wanted>,
    /// Placed by this side.
    #[param(schema_with = schema::word::<Direction>)]
    direction: Option<Direction>,
    /// On this number of the tenant's.
    #[param(value_type = Option<String>, example = "num_…")]
    number: Option<NumberId>,
    /// Answered by this assistant; the last one, if it was handed from one to another.
    #[serde(deserialize_with = "assistant")]
    #[param(value_type = Option<String>, min_length = 1, max_length = 64, example = "asst_…")]
    assistant: Option<String>,
    /// In which this was said, by either side.
    #[serde(deserialize_with = "searched")]
    #[param(min_length = 2, max_length = 100)]
    q: Option<String>,
    /// From this caller.
    #[param(example = "+15550100")]
    from: Option<String>,
    /// To this number.
    #[param(example = "+15550199")]
    to: Option<String>,
    /// That began at this time or later.
    #[serde(deserialize_with = "time")]
    #[param(value_type = Option<String>, format = DateTime)]
    created_after: Option<i64>,
    /// That began before this time.
    #[serde(deserialize_with = "time")]
    #[param(value_type = Option<String>, format = DateTime)]
    created_before: Option<i64>,
}

/// Which statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// All before the end.
    Live,
    /// This one.
    Status(CallStatus),
}

impl<'de> Deserialize<'de> for Wanted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "live" {
            return Ok(Self::Live);
        }
        CallStatus::parse(&text).map(Self::Status).map_err(|_| D::Error::custom("there is no such status"))
    }
}

/// Reads what is searched for. A single letter is said in every call.
fn searched<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if (2..=100).contains(&text.chars().count()) {
        Ok(Some(text))
    } else {
        Err(D::Error::custom("2 to 100 characters are searched for"))
    }
}

/// Reads an assistant's id, which is a name of the configuration's or one of ours.
fn assistant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if (1..=64).contains(&text.chars().count()) {
        Ok(Some(text))
    } else {
        Err(D::Error::custom("an assistant's id has 1 to 64 characters"))
    }
}

/// Reads an RFC 3339 time as the store keeps it.
fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let time: Timestamp = text
        .parse()
        .map_err(|_| D::Error::custom("an RFC 3339 time is needed, such as 2026-11-21T04:00:00Z"))?;
    Ok(Some(time.as_microsecond()))
}

impl From<CallParams> for CallFilter {
    fn from(params: CallParams) -> Self {
        Self {
            status: match params.status {
                Some(Wanted::Status(status)) => Some(status),
                Some(Wanted::Live) | None => None,
            },
            live: params.status == Some(Wanted::Live),
            direction: params.direction,
            number: params.number,
            assistant: params.assistant,
            said: params.q.filter(|text| !text.trim().is_empty()),
            from_number: params.from,
            to_number: params.to,
            created_from: params.created_after,
            created_until: params.created_before,
        }
    }
}

/// One of the tenant's calls. Another tenant's is not there.
pub(crate) async fn call_of<N>(op: &Op<N>, id: &CallId) -> Result<Call, Problem> {
    op.store.call(id).await?.ok_or_else(|| Problem::not_found("call"))
}

/// Where the recording of one of the tenant's calls is.
pub(crate) fn recording_path<N>(op: &Op<N>, call: &Call, format: RecordingFormat) -> PathBuf {
    op.shared.recording_path(op.tenant().as_str(), call.id.as_str(), format)
}

/// Lists the calls, newest first.
#[utoipa::path(
    get, path = "/v1/calls", tag = "Calls", security(("bearer" = ["calls:read"])), params(PageParams, CallParams),
    responses((status = 200, description = "A page of them", body = Page<CallView>)),
)]
async fn list_calls(op: Op<CallsRead>, list: List<CallParams>) -> Result<Json<Page<CallView>>, Problem> {
    let after =
        list.position().map(|position| read_position(position).ok_or_else(foreign_cursor)).transpose()?;
    let page = store::Page { after, limit: list.one_more() };
    let calls = op.store.calls(&list.filter.clone().into(), &page).await?;
    let position = |call: &Call| format!("{}:{}", call.created_at, call.id);
    Ok(Json(list.page(calls, position, CallView::from)))
}

/// Where a page of calls ended: time and id of its last one.
fn read_position(position: &str) -> Option<(i64, CallId)> {
    let (at, id) = position.split_once(':')?;
    Some((at.parse().ok()?, CallId::parse(id).ok()?))
}

/// Reads a call, with its transcript and what happened in it.
#[utoipa::path(
    get, path = "/v1/calls/{id}", tag = "Calls", security(("bearer" = ["calls:read"])),
    params(("id" = String, Path, description = "`call_…`")),
    responses((status = 200, description = "The call", body = CallDetail)),
)]
async fn read_call(op: Op<CallsRead>, PathId(id): PathId<CallId>) -> Result<Json<CallDetail>, Problem> {
    let call = call_of(&op, &id).await?;
    let turns = op.store.turns(&call.id).await?;
    let events = op.store.events(&call.id).await?;
    let mut formats = Vec::new();
    for format in RecordingFormat::ALL {
        if recording::is_there(&op, &call, format).await? {
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

/// Something that was said.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Said {
    /// `caller` or `assistant`.
    speaker: &'static str,
    /// What; of the assistant only what was heard.
    text: String,
    /// In which turn.
    turn: i64,
}

/// What was said in a call, in order.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Transcript {
    data: Vec<Said>,
}

/// Reads what was said in a call, also while it is live.
#[utoipa::path(
    get, path = "/v1/calls/{id}/transcript", tag = "Calls", security(("bearer" = ["calls:read"])),
    params(("id" = String, Path, description = "`call_…`")),
    responses((status = 200, description = "The transcript", body = Transcript)),
)]
async fn read_transcript(op: Op<CallsRead>, PathId(id): PathId<CallId>) -> Result<Json<Transcript>, Problem> {
    call_of(&op, &id).await?;
    let mut data = Vec::new();
    for turn in op.store.turns(&id).await? {
        for (speaker, text) in [("caller", turn.caller), ("assistant", turn.assistant)] {
            if !text.is_empty() {
                data.push(Said { speaker, text, turn: turn.number });
            }
        }
    }
    Ok(Json(Transcript { data }))
}
