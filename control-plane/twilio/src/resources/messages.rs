//! Text messages.

use crate::{
    Account, Decimal, MessageSid, Pages, TwilioError, date, limits::Share, number, retry::Repetition,
    text_enum::text_enum,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

text_enum! {
    /// How far a message has come.
    MessageStatus {
        /// A messaging service will choose the sender.
        Accepted = "accepted",
        /// Will be sent later.
        Scheduled = "scheduled",
        /// Was taken back.
        Canceled = "canceled",
        /// Waits.
        Queued = "queued",
        /// Is being sent.
        Sending = "sending",
        /// The carrier has it; the end where there are no receipts.
        Sent = "sent",
        /// It has arrived.
        Delivered = "delivered",
        /// It has not arrived.
        Undelivered = "undelivered",
        /// It could not be sent.
        Failed = "failed",
        /// Comes in.
        Receiving = "receiving",
        /// Came in.
        Received = "received",
        /// Was read.
        Read = "read",
        /// Has arrived at some.
        PartiallyDelivered = "partially_delivered",
    }
}

/// A message to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NewMessage {
    /// E.164, or a channel's address such as `whatsapp:+…`.
    pub to: String,
    /// A number of the account; this or the service is needed.
    pub from: Option<String>,
    /// A messaging service (`MG…`).
    pub messaging_service_sid: Option<String>,
    /// At most 1,600 characters.
    pub body: Option<String>,
    /// At most 10.
    pub media_url: Vec<String>,
    /// A template (`HX…`).
    pub content_sid: Option<String>,
    /// Its variables, as JSON.
    pub content_variables: Option<String>,
    /// Told how it goes.
    pub status_callback: Option<String>,
    /// How long it may wait, in s.
    pub validity_period: Option<u32>,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Message {
    /// Which.
    pub sid: MessageSid,
    /// To whom.
    pub to: Option<String>,
    /// From whom; `None` while a service has not chosen.
    pub from: Option<String>,
    /// The text.
    pub body: Option<String>,
    /// How far it has come.
    pub status: MessageStatus,
    /// `outbound-api`, `outbound-call`, `outbound-reply` or `inbound`.
    pub direction: Option<String>,
    /// Why it failed.
    pub error_code: Option<u32>,
    /// The same in words.
    pub error_message: Option<String>,
    /// Parts that are paid for.
    #[serde(default, deserialize_with = "number::optional")]
    pub num_segments: Option<u64>,
    /// Media in it.
    #[serde(default, deserialize_with = "number::optional")]
    pub num_media: Option<u64>,
    /// What it cost, negative; `None` until Twilio knows.
    pub price: Option<Decimal>,
    /// ISO 4217.
    pub price_unit: Option<String>,
    /// When it was sent.
    #[serde(default, deserialize_with = "date::optional")]
    pub date_sent: Option<Timestamp>,
    /// When it was asked for.
    #[serde(default, deserialize_with = "date::optional")]
    pub date_created: Option<Timestamp>,
}

/// Which messages are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MessageFilter {
    /// To whom.
    pub to: Option<String>,
    /// From whom.
    pub from: Option<String>,
    /// Sent on this day (UTC, `YYYY-MM-DD`) or later.
    #[serde(rename = "DateSent>")]
    pub sent_on_or_after: Option<String>,
}

impl Account {
    /// Sends a message.
    ///
    /// # Errors
    /// See [`TwilioError`]; its [`crate::RetryClass`] says whether another channel is of use.
    pub async fn create_message(&self, message: &NewMessage) -> Result<Message, TwilioError> {
        let url = self.url(&["Messages.json"]);
        self.post_in(Share::Messages, "sending a message", url, Repetition::Doubles, message).await
    }

    /// One message.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub async fn fetch_message(&self, sid: &MessageSid) -> Result<Message, TwilioError> {
        self.get("fetching a message", self.url(&["Messages", &format!("{sid}.json")])).await
    }

    /// The account's messages, newest first.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub fn list_messages(&self, filter: &MessageFilter) -> Result<Pages<Message>, TwilioError> {
        self.list("listing messages", self.url(&["Messages.json"]), "messages", filter)
    }
}
