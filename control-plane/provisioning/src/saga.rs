//! Decides what a job does next. No I/O: time comes in as a value, and what happened as an [`Outcome`].
//!
//! A step that creates something is announced ([`Saga::announce`], to be stored) before it is carried out. A saga that is read from the
//! store with an announcement looks for what came of it first. So nothing is ever created while something that was created before may
//! lie unseen.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Plan {
    /// A tenant, in a subaccount that is made for it.
    Subaccount,
    /// A tenant, in its own account.
    OwnAccount,
    /// A number that is bought.
    Purchase,
    /// A number that the account has already.
    Adoption,
}

/// A part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The tenant's subaccount.
    Subaccount,
    /// What outgoing calls of softphones go through.
    Application,
    /// What softphones' tokens are signed with.
    Key,
    /// The number, for money.
    Purchase,
    /// The number that is there.
    Adoption,
    /// The number's webhooks point at us.
    Webhooks,
    /// It is in use from now on.
    Activation,
    /// The tenant's first number is ordered, which has a job of its own.
    Number,
}

impl Step {
    /// As it is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subaccount => "subaccount",
            Self::Application => "application",
            Self::Key => "key",
            Self::Purchase => "purchase",
            Self::Adoption => "adoption",
            Self::Webhooks => "webhooks",
            Self::Activation => "activation",
            Self::Number => "number",
        }
    }

    /// Whether doing it twice makes two.
    #[must_use]
    pub const fn creates(self) -> bool {
        match self {
            Self::Subaccount | Self::Application | Self::Key | Self::Purchase => true,
            Self::Adoption | Self::Webhooks | Self::Activation | Self::Number => false,
        }
    }
}

impl Plan {
    /// Its steps, in order.
    #[must_use]
    pub const fn steps(self) -> &'static [Step] {
        match self {
            Self::Subaccount => {
                &[Step::Subaccount, Step::Application, Step::Key, Step::Activation, Step::Number]
            }
            Self::OwnAccount => &[Step::Application, Step::Key, Step::Activation, Step::Number],
            Self::Purchase => &[Step::Purchase, Step::Webhooks, Step::Activation],
            Self::Adoption => &[Step::Adoption, Step::Webhooks, Step::Activation],
        }
    }

    /// Whether a refusal of the first step ends it: there is nothing that a person could mend and try again.
    const fn ends_when_refused(self) -> bool {
        match self {
            Self::Purchase | Self::Adoption => true,
            Self::Subaccount | Self::OwnAccount => false,
        }
    }
}

/// Which way it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// It is set up.
    Forward,
    /// It is undone.
    Back,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Announce it, then create it.
    Create(Step),
    /// See what came of a creation that was announced at that time, in unix microseconds.
    Find(Step, i64),
    /// Do it; again is as good as once.
    Do(Step),
    /// Undo it; again is as good as once.
    Undo(Step),
    /// See what came of a creation that was announced at that time, and undo that.
    FindAndUndo(Step, i64),
    /// All is undone: what that means for the rows.
    Close,
    /// Nothing: it is over, or waits for a person.
    Nothing,
}

/// What became of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done, or was there.
    Done,
    /// [`Action::Find`]: nothing was created, nor will be.
    Absent,
    /// It was not done; it may work later, not before so long.
    Later(Option<Duration>),
    /// It was not done and will not be as things are.
    Refused,
    /// Nobody knows.
    Unknown,
}

/// When the job goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// At once.
    Now,
    /// After so long.
    After(Duration),
    /// It is over, or waits for a person.
    Never,
}

/// How far a job has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saga {
    /// What is set up.
    pub plan: Plan,
    /// Which way it goes.
    pub direction: Direction,
    /// So many steps are done.
    pub done: usize,
    /// The next step's creation was announced then, in unix microseconds: it may have happened.
    pub announced_at: Option<i64>,
    /// Failures in a row.
    pub failures: u32,
    /// It waits for a person.
    pub stuck: bool,
    /// All was undone, and the rows say so.
    pub closed: bool,
}

/// A job waits for a person after so many failures in a row: with the waits between them, some four hours of an outage.
const FAILURES_MAX: u32 = 24;
/// Wait after the first failure; doubled after each further one.
const FIRST_WAIT: Duration = Duration::from_secs(2);
/// Longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

impl Saga {
    /// One that begins.
    #[must_use]
    pub const fn new(plan: Plan) -> Self {
        Self {
            plan,
            direction: Direction::Forward,
            done: 0,
            announced_at: None,
            failures: 0,
            stuck: false,
            closed: false,
        }
    }

    /// One that undoes what is there whole.
    #[must_use]
    pub const fn undoing(plan: Plan) -> Self {
        let done = plan.steps().len();
        Self {
            plan,
            direction: Direction::Back,
            done,
            announced_at: None,
            failures: 0,
            stuck: false,
            closed: false,
        }
    }

    /// The step that is next.
    #[must_use]
    pub fn step(&self) -> Option<Step> {
        let steps = self.plan.steps();
        match (self.direction, self.announced_at) {
            (Direction::Forward, _) | (Direction::Back, Some(_)) => steps.get(self.done).copied(),
            (Direction::Back, None) => steps.get(self.done.checked_sub(1)?).copied(),
        }
    }

    /// Whether it has come to the end of its way.
    #[must_use]
    pub fn is_over(&self) -> bool {
        match self.direction {
            Direction::Forward => self.step().is_none(),
            Direction::Back => self.closed,
        }
    }

    /// What is to be done.
    #[must_use]
    pub fn next(&self) -> Action {
        if self.stuck || self.is_over() {
            return Action::Nothing;
        }
        let Some(step) = self.step() else { return Action::Close };
        match (self.direction, self.announced_at) {
            (Direction::Forward, Some(at)) => Action::Find(step, at),
            (Direction::Forward, None) if step.creates() => Action::Create(step),
            (Direction::Forward, None) => Action::Do(step),
            (Direction::Back, Some(at)) => Action::FindAndUndo(step, at),
            (Direction::Back, None) => Action::Undo(step),
        }
    }

    /// The next step's creation is about to be sent. To be stored before it is.
    pub fn announce(&mut self, now: i64) {
        self.announced_at = Some(now);
    }

    /// Takes in what became of `action`, which [`Self::next`] gave.
    pub fn handle(&mut self, action: Action, outcome: Outcome) -> Follow {
        match (action, outcome) {
            (Action::Create(_) | Action::Find(..) | Action::Do(_), Outcome::Done) => {
                self.done += 1;
                self.settle()
            }
            (Action::Undo(_), Outcome::Done | Outcome::Absent) => {
                self.done = self.done.saturating_sub(1);
                self.settle()
            }
            (Action::FindAndUndo(..), Outcome::Done | Outcome::Absent) => self.settle(),
            (Action::Close, Outcome::Done | Outcome::Absent) => {
                self.closed = true;
                self.settle()
            }
            // It may be created now; failures count on, so that one that never comes to be ends.
            (Action::Find(..), Outcome::Absent) => {
                self.announced_at = None;
                self.wait(Some(Duration::ZERO))
            }
            (Action::Create(_), Outcome::Later(after)) => {
                self.announced_at = None;
                self.wait(after)
            }
            (Action::Create(_), Outcome::Refused | Outcome::Absent) => {
                self.announced_at = None;
                self.refuse()
            }
            (Action::Do(_), Outcome::Refused | Outcome::Absent) => self.refuse(),
            (_, Outcome::Later(after)) => self.wait(after),
            (_, Outcome::Unknown) => self.wait(None),
            (_, Outcome::Refused) => self.refuse(),
            (Action::Nothing, Outcome::Done | Outcome::Absent) => Follow::Never,
        }
    }

    /// Undoes what was done so far, and what was perhaps just being done.
    pub fn cancel(&mut self) {
        if self.direction == Direction::Forward && self.step().is_some_and(|step| !step.creates()) {
            self.done += 1;
        }
        self.direction = Direction::Back;
        self.failures = 0;
        self.stuck = false;
    }

    /// Goes on after a person has seen to it.
    pub fn retry(&mut self) {
        self.failures = 0;
        self.stuck = false;
    }

    /// It was refused: what has come nowhere and cannot be mended ends, the rest waits for a person.
    fn refuse(&mut self) -> Follow {
        if self.direction == Direction::Forward && self.done == 0 && self.plan.ends_when_refused() {
            self.direction = Direction::Back;
            return self.settle();
        }
        self.stuck = true;
        Follow::Never
    }

    fn settle(&mut self) -> Follow {
        self.announced_at = None;
        self.failures = 0;
        if self.is_over() { Follow::Never } else { Follow::Now }
    }

    fn wait(&mut self, after: Option<Duration>) -> Follow {
        self.failures += 1;
        if self.failures >= FAILURES_MAX {
            self.stuck = true;
            return Follow::Never;
        }
        let doubled = FIRST_WAIT.saturating_mul(1_u32.checked_shl(self.failures - 1).unwrap_or(u32::MAX));
        match after {
            Some(Duration::ZERO) if self.failures == 1 => Follow::Now,
            asked => Follow::After(doubled.min(LONGEST_WAIT).max(asked.unwrap_or_default())),
        }
    }
}

#[cfg(test)]
mod tests;
