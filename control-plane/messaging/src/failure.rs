//! Why a try failed, as a class that says what to do next. Which error is of which class stands in tables, one for each provider
//! (`failure/`); nothing here knows what a message is.

mod tables;

use crate::words::words;
use serde::{Deserialize, Serialize};
pub use tables::{of_http, of_onesignal, of_smtp, of_twilio, of_whapi};

words! {
    /// What kind of failure it was. What follows from it is in [`FailureClass::rule`].
    pub enum FailureClass, "failure class" {
        /// Too much at once; it was not processed. Soon again, or by another account now.
        Busy => "busy",
        /// The provider is in trouble. Soon again, or by another account now.
        Temporary => "temporary",
        /// The person's device or mailbox is not reached for now. Later again, by another channel now.
        Unreachable => "unreachable",
        /// The address is none on this channel, or nobody's. Never again to this address on this channel.
        BadAddress => "bad_address",
        /// This account may not or cannot send it to there. Another account or channel may.
        NotCarried => "not_carried",
        /// The account is closed, unpaid or wrongly set up. Another account now; somebody must be told.
        Account => "account",
        /// The message itself is wrong or unwelcome. Another channel may take it in its own form; somebody must be told.
        Message => "message",
        /// The person does not want messages from this sender.
        OptedOut => "opted_out",
        /// The provider knows that it is quiet hours there. At the next hour that is allowed.
        QuietHours => "quiet_hours",
        /// There was no time left.
        Expired => "expired",
    }
}

/// What follows from a [`FailureClass`] (decision B15, requirements S3-73 and S3-74).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a row of a table: each column is a question of its own")]
pub struct Rule {
    /// Whether another account of the same channel may succeed at once.
    pub next_account: bool,
    /// Whether the same may succeed later.
    pub retryable: bool,
    /// Whether it counts against the health of the account.
    pub hurts_account: bool,
    /// Whether the address is of no use on this channel from now on.
    pub suppresses_address: bool,
    /// Whether somebody must look at it.
    pub alerts: bool,
}

impl FailureClass {
    /// What follows from it.
    #[must_use]
    pub const fn rule(self) -> Rule {
        let (next_account, retryable, hurts_account, suppresses_address, alerts) = match self {
            Self::Busy => (true, true, false, false, false),
            Self::Temporary => (true, true, true, false, false),
            Self::Unreachable => (false, true, false, false, false),
            Self::BadAddress => (false, false, false, true, false),
            Self::NotCarried => (true, false, false, false, false),
            Self::Account => (true, false, true, false, true),
            Self::Message => (false, false, false, false, true),
            // Another sender is no way round somebody's wish.
            Self::OptedOut | Self::Expired => (false, false, false, false, false),
            Self::QuietHours => (false, true, false, false, false),
        };
        Rule { next_account, retryable, hurts_account, suppresses_address, alerts }
    }
}

/// Why a try failed. Holds no text of the provider: it may name the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind of failure.
    pub class: FailureClass,
    /// The provider's own code, such as `30003`, `5.1.1` or `HTTP 503`; empty if it gave none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// How long the provider asks to be left alone, in s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u32>,
}

impl Failure {
    /// A failure without a code.
    #[must_use]
    pub const fn new(class: FailureClass) -> Self {
        Self { class, code: String::new(), retry_after_s: None }
    }

    /// Whether the provider judged the message, so that it would judge the same one the same way again, and did not just fail at this moment.
    #[must_use]
    pub const fn is_of_the_message(&self) -> bool {
        let rule = self.class.rule();
        !rule.retryable && !rule.hurts_account
    }

    /// The same, with the provider's code.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.code = code.into();
        self
    }

    /// The same, with what the provider asked for in `Retry-After`, in s.
    #[must_use]
    pub const fn with_retry_after(mut self, seconds: Option<u32>) -> Self {
        self.retry_after_s = seconds;
        self
    }
}

#[cfg(test)]
mod tests;
