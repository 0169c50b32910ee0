//! The calls that a conversation's contact has at this moment: who controls the conversation controls them too.

use crate::shared::Shared;
use engine::call::turn::Command;
use messaging::phone::forms;
use std::collections::BTreeSet;
use store::{
    Call, CallFilter, Page, StoreError, TenantStore,
    ids::ConversationId,
    model::{
        contact::{AddressKind, Contact},
        message::{Control, Conversation},
    },
};
use tracing::info;

/// Calls with one number at one time.
const CALLS: u16 = 10;
/// Numbers of one contact that are looked for.
const NUMBERS: usize = 40;
/// Changes of control that others make at the same moment are already unusual.
const LOOKS: usize = 8;

/// The calls of a conversation's contact that are not over, the newest first.
///
/// # Errors
/// When the database does not serve.
pub(crate) async fn calls_of(
    part: &dyn TenantStore,
    conversation: &Conversation,
) -> Result<Vec<Call>, StoreError> {
    let mut numbers: BTreeSet<String> = BTreeSet::from([conversation.address.clone()]);
    if let Some(contact) = &conversation.contact
        && let Some(contact) = part.get::<Contact>(contact).await?
    {
        let phones = contact.value.addresses.into_iter().filter(|address| address.kind == AddressKind::Phone);
        numbers.extend(phones.map(|address| address.address));
    }
    let page = Page { after: None, limit: CALLS };
    let mut calls: Vec<Call> = Vec::new();
    let numbers: BTreeSet<String> = numbers.iter().flat_map(|number| forms(number)).collect();
    for number in numbers.into_iter().filter(|number| routing::is_number(number)).take(NUMBERS) {
        let from = CallFilter { live: true, from_number: Some(number.clone()), ..CallFilter::default() };
        let to = CallFilter { live: true, to_number: Some(number), ..CallFilter::default() };
        calls.extend(part.calls(&from, &page).await?);
        calls.extend(part.calls(&to, &page).await?);
    }
    calls.sort_by_key(|call| std::cmp::Reverse(call.created_at));
    calls.dedup_by(|one, other| one.id == other.id);
    Ok(calls)
}

/// Orders something in all calls of a conversation's contact that the engine here has, or that of another node; gives those.
///
/// # Errors
/// When the database does not serve.
pub(crate) async fn order(
    shared: &Shared,
    part: &dyn TenantStore,
    conversation: &Conversation,
    command: &Command,
) -> Result<Vec<Call>, StoreError> {
    let mut ordered = Vec::new();
    for call in calls_of(part, conversation).await? {
        if shared.order(part.id(), &call.id, command.clone()).await.is_ok() {
            info!(call = %call.id, "whoever controls the conversation gives an order in its call");
            ordered.push(call);
        }
    }
    Ok(ordered)
}

/// Lets the assistant speak in the calls of a conversation, or not, as whoever has the conversation wants. When two change that at once,
/// the calls are in the end as the conversation is: whoever ordered looks again.
///
/// # Errors
/// When the database does not serve.
pub(crate) async fn follow_control(
    shared: &Shared,
    part: &dyn TenantStore,
    id: &ConversationId,
) -> Result<(), StoreError> {
    for _ in 0..LOOKS {
        let Some(row) = part.get::<Conversation>(id).await? else { return Ok(()) };
        let command = match row.value.control {
            Control::Assistant => Command::Unmute,
            Control::Operator { .. } | Control::Paused => Command::Mute,
        };
        if order(shared, part, &row.value, &command).await?.is_empty() {
            return Ok(());
        }
        let now = part.get::<Conversation>(id).await?;
        if now.is_none_or(|now| now.value.epoch == row.value.epoch) {
            return Ok(());
        }
    }
    Ok(())
}
