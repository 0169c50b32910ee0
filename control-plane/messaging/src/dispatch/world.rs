//! What a decision depends on beside the message itself, as it is at this moment. The shell reads it anew for each step: consent, hours and
//! health are checked when something is sent, not when it was accepted.

use crate::{
    channel::{Channel, MessageType},
    plan::{Tier, account_order},
    words::words,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// Accounts of a channel that are looked at; those behind them are left out. Requirement S0-13 knows three.
pub(super) const ACCOUNTS_MAX: usize = 8;

/// What is known of the person and of the tenant's accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct World {
    /// By channel; one that is not there cannot be used.
    pub channels: BTreeMap<Channel, Reach>,
    /// How the tenant wants it.
    #[serde(default)]
    pub options: Options,
}

/// How a person is reached by one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// Where.
    pub address: Address,
    /// Whether it may be sent at this hour.
    pub quiet: Quiet,
    /// Whether the person wrote within the last 24 hours, which WhatsApp asks for where there is no template.
    pub window: Window,
    /// Whether the message has a template that the provider approved.
    pub template: bool,
    /// The tenant's accounts of this channel, in any order.
    pub accounts: Vec<Account>,
}

/// Where a person is reached.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Address {
    /// Nowhere by this channel.
    None,
    /// At an address that was found to be nobody's.
    Suppressed,
    /// There.
    Known(String),
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Suppressed => "Suppressed",
            Self::Known(_) => "Known(…)",
        })
    }
}

/// Whether something may be sent at this hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quiet {
    /// It may.
    Open,
    /// Not before then, unix µs.
    ClosedUntil(i64),
}

words! {
    /// Whether WhatsApp takes a message that is no template (error 63016 at Twilio).
    pub enum Window, "window" {
        /// The person wrote within the last 24 hours.
        Open => "open",
        /// They did not.
        Closed => "closed",
    }
}

words! {
    /// What a person said about messages from a sender.
    pub enum Consent, "consent" {
        /// They asked for them.
        Given => "given",
        /// Nothing is known.
        Unknown => "unknown",
        /// They do not want them.
        Withdrawn => "withdrawn",
    }
}

words! {
    /// What can be done when nobody knows whether a provider took a message.
    pub enum Recovery, "recovery" {
        /// Ask it: it lists what it took (Twilio).
        Ask => "ask",
        /// Send it again with the same key, which it knows (OneSignal's `idempotency_key`, the `Message-ID` of a mail).
        SameKey => "same_key",
        /// Neither.
        None => "none",
    }
}

/// Whether an account's health lets it be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Admission {
    /// It does.
    Admitted,
    /// For one try, which shows whether it has recovered.
    Trial,
    /// Not before then, unix µs.
    Refused {
        /// When the next trial is.
        until: i64,
    },
}

/// One of the tenant's accounts, as it is for this message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Which.
    pub id: String,
    /// What it is for.
    pub tier: Tier,
    /// Smaller is first within a tier.
    pub priority: i32,
    /// Whether it delivers slowly to the person's country: then the others of its tier come first.
    #[serde(default)]
    pub slow: bool,
    /// Whether its number can carry this message (requirement S0-25).
    pub capable: bool,
    /// Whether it is bound to WhatsApp's 24-hour window.
    #[serde(default)]
    pub windowed: bool,
    /// Whether its health lets it be used.
    pub admission: Admission,
    /// What the person said about its sender.
    pub consent: Consent,
    /// What can be done about unknown outcomes.
    pub recovery: Recovery,
}

impl World {
    pub(super) fn account(&self, channel: Channel, id: &str) -> Option<&Account> {
        self.channels.get(&channel)?.accounts.iter().find(|account| account.id == id)
    }
}

impl Reach {
    /// Its accounts in the order in which they are used.
    #[must_use]
    pub fn in_order(&self) -> Vec<&Account> {
        let mut accounts: Vec<&Account> = self.accounts.iter().collect();
        accounts.sort_by(|a, b| {
            let key = |account: &Account| (account.tier, account.slow);
            key(a).cmp(&key(b)).then_with(|| {
                account_order(a.tier, a.priority, &a.id).cmp(&account_order(b.tier, b.priority, &b.id))
            })
        });
        accounts.truncate(ACCOUNTS_MAX);
        accounts
    }

    /// Whether the person withdrew their consent from any sender of this channel.
    pub(super) fn withdrawn(&self) -> bool {
        self.accounts.iter().any(|account| account.consent == Consent::Withdrawn)
    }
}

words! {
    /// What is believed of a try that a provider may have taken, when it cannot be asked.
    pub enum OnUnknown, "policy for unknown outcomes" {
        /// It was sent: nobody is told twice, somebody may not be told.
        AssumeSent => "assume_sent",
        /// It was not sent: everybody is told, somebody perhaps twice.
        AssumeNotSent => "assume_not_sent",
    }
}

words! {
    /// Which other channels may still be used when the person opted out of one.
    pub enum AfterOptOut, "policy after an opt-out" {
        /// Those on which nothing speaks against it.
        Others => "others",
        /// Those that the person asked for.
        OnlyGiven => "only_given",
    }
}

impl AfterOptOut {
    /// What applies where the tenant did not say: what a person must know reaches them by another channel, what they may know does not.
    #[must_use]
    pub const fn default_for(kind: MessageType) -> Self {
        match kind {
            MessageType::Transactional | MessageType::Critical => Self::Others,
            MessageType::Instant | MessageType::Informational => Self::OnlyGiven,
        }
    }
}

/// How the tenant wants messages to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// Waits before the chain is tried again, in s (requirements S3-75 and S3-76).
    pub retries_s: Vec<u32>,
    /// What is believed where a provider cannot be asked.
    pub on_unknown: OnUnknown,
    /// Whether a critical message is rather sent twice than missed: asked about once at most, then sent again.
    pub critical_twice_rather_than_missed: bool,
    /// Which other channels may be used after an opt-out; `None`: [`AfterOptOut::default_for`].
    pub after_opt_out: Option<AfterOptOut>,
    /// How long the outcome of a try is awaited before it is unknown, in s: longer than any provider call. What is told of a call
    /// after that may be taken for the outcome of a later one of the same try.
    pub outcome_within_s: u32,
    /// When the provider is first asked about an unknown try, in s after it became unknown; doubled with each ask.
    pub ask_after_s: u32,
    /// How long the answer is awaited, in s.
    pub answer_within_s: u32,
    /// How often it is asked at most.
    pub asks_max: u32,
    /// A provider that does not list a try is not believed before so many s after it: lists are late.
    pub believed_after_s: u32,
    /// How long to wait when a provider says that it is quiet hours and we do not know it, in s (error 30610 at Twilio).
    pub provider_quiet_s: u32,
    /// How long a receipt is awaited, in s, by channel; without one the message stays `sent` for good.
    pub receipt_within_s: BTreeMap<Channel, u32>,
    /// Where no receipts are told, or one can be lost: how long after a provider took a message it is first asked what became of it, in s, by channel; doubled
    /// with each ask.
    pub receipt_asked_after_s: BTreeMap<Channel, u32>,
    /// Nothing is sent later than this after it was due, in s, whatever happens.
    pub life_s: u32,
}

impl Default for Options {
    fn default() -> Self {
        // Twilio keeps a text message for ten hours; WhatsApp delivers when the phone is on again; a bounce comes within a day; push has no
        // receipts but a count after a minute; a call has ended by then.
        let receipts = [
            (Channel::Sms, 11 * 3_600),
            (Channel::Whatsapp, 24 * 3_600),
            (Channel::Email, 24 * 3_600),
            (Channel::Push, 600),
            (Channel::Voice, 3_600),
        ];
        Self {
            retries_s: vec![60, 120, 240],
            on_unknown: OnUnknown::AssumeSent,
            critical_twice_rather_than_missed: false,
            after_opt_out: None,
            outcome_within_s: 120,
            ask_after_s: 5,
            answer_within_s: 30,
            asks_max: 5,
            believed_after_s: 30,
            provider_quiet_s: 3_600,
            receipt_within_s: receipts.into(),
            receipt_asked_after_s: BTreeMap::new(),
            life_s: 7 * 24 * 3_600,
        }
    }
}

impl Options {
    /// How long a receipt is awaited on a channel.
    #[must_use]
    pub fn receipt_within(&self, channel: Channel) -> Duration {
        seconds(self.receipt_within_s.get(&channel).copied().unwrap_or(24 * 3_600))
    }
}

pub(super) const fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds as u64)
}

/// `at` plus a time, both unix µs.
pub(super) fn after(at: i64, wait: Duration) -> i64 {
    at.saturating_add(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX))
}
