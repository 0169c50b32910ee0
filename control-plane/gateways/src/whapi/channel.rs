//! What is asked of one channel: a token, which is a phone number.

use super::{
    client::{Request, WhapiClient, asking},
    message::{Content, Message, phone_of},
    new::{NewMedia, NewText, is_recipient, looks_like},
    settings::{Webhook, WebhookSettings},
};
use crate::{
    Gateway, GatewayError, Pace, ShapeError,
    http::{self, Repetition, is_id},
    value::{integer, name, text},
    word::words,
};
use bytes::Bytes;
use engine::provider::Secret;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// Messages of a chat that are looked at for one of ours.
const LOOKED_AT: u16 = 100;
/// What is being done then.
const LOOKING: &str = "looking for a message that was sent";
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
    /// Nothing like it is among the latest 100, and there are more.
    TooMany,
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
            also: None,
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
        let to = body["to"].as_str().unwrap_or_default().to_owned();
        let request = self.request(doing, Method::POST, &["messages", kind]);
        let request = Request { body: Some(body), repetition: Repetition::Doubles, answer, ..request };
        let answer = self.client.ask(request).await?;
        read_sent(&answer, &to).map_err(|problem| match problem {
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
        read_contacts(&answer).map_err(|error| self.misunderstood(DOING, &error))
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

    /// Looks among our latest 100 messages since the send for one whose outcome nobody knows: in the chat first, then in
    /// all, since WhatsApp can know a number by another id (Mexican mobiles). Whapi has no idempotency keys; what tells
    /// ours from others is its text, its time and the last ten digits, so two alike are [`Found::Several`].
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn find_sent(&self, mark: &SentMark) -> Result<Found, GatewayError> {
        if !is_recipient(&mark.to) {
            return Err(invalid(LOOKING, "that is no recipient".to_owned()));
        }
        match self.look_in(&["messages", "list", &chat_of(&mark.to)], mark).await? {
            Found::Nothing => self.look_in(&["messages", "list"], mark).await,
            found => Ok(found),
        }
    }

    async fn look_in(&self, parts: &[&str], mark: &SentMark) -> Result<Found, GatewayError> {
        let skew = i64::try_from(mark.skew.as_micros()).unwrap_or(i64::MAX);
        let earliest = mark.at.saturating_sub(skew);
        let mut request = self.request(LOOKING, Method::GET, parts);
        request
            .url
            .query_pairs_mut()
            .append_pair("count", &LOOKED_AT.to_string())
            .append_pair("from_me", "true")
            .append_pair("time_from", &earliest.div_euclid(1_000_000).max(0).to_string());
        match self.client.ask(request).await {
            Ok(answer) => judge(&answer, mark, earliest).map_err(|error| self.misunderstood(LOOKING, &error)),
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
        let request = Request { body: Some(body), also: Some(&settings.secret), ..request };
        self.client.send(request).await.map(drop)
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

/// A message that was sent needs nothing but its id: what else is missing is known here.
fn read_sent(answer: &Value, to: &str) -> Result<Message, NotSent> {
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
    let mut message = answer.get("message").cloned().unwrap_or_default();
    if let Some(members) = message.as_object_mut() {
        members.insert("from_me".to_owned(), true.into());
        if members.get("chat_id").and_then(Value::as_str).is_none_or(str::is_empty) {
            members.insert("chat_id".to_owned(), chat_of(to).into());
        }
    }
    Message::read(&message, "message").map_err(NotSent::Shape)
}

fn read_contacts(answer: &Value) -> Result<Vec<ContactCheck>, ShapeError> {
    let read = |entry: &Value| {
        let state = ContactState::of(&text(entry, "status")?);
        Some(ContactCheck { input: name(entry, "input")?, state, wa_id: name(entry, "wa_id") })
    };
    let list = answer.get("contacts").and_then(Value::as_array);
    let list = list.ok_or_else(|| ShapeError::new("contacts", "is no list"))?;
    Ok(list.iter().filter_map(read).collect())
}

fn read_health(answer: &Value) -> Result<Health, ShapeError> {
    let status = answer.get("status").unwrap_or(&Value::Null);
    let state = text(status, "text").ok_or_else(|| ShapeError::new("status.text", "is no text"))?;
    let phone = answer.get("user").and_then(|user| name(user, "id"));
    Ok(Health { state: HealthState::of(&state), code: integer(status, "code"), phone })
}

/// An answer without a list proves nothing: what is not found there may be sent again.
fn judge(answer: &Value, mark: &SentMark, earliest: i64) -> Result<Found, ShapeError> {
    let list = answer.get("messages").and_then(Value::as_array);
    let list = list.ok_or_else(|| ShapeError::new("messages", "is no list"))?;
    let fits = |message: &Message| {
        message.from_me
            && message.at.is_none_or(|at| at >= earliest)
            && same_chat(&message.chat_id, &mark.to)
            && looks_like(&message.content, &mark.content)
    };
    let read = |entry: &Value| Message::read(entry, "").ok();
    let mut found: Vec<Message> = list.iter().filter_map(read).filter(fits).collect();
    Ok(match (found.pop(), found.len()) {
        (Some(only), 0) => Found::One(Box::new(only)),
        (Some(_), others) => Found::Several(others + 1),
        (None, _) if list.len() >= usize::from(LOOKED_AT) => Found::TooMany,
        (None, _) => Found::Nothing,
    })
}

/// The chat of a recipient.
fn chat_of(to: &str) -> String {
    if to.contains('@') { to.to_owned() } else { format!("{to}@s.whatsapp.net") }
}

/// The same chat, or the same last ten digits of a phone number.
fn same_chat(chat: &str, to: &str) -> bool {
    let last_ten = |id: &str| {
        phone_of(id).and_then(|digits| Some(digits.get(digits.len().checked_sub(10)?..)?.to_owned()))
    };
    chat == to || last_ten(chat).is_some_and(|digits| last_ten(to) == Some(digits))
}

#[cfg(test)]
mod tests;
