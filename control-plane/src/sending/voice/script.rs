//! What is heard in the call of a message, and what the call's end says of the message. All that is known of a call are the words that
//! were told of its try, late, twice and in any order: nothing else is remembered.
//!
//! - It is spoken at most [`ROUNDS`] times to somebody who listens, and once to a machine, after its beep.
//! - Only the key [`CONFIRMS`] confirms it. Whoever heard it to its end without pressing was told all the same, and is not called again;
//!   who hung up before was not.

use messaging::{Failure, FailureClass, Status};

/// So often it is spoken to somebody.
const ROUNDS: u8 = 2;
/// The key that confirms.
const CONFIRMS: &str = "1";

/// The key was pressed.
pub(crate) const CONFIRMED: &str = "confirmed";
/// It was spoken once to its end, and nobody had hung up.
pub(crate) const HEARD: &str = "heard";
/// A machine has answered.
pub(crate) const MACHINE: &str = "machine";
/// It was spoken to its end after the machine's beep.
pub(crate) const LEFT: &str = "left";
/// A person has answered.
pub(crate) const HUMAN: &str = "human";
/// Nobody can tell who has answered: it is taken for a person.
pub(crate) const UNKNOWN: &str = "unknown";
/// The call was answered and is over.
const COMPLETED: &str = "completed";
/// Nobody hung it up but somebody of ours, before it was answered.
const CANCELED: &str = "canceled";
/// How calls end otherwise.
const NOT_ANSWERED: [&str; 4] = ["busy", "no-answer", "failed", CANCELED];
/// The failure's code where somebody hung up before they had heard it.
const HUNG_UP: &str = "hung-up";

/// What has just happened, as our own address says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It was answered.
    Begin,
    /// It was spoken this many times.
    Said(u8),
    /// A machine has beeped.
    Machine,
    /// It was spoken to the machine.
    Left,
    /// Whoever detects machines was given time.
    Waited,
}

impl Step {
    /// Reads it from our own address.
    pub(crate) fn parse(text: Option<&str>) -> Option<Self> {
        Some(match text {
            None => Self::Begin,
            Some("machine") => Self::Machine,
            Some("left") => Self::Left,
            Some("waited") => Self::Waited,
            Some(said) => Self::Said(said.strip_prefix("said-")?.parse().ok()?),
        })
    }

    /// As it stands in our own address.
    pub(crate) fn word(self) -> String {
        match self {
            Self::Begin => "begin".to_owned(),
            Self::Said(times) => format!("said-{times}"),
            Self::Machine => MACHINE.to_owned(),
            Self::Left => LEFT.to_owned(),
            Self::Waited => "waited".to_owned(),
        }
    }
}

/// What is heard next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The message, with the key, for the how-manieth time, from 1.
    Speak(u8),
    /// The message, to a machine.
    Leave,
    /// Nothing for a while: it may still turn out to be a machine that greets.
    Wait,
    /// Thanks, and the end.
    Thank,
    /// The end, said.
    Goodbye,
    /// The end.
    HangUp,
}

/// What is heard after `step` with these keys, and what is to be told of the try before. `known` is what was told of it so far.
pub(crate) fn next(step: Step, keys: Option<&str>, known: &[&str]) -> (Turn, Option<&'static str>) {
    if known.iter().any(|word| is_end(word)) {
        return (Turn::HangUp, None);
    }
    match (step, keys) {
        (Step::Said(_), Some(CONFIRMS)) => (Turn::Thank, Some(CONFIRMED)),
        (Step::Begin, _) => (Turn::Speak(1), None),
        (Step::Said(times), keys) => {
            // Another key interrupts it.
            let told = if keys.is_none() { Some(HEARD) } else { None };
            let resolved = known.iter().any(|word| [HUMAN, UNKNOWN].contains(word));
            let turn = match times {
                0..ROUNDS => Turn::Speak(times + 1),
                _ if resolved => Turn::Goodbye,
                _ => Turn::Wait,
            };
            (turn, told)
        }
        (Step::Waited, _) => (Turn::Goodbye, None),
        (Step::Machine, _) => (Turn::Leave, None),
        (Step::Left, _) => (Turn::HangUp, Some(LEFT)),
    }
}

/// Whether the carrier's word is the end of a call.
pub(crate) fn is_end(word: &str) -> bool {
    word == COMPLETED || NOT_ANSWERED.contains(&word)
}

/// What the end of a call says of the message, after all that was told of it.
pub(crate) fn ended(word: &str, known: &[&str]) -> (Status, Option<Failure>) {
    let is_known = |word: &str| known.contains(&word);
    let not_reached = |code: &str| {
        let class = match code {
            // Somebody of ours did not want it made: it is not made again.
            CANCELED => FailureClass::Expired,
            _ => FailureClass::Unreachable,
        };
        (Status::Undelivered, Some(Failure::new(class).with_code(code)))
    };
    if is_known(CONFIRMED) {
        (Status::Read, None)
    } else if word != COMPLETED {
        not_reached(word)
    } else if is_known(LEFT) {
        (Status::Delivered, None)
    } else if is_known(MACHINE) {
        not_reached(MACHINE)
    } else if is_known(HEARD) {
        (Status::Delivered, None)
    } else {
        not_reached(HUNG_UP)
    }
}

/// What is told of who has answered, by the carrier's word.
pub(crate) fn answered_by(word: &str) -> &'static str {
    match word {
        "human" => HUMAN,
        word if word.starts_with("machine") || word == "fax" => MACHINE,
        _ => UNKNOWN,
    }
}

#[cfg(test)]
mod tests;
