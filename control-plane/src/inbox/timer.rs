//! What becomes of a conversation when nobody does anything: an operator who is gone gives it back to the assistant, and an answer
//! that does not come in time is told. Each conversation is looked at when its next such time has come.

use super::{assign, control};
use crate::clock::now_us;
use deliveries::EventType;
use store::{
    StoreError, TenantStore, TenantTx,
    ids::ConversationId,
    model::{
        audit::Actor,
        message::{Control, Conversation, ConversationStatus},
        tenant::MessagingSettings,
        work::WorkKind,
    },
};

/// Who acts, in the audit log.
const SELF: &str = "inbox";
/// Answers that did not come in time.
const MISSED: &str = "tandem_answers_missed_total";
/// A minute, in µs.
const MINUTE: i64 = 60_000_000;

/// What is due in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// The operator did nothing for too long.
    Idle,
    /// The answer did not come in time.
    Overdue,
}

/// When the operator's time is over.
fn idle_at(conversation: &Conversation, settings: &MessagingSettings) -> Option<i64> {
    match &conversation.control {
        Control::Operator { active_at, .. } => {
            Some(active_at.saturating_add(i64::from(settings.idle_minutes).saturating_mul(MINUTE)))
        }
        Control::Assistant | Control::Paused => None,
    }
}

fn overdue_at(conversation: &Conversation) -> Option<i64> {
    let is_awaited = !conversation.answer_missed && conversation.status == ConversationStatus::Open;
    conversation.answer_due_at.filter(|_| is_awaited)
}

/// When a conversation is to be looked at.
pub(super) fn wake_at(conversation: &Conversation, settings: &MessagingSettings) -> Option<i64> {
    idle_at(conversation, settings).into_iter().chain(overdue_at(conversation)).min()
}

fn due(conversation: &Conversation, settings: &MessagingSettings, now: i64) -> Vec<Due> {
    let is_over = |at: &i64| *at <= now;
    let overdue = overdue_at(conversation).filter(is_over).map(|_| Due::Overdue);
    let idle = idle_at(conversation, settings).filter(is_over).map(|_| Due::Idle);
    overdue.into_iter().chain(idle).collect()
}

/// Has a conversation looked at.
pub(super) async fn schedule(
    tx: &mut (dyn TenantTx + 'static),
    conversation: &ConversationId,
    at: i64,
) -> Result<(), StoreError> {
    tx.schedule(WorkKind::Reply, conversation.as_str(), at).await
}

/// Looks at a conversation; gives whether the assistant has got it back.
pub(super) async fn look(part: &dyn TenantStore, id: &ConversationId) -> Result<bool, StoreError> {
    let mut tx = part.begin(&Actor::system(SELF), now_us()).await?;
    let Some(mut row) = tx.get::<Conversation>(id).await? else { return Ok(false) };
    let (settings, now) = (control::settings(&mut *tx).await?, tx.now());
    let all = due(&row.value, &settings, now);
    for due in &all {
        match due {
            Due::Overdue => {
                metrics::counter!(MISSED).increment(1);
                let missed = Conversation { answer_missed: true, ..row.value };
                row = control::keep(&mut *tx, id, row.version, missed).await?;
                control::tell(&mut *tx, EventType::ConversationOverdue, &row, None).await?;
            }
            Due::Idle => {
                row = control::change(&mut *tx, row, &control::Change::Release).await?;
                let freed = Conversation { assignee: None, ..row.value };
                row = control::keep(&mut *tx, id, row.version, freed).await?;
            }
        }
    }
    if all.is_empty()
        && let Some(at) = wake_at(&row.value, &settings)
    {
        // Something was done since it was scheduled.
        schedule(&mut *tx, id, at.max(now)).await?;
    }
    tx.commit().await?;
    let is_back = all.contains(&Due::Idle);
    if is_back {
        assign::drain(part).await;
    }
    Ok(is_back)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use store::{ids::UserId, model::message::Channel};

    fn conversation(control: Control, answer_due_at: Option<i64>, answer_missed: bool) -> Conversation {
        Conversation {
            key: None,
            channel: Channel::Sms,
            number: None,
            own_address: String::new(),
            address: String::new(),
            contact: None,
            status: ConversationStatus::Open,
            last_message_at: 0,
            last_inbound_at: None,
            control,
            epoch: 0,
            assignee: None,
            team: None,
            column: None,
            subject: None,
            unread: 0,
            answer_due_at,
            answer_missed,
            analysis: None,
        }
    }

    proptest! {
        #[test]
        fn nothing_is_due_before_the_time_at_which_it_is_looked_at_and_something_is_then(
            active_at in proptest::option::of(0..1_000_000_000_i64),
            due_at in proptest::option::of(0..10_000_000_000_i64),
            missed: bool, idle_minutes in 1..100_u32, now in 0..20_000_000_000_i64,
        ) {
            let settings = MessagingSettings { idle_minutes, ..MessagingSettings::default() };
            let control = active_at.map_or(Control::Assistant, |active_at| {
                Control::Operator { user: UserId::generate(), since: 0, active_at }
            });
            let conversation = conversation(control, due_at, missed);
            let is_due = !due(&conversation, &settings, now).is_empty();
            prop_assert_eq!(is_due, wake_at(&conversation, &settings).is_some_and(|at| at <= now));
        }
    }
}
