//! Gives conversations that wait for a team to its operators: to whoever is available and has the fewest, as long as they have room;
//! what is urgent first, then what has waited longest. It is done whenever somebody gets room or something new waits.

use crate::clock::now_us;
use std::{collections::HashMap, error::Error};
use store::{
    CallId, Filter, Page, StoreError, Stored, TenantStore, TenantTx,
    ids::{ConversationId, JobId, UserId},
    model::{
        audit::Actor,
        inbox::Team,
        message::{Control, Conversation, ConversationStatus, Urgency},
        outgoing_counts::ConversationFilter,
        tenant::Tenant,
        work::{Job, JobStatus},
    },
};
use tracing::warn;

/// Who assigns, in the audit log.
const SELF: &str = "assignment";
/// Teams of a tenant.
const TEAMS: u16 = 200;
/// Conversations that nobody has which are read at once, those with the latest activity first.
const PAGE: u16 = 500;
/// So many times in a round: most of them are the assistant's and wait for nobody.
const PAGES: usize = 20;
/// Others who assign at the same time are already unusual.
const ATTEMPTS: usize = 8;

/// An operator, and how much they have.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seat {
    user: UserId,
    capacity: u32,
    available: bool,
    open: i64,
}

/// Who gets the next conversation: whoever is available and has the fewest; among those the first in the team's list.
fn choose(seats: &[Seat]) -> Option<usize> {
    let has_room = |(_, seat): &(usize, &Seat)| seat.available && seat.open < i64::from(seat.capacity);
    seats
        .iter()
        .enumerate()
        .filter(has_room)
        .min_by_key(|(place, seat)| (seat.open, *place))
        .map(|(place, _)| place)
}

/// Gives out what waits. What cannot be given out now is when somebody next has room.
pub(crate) async fn drain(part: &dyn TenantStore) {
    for _ in 0..ATTEMPTS {
        match round(part).await {
            Ok(()) => return,
            // Another round, or somebody who works in the conversation.
            Err(StoreError::Stale { .. } | StoreError::Conflict { .. }) => {}
            Err(cause) => {
                warn!(tenant = %part.id(), error = &cause as &dyn Error, "conversations could not be assigned");
                return;
            }
        }
    }
    warn!(tenant = %part.id(), "conversations could not be assigned: others did so all the time");
}

/// Gives out what waits, if this conversation does.
pub(super) async fn give_out(part: &dyn TenantStore, id: &ConversationId) -> Result<(), StoreError> {
    let row = part.get::<Conversation>(id).await?;
    if row.is_some_and(|row| row.value.team.is_some() && row.value.assignee.is_none()) {
        drain(part).await;
    }
    Ok(())
}

async fn round(part: &dyn TenantStore) -> Result<(), StoreError> {
    let teams = part.list::<Team>(&Filter::first(TEAMS)).await?;
    if teams.is_empty() {
        return Ok(());
    }
    // Read first: of two rounds at once the second to write it finds it changed, so that no operator is given too many.
    let turn = part.find::<Job>(SELF).await?;
    let waiting = waiting(part).await?;
    let mut open: HashMap<UserId, i64> = HashMap::new();
    let mut given: Vec<(Stored<Conversation>, UserId)> = Vec::new();
    for row in waiting {
        let Some(team) = teams.iter().find(|team| Some(&team.id) == row.value.team.as_ref()) else {
            continue;
        };
        let mut seats = Vec::new();
        for member in &team.value.members {
            let count = match open.get(&member.user) {
                Some(count) => *count,
                None => part.open_conversations_of(&member.user).await?,
            };
            open.insert(member.user.clone(), count);
            let (user, capacity, available) = (member.user.clone(), member.capacity, member.available);
            seats.push(Seat { user, capacity, available, open: count });
        }
        let Some(seat) = choose(&seats).and_then(|place| seats.get(place)) else { continue };
        *open.entry(seat.user.clone()).or_default() += 1;
        given.push((row, seat.user.clone()));
    }
    if given.is_empty() {
        return Ok(());
    }
    let mut tx = part.begin(&Actor::system(SELF), now_us()).await?;
    take_turn(&mut *tx, turn).await?;
    for (Stored { id, version, value, .. }, user) in given {
        tx.note("conversation.assign", id.as_str(), &serde_json::json!({ "user": user })).await?;
        tx.update(&id, version, Conversation { assignee: Some(user), ..value }).await?;
    }
    tx.commit().await
}

/// What waits for a team, in the order in which it is given out. What the assistant answers does not wait.
async fn waiting(part: &dyn TenantStore) -> Result<Vec<Stored<Conversation>>, StoreError> {
    let tenant = part.get::<Tenant>(part.id()).await?;
    let assistant_answers = tenant.is_some_and(|row| row.value.settings.messaging.auto_reply);
    let unassigned = ConversationFilter {
        status: Some(ConversationStatus::Open),
        unassigned: true,
        ..ConversationFilter::default()
    };
    let mut waiting: Vec<Stored<Conversation>> = Vec::new();
    let mut after = None;
    for _ in 0..PAGES {
        let page = part.conversations(&unassigned, &Page { after, limit: PAGE }).await?;
        let is_last = page.len() < usize::from(PAGE);
        let page: Vec<Stored<Conversation>> = page.into_iter().map(Stored::read).collect::<Result<_, _>>()?;
        after = page.last().map(|row| (row.value.last_message_at, CallId::known(row.id.as_str())));
        waiting.extend(page.into_iter().filter(|row| waits(&row.value, assistant_answers)));
        if is_last {
            break;
        }
    }
    waiting.sort_by_key(|row| turn_of(&row.value));
    Ok(waiting)
}

fn waits(conversation: &Conversation, assistant_answers: bool) -> bool {
    let is_its_own = assistant_answers && conversation.control == Control::Assistant;
    conversation.team.is_some() && !is_its_own
}

/// Smaller comes first: what is urgent, then what is to be answered soonest, then what has waited longest.
fn turn_of(conversation: &Conversation) -> (bool, i64, i64) {
    let is_urgent = conversation.analysis.as_ref().is_some_and(|analysis| analysis.urgency == Urgency::High);
    (!is_urgent, conversation.answer_due_at.unwrap_or(i64::MAX), conversation.last_message_at)
}

/// Makes this the only round that counts among those at the same time.
async fn take_turn(tx: &mut (dyn TenantTx + 'static), turn: Option<Stored<Job>>) -> Result<(), StoreError> {
    if let Some(Stored { id, version, value, .. }) = turn {
        let attempts = value.attempts.wrapping_add(1);
        tx.update(&id, version, Job { attempts, ..value }).await?;
        return Ok(());
    }
    let job = Job {
        kind: SELF.to_owned(),
        key: Some(SELF.to_owned()),
        subject: None,
        status: JobStatus::Done,
        step: String::new(),
        state: serde_json::json!({}),
        attempts: 0,
        error: None,
    };
    let is_ours = tx.insert_new(JobId::generate(), job).await?.is_some();
    if is_ours { Ok(()) } else { Err(StoreError::Stale { what: SELF }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn seat(open: i64, capacity: u32, available: bool) -> Seat {
        Seat { user: UserId::generate(), capacity, available, open }
    }

    #[test]
    fn whoever_has_the_fewest_gets_the_next() {
        let seats = [seat(2, 5, true), seat(1, 5, true), seat(0, 5, false), seat(1, 5, true)];
        assert_eq!(choose(&seats), Some(1));
        assert_eq!(choose(&[seat(5, 5, true), seat(0, 0, true)]), None);
        assert_eq!(choose(&[]), None);
    }

    #[test]
    fn what_is_urgent_goes_first_then_what_is_due_first_then_what_waited_longest() {
        let conversation = |urgency: &str, due: Option<i64>, last: i64| -> Conversation {
            let analysis =
                json!({ "sentiment": "neutral", "intent": "other", "urgency": urgency, "confidence": 90 });
            let row = json!({
                "channel": "sms", "own_address": "+15550100", "address": "+15550142", "status": "open",
                "last_message_at": last, "answer_due_at": due, "analysis": analysis,
            });
            serde_json::from_value(row).unwrap()
        };
        let mut all = [
            conversation("normal", None, 1),
            conversation("normal", Some(50), 9),
            conversation("low", Some(40), 9),
            conversation("high", None, 8),
            conversation("high", None, 7),
            conversation("high", Some(90), 9),
        ];
        all.sort_by_key(turn_of);
        let turns = all.map(|one| (one.answer_due_at, one.last_message_at));
        let due = [(Some(90), 9), (None, 7), (None, 8), (Some(40), 9), (Some(50), 9), (None, 1)];
        assert_eq!(turns, due);
    }

    proptest! {
        #[test]
        fn nobody_gets_more_than_their_capacity_and_nothing_waits_while_somebody_has_room(
            team in proptest::collection::vec((0..6_i64, 0..6_u32, any::<bool>()), 0..6), conversations in 0..40_usize,
        ) {
            let mut seats: Vec<_> = team.into_iter().map(|(open, capacity, available)| seat(open, capacity, available)).collect();
            let before = seats.clone();
            let mut left = conversations;
            while left > 0 && let Some(place) = choose(&seats) {
                seats[place].open += 1;
                left -= 1;
            }
            for (now, then) in seats.iter().zip(&before) {
                prop_assert!(now.open <= i64::from(now.capacity).max(then.open));
                prop_assert!(now.available || now.open == then.open);
            }
            let room = seats.iter().any(|seat| seat.available && seat.open < i64::from(seat.capacity));
            prop_assert!(left == 0 || !room);
        }
    }
}
