//! Why somebody was not let in, as a problem. It says no more than whoever asks may know.

use crate::problem::{Code, Fault, FaultCode, Place, Problem};
use identity::{IdentityError, openid::OpenIdError};
use std::{error::Error, time::Duration};
use tracing::{error, warn};

impl From<IdentityError> for Problem {
    fn from(cause: IdentityError) -> Self {
        match cause {
            IdentityError::Refused => Self::new(
                Code::ProofRejected,
                "the password, code or token is wrong, used, or no longer good; or too many wrong ones came before",
            ),
            IdentityError::TooMany { wait } => {
                Self::new(Code::RateLimited, "too many tries").retry_after(wait)
            }
            IdentityError::Busy => Self::new(Code::RateLimited, "too many others sign in now")
                .retry_after(Duration::from_secs(1)),
            IdentityError::Unfit(why) => at("/password", FaultCode::InvalidValue, why.to_string()),
            IdentityError::NotAnAddress => {
                at("/email", FaultCode::InvalidValue, "it must be an email address".to_owned())
            }
            IdentityError::Taken(_) => Self::new(Code::Taken, cause.to_string()),
            IdentityError::Missing(what) => Self::not_found(what),
            IdentityError::Impossible(why) => Self::new(Code::Conflict, why),
            IdentityError::AboveOneself => Self::new(Code::Forbidden, cause.to_string()),
            IdentityError::OpenId(cause) => of_provider(&cause),
            IdentityError::Store(cause) => cause.into(),
            cause => {
                error!(error = &cause as &dyn Error, "somebody could not be identified");
                Self::new(Code::Internal, "the request could not be served")
            }
        }
    }
}

fn of_provider(cause: &OpenIdError) -> Problem {
    match cause {
        OpenIdError::UnknownProvider => Problem::not_found("provider"),
        OpenIdError::NoVerifiedEmail | OpenIdError::NoSuchUser => {
            Problem::new(Code::ProofRejected, cause.to_string())
        }
        cause => {
            warn!(error = cause as &dyn Error, "an OpenID provider did not serve");
            Problem::new(Code::ProviderUnavailable, "signing in at the provider failed")
        }
    }
}

fn at(pointer: &str, code: FaultCode, detail: String) -> Problem {
    Problem::unacceptable(vec![Fault { place: Place::Pointer(pointer.to_owned()), code, detail }])
}
