//! Why a gateway did not do what was asked, and what follows from it.

use std::{fmt, time::Duration};
use url::Url;

/// Who was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gateway {
    /// Whapi.Cloud.
    Whapi,
    /// OneSignal.
    OneSignal,
}

impl fmt::Display for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Whapi => "Whapi",
            Self::OneSignal => "OneSignal",
        })
    }
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No HTTP client could be made.
    #[error("failed to set up the HTTP client for {0}")]
    Http(Gateway, #[source] reqwest::Error),
    /// The address cannot have paths, or is not `http` or `https`.
    #[error("`{1}` cannot be the base of {0}'s API")]
    BaseUrl(Gateway, Url),
}

/// What the gateway said instead of doing it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("HTTP {status}: {message}")]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// For people; at most 300 characters, one line, without the credential.
    pub message: String,
    /// `Retry-After`, at most a day.
    pub retry_after: Option<Duration>,
}

/// What follows from a failure. The meanings of the statuses are the gateways'; what is done about each is our judgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It was not done and may be tried again, not before `after` if that is known.
    Soon {
        /// The wait that was asked for.
        after: Option<Duration>,
    },
    /// It was not done, and this account will not do it: its credential is wrong, it is logged out, its trial is used up.
    /// Another account may.
    OtherAccount,
    /// It was not done: this recipient cannot be reached this way.
    OtherChannel,
    /// It was not done: our mistake. Tell somebody, and do not try again.
    Never,
    /// Nobody knows whether it was done; asking again with the same key does it at most once.
    Repeat {
        /// The wait that was asked for.
        after: Option<Duration>,
    },
    /// Nobody knows whether it was done, and asking again may do it twice: find out first.
    Reconcile,
}

/// Why a gateway did not do what was asked. `doing` is the operation, such as `sending a text`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// The gateway refused it; it was not done.
    #[error("{doing} was refused by {gateway}")]
    Refused {
        /// Who refused.
        gateway: Gateway,
        /// The operation.
        doing: &'static str,
        /// What it said.
        #[source]
        refusal: Box<Refusal>,
    },
    /// The answer is a success in HTTP and says that nothing was sent (`sent:false`, an empty id).
    #[error("{doing}: {gateway} took the request and sent nothing: {reason}")]
    NothingSent {
        /// Who was asked.
        gateway: Gateway,
        /// The operation.
        doing: &'static str,
        /// Why, in the gateway's words, shortened and without the credential.
        reason: String,
    },
    /// There was no connection; nothing was sent.
    #[error("{doing}: {gateway} cannot be reached: {cause}")]
    Unreachable {
        /// Who was asked.
        gateway: Gateway,
        /// The operation.
        doing: &'static str,
        /// What the network said.
        cause: String,
    },
    /// No answer came, or none that could be used, to a request that changes nothing when it is repeated.
    #[error("{doing}: no usable answer of {gateway}: {cause}")]
    NoAnswer {
        /// Who was asked.
        gateway: Gateway,
        /// The operation.
        doing: &'static str,
        /// What happened.
        cause: String,
    },
    /// The request was sent and its answer lost, or it was a 5xx: it may have been done.
    #[error("{doing}: nobody knows whether {gateway} did it: {cause}")]
    UnknownOutcome {
        /// Who was asked.
        gateway: Gateway,
        /// The operation.
        doing: &'static str,
        /// What happened.
        cause: String,
        /// HTTP status, where there was one.
        status: Option<u16>,
        /// The request carried a key with which it is done at most once, however often it is sent.
        keyed: bool,
        /// `Retry-After`, where there was one.
        retry_after: Option<Duration>,
    },
    /// The answer is not what the gateway documents.
    #[error("{doing}: the answer of {gateway} is not understood: {cause}")]
    Misunderstood {
        /// Who was asked.
        gateway: Gateway,
        /// The operation.
        doing: &'static str,
        /// Where, without repeating it.
        cause: String,
    },
    /// Our own pace for the account: it would have waited too long. Nothing was sent.
    #[error("{doing}: {gateway} is asked too fast with this account; its turn would come in {wait:?}")]
    Busy {
        /// Who was to be asked.
        gateway: Gateway,
        /// The operation.
        doing: &'static str,
        /// How long it would have waited.
        wait: Duration,
    },
    /// The request makes no sense; nothing was sent.
    #[error("{doing}: {reason}")]
    Invalid {
        /// Who was to be asked.
        gateway: Gateway,
        /// The operation.
        doing: &'static str,
        /// Why.
        reason: String,
    },
}

impl GatewayError {
    /// What follows from it.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Refused { gateway, refusal, .. } => of_status(*gateway, refusal),
            Self::NothingSent { gateway: Gateway::Whapi, .. } => Class::OtherAccount,
            // Nobody of those who were named has a device that takes it.
            Self::NothingSent { gateway: Gateway::OneSignal, .. } => Class::OtherChannel,
            Self::Unreachable { .. } | Self::NoAnswer { .. } => Class::Soon { after: None },
            Self::Busy { wait, .. } => Class::Soon { after: Some(*wait) },
            Self::UnknownOutcome { keyed: true, retry_after, .. } => Class::Repeat { after: *retry_after },
            Self::UnknownOutcome { keyed: false, .. } => Class::Reconcile,
            Self::Misunderstood { .. } | Self::Invalid { .. } => Class::Never,
        }
    }

    /// HTTP status of the answer, where it was no success.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal.status),
            Self::UnknownOutcome { status, .. } => *status,
            Self::NothingSent { .. }
            | Self::Unreachable { .. }
            | Self::NoAnswer { .. }
            | Self::Misunderstood { .. }
            | Self::Busy { .. }
            | Self::Invalid { .. } => None,
        }
    }

    /// Whether the account itself is refused (401, 403): its credential is wrong, or it is logged out. Nothing works with
    /// it until somebody does something.
    #[must_use]
    pub fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Refused { refusal, .. } if matches!(refusal.status, 401 | 403))
    }
}

fn of_status(gateway: Gateway, refusal: &Refusal) -> Class {
    match (refusal.status, gateway) {
        (429 | 408 | 500.., _) => Class::Soon { after: refusal.retry_after },
        (401..=403, _) => Class::OtherAccount,
        // The contact is not there; at OneSignal it is the app or the notification.
        (404, Gateway::Whapi) => Class::OtherChannel,
        _ => Class::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(gateway: Gateway, status: u16) -> GatewayError {
        let after = Some(Duration::from_secs(7));
        let refusal = Box::new(Refusal { status, message: String::new(), retry_after: after });
        GatewayError::Refused { gateway, doing: "sending a text", refusal }
    }

    #[test]
    fn a_dead_account_is_not_a_dead_recipient() {
        for status in [401, 402, 403] {
            assert_eq!(refused(Gateway::Whapi, status).class(), Class::OtherAccount);
            assert_eq!(refused(Gateway::OneSignal, status).class(), Class::OtherAccount);
        }
        assert_eq!(refused(Gateway::Whapi, 404).class(), Class::OtherChannel);
        assert_eq!(refused(Gateway::OneSignal, 404).class(), Class::Never);
        for status in [400, 413, 415, 302] {
            assert_eq!(refused(Gateway::Whapi, status).class(), Class::Never);
        }
    }

    #[test]
    fn a_wait_that_was_asked_for_is_passed_on() {
        let after = Some(Duration::from_secs(7));
        assert_eq!(refused(Gateway::Whapi, 429).class(), Class::Soon { after });
        assert_eq!(refused(Gateway::OneSignal, 503).class(), Class::Soon { after });
    }
}
