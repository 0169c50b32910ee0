//! `GET /v1/events` and `GET /v1/ws`: what happens to a tenant, as it happens, as server-sent events or over a web socket.
//!
//! Whoever lost the connection goes on after the last id that they saw, at whichever node: nothing is missing and nothing comes twice.
//! What an event's `data` holds stands at the webhooks of the OpenAPI document.

use super::{caller::Visitor, need::EventsRead, op::Op};
use crate::{
    problem::{Code, Problem},
    shared::Shared,
    streams::{
        Names, Taste,
        frames::{End, Follower, Frame, Frames},
        is_former_name,
    },
};
use axum::{
    body::{Body, Bytes},
    extract::{
        Query,
        rejection::QueryRejection,
        ws::{
            CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code,
            rejection::WebSocketUpgradeRejection,
        },
    },
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use deliveries::event::is_filter;
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;
use std::{convert::Infallible, fmt::Write as _, sync::Arc, time::Duration};
use tokio::time::timeout;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Filters of one who follows, at most: there are fewer kinds.
const MOST_TYPES: usize = 50;
/// When as many follow as may, how long until it makes sense to ask again.
const FULL: Duration = Duration::from_secs(5);
/// Until whoever lost the connection comes back, in ms.
const RETRY_MS: u32 = 2_000;
/// Longest message of a listener, in bytes: none of them is of use.
const INBOUND: usize = 4 * 1024;
/// What a web socket for browsers is opened with, which cannot set a header: this, and `bearer.` with the token.
pub(super) const PROTOCOL: &str = "tandem";

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default().routes(routes!(follow_events)).routes(routes!(follow_events_by_socket))
}

/// What is followed, and from where.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FollowParams {
    /// Which events: their names, or groups such as `call.*`, with commas between them. None: all that the caller may read.
    #[param(value_type = Option<String>, max_length = 2_000, example = "call.*,message.sent")]
    types: String,
    /// `former`: a text message and its conversation are told by the names that they had before (`sms_received`, …).
    #[param(value_type = Option<String>, pattern = "^(present|former)$")]
    names: String,
    /// The last id that was seen: everything after it follows. The header `Last-Event-ID` counts before it. None: what happens from
    /// now on.
    #[param(value_type = Option<String>, pattern = "^[0-9]{1,18}$")]
    last_event_id: String,
}

/// Follows what happens, as server-sent events. Each has an `id` to go on after.
#[utoipa::path(
    get, path = "/v1/events", tag = "Events", security(("bearer" = ["events:read"])),
    params(FollowParams, ("Last-Event-ID" = Option<String>, Header, description = "The last id that was seen")),
    responses((status = 200, description = "Server-sent events follow, without an end", content_type = "text/event-stream", body = String)),
)]
async fn follow_events(
    op: Op<EventsRead>,
    visitor: Visitor,
    params: Result<Query<FollowParams>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (taste, after) = read(params, &headers)?;
    let frames = begin(op, visitor, taste, after).await?;
    let body = stream::unfold(frames, async |mut frames| {
        let frame = frames.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(as_event(&frame))), frames))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store, no-transform"),
        // Proxies that gather an answer before they pass it on would hold it for ever.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// Follows what happens, over a web socket: one JSON text for each event, with the fields that a server-sent event has.
#[utoipa::path(
    get, path = "/v1/ws", tag = "Events", security(("bearer" = ["events:read"])), params(FollowParams),
    responses((status = 101, description = "The events follow")),
)]
async fn follow_events_by_socket(
    op: Op<EventsRead>,
    visitor: Visitor,
    params: Result<Query<FollowParams>, QueryRejection>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let (taste, after) = read(params, &headers)?;
    let upgrade = upgrade.map_err(|_| Problem::invalid("this is a web socket"))?;
    let patience = op.shared.streams.options().patience;
    let frames = begin(op, visitor, taste, after).await?;
    Ok(upgrade
        .protocols([PROTOCOL])
        .read_buffer_size(INBOUND)
        .max_message_size(INBOUND)
        .on_upgrade(async move |socket| serve(socket, frames, patience).await))
}

fn read(
    params: Result<Query<FollowParams>, QueryRejection>,
    headers: &HeaderMap,
) -> Result<(Taste, Option<i64>), Problem> {
    let Query(params) = params.map_err(|_| {
        Problem::parameter("types", "the query has types, names and last_event_id, each at most once")
    })?;
    let types: Vec<String> =
        params.types.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    if types.len() > MOST_TYPES || !types.iter().all(|name| is_filter(name) || is_former_name(name)) {
        return Err(Problem::parameter("types", "types are names of events, or groups such as call.*"));
    }
    let names = match params.names.as_str() {
        "" | "present" => Names::Present,
        "former" => Names::Former,
        _ => return Err(Problem::parameter("names", "names is present or former")),
    };
    let seen = match headers.get("last-event-id") {
        Some(value) => value.to_str().unwrap_or("-"),
        None => &params.last_event_id,
    };
    let after = match seen {
        "" => None,
        seen => Some(place(seen).ok_or_else(|| {
            Problem::parameter("last_event_id", "last_event_id is the id of an event that was seen")
        })?),
    };
    Ok((Taste { types, names }, after))
}

fn place(text: &str) -> Option<i64> {
    let is_number = text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

async fn begin(
    op: Op<EventsRead>,
    visitor: Visitor,
    taste: Taste,
    after: Option<i64>,
) -> Result<Frames, Problem> {
    let ends = op.shared.streams.ends();
    let seat = op.shared.streams.join(op.tenant()).map_err(|_| {
        let detail = "as many connections follow the tenant as may";
        Problem::new(Code::RateLimited, detail).retry_after(FULL)
    })?;
    let shared = Arc::clone(&op.shared);
    let principal = op.principal.clone();
    let patience = shared.limits.streams.patience;
    let frames = Frames::begin(Follower { seat, taste, principal, visitor, shared, ends, said: 0 }, after);
    // It waits until the database serves. Whoever asks is not to wait with it.
    timeout(patience, frames)
        .await
        .map_err(|_| Problem::new(Code::StoreUnavailable, "it cannot be read where to begin; try again soon"))
}

/// A frame as server-sent events have it.
fn as_event(frame: &Frame) -> String {
    let mut text = String::new();
    let mut say = |id: Option<i64>, name: &str, data: &str| {
        // Whoever is cut off before the id is there reads the event again.
        let written = match id {
            Some(id) => write!(text, "id: {id}\nevent: {name}\ndata: {data}\n\n"),
            None => write!(text, "event: {name}\ndata: {data}\n\n"),
        };
        written.unwrap_or_default();
    };
    match frame {
        Frame::Opened(after) => {
            say(Some(*after), "stream.opened", &json!({ "after": after.to_string() }).to_string());
            text.insert_str(0, &format!("retry: {RETRY_MS}\n"));
        }
        Frame::Told(told, names) => {
            let last = names.len().saturating_sub(1);
            for (index, name) in names.iter().enumerate() {
                say((index == last).then_some(told.position), name, &told.json);
            }
        }
        Frame::Reached(position) => text = format!("id: {position}\n: alive\n\n"),
        Frame::Missing(first, last) => say(None, "stream.missing", &missing(*first, *last)),
        Frame::Alive => text.push_str(": alive\n\n"),
        Frame::Ended(end, after) => say(None, "stream.ended", &ended(*end, *after)),
    }
    text
}

/// A frame as the web socket has it; a ping where there is nothing to say.
fn as_messages(frame: &Frame) -> Vec<Message> {
    let text = |name: &str, id: Option<i64>, data: &str| {
        let id = id.map_or_else(|| "null".to_owned(), |id| format!("\"{id}\""));
        Message::Text(format!("{{\"id\":{id},\"event\":\"{name}\",\"data\":{data}}}").into())
    };
    match frame {
        Frame::Opened(after) => {
            vec![text("stream.opened", Some(*after), &json!({ "after": after.to_string() }).to_string())]
        }
        Frame::Told(told, names) => {
            let last = names.len().saturating_sub(1);
            let named = names.iter().enumerate();
            named.map(|(at, name)| text(name, (at == last).then_some(told.position), &told.json)).collect()
        }
        Frame::Reached(position) => vec![text("stream.reached", Some(*position), "{}")],
        Frame::Missing(first, last) => vec![text("stream.missing", None, &missing(*first, *last))],
        Frame::Alive => vec![Message::Ping(Bytes::new())],
        Frame::Ended(end, after) => {
            let code = if *end == End::NotAllowed { close_code::POLICY } else { close_code::RESTART };
            let close = CloseFrame { code, reason: end.as_str().into() };
            vec![text("stream.ended", None, &ended(*end, *after)), Message::Close(Some(close))]
        }
    }
}

fn missing(first: i64, last: i64) -> String {
    json!({ "first": first.to_string(), "last": last.to_string() }).to_string()
}

fn ended(end: End, after: i64) -> String {
    json!({ "reason": end.as_str(), "after": after.to_string() }).to_string()
}

async fn serve(mut socket: WebSocket, mut frames: Frames, patience: Duration) {
    loop {
        let frame = tokio::select! {
            frame = frames.next() => frame,
            inbound = socket.recv() => match inbound {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(Message::Text(_) | Message::Binary(_) | Message::Ping(_) | Message::Pong(_))) => continue,
            },
        };
        let Some(frame) = frame else { return };
        for message in as_messages(&frame) {
            if !matches!(timeout(patience, socket.send(message)).await, Ok(Ok(()))) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
