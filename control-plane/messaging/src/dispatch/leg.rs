//! One channel of a message.

use super::{
    Dispatch,
    attempt::{Attempt, State},
    io::{LegResult, Skip},
    log::Wait,
};
use crate::{
    channel::Channel,
    failure::{Failure, FailureClass},
    status::Status,
};
use serde::{Deserialize, Serialize};

/// A channel of a message. Whether somebody was told by it stands in its tries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Leg {
    pub(super) channel: Channel,
    /// Its step; `None`: the email along with the message.
    pub(super) step: Option<usize>,
    pub(super) stage: Stage,
    /// How often it was tried again as a whole.
    #[serde(default)]
    pub(super) retries: u32,
    /// Accounts that failed since it was begun or tried again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) tried: Vec<String>,
    /// Accounts that refused this message for good.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) refused: Vec<String>,
    /// Whether one of its failures since it was begun may not come again.
    #[serde(default)]
    pub(super) retryable: bool,
    /// The failure after which nothing more may go there by it, whatever is told later: an opt-out, or an address that is nobody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) closed: Option<FailureClass>,
    /// Its last failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<Failure>,
}

/// What is done with a channel next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub(super) enum Stage {
    /// A try is made when its turn comes.
    Ready,
    /// A try is made then.
    Waiting { wait: Wait, until: i64 },
    /// A try was made, and what comes of it decides.
    Open,
    /// It failed.
    Failed,
    /// It is not used.
    Skipped { why: Skip },
}

impl Leg {
    pub(super) const fn new(channel: Channel, step: Option<usize>) -> Self {
        Self {
            channel,
            step,
            stage: Stage::Ready,
            retries: 0,
            tried: Vec::new(),
            refused: Vec::new(),
            retryable: false,
            closed: None,
            failure: None,
        }
    }

    /// Whether a try is still to be made.
    pub(super) const fn is_pending(&self) -> bool {
        matches!(self.stage, Stage::Ready | Stage::Waiting { .. })
    }

    /// Whether the provider told that the person opted out of it.
    pub(super) fn has_opted_out(&self) -> bool {
        self.closed == Some(FailureClass::OptedOut)
    }

    /// It failed, and may succeed later.
    pub(super) const fn may_be_retried(&self) -> bool {
        matches!(self.stage, Stage::Failed) && self.retryable && self.closed.is_none()
    }
}

impl Dispatch {
    pub(super) fn tries_of(&self, leg: usize) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().filter(move |attempt| attempt.leg == leg)
    }

    /// Whether the person may be told by it, or may have been.
    pub(super) fn leg_is_alive(&self, leg: usize) -> bool {
        self.tries_of(leg).any(Attempt::is_alive)
    }

    pub(super) fn leg_is_taken(&self, leg: usize) -> bool {
        self.tries_of(leg).any(Attempt::is_taken)
    }

    pub(super) fn leg_has_arrived(&self, leg: usize) -> bool {
        self.tries_of(leg).any(Attempt::has_arrived)
    }

    /// When a provider took it first.
    pub(super) fn leg_taken_at(&self, leg: usize) -> Option<i64> {
        let taken = self.tries_of(leg).filter_map(|attempt| match attempt.state {
            State::Taken { at, .. } => Some(at),
            State::Trying { .. } | State::Unknown { .. } | State::Refused | State::Lost | State::Failed => {
                None
            }
        });
        taken.min()
    }

    /// Whether its turn has come: it is in a step that was begun, or goes along.
    pub(super) fn is_its_turn(&self, leg: usize) -> bool {
        self.legs.get(leg).is_some_and(|leg| leg.step.is_none_or(|step| step <= self.step))
    }

    /// Whether the message got through by another step, so that this one need not be tried (any more).
    pub(super) fn is_superseded(&self, leg: usize) -> bool {
        let Some(own) = self.legs.get(leg).and_then(|leg| leg.step) else { return false };
        let others =
            self.legs.iter().enumerate().filter(|(_, other)| other.step.is_some_and(|step| step != own));
        others.into_iter().any(|(at, other)| {
            let waits_for_receipt = other
                .step
                .and_then(|step| self.request.plan.steps().get(step))
                .is_some_and(|step| step.escalate_after_s.is_some());
            self.leg_has_arrived(at) || (self.leg_is_taken(at) && !waits_for_receipt)
        })
    }

    /// Whether a try of it is to be made, now or when its wait is over.
    pub(super) fn wants_a_try(&self, leg: usize) -> bool {
        self.legs.get(leg).is_some_and(Leg::is_pending) && self.is_its_turn(leg) && !self.is_superseded(leg)
    }

    /// How far a channel is; `None`: it was not needed so far.
    fn leg_status(&self, leg: usize) -> Option<Status> {
        let alive = self.tries_of(leg).filter(|attempt| attempt.is_alive());
        if let Some(furthest) =
            alive.map(|attempt| attempt.progress.status).max_by_key(|status| status.rank())
        {
            return Some(furthest);
        }
        match self.legs.get(leg)?.stage {
            Stage::Waiting { wait: Wait::QuietHours, .. } => Some(Status::Held),
            Stage::Waiting { .. } => Some(Status::Queued),
            Stage::Ready if self.begun && self.wants_a_try(leg) => Some(Status::Queued),
            Stage::Ready => None,
            Stage::Open | Stage::Failed => {
                Some(self.tries_of(leg).last().map_or(Status::Failed, |attempt| attempt.progress.status))
            }
            Stage::Skipped { why: Skip::Canceled } => Some(Status::Canceled),
            Stage::Skipped { .. } => Some(Status::Failed),
        }
    }

    /// How each channel stands.
    #[must_use]
    pub fn results(&self) -> Vec<LegResult> {
        let legs = self.legs.iter().enumerate();
        legs.map(|(at, leg)| LegResult {
            channel: leg.channel,
            status: self.leg_status(at),
            along: leg.step.is_none(),
            account: self.tries_of(at).last().map(|attempt| attempt.account.clone()),
            failure: leg.failure.clone().filter(|_| !self.leg_is_alive(at)),
            skipped: match leg.stage {
                Stage::Skipped { why } => Some(why),
                Stage::Ready | Stage::Waiting { .. } | Stage::Open | Stage::Failed => None,
            },
        })
        .collect()
    }
}
