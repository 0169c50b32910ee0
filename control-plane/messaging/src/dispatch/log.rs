//! Every decision about a message, in order: what `explain` shows. Bounded: of a very long story the beginning and the end are kept.

use super::io::{Assumption, Ending, Form, Pass, Skip};
use crate::{
    channel::{Channel, MessageType},
    failure::Failure,
    status::Status,
    words::words,
};
use serde::{Deserialize, Serialize};

/// Decisions kept from the beginning.
const FIRST_MAX: usize = 64;
/// Decisions kept from the end.
const LAST_MAX: usize = 128;

/// A decision and its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When, unix µs.
    pub at: i64,
    /// What.
    #[serde(flatten)]
    pub decision: Decision,
}

words! {
    /// What is waited for.
    pub enum Wait, "wait" {
        /// The end of quiet hours.
        QuietHours => "quiet_hours",
        /// The next try after a failure.
        Retry => "retry",
        /// The account's pace.
        Pace => "pace",
    }
}

/// What was decided or learned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub enum Decision {
    /// It was accepted.
    Accepted {
        /// Its type.
        kind: MessageType,
        /// The channels, step by step.
        steps: Vec<Vec<Channel>>,
        /// Whether an email goes along with it.
        email_along: bool,
    },
    /// Its time came.
    Due,
    /// The chain goes on to its next step.
    NextStep {
        /// Its channels.
        channels: Vec<Channel>,
        /// Whether it is because no receipt came in time.
        escalated: bool,
    },
    /// A channel is not used.
    Skipped {
        /// Which.
        channel: Channel,
        /// Why.
        why: Skip,
    },
    /// An account is passed over.
    PassedOver {
        /// Of which channel.
        channel: Channel,
        /// Which.
        account: String,
        /// Why.
        why: Pass,
    },
    /// A channel waits.
    Waiting {
        /// Which.
        channel: Channel,
        /// For what.
        wait: Wait,
        /// Until when, unix µs.
        until: i64,
    },
    /// A try was made.
    Tried {
        /// Which try.
        attempt: u32,
        /// By which channel.
        channel: Channel,
        /// By which account.
        account: String,
        /// In which form.
        form: Form,
        /// Whether it shows if the account has recovered.
        trial: bool,
    },
    /// The same try was made again with the same key.
    TriedAgain {
        /// Which try.
        attempt: u32,
    },
    /// A provider took it.
    Taken {
        /// Which try.
        attempt: u32,
    },
    /// A provider did not take it.
    Refused {
        /// Which try.
        attempt: u32,
        /// Why.
        failure: Failure,
    },
    /// All accounts of a channel failed or cannot be used now (requirements S0-13 and S0-24).
    AllAccountsFailed {
        /// Of which channel.
        channel: Channel,
        /// Whether it may be otherwise later.
        retryable: bool,
    },
    /// Nobody knows what came of a try.
    OutcomeUnknown {
        /// Which try.
        attempt: u32,
    },
    /// The provider is asked about it.
    Asked {
        /// Which try.
        attempt: u32,
    },
    /// The provider has it.
    Found {
        /// Which try.
        attempt: u32,
    },
    /// The provider does not have it.
    NotThere {
        /// Which try.
        attempt: u32,
        /// Whether that is believed by now.
        believed: bool,
    },
    /// The provider could not be asked, so it is assumed.
    Assumed {
        /// Which try.
        attempt: u32,
        /// What.
        #[serde(flatten)]
        assumption: Assumption,
    },
    /// A receipt came.
    Receipt {
        /// Which try.
        attempt: u32,
        /// How far it is.
        status: Status,
        /// Why it failed, if it did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
    },
    /// What was told changes nothing: it came late, twice or out of order.
    Ignored {
        /// About which try.
        attempt: u32,
    },
    /// No receipt came in the time that is given to it.
    NoReceipt {
        /// For which try.
        attempt: u32,
    },
    /// The address is nobody's.
    Suppressed {
        /// On which channel.
        channel: Channel,
    },
    /// The person was found to have opted out.
    OptedOut {
        /// Of which channel.
        channel: Channel,
    },
    /// The whole chain failed and is tried again.
    RetryAt {
        /// Which retry, from 1.
        retry: u32,
        /// When, unix µs.
        until: i64,
        /// The channels that may succeed then.
        channels: Vec<Channel>,
    },
    /// The latest useful time came.
    Expired,
    /// It was taken back.
    Canceled,
    /// It was over, and what was told later opened it again.
    Reopened,
    /// It is over.
    Ended {
        /// How.
        #[serde(flatten)]
        ending: Ending,
    },
}

/// The story of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    first: Vec<Entry>,
    #[serde(default, skip_serializing_if = "is_zero")]
    omitted: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    last: Vec<Entry>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Log {
    pub(super) fn push(&mut self, at: i64, decision: Decision) {
        let entry = Entry { at, decision };
        if self.first.len() < FIRST_MAX {
            self.first.push(entry);
            return;
        }
        if self.last.len() == LAST_MAX {
            self.last.remove(0);
            self.omitted = self.omitted.saturating_add(1);
        }
        self.last.push(entry);
    }

    /// The decisions in their order.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.first.iter().chain(&self.last)
    }

    /// How many are left out between the first `FIRST_MAX` and the last.
    #[must_use]
    pub const fn omitted(&self) -> u32 {
        self.omitted
    }
}
