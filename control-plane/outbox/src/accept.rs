//! Accepts a message: it is stored with the work of sending it, in the unit of work of whoever accepts it.

use crate::{
    convert::{channel_to, status_to},
    outgoing::{Lane, Outgoing, Text, To},
};
use messaging::{
    Channel, MessageType,
    dispatch::{Dispatch, Request},
    plan::Plan,
};
use std::collections::BTreeMap;
use store::{
    StoreError, TenantTx,
    ids::{BatchId, CallId, ConversationId, MessageId, TemplateId},
    model::message::{Author, Media, Message, MessageDirection, MessageStatus, Times},
};

/// A message that is to be sent.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// To whom.
    pub to: To,
    /// What it is about.
    pub kind: MessageType,
    /// By which channels.
    pub plan: Plan,
    /// What is said, by channel; each of the plan's has one.
    pub texts: BTreeMap<Channel, Text>,
    /// From which of the tenant's addresses, if one is wanted.
    pub sender: Option<String>,
    /// Where it belongs.
    pub conversation: Option<ConversationId>,
    /// Under which control of the conversation it may leave.
    pub fence: Option<i64>,
    /// Who wrote it.
    pub author: Author,
    /// Not before then, unix µs; `None`: now.
    pub send_at: Option<i64>,
    /// Of no use after then, unix µs.
    pub useful_until: Option<i64>,
    /// The batch that it is of.
    pub batch: Option<BatchId>,
    /// What it was made from.
    pub template: Option<(TemplateId, i64)>,
    /// The call in which it was asked for.
    pub call: Option<CallId>,
}

/// A message that is stored and will be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Which.
    pub id: MessageId,
    /// `queued` or `scheduled`.
    pub status: MessageStatus,
    /// How it is queued: whoever takes from there is to be woken.
    pub lane: Lane,
}

/// Why a message is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// A channel of the plan has nothing to say.
    #[error("there is no text for {0}")]
    NoText(Channel),
    /// It could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Outgoing {
    /// As it would be stored of `new` at `now`, unix µs.
    #[must_use]
    pub fn imagined(new: &NewMessage, now: i64) -> Self {
        let request = Request {
            kind: new.kind,
            plan: new.plan.clone(),
            due_at: new.send_at.unwrap_or(now),
            useful_until: new.useful_until,
        };
        let lane = match (new.kind, &new.batch) {
            (MessageType::Critical, _) => Lane::Critical,
            (_, Some(_)) => Lane::Bulk,
            (_, None) => Lane::Transactional,
        };
        Self {
            dispatch: Dispatch::new(request, now),
            to: new.to.clone(),
            texts: new.texts.clone(),
            sender: new.sender.clone(),
            fence: new.fence,
            attempts: BTreeMap::new(),
            lane,
            of_many: new.batch.is_some(),
            answers_keyword: false,
        }
    }
}

/// Stores a message and the work of sending it; both count with the unit of work.
///
/// # Errors
/// See [`AcceptError`].
pub async fn accept(tx: &mut (dyn TenantTx + 'static), new: NewMessage) -> Result<Accepted, AcceptError> {
    store(tx, new, false).await
}

/// As [`accept`] for the one answer to STOP, HELP or START: it goes whatever the person said, at any hour, from `new.sender` alone.
///
/// # Errors
/// See [`AcceptError`].
pub async fn accept_answer_to_keyword(
    tx: &mut (dyn TenantTx + 'static),
    new: NewMessage,
) -> Result<Accepted, AcceptError> {
    store(tx, new, true).await
}

async fn store(
    tx: &mut (dyn TenantTx + 'static),
    new: NewMessage,
    answers_keyword: bool,
) -> Result<Accepted, AcceptError> {
    let first = new.plan.channels().next().unwrap_or(Channel::Sms);
    if let Some(silent) = new.plan.channels().find(|channel| !new.texts.contains_key(channel)) {
        return Err(AcceptError::NoText(silent));
    }
    let now = tx.now();
    let outgoing = Outgoing { answers_keyword, ..Outgoing::imagined(&new, now) };
    let (dispatch, lane) = (&outgoing.dispatch, outgoing.lane);
    let (status, due_at) = (status_to(dispatch.status()), dispatch.wake_at().unwrap_or(now));
    let shown = outgoing.texts.get(&first).cloned().unwrap_or_default();
    let address = outgoing.to.first().map(str::to_owned);
    let message = Message {
        conversation: new.conversation.clone(),
        channel: channel_to(first),
        direction: MessageDirection::Outbound,
        from_number: String::new(),
        to_number: outgoing.to.on(first).or(address.as_deref()).unwrap_or_default().to_owned(),
        address,
        subject: shown.subject,
        content: shown.text,
        media: shown.media.into_iter().map(|url| Media { url, content_type: None }).collect(),
        status,
        provider: None,
        provider_id: None,
        provider_status: None,
        segments: None,
        error: None,
        author: Some(new.author),
        batch: new.batch,
        template: new.template,
        call: new.call,
        analysis: None,
        cost: None,
        times: Times::default(),
        dispatch: Some(outgoing.written()?),
        erased: false,
    };
    let id = MessageId::generate();
    tx.insert_as(id.clone(), message).await?;
    match &new.conversation {
        Some(conversation) => {
            tx.schedule_in_order(lane.work(), id.as_str(), due_at, conversation.as_str()).await?;
        }
        None => tx.schedule(lane.work(), id.as_str(), due_at).await?,
    }
    Ok(Accepted { id, status, lane })
}
