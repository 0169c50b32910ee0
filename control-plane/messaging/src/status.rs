//! What became of a message or of one try, and how far one word may follow another.
//!
//! Providers tell late, twice and out of order, so:
//! - a status only moves forward, by [`Status::rank`];
//! - a final one sticks, except that what was delivered may turn out to be read;
//! - `sent` is not final by itself: it may still turn out not to have arrived;
//! - an error that is known is never replaced by none.

use crate::{failure::Failure, words::words};
use serde::{Deserialize, Serialize};

words! {
    /// What became of a message or of one try (decision B5).
    pub enum Status, "message status" {
        /// It waits for its time.
        Scheduled => "scheduled",
        /// It waits to be sent.
        Queued => "queued",
        /// It waits for the end of quiet hours.
        Held => "held",
        /// A provider is being asked to take it, or has it and has not sent it yet.
        Sending => "sending",
        /// A provider took it.
        Sent => "sent",
        /// It arrived.
        Delivered => "delivered",
        /// It was read, or confirmed in a call.
        Read => "read",
        /// A provider took it, and it did not arrive.
        Undelivered => "undelivered",
        /// No provider took it.
        Failed => "failed",
        /// The mail came back.
        Bounced => "bounced",
        /// It was called back before anybody took it.
        Canceled => "canceled",
        /// It came in.
        Received => "received",
    }
}

impl Status {
    /// How far a message with this status is. A status never gives way to one of a lower rank.
    #[must_use]
    pub const fn rank(self) -> u8 {
        match self {
            Self::Scheduled => 0,
            Self::Queued | Self::Held => 1,
            Self::Sending => 2,
            Self::Sent => 3,
            Self::Delivered
            | Self::Undelivered
            | Self::Failed
            | Self::Bounced
            | Self::Canceled
            | Self::Received => 4,
            Self::Read => 5,
        }
    }

    /// Whether nothing follows it, but for [`Status::Read`] after [`Status::Delivered`].
    #[must_use]
    pub const fn is_final(self) -> bool {
        self.rank() >= Self::Delivered.rank()
    }

    /// Whether the person was not reached, for good.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Undelivered | Self::Failed | Self::Bounced | Self::Canceled)
    }

    /// Whether it reached the person.
    #[must_use]
    pub const fn is_arrival(self) -> bool {
        matches!(self, Self::Delivered | Self::Read)
    }

    /// The status after `next` was told of a message that has this one.
    #[must_use]
    pub const fn then(self, next: Self) -> Self {
        let forward = match self {
            Self::Delivered => matches!(next, Self::Read),
            _ if self.is_final() => false,
            // What is held and what is queued may change places: hours open and close.
            _ if next.rank() == self.rank() => true,
            _ => next.rank() > self.rank(),
        };
        if forward { next } else { self }
    }

    /// What Twilio's word for it means here; `None` for a word that says nothing of how far it is.
    ///
    /// Source: Twilio, *Messages resource*, and *Track the message status of outbound messages*.
    #[must_use]
    pub fn of_twilio(word: &str) -> Option<Self> {
        Some(match word {
            "accepted" | "queued" => Self::Queued,
            "scheduled" => Self::Scheduled,
            "sending" => Self::Sending,
            // Of several receivers some have it.
            "sent" | "partially_delivered" => Self::Sent,
            "delivered" => Self::Delivered,
            "read" => Self::Read,
            "undelivered" => Self::Undelivered,
            "failed" => Self::Failed,
            "canceled" => Self::Canceled,
            "receiving" | "received" => Self::Received,
            _ => return None,
        })
    }

    /// What Whapi's word for it means here; `None` for `deleted` and what is new.
    ///
    /// Source: Whapi's OpenAPI 1.8.7, statuses of the webhook.
    #[must_use]
    pub fn of_whapi(word: &str) -> Option<Self> {
        Some(match word {
            "pending" => Self::Sending,
            "sent" => Self::Sent,
            "delivered" => Self::Delivered,
            "read" | "played" => Self::Read,
            "failed" => Self::Failed,
            _ => return None,
        })
    }
}

/// How far something is, and what went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// How far it is.
    pub status: Status,
    /// What went wrong, if something did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl Progress {
    /// Nothing was told yet.
    #[must_use]
    pub const fn new(status: Status) -> Self {
        Self { status, failure: None }
    }

    /// Takes in what was told; whether it changed the status. A known failure stays unless another is told.
    pub fn take(&mut self, status: Status, failure: Option<Failure>) -> bool {
        let next = self.status.then(status);
        let changed = next != self.status;
        // What is told along with a status that comes too late says nothing of the status that holds.
        if changed || next == status {
            self.failure = failure.or_else(|| self.failure.take());
        }
        self.status = next;
        changed
    }
}

#[cfg(test)]
mod tests;
