//! The conversation as the model sees it and as the caller heard it.
//!
//! Text that was never heard is never in it; a tool call and its result enter together or not at all; two
//! messages of the same speaker never follow each other; and it stays within its limits by forgetting the oldest
//! exchanges. It decides nothing and knows no time.

use crate::llm::{Message, ToolRound};
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// Ends what the assistant said when the caller cut it off.
pub const INTERRUPTED: &str = " [interrupted]";

/// Stands for the caller in a request when the assistant spoke first: models want a user's message first.
pub const CALL_BEGINS: &str = "[the call begins]";

/// Ends a text that was longer than [`ContextLimits::message_characters`].
pub const CUT: &str = " [cut]";

/// How much of a conversation is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextLimits {
    /// Characters in all messages together, names and arguments of tools included. Default 48,000: about
    /// 12,000 tokens, an hour of talk, which every model takes and reads quickly.
    pub characters: usize,
    /// Messages. Default 400: the same hour in short turns.
    pub messages: usize,
    /// Characters of one text, or of all results of one tools entry together. Default 12,000: a tool that
    /// returns a whole page must not push the conversation out.
    pub message_characters: usize,
}

impl Default for ContextLimits {
    fn default() -> Self {
        Self { characters: 48_000, messages: 400, message_characters: 12_000 }
    }
}

/// The conversation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Context {
    messages: Vec<Message>,
    limits: ContextLimits,
}

impl Context {
    /// An empty conversation.
    #[must_use]
    pub fn new(limits: ContextLimits) -> Self {
        Self { messages: Vec::new(), limits }
    }

    /// The caller said this. Continues the caller's message if nothing was said since; empty text adds nothing.
    pub fn user(&mut self, text: &str) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        if let Some(Message::User { text: before }) = self.messages.last_mut() {
            continue_with(before, text);
            cut(before, self.limits.message_characters);
        } else {
            let mut text = text.to_owned();
            cut(&mut text, self.limits.message_characters);
            self.messages.push(Message::User { text });
        }
        self.forget();
    }

    /// The caller heard the assistant say this, and cut it off if `interrupted`. Continues the assistant's
    /// message if nothing was said since; empty text adds nothing.
    pub fn assistant(&mut self, heard: &str, interrupted: bool) {
        let heard = heard.trim();
        if heard.is_empty() {
            return;
        }
        let mark = if interrupted { INTERRUPTED } else { "" };
        let room = self.limits.message_characters.saturating_sub(mark.chars().count());
        if let Some(Message::Assistant { text: before }) = self.messages.last_mut() {
            continue_with(before, heard);
            cut(before, room);
            before.push_str(mark);
        } else {
            let mut text = heard.to_owned();
            cut(&mut text, room);
            text.push_str(mark);
            self.messages.push(Message::Assistant { text });
        }
        self.forget();
    }

    /// The assistant said `text` (may be empty) and called tools, which have answered. Without any round there
    /// was no tool, and `text` is only what was said.
    pub fn tools(&mut self, text: &str, rounds: Vec<ToolRound>) {
        if rounds.is_empty() {
            self.assistant(text, false);
            return;
        }
        let each = self.limits.message_characters / rounds.len();
        let mut text = text.trim().to_owned();
        cut(&mut text, self.limits.message_characters);
        let mut rounds = rounds;
        for round in &mut rounds {
            cut(&mut round.result, each);
        }
        self.messages.push(Message::Tools { text, rounds });
        self.forget();
    }

    /// Withdraws what the caller `said` last, if nothing has been said since: they went on before they got an answer, and
    /// the text belongs in front of what follows. What they said before, and was not answered either, stays.
    pub fn take_back_last_user(&mut self, said: &str) {
        let Some(Message::User { text }) = self.messages.last_mut() else { return };
        let kept = text.strip_suffix(said.trim()).map_or(0, |before| before.trim_end().len());
        text.truncate(kept);
        if text.is_empty() {
            self.messages.pop();
        }
    }

    /// The conversation, oldest first. The first message is the caller's, unless the assistant spoke first and
    /// nothing has been forgotten yet.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// The conversation for a model, which always begins with a user's message.
    #[must_use]
    pub fn request_messages(&self) -> Vec<Message> {
        let begins = match self.messages.first() {
            Some(Message::Assistant { .. } | Message::Tools { .. }) => {
                Some(Message::User { text: CALL_BEGINS.to_owned() })
            }
            Some(Message::User { .. }) | None => None,
        };
        begins.into_iter().chain(self.messages.iter().cloned()).collect()
    }

    /// Forgets the oldest exchanges once a limit is passed, down to three quarters of it: each time the
    /// beginning changes the provider's cache of it is worth nothing, so it changes seldom.
    fn forget(&mut self) {
        let (mut characters, mut count) =
            (self.messages.iter().map(characters_of).sum::<usize>(), self.messages.len());
        if characters <= self.limits.characters && count <= self.limits.messages {
            return;
        }
        let fits = |characters: usize, count: usize| {
            characters <= self.limits.characters / 4 * 3 && count <= self.limits.messages / 4 * 3
        };
        // Whole exchanges first: from one message of the caller to the next.
        let mut first = 0;
        for (index, message) in self.messages.iter().enumerate().skip(1) {
            if fits(characters, count) {
                break;
            }
            if matches!(message, Message::User { .. }) {
                let gone = &self.messages[first..index];
                characters -= gone.iter().map(characters_of).sum::<usize>();
                count -= gone.len();
                first = index;
            }
        }
        // An exchange that is too large by itself keeps the caller's message and its newest entries.
        let opening = usize::from(matches!(self.messages[first], Message::User { .. }));
        let mut kept = first + opening;
        while !fits(characters, count) && kept + 1 < self.messages.len() {
            characters -= characters_of(&self.messages[kept]);
            count -= 1;
            kept += 1;
        }
        self.messages.drain(first + opening..kept);
        self.messages.drain(..first);
    }
}

fn continue_with(before: &mut String, text: &str) {
    before.push(' ');
    before.push_str(text);
}

/// Cuts a text down to `characters`, [`CUT`] included where there is room for it.
fn cut(text: &mut String, characters: usize) {
    // A text has at least as many bytes as characters, and nearly all texts are short.
    if text.len() <= characters || text.chars().count() <= characters {
        return;
    }
    let mark = if characters > CUT.len() { CUT } else { "" };
    if let Some((end, _)) = text.char_indices().nth(characters - mark.len()) {
        text.truncate(end);
    }
    text.push_str(mark);
}

fn characters_of(message: &Message) -> usize {
    match message {
        Message::User { text } | Message::Assistant { text } => text.chars().count(),
        Message::Tools { text, rounds } => {
            let of_round = |round: &ToolRound| {
                let arguments: usize =
                    round.call.arguments.iter().map(|(name, value)| name.len() + value_size(value)).sum();
                round.call.name.chars().count() + arguments + round.result.chars().count()
            };
            text.chars().count() + rounds.iter().map(of_round).sum::<usize>()
        }
    }
}

/// About the length of a value as JSON; exact for its strings.
fn value_size(value: &serde_json::Value) -> usize {
    use serde_json::Value;
    const SCALAR: usize = 5;
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => SCALAR,
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.iter().map(value_size).sum(),
        Value::Object(items) => items.iter().map(|(name, value)| name.len() + value_size(value)).sum(),
    }
}
