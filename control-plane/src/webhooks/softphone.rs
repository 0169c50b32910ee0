//! A person of the tenant dials from a softphone: a number, another person, or whoever has waited longest in a queue.

use super::{HookError, Webhook};
use crate::{
    twiml::{Dial, Noun, Twiml, Verb},
    who_answers::book,
};
use routing::{
    render::identity,
    softphone::{Dialled, dialled},
};
use store::{
    Filter,
    model::{
        number::{Number, NumberStatus},
        tenant::{Tenant, TenantStatus},
    },
};
use tracing::{info, warn};

/// Numbers that are looked through for the one to call from.
const NUMBERS: u16 = 1_000;

pub(super) async fn dial(webhook: &Webhook, registered: &str) -> Result<Twiml, HookError> {
    let store = &*webhook.store;
    let tenant = store.get::<Tenant>(store.id()).await?.map(|row| row.value);
    let settings = tenant.as_ref().map(|tenant| tenant.settings.clone()).unwrap_or_default();
    if tenant.is_some_and(|tenant| tenant.status != TenantStatus::Active) {
        return Ok(Twiml::new(&[Verb::Reject]));
    }
    let book = book(store, Some(&webhook.tenant), &settings).await?;
    let texts = &webhook.tenant.texts;
    let (user, target) = match dialled(&book, registered, webhook.param("To").unwrap_or_default()) {
        Ok(found) => found,
        Err(refused) => {
            warn!(tenant = %webhook.tenant.id, %refused, "a call from a softphone is not put through");
            return Ok(webhook.say(&texts.not_put_through));
        }
    };
    info!(tenant = %webhook.tenant.id, %user, "a person dials from a softphone");
    let own_number = call_from(webhook).await?;
    let urls = &webhook.shared.urls;
    let status =
        (settings.recording.enabled && webhook.tenant.record).then(|| urls.of("/api/voice/recording-status"));
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
            let Some(own_number) = own_number.as_deref() else {
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

/// The number that those who are called see: the primary one, or the first.
async fn call_from(webhook: &Webhook) -> Result<Option<String>, HookError> {
    let active = Filter::first(NUMBERS).with_status(NumberStatus::Active.as_str()).oldest_first();
    let numbers = webhook.store.list::<Number>(&active).await?;
    let primary = numbers.iter().find(|row| row.value.primary).or(numbers.first());
    Ok(primary.map(|row| row.value.e164.clone()).or_else(|| webhook.tenant.numbers.first().cloned()))
}
