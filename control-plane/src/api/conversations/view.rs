//! Conversations and messages as the API shows them.

use super::super::{item::Named, schema};
use crate::{
    clock::{now_us, rfc3339},
    files::Files,
    inbox::control,
};
use pricing::money::decimal;
use serde::Serialize;
use store::{
    ids::{BoardColumnId, CallId, ContactId, ConversationId, NumberId, TeamId, UserId},
    model::message::{
        Analysis, Author, Channel, Control, Conversation, ConversationStatus, Message, MessageDirection,
        MessageStatus, Sentiment, Urgency,
    },
};
use utoipa::ToSchema;

/// What is written and said with somebody, over all channels.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConversationView {
    /// How it was written last.
    #[schema(schema_with = schema::word::<Channel>)]
    channel: Channel,
    /// On which of the tenant's numbers that was.
    #[schema(schema_with = schema::optional_id::<NumberId>)]
    number: Option<NumberId>,
    /// The tenant's address then.
    #[schema(example = "+15550199")]
    own_address: String,
    /// The other's, as the carrier gave it: not always a number.
    #[schema(example = "+15550100")]
    address: String,
    /// Who that is, if it is known.
    #[schema(schema_with = schema::optional_id::<ContactId>)]
    contact: Option<ContactId>,
    /// Whether somebody should look at it.
    #[schema(schema_with = schema::word::<ConversationStatus>)]
    status: ConversationStatus,
    /// When something was written last.
    #[schema(format = DateTime)]
    last_message_at: String,
    /// When the other wrote last.
    #[schema(format = DateTime, required)]
    last_inbound_at: Option<String>,
    /// Who answers.
    control: ControlView,
    /// How often control has changed hands: what the assistant wrote under a lower one is not sent any more.
    #[schema(minimum = 0)]
    epoch: i64,
    /// The operator whose it is.
    #[schema(schema_with = schema::optional_id::<UserId>)]
    assignee: Option<UserId>,
    /// The team whose it is.
    #[schema(schema_with = schema::optional_id::<TeamId>)]
    team: Option<TeamId>,
    /// Where on the board it is.
    #[schema(schema_with = schema::optional_id::<BoardColumnId>)]
    column: Option<BoardColumnId>,
    /// What it is about.
    #[schema(required)]
    subject: Option<String>,
    /// Messages of the other that nobody has looked at.
    #[schema(minimum = 0)]
    unread: u32,
    /// When it is to be answered at the latest.
    #[schema(format = DateTime, required)]
    answer_due_at: Option<String>,
    /// Whether that time has passed without an answer.
    answer_missed: bool,
    /// What the last message was understood as.
    #[schema(required)]
    analysis: Option<AnalysisView>,
}

/// Who answers in a conversation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConversationControl)]
pub(crate) struct ControlView {
    /// `paused`: nobody, until somebody says so.
    #[schema(value_type = String, pattern = "^(assistant|operator|paused)$")]
    by: &'static str,
    /// The operator.
    #[schema(schema_with = schema::optional_id::<UserId>)]
    user: Option<UserId>,
    /// Since when.
    #[schema(format = DateTime, required)]
    since: Option<String>,
    /// When the operator did something in it last.
    #[schema(format = DateTime, required)]
    active_at: Option<String>,
}

/// What a message was understood as.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MessageAnalysis)]
pub(crate) struct AnalysisView {
    /// How the writer feels.
    #[schema(schema_with = schema::word::<Sentiment>)]
    sentiment: Sentiment,
    /// What they want.
    #[schema(example = "appointment")]
    intent: String,
    /// How soon it needs an answer.
    #[schema(schema_with = schema::word::<Urgency>)]
    urgency: Urgency,
    /// How sure that is, 0 to 1.
    #[schema(minimum = 0, maximum = 1, example = 0.85)]
    confidence: f64,
    /// How promising the writer is.
    #[schema(minimum = 0, maximum = 100, required)]
    lead_score: Option<u8>,
    /// Whether a call would serve better.
    suggests_call: bool,
}

impl Named for ConversationView {
    const NAME: &'static str = "Conversation";
}

impl ConversationView {
    pub(super) fn of(conversation: Conversation) -> Self {
        let by = control::word(&conversation.control);
        let control = match conversation.control {
            Control::Operator { user, since, active_at } => ControlView {
                by,
                user: Some(user),
                since: Some(rfc3339(since)),
                active_at: Some(rfc3339(active_at)),
            },
            Control::Assistant | Control::Paused => {
                ControlView { by, user: None, since: None, active_at: None }
            }
        };
        Self {
            channel: conversation.channel,
            number: conversation.number,
            own_address: conversation.own_address,
            address: conversation.address,
            contact: conversation.contact,
            status: conversation.status,
            last_message_at: rfc3339(conversation.last_message_at),
            last_inbound_at: conversation.last_inbound_at.map(rfc3339),
            control,
            epoch: conversation.epoch,
            assignee: conversation.assignee,
            team: conversation.team,
            column: conversation.column,
            subject: conversation.subject,
            unread: conversation.unread,
            answer_due_at: conversation.answer_due_at.map(rfc3339),
            answer_missed: conversation.answer_missed,
            analysis: conversation.analysis.map(AnalysisView::of),
        }
    }
}

impl AnalysisView {
    fn of(analysis: Analysis) -> Self {
        Self {
            sentiment: analysis.sentiment,
            intent: analysis.intent,
            urgency: analysis.urgency,
            confidence: f64::from(analysis.confidence) / 100.0,
            lead_score: analysis.lead_score,
            suggests_call: analysis.suggests_call,
        }
    }
}

/// A message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessageView {
    /// Where it belongs; none: it was sent to somebody who is no contact and has never written.
    #[schema(schema_with = schema::optional_id::<ConversationId>)]
    conversation: Option<ConversationId>,
    /// How it was written; `voice`: a call, or what was said in one.
    #[schema(schema_with = schema::word::<Channel>)]
    channel: Channel,
    /// Who wrote it.
    #[schema(schema_with = schema::word::<MessageDirection>)]
    direction: MessageDirection,
    /// Who wrote it, as the carrier gave it.
    from_number: String,
    /// To whom.
    to_number: String,
    /// What it is about: an email's subject.
    #[schema(required)]
    subject: Option<String>,
    /// What was written; empty if there are only pictures.
    content: String,
    /// What came with it.
    media: Vec<MediaView>,
    /// What became of it.
    #[schema(schema_with = schema::word::<MessageStatus>)]
    status: MessageStatus,
    /// Who carried it.
    #[schema(example = "twilio")]
    provider: Option<String>,
    /// The carrier's id of it.
    provider_id: Option<String>,
    /// The carrier's own word for what became of it.
    #[schema(example = "delivered", required)]
    provider_status: Option<String>,
    /// How many parts the carrier counted.
    #[schema(minimum = 0)]
    segments: Option<u32>,
    /// Why it reached nobody: the provider's code, or a word.
    #[schema(required)]
    error: Option<String>,
    /// Who or what wrote it, if the tenant did.
    #[schema(required)]
    author: Option<AuthorView>,
    /// The call that it stands for, or was said in.
    #[schema(schema_with = schema::optional_id::<CallId>)]
    call: Option<CallId>,
    /// What it was understood as.
    #[schema(required)]
    analysis: Option<AnalysisView>,
    /// What it costs, if it was sent and that is known.
    #[schema(required)]
    cost: Option<MessageCostView>,
    /// When a provider took it.
    #[schema(format = DateTime, required)]
    sent_at: Option<String>,
    /// When it arrived.
    #[schema(format = DateTime, required)]
    delivered_at: Option<String>,
    /// When it was read.
    #[schema(format = DateTime, required)]
    read_at: Option<String>,
    /// When it was answered.
    #[schema(format = DateTime, required)]
    replied_at: Option<String>,
}

/// What a message costs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MessageCost)]
pub(crate) struct MessageCostView {
    /// A decimal number, by the price book.
    #[schema(example = "0.0158")]
    amount: String,
    /// ISO 4217.
    #[schema(example = "USD")]
    currency: String,
}

/// Who or what wrote a message of the tenant's.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MessageAuthor)]
pub(crate) struct AuthorView {
    /// `api`: a program with a key, or a rule of the tenant's.
    #[schema(value_type = String, pattern = "^(api|assistant|operator)$")]
    by: &'static str,
    /// The operator.
    #[schema(schema_with = schema::optional_id::<UserId>)]
    user: Option<UserId>,
}

/// A picture or another file of a message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MessageMedia)]
pub(crate) struct MediaView {
    /// Where it is: a link that ends after a quarter of an hour; until the file is here, where the carrier has it.
    url: String,
    /// What it is.
    #[schema(example = "image/jpeg")]
    content_type: Option<String>,
}

impl Named for MessageView {
    const NAME: &'static str = "Message";
}

impl MessageView {
    pub(in crate::api) fn of(message: Message, files: &Files) -> Self {
        let now = now_us();
        let media = message.media.into_iter();
        let author = message.author.map(|author| match author {
            Author::Api => AuthorView { by: "api", user: None },
            Author::Assistant { .. } => AuthorView { by: "assistant", user: None },
            Author::Operator { user } => AuthorView { by: "operator", user: Some(user) },
        });
        Self {
            conversation: message.conversation,
            channel: message.channel,
            direction: message.direction,
            from_number: message.from_number,
            to_number: message.to_number,
            subject: message.subject,
            content: message.content,
            media: media
                .map(|media| MediaView { url: files.shown(&media, now), content_type: media.content_type })
                .collect(),
            status: message.status,
            provider: message.provider,
            provider_id: message.provider_id,
            provider_status: message.provider_status,
            segments: message.segments,
            error: message.error,
            author,
            call: message.call,
            analysis: message.analysis.map(AnalysisView::of),
            cost: message
                .cost
                .map(|(micros, currency)| MessageCostView { amount: decimal(micros), currency }),
            sent_at: message.times.sent_at.map(rfc3339),
            delivered_at: message.times.delivered_at.map(rfc3339),
            read_at: message.times.read_at.map(rfc3339),
            replied_at: message.times.replied_at.map(rfc3339),
        }
    }
}
