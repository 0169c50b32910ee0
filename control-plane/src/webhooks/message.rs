//! Somebody writes to one of the tenant's numbers: the message is kept in the conversation that it belongs to, once however
//! often the carrier tells of it. The answer is an empty document; any other text would be sent to the writer as a message.

use super::{CARRIER, HookError, Webhook, reported};
use crate::{
    inbox::{self, Inbound},
    problem::{Code, Problem},
    sending::routes::is_own_whatsapp,
    twiml::Twiml,
    who_answers::WhoAnswers,
};
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use messaging::consent::Keyword;
use store::model::{
    audit::Actor,
    message::{Channel, Media},
};

/// Who carries these messages.
const PROVIDER: &str = "twilio";
/// Before the numbers of WhatsApp.
const WHATSAPP: &str = "whatsapp:";
/// What the carrier lets one message have.
const MEDIA_MAX: u32 = 10;

pub(crate) async fn incoming(webhook: Webhook) -> Response {
    let response = reported("message", keep(&webhook).await);
    if response.status() == StatusCode::OK { Twiml::new(&[]).into_response() } else { response }
}

async fn keep(webhook: &Webhook) -> Result<(), HookError> {
    let (from, to) = (webhook.required("From")?, webhook.required("To")?);
    let sid = webhook.param("MessageSid").or_else(|| webhook.param("SmsSid")).unwrap_or_default();
    if sid.is_empty() {
        return Err(Problem::invalid("the parameter MessageSid is missing").into());
    }
    let channel = if to.starts_with(WHATSAPP) { Channel::Whatsapp } else { Channel::Sms };
    let (own_address, address) =
        (to.strip_prefix(WHATSAPP).unwrap_or(to), from.strip_prefix(WHATSAPP).unwrap_or(from));
    let number = WhoAnswers::of_number(&webhook.tenant, own_address).map(|who| who.number.id.clone());
    let is_own = channel == Channel::Whatsapp && is_own_whatsapp(&webhook.tenant, own_address);
    if number.is_none() && !is_own {
        return Err(Problem::new(Code::NumberUnknown, "No company found for this number").into());
    }
    let text = |name: &str| webhook.param(name).map(without_nul);
    let inbound = Inbound {
        channel,
        number,
        own_address: without_nul(own_address),
        address: without_nul(address),
        name: text("ProfileName"),
        subject: None,
        content: text("Body").unwrap_or_default(),
        media: media(webhook),
        provider: PROVIDER,
        provider_id: without_nul(sid),
        provider_status: text("SmsStatus"),
        segments: webhook.param("NumSegments").and_then(|count| count.parse().ok()),
        conversation: None,
        automatic: false,
        keyword: keyword(webhook),
    };
    inbox::receive(&*webhook.store, &Actor::system(CARRIER), &inbound).await?;
    webhook.shared.replies.notify_one();
    if !inbound.media.is_empty() {
        webhook.shared.told.wake();
    }
    Ok(())
}

/// What the carrier takes the message for, where the tenant has set words of its own there (Advanced Opt-Out).
fn keyword(webhook: &Webhook) -> Option<Keyword> {
    match webhook.param("OptOutType")? {
        "STOP" => Some(Keyword::Stop),
        "START" => Some(Keyword::Start),
        "HELP" => Some(Keyword::Help),
        _ => None,
    }
}

/// No database can keep a NUL, and what people write must not be lost for one.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn media(webhook: &Webhook) -> Vec<Media> {
    let count: u32 = webhook.param("NumMedia").and_then(|count| count.parse().ok()).unwrap_or(0);
    let item = |index: u32| {
        Some(Media {
            url: without_nul(webhook.param(&format!("MediaUrl{index}"))?),
            content_type: webhook.param(&format!("MediaContentType{index}")).map(without_nul),
        })
    };
    (0..count.min(MEDIA_MAX)).filter_map(item).collect()
}
