//! What is written and said between a tenant and somebody: one conversation with each contact, over all channels.

use super::{resource, words};
use crate::ids::{
    BatchId, BoardColumnId, CallId, ContactId, ConversationId, MessageId, NumberId, TeamId, TemplateId,
    UserId,
};
use serde::{Deserialize, Serialize};

/// A conversation with somebody. `lookup` is its key: the contact's id; for those of before there was one for each contact,
/// `channel:own_address:address`. `parent` is the address that was written with last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    /// The contact's id.
    #[serde(default)]
    pub key: Option<String>,
    /// How it was written last.
    pub channel: Channel,
    /// Which of the tenant's numbers that was on.
    pub number: Option<NumberId>,
    /// The tenant's address then: E.164 for a phone.
    pub own_address: String,
    /// The other's address then, as the carrier gave it: not always a number.
    pub address: String,
    /// Who that is, if it is known.
    pub contact: Option<ContactId>,
    /// Whether somebody should look at it.
    pub status: ConversationStatus,
    /// When something was written last.
    pub last_message_at: i64,
    /// When the other wrote last.
    #[serde(default)]
    pub last_inbound_at: Option<i64>,
    /// Who answers.
    #[serde(default)]
    pub control: Control,
    /// Counts how often control changed hands. What was written under an older one is not sent.
    #[serde(default)]
    pub epoch: i64,
    /// The operator whose it is.
    #[serde(default)]
    pub assignee: Option<UserId>,
    /// The team whose it is.
    #[serde(default)]
    pub team: Option<TeamId>,
    /// Where on the board it is.
    #[serde(default)]
    pub column: Option<BoardColumnId>,
    /// What it is about: an email's subject.
    #[serde(default)]
    pub subject: Option<String>,
    /// Messages of the other that nobody has looked at.
    #[serde(default)]
    pub unread: u32,
    /// When it should have been answered at the latest.
    #[serde(default)]
    pub answer_due_at: Option<i64>,
    /// Whether that time has passed without an answer.
    #[serde(default)]
    pub answer_missed: bool,
    /// What the last message was understood as.
    #[serde(default)]
    pub analysis: Option<Analysis>,
}
resource!(Conversation, ConversationId, Conversations);

impl Conversation {
    /// The lookup key of a conversation of before there was one for each contact.
    #[must_use]
    pub fn lookup(channel: Channel, own_address: &str, address: &str) -> String {
        format!("{channel}:{own_address}:{address}")
    }
}

/// Who answers in a conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Control {
    /// The assistant.
    #[default]
    Assistant,
    /// An operator, who took it over.
    Operator {
        /// Who.
        user: UserId,
        /// Since when.
        since: i64,
        /// When the operator did something in it last.
        active_at: i64,
    },
    /// Nobody, until somebody says so.
    Paused,
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

/// What a message was understood as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Analysis {
    /// How the writer feels.
    pub sentiment: Sentiment,
    /// What they want, such as `appointment`, `product_inquiry`, `urgent_issue`.
    pub intent: String,
    /// How soon it needs an answer.
    pub urgency: Urgency,
    /// How sure that is, in hundredths.
    pub confidence: u8,
    /// How promising the writer is, 0 to 100.
    #[serde(default)]
    pub lead_score: Option<u8>,
    /// Whether a call would serve better.
    #[serde(default)]
    pub suggests_call: bool,
}

/// How a writer feels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sentiment {
    /// Well.
    Positive,
    /// Neither.
    Neutral,
    /// Badly.
    Negative,
}
words!(Sentiment, "sentiment", { Positive => "positive", Neutral => "neutral", Negative => "negative" });

/// How soon a message needs an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// Some time.
    Low,
    /// As usual.
    Normal,
    /// Before others.
    High,
}
words!(Urgency, "urgency", { Low => "low", Normal => "normal", High => "high" });

/// How something reaches somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// Text messages, with or without pictures.
    Sms,
    /// WhatsApp.
    Whatsapp,
    /// Email.
    Email,
    /// Notifications on a device.
    Push,
    /// Calls.
    Voice,
}
words!(Channel, "channel", {
    Sms => "sms", Whatsapp => "whatsapp", Email => "email", Push => "push", Voice => "voice",
});

/// A message. `lookup` is `provider:provider_id`, `parent` the conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Where it belongs; `None`: to somebody who is no contact and has never written.
    pub conversation: Option<ConversationId>,
    /// How it was written, or sent last.
    pub channel: Channel,
    /// Who wrote it.
    pub direction: MessageDirection,
    /// Who wrote it, as the carrier gave it; empty while it has not been sent.
    pub from_number: String,
    /// To whom.
    pub to_number: String,
    /// The other's address, by which a conversation that begins later takes it in.
    #[serde(default)]
    pub address: Option<String>,
    /// What it is about.
    #[serde(default)]
    pub subject: Option<String>,
    /// What was written; empty if there are only pictures.
    pub content: String,
    /// What came with it.
    #[serde(default)]
    pub media: Vec<Media>,
    /// What became of it.
    pub status: MessageStatus,
    /// Who carried it, such as `twilio`.
    #[serde(default)]
    pub provider: Option<String>,
    /// The carrier's id of it (`SM…`, `MM…`).
    #[serde(default)]
    pub provider_id: Option<String>,
    /// The carrier's own word for what became of it.
    #[serde(default)]
    pub provider_status: Option<String>,
    /// How many parts the carrier counted.
    #[serde(default)]
    pub segments: Option<u32>,
    /// Why it did not reach anybody.
    #[serde(default)]
    pub error: Option<String>,
    /// Who or what wrote it, if the tenant did.
    #[serde(default)]
    pub author: Option<Author>,
    /// The batch that it is of.
    #[serde(default)]
    pub batch: Option<BatchId>,
    /// The template it was made from, and its version.
    #[serde(default)]
    pub template: Option<(TemplateId, i64)>,
    /// The call that it stands for, or came from.
    #[serde(default)]
    pub call: Option<CallId>,
    /// What it was understood as.
    #[serde(default)]
    pub analysis: Option<Analysis>,
    /// What it costs, in millionths, and the currency.
    #[serde(default)]
    pub cost: Option<(i64, String)>,
    /// When it was handed to a provider, arrived, was read.
    #[serde(default)]
    pub times: Times,
    /// How it is sent, and every decision about that: the sender's own.
    #[serde(default)]
    pub dispatch: Option<serde_json::Value>,
    /// Its words and addresses are gone for ever: only what counts is left.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub erased: bool,
}
resource!(Message, MessageId, Communications);

impl Message {
    /// The lookup key of a message.
    #[must_use]
    pub fn lookup(provider: &str, provider_id: &str) -> String {
        format!("{provider}:{provider_id}")
    }
}

/// When what became of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Times {
    /// A provider took it.
    pub sent_at: Option<i64>,
    /// It arrived.
    pub delivered_at: Option<i64>,
    /// It was read.
    pub read_at: Option<i64>,
    /// It was answered.
    pub replied_at: Option<i64>,
}

/// Who or what wrote a message of the tenant's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Author {
    /// A request to the API, or a rule of the tenant's.
    Api,
    /// The assistant, under this epoch of the conversation.
    Assistant {
        /// Control has changed hands since if the conversation's is higher.
        epoch: i64,
    },
    /// An operator.
    Operator {
        /// Who.
        user: UserId,
    },
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
    /// It is to be sent at a time that has not come.
    Scheduled,
    /// It waits to be sent.
    Queued,
    /// It waits until it may be sent: quiet hours, or somebody's decision.
    Held,
    /// It is being handed to a provider.
    Sending,
    /// The carrier has it.
    Sent,
    /// It arrived.
    Delivered,
    /// It was read.
    Read,
    /// It did not arrive.
    Undelivered,
    /// It could not be sent.
    Failed,
    /// The address gave it back.
    Bounced,
    /// It was taken back before it was sent.
    Canceled,
}
words!(MessageStatus, "message status", {
    Received => "received", Scheduled => "scheduled", Queued => "queued", Held => "held", Sending => "sending",
    Sent => "sent", Delivered => "delivered", Read => "read", Undelivered => "undelivered", Failed => "failed",
    Bounced => "bounced", Canceled => "canceled",
});
