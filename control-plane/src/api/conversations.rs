//! `/v1/conversations` and `/v1/messages`: what is written with a tenant's numbers. It is read here; messages come in through
//! the carrier's webhook.

use super::{
    crud,
    etag::Preconditions,
    item::{Item, Named},
    need::ContactsRead,
    op::Op,
    page::{List, Page, PageParams},
    path::PathId,
    phone, schema,
};
use crate::{clock::rfc3339, problem::Problem, shared::Shared};
use axum::{Json, response::Response};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{
    Filter,
    ids::{ContactId, ConversationId, MessageId, NumberId},
    model::message::{Channel, Conversation, ConversationStatus, Message, MessageDirection, MessageStatus},
};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(list_conversations))
        .routes(routes!(read_conversation))
        .routes(routes!(list_messages))
        .routes(routes!(read_message))
}

type ConversationItem = Item<ConversationView>;
pub(super) type MessageItem = Item<MessageView>;

/// What is written between one of the tenant's numbers and somebody.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConversationView {
    /// How.
    #[schema(schema_with = schema::word::<Channel>)]
    channel: Channel,
    /// On which number.
    #[schema(schema_with = schema::optional_id::<NumberId>)]
    number: Option<NumberId>,
    /// The tenant's address.
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
}

impl Named for ConversationView {
    const NAME: &'static str = "Conversation";
}

impl ConversationView {
    fn of(conversation: Conversation) -> Self {
        Self {
            channel: conversation.channel,
            number: conversation.number,
            own_address: conversation.own_address,
            address: conversation.address,
            contact: conversation.contact,
            status: conversation.status,
            last_message_at: rfc3339(conversation.last_message_at),
        }
    }
}

/// A message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessageView {
    /// Where it belongs; none: it was sent to somebody who is no contact and has never written.
    #[schema(schema_with = schema::optional_id::<ConversationId>)]
    conversation: Option<ConversationId>,
    /// How it was written.
    #[schema(schema_with = schema::word::<Channel>)]
    channel: Channel,
    /// Who wrote it.
    #[schema(schema_with = schema::word::<MessageDirection>)]
    direction: MessageDirection,
    /// Who wrote it, as the carrier gave it.
    from_number: String,
    /// To whom.
    to_number: String,
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
    /// How many parts the carrier counted.
    #[schema(minimum = 0)]
    segments: Option<u32>,
}

/// A picture or another file of a message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MessageMedia)]
pub(crate) struct MediaView {
    /// Where the carrier has it.
    url: String,
    /// What it is.
    #[schema(example = "image/jpeg")]
    content_type: Option<String>,
}

impl Named for MessageView {
    const NAME: &'static str = "Message";
}

impl MessageView {
    pub(super) fn of(message: Message) -> Self {
        let media = message.media.into_iter();
        Self {
            conversation: message.conversation,
            channel: message.channel,
            direction: message.direction,
            from_number: message.from_number,
            to_number: message.to_number,
            content: message.content,
            media: media
                .map(|media| MediaView { url: media.url, content_type: media.content_type })
                .collect(),
            status: message.status,
            provider: message.provider,
            provider_id: message.provider_id,
            segments: message.segments,
        }
    }
}

/// Which conversations to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ConversationParams {
    /// With whom, by their number.
    #[param(example = "+15550100")]
    phone: Option<String>,
    /// In this state.
    #[param(schema_with = schema::word::<ConversationStatus>)]
    status: Option<ConversationStatus>,
}

/// Which messages to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MessageParams {
    /// Of this conversation.
    #[param(schema_with = schema::id::<ConversationId>)]
    conversation: Option<ConversationId>,
}

/// Lists the conversations, newest first.
#[utoipa::path(
    get, path = "/v1/conversations", tag = "Conversations", security(("bearer" = ["contacts:read"])),
    params(PageParams, ConversationParams),
    responses((status = 200, description = "A page of them", body = Page<ConversationItem>)),
)]
async fn list_conversations(
    op: Op<ContactsRead>,
    list: List<ConversationParams>,
) -> Result<Json<Page<ConversationItem>>, Problem> {
    let ConversationParams { phone, status } = list.filter.clone();
    let narrow = |filter: Filter| {
        let filter = match phone {
            Some(phone) => filter.of(phone::tidied(phone)),
            None => filter,
        };
        match status {
            Some(status) => filter.with_status(status.as_str()),
            None => filter,
        }
    };
    crud::list(&op, &list, narrow, ConversationView::of).await
}

/// Reads a conversation.
#[utoipa::path(
    get, path = "/v1/conversations/{id}", tag = "Conversations", security(("bearer" = ["contacts:read"])),
    params(("id" = String, Path, description = "`cnv_…`")),
    responses(
        (status = 200, description = "The conversation", body = ConversationItem),
        (status = 304, description = "As it is known"),
    ),
)]
async fn read_conversation(
    op: Op<ContactsRead>,
    PathId(id): PathId<ConversationId>,
    known: Preconditions,
) -> Result<Response, Problem> {
    crud::read(&op, &id, &known, ConversationView::of).await
}

/// Lists the messages, newest first.
#[utoipa::path(
    get, path = "/v1/messages", tag = "Conversations", security(("bearer" = ["contacts:read"])),
    params(PageParams, MessageParams),
    responses((status = 200, description = "A page of them", body = Page<MessageItem>)),
)]
async fn list_messages(
    op: Op<ContactsRead>,
    list: List<MessageParams>,
) -> Result<Json<Page<MessageItem>>, Problem> {
    let narrow = |filter: Filter| match &list.filter.conversation {
        Some(conversation) => filter.of(conversation.as_str()),
        None => filter,
    };
    crud::list(&op, &list, narrow, MessageView::of).await
}

/// Reads a message.
#[utoipa::path(
    get, path = "/v1/messages/{id}", tag = "Conversations", security(("bearer" = ["contacts:read"])),
    params(("id" = String, Path, description = "`msg_…`")),
    responses((status = 200, description = "The message", body = MessageItem), (status = 304, description = "As it is known")),
)]
async fn read_message(
    op: Op<ContactsRead>,
    PathId(id): PathId<MessageId>,
    known: Preconditions,
) -> Result<Response, Problem> {
    crud::read(&op, &id, &known, MessageView::of).await
}
