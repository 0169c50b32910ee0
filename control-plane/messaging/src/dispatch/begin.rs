//! Makes the next try of a channel, or says why there is none.

use super::{
    Dispatch, Now,
    attempt::{Attempt, State},
    io::{Effect, Form, Pass, Skip},
    leg::Stage,
    log::{Decision, Wait},
    world::{Account, Address, Admission, AfterOptOut, Consent, Quiet, Reach, Window},
};
use crate::{
    failure::FailureClass,
    status::{Progress, Status},
};
use std::collections::HashMap;

/// Tries of a channel that never got to the provider and do not count as a failure. Each takes what it takes to be sure of it (half a
/// minute), so a provider that keeps nothing is given up after some minutes.
const ABSENT_MAX: usize = 5;

/// What a channel may do at this moment.
pub(super) enum Gate<'a> {
    /// Send to there.
    Open { reach: &'a Reach, address: &'a str },
    /// Wait for the end of quiet hours.
    Quiet { until: i64 },
    /// Nothing, for good.
    Closed(Skip),
}

impl Dispatch {
    /// Whether something may be sent by a channel now: the person has an address there, wants it, and it is not too late at night.
    pub(super) fn gate<'a>(&self, leg: usize, now: &Now<'a>) -> Gate<'a> {
        let Some(leg) = self.legs.get(leg) else { return Gate::Closed(Skip::NoAccount) };
        match leg.closed {
            Some(FailureClass::OptedOut) => return Gate::Closed(Skip::OptedOut),
            Some(_) => return Gate::Closed(Skip::Suppressed),
            None => {}
        }
        let Some(reach) = now.world.channels.get(&leg.channel) else { return Gate::Closed(Skip::NoAccount) };
        let address = match &reach.address {
            Address::None => return Gate::Closed(Skip::NoAddress),
            Address::Suppressed => return Gate::Closed(Skip::Suppressed),
            Address::Known(address) => address.as_str(),
        };
        if reach.accounts.is_empty() {
            return Gate::Closed(Skip::NoAccount);
        }
        let passes = reach.accounts.iter().map(|account| self.consent(reach, account, now));
        let denied: Vec<Pass> = passes.flatten().collect();
        if denied.len() == reach.accounts.len() {
            let opted_out = denied.contains(&Pass::OptedOut);
            return Gate::Closed(if opted_out { Skip::OptedOut } else { Skip::NotAskedFor });
        }
        match reach.quiet {
            Quiet::ClosedUntil(until) if until > now.at && !self.request.kind.passes_quiet_hours() => {
                if until >= self.useful_until(&now.world.options) {
                    Gate::Closed(Skip::QuietTooLong)
                } else {
                    Gate::Quiet { until }
                }
            }
            Quiet::Open | Quiet::ClosedUntil(_) => Gate::Open { reach, address },
        }
    }

    /// Why an account may not be used by what the person said; `None`: it may. Who opted out of one sender is not told by another of the
    /// same channel, unless they asked for that one.
    pub(super) fn consent(&self, reach: &Reach, account: &Account, now: &Now<'_>) -> Option<Pass> {
        match account.consent {
            Consent::Given => None,
            Consent::Withdrawn => Some(Pass::OptedOut),
            Consent::Unknown if reach.withdrawn() => Some(Pass::OptedOut),
            Consent::Unknown => {
                let policy = now.world.options.after_opt_out;
                let policy = policy.unwrap_or_else(|| AfterOptOut::default_for(self.request.kind));
                let denied = policy == AfterOptOut::OnlyGiven && self.opted_out_somewhere(now);
                denied.then_some(Pass::NotAskedFor)
            }
        }
    }

    /// Whether the person opted out of a channel of this message.
    fn opted_out_somewhere(&self, now: &Now<'_>) -> bool {
        self.legs.iter().any(|leg| {
            leg.has_opted_out() || now.world.channels.get(&leg.channel).is_some_and(Reach::withdrawn)
        })
    }

    /// Makes the next try of a channel that is ready.
    pub(super) fn begin(&mut self, leg: usize, now: &mut Now<'_>) {
        match self.gate(leg, now) {
            Gate::Closed(why) => {
                // A channel that failed before has failed; that it cannot be tried again is not why.
                if self.tries_of(leg).next().is_some() && why != Skip::OptedOut {
                    self.log.push(now.at, Decision::Skipped { channel: self.legs[leg].channel, why });
                    self.fail(leg, false);
                } else {
                    self.skip(leg, why, now);
                }
            }
            Gate::Quiet { until } => self.wait(leg, Wait::QuietHours, until, now),
            Gate::Open { reach, address } => match self.choose(leg, reach, now) {
                Ok((account, form)) => self.send(leg, account, form, address, now),
                Err(may_come_back) => {
                    if self.forget_absent(leg) {
                        return self.begin(leg, now);
                    }
                    let failed = &mut self.legs[leg];
                    failed.retryable |= may_come_back;
                    let (channel, retryable) = (failed.channel, failed.retryable);
                    if failed.failure.is_none() && !retryable && failed.tried.is_empty() {
                        return self.skip(leg, Skip::NoAccount, now);
                    }
                    self.log.push(now.at, Decision::AllAccountsFailed { channel, retryable });
                    self.fail(leg, retryable);
                }
            },
        }
    }

    /// Lets those accounts be used again that never got their last try, as happens when a process ends in the middle of a call; whether
    /// there are any. Where that is so again and again, it is a failure like any other.
    fn forget_absent(&mut self, leg: usize) -> bool {
        let mut last: HashMap<&str, bool> = HashMap::new();
        let mut absent = 0;
        for attempt in self.tries_of(leg) {
            absent += usize::from(attempt.absent);
            last.insert(&attempt.account, attempt.absent && attempt.state == State::Lost);
        }
        if absent > ABSENT_MAX {
            return false;
        }
        let usable: Vec<String> =
            last.into_iter().filter(|(_, absent)| *absent).map(|(account, _)| account.to_owned()).collect();
        let Some(leg) = self.legs.get_mut(leg) else { return false };
        let before = leg.tried.len();
        leg.tried.retain(|account| !usable.contains(account));
        leg.tried.len() < before
    }

    /// The first account that can be used; `Err` says whether one may come back.
    fn choose<'a>(
        &mut self,
        leg: usize,
        reach: &'a Reach,
        now: &Now<'_>,
    ) -> Result<(&'a Account, Form), bool> {
        let mut may_come_back = false;
        for account in reach.in_order() {
            let tried = self.legs.get(leg).is_some_and(|leg| leg.tried.contains(&account.id));
            if tried {
                continue;
            }
            let refused = self.legs.get(leg).is_some_and(|leg| leg.refused.contains(&account.id));
            let shut = account.windowed && reach.window == Window::Closed;
            let down = matches!(account.admission, Admission::Refused { .. });
            let why = if !account.capable {
                Some(Pass::NotCapable)
            } else if refused {
                Some(Pass::Refused)
            } else if shut && !reach.template {
                Some(Pass::WindowClosed)
            } else {
                self.consent(reach, account, now)
            };
            let Some(why) = why.or(down.then_some(Pass::Down)) else {
                return Ok((account, if shut { Form::Template } else { Form::Free }));
            };
            may_come_back |= why == Pass::Down;
            let channel = self.legs[leg].channel;
            self.log.push(now.at, Decision::PassedOver { channel, account: account.id.clone(), why });
        }
        Err(may_come_back)
    }

    fn send(&mut self, leg: usize, account: &Account, form: Form, address: &str, now: &mut Now<'_>) {
        debug_assert!(!self.leg_is_alive(leg), "nobody is told twice by the same channel");
        self.tries += 1;
        let trial = account.admission == Admission::Trial;
        let channel = self.legs[leg].channel;
        self.attempts.push(Attempt {
            n: self.tries,
            leg,
            account: account.id.clone(),
            at: now.at,
            state: State::Trying { since: now.at, asks: 0 },
            progress: Progress::new(Status::Sending),
            trial,
            provider_id: None,
            receipt_asks: 0,
            unheard: 0,
            absent: false,
        });
        self.legs[leg].stage = Stage::Open;
        let account = account.id.clone();
        self.log.push(
            now.at,
            Decision::Tried { attempt: self.tries, channel, account: account.clone(), form, trial },
        );
        let address = address.to_owned();
        now.effects.push(Effect::Send {
            attempt: self.tries,
            channel,
            account,
            address,
            form,
            trial,
            again: false,
        });
    }

    pub(super) fn skip(&mut self, leg: usize, why: Skip, now: &Now<'_>) {
        let Some(leg) = self.legs.get_mut(leg) else { return };
        leg.stage = Stage::Skipped { why };
        let channel = leg.channel;
        self.log.push(now.at, Decision::Skipped { channel, why });
    }

    pub(super) fn fail(&mut self, leg: usize, retryable: bool) {
        let Some(leg) = self.legs.get_mut(leg) else { return };
        leg.stage = Stage::Failed;
        leg.retryable = retryable;
    }

    pub(super) fn wait(&mut self, leg: usize, wait: Wait, until: i64, now: &Now<'_>) {
        let Some(leg) = self.legs.get_mut(leg) else { return };
        let known = leg.stage == Stage::Waiting { wait, until };
        leg.stage = Stage::Waiting { wait, until };
        let channel = leg.channel;
        if !known {
            self.log.push(now.at, Decision::Waiting { channel, wait, until });
        }
    }
}
