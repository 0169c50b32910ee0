//! A conversation changes hands: an operator takes it over, gives it back to the assistant, or nobody is to answer; and what an
//! operator writes or says in it. Whatever a person writes makes it theirs.

use super::{ATTEMPTS, ConversationItem, view::ConversationView};
use crate::{
    api::{
        body::{Body, Check, Empty},
        control::{not_done, not_live},
        former::Former,
        item::Item,
        need::{InboxWork, MessagesSend},
        once::{Answer, Once, Stop},
        op::Op,
        path::PathId,
        phone, schema,
    },
    contacts::with_address,
    inbox::{
        assign,
        control::{self, Change},
        live,
    },
    problem::{Code, Fault, FaultCode, Faults, Place, Problem},
    sending::compose::ComposeError,
    shared::Shared,
};
use axum::{http::StatusCode, response::Response};
use engine::call::turn::Command;
use identity::{permission::Permission, principal::Who};
use outbox::{AcceptError, Lane, NewMessage, accept};
use serde::{Deserialize, Serialize};
use std::{error::Error, sync::Arc};
use store::{
    Call, StoreError, Stored,
    ids::{ConversationId, MessageId, UserId},
    model::{
        contact::AddressKind,
        identity::{Role, User},
        message::{Author, Channel, Conversation, Media, Message, MessageDirection, MessageStatus, Times},
    },
};
use tracing::error;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(take_over))
        .routes(routes!(release))
        .routes(routes!(pause))
        .routes(routes!(write))
        .routes(routes!(introduce_as_before))
}

/// Somebody takes a conversation over.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TakeoverForm {
    /// Who; without it oneself. A program with a key has to say it, and of people only admins name somebody else.
    #[schema(schema_with = schema::optional_id::<UserId>)]
    user: Option<UserId>,
    /// Whether the operator is introduced: with the tenant's own words, on the channel of the last message, or spoken in the call.
    intro: bool,
}

/// What somebody writes or says in a conversation.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplyForm {
    /// What is written or said.
    #[schema(min_length = 1, max_length = 10_000)]
    text: String,
    /// On which channel; without it on that of the last message. `voice` is said in the call that goes on, in the assistant's voice.
    #[serde(default)]
    #[schema(schema_with = schema::optional_word::<Channel>)]
    channel: Option<Channel>,
    /// For an email; without it that of the conversation.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200)]
    subject: Option<String>,
    /// Addresses of pictures and files that come with it.
    #[serde(default)]
    #[schema(max_items = 10)]
    media: Vec<String>,
    /// Who writes; without it oneself. What a program with a key writes in nobody's name leaves the conversation in the hands that it is in.
    #[serde(default)]
    #[schema(schema_with = schema::optional_id::<UserId>)]
    user: Option<UserId>,
}

/// An introduction as the old systems asked for it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FormerIntroForm {
    /// Who is written with.
    #[serde(
        rename = "phoneNumber",
        alias = "to",
        alias = "customerPhone",
        deserialize_with = "phone::number"
    )]
    #[schema(schema_with = schema::phone)]
    phone_number: String,
    /// Who takes over; without it oneself.
    #[serde(default, rename = "agentId", alias = "userId")]
    #[schema(schema_with = schema::optional_id::<UserId>)]
    agent_id: Option<UserId>,
    /// For which company, by its id or its slug; also as `organizationId`, `orgId` or `company`.
    #[serde(default, rename = "companyId", alias = "organizationId", alias = "orgId", alias = "company")]
    #[schema(min_length = 1, max_length = 64)]
    company_id: Option<String>,
}

impl Check for TakeoverForm {
    fn check(&self, _: &mut Faults) {}
}

impl Check for ReplyForm {
    fn check(&self, faults: &mut Faults) {
        faults.text("text", &self.text, 1, 10_000);
        faults.text_if("subject", self.subject.as_deref(), 1, 200);
        faults.at_most("media", &self.media, 10);
        faults.field("media", |faults| {
            for (index, url) in self.media.iter().enumerate() {
                faults.web_address(&index.to_string(), url);
            }
        });
        if self.channel == Some(Channel::Push) {
            faults.add_at("channel", FaultCode::InvalidValue, "nobody answers a notification");
        }
    }
}

impl Check for FormerIntroForm {
    fn check(&self, faults: &mut Faults) {
        faults.e164("phoneNumber", &self.phone_number);
        faults.text_if("companyId", self.company_id.as_deref(), 1, 64);
    }
}

/// What was written or said is stored.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WrittenView {
    /// Which message.
    #[schema(schema_with = schema::id::<MessageId>)]
    id: MessageId,
    /// What became of it so far.
    #[schema(schema_with = schema::word::<MessageStatus>)]
    status: MessageStatus,
    /// On which channel.
    #[schema(schema_with = schema::word::<Channel>)]
    channel: Channel,
    /// How often control has changed hands since the conversation began.
    #[schema(minimum = 0)]
    epoch: i64,
}

/// Takes a conversation over: from now on nothing leaves that the assistant wrote before, and in the contact's live call the assistant
/// falls silent.
#[utoipa::path(
    post, path = "/v1/conversations/{id}/takeover", tag = "Conversations", security(("bearer" = ["inbox:work"])),
    params(("id" = String, Path, description = "`cnv_…`")), request_body = TakeoverForm,
    responses((status = 200, description = "As it is now", body = ConversationItem)),
)]
async fn take_over(
    op: Op<InboxWork>,
    PathId(id): PathId<ConversationId>,
    body: Body<TakeoverForm>,
) -> Result<Response, Stop> {
    let Body { value: TakeoverForm { user, intro }, once } = body;
    if intro {
        // It is a message to somebody.
        op.check(Permission::MessagesSend)?;
    }
    hand(&op, &id, &once, Hand::TakeOver { user, intro }).await
}

/// Gives a conversation back to the assistant, also in the contact's live call.
#[utoipa::path(
    post, path = "/v1/conversations/{id}/release", tag = "Conversations", security(("bearer" = ["inbox:work"])),
    params(("id" = String, Path, description = "`cnv_…`")),
    responses((status = 200, description = "As it is now", body = ConversationItem)),
)]
async fn release(
    op: Op<InboxWork>,
    PathId(id): PathId<ConversationId>,
    body: Empty,
) -> Result<Response, Stop> {
    hand(&op, &id, &body.once, Hand::Release).await
}

/// Lets nobody answer until somebody takes the conversation over or releases it.
#[utoipa::path(
    post, path = "/v1/conversations/{id}/pause", tag = "Conversations", security(("bearer" = ["inbox:work"])),
    params(("id" = String, Path, description = "`cnv_…`")),
    responses((status = 200, description = "As it is now", body = ConversationItem)),
)]
async fn pause(op: Op<InboxWork>, PathId(id): PathId<ConversationId>, body: Empty) -> Result<Response, Stop> {
    hand(&op, &id, &body.once, Hand::Pause).await
}

/// Takes the conversation with a number over and introduces the operator, as the old systems did.
#[utoipa::path(
    post, path = "/api/sms/human-control-intro", tag = "Conversations", security(("bearer" = ["messages:send"])),
    request_body = FormerIntroForm,
    responses((status = 200, description = "As the conversation is now", body = ConversationItem)),
)]
async fn introduce_as_before(former: Former<MessagesSend, FormerIntroForm>) -> Result<Response, Stop> {
    let Former { op, body } = former;
    op.check(Permission::InboxWork)?;
    let FormerIntroForm { phone_number, agent_id, .. } = body.value;
    let contact = with_address(&*op.store, AddressKind::Phone, &phone_number).await?;
    let found = match contact {
        Some(contact) => op.store.find::<Conversation>(contact.id.as_str()).await?,
        None => None,
    };
    let row = found.ok_or_else(|| Problem::not_found("conversation"))?;
    hand(&op, &row.id, &body.once, Hand::TakeOver { user: agent_id, intro: true }).await
}

/// Who gets it.
enum Hand {
    TakeOver { user: Option<UserId>, intro: bool },
    Release,
    Pause,
}

async fn hand<N>(op: &Op<N>, id: &ConversationId, once: &Once, hand: Hand) -> Result<Response, Stop> {
    op.answered_before(once).await?;
    let known = op.store.get::<Conversation>(id).await?.ok_or_else(|| Problem::not_found("conversation"))?;
    let (change, intro) = match hand {
        Hand::TakeOver { user, intro } => {
            let user = operator(op, user).await?;
            let intro = if intro { Some(introduction(op, &known, &user).await?) } else { None };
            (Change::TakeOver(user), intro)
        }
        Hand::Release => (Change::Release, None),
        Hand::Pause => (Change::Pause, None),
    };
    for _ in 0..ATTEMPTS {
        let mut work = op.begin_once(once).await?;
        let found = work.tx.get::<Conversation>(id).await?;
        let row = found.ok_or_else(|| Problem::not_found("conversation"))?;
        let row = match control::change(&mut *work.tx, row, &change).await {
            Ok(row) => row,
            // Somebody wrote in it at this moment.
            Err(StoreError::Stale { .. }) => continue,
            Err(cause) => return Err(cause.into()),
        };
        let mut woken = None;
        if let Some(Intro::Written(message)) = &intro {
            let accepted = accept(&mut *work.tx, NewMessage::clone(message)).await.map_err(not_accepted)?;
            woken = Some(accepted.lane);
        }
        let answer =
            Answer::changed(StatusCode::OK, row.version, &Item::of(row.clone(), ConversationView::of))?;
        let response = work.finish(answer).await?;
        afterwards(op, &row, woken).await;
        if let Some(Intro::Spoken(call, text)) = intro
            && op.shared.order(op.tenant(), &call.id, Command::Say { text }).await.is_err()
        {
            error!(call = %call.id, "an operator is not introduced: the call has just ended");
        }
        return Ok(response);
    }
    Err(busy())
}

fn busy() -> Stop {
    Problem::new(Code::Conflict, "others change this conversation in every moment; try again").into()
}

/// What follows once it counts: the assistant in the live call falls silent or speaks again, what was accepted is sent, and who has
/// room gets more.
pub(super) async fn afterwards<N>(op: &Op<N>, row: &Stored<Conversation>, woken: Option<Lane>) {
    if let Err(cause) = live::follow_control(&op.shared, &*op.store, &row.id).await {
        error!(conversation = %row.id, error = &cause as &dyn Error, "the calls of a conversation could not be looked for");
    }
    if let Some(lane) = woken {
        op.shared.outbox.wake(lane);
    }
    op.shared.replies.notify_one();
    assign::drain(&*op.store).await;
}

/// How an operator is introduced.
enum Intro {
    Written(Box<NewMessage>),
    Spoken(Box<Call>, String),
}

async fn introduction<N>(op: &Op<N>, row: &Stored<Conversation>, user: &UserId) -> Result<Intro, Problem> {
    let view = op.shared.directory.tenant(op.tenant()).await.map_err(StoreError::from)?;
    let intro = view.map(|view| view.tenant.settings.messaging.intro.clone()).unwrap_or_default();
    let person = op.shared.whole_store().platform().get::<User>(user).await?;
    let text = intro.replace("{name}", &person.map(|row| row.value.name).unwrap_or_default());
    if row.value.channel == Channel::Voice
        && let Some(call) = live_call(op, &row.value).await?
    {
        return Ok(Intro::Spoken(Box::new(call), text));
    }
    let form = ReplyForm { text, channel: None, subject: None, media: Vec::new(), user: None };
    let author = Author::Operator { user: user.clone() };
    written(op, row, &form, author).await.map(|message| Intro::Written(Box::new(message)))
}

/// The newest call of the contact that the engine here has, or that of another node.
async fn live_call<N>(op: &Op<N>, conversation: &Conversation) -> Result<Option<Call>, StoreError> {
    let calls = live::calls_of(&*op.store, conversation).await?;
    for call in calls {
        let is_here = op.shared.live.has(&call.id.as_str().into());
        if is_here || op.shared.elsewhere.has(op.tenant(), &call.id).await {
            return Ok(Some(call));
        }
    }
    Ok(None)
}

/// Writes or says something in a conversation. Whatever a person writes makes it theirs.
#[utoipa::path(
    post, path = "/v1/conversations/{id}/messages", tag = "Conversations", security(("bearer" = ["messages:send"])),
    params(("id" = String, Path, description = "`cnv_…`")), request_body = ReplyForm,
    responses((status = 202, description = "It is stored and will be sent, or is being said", body = WrittenView)),
)]
async fn write(
    op: Op<MessagesSend>,
    PathId(id): PathId<ConversationId>,
    body: Body<ReplyForm>,
) -> Result<Response, Stop> {
    let Body { value: form, once } = body;
    op.answered_before(&once).await?;
    let row = op.store.get::<Conversation>(&id).await?.ok_or_else(|| Problem::not_found("conversation"))?;
    let author = match (&op.principal.who, &form.user) {
        (Who::Key { .. }, None) => Author::Api,
        _ => Author::Operator { user: operator(&op, form.user.clone()).await? },
    };
    let wanted = form.channel.unwrap_or(row.value.channel);
    let call = if wanted == Channel::Voice { live_call(&op, &row.value).await? } else { None };
    let said = match (call, form.channel) {
        (Some(call), _) => Said::Spoken(Box::new(call)),
        (None, Some(Channel::Voice)) => {
            return Err(not_live("there is no call with this contact, or it is on another node").into());
        }
        (None, _) => Said::Written(Box::new(written(&op, &row, &form, author.clone()).await?)),
    };
    for _ in 0..ATTEMPTS {
        match keep(&op, &once, &id, &form, &author, &said).await {
            Err(Stop::Problem(problem)) if problem.code == Code::PreconditionFailed => {}
            other => return other,
        }
    }
    Err(busy())
}

/// How something is said.
enum Said {
    Written(Box<NewMessage>),
    Spoken(Box<Call>),
}

/// Stores what was written, with the conversation in the writer's hands. A problem of the code `precondition_failed`: others changed
/// it at this moment.
async fn keep(
    op: &Op<MessagesSend>,
    once: &Once,
    id: &ConversationId,
    form: &ReplyForm,
    author: &Author,
    said: &Said,
) -> Result<Response, Stop> {
    let mut work = op.begin_once(once).await?;
    let (message, status, channel, woken) = match said {
        Said::Written(new) => {
            let accepted = accept(&mut *work.tx, NewMessage::clone(new)).await.map_err(not_accepted)?;
            let channel = new.plan.channels().next().map_or(Channel::Sms, outbox::channel_to);
            (accepted.id, accepted.status, channel, Some(accepted.lane))
        }
        Said::Spoken(call) => {
            let message = work.tx.insert(spoken(id, form, author, call)).await?;
            (message.id, MessageStatus::Sent, Channel::Voice, None)
        }
    };
    let row = match author {
        Author::Operator { user } => control::human_wrote(&mut *work.tx, id, user).await?,
        Author::Api | Author::Assistant { .. } => match work.tx.get::<Conversation>(id).await? {
            Some(row) => Some(control::answered(&mut *work.tx, row).await?),
            None => None,
        },
    };
    let row = row.ok_or_else(|| Problem::not_found("conversation"))?;
    let details = serde_json::json!({ "message": message, "channel": channel });
    work.tx.note("conversation.write", id.as_str(), &details).await?;
    if let Said::Spoken(call) = said {
        let say = Command::Say { text: form.text.clone() };
        op.shared.order(op.tenant(), &call.id, say).await.map_err(not_done)?;
    }
    let view = WrittenView { id: message, status, channel, epoch: row.value.epoch };
    let response = work.finish(Answer::new(StatusCode::ACCEPTED, &view)?).await?;
    afterwards(op, &row, woken).await;
    Ok(response)
}

fn spoken(id: &ConversationId, form: &ReplyForm, author: &Author, call: &Call) -> Message {
    let (own, other) = match call.direction {
        store::Direction::Inbound => (&call.to_number, &call.from_number),
        store::Direction::Outbound => (&call.from_number, &call.to_number),
    };
    Message {
        conversation: Some(id.clone()),
        channel: Channel::Voice,
        direction: MessageDirection::Outbound,
        from_number: own.clone(),
        to_number: other.clone(),
        address: Some(other.clone()),
        subject: None,
        content: form.text.clone(),
        media: form.media.iter().map(|url| Media { url: url.clone(), content_type: None }).collect(),
        status: MessageStatus::Sent,
        provider: None,
        provider_id: None,
        provider_status: None,
        segments: None,
        error: None,
        author: Some(author.clone()),
        batch: None,
        template: None,
        call: Some(call.id.clone()),
        analysis: None,
        cost: None,
        times: Times::default(),
        dispatch: None,
        erased: false,
    }
}

/// The message on one channel, to whoever the conversation is with.
async fn written<N>(
    op: &Op<N>,
    row: &Stored<Conversation>,
    form: &ReplyForm,
    author: Author,
) -> Result<NewMessage, Problem> {
    let made = crate::inbox::write::message(&*op.store, row, &form.text, form.channel, author).await;
    let mut new = made.map_err(refused)?;
    for text in new.texts.values_mut() {
        text.media.clone_from(&form.media);
        if form.subject.is_some() && text.subject.is_some() {
            text.subject.clone_from(&form.subject);
        }
    }
    Ok(new)
}

fn refused(cause: ComposeError) -> Problem {
    match cause {
        ComposeError::Store(cause) => cause.into(),
        cause @ (ComposeError::NoContact | ComposeError::Plan(_) | ComposeError::NoAddress(_)) => {
            let place = Place::Pointer("/channel".to_owned());
            let detail = cause.to_string();
            Problem::unacceptable(vec![Fault { place, code: FaultCode::InvalidValue, detail }])
        }
        // A reply has words of its own and no template.
        cause @ (ComposeError::NoTemplate | ComposeError::Variables(_) | ComposeError::Words(_)) => {
            Problem::new(Code::Internal, cause.to_string())
        }
    }
}

fn not_accepted(cause: AcceptError) -> Problem {
    match cause {
        AcceptError::Store(cause) => cause.into(),
        cause @ AcceptError::NoText(_) => Problem::new(Code::Internal, cause.to_string()),
    }
}

/// Who acts: somebody who works in the tenant's inbox.
async fn operator<N>(op: &Op<N>, named: Option<UserId>) -> Result<UserId, Problem> {
    let user = match (&op.principal.who, named) {
        (Who::Member { user, .. }, None) => user.clone(),
        (Who::Member { user, role, .. }, Some(named)) if named == *user || *role <= Role::Admin => named,
        (Who::Member { .. }, Some(_)) => {
            return Err(Problem::new(Code::Forbidden, "only admins act for somebody else"));
        }
        (Who::PlatformAdmin { .. } | Who::Key { .. }, Some(named)) => named,
        (Who::PlatformAdmin { .. } | Who::Key { .. }, None) => {
            return Err(at_user(FaultCode::InvalidValue, "say which user it is"));
        }
    };
    let view = op.shared.directory.tenant(op.tenant()).await.map_err(StoreError::from)?;
    if view.is_some_and(|view| view.book.users.contains(&user)) {
        return Ok(user);
    }
    Err(at_user(FaultCode::UnknownReference, "there is nobody of that id who works with conversations"))
}

fn at_user(code: FaultCode, detail: &str) -> Problem {
    let place = Place::Pointer("/user".to_owned());
    Problem::unacceptable(vec![Fault { place, code, detail: detail.to_owned() }])
}
