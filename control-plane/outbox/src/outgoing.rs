//! What stands in a message's row about how it is sent ([`Message::dispatch`]).

use messaging::{Channel, dispatch::Dispatch};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::{
    StoreError,
    ids::{AttemptId, ContactId},
    model::{message::Message, work::WorkKind},
};

/// How a message is sent, and how far that has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// What the decider knows.
    pub dispatch: Dispatch,
    /// To whom.
    pub to: To,
    /// What is said, by channel.
    pub texts: BTreeMap<Channel, Text>,
    /// From which of the tenant's addresses, if one is wanted.
    #[serde(default)]
    pub sender: Option<String>,
    /// Whether it leaves alone while control of its conversation is as it was when it was written.
    #[serde(default)]
    pub fence: Option<i64>,
    /// The tries' rows by their number.
    #[serde(default)]
    pub attempts: BTreeMap<u32, AttemptId>,
    /// How it is queued.
    pub lane: Lane,
    /// Whether it is one of many.
    #[serde(default)]
    pub of_many: bool,
    /// Whether it answers STOP, HELP or START: then it goes whatever was said, at any hour, from the address that was written to.
    #[serde(default)]
    pub answers_keyword: bool,
}

/// A person's addresses.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct To {
    /// Who, if it is a contact.
    pub contact: Option<ContactId>,
    /// E.164.
    pub phone: Option<String>,
    /// Lower case.
    pub email: Option<String>,
    /// A name at the push service.
    pub push: Option<String>,
    /// IANA name of where they are, if it is known.
    pub time_zone: Option<String>,
}

impl std::fmt::Debug for To {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("To").field("contact", &self.contact).finish_non_exhaustive()
    }
}

impl To {
    /// The address on a channel.
    #[must_use]
    pub fn on(&self, channel: Channel) -> Option<&str> {
        match channel {
            Channel::Sms | Channel::Whatsapp | Channel::Voice => self.phone.as_deref(),
            Channel::Email => self.email.as_deref(),
            Channel::Push => self.push.as_deref(),
        }
    }

    /// The address by which a conversation that begins later takes the message in.
    #[must_use]
    pub fn first(&self) -> Option<&str> {
        [&self.phone, &self.email, &self.push].into_iter().find_map(Option::as_deref)
    }
}

/// What is said on one channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Text {
    /// An email's subject, a notification's title.
    pub subject: Option<String>,
    /// The text.
    pub text: String,
    /// An email's HTML.
    pub html: Option<String>,
    /// Addresses of pictures and files.
    pub media: Vec<String>,
    /// The template that the provider approved, with its variables as JSON.
    pub template: Option<(String, String)>,
    /// In which language a call speaks, BCP 47, where it is known.
    pub language: Option<String>,
    /// The message that an email answers, and those before it, the newest last.
    pub in_reply_to: Vec<String>,
}

/// How a message is queued: a lane does not wait for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Before everything.
    Critical,
    /// Somebody waits for it.
    Transactional,
    /// One of many.
    Bulk,
}

impl Lane {
    /// All of them, the most urgent first.
    pub const ALL: [Self; 3] = [Self::Critical, Self::Transactional, Self::Bulk];

    /// The kind of work that it is.
    #[must_use]
    pub const fn work(self) -> WorkKind {
        match self {
            Self::Critical => WorkKind::CriticalMessage,
            Self::Transactional => WorkKind::Message,
            Self::Bulk => WorkKind::BulkMessage,
        }
    }
}

impl Outgoing {
    /// Reads it from a message; `None`: the message is not one that is sent.
    ///
    /// # Errors
    /// When this version cannot read it.
    pub fn of(message: &Message) -> Result<Option<Self>, StoreError> {
        let Some(value) = &message.dispatch else { return Ok(None) };
        Self::deserialize(value)
            .map(Some)
            .map_err(|source| StoreError::Unreadable { what: "message", source })
    }

    /// As it stands in a message.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn written(&self) -> Result<serde_json::Value, StoreError> {
        serde_json::to_value(self)
            .map_err(|error| StoreError::Invalid { what: "message", why: error.to_string() })
    }
}
