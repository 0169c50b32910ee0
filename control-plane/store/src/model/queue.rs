//! Callers who wait, and callers who left a message.

use super::{resource, words};
use crate::ids::{CallId, NumberId, QueueEntryId, QueueId, UserId, VoicemailId};
use serde::{Deserialize, Serialize};

/// A queue of callers. `lookup` is the name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// For people.
    pub name: String,
    /// Who takes its calls.
    pub members: Vec<QueueMember>,
    /// Callers beyond this many are not let in.
    pub max_waiting: u32,
    /// A caller who waited so long goes on to what the number says next, in s.
    pub max_wait_s: u32,
    /// How often a caller is told the position, in s; 0: never.
    pub announce_every_s: u32,
    /// What is heard meanwhile; `None`: the carrier's music.
    pub music_url: Option<String>,
}
resource!(Queue, QueueId, Queues);

/// Somebody who takes a queue's calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueMember {
    /// Who.
    pub user: UserId,
    /// Members with lower numbers are rung first.
    #[serde(default)]
    pub priority: i32,
}

/// A caller in a queue. `parent` is the queue, `lookup` the call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueEntry {
    /// Where.
    pub queue: QueueId,
    /// Which call.
    pub call: CallId,
    /// How far it has come.
    pub status: QueueEntryStatus,
    /// When it was taken, or when the caller left.
    pub left_at: Option<i64>,
    /// Who took it.
    pub taken_by: Option<UserId>,
    /// The carrier's id of the softphone's call that took the caller out: a leg of this call, and no call of its own.
    #[serde(default)]
    pub taken_on: Option<String>,
    /// What had failed before the queue, as it stands in our addresses: where the caller goes on if nobody answers after all.
    #[serde(default)]
    pub failed: String,
    /// Somebody took the caller out of the queue, and the carrier has not asked yet what to do: it is to be told again.
    #[serde(default)]
    pub awaits_carrier: bool,
}
resource!(QueueEntry, QueueEntryId, QueueEntries);

/// How far a caller in a queue has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QueueEntryStatus {
    /// Waits.
    Waiting,
    /// Is being put through.
    Offered,
    /// Was put through.
    Connected,
    /// Hung up, or waited too long.
    Left,
}
words!(QueueEntryStatus, "queue entry status", {
    Waiting => "waiting", Offered => "offered", Connected => "connected", Left => "left",
});

/// A message that a caller left. `parent` is the call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voicemail {
    /// In which call.
    pub call: CallId,
    /// On which number.
    pub number: Option<NumberId>,
    /// Who left it.
    pub from: String,
    /// The carrier's id of its recording (`RE…`); `lookup`.
    pub recording_sid: Option<String>,
    /// Its length, in s.
    pub duration_s: Option<i64>,
    /// What was said.
    pub transcript: Option<String>,
    /// Whether somebody heard it.
    pub status: VoicemailStatus,
}
resource!(Voicemail, VoicemailId, Voicemails);

/// Whether somebody heard a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VoicemailStatus {
    /// Nobody did.
    New,
    /// Somebody did.
    Heard,
    /// It was put away.
    Archived,
}
words!(VoicemailStatus, "voicemail status", { New => "new", Heard => "heard", Archived => "archived" });
