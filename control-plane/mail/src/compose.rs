//! One message as it goes out, from plain values. Pure: the id and the time come in, and the same draft gives the same bytes, so that
//! sending it again is sending the same mail.
//!
//! - No value can end a header or begin another one: control characters are refused where a header takes the value.
//! - There is always a text: without one it is made from the HTML.
//! - A mail in a thread names the one it answers and the thread's first and latest mails.
//! - Automatic answers say that they are, and bulk mail how one gets rid of it with one click.

mod dkim;
mod mime;

pub use dkim::{DkimError, DkimKey};

use crate::{address::EmailAddress, address::Mailbox, html, message_id::MessageId};
use bytes::Bytes;
use std::fmt;
use url::Url;

/// A message to be made.
#[derive(Clone)]
pub struct Draft {
    /// Who writes.
    pub from: Mailbox,
    /// To whom.
    pub to: Vec<Mailbox>,
    /// Who gets a copy.
    pub cc: Vec<Mailbox>,
    /// Where answers go, if not to `from`.
    pub reply_to: Option<Mailbox>,
    /// Where bounces go, if not to `from`.
    pub bounces_to: Option<EmailAddress>,
    /// One line.
    pub subject: String,
    /// As text; made from `html` if there is none.
    pub text: Option<String>,
    /// As HTML.
    pub html: Option<String>,
    /// Files, and pictures that the HTML shows.
    pub attachments: Vec<Attachment>,
    /// The caller's own id for it, the same for every attempt.
    pub message_id: MessageId,
    /// When it was written, unix µs.
    pub date: i64,
    /// What it answers.
    pub thread: Option<Thread>,
    /// Whether a machine wrote it.
    pub automatic: Option<Automatic>,
    /// How to get no more of it.
    pub unsubscribe: Option<Unsubscribe>,
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft")
            .field("message_id", &self.message_id)
            .field("to", &self.to)
            .finish_non_exhaustive()
    }
}

/// A file that goes with a message.
#[derive(Clone)]
pub struct Attachment {
    /// Its name.
    pub name: String,
    /// Such as `application/pdf`.
    pub media_type: String,
    /// What is in it.
    pub content: Bytes,
    /// The HTML shows it as `cid:` and this id; it is then no file to save.
    pub content_id: Option<String>,
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Attachment({}, {} bytes)", self.media_type, self.content.len())
    }
}

/// What a message answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// The mail that is answered.
    pub in_reply_to: MessageId,
    /// The thread so far, oldest first, with or without the mail that is answered.
    pub references: Vec<MessageId>,
}

/// How a machine came to write (RFC 3834): other machines do not answer it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Automatic {
    /// As an answer to a mail.
    Replied,
    /// Of its own accord: notices, reminders.
    Generated,
}

/// How to get no more (RFC 2369 and 8058): a `POST` to the URL does it, without questions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsubscribe {
    /// An `https` URL that knows who asks.
    pub url: Url,
    /// An address that a mail to does it too.
    pub mail_to: Option<EmailAddress>,
}

/// How much goes into a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ComposeLimits {
    /// Recipients, copies included. Default 50: what servers take at once is 100.
    pub recipients: usize,
    /// Text and HTML together, bytes. Default 1 MiB; Gmail shows the first 100 KiB.
    pub body_bytes: usize,
    /// Attachments. Default 20.
    pub attachments: usize,
    /// All attachments together, bytes. Default 18 MiB: with their encoding 25 MB, which is what large providers take.
    pub attachment_bytes: usize,
    /// Subject, in characters. Default 500.
    pub subject_chars: usize,
    /// Ids that `References` names. Default 21: the first, and the latest 20.
    pub references: usize,
}

impl Default for ComposeLimits {
    fn default() -> Self {
        Self {
            recipients: 50,
            body_bytes: 1024 * 1024,
            attachments: 20,
            attachment_bytes: 18 * 1024 * 1024,
            subject_chars: 500,
            references: 21,
        }
    }
}

/// Why a draft is no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// Nobody to send it to.
    #[error("a mail needs a recipient")]
    NoRecipient,
    /// Neither text nor HTML.
    #[error("a mail needs a text or HTML")]
    NoBody,
    /// A line break or another control character where a header takes the value.
    #[error("{0} must not have a line break or another control character")]
    ControlCharacter(&'static str),
    /// More than the limit.
    #[error("{what} must not be more than {most}")]
    TooMuch {
        /// Of what.
        what: &'static str,
        /// The limit.
        most: usize,
    },
    /// Not `type/subtype`.
    #[error("`{0}` is no media type")]
    MediaType(String),
    /// Not `https`.
    #[error("the URL to unsubscribe at must be https")]
    UnsubscribeUrl,
    /// Before 1970 or after 9998.
    #[error("the date cannot be written in a header")]
    Date,
    /// The library that writes MIME refused it.
    #[error("failed to write the message: {0}")]
    Write(String),
    /// It could not be signed.
    #[error("failed to sign the message")]
    Dkim(#[from] DkimError),
}

/// A message ready to be handed to a server.
#[derive(Clone, PartialEq, Eq)]
pub struct Composed {
    /// Its id.
    pub message_id: MessageId,
    /// Where bounces go.
    pub envelope_from: EmailAddress,
    /// Who gets it, each address once.
    pub envelope_to: Vec<EmailAddress>,
    /// Headers and body, lines ending in CR LF; ASCII.
    pub bytes: Bytes,
}

impl fmt::Debug for Composed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Composed({}, {} bytes)", self.message_id, self.bytes.len())
    }
}

/// Last second that a `Date` header can have here, the end of the year 9998.
const LATEST: i64 = 253_370_764_799;

/// Longest name of a file, in bytes, as file systems have it.
const LONGEST_FILE_NAME: usize = 255;
/// Longest URL, in bytes: it stands on one line of at most 998 (RFC 5322 2.1.1).
const LONGEST_URL: usize = 900;

/// Writes a message, and signs it if there is a key.
///
/// # Errors
/// If a value does not fit where it has to go, there is too much of something, or the key does not sign.
pub fn compose(
    draft: &Draft,
    limits: &ComposeLimits,
    dkim: Option<&DkimKey>,
) -> Result<Composed, ComposeError> {
    check(draft, limits)?;
    let text = match (&draft.text, &draft.html) {
        (Some(text), _) if !text.trim().is_empty() => text.clone(),
        (_, Some(html)) => html::to_text(html),
        (_, None) => return Err(ComposeError::NoBody),
    };
    let mut bytes = mime::write(draft, limits, text)?;
    if let Some(key) = dkim {
        let signature = key.sign(&bytes, draft.date.div_euclid(1_000_000))?;
        bytes.splice(..0, signature);
    }
    let mut envelope_to: Vec<EmailAddress> = Vec::new();
    for mailbox in draft.to.iter().chain(&draft.cc) {
        if !envelope_to.contains(mailbox.address()) {
            envelope_to.push(mailbox.address().clone());
        }
    }
    Ok(Composed {
        message_id: draft.message_id.clone(),
        envelope_from: draft.bounces_to.clone().unwrap_or_else(|| draft.from.address().clone()),
        envelope_to,
        bytes: bytes.into(),
    })
}

fn check(draft: &Draft, limits: &ComposeLimits) -> Result<(), ComposeError> {
    if draft.to.is_empty() && draft.cc.is_empty() {
        return Err(ComposeError::NoRecipient);
    }
    let most = |what, amount, most| {
        if amount > most { Err(ComposeError::TooMuch { what, most }) } else { Ok(()) }
    };
    let length = |part: &Option<String>| part.as_ref().map_or(0, String::len);
    let attached = draft.attachments.iter().map(|attachment| attachment.content.len()).sum();
    most("the number of recipients", draft.to.len() + draft.cc.len(), limits.recipients)?;
    most("the subject's length in characters", draft.subject.chars().count(), limits.subject_chars)?;
    most("text and HTML in bytes", length(&draft.text) + length(&draft.html), limits.body_bytes)?;
    most("the number of attachments", draft.attachments.len(), limits.attachments)?;
    most("the attachments' bytes", attached, limits.attachment_bytes)?;
    let clean = |what, value: &str| {
        if value.chars().any(char::is_control) { Err(ComposeError::ControlCharacter(what)) } else { Ok(()) }
    };
    clean("the subject", &draft.subject)?;
    for attachment in &draft.attachments {
        most("the length of an attachment's name in bytes", attachment.name.len(), LONGEST_FILE_NAME)?;
        clean("an attachment's name", &attachment.name)?;
        clean("an attachment's media type", &attachment.media_type)?;
        if let Some(id) = &attachment.content_id
            && !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte))
        {
            return Err(ComposeError::ControlCharacter("an attachment's content id"));
        }
    }
    if let Some(unsubscribe) = &draft.unsubscribe {
        most("the length of the URL to unsubscribe at", unsubscribe.url.as_str().len(), LONGEST_URL)?;
        if unsubscribe.url.scheme() != "https" {
            return Err(ComposeError::UnsubscribeUrl);
        }
    }
    if !(0..=LATEST).contains(&draft.date.div_euclid(1_000_000)) {
        return Err(ComposeError::Date);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
