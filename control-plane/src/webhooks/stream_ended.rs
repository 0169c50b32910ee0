//! A call's stream has ended: what follows is decided by [`next_step`] and written as TwiML here.

use super::{
    HookError, Webhook, answer,
    incoming::who_answers,
    route::{self, SoFar, own_number},
};
use crate::{
    after_stream::{NextStep, StreamEnd, Transfer, next_step},
    status::parse_carrier_status,
    twiml::{Dial, Noun, Twiml, Verb},
};
use axum::response::Response;
use routing::Failure;
use store::{Call, CallStatus, Direction};
use tracing::{info, warn};

pub(crate) async fn stream_ended(webhook: Webhook) -> Response {
    answer("stream_ended", &webhook, what_follows(&webhook)).await
}

async fn what_follows(webhook: &Webhook) -> Result<Twiml, HookError> {
    let sid = webhook.required("CallSid")?;
    let Some(call) = webhook.store.call_by_carrier_sid(sid).await? else {
        warn!(call_sid = sid, "a stream of a call that nobody knows has ended");
        return Ok(webhook.say(&webhook.tenant.texts.connection_lost));
    };
    let end = stream_end(webhook, &call).await;
    info!(call = %call.id, outcome = ?end.outcome, "a stream has ended");
    let texts = &webhook.tenant.texts;
    match next_step(end) {
        NextStep::Nothing => {
            webhook.shared.hung_up(&call.id);
            Ok(Twiml::new(&[]))
        }
        NextStep::HangUp => Ok(Twiml::new(&[Verb::Hangup])),
        NextStep::Dial(number) => Ok(dial(webhook, &call, &number)),
        NextStep::NotPutThrough => Ok(webhook.say(&texts.not_put_through)),
        NextStep::Reconnect => {
            webhook.store.count_reconnect(&call.id).await?;
            webhook.connect(&call, true, webhook.path_called()).await
        }
        NextStep::GiveUp => {
            warn!(call = %call.id, "a call's stream did not come back");
            Ok(webhook.say(&texts.connection_lost))
        }
        NextStep::LastResort => last_resort(webhook, &call).await,
    }
}

async fn stream_end(webhook: &Webhook, call: &Call) -> StreamEnd {
    let shared = &webhook.shared;
    let id = call.id.as_str().into();
    let outcome = shared.live.outcome(&id, shared.limits.stream_verdict).await;
    // Memory knows of it first; the store knows of it if this is another process by now.
    let known = shared.live.transfer_to(&id).or_else(|| call.transfer_to.clone()).map(|to| {
        webhook
            .tenant
            .transfer_number(&to)
            .map_or(Transfer::Unknown, |number| Transfer::To(number.to_owned()))
    });
    let transfer = shared.live.ordered_transfer(&id).map(Transfer::To).or(known);
    let carrier_status = webhook.param("CallStatus").and_then(parse_carrier_status);
    StreamEnd {
        call_over: carrier_status.is_some_and(CallStatus::is_final),
        outcome,
        transfer,
        tries_made: u32::try_from(call.reconnects).unwrap_or(u32::MAX),
        tries_allowed: shared.limits.stream_tries,
    }
}

/// The assistant could not go on: whoever comes next in the number's list, at last voicemail. Whoever was called by us is
/// not led anywhere.
async fn last_resort(webhook: &Webhook, call: &Call) -> Result<Twiml, HookError> {
    let who = match call.direction {
        Direction::Inbound => who_answers(webhook, call),
        Direction::Outbound => None,
    };
    match who {
        Some(who) => route::lead(webhook, call, &who, SoFar::with(webhook, Failure::AssistantFailed)).await,
        None => Ok(webhook.say(&webhook.tenant.texts.last_resort)),
    }
}

fn dial(webhook: &Webhook, call: &Call, number: &str) -> Twiml {
    Twiml::new(&[Verb::Dial(Dial {
        to: Noun::Number { number, whisper: None },
        caller_id: Some(own_number(call)),
        timeout_s: Some(webhook.shared.limits.dial_timeout_s),
        action: Some(&webhook.shared.urls.of("/api/voice/dial-status")),
        answer_on_bridge: false,
        record: None,
    })])
}
