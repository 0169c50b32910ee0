//! Decides who answers a call: a plan of destinations, each to be tried when the one before it did not take the call, and
//! why it is this plan.
//!
//! - Every input gives a plan, and every plan ends: with a message to the caller, with one from the caller, or with a
//!   refusal. The places of what was tried only grow, so no caller goes in a circle.
//! - Only what stands in the tenant's own [`Book`] is led to.
//! - The same inputs give the same decision.

mod reason;

use crate::{hours::Hours, outcome::Failed};
use jiff::Timestamp;
pub use reason::{Reason, Skip};
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use store::{
    ids::{AssistantId, FlowId, HoursId, QueueId, UserId},
    model::{
        number::{Destination, Number, NumberStatus, Routing},
        queue::Queue,
        tenant::{TenantSettings, TenantStatus},
    },
};

/// Destinations that a call is led to at most; those after them are left out. Nobody waits through so many.
const DESTINATIONS_MAX: usize = 16;
/// How long somebody rings unless the destination says, in s: the carrier's own default.
pub const RING_S: u32 = 30;
/// What the carrier takes as the time to ring, in s.
const RING_RANGE_S: (u32, u32) = (5, 600);

/// What belongs to one tenant and can answer a call. Nothing else is led to.
#[derive(Clone, Debug, Default)]
pub struct Book {
    /// Its active numbers, E.164.
    pub numbers: HashSet<String>,
    /// Its assistants.
    pub assistants: HashSet<AssistantId>,
    /// Whether there is an assistant where nothing names one and the settings have no default: the tenant of the
    /// configuration file has.
    pub own_assistant: bool,
    /// Those of its users who may take calls.
    pub users: HashSet<UserId>,
    /// Its queues.
    pub queues: HashMap<QueueId, Queue>,
    /// Its hours, those that could be read.
    pub hours: HashMap<HoursId, Hours>,
    /// Its call flows.
    pub flows: HashMap<FlowId, Routing>,
}

impl Book {
    /// Who answers a number: what its call flow says, or what it says itself if it has none, or one that is gone.
    #[must_use]
    pub fn routing<'a>(&'a self, number: &'a Number) -> &'a Routing {
        number.flow.as_ref().and_then(|flow| self.flows.get(flow)).unwrap_or(&number.routing)
    }
}

/// All that a decision depends on.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// Whether the tenant is served.
    pub status: TenantStatus,
    /// How it wants to be served.
    pub settings: &'a TenantSettings,
    /// The number that was called.
    pub number: &'a Number,
    /// What the tenant has.
    pub book: &'a Book,
    /// How many wait in its queues; none in those that are not there.
    pub waiting: &'a HashMap<QueueId, u32>,
    /// Who calls, as the carrier gave it: not always a number.
    pub caller: &'a str,
    /// When the call came in. What is tried later in the same call keeps this time, so that a call does not fall out of its
    /// hours.
    pub at: Timestamp,
    /// What was tried in this call and did not take it.
    pub failed: &'a [Failed],
}

/// What is done with a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Step {
    /// An assistant answers.
    Assistant {
        /// Which; `None`: the tenant's own.
        assistant: Option<AssistantId>,
    },
    /// A person's softphone rings.
    Ring {
        /// Whose.
        user: UserId,
        /// How long, in s.
        timeout_s: u32,
    },
    /// Another number rings.
    Forward {
        /// E.164.
        number: String,
        /// Said to the one who answers, before the caller is put through.
        whisper: Option<String>,
        /// How long, in s.
        timeout_s: u32,
    },
    /// The caller waits until somebody is free.
    Queue {
        /// Where.
        queue: QueueId,
        /// Callers beyond this many are not let in.
        max_waiting: u32,
        /// How long the caller waits at most, in s.
        max_wait_s: u32,
    },
    /// The caller leaves a message.
    Voicemail {
        /// Said before the beep; `None`: the usual words.
        greeting: Option<String>,
    },
    /// Something is said, then the call ends.
    Message {
        /// What.
        text: String,
    },
    /// The call is turned away, unanswered.
    Reject {
        /// Why.
        because: Refusal,
    },
}

impl Step {
    /// Whether nothing follows it.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        match self {
            Self::Voicemail { .. } | Self::Message { .. } | Self::Reject { .. } => true,
            Self::Assistant { .. } | Self::Ring { .. } | Self::Forward { .. } | Self::Queue { .. } => false,
        }
    }
}

/// Why a call is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The tenant is being set up.
    TenantNotReady,
    /// The tenant is suspended.
    TenantSuspended,
    /// The tenant is gone.
    TenantClosed,
    /// The number's calls are not answered.
    NumberInactive,
}

/// A step and where it stands in the number's list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// From 0.
    pub position: u32,
    /// What is done.
    #[serde(flatten)]
    pub step: Step,
}

/// What was decided, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// What is done now.
    pub now: Planned,
    /// What is done when that does not take the call, and so on; the last step of both always takes it.
    pub then: Vec<Planned>,
    /// What led to it, in order.
    pub reasons: Vec<Reason>,
}

impl Decision {
    /// All steps, in order.
    pub fn steps(&self) -> impl Iterator<Item = &Planned> {
        std::iter::once(&self.now).chain(&self.then)
    }
}

/// Decides who answers.
#[must_use]
pub fn decide(inputs: &Inputs<'_>) -> Decision {
    let mut reasons = Vec::new();
    if let Some(because) = refusal(inputs) {
        reasons.push(Reason::Refused { because });
        let now = Planned { position: 0, step: Step::Reject { because } };
        return Decision { now, then: Vec::new(), reasons };
    }
    if !is_number(inputs.caller) {
        reasons.push(Reason::CallerUnknown);
    }
    if let Some(flow) = &inputs.number.flow {
        reasons.push(match inputs.book.flows.contains_key(flow) {
            true => Reason::Flow { flow: flow.clone() },
            false => Reason::FlowUnknown { flow: flow.clone() },
        });
    }
    let after_hours = after_hours(inputs, &mut reasons);
    let (list, is_after_list) = destinations(inputs, after_hours, &mut reasons);
    let begin = inputs.failed.iter().map(|failed| failed.position.saturating_add(1)).max().unwrap_or(0);
    for failed in inputs.failed {
        reasons.push(Reason::Failed { position: failed.position, why: failed.why });
    }
    let mut plan = Vec::new();
    for (place, destination) in list.iter().enumerate().take(DESTINATIONS_MAX) {
        let position = u32::try_from(place).unwrap_or(u32::MAX);
        if position < begin {
            continue;
        }
        match step(inputs, destination, is_after_list) {
            Ok(step) => {
                let is_last = step.is_last();
                plan.push(Planned { position, step });
                if is_last {
                    break;
                }
            }
            Err(skip) => reasons.push(Reason::Skipped { position, because: skip }),
        }
    }
    if list.len() > DESTINATIONS_MAX {
        reasons.push(Reason::TooMany { left_out: list.len() - DESTINATIONS_MAX });
    }
    if plan.last().is_none_or(|last| !last.step.is_last()) {
        reasons.push(Reason::LastResort);
        let position = u32::try_from(list.len().min(DESTINATIONS_MAX)).unwrap_or(u32::MAX);
        let greeting = usual_greeting(inputs, is_after_list);
        plan.push(Planned { position: position.max(begin), step: Step::Voicemail { greeting } });
    }
    let now = plan.remove(0);
    Decision { now, then: plan, reasons }
}

fn refusal(inputs: &Inputs<'_>) -> Option<Refusal> {
    match (inputs.status, inputs.number.status) {
        (TenantStatus::Provisioning, _) => Some(Refusal::TenantNotReady),
        (TenantStatus::Suspended, _) => Some(Refusal::TenantSuspended),
        (TenantStatus::Closed, _) => Some(Refusal::TenantClosed),
        (TenantStatus::Active, NumberStatus::Active) => None,
        (TenantStatus::Active, NumberStatus::Pending | NumberStatus::Inactive | NumberStatus::Released) => {
            Some(Refusal::NumberInactive)
        }
    }
}

/// Whether the call came after hours. Hours that cannot be read do not close anybody's shop.
fn after_hours(inputs: &Inputs<'_>, reasons: &mut Vec<Reason>) -> bool {
    let routing = inputs.book.routing(inputs.number);
    let Some(id) = routing.hours.as_ref().or(inputs.settings.default_hours.as_ref()) else {
        reasons.push(Reason::NoHours);
        return false;
    };
    let Some(hours) = inputs.book.hours.get(id) else {
        reasons.push(Reason::HoursUnknown { hours: id.clone() });
        return false;
    };
    let now = hours.at(inputs.at);
    reasons.push(Reason::Hours { hours: id.clone(), open: now.open, exception: now.exception });
    !now.open
}

/// The list that counts, and whether it is the one for after hours.
fn destinations<'a>(
    inputs: &Inputs<'a>,
    after_hours: bool,
    reasons: &mut Vec<Reason>,
) -> (&'a [Destination], bool) {
    const OWN: &[Destination] = &[Destination::Assistant { assistant: None }];
    let routing = inputs.book.routing(inputs.number);
    if after_hours && !routing.after.is_empty() {
        return (&routing.after, true);
    }
    if after_hours {
        reasons.push(Reason::AfterAsDuring);
    }
    if routing.during.is_empty() {
        reasons.push(Reason::NoDestinations);
        return (OWN, after_hours);
    }
    (&routing.during, after_hours)
}

fn step(inputs: &Inputs<'_>, destination: &Destination, after_hours: bool) -> Result<Step, Skip> {
    let book = inputs.book;
    match destination {
        Destination::Assistant { assistant: Some(assistant) } => {
            let known = book.assistants.contains(assistant);
            known
                .then(|| Step::Assistant { assistant: Some(assistant.clone()) })
                .ok_or(Skip::UnknownAssistant)
        }
        Destination::Assistant { assistant: None } => match &inputs.settings.default_assistant {
            Some(own) if book.assistants.contains(own) => {
                Ok(Step::Assistant { assistant: Some(own.clone()) })
            }
            Some(_) | None if book.own_assistant => Ok(Step::Assistant { assistant: None }),
            Some(_) | None => Err(Skip::NoAssistant),
        },
        Destination::User { user, timeout_s } => {
            let known = book.users.contains(user);
            let step = || Step::Ring { user: user.clone(), timeout_s: ring_s(*timeout_s) };
            known.then(step).ok_or(Skip::UnknownUser)
        }
        Destination::Forward { number, whisper, timeout_s } => {
            if !is_number(number) {
                return Err(Skip::NotANumber);
            }
            if *number == inputs.number.e164 {
                return Err(Skip::ItsOwnNumber);
            }
            if book.numbers.contains(inputs.caller) {
                return Err(Skip::ForwardedAlready);
            }
            let whisper = whisper.clone().filter(|text| !text.trim().is_empty());
            Ok(Step::Forward { number: number.clone(), whisper, timeout_s: ring_s(*timeout_s) })
        }
        Destination::Queue { queue: id } => {
            let queue = book.queues.get(id).ok_or(Skip::UnknownQueue)?;
            if queue.members.is_empty() {
                return Err(Skip::NobodyTakesTheQueue);
            }
            // Who waits already has a place; only who is not in the queue yet is kept out of it.
            if inputs.waiting.get(id).copied().unwrap_or(0) >= queue.max_waiting {
                return Err(Skip::QueueFull);
            }
            let Queue { max_waiting, max_wait_s, .. } = *queue;
            Ok(Step::Queue { queue: id.clone(), max_waiting, max_wait_s })
        }
        Destination::Voicemail { greeting } => {
            let greeting = greeting.clone().filter(|text| !text.trim().is_empty());
            Ok(Step::Voicemail { greeting: greeting.or_else(|| usual_greeting(inputs, after_hours)) })
        }
        Destination::Message { text } => {
            let is_empty = text.trim().is_empty();
            (!is_empty).then(|| Step::Message { text: text.clone() }).ok_or(Skip::NothingToSay)
        }
    }
}

fn usual_greeting(inputs: &Inputs<'_>, after_hours: bool) -> Option<String> {
    inputs.settings.after_hours_greeting.clone().filter(|text| after_hours && !text.trim().is_empty())
}

fn ring_s(wanted: Option<u32>) -> u32 {
    wanted.unwrap_or(RING_S).clamp(RING_RANGE_S.0, RING_RANGE_S.1)
}

/// Whether it is a number in E.164. Hidden callers are given as words, or as the digits of words on a keypad, which begin
/// like numbers; those are known.
#[must_use]
pub fn is_number(text: &str) -> bool {
    const HIDDEN: [&str; 6] =
        ["+266696687", "+7378742833", "+2562533", "+8656696", "+8566696", "+86282452253"];
    let digits = text.strip_prefix('+').unwrap_or_default();
    (3..=15).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !HIDDEN.contains(&text)
}

#[cfg(test)]
mod tests;
