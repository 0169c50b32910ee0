//! What a dispatch is told, and what it wants done.

use super::world::Recovery;
use crate::{
    channel::Channel,
    failure::{Failure, FailureClass},
    status::Status,
    words::words,
};
use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "input", rename_all = "snake_case")]
pub enum Input {
    /// Time went by: the message is due, or what [`Effect::WakeAt`] asked for. Harmless at any time.
    Wake,
    /// What came of a provider call that [`Effect::Send`] asked for.
    Outcome {
        /// Which try.
        attempt: u32,
        /// What came of it.
        outcome: Outcome,
    },
    /// A provider told something about a try, on its own.
    Callback {
        /// Which try.
        attempt: u32,
        /// What it told.
        report: Report,
    },
    /// What the provider said when [`Effect::Ask`] asked it.
    Answer {
        /// Which try.
        attempt: u32,
        /// Which question.
        ask: u32,
        /// What it said.
        answer: Answer,
    },
    /// The sender takes it back: nothing more is sent.
    Cancel,
}

/// What came of a provider call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The provider took it.
    Accepted {
        /// Its id there.
        provider_id: String,
    },
    /// The provider did not take it, for certain.
    Refused {
        /// Why.
        failure: Failure,
    },
    /// The request may have been carried out: a time-out, a broken connection, a 5xx, a crash in between.
    Unknown,
    /// The call was not made: the account's one trial is being made by another message. The next account is tried.
    NotAdmitted,
    /// The call was not made: the account's pace does not allow it yet, or this node gave it up before it began.
    Deferred {
        /// When it may be made, unix µs.
        until: i64,
    },
}

/// What a provider told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// How far it is.
    pub status: Status,
    /// Why it failed, if it did.
    #[serde(default)]
    pub failure: Option<Failure>,
    /// Its id there.
    #[serde(default)]
    pub provider_id: Option<String>,
}

/// What a provider said about a try that nobody knew the outcome of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// It has it.
    Found {
        /// What it knows of it.
        report: Report,
    },
    /// It does not have it.
    NotThere,
    /// It did not answer, or cannot say.
    CannotSay,
}

words! {
    /// In which form a message goes.
    pub enum Form, "form" {
        /// As it was written.
        Free => "free",
        /// As the template that the provider approved.
        Template => "template",
    }
}

/// What is to be done, in this order. What was carried out twice because of a crash must do no harm: a `Send` is found by its attempt number,
/// the rest is the same the second time.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// Call the provider, and tell what came of it.
    Send {
        /// The number of the try, from 1, which goes into the callback's address and the provider's key.
        attempt: u32,
        /// By which channel.
        channel: Channel,
        /// By which account.
        account: String,
        /// To where: what was checked is what is used.
        address: String,
        /// In which form.
        form: Form,
        /// Whether it is the one try by which an account that was down may show that it has recovered.
        trial: bool,
        /// Whether the same try is made again with the same key, because nobody knows what came of it.
        again: bool,
    },
    /// Ask the provider about a try.
    Ask {
        /// Which.
        attempt: u32,
        /// The number of the question, from 1, which the answer names.
        ask: u32,
        /// By which account.
        account: String,
        /// Its id at the provider, if it is known.
        provider_id: Option<String>,
    },
    /// Come back then, unix µs. Replaces what was asked for before.
    WakeAt {
        /// When.
        at: i64,
    },
    /// The message is so far now.
    Status {
        /// How far.
        status: Status,
    },
    /// What was learned about an account.
    Account {
        /// By which channel.
        channel: Channel,
        /// Which.
        account: String,
        /// Whether it was learned by the one try of an account that was down.
        trial: bool,
        /// What.
        fact: AccountFact,
    },
    /// The address of a try is nobody's on this channel.
    Suppress {
        /// By which channel.
        channel: Channel,
        /// Which try found out.
        attempt: u32,
        /// Why.
        failure: Failure,
    },
    /// The person does not want messages from the sender of this account (error 21610 at Twilio).
    OptedOut {
        /// By which channel.
        channel: Channel,
        /// By which account.
        account: String,
        /// Which try found out.
        attempt: u32,
    },
    /// Somebody must look at it.
    Alert {
        /// By which channel.
        channel: Channel,
        /// By which account.
        account: String,
        /// At what.
        failure: Failure,
    },
    /// It is over. A callback that comes later may still change the ending, or open it again as long as there is time.
    End {
        /// How it ended.
        ending: Ending,
    },
}

impl std::fmt::Debug for Effect {
    /// As JSON, but for the address.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = self.clone();
        if let Self::Send { address, .. } = &mut shown {
            "…".clone_into(address);
        }
        f.write_str(&serde_json::to_string(&shown).map_err(|_| std::fmt::Error)?)
    }
}

/// What was learned about an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum AccountFact {
    /// Its provider took a message.
    Succeeded,
    /// It failed, and it is the account's or the provider's fault.
    Failed {
        /// What kind of failure.
        class: FailureClass,
    },
    /// It refused a message for a reason that says nothing about it.
    Answered,
    /// A message arrived.
    Delivered {
        /// How long after it was taken, in µs.
        after_us: i64,
    },
}

words! {
    /// Why it ended as it did.
    pub enum Reason, "reason" {
        /// It reached the person, or a provider took it and told no more.
        Done => "done",
        /// The person opted out of every channel that was left.
        OptedOut => "opted_out",
        /// There was no channel with an address and an account.
        NoWay => "no_way",
        /// The latest useful time had come.
        Expired => "expired",
        /// Every channel failed, as often as it may be tried.
        Exhausted => "exhausted",
        /// It was taken back.
        Canceled => "canceled",
    }
}

/// How a message ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// What became of it.
    pub status: Status,
    /// Why.
    pub reason: Reason,
    /// By which channel it got furthest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// The last failure, if it did not reach the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// How one channel of a message stands, for those who asked for several at once (decision B17).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegResult {
    /// Which channel.
    pub channel: Channel,
    /// What became of it; `None`: it was not needed so far.
    pub status: Option<Status>,
    /// Whether it is the email along with the message.
    pub along: bool,
    /// The account of its last try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Why it was not tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<Skip>,
}

words! {
    /// Why a channel was not tried.
    pub enum Skip, "reason to skip a channel" {
        /// The person has no address there.
        NoAddress => "no_address",
        /// The address there was found to be nobody's.
        Suppressed => "suppressed",
        /// The person opted out of it.
        OptedOut => "opted_out",
        /// The person opted out of another one and never asked for this one.
        NotAskedFor => "not_asked_for",
        /// The tenant has no account for it.
        NoAccount => "no_account",
        /// Quiet hours end after the latest useful time.
        QuietTooLong => "quiet_too_long",
        /// The latest useful time had come.
        Expired => "expired",
        /// It was taken back.
        Canceled => "canceled",
    }
}

words! {
    /// Why an account was passed over.
    pub enum Pass, "reason to pass over an account" {
        /// Its number cannot carry the message.
        NotCapable => "not_capable",
        /// It is down.
        Down => "down",
        /// The person opted out of its sender.
        OptedOut => "opted_out",
        /// The person opted out of another sender or channel and never asked for this one.
        NotAskedFor => "not_asked_for",
        /// WhatsApp's window is closed and there is no template.
        WindowClosed => "window_closed",
        /// It refused this message already.
        Refused => "refused",
    }
}

/// How an unknown outcome was settled where the provider could not be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assumption {
    /// Whether it is taken for sent.
    pub sent: bool,
    /// What could be done about it.
    pub recovery: Recovery,
}
