//! A person of the tenant dials from a softphone: a number, another person, or whoever has waited longest in a queue.

use super::{HookError, Webhook};
use crate::{
    directory::TenantView,
    twiml::{Dial, Noun, Twiml, Verb},
};
use routing::{
    render::identity,
    softphone::{Dialled, dialled},
};
use tracing::{info, warn};

pub(super) fn dial(webhook: &Webhook, registered: &str) -> Result<Twiml, HookError> {
    let tenant = &webhook.tenant;
    if !tenant.is_served() || !webhook.has_active_account() {
        return Ok(Twiml::new(&[Verb::Reject]));
    }
    let not_put_through = || webhook.say(&tenant.texts.not_put_through);
    let to = webhook.param("To").unwrap_or_default();
    let (user, target) = match dialled(&tenant.book, registered, to) {
        Ok(found) => found,
        Err(refused) => {
            warn!(tenant = %tenant.id, %refused, "a call from a softphone is not put through");
            return Ok(not_put_through());
        }
    };
    info!(tenant = %tenant.id, %user, "a person dials from a softphone");
    let urls = &webhook.shared.urls;
    let status = tenant.record.then(|| urls.of("/api/voice/recording-status"));
    let ring = Dial {
        to: Noun::Number { number: to, whisper: None },
        caller_id: None,
        timeout_s: Some(webhook.shared.limits.dial_timeout_s),
        action: None,
        answer_on_bridge: true,
        record: status.as_deref(),
    };
    Ok(match &target {
        Dialled::Number(number) => {
            let Some(own_number) = call_from(tenant) else { return Ok(not_put_through()) };
            let to = Noun::Number { number, whisper: None };
            Twiml::new(&[Verb::Dial(Dial { to, caller_id: Some(own_number), ..ring })])
        }
        Dialled::User(other) => {
            let identity = identity(other.as_str());
            let to = Noun::Client { identity: &identity, parameters: &[] };
            Twiml::new(&[Verb::Dial(Dial { to, ..ring })])
        }
        Dialled::Queue(queue) => {
            let offered = urls.with("/hooks/twilio/queue-offered", &[("user", user.as_str())]);
            let to = Noun::Queue { name: queue.as_str(), url: Some(&offered) };
            // There is nothing to ring: whoever waits is put through at once.
            Twiml::new(&[Verb::Dial(Dial { to, timeout_s: None, answer_on_bridge: false, ..ring })])
        }
    })
}

/// The number that those who are called see: the primary one, or the oldest.
fn call_from(tenant: &TenantView) -> Option<&str> {
    let numbers = tenant.numbers.values();
    let number = numbers.min_by_key(|active| (!active.number.primary, active.id.as_str().to_owned()))?;
    Some(&number.number.e164)
}
