//! A call is led to whoever the decision names: what that needs is done, the decision is kept with the call, and the
//! carrier is told in TwiML.

use super::{HookError, Webhook};
use crate::{clock::now_us, twiml::Twiml, waiting, who_answers::WhoAnswers};
use routing::{
    Decision, Failed, Failure, Planned, Step,
    render::{self, FAILED, POSITION, Scene, VOICE},
    twiml::StreamToken,
};
use serde_json::json;
use store::{Call, CallFacts, Direction, Event, Record};
use tracing::info;

/// What has happened in a call so far.
#[derive(Debug)]
pub(super) struct SoFar {
    failed: Vec<Failed>,
    /// Whether the carrier asks about the call for the first time.
    is_new: bool,
}

impl SoFar {
    /// Nothing: the call comes in.
    pub(super) const fn nothing() -> Self {
        Self { failed: Vec::new(), is_new: true }
    }

    /// What our own address says had failed before the step that the carrier is done with.
    pub(super) fn before(webhook: &Webhook) -> Self {
        Self { failed: Failed::read_list(webhook.query(FAILED).unwrap_or_default()), is_new: false }
    }

    /// What had failed is known from elsewhere.
    pub(super) const fn again(failed: Vec<Failed>) -> Self {
        Self { failed, is_new: false }
    }

    /// What our address said, and that the step which the carrier is done with failed too. Without a position it is the first.
    pub(super) fn with(webhook: &Webhook, why: Failure) -> Self {
        let mut so_far = Self::before(webhook);
        let position = webhook.query(POSITION).and_then(|position| position.parse().ok()).unwrap_or(0);
        so_far.failed.push(Failed { position, why });
        so_far
    }

    fn assistant_failed(&self) -> bool {
        self.failed.last().is_some_and(|last| last.why == Failure::AssistantFailed)
    }
}

/// The tenant's number that a call is on.
pub(super) fn own_number(call: &Call) -> &str {
    match call.direction {
        Direction::Inbound => &call.to_number,
        Direction::Outbound => &call.from_number,
    }
}

/// Whoever calls, or is called.
pub(super) fn other_side(call: &Call) -> &str {
    match call.direction {
        Direction::Inbound => &call.from_number,
        Direction::Outbound => &call.to_number,
    }
}

/// Leads a call on, after what has happened so far. `who` may have been changed since the call came in.
pub(super) async fn lead(
    webhook: &Webhook,
    call: &Call,
    who: &WhoAnswers,
    so_far: SoFar,
) -> Result<Twiml, HookError> {
    let waiting = who.waiting(&*webhook.store).await?;
    let decision = who.decide(other_side(call), call.created_at, &so_far.failed, &waiting);
    keep(webhook, call, &decision);
    carry_out(webhook, call, who, &so_far, &decision.now).await
}

async fn carry_out(
    webhook: &Webhook,
    call: &Call,
    who: &WhoAnswers,
    so_far: &SoFar,
    planned: &Planned,
) -> Result<Twiml, HookError> {
    let shared = &webhook.shared;
    info!(call = %call.id, position = planned.position, step = ?planned.step, "a call is led on");
    let token = match &planned.step {
        Step::Assistant { assistant } => {
            let assistant = match assistant {
                Some(id) => webhook.tenant.assistant_id(id.as_str()),
                None => webhook.tenant.default_assistant_id(),
            };
            if assistant != call.assistant_id {
                // The next stream of the call has to find it again.
                let facts = CallFacts { assistant_id: Some(assistant.to_owned()), ..CallFacts::default() };
                webhook.store.learn(&call.id, &facts).await?;
            }
            webhook.hand_out(call, assistant, call.streams > 0).await?
        }
        Step::Queue { queue, .. } => {
            let failed = Failed::write_list(&so_far.failed);
            waiting::enter(&*webhook.store, call, queue, failed).await?;
            String::new()
        }
        Step::Ring { .. }
        | Step::Forward { .. }
        | Step::Voicemail { .. }
        | Step::Message { .. }
        | Step::Reject { .. } => String::new(),
    };
    let recording = &who.settings().recording;
    let records = webhook.tenant.record;
    let texts = &webhook.tenant.texts;
    let disclosure = recording.disclosure.as_deref().filter(|_| records && so_far.is_new);
    let apology = so_far.assistant_failed().then_some(texts.last_resort.as_str());
    let said_first: Vec<_> = disclosure.into_iter().chain(apology).collect();
    let scene = Scene {
        urls: &shared.urls,
        voice: voice(webhook, who),
        said_first: &said_first,
        own_number: own_number(call),
        call: call.id.as_str(),
        record: records,
        failed: &so_far.failed,
        stream_token: StreamToken(&token),
    };
    Ok(render::twiml(planned, &scene).into())
}

/// The carrier's voice in which the tenant's words are said.
pub(super) fn voice<'a>(webhook: &'a Webhook, who: &'a WhoAnswers) -> &'a str {
    let own = who.settings().voice.as_deref();
    own.or(Some(webhook.tenant.texts.voice.as_str())).filter(|voice| !voice.is_empty()).unwrap_or(VOICE)
}

/// Keeps the decision with the call, so that it can be explained later. The caller does not wait for that.
fn keep(webhook: &Webhook, call: &Call, decision: &Decision) {
    let data = json!({
        "number": own_number(call),
        "now": decision.now,
        "then": decision.then,
        "reasons": decision.reasons,
    });
    let event = Event { at: now_us(), kind: "routed".to_owned(), data: data.to_string() };
    webhook.shared.log.note(&webhook.tenant.id, Record::Event { call: call.id.clone(), event });
}
