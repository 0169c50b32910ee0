//! What it means that a gateway did not send a message. The gateways differ only in what their refusals say.

use gateways::GatewayError;
use messaging::{Failure, FailureClass, dispatch::Outcome};
use outbox::Sent;
use std::time::Duration;

/// What came of a try. `refusal` says what the provider's answer means, by its status and whether it claims success and names nothing that
/// was sent.
pub(super) fn not_sent(cause: &GatewayError, refusal: impl Fn(u16, bool) -> Failure) -> Sent {
    let seconds = |wait: Duration| u32::try_from(wait.as_secs()).ok();
    let outcome = match cause {
        GatewayError::Refused { refusal: answer, .. } => {
            let failure = refusal(answer.status, false);
            Outcome::Refused { failure: failure.with_retry_after(answer.retry_after.and_then(seconds)) }
        }
        GatewayError::NothingSent { .. } => Outcome::Refused { failure: refusal(200, true) },
        GatewayError::Unreachable { .. } => {
            Outcome::Refused { failure: Failure::new(FailureClass::Temporary) }
        }
        GatewayError::Busy { wait, .. } => {
            let failure = Failure::new(FailureClass::Busy).with_retry_after(seconds(*wait));
            Outcome::Refused { failure }
        }
        GatewayError::UnknownOutcome { .. }
        | GatewayError::NoAnswer { .. }
        | GatewayError::Misunderstood { .. } => Outcome::Unknown,
        GatewayError::Invalid { .. } => Outcome::Refused { failure: Failure::new(FailureClass::Message) },
    };
    Sent { error: Some(cause.to_string()), ..Sent::of(outcome) }
}
