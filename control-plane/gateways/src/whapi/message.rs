//! Messages, as answers, lists and webhooks hold them. Pure.
//!
//! What the vendor may add at any time (a type, a status) is kept as such. Only an id and a chat must be there: without
//! them nothing can be done with a message.

use crate::{
    ShapeError,
    value::{entries, integer, moment, name, number, text, texts},
    word::words,
};
use serde_json::Value;

words! {
    /// How far a message of ours has come.
    MessageStatus {
        /// It could not be sent.
        Failed = "failed",
        /// The gateway has it.
        Pending = "pending",
        /// WhatsApp has it.
        Sent = "sent",
        /// It has arrived.
        Delivered = "delivered",
        /// It was read.
        Read = "read",
        /// It was listened to.
        Played = "played",
        /// It was deleted.
        Deleted = "deleted",
    }
}

/// Kinds of media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A video, short ones too.
    Video,
    /// A silent video that repeats itself.
    Gif,
    /// Sound.
    Audio,
    /// A voice message.
    Voice,
    /// A file.
    Document,
    /// A sticker.
    Sticker,
}

impl MediaKind {
    /// As in the API's paths and types.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Gif => "gif",
            Self::Audio => "audio",
            Self::Voice => "voice",
            Self::Document => "document",
            Self::Sticker => "sticker",
        }
    }

    fn of(word: &str) -> Option<Self> {
        Some(match word {
            "image" => Self::Image,
            "video" | "short" => Self::Video,
            "gif" => Self::Gif,
            "audio" => Self::Audio,
            "voice" => Self::Voice,
            "document" => Self::Document,
            "sticker" => Self::Sticker,
            _ => return None,
        })
    }
}

/// Media of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedMedia {
    /// What it is.
    pub kind: MediaKind,
    /// For [`super::Channel::fetch_media`]; `None` where the gateway did not keep it.
    pub id: Option<String>,
    /// Such as `image/jpeg`.
    pub mime_type: Option<String>,
    /// In bytes.
    pub size: Option<u64>,
    /// Of the file, as the gateway writes it.
    pub sha256: Option<String>,
    /// Where it can be fetched without a token, if the channel is set up so.
    pub link: Option<String>,
    /// The text below it.
    pub caption: Option<String>,
    /// The file's name.
    pub filename: Option<String>,
    /// How long it lasts, in s.
    pub seconds: Option<i64>,
}

/// A contact that was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contact {
    /// Its name.
    pub name: Option<String>,
    /// The card (vCard).
    pub vcard: Option<String>,
}

/// What is in a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A text; also the button or the entry of a list that was chosen, and the text of buttons and lists themselves.
    Text {
        /// The text, or the title of what was chosen.
        body: String,
        /// The id of what was chosen.
        choice: Option<String>,
    },
    /// Media.
    Media(ReceivedMedia),
    /// A place.
    Location {
        /// Degrees, north positive.
        latitude: f64,
        /// Degrees, east positive.
        longitude: f64,
        /// What it is called.
        name: Option<String>,
        /// Its address.
        address: Option<String>,
    },
    /// Contacts.
    Contacts(Vec<Contact>),
    /// A reaction to another message.
    Reaction {
        /// Which message.
        to: Option<String>,
        /// The emoji; `None` takes the reaction back.
        emoji: Option<String>,
    },
    /// Anything else, or one of the above without what makes it up.
    Other {
        /// Its type.
        kind: String,
    },
}

/// A message, of either side.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Which. Unique within the channel.
    pub id: String,
    /// The chat: `digits@s.whatsapp.net` with one person, `…@g.us` in a group.
    pub chat_id: String,
    /// Who wrote it: digits.
    pub from: Option<String>,
    /// What they call themselves.
    pub from_name: Option<String>,
    /// An echo of our own: sent by this API or on the phone itself. Never to be answered.
    pub from_me: bool,
    /// When, in unix µs.
    pub at: Option<i64>,
    /// `api`, `mobile`, `web`, `system`, `business_api`.
    pub source: Option<String>,
    /// How far it has come, if it is ours.
    pub status: Option<MessageStatus>,
    /// The message that it answers.
    pub quoted: Option<String>,
    /// What is in it.
    pub content: Content,
}

impl Message {
    /// The phone number of the one person in the chat: digits without `+`; `None` in groups and channels.
    #[must_use]
    pub fn phone(&self) -> Option<&str> {
        phone_of(&self.chat_id)
    }

    /// Whether it is in a group.
    #[must_use]
    pub fn is_group(&self) -> bool {
        self.chat_id.ends_with("@g.us")
    }

    pub(crate) fn read(value: &Value, path: &str) -> Result<Self, ShapeError> {
        if !value.is_object() {
            return Err(ShapeError::new(path, "is no object"));
        }
        let must = |field: &'static str| {
            name(value, field).ok_or_else(|| ShapeError::new(format!("{path}.{field}"), "is no text"))
        };
        let (id, chat_id) = (must("id")?, must("chat_id")?);
        let context = value.get("context").unwrap_or(&Value::Null);
        Ok(Self {
            id,
            chat_id,
            from: name(value, "from"),
            from_name: text(value, "from_name"),
            // Without the field it may be an echo, and answering an echo never ends: it must be said.
            from_me: value
                .get("from_me")
                .and_then(Value::as_bool)
                .ok_or_else(|| ShapeError::new(format!("{path}.from_me"), "is no boolean"))?,
            at: moment(value, "timestamp"),
            source: text(value, "source"),
            status: text(value, "status").map(|word| MessageStatus::of(&word)),
            quoted: text(context, "quoted_id"),
            content: content(value),
        })
    }
}

/// The phone number in the id of a chat with one person.
#[must_use]
pub fn phone_of(chat_id: &str) -> Option<&str> {
    let digits = match chat_id.split_once('@') {
        Some((digits, "s.whatsapp.net" | "c.us")) => digits,
        None => chat_id,
        Some(_) => return None,
    };
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)
}

fn content(message: &Value) -> Content {
    let kind = text(message, "type").unwrap_or_else(|| "unknown".to_owned());
    let part = message.get(&kind).unwrap_or(&Value::Null);
    let found = match kind.as_str() {
        "text" | "link_preview" => text(part, "body").map(|body| Content::Text { body, choice: None }),
        "reply" | "interactive" | "list" | "buttons" => chosen(part),
        "location" | "live_location" => location(part),
        "contact" => Some(Content::Contacts(vec![contact(part)])),
        "contact_list" => Some(Content::Contacts(entries(part, "list").iter().map(contact).collect())),
        "action" => reaction(part),
        word => {
            MediaKind::of(word).filter(|_| part.is_object()).map(|kind| Content::Media(media(kind, part)))
        }
    };
    found.unwrap_or(Content::Other { kind })
}

/// What was chosen of buttons or a list, or what they say.
fn chosen(part: &Value) -> Option<Content> {
    for name in ["buttons_reply", "button_reply", "list_reply"] {
        if let Some(chosen) = part.get(name)
            && let Some(body) = text(chosen, "title")
        {
            return Some(Content::Text { body, choice: text(chosen, "id") });
        }
    }
    let body = part.get("body").and_then(|body| text(body, "text")).or_else(|| text(part, "body"));
    let body = body.or_else(|| text(part, "title")).or_else(|| text(part, "text"))?;
    Some(Content::Text { body, choice: None })
}

fn location(part: &Value) -> Option<Content> {
    let (latitude, longitude) = (number(part, "latitude")?, number(part, "longitude")?);
    let on_earth = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
    on_earth.then(|| Content::Location {
        latitude,
        longitude,
        name: text(part, "name"),
        address: text(part, "address"),
    })
}

fn contact(part: &Value) -> Contact {
    Contact { name: text(part, "name"), vcard: text(part, "vcard") }
}

fn reaction(part: &Value) -> Option<Content> {
    let is_reaction = text(part, "type")? == "reaction";
    is_reaction.then(|| Content::Reaction { to: text(part, "target"), emoji: text(part, "emoji") })
}

fn media(kind: MediaKind, part: &Value) -> ReceivedMedia {
    ReceivedMedia {
        kind,
        id: text(part, "id"),
        mime_type: text(part, "mime_type"),
        size: integer(part, "file_size").and_then(|size| u64::try_from(size).ok()),
        sha256: text(part, "sha256"),
        link: text(part, "link"),
        caption: text(part, "caption"),
        filename: text(part, "filename").or_else(|| text(part, "file_name")),
        seconds: integer(part, "seconds"),
    }
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusChange {
    /// Which message.
    pub id: String,
    /// How far it has come.
    pub status: MessageStatus,
    /// To whom: a chat's id or digits.
    pub recipient: Option<String>,
    /// When, in unix µs.
    pub at: Option<i64>,
    /// The gateway's number for the status or the failure.
    pub code: Option<i64>,
    /// Why it failed, for people.
    pub errors: Vec<String>,
}

impl StatusChange {
    pub(crate) fn read(value: &Value, path: &str) -> Result<Self, ShapeError> {
        if !value.is_object() {
            return Err(ShapeError::new(path, "is no object"));
        }
        let must = |field: &'static str| {
            name(value, field).ok_or_else(|| ShapeError::new(format!("{path}.{field}"), "is no text"))
        };
        Ok(Self {
            id: must("id")?,
            status: MessageStatus::of(&must("status")?),
            recipient: name(value, "recipient_id"),
            at: moment(value, "timestamp"),
            code: integer(value, "code"),
            errors: errors(value),
        })
    }
}

/// Texts, or objects with a message.
fn errors(value: &Value) -> Vec<String> {
    let list = value.get("errors").unwrap_or(&Value::Null);
    let said = |entry: &Value| {
        text(entry, "message").or_else(|| text(entry, "title")).or_else(|| text(entry, "details"))
    };
    let mut errors = texts(list);
    errors.extend(entries(value, "errors").iter().filter_map(said));
    errors
}
