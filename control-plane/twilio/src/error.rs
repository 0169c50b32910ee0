//! Why a request did not do what was asked.

use crate::codes::{RetryClass, retry_class};
use std::time::Duration;

/// What Twilio said instead of doing it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("HTTP {status}, {}: {message}", .code.map_or_else(|| "no code".to_owned(), |code| format!("code {code}")))]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Twilio's code; absent where a proxy answered, or the body was no JSON.
    pub code: Option<u32>,
    /// For people; shortened, and without the credential.
    pub message: String,
    /// Where Twilio explains the code.
    pub more_info: Option<String>,
    /// `Retry-After`.
    pub retry_after: Option<Duration>,
    /// `Twilio-Request-Id` (`RQ…`), for Twilio's support.
    pub request_id: Option<String>,
}

/// Why a request did not do what was asked. `doing` is the operation, such as `creating a call`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TwilioError {
    /// Twilio refused it; it was not done.
    #[error("{doing} was refused by Twilio")]
    Refused {
        /// The operation.
        doing: &'static str,
        /// What Twilio said.
        #[source]
        refusal: Box<Refusal>,
    },
    /// There was no connection; nothing was sent.
    #[error("{doing}: Twilio cannot be reached: {cause}")]
    Unreachable {
        /// The operation.
        doing: &'static str,
        /// What the network said.
        cause: String,
    },
    /// No answer came, or none that could be used, to a request that changes nothing when it is repeated.
    #[error("{doing}: no usable answer: {cause}")]
    NoAnswer {
        /// The operation.
        doing: &'static str,
        /// What happened.
        cause: String,
    },
    /// The request was sent and its answer lost (or it was a 5xx): it may have been done. Never send it again before
    /// [`crate::reconcile`] has said that it was not.
    #[error("{doing}: nobody knows whether it was done: {cause}")]
    UnknownOutcome {
        /// The operation.
        doing: &'static str,
        /// What happened.
        cause: String,
    },
    /// The answer is not what Twilio documents.
    #[error("{doing}: the answer is not understood: {cause}")]
    Misunderstood {
        /// The operation.
        doing: &'static str,
        /// Where, without repeating it.
        cause: String,
    },
    /// Our own limit for the account: it would have waited too long. Nothing was sent.
    #[error("{doing}: too many requests for this account; its turn would come in {wait:?}")]
    Busy {
        /// The operation.
        doing: &'static str,
        /// How long it would have waited.
        wait: Duration,
    },
    /// The request makes no sense; nothing was sent.
    #[error("{doing}: {reason}")]
    Invalid {
        /// The operation.
        doing: &'static str,
        /// Why.
        reason: String,
    },
}

impl TwilioError {
    /// What follows from it.
    #[must_use]
    pub fn retry_class(&self) -> RetryClass {
        match self {
            Self::Refused { refusal, .. } => match retry_class(refusal.status, refusal.code) {
                RetryClass::Soon { .. } => RetryClass::Soon { after: refusal.retry_after },
                class => class,
            },
            Self::Unreachable { .. } | Self::NoAnswer { .. } => RetryClass::Soon { after: None },
            Self::Busy { wait, .. } => RetryClass::Soon { after: Some(*wait) },
            Self::UnknownOutcome { .. } => RetryClass::Reconcile,
            Self::Misunderstood { .. } | Self::Invalid { .. } => RetryClass::Never,
        }
    }

    /// Twilio's code, if Twilio refused.
    #[must_use]
    pub fn code(&self) -> Option<u32> {
        match self {
            Self::Refused { refusal, .. } => refusal.code,
            _ => None,
        }
    }

    /// Whether the thing is not there (404, or 20404): gone, or never was.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Refused { refusal, .. } if refusal.status == 404 || refusal.code == Some(20404))
    }

    /// Whether the credentials are wrong (401, 20003): nothing works until somebody changes them.
    #[must_use]
    pub fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Refused { refusal, .. } if refusal.status == 401 || refusal.code == Some(20003))
    }
}
