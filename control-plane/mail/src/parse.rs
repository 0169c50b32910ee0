//! A received mail as values. Pure, and for whatever anybody sends: nothing here fails, there is only less of it.
//!
//! Who wrote, to whom, what it answers ([`Received::thread_candidates`]), the text with and without what is quoted, files, and whether
//! a machine wrote it: then nobody must answer by machine ([`Received::automatic`]).

mod automatic;
mod bounce;
mod guard;
mod quote;

pub use automatic::AutomaticReason;
pub use bounce::{Bounce, BounceAction, FailedRecipient};
pub use quote::without_history;

use crate::{EmailAddress, MessageId, html};
use bytes::Bytes;
use guard::Guarded;
use jiff::{Timestamp, civil, tz::Offset};
use mail_parser::{
    Addr, Address, HeaderName, HeaderValue, Message, MessageParser, MessagePart, MimeHeaders, PartType,
};
use std::fmt;

/// How much is taken of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseLimits {
    /// Text, and HTML, each, in bytes. Default 256 KiB: a long letter has 20. What is beyond is cut off.
    pub text_bytes: usize,
    /// Attachments. Default 20; further ones are counted in [`Received::left_out`].
    pub attachments: usize,
    /// All attachments together, bytes. Default 10 MiB.
    pub attachment_bytes: usize,
    /// Addresses in each header. Default 100.
    pub addresses: usize,
    /// Ids in `References`. Default 50: the first, and the latest.
    pub references: usize,
}

impl Default for ParseLimits {
    fn default() -> Self {
        Self {
            text_bytes: 256 * 1024,
            attachments: 20,
            attachment_bytes: 10 * 1024 * 1024,
            addresses: 100,
            references: 50,
        }
    }
}

/// Longest subject, name, file name or address that is kept, in characters.
const LONGEST_LINE: usize = 500;

/// Somebody in a header, as it was written: an address need not be one that mail can be sent to.
#[derive(Clone, PartialEq, Eq)]
pub struct Party {
    /// The name beside the address.
    pub name: Option<String>,
    /// The address.
    pub address: String,
}

impl Party {
    /// The address, if mail can be sent to it.
    #[must_use]
    pub fn email(&self) -> Option<EmailAddress> {
        EmailAddress::parse(&self.address).ok()
    }
}

impl fmt::Debug for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Party(…)")
    }
}

/// A file that came with a mail.
#[derive(Clone, PartialEq, Eq)]
pub struct ReceivedAttachment {
    /// Its name as it was given: no path of ours can be made of it.
    pub name: Option<String>,
    /// Such as `application/pdf`, as it was given.
    pub media_type: String,
    /// What is in it.
    pub content: Bytes,
    /// The HTML shows it as `cid:` and this id.
    pub content_id: Option<String>,
}

impl fmt::Debug for ReceivedAttachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReceivedAttachment({} bytes)", self.content.len())
    }
}

/// A received mail.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Received {
    /// Its id, as the sender's server gave it; some do not.
    pub message_id: Option<MessageId>,
    /// What it answers.
    pub in_reply_to: Vec<MessageId>,
    /// Its thread, oldest first.
    pub references: Vec<MessageId>,
    /// Who wrote.
    pub from: Option<Party>,
    /// Where answers go, if not there.
    pub reply_to: Option<Party>,
    /// To whom.
    pub to: Vec<Party>,
    /// Who got a copy.
    pub cc: Vec<Party>,
    /// At which addresses it came in (`Delivered-To`, `X-Original-To`, `Envelope-To`).
    pub delivered_to: Vec<String>,
    /// One line.
    pub subject: String,
    /// When it was written by its sender's clock, unix µs.
    pub date: Option<i64>,
    /// All of the text; made from the HTML if there is none.
    pub text: String,
    /// The text without quoted history and signature.
    pub new_text: String,
    /// As it came, not made safe to show.
    pub html: Option<String>,
    /// Files.
    pub attachments: Vec<ReceivedAttachment>,
    /// Files that were too many or too large.
    pub left_out: usize,
    /// Text or HTML was cut off at the limit, or the mail has so many parts that only its headers were read.
    pub cut: bool,
    /// Why no machine must answer it.
    pub automatic: Option<AutomaticReason>,
    /// What it says about a mail of ours that did not arrive.
    pub bounce: Option<Bounce>,
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received")
            .field("message_id", &self.message_id)
            .field("automatic", &self.automatic)
            .field("bounce", &self.bounce)
            .finish_non_exhaustive()
    }
}

impl Received {
    /// The mails that it can belong to, the best first: what it answers, then its thread from the end.
    #[must_use]
    pub fn thread_candidates(&self) -> Vec<&MessageId> {
        let mut ids = Vec::new();
        for id in self.in_reply_to.iter().chain(self.references.iter().rev()) {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        ids
    }

    /// The token of one of the addresses that it was sent to, made by [`EmailAddress::with_token`] from `ours`.
    #[must_use]
    pub fn token(&self, ours: &EmailAddress) -> Option<&str> {
        let addressed = self.to.iter().chain(&self.cc).map(|party| party.address.as_str());
        self.delivered_to
            .iter()
            .map(String::as_str)
            .chain(addressed)
            .find_map(|address| ours.token_in(address))
    }

    /// Whether we wrote it ourselves.
    #[must_use]
    pub fn is_from(&self, ours: &EmailAddress) -> bool {
        self.from.as_ref().is_some_and(|from| ours.is_same_mailbox(&from.address))
    }

    /// Whom an answer goes to.
    #[must_use]
    pub fn answer_to(&self) -> Option<&Party> {
        self.reply_to.as_ref().or(self.from.as_ref())
    }

    /// The thread of an answer to it.
    #[must_use]
    pub fn thread_of_answer(&self) -> Option<crate::Thread> {
        let in_reply_to = self.message_id.clone()?;
        let mut references = self.references.clone();
        if references.is_empty() {
            references.clone_from(&self.in_reply_to);
        }
        Some(crate::Thread { in_reply_to, references })
    }

    /// The subject of an answer to it: `Re: ` once, the rest unchanged, as clients that sort by subject need it.
    #[must_use]
    pub fn subject_of_answer(&self) -> String {
        let has_re = self.subject.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("re:"));
        if has_re { self.subject.clone() } else { format!("Re: {}", self.subject).trim_end().to_owned() }
    }
}

/// Reads a mail; `None` where there is not even a header.
#[must_use]
pub fn parse(raw: &[u8], limits: &ParseLimits) -> Option<Received> {
    let guarded = guard::guard(raw);
    let (message, cut) = match &guarded {
        Guarded::Whole(raw) => (MessageParser::default().parse(raw)?, false),
        Guarded::HeadersOnly => (MessageParser::default().parse_headers(raw)?, true),
    };
    if message.headers().is_empty() {
        return None;
    }
    let parties = |header: HeaderName<'static>| parties(message.header(header), limits);
    let mut received = Received {
        message_id: ids(message.header(HeaderName::MessageId), limits).pop(),
        in_reply_to: ids(message.header(HeaderName::InReplyTo), limits),
        references: ids(message.header(HeaderName::References), limits),
        from: parties(HeaderName::From).into_iter().next(),
        reply_to: parties(HeaderName::ReplyTo).into_iter().next(),
        to: parties(HeaderName::To),
        cc: parties(HeaderName::Cc),
        delivered_to: delivered_to(&message, limits),
        subject: one_line(message.subject().unwrap_or_default()),
        date: message.date().and_then(time),
        bounce: bounce::read(&message, limits),
        cut,
        ..Received::default()
    };
    received.automatic = automatic::reason(&message, &received);
    body(&message, limits, &mut received);
    attachments(&message, limits, &mut received);
    received.new_text = without_history(&received.text);
    Some(received)
}

fn body(message: &Message<'_>, limits: &ParseLimits, received: &mut Received) {
    let mut text: Vec<&str> = Vec::new();
    let mut html: Vec<&str> = Vec::new();
    for part in message.text_bodies() {
        if let PartType::Text(content) = &part.body {
            text.push(content);
        }
    }
    for part in message.html_bodies() {
        if let PartType::Html(content) = &part.body {
            html.push(content);
        }
    }
    let cut = &mut received.cut;
    let mut join = |parts: &[&str], between: &str| {
        let whole = parts.join(between);
        *cut |= whole.len() > limits.text_bytes;
        up_to(&whole, limits.text_bytes).to_owned()
    };
    received.html = (!html.is_empty()).then(|| join(&html, "\n"));
    received.text = if text.iter().any(|part| !part.trim().is_empty()) {
        clean(&join(&text, "\n"))
    } else {
        let text = html::to_text(received.html.as_deref().unwrap_or_default());
        up_to(&text, limits.text_bytes).to_owned()
    };
}

fn attachments(message: &Message<'_>, limits: &ParseLimits, received: &mut Received) {
    let mut left = limits.attachment_bytes;
    for part in message.attachments() {
        let content: &[u8] = match &part.body {
            // Further texts of a mail stand in its text already.
            PartType::Multipart(_) => continue,
            PartType::Message(inner) => inner.raw_message(),
            PartType::Text(_) | PartType::Html(_) | PartType::Binary(_) | PartType::InlineBinary(_) => {
                part.contents()
            }
        };
        if received.attachments.len() >= limits.attachments || content.len() > left {
            received.left_out += 1;
            continue;
        }
        left -= content.len();
        received.attachments.push(ReceivedAttachment {
            name: part.attachment_name().map(one_line).filter(|name| !name.is_empty()),
            media_type: media_type(part),
            content: Bytes::copy_from_slice(content),
            content_id: part.content_id().map(|id| one_line(id.trim_matches(['<', '>']))),
        });
    }
}

fn media_type(part: &MessagePart<'_>) -> String {
    let whole = part.content_type().map(|media_type| {
        let subtype = media_type.subtype().unwrap_or("octet-stream");
        one_line(&format!("{}/{subtype}", media_type.ctype())).to_ascii_lowercase()
    });
    let fallback = if part.is_message() { "message/rfc822" } else { "application/octet-stream" };
    whole.unwrap_or_else(|| fallback.to_owned())
}

/// The ids of a header, the first and the latest if they are too many.
fn ids(value: Option<&HeaderValue<'_>>, limits: &ParseLimits) -> Vec<MessageId> {
    let mut ids: Vec<MessageId> = match value {
        Some(HeaderValue::Text(text)) => MessageId::received(text).into_iter().collect(),
        Some(HeaderValue::TextList(texts)) => {
            texts.iter().filter_map(|text| MessageId::received(text)).collect()
        }
        Some(_) | None => Vec::new(),
    };
    let most = limits.references.max(2);
    if ids.len() > most {
        ids.drain(1..=ids.len() - most);
    }
    ids
}

fn parties(value: Option<&HeaderValue<'_>>, limits: &ParseLimits) -> Vec<Party> {
    let Some(HeaderValue::Address(addresses)) = value else { return Vec::new() };
    let all: Vec<&Addr<'_>> = match addresses {
        Address::List(list) => list.iter().collect(),
        Address::Group(groups) => groups.iter().flat_map(|group| &group.addresses).collect(),
    };
    let party = |addr: &&Addr<'_>| {
        let name = addr.name.as_deref().map(one_line).filter(|name| !name.is_empty());
        Some(Party { name, address: one_line(addr.address.as_deref()?) })
    };
    all.iter().filter_map(party).take(limits.addresses).collect()
}

fn delivered_to(message: &Message<'_>, limits: &ParseLimits) -> Vec<String> {
    let names = ["delivered-to", "x-original-to", "envelope-to", "x-forwarded-to"];
    let mut found = Vec::new();
    for (name, value) in message.headers_raw() {
        if found.len() < limits.addresses && names.iter().any(|wanted| name.eq_ignore_ascii_case(wanted)) {
            found.push(one_line(value.trim().trim_matches(['<', '>'])));
        }
    }
    found
}

fn time(date: &mail_parser::DateTime) -> Option<i64> {
    let field = |number: u8| i8::try_from(number).ok();
    let civil = civil::DateTime::new(
        i16::try_from(date.year).ok()?,
        field(date.month)?,
        field(date.day)?,
        field(date.hour)?,
        field(date.minute)?,
        // A leap second.
        field(date.second.min(59))?,
        0,
    )
    .ok()?;
    let seconds = i32::from(date.tz_hour) * 3_600 + i32::from(date.tz_minute) * 60;
    let offset = Offset::from_seconds(if date.tz_before_gmt { -seconds } else { seconds }).ok()?;
    let time: Timestamp = offset.to_timestamp(civil).ok()?;
    Some(time.as_microsecond())
}

/// On one line, and not too long.
fn one_line(text: &str) -> String {
    let clean = text.chars().take(LONGEST_LINE).map(|char| if char.is_control() { ' ' } else { char });
    clean.collect::<String>().trim().to_owned()
}

/// As it is shown: one kind of line end, nothing that moves a cursor.
fn clean(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text: String =
        text.chars().filter(|char| !char.is_control() || matches!(char, '\n' | '\t')).collect();
    text.trim_matches('\n').trim_end().to_owned()
}

/// The first so many bytes, or fewer, up to a character's end.
fn up_to(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests;
