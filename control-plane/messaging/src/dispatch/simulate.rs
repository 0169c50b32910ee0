//! The same decider on imagined outcomes: what would be done with a message, and why. Nothing is sent.

use super::{
    Answer, Dispatch, Effect, Ending, Entry, Input, LegResult, Outcome, Report, Request, World,
    world::{after, seconds},
};
use crate::{channel::Channel, failure::Failure, status::Status};
use serde::{Deserialize, Serialize};

/// Steps after which a simulation is stopped: far more than any message takes.
const STEPS_MAX: usize = 10_000;
/// How long an imagined provider call takes, in s.
const CALL_S: u32 = 1;

/// What is imagined to come of a try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "imagined", rename_all = "snake_case")]
pub enum Imagined {
    /// The provider takes it.
    Accepted {
        /// What it tells later, if it does, and after how many s.
        #[serde(default)]
        receipt: Option<(u32, Status, Option<Failure>)>,
    },
    /// The provider refuses it.
    Refused {
        /// Why.
        failure: Failure,
    },
    /// Nobody knows.
    Unknown {
        /// Whether the provider has it when it is asked.
        found: bool,
    },
}

impl Imagined {
    /// It is taken and arrives after so many s.
    #[must_use]
    pub const fn delivered(after_s: u32) -> Self {
        Self::Accepted { receipt: Some((after_s, Status::Delivered, None)) }
    }
}

/// What would be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Simulated {
    /// Every decision, in order.
    pub decisions: Vec<Entry>,
    /// How it would end; `None`: it was stopped before.
    pub ending: Option<Ending>,
    /// How each channel would stand.
    pub channels: Vec<LegResult>,
}

/// Runs a message from `at`, unix µs, to its end. `imagine` says what comes of each try, by its channel and account; `world` stays as it is
/// but for the hours, which pass.
pub fn simulate(
    request: Request,
    at: i64,
    world: &World,
    mut imagine: impl FnMut(Channel, &str) -> Imagined,
) -> Simulated {
    let mut dispatch = Dispatch::new(request, at);
    let mut coming: Vec<(i64, Input)> = Vec::new();
    let mut found: Vec<u32> = Vec::new();
    for _ in 0..STEPS_MAX {
        // The earliest; of those of the same time the one that was planned first.
        let next =
            coming.iter().enumerate().min_by_key(|(_, (at, _))| *at).map(|(place, (at, _))| (place, *at));
        let (now, input) = match (next, dispatch.wake_at()) {
            (Some((place, told)), wake) if wake.is_none_or(|wake| told <= wake) => coming.remove(place),
            (_, Some(wake)) => (wake, Input::Wake),
            (_, None) => break,
        };
        for effect in dispatch.step(now, input, world) {
            let answered = after(now, seconds(CALL_S));
            match effect {
                Effect::Send { attempt, channel, account, .. } => {
                    let outcome = match imagine(channel, &account) {
                        Imagined::Accepted { receipt } => {
                            if let Some((wait_s, status, failure)) = receipt {
                                let report = Report { status, failure, provider_id: None };
                                let told = after(answered, seconds(wait_s));
                                coming.push((told, Input::Callback { attempt, report }));
                            }
                            Outcome::Accepted { provider_id: format!("simulated-{attempt}") }
                        }
                        Imagined::Refused { failure } => Outcome::Refused { failure },
                        Imagined::Unknown { found: there } => {
                            found.extend(there.then_some(attempt));
                            Outcome::Unknown
                        }
                    };
                    coming.push((answered, Input::Outcome { attempt, outcome }));
                }
                Effect::Ask { attempt, ask, .. } => {
                    let answer = if found.contains(&attempt) {
                        Answer::Found {
                            report: Report { status: Status::Sent, failure: None, provider_id: None },
                        }
                    } else {
                        Answer::NotThere
                    };
                    coming.push((answered, Input::Answer { attempt, ask, answer }));
                }
                Effect::WakeAt { .. }
                | Effect::Status { .. }
                | Effect::Account { .. }
                | Effect::Suppress { .. }
                | Effect::OptedOut { .. }
                | Effect::Alert { .. }
                | Effect::End { .. } => {}
            }
        }
    }
    Simulated {
        decisions: dispatch.log().entries().cloned().collect(),
        ending: dispatch.ending().cloned(),
        channels: dispatch.results(),
    }
}
