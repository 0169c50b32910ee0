//! The headers and the parts of a message, as the library writes them.

use super::{Automatic, ComposeError, ComposeLimits, Draft, Thread};
use crate::{address::Mailbox, message_id::MessageId};
use lettre::{
    Message,
    message::{
        Attachment, MessageBuilder, MultiPart, SinglePart,
        header::{ContentType, HeaderName, HeaderValue},
    },
};
use sha2::{Digest, Sha256};
use std::time::{Duration, UNIX_EPOCH};

pub(super) fn write(draft: &Draft, limits: &ComposeLimits, text: String) -> Result<Vec<u8>, ComposeError> {
    let body = Parts { draft, count: 0 }.body(text)?;
    let message = headers(draft, limits)?;
    let message = match body {
        Body::Single(part) => message.singlepart(part),
        Body::Multi(part) => message.multipart(part),
    };
    Ok(message.map_err(failed)?.formatted())
}

fn failed(error: impl std::fmt::Display) -> ComposeError {
    ComposeError::Write(error.to_string())
}

fn headers(draft: &Draft, limits: &ComposeLimits) -> Result<MessageBuilder, ComposeError> {
    let micros = u64::try_from(draft.date).map_err(|_| ComposeError::Date)?;
    let mut message = Message::builder()
        .date(UNIX_EPOCH + Duration::from_micros(micros))
        .from(mailbox(&draft.from)?)
        .message_id(Some(draft.message_id.in_brackets()))
        .subject(draft.subject.clone());
    for to in &draft.to {
        message = message.to(mailbox(to)?);
    }
    for cc in &draft.cc {
        message = message.cc(mailbox(cc)?);
    }
    if let Some(reply_to) = &draft.reply_to {
        message = message.reply_to(mailbox(reply_to)?);
    }
    if let Some(thread) = &draft.thread {
        message = message.in_reply_to(thread.in_reply_to.in_brackets());
        message = message.references(references(thread, limits.references));
    }
    if let Some(automatic) = draft.automatic {
        let value = match automatic {
            Automatic::Replied => "auto-replied",
            Automatic::Generated => "auto-generated",
        };
        message = message.raw_header(raw("Auto-Submitted", value)?);
        // Exchange answers even then; this stops its out-of-office notices.
        message = message.raw_header(raw("X-Auto-Response-Suppress", "All")?);
    }
    if let Some(unsubscribe) = &draft.unsubscribe {
        let mut value = format!("<{}>", unsubscribe.url);
        if let Some(address) = &unsubscribe.mail_to {
            value = format!("{value}, <mailto:{address}>");
        }
        message = message.raw_header(raw("List-Unsubscribe", &value)?);
        message = message.raw_header(raw("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")?);
    }
    Ok(message)
}

fn raw(name: &str, value: &str) -> Result<HeaderValue, ComposeError> {
    let name = HeaderName::new_from_ascii(name.to_owned()).map_err(failed)?;
    Ok(HeaderValue::new(name, value.to_owned()))
}

fn mailbox(mailbox: &Mailbox) -> Result<lettre::message::Mailbox, ComposeError> {
    let address = mailbox.address();
    let address = lettre::Address::new(address.local_part(), address.domain()).map_err(failed)?;
    Ok(lettre::message::Mailbox::new(mailbox.name().map(str::to_owned), address))
}

/// The thread's first mail and its latest, so that the header stays short and both ends hold (RFC 5322 3.6.4 asks for all).
fn references(thread: &Thread, most: usize) -> String {
    let mut ids: Vec<&MessageId> = Vec::new();
    for id in thread.references.iter().chain([&thread.in_reply_to]) {
        if *id == thread.in_reply_to {
            ids.retain(|known| *known != id);
        }
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    if ids.len() > most.max(2) {
        ids.drain(1..=ids.len() - most.max(2));
    }
    let ids: Vec<String> = ids.into_iter().map(MessageId::in_brackets).collect();
    ids.join(" ")
}

enum Body {
    Single(SinglePart),
    Multi(MultiPart),
}

/// Names the borders between parts after the message's id, where the library would throw dice.
struct Parts<'a> {
    draft: &'a Draft,
    count: u8,
}

impl Parts<'_> {
    fn boundary(&mut self) -> String {
        self.count += 1;
        let digest = Sha256::digest(format!("{} {}", self.count, self.draft.message_id));
        digest.iter().take(15).fold("=_".to_owned(), |text, byte| text + &format!("{byte:02x}"))
    }

    fn body(&mut self, text: String) -> Result<Body, ComposeError> {
        let text = SinglePart::plain(text);
        let (shown, files): (Vec<_>, Vec<_>) =
            self.draft.attachments.iter().partition(|attachment| attachment.content_id.is_some());
        let mut body = match self.draft.html.clone() {
            None => Body::Single(text),
            Some(html) => {
                let parts = MultiPart::alternative().boundary(self.boundary()).singlepart(text);
                let html = SinglePart::html(html);
                Body::Multi(if shown.is_empty() {
                    parts.singlepart(html)
                } else {
                    let mut related = MultiPart::related().boundary(self.boundary()).singlepart(html);
                    for attachment in &shown {
                        related = related.singlepart(attached(attachment)?);
                    }
                    parts.multipart(related)
                })
            }
        };
        // Without HTML there is nothing that could show a picture: it is a file like the others.
        let files = if self.draft.html.is_some() { files } else { self.draft.attachments.iter().collect() };
        if !files.is_empty() {
            let mixed = MultiPart::mixed().boundary(self.boundary());
            let mut mixed = match body {
                Body::Single(part) => mixed.singlepart(part),
                Body::Multi(part) => mixed.multipart(part),
            };
            for attachment in files {
                mixed = mixed.singlepart(attached(attachment)?);
            }
            body = Body::Multi(mixed);
        }
        Ok(body)
    }
}

fn attached(attachment: &super::Attachment) -> Result<SinglePart, ComposeError> {
    let wrong = || ComposeError::MediaType(attachment.media_type.clone());
    let media_type = ContentType::parse(&attachment.media_type).map_err(|_| wrong())?;
    // A part that is itself of several would not be taken as a file.
    if attachment.media_type.to_ascii_lowercase().starts_with("multipart/") {
        return Err(wrong());
    }
    let part = match &attachment.content_id {
        Some(id) => Attachment::new_inline_with_name(id.clone(), attachment.name.clone()),
        None => Attachment::new(attachment.name.clone()),
    };
    Ok(part.body(attachment.content.to_vec(), media_type))
}
