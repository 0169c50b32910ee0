//! One message to one person, from its acceptance to its end: which try is made next, by which channel and account, and when it is over.
//!
//! What holds, whatever is told in whatever order (proven in `tests/it/rules.rs`):
//! - Nobody is told twice by the same channel: while a try of a channel may have been taken, no other is made there. An outcome that nobody
//!   knows is asked about first; where it cannot be asked about, [`Options::on_unknown`] decides, and the log says so.
//! - Nobody is told by a sender that they opted out of. Consent and hours are looked at for each try.
//! - Every message ends: every wait has an end, and [`Options::life_s`] ends them all.
//! - The state is its own record: stored after any step and read again, it decides the same.
//!
//! Within a channel the next account is tried at once, then the next channel; a chain that failed is tried again after 1, 2 and 4 minutes as
//! far as it may succeed (decision B15). What turns out later not to have arrived goes on at the next channel.

mod attempt;
mod begin;
mod ending;
mod io;
mod leg;
mod log;
mod receive;
mod settle;
mod simulate;
mod unknown;
mod world;

use crate::{
    channel::{Channel, MessageType},
    plan::Plan,
    status::Status,
};
use attempt::Attempt;
pub use io::{
    AccountFact, Answer, Assumption, Effect, Ending, Form, Input, LegResult, Outcome, Pass, Reason, Report,
    Skip,
};
use leg::Leg;
pub use log::{Decision, Entry, Log, Wait};
use serde::{Deserialize, Serialize};
pub use simulate::{Imagined, Simulated, simulate};
pub use world::{
    Account, Address, Admission, AfterOptOut, Consent, OnUnknown, Options, Quiet, Reach, Recovery, Window,
    World,
};

/// What is to be sent to whom is known to the shell; this is how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// What it is about.
    pub kind: MessageType,
    /// By which channels.
    pub plan: Plan,
    /// Not before then, unix µs.
    pub due_at: i64,
    /// Of no use after then, unix µs.
    #[serde(default)]
    pub useful_until: Option<i64>,
}

/// The state of one message. Stored as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispatch {
    request: Request,
    /// Whether its time came.
    begun: bool,
    canceled: bool,
    expired: bool,
    /// The step of the chain that it is at.
    step: usize,
    /// One for each channel of the plan, in its order.
    legs: Vec<Leg>,
    /// Every try that was made, oldest first. Those of a channel that were refused stay: providers tell late.
    attempts: Vec<Attempt>,
    /// The number of the last try.
    tries: u32,
    status: Status,
    ending: Option<Ending>,
    wake_at: Option<i64>,
    log: Log,
}

/// What one step of the decider works with.
struct Now<'a> {
    at: i64,
    world: &'a World,
    /// Whether providers may be called for what follows.
    begins: bool,
    effects: Vec<Effect>,
}

impl Dispatch {
    /// Accepts a message. Nothing happens before its first [`Input::Wake`], which is due at [`Dispatch::wake_at`].
    #[must_use]
    pub fn new(request: Request, at: i64) -> Self {
        let mut log = Log::default();
        log.push(
            at,
            Decision::Accepted {
                kind: request.kind,
                steps: request.plan.steps().iter().map(|step| step.channels.clone()).collect(),
                email_along: request.plan.email_along(),
            },
        );
        let steps = request.plan.steps().iter().enumerate();
        let mut legs: Vec<Leg> = steps
            .flat_map(|(at, step)| step.channels.iter().map(move |channel| Leg::new(*channel, Some(at))))
            .collect();
        if request.plan.email_along() {
            legs.push(Leg::new(Channel::Email, None));
        }
        let scheduled = request.due_at > at;
        Self {
            begun: false,
            canceled: false,
            expired: false,
            step: 0,
            legs,
            attempts: Vec::new(),
            tries: 0,
            status: if scheduled { Status::Scheduled } else { Status::Queued },
            ending: None,
            wake_at: Some(request.due_at.max(at)),
            request,
            log,
        }
    }

    /// Takes in what happened at `at`, unix µs, and says what is to be done.
    pub fn step(&mut self, at: i64, input: Input, world: &World) -> Vec<Effect> {
        self.steps(at, input, world, true)
    }

    /// As [`Dispatch::step`] for one who calls no provider: neither a try nor a question is begun. What is due then is done by whoever wakes
    /// it, and [`Dispatch::wake_at`] is no later than `at`.
    pub fn take_in(&mut self, at: i64, input: Input, world: &World) -> Vec<Effect> {
        self.steps(at, input, world, false)
    }

    fn steps(&mut self, at: i64, input: Input, world: &World, begins: bool) -> Vec<Effect> {
        let mut now = Now { at, world, begins, effects: Vec::new() };
        self.receive(input, &mut now);
        self.settle(&mut now);
        self.conclude(&mut now);
        self.set_wake(&mut now);
        debug_assert!(self.is_sound(), "{self:?}");
        now.effects
    }

    /// When it wants to be woken next, unix µs; `None`: it waits for nothing but what is told.
    #[must_use]
    pub const fn wake_at(&self) -> Option<i64> {
        self.wake_at
    }

    /// How far it is.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.status
    }

    /// How it ended; `None` while it goes on.
    #[must_use]
    pub const fn ending(&self) -> Option<&Ending> {
        self.ending.as_ref()
    }

    /// What it was asked for.
    #[must_use]
    pub const fn request(&self) -> &Request {
        &self.request
    }

    /// The tries that a provider is being asked to take, as far as it knows.
    #[must_use]
    pub fn trying(&self) -> Vec<u32> {
        let trying = |attempt: &&Attempt| matches!(attempt.state, attempt::State::Trying { .. });
        self.attempts.iter().filter(trying).map(|attempt| attempt.n).collect()
    }

    /// Whether a try is being made again with the same key: an earlier call of it may have been carried out.
    #[must_use]
    pub fn is_made_again(&self, n: u32) -> bool {
        self.attempt(n)
            .is_some_and(|attempt| matches!(attempt.state, attempt::State::Trying { asks: 1.., .. }))
    }

    /// The try that got furthest, and its account; the last one if none got anywhere.
    #[must_use]
    pub fn shown(&self) -> Option<(u32, &str)> {
        let attempt = self.furthest().or(self.attempts.last())?;
        Some((attempt.n, attempt.account.as_str()))
    }

    /// Whether a channel's try was put off once because its account's pace did not allow it.
    #[must_use]
    pub fn waited_for_pace(&self, channel: Channel) -> bool {
        let waited = |entry: &Entry| matches!(entry.decision, Decision::Waiting { channel: of, wait: Wait::Pace, .. } if of == channel);
        self.log.entries().any(waited)
    }

    /// Every decision so far.
    #[must_use]
    pub const fn log(&self) -> &Log {
        &self.log
    }

    /// Nothing is sent from then on, unix µs.
    fn useful_until(&self, options: &Options) -> i64 {
        let life = world::after(self.request.due_at, world::seconds(options.life_s));
        self.request.useful_until.map_or(life, |until| until.min(life))
    }

    fn attempt(&self, n: u32) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.n == n)
    }

    fn attempt_mut(&mut self, n: u32) -> Option<&mut Attempt> {
        self.attempts.iter_mut().find(|attempt| attempt.n == n)
    }

    /// What must hold between any two steps, but for providers that contradict themselves.
    fn is_sound(&self) -> bool {
        let numbered = self.attempts.windows(2).all(|pair| pair[0].n < pair[1].n);
        let placed =
            self.attempts.iter().all(|attempt| attempt.leg < self.legs.len() && attempt.n <= self.tries);
        let step = self.step < self.request.plan.steps().len();
        let awake = self.ending.is_some() || self.wake_at.is_some() || !self.begun;
        numbered && placed && step && awake
    }
}

#[cfg(test)]
mod tests;
