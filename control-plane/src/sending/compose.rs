//! What a request says becomes a message: who the person is, by which channels, and what is said on each.

use super::templates::{self, FromTemplate, WrongVariable};
use crate::{clock::now_us, contacts::with_address, who_answers::Part};
use messaging::{
    Channel, MessageType,
    phone::settled,
    plan::{EmailBackup, Plan, PlanError, Step},
    template::RenderError,
};
use outbox::{NewMessage, Text, To};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::{
    StoreError, Stored,
    ids::ContactId,
    model::{
        contact::{AddressKind, Contact},
        message::{Author, Conversation},
        outgoing::{Batch, Recipient},
    },
};

/// What is to be sent, without to whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Wish {
    /// What it is about.
    pub(crate) kind: MessageType,
    /// By which channels; `None`: as its type says.
    pub(crate) chain: Option<Vec<Step>>,
    /// Whether a call follows where nobody was reached.
    pub(crate) voice: bool,
    /// Whether an email goes along.
    pub(crate) email_backup: Option<EmailBackup>,
    /// What is said where nothing else is said of a channel.
    pub(crate) text: String,
    pub(crate) subject: Option<String>,
    pub(crate) html: Option<String>,
    /// What it is made from, in place of a text.
    #[serde(default)]
    pub(crate) template: Option<FromTemplate>,
    pub(crate) media: Vec<String>,
    /// From which of the tenant's addresses.
    pub(crate) from: Option<String>,
    /// Unix µs.
    pub(crate) send_at: Option<i64>,
    /// Unix µs.
    pub(crate) useful_until: Option<i64>,
}

/// Why a message cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ComposeError {
    /// There is no such contact.
    #[error("there is no such contact")]
    NoContact,
    /// The chain will not do.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The person has no address on any of its channels.
    #[error("none of its channels has an address of this person: {0}")]
    NoAddress(String),
    /// There is no such template, or it is not to be used any more.
    #[error("there is no template with this name that can be used")]
    NoTemplate,
    /// Variables of the template are missing or wrong.
    #[error("variables of the template are missing or wrong")]
    Variables(Vec<WrongVariable>),
    /// The template has no words for a channel, or wrong ones.
    #[error(transparent)]
    Words(#[from] RenderError),
    /// The database does not serve.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A title where a channel needs one and none was given.
const SUBJECT_CHARS: usize = 60;

/// The message for one person.
pub(crate) async fn compose(
    part: &Part,
    wish: &Wish,
    recipient: &Recipient,
    author: Author,
) -> Result<NewMessage, ComposeError> {
    let contact = contact_of(part, recipient).await?;
    let to = to_of(contact.as_ref(), recipient);
    let conversation = match &contact {
        Some(contact) => part.find::<Conversation>(contact.id.as_str()).await?.map(|row| row.id),
        None => None,
    };
    let plan = plan(wish)?;
    if plan.channels().all(|channel| to.on(channel).is_none()) {
        let channels: Vec<_> = plan.channels().map(Channel::as_str).collect();
        return Err(ComposeError::NoAddress(channels.join(", ")));
    }
    let (mut texts, template) = match &wish.template {
        Some(from) => {
            let made = templates::texts(part, (wish, from), recipient, contact.as_ref(), &plan).await?;
            (made.0, Some(made.1))
        }
        None => (plan.channels().map(|channel| (channel, text_on(channel, wish))).collect(), None),
    };
    if let Some(spoken) = texts.get_mut(&Channel::Voice) {
        let of_contact = contact.as_ref().and_then(|contact| contact.value.language.clone());
        spoken.language = spoken.language.take().or_else(|| recipient.language.clone()).or(of_contact);
    }
    Ok(NewMessage {
        to,
        kind: wish.kind,
        plan,
        texts,
        sender: wish.from.clone(),
        conversation,
        fence: None,
        author,
        send_at: wish.send_at,
        useful_until: wish.useful_until,
        batch: None,
        template,
        call: None,
    })
}

/// By which channels a message goes.
///
/// # Errors
/// When its own chain will not do.
pub(crate) fn plan(wish: &Wish) -> Result<Plan, PlanError> {
    match &wish.chain {
        Some(steps) => Plan::explicit(steps.clone(), wish.email_backup.unwrap_or(EmailBackup::Off)),
        None => {
            let backup = wish.email_backup.unwrap_or_else(|| EmailBackup::default_for(wish.kind));
            Ok(Plan::of(wish.kind, backup, wish.voice))
        }
    }
}

/// A batch's message for one of its recipients. One who cannot be written to gets one that fails, with the reason.
pub(super) async fn of_batch(
    part: &Part,
    batch: &Stored<Batch>,
    recipient: &Recipient,
) -> Result<NewMessage, StoreError> {
    let wish = Wish::deserialize(&batch.value.message)
        .map_err(|source| StoreError::Unreadable { what: "batch", source })?;
    let made = compose(part, &wish, recipient, Author::Api).await;
    let mut message = match made {
        Ok(message) => message,
        Err(ComposeError::Store(cause)) => return Err(cause),
        Err(
            ComposeError::NoContact
            | ComposeError::Plan(_)
            | ComposeError::NoAddress(_)
            | ComposeError::NoTemplate
            | ComposeError::Variables(_)
            | ComposeError::Words(_),
        ) => unreachable_message(&wish, recipient),
    };
    message.batch = Some(batch.id.clone());
    message.send_at = batch.value.send_at.or(message.send_at);
    Ok(message)
}

/// A message to nobody who can be reached: it is accepted, and its decisions say why it failed.
fn unreachable_message(wish: &Wish, recipient: &Recipient) -> NewMessage {
    let plan = Plan::of(wish.kind, EmailBackup::Off, false);
    let texts = plan.channels().map(|channel| (channel, text_on(channel, wish))).collect();
    NewMessage {
        to: to_of(None, recipient),
        kind: wish.kind,
        plan,
        texts,
        sender: None,
        conversation: None,
        fence: None,
        author: Author::Api,
        send_at: None,
        useful_until: Some(now_us()),
        batch: None,
        template: None,
        call: None,
    }
}

async fn contact_of(part: &Part, recipient: &Recipient) -> Result<Option<Stored<Contact>>, ComposeError> {
    if let Some(id) = &recipient.contact {
        return part.get::<Contact>(id).await?.map(Some).ok_or(ComposeError::NoContact);
    }
    let phone = recipient.phone.as_deref().map(settled);
    let addresses = [
        (AddressKind::Phone, phone.as_deref()),
        (AddressKind::Email, recipient.email.as_deref()),
        (AddressKind::Push, recipient.push.as_deref()),
    ];
    for (kind, address) in addresses {
        if let Some(address) = address
            && let Some(found) = with_address(part, kind, address).await?
        {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// All addresses of a person: those that are named, and for other channels those of the contact.
fn to_of(contact: Option<&Stored<Contact>>, recipient: &Recipient) -> To {
    let of_contact = |kind: AddressKind| {
        let addresses = contact.into_iter().flat_map(|contact| &contact.value.addresses);
        addresses.filter(|address| address.kind == kind).map(|address| address.address.clone()).next()
    };
    To {
        contact: contact.map(|contact| contact.id.clone()).or_else(|| recipient.contact.clone()),
        phone: recipient.phone.clone().or_else(|| of_contact(AddressKind::Phone)).as_deref().map(settled),
        email: recipient.email.clone().or_else(|| of_contact(AddressKind::Email)),
        push: recipient.push.clone().or_else(|| of_contact(AddressKind::Push)),
        time_zone: contact.and_then(|contact| contact.value.time_zone.clone()),
    }
}

/// What is said on a channel without a template.
pub(super) fn text_on(channel: Channel, wish: &Wish) -> Text {
    let title = || {
        let first = wish.text.lines().next().unwrap_or_default();
        let cut: String = first.chars().take(SUBJECT_CHARS).collect();
        wish.subject.clone().unwrap_or(cut)
    };
    let text = wish.text.clone();
    match channel {
        Channel::Sms | Channel::Whatsapp => Text { text, media: wish.media.clone(), ..Text::default() },
        Channel::Email => Text {
            subject: Some(title()),
            text,
            html: wish.html.clone(),
            media: wish.media.clone(),
            ..Text::default()
        },
        Channel::Push => Text { subject: wish.subject.clone(), text, ..Text::default() },
        Channel::Voice => Text { text, ..Text::default() },
    }
}

/// Who a recipient is, as a request names them.
pub(crate) const fn recipient(
    contact: Option<ContactId>,
    phone: Option<String>,
    email: Option<String>,
    push: Option<String>,
) -> Recipient {
    Recipient { contact, phone, email, push, language: None, variables: BTreeMap::new() }
}
