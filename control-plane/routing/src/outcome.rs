//! What became of a destination: read from the carrier's words, and written into the addresses that it asks next, so that a
//! decision needs no memory.

use serde::Serialize;
use std::{fmt, str::FromStr};

/// Why a destination did not take the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// Nobody answered in time.
    NoAnswer,
    /// It was busy.
    Busy,
    /// It could not be called.
    Failed,
    /// The queue took nobody more.
    QueueFull,
    /// The caller waited as long as the queue lets anybody wait.
    WaitedTooLong,
    /// The caller did not want to wait any longer, and said so with a key.
    LeftQueue,
    /// The assistant could not go on.
    AssistantFailed,
}

impl Failure {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::NoAnswer,
        Self::Busy,
        Self::Failed,
        Self::QueueFull,
        Self::WaitedTooLong,
        Self::LeftQueue,
        Self::AssistantFailed,
    ];

    /// As in addresses and in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoAnswer => "no_answer",
            Self::Busy => "busy",
            Self::Failed => "failed",
            Self::QueueFull => "queue_full",
            Self::WaitedTooLong => "waited_too_long",
            Self::LeftQueue => "left_queue",
            Self::AssistantFailed => "assistant_failed",
        }
    }

    pub(crate) const fn in_words(self) -> &'static str {
        match self {
            Self::NoAnswer => "was not answered",
            Self::Busy => "was busy",
            Self::Failed => "could not be reached",
            Self::QueueFull => "was full",
            Self::WaitedTooLong => "took too long",
            Self::LeftQueue => "was left by the caller",
            Self::AssistantFailed => "could not go on",
        }
    }
}

/// A destination that did not take the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// Where it stands in the number's list, from 0.
    pub position: u32,
    /// Why.
    pub why: Failure,
}

impl Failed {
    /// Reads what [`Failed::write_list`] wrote. What makes no sense is left out.
    #[must_use]
    pub fn read_list(text: &str) -> Vec<Self> {
        text.split(',').filter_map(|one| one.parse().ok()).collect()
    }

    /// As a part of an address: `0.no_answer,1.busy`.
    #[must_use]
    pub fn write_list(failed: &[Self]) -> String {
        failed.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.position, self.why.as_str())
    }
}

/// The text says of no destination what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a position and what became of it, such as 0.no_answer")]
pub struct NotAFailure;

impl FromStr for Failed {
    type Err = NotAFailure;

    fn from_str(text: &str) -> Result<Self, NotAFailure> {
        let (position, why) = text.split_once('.').ok_or(NotAFailure)?;
        let position = position.parse().map_err(|_| NotAFailure)?;
        let why = Failure::ALL.into_iter().find(|known| known.as_str() == why).ok_or(NotAFailure)?;
        Ok(Self { position, why })
    }
}

/// What follows when the carrier has done with a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// The caller was served, or is gone: nothing.
    Nothing,
    /// The next destination.
    Next(Failure),
}

/// What `<Dial>` came to, from `DialCallStatus` and `DialBridged`. One who answered and was not put through to the caller did
/// not take the call. A word that is not known counts as a failure: the caller is still there.
#[must_use]
pub fn of_dial(status: &str, bridged: Option<&str>) -> After {
    match status {
        "completed" | "answered" if bridged != Some("false") => After::Nothing,
        "completed" | "answered" | "no-answer" => After::Next(Failure::NoAnswer),
        "busy" => After::Next(Failure::Busy),
        // The caller hung up while it rang.
        "canceled" => After::Nothing,
        _ => After::Next(Failure::Failed),
    }
}

/// What `<Enqueue>` came to, from `QueueResult`. `waited_too_long`: the caller was there as long as the queue lets anybody.
#[must_use]
pub fn of_queue(result: &str, waited_too_long: bool) -> After {
    match result {
        // Whoever took the caller out decides what follows.
        "bridged" | "bridging-in-process" | "hangup" | "redirected" | "redirected-from-bridged" => {
            After::Nothing
        }
        "leave" if waited_too_long => After::Next(Failure::WaitedTooLong),
        "leave" => After::Next(Failure::LeftQueue),
        "queue-full" => After::Next(Failure::QueueFull),
        _ => After::Next(Failure::Failed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*, sample::select};

    proptest! {
        #[test]
        fn what_was_written_into_an_address_is_read_back(
            all in vec((0_u32..100, select(Failure::ALL.to_vec())), 0..20),
        ) {
            let all: Vec<_> = all.into_iter().map(|(position, why)| Failed { position, why }).collect();
            prop_assert_eq!(Failed::read_list(&Failed::write_list(&all)), all);
        }

        #[test]
        fn nonsense_in_an_address_is_left_out(text in any::<String>()) {
            drop(Failed::read_list(&text));
        }
    }

    #[test]
    fn only_what_makes_sense_is_read() {
        let read = Failed::read_list("0.busy,x.busy,1.asleep,,-1.busy,2.failed,99999999999.busy");
        assert_eq!(Failed::write_list(&read), "0.busy,2.failed");
    }

    #[test]
    fn a_caller_who_was_served_or_is_gone_goes_nowhere_else() {
        for status in ["completed", "answered", "canceled"] {
            assert_eq!(of_dial(status, Some("true")), After::Nothing, "{status}");
            assert_eq!(of_dial(status, None), After::Nothing, "{status}");
        }
        for result in ["bridged", "bridging-in-process", "hangup", "redirected", "redirected-from-bridged"] {
            assert_eq!(of_queue(result, true), After::Nothing, "{result}");
        }
    }

    #[test]
    fn a_caller_who_is_still_there_goes_on() {
        for (status, why) in [
            ("busy", Failure::Busy),
            ("no-answer", Failure::NoAnswer),
            ("failed", Failure::Failed),
            ("new-word", Failure::Failed),
        ] {
            assert_eq!(of_dial(status, None), After::Next(why), "{status}");
        }
        assert_eq!(of_dial("completed", Some("false")), After::Next(Failure::NoAnswer), "nobody talked");
        assert_eq!(of_queue("leave", true), After::Next(Failure::WaitedTooLong));
        assert_eq!(of_queue("leave", false), After::Next(Failure::LeftQueue));
        assert_eq!(of_queue("queue-full", false), After::Next(Failure::QueueFull));
        for result in ["error", "system-error", "new-word"] {
            assert_eq!(of_queue(result, false), After::Next(Failure::Failed), "{result}");
        }
    }
}
