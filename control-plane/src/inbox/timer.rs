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
        work::{Claim, WorkKind},
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
    tx.schedule(WorkKind::Conversation, conversation.as_str(), at).await
}

/// Looks at a conversation, which ends `claim`: both count together, so that whoever is killed in between has not lost its next time.
/// Gives whether the assistant has got it back.
pub(super) async fn look(
    part: &dyn TenantStore,
    id: &ConversationId,
    claim: &Claim,
) -> Result<bool, StoreError> {
    let mut tx = part.begin(&Actor::system(SELF), now_us()).await?;
    // Before what is scheduled from here, which has the same name.
    tx.finish_work(claim).await?;
    let Some(mut row) = tx.get::<Conversation>(id).await? else {
        tx.commit().await?;
        return Ok(false);
    };
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
    use crate::house::House;
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

    #[tokio::test]
    async fn a_look_counts_together_with_the_work_that_it_ends_or_not_at_all() {
        let house = House::new().await;
        let (part, id, user) = (house.part(), ConversationId::generate(), UserId::generate());
        let mut tx = part.begin(&Actor::system("test"), 1).await.unwrap();
        let has = Control::Operator { user, since: 1, active_at: 1 };
        tx.insert_as(id.clone(), conversation(has, None, false)).await.unwrap();
        schedule(&mut *tx, &id, 1).await.unwrap();
        tx.commit().await.unwrap();

        let claim = async |now| {
            house.store.claim_work(WorkKind::Conversation, now, now + 1, 1).await.unwrap().remove(0)
        };
        let (lost, held) = (claim(2).await, claim(4).await);
        let done = look(&*part, &id, &lost).await;
        assert!(matches!(done, Err(StoreError::Stale { what: "lease" })), "{done:?}");
        let epoch = async || part.get::<Conversation>(&id).await.unwrap().unwrap().value.epoch;
        assert_eq!(epoch().await, 0, "whoever is killed in between has changed nothing, and another looks");
        assert!(look(&*part, &id, &held).await.unwrap(), "the operator is long gone");
        assert_eq!(epoch().await, 1);
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
