//! A person of the tenant dials from a softphone: a number, another person, or whoever has waited longest in a queue.

use super::{HookError, Webhook};
use crate::twiml::{Dial, Noun, Twiml, Verb};
use routing::{
    render::identity,
    softphone::{Dialled, dialled},
};
use tracing::{info, warn};

pub(super) fn dial(webhook: &Webhook, registered: &str) -> Result<Twiml, HookError> {
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
            ring(Noun::Number { number, whisper: None }, Some(own_number))
        }
        Dialled::User(other) => {
            return Ok(Twiml::new(&[ring(
                Noun::Client { identity: &identity(other.as_str()), parameters: &[] },
                None,
            )]));
        }
        Dialled::Queue(queue) => {
            let offered = urls.with("/hooks/twilio/queue-offered", &[("user", user.as_str())]);
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
