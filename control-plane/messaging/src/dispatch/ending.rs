//! When a message is over, how it ended, and when it wants to be woken.

use super::{
    Dispatch, Now,
    attempt::{Attempt, State},
    io::{Effect, Ending, Reason, Skip},
    leg::{Leg, Stage},
    log::{Decision, Wait},
    settle::Chain,
};
use crate::status::Status;

impl Dispatch {
    /// Tells how far it is, and that it is over when nothing more can come.
    pub(super) fn conclude(&mut self, now: &mut Now<'_>) {
        let ending = if self.goes_on(now) { None } else { Some(self.how_it_ended()) };
        if ending.is_none() && self.ending.take().is_some() {
            self.log.push(now.at, Decision::Reopened);
        }
        let status = ending.as_ref().map_or_else(|| self.status_so_far(), |ending| ending.status);
        // A failure that rested on an assumption gives way to what is known: everything else only moves forward.
        let corrected = self.status.is_failure() && (status == Status::Sent || status.is_arrival());
        let next = if corrected { status } else { self.status.then(status) };
        if next != self.status {
            self.status = next;
            now.effects.push(Effect::Status { status: next });
        }
        // Why it ended does not change by what time it is told about: a new ending is one with another result.
        let known = |ending: &Ending| {
            self.ending
                .as_ref()
                .is_some_and(|old| (old.status, old.channel) == (ending.status, ending.channel))
        };
        if let Some(ending) = ending.filter(|ending| !known(ending)) {
            self.log.push(now.at, Decision::Ended { ending: ending.clone() });
            self.ending = Some(ending.clone());
            now.effects.push(Effect::End { ending });
        }
    }

    /// Whether something is still to be tried or awaited.
    fn goes_on(&self, now: &Now<'_>) -> bool {
        if !self.begun {
            return true;
        }
        let tries = (0..self.legs.len()).any(|leg| self.wants_a_try(leg));
        let open = self
            .attempts
            .iter()
            .any(|attempt| attempt.is_open() || self.receipt_until(attempt, now).is_some());
        let escalates =
            !self.canceled && !self.expired && matches!(self.chain(now), Chain::AwaitsReceipt { .. });
        tries || open || escalates
    }

    fn receipt_until(&self, attempt: &Attempt, now: &Now<'_>) -> Option<i64> {
        let channel = self.legs.get(attempt.leg)?.channel;
        attempt.receipt_until(channel, &now.world.options)
    }

    /// The try that got furthest.
    pub(super) fn furthest(&self) -> Option<&Attempt> {
        let taken = self.attempts.iter().filter(|attempt| attempt.is_taken());
        // The first of those that got as far.
        taken.rev().max_by_key(|attempt| attempt.progress.status.rank())
    }

    fn how_it_ended(&self) -> Ending {
        if let Some(attempt) = self.furthest() {
            let channel = self.legs.get(attempt.leg).map(|leg| leg.channel);
            return Ending { status: attempt.progress.status, reason: Reason::Done, channel, failure: None };
        }
        let last = self.attempts.last();
        let failure = last.and_then(|attempt| self.legs.get(attempt.leg)).and_then(|leg| leg.failure.clone());
        let skipped = |why: Skip| self.legs.iter().any(|leg| leg.stage == Stage::Skipped { why });
        let learned = self.legs.iter().any(Leg::has_opted_out);
        let reason = if self.canceled {
            Reason::Canceled
        } else if self.expired || skipped(Skip::QuietTooLong) {
            Reason::Expired
        } else if learned || skipped(Skip::OptedOut) {
            Reason::OptedOut
        } else if self.legs.iter().all(|leg| matches!(leg.stage, Stage::Skipped { .. })) {
            Reason::NoWay
        } else {
            Reason::Exhausted
        };
        let status = match (reason, last) {
            (Reason::Canceled, _) => Status::Canceled,
            (_, Some(attempt)) if attempt.progress.status.is_failure() => attempt.progress.status,
            _ => Status::Failed,
        };
        Ending { status, reason, channel: None, failure }
    }

    fn status_so_far(&self) -> Status {
        if !self.begun {
            return self.status;
        }
        if let Some(attempt) = self.furthest() {
            return attempt.progress.status;
        }
        if !self.attempts.is_empty() {
            return Status::Sending;
        }
        let held =
            self.legs.iter().any(|leg| matches!(leg.stage, Stage::Waiting { wait: Wait::QuietHours, .. }));
        if held { Status::Held } else { Status::Queued }
    }

    /// Sets the one time at which it wants to be woken.
    pub(super) fn set_wake(&mut self, now: &mut Now<'_>) {
        let next = self.next_wake(now);
        if next != self.wake_at {
            self.wake_at = next;
            if let Some(at) = next {
                now.effects.push(Effect::WakeAt { at });
            }
        }
    }

    fn next_wake(&self, now: &Now<'_>) -> Option<i64> {
        if !self.begun {
            return Some(self.request.due_at);
        }
        let mut times: Vec<i64> = Vec::new();
        for (at, leg) in self.legs.iter().enumerate().filter(|(at, _)| self.wants_a_try(*at)) {
            match leg.stage {
                Stage::Waiting { until, .. } => {
                    times.push(until);
                    times.push(self.useful_until(&now.world.options));
                }
                // Left to whoever may begin it.
                Stage::Ready if !self.leg_is_alive(at) => times.push(now.at),
                Stage::Ready | Stage::Open | Stage::Failed | Stage::Skipped { .. } => {}
            }
        }
        for attempt in &self.attempts {
            match attempt.state {
                State::Trying { since, .. } => times.push(self.outcome_until(since, now)),
                State::Unknown { next, .. } => times.push(next),
                State::Taken { .. } => {
                    times.extend(self.receipt_until(attempt, now));
                    times.extend(self.receipt_asked_at(attempt, now));
                }
                State::Refused | State::Lost | State::Failed => {}
            }
        }
        if let Chain::AwaitsReceipt { until } = self.chain(now)
            && !self.canceled
            && !self.expired
        {
            times.push(until);
        }
        times.into_iter().min()
    }
}
