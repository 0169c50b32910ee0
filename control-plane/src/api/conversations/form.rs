//! What is set in a conversation, and which conversations and messages are listed.

use super::super::{body::Check, crud::Reference, item::Named, schema};
use crate::problem::Faults;
use serde::{Deserialize, Serialize};
use store::{
    Table,
    ids::{BoardColumnId, ConversationId, TeamId, UserId},
    model::message::{Conversation, ConversationStatus},
};
use utoipa::{IntoParams, ToSchema};

/// What is set in a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConversationForm {
    /// Closed: nothing is to be done, and the assistant has it again. It is open when somebody writes.
    #[schema(schema_with = schema::word::<ConversationStatus>)]
    pub(super) status: ConversationStatus,
    /// The operator whose it is; `null`: whoever of the team has room.
    #[schema(schema_with = schema::optional_id::<UserId>)]
    pub(super) assignee: Option<UserId>,
    /// The team whose it is.
    #[schema(schema_with = schema::optional_id::<TeamId>)]
    pub(super) team: Option<TeamId>,
    /// Where on the board it is.
    #[schema(schema_with = schema::optional_id::<BoardColumnId>)]
    pub(super) column: Option<BoardColumnId>,
    /// Whether somebody has looked at all that the other wrote.
    pub(super) read: bool,
}

impl Named for ConversationForm {
    const NAME: &'static str = "ConversationChange";
}

impl Check for ConversationForm {
    fn check(&self, _: &mut Faults) {}
}

impl ConversationForm {
    pub(super) fn of(conversation: &Conversation) -> Self {
        Self {
            status: conversation.status,
            assignee: conversation.assignee.clone(),
            team: conversation.team.clone(),
            column: conversation.column.clone(),
            read: conversation.unread == 0,
        }
    }

    /// What it names that it did not name before: what was named then may be gone since.
    pub(super) fn references(&self, before: &Self) -> Vec<Reference> {
        let user = self.assignee.iter().filter(|_| self.assignee != before.assignee);
        let team = self.team.iter().filter(|_| self.team != before.team);
        let column = self.column.iter().filter(|_| self.column != before.column);
        user.map(|id| Reference::new("/assignee", Table::Users, id))
            .chain(team.map(|id| Reference::new("/team", Table::Teams, id)))
            .chain(column.map(|id| Reference::new("/column", Table::BoardColumns, id)))
            .collect()
    }
}

/// Which conversations to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ConversationParams {
    /// With whom, by their number.
    #[param(example = "+15550100")]
    pub(super) phone: Option<String>,
    /// With whom, by their email address.
    #[param(example = "ann@example.com")]
    pub(super) email: Option<String>,
    /// In this state.
    #[param(schema_with = schema::word::<ConversationStatus>)]
    pub(super) status: Option<ConversationStatus>,
    /// This operator's.
    #[param(schema_with = schema::id::<UserId>)]
    pub(super) assignee: Option<UserId>,
    /// Nobody's.
    pub(super) unassigned: Option<bool>,
    /// In this column of the board.
    #[param(schema_with = schema::id::<BoardColumnId>)]
    pub(super) column: Option<BoardColumnId>,
}

/// Which messages to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MessageParams {
    /// Of this conversation.
    #[param(schema_with = schema::id::<ConversationId>)]
    pub(super) conversation: Option<ConversationId>,
    /// In which this is written, in upper or lower case. A page may hold fewer than `limit` although there are more: they follow on
    /// `next_cursor`.
    #[param(min_length = 1, max_length = 100)]
    pub(super) text: Option<String>,
}
