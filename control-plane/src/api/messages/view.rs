//! What is shown of messages that are sent.

use super::estimate::SmsView;
use crate::{
    api::{item::Named, schema},
    clock::rfc3339,
};
use messaging::dispatch::{Entry, Simulated};
use outbox::{Accepted, NewMessage, Outgoing};
use serde::Serialize;
use serde_json::{Map, Value};
use store::{
    Stored,
    ids::{AttemptId, MessageId},
    model::{
        message::{Channel, Message, MessageStatus},
        outgoing::{Attempt, AttemptStatus},
    },
};
use utoipa::ToSchema;

/// A message that was accepted.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AcceptedMessage)]
pub(crate) struct AcceptedView {
    /// Names it from now on.
    #[schema(schema_with = schema::id::<MessageId>)]
    id: MessageId,
    /// `queued`, or `scheduled`.
    #[schema(schema_with = schema::word::<MessageStatus>)]
    status: MessageStatus,
    /// What it needs if it goes as a text message.
    sms: Option<SmsView>,
}

impl AcceptedView {
    pub(in crate::api) fn of(accepted: &Accepted, sms: Option<SmsView>) -> Self {
        Self { id: accepted.id.clone(), status: accepted.status, sms }
    }
}

/// How a message stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StateView {
    /// What became of it.
    #[schema(schema_with = schema::word::<MessageStatus>)]
    status: MessageStatus,
    /// Why it reached nobody.
    error: Option<String>,
}

impl Named for StateView {
    const NAME: &'static str = "MessageState";
}

impl StateView {
    pub(super) fn of(message: Message) -> Self {
        Self { status: message.status, error: message.error }
    }
}

/// A try to hand a message to a provider.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MessageAttempt)]
pub(crate) struct AttemptView {
    /// Which.
    #[schema(schema_with = schema::id::<AttemptId>)]
    id: AttemptId,
    /// The how-manieth, from 1.
    #[schema(minimum = 1)]
    number: u32,
    /// How.
    #[schema(schema_with = schema::word::<Channel>)]
    channel: Channel,
    /// By which account: its id, or `configured`.
    account: String,
    /// From which address.
    sender: String,
    /// To which address.
    address: String,
    /// How far it has come.
    #[schema(schema_with = schema::word::<AttemptStatus>)]
    status: AttemptStatus,
    /// When it was begun.
    #[schema(format = DateTime)]
    begun_at: String,
    /// The provider's id.
    provider_id: Option<String>,
    /// The provider's word for how far it is.
    provider_status: Option<String>,
    /// The provider's code for why not.
    error_code: Option<String>,
    /// Why not, in words.
    error: Option<String>,
    /// All that the provider told, the oldest first.
    told: Vec<ToldView>,
}

/// Something that a provider told.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ToldOfMessage)]
pub(crate) struct ToldView {
    /// When it came.
    #[schema(format = DateTime)]
    at: String,
    /// The provider's word.
    status: String,
    /// The provider's code for why not.
    error_code: Option<String>,
}

impl AttemptView {
    pub(super) fn of(row: Stored<Attempt>) -> Self {
        let Attempt { number, channel, account, sender, address, status, begun_at, told, .. } = row.value;
        let told = told.into_iter();
        Self {
            id: row.id,
            number,
            channel,
            account: account.map_or_else(|| "configured".to_owned(), |account| account.to_string()),
            sender,
            address,
            status,
            begun_at: rfc3339(begun_at),
            provider_id: row.value.provider_id,
            provider_status: row.value.provider_status,
            error_code: row.value.error_code,
            error: row.value.error,
            told: told
                .map(|told| ToldView {
                    at: rfc3339(told.at),
                    status: told.status,
                    error_code: told.error_code,
                })
                .collect(),
        }
    }
}

/// Every decision about a message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MessageExplanation)]
pub(crate) struct Explanation {
    /// Of which message.
    #[schema(schema_with = schema::id::<MessageId>)]
    id: MessageId,
    /// What became of it.
    #[schema(schema_with = schema::word::<MessageStatus>)]
    status: MessageStatus,
    /// When it is looked at next, if it is not over.
    #[schema(format = DateTime)]
    next_at: Option<String>,
    /// The decisions, in order; each with `at`, `decision` and what belongs to it.
    decisions: Vec<Map<String, Value>>,
    /// Decisions that are left out in the middle of a very long story.
    #[schema(minimum = 0)]
    omitted: u32,
    /// How each channel stands.
    channels: Vec<Map<String, Value>>,
    /// Every try, in order.
    attempts: Vec<AttemptView>,
}

impl Explanation {
    pub(super) fn of(row: &Stored<Message>, outgoing: &Outgoing, attempts: Vec<AttemptView>) -> Self {
        let dispatch = &outgoing.dispatch;
        Self {
            id: row.id.clone(),
            status: row.value.status,
            next_at: dispatch.wake_at().map(rfc3339),
            decisions: dispatch.log().entries().map(decision).collect(),
            omitted: dispatch.log().omitted(),
            channels: dispatch.results().iter().map(object).collect(),
            attempts,
        }
    }
}

/// What would be done with a message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MessageSimulation)]
pub(crate) struct Simulation {
    /// What would become of it, if every provider took it; none: it would go on for very long.
    ending: Option<Map<String, Value>>,
    /// The decisions, in order.
    decisions: Vec<Map<String, Value>>,
    /// How each channel would stand.
    channels: Vec<Map<String, Value>>,
    /// What each channel would carry.
    texts: Vec<TextView>,
}

/// What a channel would carry.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MessageText)]
pub(crate) struct TextView {
    /// Which.
    channel: String,
    /// A mail's subject, a notification's title.
    subject: Option<String>,
    /// The text.
    text: String,
    /// What a text message needs.
    sms: Option<SmsView>,
}

impl Simulation {
    pub(super) fn of(done: Simulated, new: &NewMessage, sms: Option<SmsView>) -> Self {
        let texts = new.texts.iter();
        Self {
            ending: done.ending.as_ref().map(object),
            decisions: done.decisions.iter().map(decision).collect(),
            channels: done.channels.iter().map(object).collect(),
            texts: texts
                .map(|(channel, text)| TextView {
                    channel: channel.to_string(),
                    subject: text.subject.clone(),
                    text: text.text.clone(),
                    sms: sms.clone().filter(|_| *channel == messaging::Channel::Sms),
                })
                .collect(),
        }
    }
}

/// A decision, with its times as text.
fn decision(entry: &Entry) -> Map<String, Value> {
    let mut shown = object(entry);
    for name in ["at", "until"] {
        if let Some(at) = shown.get(name).and_then(Value::as_i64) {
            shown.insert(name.to_owned(), rfc3339(at).into());
        }
    }
    shown
}

fn object(value: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) | Err(_) => Map::new(),
    }
}
