//! Whapi.Cloud: WhatsApp through a session as of WhatsApp Web, not through the Business API. One token is one channel is
//! one phone number. A number can be banned and a session logged out: ask [`Channel::health`], and have another account.
//!
//! Source: the vendor's OpenAPI 1.8.7 (October 2025) and its skill repository (April 2026).
//!
//! - [`WhapiClient`] and [`Channel`]: sending, checking, looking.
//! - [`message`]: messages as answers and webhooks hold them.
//! - [`webhook`]: what is told of incoming messages and of what became of ours; its secret header.

mod channel;
mod client;
pub mod message;
mod new;
mod options;
mod settings;
pub mod webhook;

pub use channel::{Channel, ContactCheck, ContactState, Found, Health, HealthState, Media, SentMark};
pub use client::WhapiClient;
pub use message::{Contact, Content, MediaKind, Message, MessageStatus, ReceivedMedia};
pub use new::{MediaSource, NewMedia, NewText};
pub use options::WhapiOptions;
pub use settings::{Webhook, WebhookSettings};
