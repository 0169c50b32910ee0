//! Why a decision is what it is, for machines by a code and for people in words.

use super::Refusal;
use crate::outcome::Failure;
use serde::{Serialize, Serializer, ser::SerializeStruct};
use std::fmt;
use store::ids::{FlowId, HoursId};

/// One thing that led to a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The call is turned away.
    Refused {
        /// Why.
        because: Refusal,
    },
    /// The caller's number is hidden or is none.
    CallerUnknown,
    /// The number has a call flow, which is followed.
    Flow {
        /// Which.
        flow: FlowId,
    },
    /// The number has a call flow that is not there.
    FlowUnknown {
        /// Which.
        flow: FlowId,
    },
    /// Neither the number nor its tenant keeps hours.
    NoHours,
    /// The hours are not there, or cannot be read.
    HoursUnknown {
        /// Which.
        hours: HoursId,
    },
    /// The hours were looked at.
    Hours {
        /// Which.
        hours: HoursId,
        /// Whether they are open.
        open: bool,
        /// The day's name, if it is not a usual one.
        exception: Option<String>,
    },
    /// Nothing is set up for after hours.
    AfterAsDuring,
    /// Nothing is set up at all.
    NoDestinations,
    /// A destination was tried before.
    Failed {
        /// Where it stands in the list.
        position: u32,
        /// Why it did not take the call.
        why: Failure,
    },
    /// A destination is left out.
    Skipped {
        /// Where it stands in the list.
        position: u32,
        /// Why.
        because: Skip,
    },
    /// The list is too long.
    TooMany {
        /// How many destinations are left out.
        left_out: usize,
    },
    /// Nothing in the list takes every call.
    LastResort,
}

/// Why a destination is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// The tenant has no such assistant.
    UnknownAssistant,
    /// The tenant has no assistant of its own.
    NoAssistant,
    /// No such user takes the tenant's calls.
    UnknownUser,
    /// The tenant has no such queue.
    UnknownQueue,
    /// The queue has no members.
    NobodyTakesTheQueue,
    /// As many as may wait there do.
    QueueFull,
    /// What is to be called is no number.
    NotANumber,
    /// The number would be forwarded to itself.
    ItsOwnNumber,
    /// The call comes from one of the tenant's own numbers, which forwarded it already.
    ForwardedAlready,
    /// The message is empty.
    NothingToSay,
}

impl Skip {
    const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownAssistant => "unknown_assistant",
            Self::NoAssistant => "no_assistant",
            Self::UnknownUser => "unknown_user",
            Self::UnknownQueue => "unknown_queue",
            Self::NobodyTakesTheQueue => "nobody_takes_the_queue",
            Self::QueueFull => "queue_full",
            Self::NotANumber => "not_a_number",
            Self::ItsOwnNumber => "its_own_number",
            Self::ForwardedAlready => "forwarded_already",
            Self::NothingToSay => "nothing_to_say",
        }
    }

    const fn in_words(self) -> &'static str {
        match self {
            Self::UnknownAssistant => "the tenant has no such assistant",
            Self::NoAssistant => "the tenant has no assistant of its own",
            Self::UnknownUser => "no such user takes the tenant's calls",
            Self::UnknownQueue => "the tenant has no such queue",
            Self::NobodyTakesTheQueue => "the queue has no members",
            Self::QueueFull => "the queue is full",
            Self::NotANumber => "what is to be called is no number in E.164",
            Self::ItsOwnNumber => "the number would be forwarded to itself",
            Self::ForwardedAlready => {
                "the call comes from one of the tenant's own numbers, which forwarded it already"
            }
            Self::NothingToSay => "the message is empty",
        }
    }
}

impl Reason {
    /// What kind of reason, for machines.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused { because: Refusal::TenantNotReady } => "tenant_not_ready",
            Self::Refused { because: Refusal::TenantSuspended } => "tenant_suspended",
            Self::Refused { because: Refusal::TenantClosed } => "tenant_closed",
            Self::Refused { because: Refusal::NumberInactive } => "number_inactive",
            Self::CallerUnknown => "caller_unknown",
            Self::Flow { .. } => "flow",
            Self::FlowUnknown { .. } => "flow_unknown",
            Self::NoHours => "no_hours",
            Self::HoursUnknown { .. } => "hours_unknown",
            Self::Hours { open: true, .. } => "during_hours",
            Self::Hours { open: false, .. } => "after_hours",
            Self::AfterAsDuring => "after_as_during",
            Self::NoDestinations => "no_destinations",
            Self::Failed { why, .. } => why.as_str(),
            Self::Skipped { because, .. } => because.as_str(),
            Self::TooMany { .. } => "too_many_destinations",
            Self::LastResort => "last_resort",
        }
    }

    /// Which place of the list it is about, from 0.
    #[must_use]
    pub const fn position(&self) -> Option<u32> {
        match self {
            Self::Failed { position, .. } | Self::Skipped { position, .. } => Some(*position),
            Self::Refused { .. }
            | Self::CallerUnknown
            | Self::Flow { .. }
            | Self::FlowUnknown { .. }
            | Self::NoHours
            | Self::HoursUnknown { .. }
            | Self::Hours { .. }
            | Self::AfterAsDuring
            | Self::NoDestinations
            | Self::TooMany { .. }
            | Self::LastResort => None,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { because } => f.write_str(match because {
                Refusal::TenantNotReady => "the tenant is being set up",
                Refusal::TenantSuspended => "the tenant is suspended",
                Refusal::TenantClosed => "the tenant is closed",
                Refusal::NumberInactive => "the number is not active",
            }),
            Self::CallerUnknown => f.write_str("the caller's number is hidden or is no number"),
            Self::Flow { flow } => write!(f, "the number has the call flow {flow}"),
            Self::FlowUnknown { flow } => {
                write!(f, "the call flow {flow} is not there, so the number's own routing counts")
            }
            Self::NoHours => f.write_str("no hours are kept, so it is always open"),
            Self::HoursUnknown { hours } => {
                write!(f, "the hours {hours} are not there or cannot be read, so it counts as open")
            }
            Self::Hours { hours, open, exception } => {
                let state = if *open { "open" } else { "closed" };
                match exception {
                    Some(day) => write!(f, "{state} by the hours {hours} on the day \"{day}\""),
                    None => write!(f, "{state} by the hours {hours}"),
                }
            }
            Self::AfterAsDuring => f.write_str("nothing is set up for after hours, so it is as during hours"),
            Self::NoDestinations => {
                f.write_str("no destination is set up, so the tenant's own assistant answers")
            }
            Self::Failed { position, why } => write!(f, "destination {position} {}", why.in_words()),
            Self::Skipped { position, because } => {
                write!(f, "destination {position} is left out: {}", because.in_words())
            }
            Self::TooMany { left_out } => write!(f, "{left_out} destinations too many are left out"),
            Self::LastResort => {
                f.write_str("nothing in the list takes every call, so the caller can leave a message at last")
            }
        }
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Reason", 3)?;
        fields.serialize_field("code", self.code())?;
        fields.serialize_field("text", &self.to_string())?;
        match self.position() {
            Some(position) => fields.serialize_field("position", &position)?,
            None => fields.skip_field("position")?,
        }
        fields.end()
    }
}
