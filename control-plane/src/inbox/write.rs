//! What is written in a conversation becomes a message on one channel: the one that is named, or that of the last message.

use crate::{
    sending::compose::{ComposeError, Wish, compose},
    who_answers::Part,
};
use messaging::{MessageType, plan::Step};
use outbox::{NewMessage, channel_of};
use store::{
    Stored,
    model::{
        message::{Author, Channel, Conversation},
        outgoing::Recipient,
    },
};

/// The message, to whoever the conversation is with.
///
/// # Errors
/// When they have no address on the channel, or the database does not serve.
pub(crate) async fn message(
    part: &Part,
    row: &Stored<Conversation>,
    text: &str,
    channel: Option<Channel>,
    author: Author,
) -> Result<NewMessage, ComposeError> {
    let conversation = &row.value;
    let written = match channel.unwrap_or(conversation.channel) {
        // Nothing is written in a call.
        Channel::Voice => Channel::Sms,
        other => other,
    };
    let wish = Wish {
        kind: MessageType::Instant,
        chain: Some(vec![Step::of(&[channel_of(written)])]),
        voice: false,
        email_backup: None,
        text: text.to_owned(),
        subject: conversation.subject.as_deref().filter(|_| written == Channel::Email).map(of_answer),
        html: None,
        template: None,
        media: Vec::new(),
        from: own_address(conversation, written),
        send_at: None,
        useful_until: None,
    };
    let mut new = compose(part, &wish, &recipient(conversation, written), author).await?;
    new.conversation = Some(row.id.clone());
    Ok(new)
}

/// The subject of an answer: `Re: ` once, the rest unchanged, as clients that sort by subject need it.
fn of_answer(subject: &str) -> String {
    let has_re = subject.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("re:"));
    if has_re { subject.to_owned() } else { format!("Re: {subject}") }
}

/// The address that the other wrote to: they are answered from there.
fn own_address(conversation: &Conversation, channel: Channel) -> Option<String> {
    let is_same_kind = super::address_kind(conversation.channel) == super::address_kind(channel);
    let is_text = conversation.channel == channel || conversation.channel == Channel::Voice;
    (is_same_kind && is_text && !conversation.own_address.is_empty())
        .then(|| conversation.own_address.clone())
}

/// The address that wrote last counts before others of the contact.
fn recipient(conversation: &Conversation, channel: Channel) -> Recipient {
    use store::model::contact::AddressKind;
    let same = super::address_kind(conversation.channel) == super::address_kind(channel);
    let address = same.then(|| conversation.address.clone());
    let on = |kind| address.clone().filter(|_| super::address_kind(channel) == kind);
    Recipient {
        contact: conversation.contact.clone(),
        phone: on(AddressKind::Phone),
        email: on(AddressKind::Email),
        push: on(AddressKind::Push),
        ..Recipient::default()
    }
}
