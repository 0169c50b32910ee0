//! Email by a tenant's mail server. A mail's `Message-ID` is made of the try, so that a try of which nobody knows what came is sent again
//! as the same mail, and an answer or a bounce leads back to it.
//!
//! - A mail in a conversation names the mails before it there.
//! - What goes to many says how one gets no more of it with one click; what is meant for one person does not.
//! - Text without HTML gets plain HTML. Files that are kept here go along as attachments; those that are elsewhere as links, because
//!   nothing is fetched from an address that somebody wrote.

use super::{Senders, no_account, routes};
use crate::{
    directory::Account,
    files::{FileError, TO_SAVE, name_of, type_of},
    mail_servers::{SMTP, Sending},
    unsubscribe,
};
use ::mail::{
    Attachment, Automatic, ComposeLimits, Draft, EmailAddress, MessageId, NotSent, OAuthError,
    Outcome as Posted, Refusal, Stage, Thread, Unsubscribe, compose,
};
use messaging::{
    Channel, Failure, FailureClass,
    dispatch::{Outcome, Recovery},
    failure::of_smtp,
};
use outbox::{Parcel, Route, Sent};
use std::{fmt::Write as _, time::Duration};
use store::{
    Filter, StoreError, TenantStore,
    model::{
        message::{Author, Channel as Stored, Message, MessageDirection},
        outgoing::Attempt,
    },
};

/// Mails of a conversation that are looked at for the thread.
const LOOKED_AT: u16 = 50;
/// When all connections to a server are in use, a message comes again after so long.
const BUSY: Duration = Duration::from_secs(15);
/// The server's word for a mail that it has.
const WORD: &str = "accepted";

/// The way out of a mail server.
pub(super) fn route(account: &Account) -> Option<Route> {
    if !routes::is_for(account, "email") {
        return None;
    }
    let from = account.properties.get("from")?;
    Some(Route {
        channel: Channel::Email,
        account: routes::id_of(account),
        provider: SMTP,
        senders: vec![from.trim().to_lowercase()],
        tier: routes::tier(account),
        priority: account.priority,
        capable: true,
        windowed: false,
        recovery: Recovery::SameKey,
        per_second: routes::per_second(account),
    })
}

/// Hands a message to the mail server.
pub(super) async fn send(senders: &Senders, account: &Account, parcel: &Parcel) -> Sent {
    let sending = match senders.messengers.mail.sending_of(routes::id_of(account), account) {
        Ok(sending) => sending,
        Err(fault) => return Sent { error: Some(fault.to_string()), ..no_account() },
    };
    let part = senders.store.tenant(&parcel.tenant);
    let known = match Known::of(&*part, parcel).await {
        Ok(known) => known,
        Err(cause) => {
            let failure = Failure::new(FailureClass::Temporary);
            return Sent { error: Some(cause.to_string()), ..Sent::of(Outcome::Refused { failure }) };
        }
    };
    let files = match Enclosed::of(senders, parcel).await {
        Ok(files) => files,
        Err(cause) => {
            let failure = Failure::new(FailureClass::Temporary);
            return Sent { error: Some(cause.to_string()), ..Sent::of(Outcome::Refused { failure }) };
        }
    };
    let Some(draft) = draft(senders, &sending, parcel, (known, files)) else {
        let failure = Failure::new(FailureClass::BadAddress);
        return Sent::of(Outcome::Refused { failure });
    };
    match compose(&draft, &ComposeLimits::default(), sending.dkim.as_ref()) {
        Ok(composed) => outcome(sending.sender.send(&composed).await, &draft.message_id),
        Err(cause) => {
            let failure = Failure::new(FailureClass::Message);
            Sent { error: Some(cause.to_string()), ..Sent::of(Outcome::Refused { failure }) }
        }
    }
}

/// What the database knows of a mail that is to be sent.
#[derive(Default)]
struct Known {
    /// When the try was begun, unix µs.
    begun_at: Option<i64>,
    is_of_batch: bool,
    is_automatic: bool,
    thread: Option<Thread>,
}

impl Known {
    async fn of(part: &(dyn TenantStore + 'static), parcel: &Parcel) -> Result<Self, StoreError> {
        let attempt = part.get::<Attempt>(&parcel.attempt).await?;
        let message = part.get::<Message>(&parcel.message).await?.map(|row| row.value);
        let said = parcel.text.in_reply_to.iter().filter_map(|id| MessageId::parse(id).ok()).collect();
        let before = match &parcel.conversation {
            Some(conversation) => {
                let filter = Filter::first(LOOKED_AT).of(conversation.as_str());
                mails(
                    part.list::<Message>(&filter)
                        .await?
                        .into_iter()
                        .filter(|row| row.id != parcel.message)
                        .map(|row| row.value),
                )
            }
            None => Vec::new(),
        };
        let author = message.as_ref().and_then(|message| message.author.as_ref());
        Ok(Self {
            begun_at: attempt.map(|row| row.value.begun_at),
            is_of_batch: message.as_ref().is_some_and(|message| message.batch.is_some()),
            is_automatic: matches!(author, Some(Author::Assistant { .. })),
            thread: thread(said).or_else(|| thread(before)),
        })
    }
}

/// What goes along with a mail.
struct Enclosed {
    attachments: Vec<Attachment>,
    links: Vec<String>,
}

impl Enclosed {
    /// The files of a message: those that are kept here, and where the others are. One that is gone, or too long beside the others, is not
    /// there any more for anybody.
    async fn of(senders: &Senders, parcel: &Parcel) -> Result<Self, FileError> {
        let mut room = ComposeLimits::default().attachment_bytes;
        let mut enclosed = Self { attachments: Vec::new(), links: Vec::new() };
        for address in &parcel.text.media {
            let Some(key) = senders.files.key(address) else {
                enclosed.links.push(address.clone());
                continue;
            };
            let Some(content) = senders.files.read(&key, room).await? else { continue };
            room = room.saturating_sub(content.len());
            let name = name_of(&key).to_owned();
            let media_type = type_of(&name).unwrap_or(TO_SAVE).to_owned();
            enclosed.attachments.push(Attachment { name, media_type, content, content_id: None });
        }
        Ok(enclosed)
    }
}

/// The ids of a conversation's mails, the newest first in `messages`; what the other wrote last comes last, because that is answered.
fn mails(messages: impl Iterator<Item = Message>) -> Vec<MessageId> {
    let is_mail = |message: &Message| message.channel == Stored::Email;
    let ids = messages.filter(is_mail).filter_map(|message| {
        let id = MessageId::parse(message.provider_id.as_deref()?).ok()?;
        Some((message.direction, id))
    });
    let mut ids: Vec<_> = ids.collect();
    ids.reverse();
    if let Some(place) = ids.iter().rposition(|(direction, _)| *direction == MessageDirection::Inbound) {
        let answered = ids.remove(place);
        ids.push(answered);
    }
    ids.into_iter().map(|(_, id)| id).collect()
}

/// The thread of an answer to the last of these.
fn thread(mut ids: Vec<MessageId>) -> Option<Thread> {
    let in_reply_to = ids.pop()?;
    Some(Thread { in_reply_to, references: ids })
}

/// The mail as it is to be written; `None`: nobody can have this address.
fn draft(
    senders: &Senders,
    sending: &Sending,
    parcel: &Parcel,
    (known, files): (Known, Enclosed),
) -> Option<Draft> {
    let to = EmailAddress::parse(&parcel.address).ok()?;
    let domain = sending.from.address().domain();
    let message_id = MessageId::parse(&format!("{}@{domain}", parcel.attempt)).ok()?;
    let token = parcel.conversation.as_ref().filter(|_| sending.plus_addressing);
    let own = sending.reply_to.as_ref().unwrap_or(sending.from.address());
    let reply_to = match token.map(|token| own.with_token(token.as_str())) {
        Some(Ok(address)) => Some(address),
        Some(Err(_)) | None => sending.reply_to.clone(),
    };
    let text = with_links(&parcel.text.text, &files.links);
    let html = match &parcel.text.html {
        Some(html) => format!("{html}{}", html_links(&files.links)),
        None => html_of(&text),
    };
    let unsubscribe = known.is_of_batch.then(|| unsubscribe::url(senders, parcel)).flatten();
    Some(Draft {
        from: sending.from.clone(),
        to: vec![to.into()],
        cc: Vec::new(),
        reply_to: reply_to.map(Into::into),
        bounces_to: None,
        subject: one_line(parcel.text.subject.as_deref().unwrap_or_default()),
        text: Some(text),
        html: Some(html),
        attachments: files.attachments,
        message_id,
        date: known.begun_at.unwrap_or_else(crate::clock::now_us),
        automatic: known.is_automatic.then_some(Automatic::Replied),
        thread: known.thread,
        unsubscribe: unsubscribe.map(|url| Unsubscribe { url, mail_to: None }),
    })
}

fn one_line(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect::<String>().trim().to_owned()
}

fn with_links(text: &str, media: &[String]) -> String {
    let mut whole = text.to_owned();
    for url in media {
        // Writing to a String does not fail.
        write!(whole, "\n\n{url}").unwrap_or_default();
    }
    whole
}

fn html_links(media: &[String]) -> String {
    media.iter().map(|url| format!("<p><a href=\"{0}\">{0}</a></p>", escaped(url))).collect()
}

/// A text as HTML: paragraphs where lines are empty.
fn html_of(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let paragraphs = text.split("\n\n").map(|paragraph| {
        let lines: Vec<_> = paragraph.trim_matches('\n').split('\n').map(escaped).collect();
        format!("<p>{}</p>", lines.join("<br>"))
    });
    format!("<!DOCTYPE html><html><body>{}</body></html>", paragraphs.collect::<String>())
}

pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// What came of it.
fn outcome(posted: Posted, id: &MessageId) -> Sent {
    let refused = |failure: Failure, error: String| Sent {
        error: Some(error),
        ..Sent::of(Outcome::Refused { failure })
    };
    match posted {
        Posted::Accepted { .. } => Sent {
            word: Some(WORD.to_owned()),
            ..Sent::of(Outcome::Accepted { provider_id: id.as_str().to_owned() })
        },
        Posted::Refused(refusal) => refused(failure(&refusal), refusal.text),
        Posted::NotSent(cause) => {
            let class = match &cause {
                // Our own limit: it was not sent, and a queue is no reason to give a message up.
                NotSent::Busy => {
                    let until = crate::clock::after(BUSY);
                    return Sent { error: Some(cause.to_string()), ..Sent::of(Outcome::Deferred { until }) };
                }
                NotSent::Unreachable(_) | NotSent::Token(OAuthError::Unavailable { .. }) => {
                    FailureClass::Temporary
                }
                NotSent::NotOffered(_)
                | NotSent::Login(_)
                | NotSent::Token(OAuthError::ReconnectNeeded(_) | OAuthError::Configuration(_)) => {
                    FailureClass::Account
                }
            };
            refused(Failure::new(class), cause.to_string())
        }
        Posted::Unknown { cause } => Sent { error: Some(cause), ..Sent::of(Outcome::Unknown) },
    }
}

/// What a server's no means. Only what it says of the recipient says that there is no such address.
fn failure(refusal: &Refusal) -> Failure {
    let enhanced = refusal.enhanced.map(|code| (code.class, code.subject, code.detail));
    let failure = of_smtp(refusal.code, enhanced);
    if failure.class == FailureClass::BadAddress && !refusal.is_bad_recipient() {
        let class =
            if refusal.stage == Stage::Sender { FailureClass::Account } else { FailureClass::NotCarried };
        return Failure { class, ..failure };
    }
    failure
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::mail::EnhancedCode;

    fn refusal(stage: Stage, code: u16, enhanced: Option<(u8, u16, u16)>) -> Refusal {
        Refusal {
            temporary: code < 500,
            stage,
            recipient: None,
            code,
            enhanced: enhanced.map(|(class, subject, detail)| EnhancedCode { class, subject, detail }),
            text: String::new(),
        }
    }

    #[test]
    fn only_what_is_said_of_the_recipient_makes_an_address_nobodys() {
        let class = |stage, code, enhanced| failure(&refusal(stage, code, enhanced)).class;
        assert_eq!(class(Stage::Recipient, 550, Some((5, 1, 1))), FailureClass::BadAddress);
        assert_eq!(class(Stage::Recipient, 550, None), FailureClass::BadAddress);
        assert_eq!(class(Stage::Message, 550, None), FailureClass::NotCarried);
        assert_eq!(class(Stage::Sender, 550, None), FailureClass::Account);
        assert!(class(Stage::Recipient, 450, Some((4, 2, 0))).rule().retryable);
    }

    #[test]
    fn a_lost_answer_is_unknown_and_a_lost_server_lets_another_account_send() {
        let id = MessageId::parse("att_1@example.com").unwrap();
        assert_eq!(outcome(Posted::Unknown { cause: String::new() }, &id).outcome, Outcome::Unknown);
        let class = |cause| match outcome(Posted::NotSent(cause), &id).outcome {
            Outcome::Refused { failure } => failure.class,
            other => panic!("{other:?}"),
        };
        assert!(class(NotSent::Unreachable(String::new())).rule().retryable);
        assert!(class(NotSent::Login(String::new())).rule().next_account);
        let revoked = OAuthError::ReconnectNeeded(String::new());
        assert_eq!(class(NotSent::Token(revoked)), FailureClass::Account);
    }

    #[test]
    fn a_text_becomes_html_that_shows_it_and_runs_nothing() {
        let html = html_of(&with_links("Hello <b>\nyou & I\n\nBye", &["https://a.test/?b=\"c".to_owned()]));
        assert!(
            html.contains("<p>Hello &lt;b&gt;<br>you &amp; I</p><p>Bye</p><p>https://a.test/?b=&quot;c</p>"),
            "{html}"
        );
    }
}
