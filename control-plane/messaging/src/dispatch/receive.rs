//! Takes in what happened: what came of tries, what providers tell. Each changes one try and its channel; what follows is decided in
//! `settle`.

use super::{
    Dispatch, Now,
    attempt::State,
    io::{AccountFact, Answer, Effect, Input, Outcome, Pass, Report, Skip},
    leg::Stage,
    log::{Decision, Wait},
    world::{Quiet, after, seconds},
};
use crate::{
    failure::{Failure, FailureClass},
    status::Status,
};

impl Dispatch {
    pub(super) fn receive(&mut self, input: Input, now: &mut Now<'_>) {
        match input {
            Input::Wake => {}
            Input::Outcome { attempt, outcome } => self.outcome(attempt, outcome, now),
            Input::Callback { attempt, report } => self.callback(attempt, report, now),
            Input::Answer { attempt, ask, answer } => self.answer(attempt, ask, answer, now),
            Input::Cancel => self.cancel(now),
        }
    }

    fn cancel(&mut self, now: &Now<'_>) {
        if !self.canceled && self.ending.is_none() {
            self.canceled = true;
            self.log.push(now.at, Decision::Canceled);
        }
    }

    fn outcome(&mut self, n: u32, outcome: Outcome, now: &mut Now<'_>) {
        let Some(state) = self.attempt(n).map(|attempt| attempt.state) else {
            return self.ignore(n, now);
        };
        match (outcome, state) {
            // Also late, when it was given up already: then the provider knows better.
            (
                Outcome::Accepted { provider_id },
                State::Trying { .. }
                | State::Unknown { .. }
                | State::Lost
                | State::Taken { assumed: true, .. },
            ) => self.take(n, Some(provider_id), now),
            (Outcome::Accepted { provider_id }, State::Taken { .. } | State::Refused | State::Failed) => {
                // A callback was faster, or the provider contradicts itself: the id is all that is new.
                self.note_id(n, Some(provider_id));
                self.ignore(n, now);
            }
            // The same try was made again, and what refused it may have taken it before: a rate or an outage says nothing of that.
            (Outcome::Refused { failure }, State::Trying { since, asks })
                if asks > 0 && !failure.is_of_the_message() =>
            {
                self.ask_later(n, since, asks, now);
            }
            (Outcome::Refused { failure }, State::Unknown { asks, .. })
                if asks > 0 && !failure.is_of_the_message() =>
            {
                self.ignore(n, now);
            }
            (Outcome::Refused { failure }, State::Trying { .. } | State::Unknown { .. }) => {
                self.refuse(n, failure, now);
            }
            (Outcome::Unknown, State::Trying { asks, .. }) => self.lose_sight(n, asks, now),
            (Outcome::NotAdmitted, State::Trying { asks: 0, .. }) => self.pass_over(n, now),
            (Outcome::Deferred { until }, State::Trying { asks: 0, .. }) => self.defer(n, until, now),
            // The same try was to be made again, and was not: what came of it before is unknown as before.
            (Outcome::NotAdmitted, State::Trying { since, asks }) => self.ask_later(n, since, asks, now),
            (Outcome::Deferred { until }, State::Trying { since, asks }) => {
                let next = until.max(now.at);
                self.set_state(n, State::Unknown { since, asks, next, asked_at: None });
            }
            (Outcome::Refused { .. }, State::Taken { .. } | State::Refused | State::Lost | State::Failed)
            | (
                Outcome::Unknown | Outcome::NotAdmitted | Outcome::Deferred { .. },
                State::Unknown { .. } | State::Taken { .. } | State::Refused | State::Lost | State::Failed,
            ) => self.ignore(n, now),
        }
    }

    fn callback(&mut self, n: u32, report: Report, now: &mut Now<'_>) {
        let Some(attempt) = self.attempt_mut(n) else { return self.ignore(n, now) };
        if matches!(report.status, Status::Received | Status::Held) {
            return self.ignore(n, now);
        }
        let arrived = attempt.has_arrived();
        let known = matches!(attempt.state, State::Taken { assumed: false, .. });
        let told = report.status;
        let mut status = told;
        if !told.is_failure() && status.rank() < Status::Sent.rank() {
            // The provider has it: that is what it means to be sent, for us.
            status = Status::Sent;
        }
        attempt.revive(now.at);
        let changed = attempt.progress.take(status, report.failure.clone());
        self.note_id(n, report.provider_id);
        if !changed {
            return self.ignore(n, now);
        }
        let failure = report.failure.clone();
        self.log.push(now.at, Decision::Receipt { attempt: n, status: told, failure });
        if told.is_failure() {
            let failure = report.failure.unwrap_or_else(|| Failure::new(FailureClass::Unreachable));
            self.fail_late(n, failure, now);
            return;
        }
        if !known {
            self.take(n, None, now);
        }
        if told.is_arrival() && !arrived {
            self.arrive(n, now);
        }
    }

    fn answer(&mut self, n: u32, ask: u32, answer: Answer, now: &mut Now<'_>) {
        let state = self.attempt(n).map(|attempt| attempt.state);
        match (answer, state) {
            (Answer::Found { report }, Some(State::Trying { .. } | State::Unknown { .. } | State::Lost)) => {
                self.log.push(now.at, Decision::Found { attempt: n });
                self.callback(n, report, now);
            }
            // A receipt that was asked for.
            (Answer::Found { report }, Some(State::Taken { .. })) => self.callback(n, report, now),
            (Answer::NotThere, Some(State::Unknown { since, asks, asked_at: Some(asked_at), .. }))
                if ask == asks =>
            {
                let settled_at = after(since, seconds(now.world.options.believed_after_s));
                // The answer is as old as the question.
                let believed = asked_at >= settled_at;
                self.log.push(now.at, Decision::NotThere { attempt: n, believed });
                if believed {
                    if let Some(attempt) = self.attempt_mut(n) {
                        attempt.absent = true;
                    }
                    self.lose(n, now);
                } else {
                    let next = settled_at.max(now.at);
                    self.set_state(n, State::Unknown { since, asks, next, asked_at: None });
                }
            }
            (Answer::CannotSay, Some(State::Unknown { since, asks, asked_at: Some(_), .. }))
                if ask == asks =>
            {
                self.ask_later(n, since, asks, now)
            }
            (Answer::Found { .. } | Answer::NotThere | Answer::CannotSay, _) => self.ignore(n, now),
        }
    }

    /// A provider has it.
    fn take(&mut self, n: u32, provider_id: Option<String>, now: &mut Now<'_>) {
        let Some(attempt) = self.attempt_mut(n) else { return };
        attempt.revive(now.at);
        attempt.progress.take(Status::Sent, None);
        attempt.state = State::Taken { at: now.at, assumed: false, settled: false };
        let leg = attempt.leg;
        self.note_id(n, provider_id);
        // Whatever was planned for this channel: the person is told by it.
        self.legs[leg].stage = Stage::Open;
        self.log.push(now.at, Decision::Taken { attempt: n });
        self.tell_account(n, AccountFact::Succeeded, now);
    }

    fn arrive(&mut self, n: u32, now: &mut Now<'_>) {
        let Some(attempt) = self.attempt(n) else { return };
        let after_us = now.at.saturating_sub(attempt.at).max(0);
        self.tell_account(n, AccountFact::Delivered { after_us }, now);
    }

    /// The provider did not take it.
    fn refuse(&mut self, n: u32, failure: Failure, now: &mut Now<'_>) {
        let Some(attempt) = self.attempt_mut(n) else { return };
        attempt.state = State::Refused;
        attempt.progress.take(Status::Failed, Some(failure.clone()));
        self.log.push(now.at, Decision::Refused { attempt: n, failure: failure.clone() });
        let rule = failure.class.rule();
        let fact = if rule.hurts_account {
            AccountFact::Failed { class: failure.class }
        } else {
            AccountFact::Answered
        };
        self.tell_account(n, fact, now);
        self.learn(n, &failure, now);
        let Some(leg) = self.note_failure(n, &failure) else { return };
        if self.leg_is_alive(leg) {
            // An earlier try of the channel turned out to have been taken.
            return;
        }
        if failure.class == FailureClass::QuietHours {
            let provider = after(now.at, seconds(now.world.options.provider_quiet_s));
            let until = match now.world.channels.get(&self.legs[leg].channel).map(|reach| reach.quiet) {
                Some(Quiet::ClosedUntil(until)) => until.max(provider),
                Some(Quiet::Open) | None => provider,
            };
            self.legs[leg].tried.clear();
            self.wait(leg, Wait::QuietHours, until, now);
        } else if rule.next_account {
            self.legs[leg].stage = Stage::Ready;
        } else {
            let retryable = self.legs[leg].retryable && rule.retryable;
            self.fail(leg, retryable);
        }
    }

    /// The provider took it and tells that it did not arrive: the chain goes on at the next channel.
    fn fail_late(&mut self, n: u32, failure: Failure, now: &mut Now<'_>) {
        let Some(attempt) = self.attempt_mut(n) else { return };
        let answered = attempt.is_open();
        attempt.state = State::Failed;
        if failure.class.rule().hurts_account {
            self.tell_account(n, AccountFact::Failed { class: failure.class }, now);
        } else if answered {
            self.tell_account(n, AccountFact::Answered, now);
        }
        self.learn(n, &failure, now);
        let Some(leg) = self.note_failure(n, &failure) else { return };
        if !self.leg_is_alive(leg) && !self.legs[leg].is_pending() {
            self.fail(leg, failure.class.rule().retryable);
        }
    }

    /// Nobody knows, and it is taken for not sent: the next account.
    pub(super) fn lose(&mut self, n: u32, now: &Now<'_>) {
        let failure = Failure::new(FailureClass::Temporary);
        let Some(attempt) = self.attempt_mut(n) else { return };
        attempt.state = State::Lost;
        attempt.progress.take(Status::Failed, Some(failure.clone()));
        let Some(leg) = self.note_failure(n, &failure) else { return };
        if !self.leg_is_alive(leg) {
            self.legs[leg].stage = Stage::Ready;
            self.log.push(now.at, Decision::Refused { attempt: n, failure });
        }
    }

    /// The outcome of a try is unknown.
    pub(super) fn lose_sight(&mut self, n: u32, asks: u32, now: &mut Now<'_>) {
        let next = after(now.at, seconds(now.world.options.ask_after_s));
        self.set_state(n, State::Unknown { since: now.at, asks, next, asked_at: None });
        self.log.push(now.at, Decision::OutcomeUnknown { attempt: n });
        self.tell_account(n, AccountFact::Failed { class: FailureClass::Temporary }, now);
    }

    /// The call was not made, so there was no try.
    fn defer(&mut self, n: u32, until: i64, now: &mut Now<'_>) {
        let Some(leg) = self.attempt(n).map(|attempt| attempt.leg) else { return };
        self.tell_account(n, AccountFact::Answered, now);
        self.attempts.retain(|attempt| attempt.n != n);
        if !self.leg_is_alive(leg) {
            self.wait(leg, Wait::Pace, until.max(now.at), now);
        }
    }

    /// The call was not made, because another message makes the account's trial.
    fn pass_over(&mut self, n: u32, now: &Now<'_>) {
        let Some(attempt) = self.attempt(n) else { return };
        let (at, account) = (attempt.leg, attempt.account.clone());
        self.attempts.retain(|attempt| attempt.n != n);
        if self.leg_is_alive(at) {
            return;
        }
        let leg = &mut self.legs[at];
        leg.stage = Stage::Ready;
        leg.retryable = true;
        leg.tried.push(account.clone());
        let channel = leg.channel;
        self.log.push(now.at, Decision::PassedOver { channel, account, why: Pass::Down });
    }

    /// What a failure says about the person and the account.
    fn learn(&mut self, n: u32, failure: &Failure, now: &mut Now<'_>) {
        let Some(attempt) = self.attempt(n) else { return };
        let (account, channel) = (attempt.account.clone(), self.legs[attempt.leg].channel);
        let rule = failure.class.rule();
        if rule.suppresses_address {
            self.log.push(now.at, Decision::Suppressed { channel });
            now.effects.push(Effect::Suppress { channel, attempt: n, failure: failure.clone() });
        }
        if failure.class == FailureClass::OptedOut {
            self.log.push(now.at, Decision::OptedOut { channel });
            now.effects.push(Effect::OptedOut { channel, account: account.clone(), attempt: n });
        }
        if rule.alerts {
            now.effects.push(Effect::Alert { channel, account, failure: failure.clone() });
        }
    }

    /// Keeps a failure with the channel of a try; gives the channel's place.
    fn note_failure(&mut self, n: u32, failure: &Failure) -> Option<usize> {
        let attempt = self.attempt(n)?;
        let (at, account) = (attempt.leg, attempt.account.clone());
        let leg = self.legs.get_mut(at)?;
        let rule = failure.class.rule();
        leg.retryable |= rule.retryable;
        if !rule.retryable && !leg.refused.contains(&account) {
            leg.refused.push(account.clone());
        }
        if !leg.tried.contains(&account) {
            leg.tried.push(account);
        }
        if rule.suppresses_address || failure.class == FailureClass::OptedOut {
            // An opt-out outlasts all else that is learned.
            leg.closed = leg.closed.filter(|known| *known == FailureClass::OptedOut).or(Some(failure.class));
        }
        leg.failure = Some(failure.clone());
        Some(at)
    }

    fn note_id(&mut self, n: u32, provider_id: Option<String>) {
        if let (Some(attempt), Some(id)) = (self.attempt_mut(n), provider_id) {
            attempt.provider_id.get_or_insert(id);
        }
    }

    pub(super) fn set_state(&mut self, n: u32, state: State) {
        if let Some(attempt) = self.attempt_mut(n) {
            attempt.state = state;
        }
    }

    pub(super) fn tell_account(&self, n: u32, fact: AccountFact, now: &mut Now<'_>) {
        let Some(attempt) = self.attempt(n) else { return };
        let (channel, trial) = (self.legs[attempt.leg].channel, attempt.trial);
        now.effects.push(Effect::Account { channel, account: attempt.account.clone(), trial, fact });
    }

    fn ignore(&mut self, n: u32, now: &Now<'_>) {
        self.log.push(now.at, Decision::Ignored { attempt: n });
    }

    /// Nothing more is begun.
    pub(super) fn close(&mut self, why: Skip, now: &Now<'_>) {
        for leg in 0..self.legs.len() {
            if self.wants_a_try(leg) {
                if self.tries_of(leg).next().is_some() {
                    self.fail(leg, false);
                } else {
                    self.skip(leg, why, now);
                }
            }
        }
    }
}
