//! What we tell others, and what others told us.

use super::{account::Sealed, resource, words};
use crate::ids::{DeliveryId, EndpointId, InboundEventId};
use serde::{Deserialize, Serialize};

/// An address at which a tenant wants to be told what happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookEndpoint {
    /// Where.
    pub url: String,
    /// For people.
    pub name: String,
    /// Which kinds of events; empty: all.
    pub events: Vec<String>,
    /// Signs the messages.
    pub secret: Sealed,
    /// Signs them as well, while the secret is being exchanged.
    pub previous_secret: Option<Sealed>,
    /// Until then.
    #[serde(default)]
    pub previous_until: Option<i64>,
    /// Whether messages are sent.
    pub status: EndpointStatus,
    /// Since when every try failed.
    #[serde(default)]
    pub failing_since: Option<i64>,
}
resource!(WebhookEndpoint, EndpointId, WebhookEndpoints);

/// Whether messages are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndpointStatus {
    /// They are.
    Active,
    /// The tenant does not want them now.
    Paused,
    /// Too many failed.
    Disabled,
}
words!(EndpointStatus, "endpoint status", { Active => "active", Paused => "paused", Disabled => "disabled" });

/// A message to such an address. `parent` is the endpoint, `lookup` the endpoint and the event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookDelivery {
    /// To whom.
    pub endpoint: EndpointId,
    /// Which event; the same in every try.
    pub event: String,
    /// What kind of event.
    pub kind: String,
    /// The message.
    pub payload: serde_json::Value,
    /// How far it has come.
    pub status: DeliveryStatus,
    /// How often it was tried.
    pub attempts: u32,
    /// Since when it is being tried; `None`: since it was made.
    #[serde(default)]
    pub tried_since: Option<i64>,
    /// HTTP status of the last answer.
    pub last_status: Option<u16>,
    /// Why the last try failed.
    pub last_error: Option<String>,
    /// When the last try was.
    pub last_at: Option<i64>,
}
resource!(WebhookDelivery, DeliveryId, WebhookDeliveries);

/// How far a message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeliveryStatus {
    /// It is to be sent, for the first time or again.
    Pending,
    /// It was taken.
    Delivered,
    /// It was given up.
    Failed,
}
words!(DeliveryStatus, "delivery status", { Pending => "pending", Delivered => "delivered", Failed => "failed" });

/// Something that a provider told us. `parent` is the source, `lookup` tells it from others, so that what is told twice
/// is kept once ([`TenantTx::insert_new`](crate::TenantTx)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboundEvent {
    /// Who told it, such as `twilio.call_status`.
    pub source: String,
    /// Tells it from others of the tenant.
    pub dedupe_key: String,
    /// As it came.
    pub raw: String,
    /// What became of it.
    pub status: InboundStatus,
    /// In words.
    pub outcome: Option<String>,
}
resource!(InboundEvent, InboundEventId, InboundEvents);

/// What became of something that a provider told us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InboundStatus {
    /// It is kept, nothing more.
    Received,
    /// It was acted on.
    Processed,
    /// It was not for us.
    Ignored,
    /// It could not be acted on.
    Failed,
}
words!(InboundStatus, "inbound event status", {
    Received => "received", Processed => "processed", Ignored => "ignored", Failed => "failed",
});
