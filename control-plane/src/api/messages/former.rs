//! Text messages as the former systems asked for them. Bodies have their old names and are sent as any other message: stored first, to
//! nobody who said STOP, in no quiet hours. Who asks for one message is told what the accounts said, as far as that is known soon.

mod form;
mod numbers;

use super::{not_accepted, refused};
use crate::{
    api::{
        batches::{self, BatchItem},
        conversations::{MessageItem, MessageView},
        former::Former,
        item::Item,
        need::{ContactsRead, MessagesSend, TemplatesRead},
        once::{Answer, Stop},
        op::Op,
        page::{List, Page, PageParams},
        phone, schema,
        templates::{self, TemplateItem, form::TemplateParams},
    },
    problem::Problem,
    sending::compose::{Wish, compose},
    shared::Shared,
};
use axum::{
    Json,
    body::to_bytes,
    extract::{Path, rejection::PathRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use form::{BulkForm, BulkSendForm, ScheduleForm, SendForm, SmsForm};
use messaging::Channel;
use numbers::completed;
use outbox::accept;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use store::{
    Filter, StoreError, Stored,
    ids::MessageId,
    model::{
        message::{Author, Message, MessageStatus},
        outgoing::{Attempt, AttemptStatus, Recipient},
    },
};
use tokio::time::{Instant, sleep};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// How long somebody waits for what the accounts say: the former systems answered after a call to the carrier, whose clients gave up
/// after 10 s.
const ANSWERED_WITHIN: Duration = Duration::from_secs(8);
/// How often it is looked whether they have.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Tries of a message that are looked at.
const ATTEMPTS: u16 = 50;
/// Messages of a conversation that are shown, the newest.
const SHOWN: u16 = 200;
/// Longest answer of ours that is read again.
const ANSWER_MAX: usize = 64 * 1024;

pub(in crate::api) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(send_sms_as_before))
        .routes(routes!(send_bulk_sms_as_before))
        .routes(routes!(send_as_before))
        .routes(routes!(send_bulk_as_before))
        .routes(routes!(schedule_as_before))
        .routes(routes!(list_templates_as_before))
        .routes(routes!(read_conversation_as_before))
}

/// What became of a text message so far.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct FormerSms {
    /// Whether an account took it, or still may.
    success: bool,
    /// Which account took it: `primary`, or `backup`; none yet if it waits.
    account: Option<String>,
    /// Why nobody got it.
    error: Option<String>,
    /// Its id here.
    #[schema(schema_with = schema::id::<MessageId>)]
    id: MessageId,
    /// The carrier's id.
    sid: Option<String>,
    /// `scheduled`, `queued`, `sent` or `failed`.
    status: String,
    /// To whom.
    to: String,
}

/// A message to many that is on its way.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FormerBulk {
    success: bool,
    batch: BatchItem,
}

/// Messages with a number.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FormerConversation {
    /// The number.
    #[serde(rename = "phoneNumber")]
    phone_number: String,
    /// What was written, the newest first.
    messages: Vec<MessageItem>,
}

/// Sends a text message.
#[utoipa::path(
    post, path = "/api/real/sms/send", tag = "Former routes", security(("bearer" = ["messages:send"])), request_body = SmsForm,
    responses((status = 200, description = "What the accounts said", body = FormerSms)),
)]
async fn send_sms_as_before(Former { op, body }: Former<MessagesSend, SmsForm>) -> Result<Response, Stop> {
    let (wish, recipient) = body.value.wish();
    send(&op, &body.once, wish, (recipient, "/to")).await
}

/// Sends a text message, its own or a template's.
#[utoipa::path(
    post, path = "/api/sms/send", tag = "Former routes", security(("bearer" = ["messages:send"])), request_body = SendForm,
    responses((status = 200, description = "What the accounts said", body = FormerSms)),
)]
async fn send_as_before(Former { op, body }: Former<MessagesSend, SendForm>) -> Result<Response, Stop> {
    let (wish, recipient) = body.value.wish();
    send(&op, &body.once, wish, (recipient, "/phoneNumber")).await
}

/// Plans a text message.
#[utoipa::path(
    post, path = "/api/sms/schedule", tag = "Former routes", security(("bearer" = ["messages:send"])), request_body = ScheduleForm,
    responses((status = 200, description = "It is planned", body = FormerSms)),
)]
async fn schedule_as_before(
    Former { op, body }: Former<MessagesSend, ScheduleForm>,
) -> Result<Response, Stop> {
    let (wish, recipient) = body.value.wish();
    send(&op, &body.once, wish, (recipient, "/phoneNumber")).await
}

/// Sends one text to many numbers.
#[utoipa::path(
    post, path = "/api/real/sms/bulk", tag = "Former routes", security(("bearer" = ["messages:send"])), request_body = BulkForm,
    responses((status = 202, description = "All of them are stored and will get it", body = FormerBulk)),
)]
async fn send_bulk_sms_as_before(
    Former { op, body }: Former<MessagesSend, BulkForm>,
) -> Result<Response, Stop> {
    let (wish, recipients) = body.value.wish();
    let recipients = completed(&op, recipients, |index| format!("/to/{index}")).await?;
    send_to_many(&op, &body.once, wish, recipients).await
}

/// Sends a text, its own or a template's, to many.
#[utoipa::path(
    post, path = "/api/sms/bulk-send", tag = "Former routes", security(("bearer" = ["messages:send"])),
    request_body = BulkSendForm,
    responses((status = 202, description = "All of them are stored and will get it", body = FormerBulk)),
)]
async fn send_bulk_as_before(
    Former { op, body }: Former<MessagesSend, BulkSendForm>,
) -> Result<Response, Stop> {
    let (wish, recipients) = body.value.wish();
    let recipients = completed(&op, recipients, |index| format!("/recipients/{index}/phoneNumber")).await?;
    send_to_many(&op, &body.once, wish, recipients).await
}

/// Lists the templates, by the name that this had before.
#[utoipa::path(
    get, path = "/api/sms/templates", tag = "Former routes", security(("bearer" = ["templates:read"])),
    params(PageParams, TemplateParams),
    responses((status = 200, description = "A page of them", body = Page<TemplateItem>)),
)]
async fn list_templates_as_before(
    op: Op<TemplatesRead>,
    list: List<TemplateParams>,
) -> Result<Json<Page<TemplateItem>>, Problem> {
    templates::page(&op, &list).await
}

/// Reads what was written with a number, over all channels.
#[utoipa::path(
    get, path = "/api/sms/conversation/{phoneNumber}", tag = "Former routes", security(("bearer" = ["contacts:read"])),
    params(("phoneNumber" = String, Path, description = "The number, E.164")),
    responses((status = 200, description = "The newest messages", body = FormerConversation)),
)]
async fn read_conversation_as_before(
    op: Op<ContactsRead>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<FormerConversation>, Problem> {
    let Path(number) = path.map_err(|_| Problem::not_found("conversation"))?;
    let number = number.trim();
    // A plus sign is a space in an address that nobody escaped.
    let number = if number.starts_with('+') { number.to_owned() } else { format!("+{number}") };
    let phone_number = phone::of_person(number);
    let rows = op.store.messages_with(&phone_number, false, SHOWN).await?;
    if rows.is_empty() {
        return Err(Problem::not_found("conversation"));
    }
    let rows: Vec<Stored<Message>> = rows.into_iter().map(Stored::read).collect::<Result<_, _>>()?;
    let messages = rows
        .into_iter()
        .map(|row| Item::of(row, |message| MessageView::of(message, &op.shared.files)))
        .collect();
    Ok(Json(FormerConversation { phone_number, messages }))
}

async fn send(
    op: &Op<MessagesSend>,
    once: &crate::api::once::Once,
    wish: Wish,
    (recipient, place): (Recipient, &str),
) -> Result<Response, Stop> {
    let recipient = completed(op, vec![recipient], |_| place.to_owned()).await?.pop().unwrap_or_default();
    let stored = match accepted(op, once, &wish, &recipient).await {
        // The same message: what is known of it now is what is answered.
        Err(Stop::Replay(before)) => before,
        other => other?,
    };
    let (parts, body) = stored.into_parts();
    let unreadable = || Problem::not_found("message");
    let bytes = to_bytes(body, ANSWER_MAX).await.map_err(|_| unreadable())?;
    let known: FormerSms = serde_json::from_slice(&bytes).map_err(|_| unreadable())?;
    let shown = if known.status == "queued" { followed(op, known).await? } else { known };
    let mut response = Json(shown).into_response();
    for (name, value) in &parts.headers {
        if !response.headers().contains_key(name) {
            response.headers_mut().insert(name.clone(), value.clone());
        }
    }
    Ok(response)
}

/// Stores the message; the answer is what is known of it at once.
async fn accepted(
    op: &Op<MessagesSend>,
    once: &crate::api::once::Once,
    wish: &Wish,
    recipient: &Recipient,
) -> Result<Response, Stop> {
    let new = compose(&*op.store, wish, recipient, Author::Api).await.map_err(refused)?;
    let to = new.to.on(Channel::Sms).unwrap_or_default().to_owned();
    let mut work = op.begin_once(once).await?;
    let accepted = accept(&mut *work.tx, new).await.map_err(not_accepted)?;
    work.tx.note("message.send", accepted.id.as_str(), &json!({ "type": wish.kind })).await?;
    let status = accepted.status.as_str().to_owned();
    let shown =
        FormerSms { success: true, account: None, error: None, id: accepted.id, sid: None, status, to };
    let response = work.finish(Answer::new(StatusCode::OK, &shown)?).await?;
    op.shared.outbox.wake(accepted.lane);
    Ok(response)
}

/// What became of the message, once an account took it or none did, or as it is when nobody waits longer.
async fn followed(op: &Op<MessagesSend>, known: FormerSms) -> Result<FormerSms, Problem> {
    let until = Instant::now() + ANSWERED_WITHIN;
    loop {
        let of = Filter::first(ATTEMPTS).of(known.id.as_str()).oldest_first();
        let attempts: Vec<Stored<Attempt>> = op.store.list(&of).await?;
        let took = |attempt: &&Attempt| {
            matches!(attempt.status, AttemptStatus::Accepted | AttemptStatus::Arrived | AttemptStatus::Lost)
                && attempt.provider_id.is_some()
        };
        if let Some(attempt) = attempts.iter().map(|row| &row.value).find(took) {
            let account = place_of(op, attempt).await?;
            let (sid, status) = (attempt.provider_id.clone(), "sent".to_owned());
            return Ok(FormerSms { account: Some(account), sid, status, ..known });
        }
        let message = op.store.get::<Message>(&known.id).await?.map(|row| row.value);
        let refused = attempts.iter().any(|row| row.value.status == AttemptStatus::Refused);
        match message.map(|message| (message.status, message.error)) {
            Some((MessageStatus::Queued | MessageStatus::Sending, _)) if refused => {
                // All accounts said no; it is tried again in a minute, and may still arrive.
                return Ok(FormerSms { success: false, error: Some(ALL_FAILED.to_owned()), ..known });
            }
            Some((MessageStatus::Failed, _)) => {
                let (error, status) = (Some(ALL_FAILED.to_owned()), "failed".to_owned());
                return Ok(FormerSms { success: false, error, status, ..known });
            }
            Some(_) if Instant::now() < until => sleep(LOOK_EVERY).await,
            _ => return Ok(known),
        }
    }
}

/// What the former systems said where no account took a message.
const ALL_FAILED: &str = "All SMS accounts failed";

/// Whether it was the account that is used first.
async fn place_of(op: &Op<MessagesSend>, attempt: &Attempt) -> Result<String, StoreError> {
    let setup = op.shared.outbox.setup(op.tenant()).await?;
    let mut routes: Vec<_> = setup
        .into_iter()
        .flat_map(|setup| setup.routes)
        .filter(|route| route.channel == Channel::Sms && route.capable)
        .collect();
    routes.sort_by_key(|route| (route.tier, route.priority));
    let own = attempt.account.as_ref().map_or_else(|| "configured".to_owned(), ToString::to_string);
    let is_first = routes.first().is_none_or(|first| first.account == own);
    Ok(if is_first { "primary" } else { "backup" }.to_owned())
}

async fn send_to_many(
    op: &Op<MessagesSend>,
    once: &crate::api::once::Once,
    wish: Wish,
    recipients: Vec<Recipient>,
) -> Result<Response, Stop> {
    let name = format!("Sent by {}", op.actor().id);
    let shown = |batch| FormerBulk { success: true, batch };
    batches::store_batch(op, once, (name, wish, recipients), shown).await
}
