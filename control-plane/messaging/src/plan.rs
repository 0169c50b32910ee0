//! Which channels a message takes, in which order, and which account of a channel first.
//!
//! No channel stands twice in a plan: nobody is told twice by the same one. A voice call stands last and alone.

use crate::{
    channel::{Channel, MessageType},
    words::words,
};
use serde::{Deserialize, Serialize};

/// Most steps of a plan: there are not more channels.
const STEPS_MAX: usize = Channel::ALL.len();
/// Longest wait for a receipt before the next step begins, in s: a day. What comes later is no fallback but a reminder.
const ESCALATE_MAX_S: u32 = 24 * 3_600;
/// How long a critical message that may end in a call waits for a receipt before somebody is called, in s: text messages and WhatsApp tell
/// within seconds where the phone is on.
const CALL_AFTER_S: u32 = 120;

words! {
    /// Whether an email goes along with a message that has none in its chain (requirements S0-15 to S0-17, decision B16).
    pub enum EmailBackup, "email backup" {
        /// Along with the first step.
        Always => "always",
        /// When the chain failed.
        OnFailure => "on_failure",
        /// None.
        Off => "off",
    }
}

impl EmailBackup {
    /// What applies where the tenant did not say.
    #[must_use]
    pub const fn default_for(kind: MessageType) -> Self {
        match kind {
            MessageType::Instant => Self::Always,
            MessageType::Informational | MessageType::Transactional | MessageType::Critical => Self::Off,
        }
    }
}

/// One step: a channel, or several at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The channels, each of which gets the message.
    pub channels: Vec<Channel>,
    /// How long to wait for the receipt of one of them before the next step begins too, in s; `None`: it is enough that a provider took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalate_after_s: Option<u32>,
}

impl Step {
    /// A step that is done when a provider took the message.
    #[must_use]
    pub fn of(channels: &[Channel]) -> Self {
        Self { channels: channels.to_vec(), escalate_after_s: None }
    }
}

/// The channels of one message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// One after the other, until one succeeds.
    steps: Vec<Step>,
    /// Whether an email goes out along with the first step without counting for it.
    email_along: bool,
}

/// Why a chain cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// There is nothing in it.
    #[error("a chain needs at least one step, and a step at least one channel")]
    Empty,
    /// The same channel twice.
    #[error("{0} stands twice in the chain: nobody is told twice by the same channel")]
    Twice(Channel),
    /// A call that is not the last step, or not alone in it.
    #[error("a voice call can only be the last step, alone")]
    VoiceNotLast,
    /// A wait that is no wait, or one too long.
    #[error("a step can wait for its receipt from 1 to {ESCALATE_MAX_S} s")]
    Wait,
}

impl Plan {
    /// The chain of a type. `voice` adds a call as the last step, for those who were not reached. For a critical message it is not enough
    /// then that a provider took it: whoever has no receipt is called.
    #[must_use]
    pub fn of(kind: MessageType, backup: EmailBackup, voice: bool) -> Self {
        use Channel::{Email, Push, Sms, Whatsapp};
        let mut steps: Vec<Step> = match kind {
            MessageType::Instant => [Whatsapp, Sms, Push].map(|channel| Step::of(&[channel])).into(),
            MessageType::Informational => [Whatsapp, Email, Push].map(|channel| Step::of(&[channel])).into(),
            MessageType::Transactional => vec![Step::of(&[Email, Whatsapp])],
            MessageType::Critical => vec![Step::of(&[Sms, Whatsapp, Email, Push])],
        };
        if voice {
            if let Some(last) = steps.last_mut().filter(|_| kind == MessageType::Critical) {
                last.escalate_after_s = Some(CALL_AFTER_S);
            }
            steps.push(Step::of(&[Channel::Voice]));
        }
        Self { steps, email_along: false }.with_backup(backup)
    }

    /// A chain that the sender gives.
    ///
    /// # Errors
    /// [`PlanError`]: the first fault.
    pub fn explicit(steps: Vec<Step>, backup: EmailBackup) -> Result<Self, PlanError> {
        if steps.is_empty() || steps.iter().any(|step| step.channels.is_empty()) {
            return Err(PlanError::Empty);
        }
        let all: Vec<Channel> = steps.iter().flat_map(|step| step.channels.iter().copied()).collect();
        for (at, channel) in all.iter().enumerate() {
            if all.iter().take(at).any(|before| before == channel) {
                return Err(PlanError::Twice(*channel));
            }
        }
        debug_assert!(steps.len() <= STEPS_MAX, "no channel stands twice");
        let last = steps.len() - 1;
        let misplaced = |(at, step): (usize, &Step)| {
            step.channels.contains(&Channel::Voice) && (at != last || step.channels.len() > 1)
        };
        if steps.iter().enumerate().any(misplaced) {
            return Err(PlanError::VoiceNotLast);
        }
        if steps
            .iter()
            .filter_map(|step| step.escalate_after_s)
            .any(|wait| !(1..=ESCALATE_MAX_S).contains(&wait))
        {
            return Err(PlanError::Wait);
        }
        Ok(Self { steps, email_along: false }.with_backup(backup))
    }

    fn with_backup(mut self, backup: EmailBackup) -> Self {
        if self.channels().any(|channel| channel == Channel::Email) {
            return self;
        }
        match backup {
            EmailBackup::Always => self.email_along = true,
            EmailBackup::OnFailure => {
                // A call stays last: it is the louder one.
                let voice = self.steps.pop_if(|step| step.channels == [Channel::Voice]);
                self.steps.push(Step::of(&[Channel::Email]));
                self.steps.extend(voice);
            }
            EmailBackup::Off => {}
        }
        self
    }

    /// One after the other, until one succeeds.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether an email goes out along with the first step without counting for it.
    #[must_use]
    pub const fn email_along(&self) -> bool {
        self.email_along
    }

    /// All channels, in their order, the email along with them last.
    pub fn channels(&self) -> impl Iterator<Item = Channel> {
        let along = self.email_along.then_some(Channel::Email);
        self.steps.iter().flat_map(|step| step.channels.iter().copied()).chain(along)
    }
}

words! {
    /// What an account is for (requirements S0-18 to S0-21 and S0-27). The order is that in which accounts are used.
    pub enum Tier, "account tier" {
        /// Paid for.
        Paid => "paid",
        /// Kept for emergencies.
        Backup => "backup",
        /// A trial.
        Trial => "trial",
    }
}

/// Where an account stands among those of its channel. Smaller is first: the tier, then the priority, then the id, so that it is always the
/// same order.
#[must_use]
pub fn account_order<'a>(tier: Tier, priority: i32, id: &'a str) -> impl Ord + use<'a> {
    (tier, priority, id)
}

/// Whether a number may carry text messages by what is known of it (requirements S0-25 and S0-26): what the provider says of the number
/// counts; where it says nothing, a Mexican number is for calls alone and others are for both.
#[must_use]
pub fn can_text(e164: &str, said: Option<bool>) -> bool {
    said.unwrap_or(!e164.starts_with("+52"))
}

#[cfg(test)]
mod tests;
