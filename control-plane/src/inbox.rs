//! What comes in from people: each message is kept once, in the one conversation with whoever wrote it, however they wrote.
//!
//! Whoever is not known yet becomes a contact with their first message. A conversation begins on the board where its channel says
//! (the chip), and what was sent to the address before it began is taken into it.

pub(crate) mod assign;
pub(crate) mod calls;
pub(crate) mod control;
mod decide;
mod keywords;
pub(crate) mod live;
pub(crate) mod media;
pub(crate) mod reply;
mod timer;
mod understand;
pub(crate) mod write;

use crate::{clock::now_us, contacts::contact_of, mailboxes::Mark};
use deliveries::{Event, EventType, announce, payload::MessageTold};
use messaging::{consent::Keyword, phone::settled};
use outbox::note_consent;
use routing::is_number;
use store::{
    Call, Direction, Filter, StoreError, Stored, TenantStore, TenantTx,
    ids::{BoardColumnId, ContactAddressId, ContactId, ConversationId, MessageId, NumberId, TeamId},
    model::{
        audit::Actor,
        consent::{Consent, ConsentStatus, Proof},
        contact::{Address, AddressKind, Contact, ContactAddress},
        inbox::{BoardColumn, ChannelChip, Team},
        message::{
            Channel, Control, Conversation, ConversationStatus, Media, Message, MessageDirection,
            MessageStatus, Times,
        },
        work::WorkKind,
    },
};

/// Two who write in one conversation at once are already unusual.
const ATTEMPTS: usize = 8;
/// Messages from before a conversation that are taken into it: what somebody may be answering to.
const TAKEN_IN: u16 = 50;
/// Columns of a board.
const COLUMNS: u16 = 200;

/// A message from somebody.
#[derive(Clone, Debug)]
pub(crate) struct Inbound {
    pub(crate) channel: Channel,
    /// Which of the tenant's numbers it is to.
    pub(crate) number: Option<NumberId>,
    /// The tenant's address that it is to.
    pub(crate) own_address: String,
    /// Who wrote it.
    pub(crate) address: String,
    /// What they call themselves.
    pub(crate) name: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) content: String,
    pub(crate) media: Vec<Media>,
    /// Who carried it.
    pub(crate) provider: &'static str,
    /// The carrier's id of it: told twice, it is kept once.
    pub(crate) provider_id: String,
    pub(crate) provider_status: Option<String>,
    pub(crate) segments: Option<u32>,
    /// The conversation that it answers in, if it says so itself.
    pub(crate) conversation: Option<ConversationId>,
    /// Whether a program wrote it: an automatic answer, a list. Nobody answers that by themselves.
    pub(crate) automatic: bool,
    /// What it asks for as a keyword, where the carrier says so.
    pub(crate) keyword: Option<Keyword>,
}

/// What became of a message that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// It is kept.
    Kept { message: MessageId, conversation: ConversationId },
    /// It was kept before.
    Known,
}

/// Keeps a message.
///
/// # Errors
/// When the database does not serve.
pub(crate) async fn receive(
    store: &dyn TenantStore,
    actor: &Actor,
    inbound: &Inbound,
) -> Result<Received, StoreError> {
    take_in(store, actor, inbound, None, None).await
}

/// Keeps a message, and in the same unit of work how far its mailbox was read.
///
/// # Errors
/// When the database does not serve.
pub(crate) async fn receive_to(
    store: &dyn TenantStore,
    actor: &Actor,
    inbound: &Inbound,
    mark: Option<&Mark>,
) -> Result<Received, StoreError> {
    take_in(store, actor, inbound, None, mark).await
}

/// The same of a call, which stands in the conversation like a message.
async fn take_in(
    store: &dyn TenantStore,
    actor: &Actor,
    inbound: &Inbound,
    call: Option<&Call>,
    mark: Option<&Mark>,
) -> Result<Received, StoreError> {
    let inbound = &Inbound {
        // Carriers write one number in two forms; whoever wrote is one person, and what they said counts for both.
        address: match address_kind(inbound.channel) {
            AddressKind::Phone => settled(&inbound.address),
            AddressKind::Email | AddressKind::Push => inbound.address.clone(),
        },
        ..inbound.clone()
    };
    for _ in 0..ATTEMPTS {
        let lookup = Message::lookup(inbound.provider, &inbound.provider_id);
        if store.find::<Message>(&lookup).await?.is_some() {
            if let Some(mark) = mark {
                mark.store(store, actor).await?;
            }
            return Ok(Received::Known);
        }
        let strays = store.messages_with(&inbound.address, true, TAKEN_IN).await?;
        let strays: Vec<Stored<Message>> = strays.into_iter().map(Stored::read).collect::<Result<_, _>>()?;
        let entry = entry_column(store, inbound).await?;
        let mut tx = store.begin(actor, now_us()).await?;
        let kept = match (keep(&mut *tx, inbound, call, strays, entry).await, mark) {
            (Ok(Some(received)), Some(mark)) => mark.set(&mut *tx).await.map(|done| done.then_some(received)),
            (kept, _) => kept,
        };
        match kept {
            Ok(Some(received)) => {
                tx.commit().await?;
                if let Received::Kept { conversation, .. } = &received {
                    assign::give_out(store, conversation).await?;
                }
                return Ok(received);
            }
            // Somebody else writes in it, or is becoming a contact, at this moment.
            Ok(None) | Err(StoreError::Stale { .. }) => {}
            Err(cause) => return Err(cause),
        }
    }
    Err(StoreError::Unavailable {
        doing: "keeping a message",
        source: "its conversation was changed by others all the time".into(),
    })
}

/// Keeps it in one unit of work; `None` if another has just made what this one needs.
async fn keep(
    tx: &mut (dyn TenantTx + 'static),
    inbound: &Inbound,
    call: Option<&Call>,
    strays: Vec<Stored<Message>>,
    entry: Option<BoardColumnId>,
) -> Result<Option<Received>, StoreError> {
    let Some(contact) = contact(tx, inbound).await? else { return Ok(None) };
    let awaits = call.is_none() && !keywords::is_one(inbound);
    let Some(row) = conversation(tx, inbound, call, contact, entry, awaits).await? else { return Ok(None) };
    let conversation = row.id.clone();
    for Stored { id, version, value, .. } in strays {
        tx.update(&id, version, Message { conversation: Some(conversation.clone()), ..value }).await?;
    }
    let message = MessageId::generate();
    let now = tx.now();
    let value = message_of(inbound, call, conversation.clone());
    // Another has kept it meanwhile: what this unit of work has changed for it must not count.
    let Some(kept) = tx.insert_new(message.clone(), value).await? else { return Ok(None) };
    if call.is_some() {
        return Ok(Some(Received::Kept { message, conversation }));
    }
    if !inbound.automatic {
        is_somebody(tx, inbound).await?;
    }
    announce(tx, Event::new(EventType::MessageReceived, now, &told(&kept))).await?;
    media::schedule(tx, &kept).await?;
    if row.value.control != Control::Assistant {
        control::tell(tx, EventType::ConversationQueued, &row, Some(&message)).await?;
    }
    let is_keyword = keywords::take(tx, inbound, &row).await?;
    // Short codes and names are of programs, and cannot be answered.
    let is_answerable = address_kind(inbound.channel) != AddressKind::Phone || is_number(&inbound.address);
    if !inbound.automatic && !is_keyword && is_answerable {
        tx.schedule(WorkKind::Reply, message.as_str(), now).await?;
    }
    Ok(Some(Received::Kept { message, conversation }))
}

/// Whoever writes from an address is somebody: that it was found to be nobody's does not count any more.
async fn is_somebody(tx: &mut (dyn TenantTx + 'static), inbound: &Inbound) -> Result<(), StoreError> {
    let lookup = Consent::lookup(inbound.channel, Consent::NOBODY, &inbound.address);
    let known = tx.find::<Consent>(&lookup).await?;
    if known.is_none_or(|row| row.value.status == ConsentStatus::OptedIn) {
        return Ok(());
    }
    let proof = Proof {
        at: tx.now(),
        status: ConsentStatus::OptedIn,
        source: "message".to_owned(),
        evidence: format!("they wrote ({} {})", inbound.provider, inbound.provider_id),
    };
    note_consent(tx, inbound.channel, Consent::NOBODY, &inbound.address, proof).await
}

/// What is told of a message that came in.
fn told(message: &Stored<Message>) -> MessageTold {
    let value = &message.value;
    MessageTold {
        message_id: message.id.to_string(),
        conversation_id: value.conversation.as_ref().map(ToString::to_string),
        channel: value.channel.as_str().to_owned(),
        direction: value.direction.as_str().to_owned(),
        address: value.address.clone().unwrap_or_default(),
        status: value.status.as_str().to_owned(),
        provider: value.provider.clone(),
        provider_id: value.provider_id.clone(),
        error: None,
    }
}

/// The kind of address that a channel has.
pub(crate) fn address_kind(channel: Channel) -> AddressKind {
    match channel {
        Channel::Sms | Channel::Whatsapp | Channel::Voice => AddressKind::Phone,
        Channel::Email => AddressKind::Email,
        Channel::Push => AddressKind::Push,
    }
}

/// Who wrote it, who becomes a contact if they are none; `Some(None)`: nobody can be known by such an address.
async fn contact(
    tx: &mut (dyn TenantTx + 'static),
    inbound: &Inbound,
) -> Result<Option<Option<ContactId>>, StoreError> {
    let kind = address_kind(inbound.channel);
    if let Some(known) = contact_of(tx, kind, &inbound.address).await? {
        return Ok(Some(Some(known)));
    }
    if kind == AddressKind::Phone && !is_number(&inbound.address) {
        return Ok(Some(None));
    }
    let address = Address { kind, address: inbound.address.clone() };
    let contact = Contact {
        name: inbound.name.clone().unwrap_or_default(),
        addresses: vec![address.clone()],
        ..Contact::default()
    };
    let id = tx.insert(contact).await?.id;
    let is_first = tx
        .insert_new(ContactAddressId::generate(), ContactAddress { contact: id.clone(), address })
        .await?
        .is_some();
    Ok(is_first.then_some(Some(id)))
}

/// The conversation that goes on with it, or a new one; `None` if another unit of work has just begun it.
async fn conversation(
    tx: &mut (dyn TenantTx + 'static),
    inbound: &Inbound,
    call: Option<&Call>,
    contact: Option<ContactId>,
    entry: Option<BoardColumnId>,
    awaits: bool,
) -> Result<Option<Stored<Conversation>>, StoreError> {
    let now = tx.now();
    let settings = control::settings(tx).await?;
    let former = Conversation::lookup(inbound.channel, &inbound.own_address, &inbound.address);
    let key = contact.as_ref().map(ToString::to_string);
    let named = match &inbound.conversation {
        Some(named) => tx.get::<Conversation>(named).await?,
        None => None,
    };
    // Whoever has got a mail of somebody else's conversation, as a copy or forwarded, must not be answered there.
    let is_theirs = |row: &Stored<Conversation>| {
        row.value.address == inbound.address || (contact.is_some() && row.value.contact == contact)
    };
    let mut known = named.filter(is_theirs);
    for lookup in key.iter().chain([&former]) {
        if known.is_none() {
            known = tx.find::<Conversation>(lookup).await?;
        }
    }
    let Some(Stored { id, version, value, .. }) = known else {
        // Where the assistant does not answer, somebody has to.
        let team = settings.default_team.clone().filter(|_| !settings.auto_reply);
        let answer_due_at = if awaits { due_at(tx, team.as_ref()).await? } else { None };
        let begins = Conversation {
            key,
            channel: inbound.channel,
            number: inbound.number.clone(),
            own_address: inbound.own_address.clone(),
            address: inbound.address.clone(),
            contact,
            status: ConversationStatus::Open,
            last_message_at: now,
            last_inbound_at: Some(now).filter(|_| call.is_none()),
            control: Control::Assistant,
            epoch: 0,
            assignee: None,
            team,
            column: entry,
            subject: inbound.subject.clone(),
            unread: u32::from(call.is_none()),
            answer_due_at,
            answer_missed: false,
            analysis: None,
        };
        let row = tx.insert_new(ConversationId::generate(), begins).await?;
        if let (Some(row), Some(at)) = (&row, answer_due_at) {
            timer::schedule(tx, &row.id, at).await?;
        }
        return Ok(row);
    };
    if call.is_some() {
        // Whoever is written to is still written to where they wrote last.
        let key = value.key.or(key);
        let contact = value.contact.or(contact);
        let goes_on = Conversation { key, contact, last_message_at: now, ..value };
        return control::keep(tx, &id, version, goes_on).await.map(Some);
    }
    let answer_due_at = match value.answer_due_at {
        None if awaits => due_at(tx, value.team.as_ref()).await?,
        known => known,
    };
    let goes_on = Conversation {
        key: value.key.or(key),
        channel: inbound.channel,
        number: inbound.number.clone().or(value.number),
        own_address: inbound.own_address.clone(),
        address: inbound.address.clone(),
        contact: value.contact.or(contact),
        status: ConversationStatus::Open,
        last_message_at: now,
        last_inbound_at: Some(now),
        subject: inbound.subject.clone().or(value.subject),
        unread: value.unread.saturating_add(1),
        answer_due_at,
        ..value
    };
    control::keep(tx, &id, version, goes_on).await.map(Some)
}

/// When somebody who writes now is to be answered, if the team has set a time.
pub(crate) async fn due_at(
    tx: &mut (dyn TenantTx + 'static),
    team: Option<&TeamId>,
) -> Result<Option<i64>, StoreError> {
    let Some(team) = team else { return Ok(None) };
    let within = tx.get::<Team>(team).await?.and_then(|team| team.value.answer_within_s);
    Ok(within.map(|within| tx.now().saturating_add(i64::from(within).saturating_mul(1_000_000))))
}

/// Where on the board a conversation begins: where its channel's chip says, or in the first column.
async fn entry_column(
    store: &dyn TenantStore,
    inbound: &Inbound,
) -> Result<Option<BoardColumnId>, StoreError> {
    let chip = chip_of(inbound.channel, inbound.provider);
    let chip = store.find::<ChannelChip>(&chip).await?.filter(|chip| chip.value.is_active);
    let column = chip.and_then(|chip| chip.value.default_entry_column_id);
    if column.is_some() {
        return Ok(column);
    }
    let columns = store.list::<BoardColumn>(&Filter::first(COLUMNS).oldest_first()).await?;
    Ok(columns.into_iter().min_by_key(|column| column.value.position).map(|column| column.id))
}

/// The chip of a channel's messages that a provider carries, such as `sms_twilio`; those of email have `email_inbox`.
pub(crate) fn chip_of(channel: Channel, provider: &str) -> String {
    match channel {
        Channel::Email => "email_inbox".to_owned(),
        Channel::Sms | Channel::Whatsapp | Channel::Push | Channel::Voice => format!("{channel}_{provider}"),
    }
}

fn message_of(inbound: &Inbound, call: Option<&Call>, conversation: ConversationId) -> Message {
    let placed = call.is_some_and(|call| call.direction == Direction::Outbound);
    let (from, to) = (inbound.address.clone(), inbound.own_address.clone());
    let (from_number, to_number) = if placed { (to, from) } else { (from, to) };
    Message {
        conversation: Some(conversation),
        channel: inbound.channel,
        direction: if placed { MessageDirection::Outbound } else { MessageDirection::Inbound },
        from_number,
        to_number,
        address: Some(inbound.address.clone()),
        subject: inbound.subject.clone(),
        content: inbound.content.clone(),
        media: inbound.media.clone(),
        status: if placed { MessageStatus::Delivered } else { MessageStatus::Received },
        provider: Some(inbound.provider.to_owned()),
        provider_id: Some(inbound.provider_id.clone()),
        provider_status: inbound.provider_status.clone(),
        segments: inbound.segments,
        error: None,
        author: None,
        batch: None,
        template: None,
        call: call.map(|call| call.id.clone()),
        analysis: None,
        cost: None,
        times: Times::default(),
        dispatch: None,
        erased: false,
    }
}
