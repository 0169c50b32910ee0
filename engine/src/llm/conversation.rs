//! A conversation in the form that every API takes: it begins with the user, the two sides alternate, nothing
//! is empty, and the last word is not the assistant's.

use super::{Message, ToolRound};

/// Said for the user when the assistant speaks first, as it does with its greeting.
const CALL_BEGINS: &str = "(the call begins)";

/// Said for the user when the assistant is asked again without the caller having said anything. An API would
/// otherwise continue the assistant's last words, or refuse.
const CALLER_SILENT: &str = "(the caller says nothing)";

/// What one side says until the other has its turn.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Turn<'a> {
    /// Results of the tools that the assistant just called, then what the caller said.
    User { results: Vec<&'a ToolRound>, text: String },
    /// What the assistant said, then the tools it called.
    Assistant { text: String, calls: Vec<&'a ToolRound> },
}

/// The conversation's turns.
pub(super) fn turns(messages: &[Message]) -> Vec<Turn<'_>> {
    let mut turns = Vec::new();
    for message in messages {
        match message {
            Message::User { text } => user_says(&mut turns, text),
            Message::Assistant { text } => assistant_says(&mut turns, text),
            Message::Tools { text, rounds } => {
                assistant_says(&mut turns, text);
                if !rounds.is_empty() {
                    assistant_calls(&mut turns, rounds);
                }
            }
        }
    }
    if !matches!(turns.last(), Some(Turn::User { .. })) {
        let text = if turns.is_empty() { CALL_BEGINS } else { CALLER_SILENT };
        user_says(&mut turns, text);
    }
    turns
}

fn user_says(turns: &mut Vec<Turn<'_>>, said: &str) {
    let said = said.trim();
    match turns.last_mut() {
        _ if said.is_empty() => {}
        Some(Turn::User { text, .. }) => append(text, said),
        Some(Turn::Assistant { .. }) | None => {
            turns.push(Turn::User { results: Vec::new(), text: said.to_owned() });
        }
    }
}

fn assistant_says(turns: &mut Vec<Turn<'_>>, said: &str) {
    let said = said.trim();
    match turns.last_mut() {
        _ if said.is_empty() => {}
        Some(Turn::Assistant { text, .. }) => append(text, said),
        Some(Turn::User { .. }) | None => {
            user_begins(turns);
            turns.push(Turn::Assistant { text: said.to_owned(), calls: Vec::new() });
        }
    }
}

fn assistant_calls<'a>(turns: &mut Vec<Turn<'a>>, rounds: &'a [ToolRound]) {
    let rounds: Vec<&ToolRound> = rounds.iter().collect();
    match turns.last_mut() {
        Some(Turn::Assistant { calls, .. }) => calls.clone_from(&rounds),
        Some(Turn::User { .. }) | None => {
            user_begins(turns);
            turns.push(Turn::Assistant { text: String::new(), calls: rounds.clone() });
        }
    }
    turns.push(Turn::User { results: rounds, text: String::new() });
}

fn user_begins(turns: &mut Vec<Turn<'_>>) {
    if turns.is_empty() {
        turns.push(Turn::User { results: Vec::new(), text: CALL_BEGINS.to_owned() });
    }
}

fn append(text: &mut String, more: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(more);
}

/// Ids of tool calls as every API takes them: of letters that are allowed, and no two alike. They may come from
/// another provider, or from one that gives the same id in each answer.
#[derive(Debug, Default)]
pub(super) struct CallIds {
    given: Vec<String>,
}

impl CallIds {
    /// The id to use for the conversation's next call.
    pub(super) fn next(&mut self, id: &str) -> String {
        let allowed = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-');
        let clean: String = id.chars().map(|char| if allowed(char) { char } else { '_' }).take(40).collect();
        let is_free = |id: &String| !id.is_empty() && !self.given.contains(id);
        let id = Some(clean.clone()).filter(is_free).unwrap_or_else(|| {
            (self.given.len()..).map(|number| format!("{clean}_{number}")).find(is_free).unwrap_or_default()
        });
        self.given.push(id.clone());
        id
    }
}

#[cfg(test)]
mod tests;
