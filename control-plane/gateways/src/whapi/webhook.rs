//! What Whapi tells: messages, and what became of ours. Pure.
//!
//! There is no signature. What protects the webhook is a header with a secret that is set together with its address
//! ([`super::Channel::set_webhook`]), an address that nobody guesses, and that [`Delivery::channel_id`] is the channel
//! which was expected. Repetitions come when the answer is not a quick 200: keep the id of a message, and of a status its
//! id and word.

use super::{
    HealthState,
    message::{Message, StatusChange},
};
use crate::{ShapeError, http::position, value::text};
use engine::provider::Secret;
use serde_json::Value;
use subtle::ConstantTimeEq;

/// Entries of one delivery that are read; more come as [`Delivery::broken`].
pub const ENTRIES_MAX: usize = 1_000;

/// Something that was told.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// A message; an echo of our own if [`Message::from_me`].
    Message(Box<Message>),
    /// What became of a message.
    Status(StatusChange),
    /// What became of the channel: only [`HealthState::Auth`] can send.
    Health(HealthState),
}

/// One delivery.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// The channel that it is from.
    pub channel_id: Option<String>,
    /// `messages`, `statuses`, `channel` and so on.
    pub event: Option<String>,
    /// What was told, in order.
    pub told: Vec<Told>,
    /// Entries that cannot be read; the others can.
    pub broken: Vec<ShapeError>,
}

/// Why a delivery cannot be read at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// It is no JSON.
    #[error("{0}")]
    NotJson(String),
    /// It has not the shape.
    #[error(transparent)]
    Shape(#[from] ShapeError),
}

/// Whether a header's value is the secret; in constant time.
#[must_use]
pub fn is_secret(given: Option<&[u8]>, secret: &Secret) -> bool {
    given.is_some_and(|given| bool::from(given.ct_eq(secret.reveal().as_bytes())))
        && !secret.reveal().is_empty()
}

/// Reads a delivery.
///
/// # Errors
/// If it is no JSON object, or one of its lists is none.
pub fn read(body: &[u8]) -> Result<Delivery, WebhookError> {
    let body: Value =
        serde_json::from_slice(body).map_err(|error| WebhookError::NotJson(position(&error)))?;
    if !body.is_object() {
        return Err(ShapeError::new("body", "is no object").into());
    }
    let mut delivery = Delivery {
        channel_id: text(&body, "channel_id"),
        event: body.get("event").and_then(|event| text(event, "type")),
        told: Vec::new(),
        broken: Vec::new(),
    };
    let message = |value: &Value, path: &str| {
        Message::read(value, path).map(|message| Told::Message(Box::new(message)))
    };
    delivery.take(&body, "messages", message)?;
    delivery.take(&body, "statuses", |value, path| StatusChange::read(value, path).map(Told::Status))?;
    let state =
        body.get("health").and_then(|health| health.get("status")).and_then(|status| text(status, "text"));
    delivery.told.extend(state.map(|word| Told::Health(HealthState::of(&word))));
    Ok(delivery)
}

impl Delivery {
    fn take(
        &mut self,
        body: &Value,
        list: &'static str,
        read: impl Fn(&Value, &str) -> Result<Told, ShapeError>,
    ) -> Result<(), ShapeError> {
        let entries = match body.get(list) {
            None | Some(Value::Null) => return Ok(()),
            Some(Value::Array(entries)) => entries,
            Some(_) => return Err(ShapeError::new(list, "is no list")),
        };
        for (index, entry) in entries.iter().take(ENTRIES_MAX).enumerate() {
            match read(entry, &format!("{list}[{index}]")) {
                Ok(told) => self.told.push(told),
                Err(broken) => self.broken.push(broken),
            }
        }
        if entries.len() > ENTRIES_MAX {
            self.broken.push(ShapeError::new(list, "is too long"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
