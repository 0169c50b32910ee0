//! What the outbox needs of the outside: the ways out, calls to providers, and questions about what came of them.

use crate::{
    accept::NewMessage,
    outgoing::{Text, To},
};
use futures_util::future::BoxFuture;
use messaging::{
    Channel, FailureClass, MessageType,
    dispatch::{Answer, Form, Options, Outcome, Quiet, Recovery},
    health::Standing,
    plan::Tier,
};
use std::sync::Arc;
use store::{
    StoreError, Stored, TenantId, TenantStore,
    ids::{AttemptId, ConversationId, MessageId},
    model::outgoing::{Batch, Recipient},
};

/// When somebody may be written to: the tenant's quiet hours at the recipient's place.
pub trait Hours: Send + Sync {
    /// Whether `to` may get a message at `at`, unix µs.
    fn at(&self, to: &To, at: i64) -> Quiet;
}

/// A tenant, as far as sending needs it.
#[derive(Clone)]
pub struct Setup {
    /// The ways out, in any order.
    pub routes: Vec<Route>,
    /// When somebody may be written to.
    pub hours: Arc<dyn Hours>,
    /// How the tenant wants it.
    pub options: Options,
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setup").field("routes", &self.routes).finish_non_exhaustive()
    }
}

/// A way out: an account of a channel, and the addresses it sends from.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// By which channel.
    pub channel: Channel,
    /// Which account: its id, or `configured`.
    pub account: String,
    /// Who carries it, such as `twilio`.
    pub provider: &'static str,
    /// The addresses it sends from, the first where nothing says otherwise. Consent and pace are by them.
    pub senders: Vec<String>,
    /// What the account is for.
    pub tier: Tier,
    /// Smaller is first within a tier.
    pub priority: i32,
    /// Whether it can carry messages of this channel at all.
    pub capable: bool,
    /// Whether it is bound to WhatsApp's 24 hours.
    pub windowed: bool,
    /// What can be done about unknown outcomes.
    pub recovery: Recovery,
    /// Messages a second that one sender may send; `None`: as many as the provider takes.
    pub per_second: Option<f64>,
}

impl Route {
    /// From which of its addresses a message goes: the one that is wanted, if it has it.
    #[must_use]
    pub fn sender(&self, wanted: Option<&str>) -> &str {
        let own = self.senders.iter().find(|sender| Some(sender.as_str()) == wanted);
        own.or(self.senders.first()).map_or("", String::as_str)
    }
}

/// A message as a provider is to get it.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// Whose.
    pub tenant: TenantId,
    /// Which message.
    pub message: MessageId,
    /// Where it belongs.
    pub conversation: Option<ConversationId>,
    /// Which try: it stands in the address of the provider's callback, and is the key of those who know keys.
    pub attempt: AttemptId,
    /// What it is about.
    pub kind: MessageType,
    /// The way out.
    pub route: Route,
    /// From where.
    pub sender: String,
    /// To where.
    pub address: String,
    /// In which form.
    pub form: Form,
    /// What is said.
    pub text: Text,
    /// Whether the same try is made again.
    pub again: bool,
    /// Not handed over once control of its conversation has changed hands more often than so.
    pub fence: Option<i64>,
    /// Of no use after then, unix µs: a provider that keeps it until it can go need not keep it longer.
    pub useful_until: Option<i64>,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// What it means.
    pub outcome: Outcome,
    /// The provider's word for how far it is.
    pub word: Option<String>,
    /// How many parts it counted.
    pub segments: Option<u32>,
    /// What it used and costs, as far as that is known.
    pub used: Option<Used>,
    /// Why not, in words without anything secret.
    pub error: Option<String>,
}

impl Sent {
    /// Nothing is known but what it means.
    #[must_use]
    pub const fn of(outcome: Outcome) -> Self {
        Self { outcome, word: None, segments: None, used: None, error: None }
    }
}

/// What a message used, as it stands in the usage log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// What, such as `sms_outbound`.
    pub kind: &'static str,
    /// Of what, such as `segment`.
    pub unit: &'static str,
    /// How much, in millionths of the unit.
    pub quantity_micros: i64,
    /// What it costs by the price book, in millionths.
    pub cost_micros: i64,
    /// ISO 4217.
    pub currency: String,
}

/// An account of a channel that does not carry messages as it should.
#[derive(Clone, Copy, Debug)]
pub struct Alert<'a> {
    /// Which channel.
    pub channel: Channel,
    /// Which account: its id, or `configured`.
    pub account: &'a str,
    /// How it stands.
    pub standing: Standing,
    /// Failures in a row.
    pub failures: u32,
    /// The class of the last one; `None`: its messages take long to arrive.
    pub class: Option<FailureClass>,
}

/// A question about a try of which nobody knows what came.
#[derive(Clone, Debug)]
pub struct Question {
    /// The parcel as it was to be sent.
    pub parcel: Parcel,
    /// When it was, unix µs.
    pub begun_at: i64,
    /// The provider's id, if it is known.
    pub provider_id: Option<String>,
    /// The ids that are known to be of other messages.
    pub others: Vec<String>,
}

/// What a provider said.
pub type Answered = Answer;

/// The outside.
pub trait Channels: Send + Sync + 'static {
    /// A tenant's ways out, and how it wants to be sent for; `None`: it is not served.
    ///
    /// # Errors
    /// When it cannot be found out now.
    fn setup<'a>(&'a self, tenant: &'a TenantId) -> BoxFuture<'a, Result<Option<Setup>, StoreError>>;

    /// Hands a message to a provider. It ends within the time of the client's options.
    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Sent>;

    /// Makes a batch's message for one of its recipients. One who cannot be written to gets a message that fails, so that it is seen.
    ///
    /// # Errors
    /// When the database does not serve.
    fn compose<'a>(
        &'a self,
        part: &'a (dyn TenantStore + 'static),
        batch: &'a Stored<Batch>,
        recipient: &'a Recipient,
    ) -> BoxFuture<'a, Result<NewMessage, StoreError>>;

    /// What the tenant's administrators are written of an account that does not carry messages as it should: one message for each of
    /// them. It is stored with the account's health, so that each is written once.
    ///
    /// # Errors
    /// When the database does not serve.
    fn alert<'a>(
        &'a self,
        part: &'a (dyn TenantStore + 'static),
        alert: Alert<'a>,
    ) -> BoxFuture<'a, Result<Vec<NewMessage>, StoreError>>;

    /// Asks a provider.
    fn ask<'a>(&'a self, question: &'a Question) -> BoxFuture<'a, Answered>;
}
