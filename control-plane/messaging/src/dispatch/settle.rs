//! Goes on as far as it can go at this moment: makes the tries that are due, goes to the next step, plans the retry of a chain that failed.

use super::{
    Dispatch, Now,
    io::Skip,
    leg::{Leg, Stage},
    log::{Decision, Wait},
    world::{Options, after, seconds},
};
use crate::channel::Channel;
use std::time::Duration;

/// Longest wait before a retry that a provider can ask for, in s.
const ASKED_MAX_S: u32 = 3_600;

/// How the chain stands.
pub(super) enum Chain {
    /// A provider took the message, and that is enough.
    Done,
    /// Something is going on in the step that it is at.
    Busy,
    /// A provider took the message, and the next step begins then unless a receipt comes.
    AwaitsReceipt { until: i64 },
    /// The step that it is at has failed, or no receipt came in time.
    Failed,
}

impl Dispatch {
    pub(super) fn settle(&mut self, now: &mut Now<'_>) {
        if !self.begun {
            if now.at < self.request.due_at && !self.canceled {
                return;
            }
            self.begun = true;
            if !self.canceled {
                self.log.push(now.at, Decision::Due);
            }
        }
        self.expire(now);
        if now.begins {
            self.look_after_open_tries(now);
        }
        self.give_up_on_receipts(now);
        if now.begins {
            self.ask_for_receipts(now);
        }
        // Each round begins a try, goes a step further, or plans one retry: there is only so much of it.
        while self.advance(now) {}
    }

    fn expire(&mut self, now: &Now<'_>) {
        let late = now.at >= self.useful_until(&now.world.options);
        if late && !self.expired {
            self.expired = true;
            if self.ending.is_none() {
                self.log.push(now.at, Decision::Expired);
            }
        }
    }

    /// A message whose receipt does not come stays as it is, for good.
    fn give_up_on_receipts(&mut self, now: &Now<'_>) {
        let over: Vec<u32> = self
            .attempts
            .iter()
            .filter(|attempt| {
                let channel = self.legs.get(attempt.leg).map(|leg| leg.channel);
                let until = channel.and_then(|channel| attempt.receipt_until(channel, &now.world.options));
                until.is_some_and(|until| until <= now.at)
            })
            .map(|attempt| attempt.n)
            .collect();
        for n in over {
            if let Some(attempt) = self.attempt_mut(n) {
                attempt.settle();
            }
            self.log.push(now.at, Decision::NoReceipt { attempt: n });
        }
    }

    /// One step further; whether there was one.
    fn advance(&mut self, now: &mut Now<'_>) -> bool {
        if self.canceled || self.expired {
            self.close(if self.canceled { Skip::Canceled } else { Skip::Expired }, now);
            return false;
        }
        self.retry_on_their_own(now);
        let due = (0..self.legs.len()).find(|leg| self.is_due(*leg, now));
        if let Some(leg) = due {
            if now.begins {
                self.begin(leg, now);
            }
            return now.begins;
        }
        match self.chain(now) {
            Chain::Done | Chain::Busy | Chain::AwaitsReceipt { .. } => false,
            Chain::Failed => self.next_step(now) || self.retry_chain(now),
        }
    }

    fn is_due(&self, leg: usize, now: &Now<'_>) -> bool {
        let Some(stage) = self.legs.get(leg).map(|leg| leg.stage) else { return false };
        let due = match stage {
            Stage::Ready => true,
            Stage::Waiting { until, .. } => until <= now.at,
            Stage::Open | Stage::Failed | Stage::Skipped { .. } => false,
        };
        due && self.wants_a_try(leg) && !self.leg_is_alive(leg)
    }

    /// How the chain stands. The email along with it does not count.
    pub(super) fn chain(&self, now: &Now<'_>) -> Chain {
        let mut waits_until = None;
        for (at, leg) in self.legs.iter().enumerate() {
            let Some(step) = leg.step.filter(|step| *step <= self.step) else { continue };
            if self.leg_has_arrived(at) {
                return Chain::Done;
            }
            let Some(taken_at) = self.leg_taken_at(at) else { continue };
            let escalate = self.request.plan.steps().get(step).and_then(|step| step.escalate_after_s);
            let Some(escalate) = escalate.filter(|_| !self.is_last_step(step)) else { return Chain::Done };
            let until = after(taken_at, seconds(escalate));
            if until > now.at {
                waits_until = Some(waits_until.map_or(until, |other: i64| other.max(until)));
            }
        }
        if let Some(until) = waits_until {
            return Chain::AwaitsReceipt { until };
        }
        let busy = |(at, leg): (usize, &Leg)| {
            leg.step == Some(self.step)
                && (leg.is_pending() || self.tries_of(at).any(|attempt| attempt.is_open()))
        };
        if self.legs.iter().enumerate().any(busy) { Chain::Busy } else { Chain::Failed }
    }

    fn is_last_step(&self, step: usize) -> bool {
        step + 1 >= self.request.plan.steps().len()
    }

    fn next_step(&mut self, now: &Now<'_>) -> bool {
        if self.is_last_step(self.step) {
            return false;
        }
        let escalated =
            (0..self.legs.len()).any(|leg| self.legs[leg].step.is_some() && self.leg_is_taken(leg));
        self.step += 1;
        let channels = self.request.plan.steps().get(self.step).map(|step| step.channels.clone());
        let channels = channels.unwrap_or_default();
        self.log.push(now.at, Decision::NextStep { channels, escalated });
        true
    }

    /// The whole chain failed: what may succeed later is tried again (decision B15, requirements S3-75 and S3-76). Where a provider took the
    /// message and no receipt came, only the call is made again: it is there to be sure.
    fn retry_chain(&mut self, now: &Now<'_>) -> bool {
        let options = &now.world.options;
        let taken = (0..self.legs.len()).any(|leg| self.legs[leg].step.is_some() && self.leg_is_taken(leg));
        let again: Vec<usize> = (0..self.legs.len())
            .filter(|at| {
                let leg = &self.legs[*at];
                let wanted = !taken || leg.channel == Channel::Voice;
                wanted && leg.step.is_some() && leg.may_be_retried() && wait_before(leg, options).is_some()
            })
            .collect();
        let wait = again.iter().filter_map(|leg| wait_before(&self.legs[*leg], options)).max();
        let Some(wait) = wait else { return false };
        let until = after(now.at, wait);
        if until >= self.useful_until(options) {
            return false;
        }
        let retry = again.iter().map(|leg| self.legs[*leg].retries + 1).max().unwrap_or(1);
        let channels = again.iter().map(|leg| self.legs[*leg].channel).collect();
        self.log.push(now.at, Decision::RetryAt { retry, until, channels });
        for leg in &again {
            self.prepare_retry(*leg, until);
        }
        self.step = again.iter().filter_map(|leg| self.legs[*leg].step).min().unwrap_or(0);
        true
    }

    /// Of channels that are told at once each is tried again on its own, and so is the email along with a message (decision B17).
    fn retry_on_their_own(&mut self, now: &Now<'_>) {
        let done = matches!(self.chain(now), Chain::Done);
        for at in 0..self.legs.len() {
            let leg = &self.legs[at];
            let own = match leg.step {
                None => true,
                Some(step) => {
                    let several =
                        self.request.plan.steps().get(step).is_some_and(|step| step.channels.len() > 1);
                    several && done && !self.is_superseded(at)
                }
            };
            if !own || !leg.may_be_retried() {
                continue;
            }
            let Some(wait) = wait_before(leg, &now.world.options) else { continue };
            let until = after(now.at, wait);
            if until < self.useful_until(&now.world.options) {
                let (retry, channels) = (leg.retries + 1, vec![leg.channel]);
                self.log.push(now.at, Decision::RetryAt { retry, until, channels });
                self.prepare_retry(at, until);
            }
        }
    }

    fn prepare_retry(&mut self, leg: usize, until: i64) {
        let Some(leg) = self.legs.get_mut(leg) else { return };
        leg.retries += 1;
        leg.tried.clear();
        leg.retryable = false;
        leg.stage = Stage::Waiting { wait: Wait::Retry, until };
    }
}

/// How long a channel waits before it is tried again; `None`: it was tried as often as it may be.
fn wait_before(leg: &Leg, options: &Options) -> Option<Duration> {
    let planned = *options.retries_s.get(usize::try_from(leg.retries).ok()?)?;
    let asked = leg.failure.as_ref().and_then(|failure| failure.retry_after_s).unwrap_or(0);
    Some(seconds(planned.max(asked.min(ASKED_MAX_S))))
}
