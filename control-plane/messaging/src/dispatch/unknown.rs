//! Tries whose outcome nobody knows: the provider is asked, or sent the same again with the same key; where neither is possible the policy
//! decides. Only then is anything else tried.

use super::{
    Dispatch, Now,
    attempt::{Attempt, State},
    begin::Gate,
    io::{Assumption, Effect, Form},
    log::Decision,
    world::{OnUnknown, Recovery, Window, after, seconds},
};
use crate::{channel::MessageType, status::Status};
use std::time::Duration;

/// Questions without any answer that do not count, as happens when a process ends in the middle of one. Where that is so again and again,
/// they are answers like any other.
const UNHEARD_MAX: u32 = 20;

impl Dispatch {
    /// Does what is due for tries that are open.
    pub(super) fn look_after_open_tries(&mut self, now: &mut Now<'_>) {
        let open: Vec<u32> =
            self.attempts.iter().filter(|attempt| attempt.is_open()).map(|attempt| attempt.n).collect();
        for n in open {
            let Some(state) = self.attempt(n).map(|attempt| attempt.state) else { continue };
            match state {
                State::Trying { since, asks } if now.at >= self.outcome_until(since, now) => {
                    self.lose_sight(n, asks, now);
                }
                State::Unknown { since, asks, next, asked_at: Some(_) } if now.at >= next => {
                    if let Some(attempt) = self.attempt_mut(n) {
                        attempt.unheard = attempt.unheard.saturating_add(1).min(UNHEARD_MAX);
                    }
                    self.ask_later(n, since, asks, now);
                }
                State::Unknown { since, asks, next, asked_at: None } if now.at >= next => {
                    self.find_out(n, since, asks, now);
                }
                State::Trying { .. }
                | State::Unknown { .. }
                | State::Taken { .. }
                | State::Refused
                | State::Lost
                | State::Failed => {}
            }
        }
    }

    /// Asks for receipts that nobody tells.
    pub(super) fn ask_for_receipts(&mut self, now: &mut Now<'_>) {
        let due: Vec<u32> = self
            .attempts
            .iter()
            .filter(|attempt| self.receipt_asked_at(attempt, now).is_some_and(|at| at <= now.at))
            .map(|attempt| attempt.n)
            .collect();
        for n in due {
            let Some(attempt) = self.attempt_mut(n) else { continue };
            attempt.receipt_asks = attempt.receipt_asks.saturating_add(1);
            let (account, provider_id) = (attempt.account.clone(), attempt.provider_id.clone());
            self.log.push(now.at, Decision::Asked { attempt: n });
            // No answer to it is told from another by its number: what it says is a receipt, and a receipt may come twice.
            now.effects.push(Effect::Ask { attempt: n, ask: 0, account, provider_id });
        }
    }

    pub(super) fn receipt_asked_at(&self, attempt: &Attempt, now: &Now<'_>) -> Option<i64> {
        let channel = self.legs.get(attempt.leg)?.channel;
        attempt.receipt_asked_at(channel, &now.world.options)
    }

    pub(super) fn outcome_until(&self, since: i64, now: &Now<'_>) -> i64 {
        after(since, seconds(now.world.options.outcome_within_s))
    }

    fn rather_twice(&self, now: &Now<'_>) -> bool {
        self.request.kind == MessageType::Critical && now.world.options.critical_twice_rather_than_missed
    }

    fn find_out(&mut self, n: u32, since: i64, asks: u32, now: &mut Now<'_>) {
        let Some(attempt) = self.attempt(n) else { return };
        let (leg, account) = (attempt.leg, attempt.account.clone());
        let channel = self.legs[leg].channel;
        let recovery =
            now.world.account(channel, &account).map_or(Recovery::None, |account| account.recovery);
        let is_over = match self.rather_twice(now) {
            true => asks >= 1,
            false => self.heard(n, asks) >= now.world.options.asks_max,
        };
        if is_over {
            return self.assume(n, recovery, now);
        }
        match recovery {
            Recovery::Ask => {
                let next = after(now.at, seconds(now.world.options.answer_within_s));
                let provider_id = attempt.provider_id.clone();
                self.set_state(n, State::Unknown { since, asks: asks + 1, next, asked_at: Some(now.at) });
                self.log.push(now.at, Decision::Asked { attempt: n });
                now.effects.push(Effect::Ask { attempt: n, ask: asks + 1, account, provider_id });
            }
            Recovery::SameKey => self.send_again(n, since, asks, now),
            Recovery::None => self.assume(n, recovery, now),
        }
    }

    /// The same try with the same key: the provider knows whether it has it.
    fn send_again(&mut self, n: u32, since: i64, asks: u32, now: &mut Now<'_>) {
        let Some(attempt) = self.attempt(n) else { return };
        let (leg, account) = (attempt.leg, attempt.account.clone());
        let channel = self.legs[leg].channel;
        if self.canceled || self.expired {
            return self.assume(n, Recovery::SameKey, now);
        }
        match self.gate(leg, now) {
            Gate::Open { reach, address } => {
                let Some(known) = now.world.account(channel, &account) else {
                    return self.assume(n, Recovery::None, now);
                };
                let shut = known.windowed && reach.window == Window::Closed;
                if (shut && !reach.template) || self.consent(reach, known, now).is_some() {
                    return self.assume(n, Recovery::SameKey, now);
                }
                let form = if shut { Form::Template } else { Form::Free };
                let address = address.to_owned();
                self.set_state(n, State::Trying { since: now.at, asks: asks + 1 });
                self.log.push(now.at, Decision::TriedAgain { attempt: n });
                now.effects.push(Effect::Send {
                    attempt: n,
                    channel,
                    account,
                    address,
                    form,
                    trial: false,
                    again: true,
                });
            }
            Gate::Quiet { until } => {
                self.set_state(n, State::Unknown { since, asks, next: until, asked_at: None });
            }
            Gate::Closed(_) => self.assume(n, Recovery::SameKey, now),
        }
    }

    /// How many of so many questions about a try had an answer.
    fn heard(&self, n: u32, asks: u32) -> u32 {
        asks.saturating_sub(self.attempt(n).map_or(0, |attempt| attempt.unheard))
    }

    /// The provider did not say: it is asked again after a longer wait.
    pub(super) fn ask_later(&mut self, n: u32, since: i64, asks: u32, now: &Now<'_>) {
        let first = seconds(now.world.options.ask_after_s);
        let wait =
            first.saturating_mul(2_u32.saturating_pow(self.heard(n, asks))).min(Duration::from_secs(3_600));
        self.set_state(n, State::Unknown { since, asks, next: after(now.at, wait), asked_at: None });
    }

    /// Nobody can say, so the policy does.
    fn assume(&mut self, n: u32, recovery: Recovery, now: &mut Now<'_>) {
        let not_sent = self.rather_twice(now) || now.world.options.on_unknown == OnUnknown::AssumeNotSent;
        let assumption = Assumption { sent: !not_sent, recovery };
        self.log.push(now.at, Decision::Assumed { attempt: n, assumption });
        if not_sent {
            self.lose(n, now);
        } else if let Some(attempt) = self.attempt_mut(n) {
            attempt.progress.take(Status::Sent, None);
            attempt.state = State::Taken { at: now.at, assumed: true, settled: false };
        }
    }
}
