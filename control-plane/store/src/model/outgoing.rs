//! What is sent: tries, batches, and how the channels' accounts fare.

use super::{message::Channel, resource, words};
use crate::ids::{
    AccountId, AttemptId, BatchChunkId, BatchId, ChannelHealthId, ContactId, MessageId, UserId,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A try to hand a message to a provider. `parent` is the message, `lookup` `account:provider_id`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Of which message.
    pub message: MessageId,
    /// The how-manieth of it.
    pub number: u32,
    /// How.
    pub channel: Channel,
    /// With which account; `None`: the configuration's.
    pub account: Option<AccountId>,
    /// From which address.
    pub sender: String,
    /// To which address.
    pub address: String,
    /// How far it has come.
    pub status: AttemptStatus,
    /// When it was begun.
    pub begun_at: i64,
    /// When the provider answered.
    #[serde(default)]
    pub answered_at: Option<i64>,
    /// The provider's id of the message.
    #[serde(default)]
    pub provider_id: Option<String>,
    /// The provider's word for what became of it.
    #[serde(default)]
    pub provider_status: Option<String>,
    /// How many parts the provider counted.
    #[serde(default)]
    pub segments: Option<u32>,
    /// What it costs, in millionths, and the currency.
    #[serde(default)]
    pub cost: Option<(i64, String)>,
    /// The provider's code for why not.
    #[serde(default)]
    pub error_code: Option<String>,
    /// Why not, in words.
    #[serde(default)]
    pub error: Option<String>,
    /// All that the provider told of it, as it came, the oldest first.
    #[serde(default)]
    pub told: Vec<Told>,
}
resource!(Attempt, AttemptId, Attempts);

/// Something that a provider told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// When it came.
    pub at: i64,
    /// The provider's word.
    pub status: String,
    /// The provider's code for why not.
    #[serde(default)]
    pub error_code: Option<String>,
}

/// How far a try has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttemptStatus {
    /// The provider is asked at this moment, or was when the program ended.
    Begun,
    /// The provider has it.
    Accepted,
    /// The provider refused.
    Refused,
    /// Nobody knows: the provider's answer was lost.
    Unknown,
    /// It reached whom it should.
    Arrived,
    /// It did not.
    Lost,
}
words!(AttemptStatus, "attempt status", {
    Begun => "begun", Accepted => "accepted", Refused => "refused", Unknown => "unknown", Arrived => "arrived",
    Lost => "lost",
});

/// Messages to many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// For people.
    pub name: String,
    /// How far it has come.
    pub status: BatchStatus,
    /// What each message is made from, as the request said it.
    pub message: serde_json::Value,
    /// How many recipients there are.
    pub recipients: u64,
    /// Recipients who have no message yet.
    pub left: u64,
    /// Who made it.
    #[serde(default)]
    pub made_by: Option<UserId>,
    /// When it begins.
    #[serde(default)]
    pub send_at: Option<i64>,
}
resource!(Batch, BatchId, Batches);

/// How far a batch has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BatchStatus {
    /// It goes on.
    Running,
    /// Somebody stopped it for a while.
    Paused,
    /// Somebody ended it.
    Canceled,
    /// Every recipient has a message.
    Done,
}
words!(BatchStatus, "batch status", {
    Running => "running", Paused => "paused", Canceled => "canceled", Done => "done",
});

/// Recipients of a batch who are in a row. `parent` is the batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchChunk {
    /// Of which batch.
    pub batch: BatchId,
    /// The first one's place in the batch, from 0.
    pub first: u64,
    /// Whether they have messages.
    pub status: ChunkStatus,
    /// They.
    pub recipients: Vec<Recipient>,
}
resource!(BatchChunk, BatchChunkId, BatchChunks);

/// Whether the recipients of a chunk have messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChunkStatus {
    /// Not yet.
    Waiting,
    /// They have.
    Done,
}
words!(ChunkStatus, "chunk status", { Waiting => "waiting", Done => "done" });

/// Somebody a message goes to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Recipient {
    /// Who, if it is a contact.
    pub contact: Option<ContactId>,
    /// Their number.
    pub phone: Option<String>,
    /// Their email address.
    pub email: Option<String>,
    /// Their name at the push service.
    pub push: Option<String>,
    /// BCP 47 language.
    pub language: Option<String>,
    /// What the template's places are filled with.
    pub variables: BTreeMap<String, serde_json::Value>,
}

/// How an account of a channel fares. `lookup` is the account, `parent` the channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelHealth {
    /// Which channel.
    pub channel: Channel,
    /// Which account: its id, or `configured`.
    pub account: String,
    /// `healthy`, `degraded` or `down`.
    pub status: String,
    /// What the decider knows.
    pub state: serde_json::Value,
    /// When an administrator was told last.
    #[serde(default)]
    pub alerted_at: Option<i64>,
}
resource!(ChannelHealth, ChannelHealthId, ChannelHealth);
