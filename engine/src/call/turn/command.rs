//! Orders from outside of the call: somebody has something said, mutes the assistant, hands the caller over, hangs up.
//!
//! They are facts like any other: journaled, and decided on here. What is to be said waits until nobody speaks, so that it
//! never cuts into a sentence, and comes back to the front of its queue if the caller spoke before any of it was heard.

use super::{
    Floor, Output, Turns,
    answer::{Answer, Origin},
};
use crate::{call::playout::HeardEpoch, ports::EndReason};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Announcements that wait. Beyond it the new one is given up, which is told: whoever sends more does not listen.
const ANNOUNCEMENTS_MAX: usize = 8;

/// What the assistant is to know and has not been told yet. Beyond it the oldest is forgotten.
const NOTES_MAX: usize = 8;

/// An order from outside of the call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "order")]
pub enum Command {
    /// Say this as soon as nobody speaks, mute or not.
    Say {
        /// What.
        text: String,
    },
    /// Answer nothing from now on; what the caller says is still written down. An answer that is under way ends.
    Mute,
    /// Answer again.
    Unmute,
    /// Let the assistant know this: it stands before what the caller says next.
    Tell {
        /// What.
        text: String,
    },
    /// Hand the caller to this number, now.
    Transfer {
        /// E.164.
        to: String,
    },
    /// End the call, now.
    HangUp,
}

impl Turns {
    /// Whether the assistant answers nothing for now.
    #[must_use]
    pub const fn is_muted(&self) -> bool {
        self.muted
    }

    pub(super) fn command(&mut self, command: Command) {
        match command {
            Command::Say { text } if self.announcements.len() < ANNOUNCEMENTS_MAX => {
                self.announcements.push_back(text.into());
            }
            Command::Say { .. } => self.emit(Output::Degraded {
                stage: "llm_turn",
                cause: format!("an announcement was given up: {ANNOUNCEMENTS_MAX} wait already"),
            }),
            Command::Tell { text } => {
                if self.notes.len() == NOTES_MAX {
                    self.notes.pop_front();
                }
                self.notes.push_back(text);
            }
            Command::Mute => self.mute(),
            Command::Unmute if self.muted => {
                self.muted = false;
                self.heard_at = self.now;
                if let Floor::Nobody { since } = &mut self.floor {
                    *since = self.now;
                }
            }
            Command::Unmute => {}
            Command::Transfer { to } => {
                self.transfer_to = Some(to);
                self.close(None, EndReason::Transferred);
            }
            Command::HangUp => self.close(None, EndReason::OperatorEnded),
        }
    }

    fn mute(&mut self) {
        self.muted = true;
        if matches!(&self.floor, Floor::Assistant(answer) if answer.may_be_cut()) {
            self.interrupt();
        }
    }

    /// After every fact: while the assistant is mute nobody answers, so what was said is written down and the floor is
    /// free; and a free floor is where what waits to be said is said.
    pub(super) fn settle(&mut self) {
        if self.muted && !self.endpointing.is_open() {
            match &mut self.floor {
                Floor::Caller { carry, cut: None } => match carry.take() {
                    Some(utterance) => self.reply(utterance),
                    None => self.floor = Floor::Nobody { since: self.now },
                },
                Floor::Caller { .. }
                | Floor::Waiting
                | Floor::Nobody { .. }
                | Floor::Assistant(_)
                | Floor::Detached { .. }
                | Floor::Ended => {}
            }
        }
        while matches!(self.floor, Floor::Nobody { .. })
            && let Some(text) = self.announcements.pop_front()
        {
            self.speak(Origin::Announcement, None, &[text]);
        }
    }

    /// An answer was cut. An announcement of which nothing was heard is still to be said.
    pub(super) fn keep_unheard_announcement(&mut self, answer: &Answer, heard: &HeardEpoch) {
        if answer.origin == Origin::Announcement && answer.is_unheard(heard) {
            let text: Arc<str> = answer.spoken(None).into();
            self.announcements.push_front(text);
        }
    }
}
