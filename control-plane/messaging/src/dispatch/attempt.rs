//! One try to reach the person by one account of one channel.

use super::world::{Options, after, seconds};
use crate::{
    channel::Channel,
    status::{Progress, Status},
};
use serde::{Deserialize, Serialize};

/// A try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Attempt {
    /// Its number, from 1.
    pub(super) n: u32,
    /// The place of its leg.
    pub(super) leg: usize,
    pub(super) account: String,
    /// When the provider was first asked to take it, unix µs.
    pub(super) at: i64,
    pub(super) state: State,
    /// What the provider told.
    pub(super) progress: Progress,
    /// Whether it shows if the account has recovered.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) trial: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) provider_id: Option<String>,
    /// How often the provider was asked for its receipt.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) receipt_asks: u32,
    /// Questions what came of it to which there was no answer at all, of a provider or of whoever put them: they are gone.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) unheard: u32,
    /// The provider said for certain that it never got it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) absent: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
const fn is_false(is: &bool) -> bool {
    !*is
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// How a try stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(super) enum State {
    /// The provider is being asked to take it, since then.
    Trying {
        since: i64,
        /// How often its outcome was unknown before.
        asks: u32,
    },
    /// Nobody knows whether the provider took it.
    Unknown {
        /// Since when: no later than then it was made.
        since: i64,
        /// How often the provider was asked about it, or was sent it again.
        asks: u32,
        /// When it is asked next; while it is being asked, until when the answer is awaited.
        next: i64,
        /// When the question was put that is not answered yet.
        asked_at: Option<i64>,
    },
    /// The provider took it then, or it is taken for that.
    Taken {
        at: i64,
        assumed: bool,
        /// Whether the time for its receipt is over.
        settled: bool,
    },
    /// The provider did not take it.
    Refused,
    /// Nobody knows, and it is taken for not sent.
    Lost,
    /// The provider took it and told that it did not arrive.
    Failed,
}

impl Attempt {
    /// Whether the person may be told by it, or may have been.
    pub(super) const fn is_alive(&self) -> bool {
        matches!(self.state, State::Trying { .. } | State::Unknown { .. } | State::Taken { .. })
    }

    /// Whether what came of it is awaited.
    pub(super) const fn is_open(&self) -> bool {
        matches!(self.state, State::Trying { .. } | State::Unknown { .. })
    }

    pub(super) const fn is_taken(&self) -> bool {
        matches!(self.state, State::Taken { .. })
    }

    pub(super) const fn has_arrived(&self) -> bool {
        self.is_taken() && self.progress.status.is_arrival()
    }

    /// What was only assumed gives way to what is known: a try that was taken for not sent is open again, for what is told of it now.
    pub(super) fn revive(&mut self, at: i64) {
        if self.state == State::Lost {
            self.state = State::Trying { since: at, asks: 0 };
            self.progress = Progress::new(Status::Sending);
        }
    }

    /// Its receipt is awaited no more.
    pub(super) const fn settle(&mut self) {
        if let State::Taken { at, assumed, .. } = self.state {
            self.state = State::Taken { at, assumed, settled: true };
        }
    }

    /// When the provider is asked for its receipt; `None`: it tells it by itself, or nothing more is awaited.
    pub(super) fn receipt_asked_at(&self, channel: Channel, options: &Options) -> Option<i64> {
        let State::Taken { at, .. } = self.state else { return None };
        let until = self.receipt_until(channel, options)?;
        let first = seconds(*options.receipt_asked_after_s.get(&channel)?);
        self.provider_id.as_ref()?;
        // After one, three, seven times the first wait.
        let waits = 2_u32.saturating_pow(self.receipt_asks.saturating_add(1)).saturating_sub(1);
        let next = after(at, first.saturating_mul(waits));
        (next < until).then_some(next)
    }

    /// When the time for its receipt is over; `None`: nothing more is awaited.
    pub(super) fn receipt_until(&self, channel: Channel, options: &Options) -> Option<i64> {
        match self.state {
            State::Taken { at, settled: false, .. } if !self.has_arrived() => {
                Some(after(at, options.receipt_within(channel)))
            }
            _ => None,
        }
    }
}
