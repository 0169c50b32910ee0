//! What is written between a tenant and somebody.

use super::{resource, words};
use crate::ids::{ContactId, ConversationId, MessageId, NumberId};
use serde::{Deserialize, Serialize};

/// What is written between one of a tenant's addresses and somebody, on one channel. `lookup` is
/// `channel:own_address:address`, `parent` the address of the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    /// How it is written.
    pub channel: Channel,
    /// Which of the tenant's numbers it is on.
    pub number: Option<NumberId>,
    /// The tenant's address: E.164 for a phone.
    pub own_address: String,
    /// The other's address, as the carrier gave it: not always a number.
    pub address: String,
    /// Who that is, if it is known.
    pub contact: Option<ContactId>,
    /// Whether somebody should look at it.
    pub status: ConversationStatus,
    /// When something was written last.
    pub last_message_at: i64,
}
resource!(Conversation, ConversationId, Conversations);

impl Conversation {
    /// The lookup key of a conversation.
    #[must_use]
    pub fn lookup(channel: Channel, own_address: &str, address: &str) -> String {
        format!("{channel}:{own_address}:{address}")
    }
}

/// Whether somebody should look at a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConversationStatus {
    /// Somebody should.
    Open,
    /// There is nothing to do.
    Closed,
}
words!(ConversationStatus, "conversation status", { Open => "open", Closed => "closed" });

/// How something is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Text messages, with or without pictures.
    Sms,
    /// WhatsApp.
    Whatsapp,
}
words!(Channel, "channel", { Sms => "sms", Whatsapp => "whatsapp" });

/// A message. `lookup` is `provider:provider_id`, `parent` the conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Where it belongs.
    pub conversation: ConversationId,
    /// How it was written.
    pub channel: Channel,
    /// Who wrote it.
    pub direction: MessageDirection,
    /// Who wrote it, as the carrier gave it.
    pub from_number: String,
    /// To whom.
    pub to_number: String,
    /// What was written; empty if there are only pictures.
    pub content: String,
    /// What came with it.
    #[serde(default)]
    pub media: Vec<Media>,
    /// What became of it.
    pub status: MessageStatus,
    /// Who carried it, such as `twilio`.
    pub provider: String,
    /// The carrier's id of it (`SM…`, `MM…`).
    pub provider_id: String,
    /// The carrier's own word for what became of it.
    #[serde(default)]
    pub provider_status: Option<String>,
    /// How many parts the carrier counted.
    #[serde(default)]
    pub segments: Option<u32>,
}
resource!(Message, MessageId, Communications);

impl Message {
    /// The lookup key of a message.
    #[must_use]
    pub fn lookup(provider: &str, provider_id: &str) -> String {
        format!("{provider}:{provider_id}")
    }
}

/// A picture or another file of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// Where the carrier has it.
    pub url: String,
    /// What it is, such as `image/jpeg`.
    pub content_type: Option<String>,
}

/// Who wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageDirection {
    /// Somebody wrote to the tenant.
    Inbound,
    /// The tenant wrote to somebody.
    Outbound,
}
words!(MessageDirection, "message direction", { Inbound => "inbound", Outbound => "outbound" });

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageStatus {
    /// It came in.
    Received,
    /// It waits to be sent.
    Queued,
    /// The carrier has it.
    Sent,
    /// It arrived.
    Delivered,
    /// It did not arrive.
    Undelivered,
    /// It could not be sent.
    Failed,
}
words!(MessageStatus, "message status", {
    Received => "received", Queued => "queued", Sent => "sent", Delivered => "delivered", Undelivered => "undelivered",
    Failed => "failed",
});
