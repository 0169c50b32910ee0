//! A person of the tenant dials from a softphone: a number, another person, or whoever has waited longest in a queue.

use super::{HookError, Webhook};
use crate::{
    call_events,
    clock::now_us,
    costs::{self, CostError},
    twiml::{Dial, Noun, Twiml, Verb},
    waiting,
};
use routing::{
    render::identity,
    softphone::{Dialled, dialled},
};
use std::error::Error;
use store::{Call, CallId, CallStatus, Direction, NewCall};
use tracing::{error, info, warn};

pub(super) async fn dial(webhook: &Webhook, registered: &str) -> Result<Twiml, HookError> {
    if !webhook.tenant.is_served() {
        return Ok(Twiml::new(&[Verb::Reject]));
    }
    let texts = &webhook.tenant.texts;
    let (user, target) =
        match dialled(&webhook.tenant.book, registered, webhook.param("To").unwrap_or_default()) {
            Ok(found) => found,
            Err(refused) => {
                warn!(tenant = %webhook.tenant.id, %refused, "a call from a softphone is not put through");
                return Ok(webhook.say(&texts.not_put_through));
            }
        };
    info!(tenant = %webhook.tenant.id, %user, "a person dials from a softphone");
    let urls = &webhook.shared.urls;
    let status = webhook.tenant.record.then(|| urls.of("/api/voice/recording-status"));
    let limits = &webhook.shared.limits;
    let ring = |to, caller_id| {
        Verb::Dial(Dial {
            to,
            caller_id,
            timeout_s: Some(limits.dial_timeout_s),
            action: None,
            answer_on_bridge: true,
            record: status.as_deref(),
        })
    };
    let verb = match &target {
        Dialled::Number(number) => {
            let Some(own_number) = webhook.tenant.call_from.as_deref() else {
                return Ok(webhook.say(&texts.not_put_through));
            };
            if is_spent(webhook).await? {
                warn!(tenant = %webhook.tenant.id, %user, "a call from a softphone is not put through: a budget is used up");
                return Ok(webhook.say(&texts.not_put_through));
            }
            keep(webhook, Direction::Outbound, own_number, number).await?;
            ring(Noun::Number { number, whisper: None }, Some(own_number))
        }
        Dialled::User(other) => {
            let from = webhook.param("From").unwrap_or_default();
            keep(webhook, Direction::Inbound, from, &format!("client:{}", identity(other.as_str()))).await?;
            return Ok(Twiml::new(&[ring(
                Noun::Client { identity: &identity(other.as_str()), parameters: &[] },
                None,
            )]));
        }
        Dialled::Queue(queue) => {
            let offered = urls.with("/hooks/twilio/queue-offered", &[("user", user.as_str())]);
            // The caller's call is the call; this one is a leg of it, and so is what the carrier records on it.
            let status = status
                .is_some()
                .then(|| urls.with("/api/voice/recording-status", &[("queue", queue.as_str())]));
            let to = Noun::Queue { name: queue.as_str(), url: Some(&offered) };
            // Ringing has no meaning there: whoever waits is put through at once.
            return Ok(Twiml::new(&[Verb::Dial(Dial {
                to,
                caller_id: None,
                timeout_s: None,
                action: None,
                answer_on_bridge: false,
                record: status.as_deref(),
            })]));
        }
    };
    Ok(Twiml::new(&[verb]))
}

/// Whether a budget that is a limit is used up: no calls are placed then, by whomever.
async fn is_spent(webhook: &Webhook) -> Result<bool, HookError> {
    let zone = &webhook.tenant.tenant.settings.time_zone;
    match costs::is_spent(&*webhook.store, zone, now_us()).await {
        Ok(is_spent) => Ok(is_spent),
        Err(CostError::Store(cause)) => Err(cause.into()),
        Err(cause) => {
            error!(tenant = %webhook.tenant.id, error = &cause as &dyn Error, "it is not known what a budget has left");
            Ok(false)
        }
    }
}

/// A call that a softphone places is a call like others.
async fn keep(webhook: &Webhook, direction: Direction, from: &str, to: &str) -> Result<(), HookError> {
    let number = webhook.tenant.number(from).map(|number| number.id.clone());
    let new = NewCall {
        id: CallId::new(),
        carrier_sid: Some(webhook.required("CallSid")?.to_owned()),
        number,
        parent: None,
        direction,
        from_number: from.to_owned(),
        to_number: to.to_owned(),
        assistant_id: webhook.tenant.default_assistant_id().to_owned(),
        status: CallStatus::Ringing,
        outbound: None,
        created_at: now_us(),
    };
    call_events::ensure_call(&*webhook.store, new).await?;
    Ok(())
}

/// The call that a report about a softphone's call is about: its own, if it has one, or that of the caller whom it took out of a queue.
/// `None`: it has none, and nothing of it is kept.
pub(super) async fn call_of_leg(webhook: &Webhook) -> Result<Option<Call>, HookError> {
    let sid = webhook.required("CallSid")?;
    if let Some(own) = webhook.store.call_by_carrier_sid(sid).await? {
        return Ok(Some(own));
    }
    let Some(queue) = webhook.query("queue") else { return Ok(None) };
    match waiting::taken_on(&*webhook.store, queue, sid).await? {
        Some(caller) => Ok(webhook.store.call(&caller).await?),
        None => Ok(None),
    }
}
