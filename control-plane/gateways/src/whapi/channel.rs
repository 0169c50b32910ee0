//! What is asked of one channel: a token, which is a phone number.

use super::{
    client::{Request, WhapiClient, asking},
    message::{Content, Message},
    new::{NewMedia, NewText, is_recipient, looks_like},
    settings::{Webhook, WebhookSettings},
};
use crate::{
    Gateway, GatewayError, Pace, ShapeError,
    http::{self, Repetition, is_id},
    value::{entries, integer, name, text},
    word::words,
};
use bytes::Bytes;
use engine::provider::Secret;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// Messages of a chat that are looked at for one of ours.
const LOOKED_AT: u16 = 100;
/// Contacts in one request.
const CONTACTS_MAX: usize = 100;

words! {
    /// Whether a number has WhatsApp.
    ContactState {
        /// It has.
        Valid = "valid",
        /// It has not.
        Invalid = "invalid",
    }
}

/// What is known of a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactCheck {
    /// The number as it was asked for.
    pub input: String,
    /// Whether it has WhatsApp.
    pub state: ContactState,
    /// Its id there, digits, which can differ from the number.
    pub wa_id: Option<String>,
}

words! {
    /// How a channel's session is.
    HealthState {
        /// It begins.
        Init = "INIT",
        /// It begins.
        Launch = "LAUNCH",
        /// It waits for somebody to scan the code: it is logged out.
        Qr = "QR",
        /// It can send.
        Auth = "AUTH",
        /// It was stopped.
        Stop = "STOP",
        /// It cannot keep up.
        SyncError = "SYNC_ERROR",
    }
}

/// How a channel is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Its session.
    pub state: HealthState,
    /// The gateway's number for it.
    pub code: Option<i64>,
    /// The phone number that is logged in: digits.
    pub phone: Option<String>,
}

impl Health {
    /// Whether it can send.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.state == HealthState::Auth
    }
}

/// A file of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// Such as `image/jpeg`.
    pub mime_type: Option<String>,
    /// The file.
    pub content: Bytes,
}

/// What is known of a send whose outcome is not.
#[derive(Clone, Debug, PartialEq)]
pub struct SentMark {
    /// To whom, as it was sent.
    pub to: String,
    /// What was sent: a text, or media with their caption.
    pub content: Content,
    /// When it was sent, in unix µs.
    pub at: i64,
    /// How far the gateway's clock and ours may lie apart; 60 s is a good choice.
    pub skew: Duration,
}

/// What was found of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// It was sent; this is it.
    One(Box<Message>),
    /// Nothing like it is there. Only some time after the send does that mean that it was not sent.
    Nothing,
    /// So many are like it.
    Several(usize),
}

/// One channel of Whapi's. Its `Debug` shows no token.
#[derive(Clone, Debug)]
pub struct Channel {
    client: WhapiClient,
    token: Secret,
    pace: Option<Pace>,
}

impl Channel {
    pub(super) fn new(client: WhapiClient, token: Secret) -> Self {
        Self { client, token, pace: None }
    }

    /// The same channel with a pace of its own.
    #[must_use]
    pub fn paced(self, pace: Pace) -> Self {
        Self { pace: Some(pace), ..self }
    }

    fn request(&self, doing: &'static str, method: Method, parts: &[&str]) -> Request<'_> {
        let options = self.client.options();
        Request {
            doing,
            method,
            url: http::url(&options.base_url, parts),
            body: None,
            repetition: Repetition::Harmless,
            token: &self.token,
            answer: options.answer,
            answer_bytes: options.answer_bytes,
        }
    }

    /// Sends a text. `status` of what is returned is [`super::MessageStatus::Pending`] as a rule.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn send_text(&self, new: &NewText) -> Result<Message, GatewayError> {
        const DOING: &str = "sending a text";
        let body = new.body().map_err(|reason| invalid(DOING, reason))?;
        let answer = self.client.options().answer;
        self.send(DOING, "text", body, answer).await
    }

    /// Sends media.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn send_media(&self, new: &NewMedia) -> Result<Message, GatewayError> {
        const DOING: &str = "sending media";
        let options = self.client.options();
        let body = new.body(options).map_err(|reason| invalid(DOING, reason))?;
        self.send(DOING, new.kind.as_str(), body, options.media_answer).await
    }

    async fn send(
        &self,
        doing: &'static str,
        kind: &str,
        body: Value,
        answer: Duration,
    ) -> Result<Message, GatewayError> {
        let pace = self.pace.as_ref().unwrap_or(&self.client.options().pace);
        self.client.turn(doing, &self.token, pace).await?;
        let request = self.request(doing, Method::POST, &["messages", kind]);
        let request = Request { body: Some(body), repetition: Repetition::Doubles, answer, ..request };
        let answer = self.client.ask(request).await?;
        read_sent(&answer).map_err(|problem| match problem {
            NotSent::Said(reason) => {
                let reason = asking(&self.token).said(&reason);
                GatewayError::NothingSent { gateway: Gateway::Whapi, doing, reason }
            }
            NotSent::Shape(error) => {
                asking(&self.token).misunderstood(doing, Repetition::Doubles, error.to_string())
            }
        })
    }

    /// Whether numbers (digits without `+`) have WhatsApp; at most 100 at once. Waits until the gateway knows.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn check_contacts(&self, numbers: &[&str]) -> Result<Vec<ContactCheck>, GatewayError> {
        const DOING: &str = "checking numbers";
        if numbers.len() > CONTACTS_MAX {
            return Err(invalid(DOING, format!("more than {CONTACTS_MAX} numbers at once")));
        }
        if let Some(position) = numbers.iter().position(|number| !is_recipient(number)) {
            return Err(invalid(DOING, format!("number {position} is no digits without a plus")));
        }
        let body = json!({"blocking": "wait", "contacts": numbers, "force_check": false});
        let request = self.request(DOING, Method::POST, &["contacts"]);
        let answer = self.client.ask(Request { body: Some(body), ..request }).await?;
        Ok(read_contacts(&answer))
    }

    /// How the channel is.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn health(&self) -> Result<Health, GatewayError> {
        const DOING: &str = "asking how the channel is";
        let answer = self.client.ask(self.request(DOING, Method::GET, &["health"])).await?;
        read_health(&answer).map_err(|error| self.misunderstood(DOING, &error))
    }

    /// One message; its status says how far it has come.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn fetch_message(&self, id: &str) -> Result<Message, GatewayError> {
        const DOING: &str = "fetching a message";
        if !is_id(id) {
            return Err(invalid(DOING, "that is no id".to_owned()));
        }
        let answer = self.client.ask(self.request(DOING, Method::GET, &["messages", id])).await?;
        Message::read(&answer, "message").map_err(|error| self.misunderstood(DOING, &error))
    }

    /// Looks among the chat's latest 100 messages of ours for one whose outcome nobody knows. Whapi has no idempotency
    /// keys; what tells ours from others is its text and its time, so two alike are [`Found::Several`].
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn find_sent(&self, mark: &SentMark) -> Result<Found, GatewayError> {
        const DOING: &str = "looking for a message that was sent";
        if !is_recipient(&mark.to) {
            return Err(invalid(DOING, "that is no recipient".to_owned()));
        }
        let chat =
            if mark.to.contains('@') { mark.to.clone() } else { format!("{}@s.whatsapp.net", mark.to) };
        let skew = i64::try_from(mark.skew.as_micros()).unwrap_or(i64::MAX);
        let earliest = mark.at.saturating_sub(skew);
        let mut request = self.request(DOING, Method::GET, &["messages", "list", &chat]);
        request
            .url
            .query_pairs_mut()
            .append_pair("count", &LOOKED_AT.to_string())
            .append_pair("from_me", "true")
            .append_pair("time_from", &earliest.div_euclid(1_000_000).max(0).to_string());
        match self.client.ask(request).await {
            Ok(answer) => Ok(judge(&answer, mark, earliest)),
            // Nothing was ever written in that chat.
            Err(GatewayError::Refused { refusal, .. }) if refusal.status == 404 => Ok(Found::Nothing),
            Err(error) => Err(error),
        }
    }

    /// A file of a message that came in; [`super::WhapiOptions::media_bytes`] is the limit.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn fetch_media(&self, id: &str) -> Result<Media, GatewayError> {
        const DOING: &str = "fetching media";
        if !is_id(id) {
            return Err(invalid(DOING, "that is no id".to_owned()));
        }
        let options = self.client.options();
        let request = self.request(DOING, Method::GET, &["media", id]);
        let request = Request { answer: options.media_answer, answer_bytes: options.media_bytes, ..request };
        let answer = self.client.send(request).await?;
        Ok(Media { mime_type: answer.media_type, content: answer.body })
    }

    /// Where the channel tells.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn fetch_webhooks(&self) -> Result<Vec<Webhook>, GatewayError> {
        let request = self.request("reading the channel's settings", Method::GET, &["settings"]);
        Ok(Webhook::read_all(&self.client.ask(request).await?))
    }

    /// Lets the channel tell here, and nowhere else.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn set_webhook(&self, settings: &WebhookSettings) -> Result<(), GatewayError> {
        const DOING: &str = "setting the channel's webhook";
        let body = settings.body().map_err(|reason| invalid(DOING, reason))?;
        let request = self.request(DOING, Method::PATCH, &["settings"]);
        self.client.send(Request { body: Some(body), ..request }).await.map(drop)
    }

    fn misunderstood(&self, doing: &'static str, error: &ShapeError) -> GatewayError {
        asking(&self.token).misunderstood(doing, Repetition::Harmless, error.to_string())
    }
}

fn invalid(doing: &'static str, reason: String) -> GatewayError {
    GatewayError::Invalid { gateway: Gateway::Whapi, doing, reason }
}

/// Why an answer is of no message that was sent.
#[derive(Debug)]
enum NotSent {
    Said(String),
    Shape(ShapeError),
}

fn read_sent(answer: &Value) -> Result<Message, NotSent> {
    match answer.get("sent").and_then(Value::as_bool) {
        Some(true) => {}
        Some(false) => {
            let error = answer.get("error").unwrap_or(&Value::Null);
            let reason =
                text(error, "message").or_else(|| text(answer, "error")).or_else(|| text(answer, "message"));
            return Err(NotSent::Said(reason.unwrap_or_else(|| "it does not say why".to_owned())));
        }
        None => return Err(NotSent::Shape(ShapeError::new("sent", "is no boolean"))),
    }
    let message = answer.get("message").unwrap_or(&Value::Null);
    Message::read(message, "message").map_err(NotSent::Shape)
}

fn read_contacts(answer: &Value) -> Vec<ContactCheck> {
    let read = |entry: &Value| {
        let state = ContactState::of(&text(entry, "status")?);
        Some(ContactCheck { input: name(entry, "input")?, state, wa_id: name(entry, "wa_id") })
    };
    entries(answer, "contacts").iter().filter_map(read).collect()
}

fn read_health(answer: &Value) -> Result<Health, ShapeError> {
    let status = answer.get("status").unwrap_or(&Value::Null);
    let state = text(status, "text").ok_or_else(|| ShapeError::new("status.text", "is no text"))?;
    let phone = answer.get("user").and_then(|user| name(user, "id"));
    Ok(Health { state: HealthState::of(&state), code: integer(status, "code"), phone })
}

fn judge(answer: &Value, mark: &SentMark, earliest: i64) -> Found {
    let fits = |message: &Message| {
        message.from_me
            && message.at.is_none_or(|at| at >= earliest)
            && looks_like(&message.content, &mark.content)
    };
    let read = |entry: &Value| Message::read(entry, "").ok();
    let mut found: Vec<Message> = entries(answer, "messages").iter().filter_map(read).filter(fits).collect();
    match (found.pop(), found.len()) {
        (Some(only), 0) => Found::One(Box::new(only)),
        (Some(_), others) => Found::Several(others + 1),
        (None, _) => Found::Nothing,
    }
}

#[cfg(test)]
mod tests;
