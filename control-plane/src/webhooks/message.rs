//! Somebody writes to one of the tenant's numbers: the message is kept in the conversation that it belongs to, once however
//! often the carrier tells of it. The answer is an empty document; any other text would be sent to the writer as a message.

use super::{CARRIER, HookError, Webhook, reported};
use crate::{
    clock::now_us,
    contacts,
    problem::{Code, Problem},
    twiml::Twiml,
    who_answers::WhoAnswers,
};
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use store::{
    StoreError, Stored, TenantTx,
    ids::{ContactId, ConversationId, MessageId, NumberId},
    model::{
        audit::Actor,
        contact::AddressKind,
        message::{
            Channel, Conversation, ConversationStatus, Media, Message, MessageDirection, MessageStatus,
        },
    },
};

/// Who carries these messages.
const PROVIDER: &str = "twilio";
/// Before the numbers of WhatsApp.
const WHATSAPP: &str = "whatsapp:";
/// What the carrier lets one message have.
const MEDIA_MAX: u32 = 10;
/// Two who write in one conversation at once are already unusual.
const ATTEMPTS: usize = 8;

pub(crate) async fn incoming(webhook: Webhook) -> Response {
    let response = reported("message", keep(&webhook).await);
    if response.status() == StatusCode::OK { Twiml::new(&[]).into_response() } else { response }
}

/// Where a message belongs.
struct Place<'a> {
    channel: Channel,
    number: NumberId,
    own_address: &'a str,
    address: &'a str,
    contact: Option<ContactId>,
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
    let Some(who) = WhoAnswers::of_number(&webhook.tenant, own_address) else {
        return Err(Problem::new(Code::NumberUnknown, "No company found for this number").into());
    };
    let store = &*webhook.store;
    let contact = contacts::with_address(store, AddressKind::Phone, address).await?;
    let place = Place {
        channel,
        number: who.number.id.clone(),
        own_address,
        address,
        contact: contact.map(|contact| contact.id),
    };
    for _ in 0..ATTEMPTS {
        if store.find::<Message>(&Message::lookup(PROVIDER, sid)).await?.is_some() {
            return Ok(());
        }
        let mut tx = store.begin(&Actor::system(CARRIER), now_us()).await?;
        let conversation = match conversation(&mut *tx, &place).await {
            Ok(Some(conversation)) => conversation,
            // Somebody else writes in it at this moment.
            Ok(None) | Err(StoreError::Stale { .. }) => continue,
            Err(cause) => return Err(cause.into()),
        };
        let message = message(webhook, channel, conversation, sid);
        if tx.insert_new(MessageId::generate(), message).await?.is_some() {
            tx.commit().await?;
        }
        return Ok(());
    }
    Err(HookError::Store(StoreError::Unavailable {
        doing: "keeping a message",
        source: "its conversation was changed by others all the time".into(),
    }))
}

/// The conversation that goes on with a message, or a new one; `None` if another unit of work has just begun it.
async fn conversation(
    tx: &mut (dyn TenantTx + 'static),
    place: &Place<'_>,
) -> Result<Option<ConversationId>, StoreError> {
    let Place { channel, number, own_address, address, contact } = place;
    let now = tx.now();
    let lookup = Conversation::lookup(*channel, own_address, address);
    if let Some(Stored { id, version, value, .. }) = tx.find::<Conversation>(&lookup).await? {
        let goes_on = Conversation {
            number: Some(number.clone()),
            contact: value.contact.or_else(|| contact.clone()),
            status: ConversationStatus::Open,
            last_message_at: now,
            ..value
        };
        return Ok(Some(tx.update(&id, version, goes_on).await?.id));
    }
    let begins = Conversation {
        channel: *channel,
        number: Some(number.clone()),
        own_address: (*own_address).to_owned(),
        address: (*address).to_owned(),
        contact: contact.clone(),
        status: ConversationStatus::Open,
        last_message_at: now,
    };
    Ok(tx.insert_new(ConversationId::generate(), begins).await?.map(|row| row.id))
}

fn message(webhook: &Webhook, channel: Channel, conversation: ConversationId, sid: &str) -> Message {
    let text = |name: &str| webhook.param(name).map(without_nul).unwrap_or_default();
    Message {
        conversation,
        channel,
        direction: MessageDirection::Inbound,
        from_number: text("From"),
        to_number: text("To"),
        content: text("Body"),
        media: media(webhook),
        status: MessageStatus::Received,
        provider: PROVIDER.to_owned(),
        provider_id: sid.to_owned(),
        provider_status: webhook.param("SmsStatus").map(without_nul),
        segments: webhook.param("NumSegments").and_then(|count| count.parse().ok()),
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
