//! What follows from what a shop tells: messages by the tenant's rules, and a job where somebody asks what is kept of a person or wants
//! it deleted.
//!
//! Texts and conditions are templates over the body of the webhook. They are strict, so that nobody is greeted by a blank: what a text
//! names and the body has not makes no message, and the reason is kept with what was told.

use super::worker::Follows;
use crate::{
    directory::TenantView,
    privacy::{ERASURE, EXPORT, state::Subject},
    sending::compose::{ComposeError, Wish, compose, recipient},
};
use gateways::shopify::payload::{Payload, PrivacyRequest, read};
use messaging::{
    Channel, MessageType,
    phone::Phone,
    plan::Step,
    template::told::{fill, holds},
};
use outbox::NewMessage;
use serde_json::{Value, json};
use store::{
    StoreError, TenantStore,
    model::{
        message::Author,
        tenant::ShopMessage,
        webhook::InboundStatus,
        work::{Job, JobStatus},
    },
};

/// Longest text that a message has, in characters.
const TEXT_MAX: usize = 10_000;

/// What follows from something that a shop told; `key` is the delivery's id.
pub(super) async fn follow(
    part: &(dyn TenantStore + 'static),
    view: &TenantView,
    key: &str,
    told: &Value,
) -> Result<Follows, StoreError> {
    let topic = told["topic"].as_str().unwrap_or_default();
    let shop = told["shop"].as_str().unwrap_or_default();
    let body = &told["body"];
    let Ok(payload) = read(topic, body.to_string().as_bytes()) else {
        return Ok(Follows::nothing(InboundStatus::Failed, "it cannot be read"));
    };
    if let Some(wish) = privacy(&payload, shop, told["country"].as_str(), key) {
        let kind = match &wish {
            PrivacyWish::Person(kind, _) => kind,
            PrivacyWish::Shop(job) => job.kind.as_str(),
        };
        let outcome = format!("kept as a job: {kind}");
        return Ok(Follows::Done {
            status: InboundStatus::Processed,
            outcome,
            messages: Vec::new(),
            privacy: Some(wish),
        });
    }
    let rules = view.tenant.settings.shop_messages.iter().filter(|rule| rule.topic == topic);
    let (mut messages, mut outcomes) = (Vec::new(), Vec::new());
    for rule in rules {
        match message(part, rule, &payload, told).await {
            Ok(Some(message)) => messages.push(message),
            Ok(None) => outcomes.push("a condition does not hold".to_owned()),
            Err(NoMessage::Store(cause)) => return Err(cause),
            Err(NoMessage::Because(why)) => outcomes.push(why),
        }
    }
    outcomes.push(format!("{} messages", messages.len()));
    let status = if messages.is_empty() { InboundStatus::Ignored } else { InboundStatus::Processed };
    Ok(Follows::Done { status, outcome: outcomes.join("; "), messages, privacy: None })
}

/// Why a rule makes no message.
enum NoMessage {
    Because(String),
    Store(StoreError),
}

impl NoMessage {
    fn not_filled(why: String) -> Self {
        Self::Because(format!("a template cannot be filled: {why}"))
    }
}

/// The message that a rule makes; `None`: its condition does not hold.
async fn message(
    part: &(dyn TenantStore + 'static),
    rule: &ShopMessage,
    payload: &Payload,
    told: &Value,
) -> Result<Option<NewMessage>, NoMessage> {
    let body = &told["body"];
    if let Some(condition) = &rule.when
        && !holds(condition, body).map_err(NoMessage::not_filled)?
    {
        return Ok(None);
    }
    let (phone, email) = addresses(payload, told["country"].as_str());
    if phone.is_none() && email.is_none() {
        return Err(NoMessage::Because("it names nobody who can be reached".to_owned()));
    }
    let filled = |text: &str| -> Result<String, NoMessage> {
        let text = fill(text, body).map_err(NoMessage::not_filled)?;
        // No database keeps a NUL, and what is refused for it would be tried for ever.
        Ok(text.chars().filter(|c| *c != '\0').take(TEXT_MAX).collect())
    };
    let wish = Wish {
        kind: rule.kind.parse().unwrap_or(MessageType::Transactional),
        chain: chain(rule),
        voice: false,
        email_backup: None,
        text: filled(&rule.text)?,
        subject: rule.subject.as_deref().map(filled).transpose()?,
        html: None,
        template: None,
        media: Vec::new(),
        from: None,
        send_at: None,
        useful_until: None,
    };
    let to = recipient(None, phone, email, None);
    match compose(part, &wish, &to, Author::Api).await {
        Ok(message) => Ok(Some(message)),
        Err(ComposeError::Store(cause)) => Err(NoMessage::Store(cause)),
        Err(other) => Err(NoMessage::Because(other.to_string())),
    }
}

/// The channels of a rule, one after the other; `None`: as its type says.
fn chain(rule: &ShopMessage) -> Option<Vec<Step>> {
    let channels: Vec<Channel> = rule.channels.iter().filter_map(|channel| channel.parse().ok()).collect();
    (!channels.is_empty()).then(|| channels.iter().map(|channel| Step::of(&[*channel])).collect())
}

/// Where the customer is reached. A number without its country is completed with that of the address, or of the shop.
fn addresses(payload: &Payload, shops_country: Option<&str>) -> (Option<String>, Option<String>) {
    let (phone, email, customer, address) = match payload {
        Payload::OrderCreated(order) | Payload::OrderFulfilled(order) | Payload::OrderChanged(order) => (
            order.any_phone(),
            &order.email,
            &order.customer,
            order.shipping_address.as_ref().or(order.billing_address.as_ref()),
        ),
        Payload::Checkout(checkout) => (
            checkout.any_phone(),
            &checkout.email,
            &checkout.customer,
            checkout.shipping_address.as_ref().or(checkout.billing_address.as_ref()),
        ),
        Payload::DataRequest(_)
        | Payload::CustomerRedact(_)
        | Payload::ShopRedact(_)
        | Payload::Uninstalled
        | Payload::Other => return (None, None),
    };
    let country = address.and_then(|address| address.country_code.as_deref()).or(shops_country);
    let email = email.as_ref().or_else(|| customer.as_ref().and_then(|customer| customer.email.as_ref()));
    let email = email.map(|email| email.trim().to_lowercase()).filter(|email| email.contains('@'));
    (phone.and_then(|phone| e164(phone, country)), email)
}

fn e164(phone: &str, country: Option<&str>) -> Option<String> {
    let country = country.map(str::to_uppercase);
    // Without either, its first digits would be taken for a country's.
    if country.is_none() && !phone.trim_start().starts_with('+') {
        return None;
    }
    Some(Phone::parse(phone, country.as_deref()).ok()?.e164())
}

/// What a privacy topic asks for.
#[derive(Debug)]
pub(super) enum PrivacyWish {
    /// An export or an erasure of a person, by the kind of its job.
    Person(&'static str, Subject),
    /// That all of a shop's customers are erased: a person decides who those are.
    Shop(Job),
}

fn privacy(payload: &Payload, shop: &str, country: Option<&str>, key: &str) -> Option<PrivacyWish> {
    match payload {
        Payload::DataRequest(request) => Some(PrivacyWish::Person(EXPORT, subject(request, country))),
        Payload::CustomerRedact(request) => Some(PrivacyWish::Person(ERASURE, subject(request, country))),
        Payload::ShopRedact(_) => Some(PrivacyWish::Shop(Job {
            kind: "erase_shop".to_owned(),
            key: Some(format!("shopify:{key}")),
            subject: Some(shop.to_owned()),
            status: JobStatus::Running,
            step: "asked_for".to_owned(),
            state: json!({ "shop": shop }),
            attempts: 0,
            error: None,
        })),
        Payload::OrderCreated(_)
        | Payload::OrderFulfilled(_)
        | Payload::OrderChanged(_)
        | Payload::Checkout(_)
        | Payload::Uninstalled
        | Payload::Other => None,
    }
}

/// Whom a request is about: by number and email, as far as it has them.
fn subject(request: &PrivacyRequest, country: Option<&str>) -> Subject {
    let customer = request.customer.as_ref();
    let phone = customer.and_then(|customer| customer.phone.as_deref());
    let email = customer.and_then(|customer| customer.email.as_deref());
    Subject {
        contact: None,
        phone: phone.and_then(|phone| e164(phone, country)),
        email: email.map(|email| email.trim().to_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_completed_with_the_country_of_the_address_or_the_shop() {
        assert_eq!(e164("+1 (555) 555-0142", None).as_deref(), Some("+15555550142"));
        assert_eq!(e164("202 555 0142", Some("US")).as_deref(), Some("+12025550142"));
        assert_eq!(e164("202 555 0142", None), None);
        assert_eq!(e164("nobody", Some("US")), None);
    }
}
