//! `GET /v1/calls/{id}/listen`: what both sides of a live call say, over a web socket.
//!
//! First comes a text message that says what follows, then one binary message of mu-law for each second, about a second behind
//! the call; a text message tells when seconds were lost because they were not taken in time. Nothing that is sent to us is
//! heard by anybody. Whoever may not listen any more hears no more: what was shown at the beginning is looked at again and again.

use super::{
    caller::Visitor,
    calls::call_of,
    control::not_done,
    events::PROTOCOL,
    need::{CallsListen, Need as _},
    op::Op,
    path::PathId,
};
use crate::{elsewhere::Ears, problem::Problem, shared::Shared};
use axum::{
    extract::{
        Query,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code},
    },
    response::Response,
};
use engine::call::listen::{ListenOptions, Sides};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use store::{CallId, TenantId};
use tokio::time::{MissedTickBehavior, interval, timeout};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

/// How long a listener may take to take a message.
const WRITE: Duration = Duration::from_secs(10);
/// Longest message of a listener, in bytes: none of them is of use.
const INBOUND: usize = 4 * 1024;

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default().routes(routes!(listen))
}

/// What is heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Channels {
    /// Caller left, assistant right.
    #[default]
    Stereo,
    /// Both together.
    Mixed,
}

/// How it is listened.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListenParams {
    /// `stereo` (caller left, assistant right) or `mixed`.
    #[param(value_type = Option<String>, pattern = "^(stereo|mixed)$")]
    channels: Channels,
}

/// Listens in on a live call: a web socket of mu-law, 8 kHz. Noted in the audit log.
#[utoipa::path(
    get, path = "/v1/calls/{id}/listen", tag = "Calls", security(("bearer" = ["calls:listen"])),
    params(("id" = String, Path, description = "`call_…`"), ListenParams),
    responses((status = 101, description = "The audio follows")),
)]
async fn listen(
    op: Op<CallsListen>,
    visitor: Visitor,
    PathId(id): PathId<CallId>,
    params: Result<Query<ListenParams>, axum::extract::rejection::QueryRejection>,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let Query(params) = params.map_err(|_| Problem::parameter("channels", "channels is stereo or mixed"))?;
    call_of(&op, &id).await?;
    let upgrade = upgrade.map_err(|_| Problem::invalid("this is a web socket"))?;
    let sides = match params.channels {
        Channels::Stereo => Sides::Stereo,
        Channels::Mixed => Sides::Mixed,
    };
    let options = ListenOptions { sides, ..ListenOptions::default() };
    let listener = op.shared.hear(op.tenant(), &id, options).await.map_err(not_done)?;
    let mut tx = op.begin().await?;
    tx.note("call.listen", id.as_str(), &json!({})).await?;
    tx.commit().await?;
    let channels = if sides == Sides::Stereo { 2 } else { 1 };
    let right = Right { visitor, tenant: op.tenant().clone(), shared: Arc::clone(&op.shared) };
    Ok(upgrade
        .protocols([PROTOCOL])
        .read_buffer_size(INBOUND)
        .max_message_size(INBOUND)
        .on_upgrade(async move |socket| serve(socket, listener, channels, right).await))
}

/// Why somebody may listen.
struct Right {
    visitor: Visitor,
    tenant: TenantId,
    shared: Arc<Shared>,
}

impl Right {
    async fn stands(&self) -> bool {
        self.visitor.may_still(&self.shared, &self.tenant, CallsListen::PERMISSION).await
    }
}

async fn serve(mut socket: WebSocket, mut listener: Ears, channels: u8, right: Right) {
    let start =
        json!({ "event": "start", "encoding": "audio/x-mulaw", "sample_rate": 8_000, "channels": channels });
    if !send(&mut socket, text(&start)).await {
        return;
    }
    let mut told = 0;
    let mut looks = interval(right.shared.limits.listen_recheck);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let heard = tokio::select! {
            heard = listener.next() => heard,
            _ = looks.tick() => {
                if right.stands().await {
                    continue;
                }
                let frame = CloseFrame { code: close_code::POLICY, reason: "listening is not allowed any more".into() };
                send(&mut socket, Message::Close(Some(frame))).await;
                return;
            }
            inbound = socket.recv() => match inbound {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(Message::Text(_) | Message::Binary(_) | Message::Ping(_) | Message::Pong(_))) => continue,
            },
        };
        let Some(audio) = heard else { break };
        let dropped = listener.dropped();
        if dropped > told {
            let lost = json!({ "event": "dropped", "seconds": dropped - told });
            told = dropped;
            if !send(&mut socket, text(&lost)).await {
                return;
            }
        }
        if !send(&mut socket, Message::Binary(audio.into())).await {
            return;
        }
    }
    if send(&mut socket, text(&json!({ "event": "end" }))).await {
        let frame = CloseFrame { code: close_code::NORMAL, reason: "the call is over".into() };
        send(&mut socket, Message::Close(Some(frame))).await;
    }
}

fn text(value: &Value) -> Message {
    Message::Text(value.to_string().into())
}

/// False if the listener has gone, or takes nothing any more.
async fn send(socket: &mut WebSocket, message: Message) -> bool {
    matches!(timeout(WRITE, socket.send(message)).await, Ok(Ok(())))
}
