//! What is asked of many conversations and messages at once.

use super::message::ConversationStatus;
use crate::ids::{BoardColumnId, UserId};

/// Which conversations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConversationFilter {
    /// In this state.
    pub status: Option<ConversationStatus>,
    /// This operator's.
    pub assignee: Option<UserId>,
    /// Nobody's.
    pub unassigned: bool,
    /// In this column of the board.
    pub column: Option<BoardColumnId>,
}

/// How many are in a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusCount {
    /// The state, as it is written.
    pub status: String,
    /// How many.
    pub count: i64,
}
