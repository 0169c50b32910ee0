//! Who answers in a conversation: the assistant, an operator, or nobody for now.
//!
//! Whenever that changes, the conversation's epoch is raised in the same unit of work. What the assistant writes carries the epoch
//! under which it was written, and whoever sends it compares the two in the unit of work in which it is sent: nothing that the
//! assistant wrote before somebody took over leaves after it.

use super::timer;
use deliveries::{Event, EventType, announce, payload::ConversationTold};
use std::time::Duration;
use store::{
    Filter, StoreError, Stored, Table, TenantTx,
    ids::{ConversationId, MessageId, UserId},
    model::{
        message::{Channel, Control, Conversation, ConversationStatus, Message, MessageDirection, Times},
        tenant::{MessagingSettings, Tenant},
        work::WorkKind,
    },
};

/// Messages among which the one that is answered is looked for.
const LOOKED_AT: u16 = 20;
/// How long those who wrote waited for an answer, by who answered.
const ANSWERED: &str = "tandem_answer_seconds";

/// In whose hands a conversation is put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// An operator's.
    TakeOver(UserId),
    /// The assistant's.
    Release,
    /// Nobody's, until somebody says so.
    Pause,
}

impl Change {
    /// As the audit log has it.
    pub(crate) const fn action(&self) -> &'static str {
        match self {
            Self::TakeOver(_) => "conversation.take_over",
            Self::Release => "conversation.release",
            Self::Pause => "conversation.pause",
        }
    }
}

/// The conversation in other hands; `None`: it is in those already.
fn changed(conversation: &Conversation, change: &Change, now: i64) -> Option<Conversation> {
    let control = match (change, &conversation.control) {
        (Change::TakeOver(user), Control::Operator { user: has, .. }) if user == has => return None,
        (Change::Release, Control::Assistant) | (Change::Pause, Control::Paused) => return None,
        (Change::TakeOver(user), _) => Control::Operator { user: user.clone(), since: now, active_at: now },
        (Change::Release, _) => Control::Assistant,
        (Change::Pause, _) => Control::Paused,
    };
    let assignee = match change {
        Change::TakeOver(user) => Some(user.clone()),
        Change::Release | Change::Pause => conversation.assignee.clone(),
    };
    let status = match change {
        Change::TakeOver(_) => ConversationStatus::Open,
        Change::Release | Change::Pause => conversation.status,
    };
    Some(Conversation { control, assignee, status, epoch: conversation.epoch + 1, ..conversation.clone() })
}

/// Puts a conversation in other hands, which is told and noted. In those already it only shows that the operator is there.
pub(crate) async fn change(
    tx: &mut (dyn TenantTx + 'static),
    row: Stored<Conversation>,
    change: &Change,
) -> Result<Stored<Conversation>, StoreError> {
    let now = tx.now();
    let Some(changed) = changed(&row.value, change, now) else {
        let seen = seen(row.value, now);
        return keep(tx, &row.id, row.version, seen).await;
    };
    let details = serde_json::json!({ "epoch": changed.epoch, "control": word(&changed.control) });
    tx.note(change.action(), row.id.as_str(), &details).await?;
    let changed = keep(tx, &row.id, row.version, changed).await?;
    if *change == Change::Release {
        hand_back(tx, &changed.id).await?;
    }
    let kind = match change {
        Change::TakeOver(_) | Change::Pause => EventType::ConversationTakenOver,
        Change::Release => EventType::ConversationReleased,
    };
    tell(tx, kind, &changed, None).await?;
    Ok(changed)
}

/// The assistant looks at what was written last and nobody answered; a call is not written.
pub(crate) async fn hand_back(
    tx: &mut (dyn TenantTx + 'static),
    conversation: &ConversationId,
) -> Result<(), StoreError> {
    let newest = Filter::first(LOOKED_AT).of(conversation.as_str());
    for message in tx.documents(Table::Communications, &newest).await? {
        let message = Stored::<Message>::read(message)?;
        if message.value.channel == Channel::Voice {
            continue;
        }
        if message.value.direction == MessageDirection::Inbound && message.value.times.replied_at.is_none() {
            let now = tx.now();
            tx.schedule(WorkKind::Reply, message.id.as_str(), now).await?;
        }
        break;
    }
    Ok(())
}

/// A person has written or spoken in a conversation: it is theirs from then on, and whoever wrote last is answered.
pub(crate) async fn human_wrote(
    tx: &mut (dyn TenantTx + 'static),
    conversation: &ConversationId,
    user: &UserId,
) -> Result<Option<Stored<Conversation>>, StoreError> {
    let Some(row) = tx.get::<Conversation>(conversation).await? else { return Ok(None) };
    let row = change(tx, row, &Change::TakeOver(user.clone())).await?;
    answered(tx, row).await.map(Some)
}

/// Whoever wrote last is answered.
pub(crate) async fn answered(
    tx: &mut (dyn TenantTx + 'static),
    row: Stored<Conversation>,
) -> Result<Stored<Conversation>, StoreError> {
    let now = tx.now();
    let newest = Filter::first(LOOKED_AT).of(row.id.as_str());
    for message in tx.documents(Table::Communications, &newest).await? {
        let Stored { id, version, value, created_at, .. } = Stored::<Message>::read(message)?;
        if value.direction == MessageDirection::Inbound && value.channel != Channel::Voice {
            if value.times.replied_at.is_none() {
                let waited =
                    Duration::from_micros(u64::try_from(now.saturating_sub(created_at)).unwrap_or(0));
                metrics::histogram!(ANSWERED, "by" => word(&row.value.control)).record(waited.as_secs_f64());
                let times = Times { replied_at: Some(now), ..value.times };
                tx.update(&id, version, Message { times, ..value }).await?;
            }
            break;
        }
    }
    let answered = Conversation {
        last_message_at: now,
        answer_due_at: None,
        answer_missed: false,
        unread: 0,
        ..seen(row.value, now)
    };
    keep(tx, &row.id, row.version, answered).await
}

/// The operator who has it is there.
fn seen(conversation: Conversation, now: i64) -> Conversation {
    let control = match conversation.control {
        Control::Operator { user, since, .. } => Control::Operator { user, since, active_at: now },
        other @ (Control::Assistant | Control::Paused) => other,
    };
    Conversation { control, ..conversation }
}

/// Stores a conversation, and when it is to be looked at by itself.
pub(crate) async fn keep(
    tx: &mut (dyn TenantTx + 'static),
    id: &ConversationId,
    version: i64,
    conversation: Conversation,
) -> Result<Stored<Conversation>, StoreError> {
    let settings = settings(tx).await?;
    let wake_at = timer::wake_at(&conversation, &settings);
    let row = tx.update(id, version, conversation).await?;
    if let Some(at) = wake_at {
        timer::schedule(tx, id, at).await?;
    }
    Ok(row)
}

/// How the tenant wants to be written with.
pub(crate) async fn settings(tx: &mut (dyn TenantTx + 'static)) -> Result<MessagingSettings, StoreError> {
    let tenant = tx.tenant().clone();
    let row = tx.get::<Tenant>(&tenant).await?;
    Ok(row.map(|row| row.value.settings.messaging).unwrap_or_default())
}

/// Tells what became of a conversation, and of which message.
pub(crate) async fn tell(
    tx: &mut (dyn TenantTx + 'static),
    kind: EventType,
    row: &Stored<Conversation>,
    message: Option<&MessageId>,
) -> Result<(), StoreError> {
    let now = tx.now();
    let user = match &row.value.control {
        Control::Operator { user, .. } => Some(user.to_string()),
        Control::Assistant | Control::Paused => None,
    };
    let told = ConversationTold {
        conversation_id: row.id.to_string(),
        contact_id: row.value.contact.as_ref().map(ToString::to_string),
        channel: row.value.channel.as_str().to_owned(),
        control: word(&row.value.control).to_owned(),
        user_id: user,
        message_id: message.map(ToString::to_string),
    };
    announce(tx, Event::new(kind, now, &told)).await
}

/// Who answers, as events and the API have it.
pub(crate) const fn word(control: &Control) -> &'static str {
    match control {
        Control::Assistant => "assistant",
        Control::Operator { .. } => "operator",
        Control::Paused => "paused",
    }
}
