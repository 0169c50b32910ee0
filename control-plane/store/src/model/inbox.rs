//! How operators share work: board, teams, answers that are sent often, mailboxes, and what is told to those who follow.

use super::{resource, words};
use crate::ids::{
    AccountId, BoardColumnId, CannedReplyId, ChannelChipId, EventId, MailboxId, TeamId, UserId,
};
use serde::{Deserialize, Serialize};

/// Where on the board conversations begin that come through a channel. `lookup` is its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelChip {
    /// Such as `sms_twilio` or `email_inbox`.
    pub channel_id: String,
    /// For people.
    pub name: String,
    /// The column; `None`: the first.
    pub default_entry_column_id: Option<BoardColumnId>,
    /// Whether it counts.
    pub is_active: bool,
}
resource!(ChannelChip, ChannelChipId, ChannelChips);

/// A column of the board. `lookup` is its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoardColumn {
    /// For people.
    pub name: String,
    /// From left to right.
    pub position: i32,
}
resource!(BoardColumn, BoardColumnId, BoardColumns);

/// An answer that operators send often. `lookup` is its shortcut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CannedReply {
    /// What it is found by.
    pub shortcut: String,
    /// What is written.
    pub text: String,
}
resource!(CannedReply, CannedReplyId, CannedReplies);

/// Operators who share work. `lookup` is the name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Team {
    /// For people.
    pub name: String,
    /// Who.
    pub members: Vec<TeamMember>,
    /// Time within which a conversation of theirs is to be answered first, in s.
    #[serde(default)]
    pub answer_within_s: Option<u32>,
}
resource!(Team, TeamId, Teams);

/// Somebody in a team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamMember {
    /// Who.
    pub user: UserId,
    /// Open conversations they have at most.
    pub capacity: u32,
    /// Whether they take new ones.
    pub available: bool,
}

/// How far a mailbox was read. `lookup` is the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    /// Which.
    pub account: AccountId,
    /// Whether it can be read.
    pub status: MailboxStatus,
    /// Of the folder that `last_uid` is of.
    pub uid_validity: u32,
    /// Up to which message everything is stored.
    pub last_uid: u32,
    /// When it was read last.
    pub polled_at: Option<i64>,
    /// Why it cannot be read.
    pub error: Option<String>,
}
resource!(Mailbox, MailboxId, Mailboxes);

/// Whether a mailbox can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MailboxStatus {
    /// It is.
    Connected,
    /// Not now; it is tried again.
    Failing,
    /// Somebody must grant access again.
    ReconnectNeeded,
}
words!(MailboxStatus, "mailbox status", {
    Connected => "connected", Failing => "failing", ReconnectNeeded => "reconnect_needed",
});

/// Something that happened, as it is told to those who follow. `parent` is its kind, `lookup` its own id: its row's id says when it was
/// written, and what happens once may be written by several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantEvent {
    /// Tells it from others, to all who are told of it: the `webhook-id`.
    pub event: EventId,
    /// Such as `call.started`.
    pub kind: String,
    /// When.
    pub at: i64,
    /// What.
    pub data: serde_json::Value,
}
resource!(TenantEvent, EventId, TenantEvents);
